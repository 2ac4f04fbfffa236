"""`F` brings a port of a run to this machine: the server in it answers at the address that is shown."""

from __future__ import annotations

import asyncio
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from engine.runs.model import State
from tests.engine.ssh_bench import COMPUTE, CONFIG, ssh_config
from tests.engine.test_forwards import SERVER
from tests.tui.driving import driven
from tests.tui.history import busy_history, make_run, write_log
from tests.tui.snapshots import check_snapshot
from tui import requests
from tui.reading import ConfigView
from tui.screens.forward import ports_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.services.people import KeyPair, Person
    from tests.services.sshd import Sshd
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


def test_ports_that_a_log_names(tmp_path: Path) -> None:
    log = tmp_path / "driver.log"
    assert ports_in(log) == []
    log.write_bytes(
        b"TensorBoard 2.1 at http://box:6006/ (Press CTRL+C to quit)\n"
        b"Jupyter: https://[::1]:8888/?token=abc http://127.0.0.1:6006 and http://x:99999/ http://y/\n\xff"
        * 2
        + b"-" * 600_000
        + b"\nat last http://0.0.0.0:7007\n"
    )
    assert ports_in(log) == [7007, 6006, 8888]
    log.write_bytes(
        b"UI http://wn0:39893\n\t tracking URL: http://hn0:8088/proxy/application_1_2/\n"
        b"check http://hn0:8088/cluster/app/application_1_2 http://wn0:8042/node/containerlogs/container_1/ann\n"
    )
    assert ports_in(log) == [39893]


@pytest.mark.timeout(120)
async def test_a_server_of_a_run_on_another_machine(
    console: Console,
    engine_home: Paths,
    project: Path,
    sshd: Sshd,
    alice: Person,
    alice_key: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(ssh_config(project.parent, sshd)))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    place = COMPUTE.format(address=f"{sshd.address}:{sshd.port}", user=alice.name, key=alice_key.path)
    (project / "aml_config/far.compute").write_text(place)
    (project / "aml_config/far.runconfig").write_text(CONFIG)
    (project / "train.py").write_text(SERVER)
    app = console()
    app.start_engine = True
    copied: list[str] = []
    app.copy_text = copied.append  # type: ignore[method-assign,assignment]
    async with driven(app) as d:
        request = requests.new_request(str(project), ConfigView("far"), "train.py", (), {}, token="one")
        await d.app.link.submit(request)
        await d.until(lambda: d.app.model.order and d.app.model.runs[d.app.model.order[0]].state is State.RUNNING)
        run_id = d.app.model.order[0]
        log = engine_home.driver_log(run_id)
        await d.until(lambda: log.exists() and "/\n" in log.read_text())
        await d.press("F")
        await d.until_shown("Forward a port of iris-001")
        await d.until_shown("the log names ")
        await d.press("enter")
        await d.until_shown("until the run ends; y copies it")
        await d.until_shown("of iris-001 on far")
        await d.press("y")

        def get() -> str:
            with urllib.request.urlopen(f"{copied[0]}/x", timeout=20) as answer:
                return str(answer.read().decode())

        assert (await asyncio.to_thread(get)).startswith(run_id)
        await d.until_shown("1 so far")
        await d.press("x")
        await d.until_shown("no port is forwarded")
        await d.press("escape")
        await d.app.link.cancel([run_id])
        await d.until(lambda: d.app.model.runs[run_id].state.ended)
        await d.press("F")
        assert any("it does not run (Canceled)" in text for text in d.said())


async def test_of_this_machine_it_is_where_it_is(console: Console, engine_home: Paths, project: Path) -> None:
    (project / "train.py").write_text(SERVER)
    app = console()
    copied: list[str] = []
    app.copy_text = copied.append  # type: ignore[method-assign,assignment]
    async with driven(app) as d:
        request = requests.new_request(str(project), ConfigView("local"), "train.py", (), {}, token="one")
        await d.app.link.submit(request)
        await d.until(lambda: d.app.model.order and d.app.model.runs[d.app.model.order[0]].state is State.RUNNING)
        run_id = d.app.model.order[0]
        log = engine_home.driver_log(run_id)
        await d.until(lambda: log.exists() and "/\n" in log.read_text())
        await d.press("F")
        await d.until_shown("the log names ")
        await d.press("enter")
        await d.until_shown("nothing is in between")
        await d.press("y")
        assert copied == [f"http://127.0.0.1:{d.app.screen.port.value}"]  # type: ignore[attr-defined]
        await d.press("escape")
        await d.app.link.cancel([run_id])
        await d.until(lambda: d.app.model.runs[run_id].state.ended)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_pictures(
    console: Console,
    home: Paths,
    history: History,
    tmp_path: Path,
    size: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy_history(history)
    write_log(home, make_run(45))
    first = {"id": "6006", "run_id": "r", "run": "iris-042", "target": "gpu-box", "port": 6006, "since": 0.0}
    second = {**first, "id": "40123", "run": "iris-045", "target": "local", "port": 8888}
    listed = [
        {**first, "address": "http://127.0.0.1:6006", "open": 2, "served": 31, "trouble": ""},
        {**second, "address": "http://127.0.0.1:40123", "open": 0, "served": 0, "trouble": "nothing answers there"},
    ]

    async def forwards() -> list[dict[str, Any]]:
        return listed

    async with driven(console(), size) as d:
        monkeypatch.setattr(d.app.link, "forwards", forwards)
        await d.press("F")
        await d.until_shown("Forward a port of iris-045")
        await d.until_shown("6006 is TensorBoard's")
        await d.until_shown("http://127.0.0.1:40123")
        await check_snapshot(d.app, f"forward-{size[0]}x{size[1]}", tmp_path)
