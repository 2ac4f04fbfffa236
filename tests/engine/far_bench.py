"""An engine with a project on a real SSH server, from its start to the end of its last run."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from engine.runs.model import State
from tests.engine.ssh_bench import SshBench, ssh_config
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import pytest

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.engine.conftest import Bench
    from tests.services.people import KeyPair, Person
    from tests.services.sshd import Sshd

TALKER = """
import os, sys, time
number = 0
while not os.path.exists(sys.argv[1]):
    print("line", number, flush=True)
    number += 1
    time.sleep(0.01)
print("the end after", number, flush=True)
"""


@contextlib.asynccontextmanager
async def at_work(bench: Bench, seconds: float = 40.0) -> AsyncIterator[None]:
    """The engine started; at the end every run is ended, then the engine."""
    await bench.engine.start()
    try:
        yield
    finally:
        await bench.close(seconds)


@contextlib.asynccontextmanager
async def far_bench(
    project: Path,
    home: Paths,
    sshd: Sshd,
    person: Person,
    key: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float = 40.0,
) -> AsyncIterator[SshBench]:
    """`SshBench` at work; the server's host key is known. `seconds`: what the last runs may take to end."""
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(ssh_config(project.parent, sshd)))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    bench = SshBench(project, home, sshd, person, key)
    async with at_work(bench, seconds):
        yield bench


async def talking(far: SshBench, count: int = 1) -> list[Run]:
    """So many runs that talk until alice has a file `go`."""
    far.script("talk.py", TALKER)
    go = far.alice.home / "go"
    runs = [await far.submit("talk.py", str(go), config="far") for _ in range(count)]
    for run in runs:
        await until_async(lambda run=run: b"line 20\n" in far.log(run), 30)  # type: ignore[misc]
    return runs


async def ends_well(far: SshBench, run: Run, seconds: float = 40.0) -> None:
    done = await far.end(run, seconds)
    assert (done.state, done.exit_code) == (State.COMPLETED, 0)
    assert far.log(run) == far.host_log(run)


async def told(bench: SshBench, words: str, timeout: float = 20.0) -> str:
    """What the engine says of the host, once these words are in it."""

    def reason() -> str:
        target = bench.store.targets().get(bench.host)
        return target.reason if target and words in target.reason else ""

    return await until_async(reason, timeout, f"{words!r} in {bench.store.targets()}")


def counted(count: Callable[[], int]) -> Callable[[], int]:
    """How many more there are than now."""
    before = count()
    return lambda: count() - before
