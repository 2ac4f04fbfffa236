"""A bench on an installation of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.hosts.bench import Bench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.paths import Paths


@pytest.fixture
async def bench(home: Paths) -> AsyncIterator[Bench]:
    bench = Bench(home)
    await bench.host.connect()
    yield bench
    await bench.close()
