"""What is asked of what is behind a host while somebody looks, and that nobody asks when nobody does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.engine import Engine
from engine.errors import HostError
from engine.runs.look import Look
from engine.runs.store import StoreReader
from tests.waiting import until_async

if TYPE_CHECKING:
    from engine.hosts.host import Host
    from engine.paths import Paths
    from tests.services.docker import DockerEngine

pytestmark = pytest.mark.asyncio


async def test_a_docker_engine_while_somebody_looks(
    home: Paths, docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_engine.url)
    engine = Engine(home)
    await engine.start()
    store = StoreReader(home.store)

    def facts() -> dict[str, Any]:
        target = store.targets().get("local")
        return dict(target.sample.get("docker") or {}) if target else {}

    try:
        await engine.sample("face", ["local"], docker=["local"])
        await until_async(lambda: facts().get("version"))
        assert {"images", "containers", "running", "environments"} <= facts().keys()
        await engine.sample("other", ["local"])
        await engine.sample("face", ())
        await until_async(lambda: not facts())
    finally:
        await engine.stop()


async def test_what_failed_is_told_and_asked_again() -> None:
    answers: list[Exception | dict[str, Any]] = [
        HostError("it is down.", remedy="Start it."),
        ValueError("a mistake"),
        OSError("broken pipe"),
        {"version": "1"},
    ]
    seen: list[dict[str, Any]] = []
    asked = asyncio.Event()

    async def ready() -> Host:
        seen.append(look.facts)
        return cast("Host", None)

    async def ask(_: Host) -> dict[str, Any]:
        if len(answers) == 1:
            asked.set()
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    look = Look("hn0", "YARN", ready, ask)
    await look.every(0.001)
    await asyncio.wait_for(asked.wait(), 30)
    await until_async(lambda: look.facts == {"version": "1"})
    down = {"error": "it is down.", "remedy": "Start it."}
    assert seen[:4] == [{}, down, down, {"error": "broken pipe", "remedy": ""}]
    await look.every(0.0)
    assert look.facts == {}
