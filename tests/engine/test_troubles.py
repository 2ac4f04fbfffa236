"""What this machine refuses is told to every face, and forgotten when it is over."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from engine.runs.logs import Mirror
from engine.runs.model import State
from engine.runs.troubles import FULL, Troubles
from tests.waiting import until_async

if TYPE_CHECKING:
    from tests.engine.conftest import Bench


def test_the_first_is_told_until_it_is_over() -> None:
    told: list[str] = []
    troubles = Troubles(lambda: told.append(troubles.text))
    troubles.meet("a", OSError(errno.ENOSPC, "No space left on device"))
    troubles.meet("b", OSError(errno.EROFS, "Read-only file system"))
    troubles.over("a")
    troubles.over("a")
    troubles.over("b")
    assert told == [FULL, "[Errno 30] Read-only file system", ""]


@pytest.mark.asyncio
async def test_a_full_disk_is_said_while_it_lasts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    full = True
    write = Mirror.write

    def refusing(self: Mirror, offset: int, data: bytes) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, offset, data)

    monkeypatch.setattr(Mirror, "write", refusing)
    monkeypatch.setattr("engine.runs.streams.RETRY", 0.05)
    run = await bench.submit(bench.script("train.py", "print('hello')"))
    await until_async(lambda: bench.engine.trouble == FULL)
    assert bench.engine.status()["trouble"] == FULL
    full = False
    done = await bench.end(run)
    assert (done.state, bench.log(run)) == (State.COMPLETED, b"hello\n")
    assert bench.engine.trouble == ""
