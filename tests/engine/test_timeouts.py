"""A limit on what is awaited, and a cancel that comes in the same moment as what is awaited."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.engine import Engine
from engine.timeouts import timeout
from tests.waiting import until_async

if TYPE_CHECKING:
    from tests.engine.conftest import Bench

pytestmark = pytest.mark.asyncio


async def test_the_limit() -> None:
    with pytest.raises(asyncio.TimeoutError):
        async with timeout(0.01):
            await asyncio.Event().wait()
    async with timeout(None):
        await asyncio.sleep(0)


async def test_a_loop_that_waits_with_a_limit_ends_when_it_is_told() -> None:
    for moment in range(6):
        event = asyncio.Event()

        async def keep(event: asyncio.Event = event) -> None:
            while True:
                async with timeout(60):
                    await event.wait()
                event.clear()

        task = asyncio.create_task(keep())
        await turns(3)
        event.set()
        await turns(moment)
        task.cancel()
        await turns(6)
        assert task.cancelled(), moment


async def test_an_engine_stops_in_the_moment_in_which_a_host_is_there(bench: Bench) -> None:
    for moment in range(12):
        await until_async(lambda: bench.engine._deleting._look._waiters)
        stopping = asyncio.create_task(bench.engine.stop())
        await turns(moment)
        bench.engine._deleting.heard("gpu-box", True)
        async with timeout(10):
            await stopping
        bench.engine = Engine(bench.paths)
        await bench.engine.start()


async def turns(number: int) -> None:
    """So many of the loop."""
    for _ in range(number):
        await asyncio.sleep(0)
