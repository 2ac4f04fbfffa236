"""An engine with a project on a real SSH server, from its start to the end of its last run."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.engine.ssh_bench import SshBench, ssh_config
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import pytest

    from engine.paths import Paths
    from tests.engine.conftest import Bench
    from tests.services.people import KeyPair, Person
    from tests.services.sshd import Sshd


@contextlib.asynccontextmanager
async def at_work(bench: Bench) -> AsyncIterator[None]:
    """The engine started; at the end every run is ended, then the engine."""
    await bench.engine.start()
    try:
        yield
    finally:
        for run in bench.store.runs(unfinished=True):
            await bench.engine.cancel([run.id])
        await until_async(lambda: not bench.store.runs(unfinished=True), 40, "the runs to end")
        await bench.engine.stop()
        bench.store.close()


@contextlib.asynccontextmanager
async def far_bench(
    project: Path, home: Paths, sshd: Sshd, person: Person, key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SshBench]:
    """`SshBench` at work; the server's host key is known."""
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(ssh_config(project.parent, sshd)))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    bench = SshBench(project, home, sshd, person, key)
    async with at_work(bench):
        yield bench


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
