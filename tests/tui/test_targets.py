"""Machines over SSH in the targets pane, and what its keys do with them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import HostError
from engine.runs.model import State, TargetState
from engine.secrets import KeyStore
from tests.tui.driving import Driver, driven
from tests.tui.history import NOW, make_run
from tests.tui.reaching import ASKS_PASSWORD, PASSWORD, Machines, steps
from tests.tui.test_editing import TAKEN, press, read_until
from tests.tui.test_editing import console as on_a_terminal
from tui.screens.attach_steps import StepsScreen
from tui.screens.public_key import PublicKeyScreen
from tui.screens.text import TextScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

HOST = "ann@gpu-box:2222"
NASTY = "[/foo] [bold]x\x1b[2J\x1b]52;c;aGk=\x07"


@pytest.fixture(autouse=True)
def gpu_box(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project has a machine over SSH, as the first target after `local`; its file."""
    monkeypatch.setenv("AML_TUI_KEYRING", "off")
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    folder = project / "aml_config"
    (folder / "docker.compute").rename(folder / "here.compute")
    (folder / "docker.runconfig").write_text("ArgumentVector: [train.py]\nTarget: here\nFramework: Python\n")
    file = folder / "gpu-box.compute"
    file.write_text("type: remote\naddress: gpu-box:2222\nusername: ann\npythonLocation: /opt/python\n")
    (folder / "gpu-box.runconfig").write_text("ArgumentVector: [train.py]\nTarget: gpu-box\nFramework: Python\n")
    return file


def put(history: History, state: str, reason: str = "", **sample: Any) -> None:
    history.put_target(TargetState(HOST, state, NOW - 72, reason, sample))


def row(d: Driver, name: str = "gpu-box") -> str:
    """The line of a target."""
    line = next(line for line in d.text().splitlines() if f" {name} " in line)
    return line.split("│")[1].strip() if "│" in line else line.strip()


async def at_gpu_box(d: Driver) -> None:
    await d.press("1", "down")
    await d.until(lambda: d.main.targets.cursor == "gpu-box")


# What the pane shows


@pytest.mark.parametrize(
    ("state", "reason", "wide", "narrow"),
    [
        ("connecting", "", "○ gpu-box connecting", "○ gpu-box connecting"),
        ("not connected", "", "○ gpu-box not connected", "○ gpu-box not connected"),
        (
            "unreachable",
            "No route to host\nmore",
            "▲ gpu-box unreachable 1m12 retrying  No route to host",
            "▲ gpu-box unreachable 1m12",
        ),
        (
            "authentication needed",
            "Permission denied",
            "▲ gpu-box authentication needed 1m12  Permission denied",
            "▲ gpu-box login needed 1m12",
        ),
        (
            "host key unknown",
            "The host key",
            "▲ gpu-box host key unknown 1m12  The host key",
            "▲ gpu-box host key unknown",
        ),
        ("host key changed", NASTY, "▲ gpu-box host key changed 1m12  [/foo] [bold]x", "▲ gpu-box host key changed"),
    ],
)
async def test_a_state_is_said_with_its_reason_and_since_when(
    console: Console, history: History, state: str, reason: str, wide: str, narrow: str
) -> None:
    put(history, state, reason)
    async with driven(console(), (80, 24)) as d:
        await d.press("1")
        await d.until(lambda: row(d) == wide, f"{wide!r}:\n{d.text()}")
    async with driven(console()) as d:
        assert row(d) == narrow


async def test_a_machine_shows_its_load_as_this_one_does(console: Console, history: History) -> None:
    put(history, "connected", cpu=0.5, mem_used=2 * 2**30, gpus=[{"util": 0.87}])
    history.put(make_run(1, State.RUNNING, target="gpu-box"))
    async with driven(console(), (80, 24)) as d:
        await d.press("1")
        await d.until_shown("● gpu-box 1/4 gpu 87% cpu 50% 2.0G")


async def test_gpus_are_told_with_who_holds_them(console: Console, history: History) -> None:
    gpu = {"index": 0, "name": "[/T4]\x1b[2J", "util": 0.87, "mem_used": 3 * 2**30, "mem_total": 15 * 2**30}
    held = {**gpu, "holders": [4711, 4712], "held_by": ["ann: python", "process 4712"]}
    put(history, "connected", gpus=[held, {"index": 1, "name": "Tesla T4", "holders": []}])
    async with driven(console()) as d:
        await at_gpu_box(d)
        await d.press("enter")
        await d.until_shown("GPU 0")
        assert "[/T4]  87%  3.0G of 15G" in d.text()
        assert isinstance(d.app.screen, TextScreen)
        assert "held by ann: python, process 4712" in d.app.screen.text.plain
        assert "Tesla T4  nobody on it" in d.text()
        assert "\x1b" not in d.text()


async def test_nothing_known_is_not_connected(console: Console) -> None:
    async with driven(console()) as d:
        assert row(d) == "○ gpu-box not connected"
        await at_gpu_box(d)
        await d.press("enter")
        await d.until_shown("not connected: a run or t connects it")
        assert HOST.partition("@")[0] in d.text()


async def test_how_long_ago_it_was_lost_moves_alone(console: Console, history: History) -> None:
    put(history, "unreachable", "no answer")
    async with driven(console()) as d:
        await d.until_shown("gpu-box: unreachable 1m12, retrying")
        pane, painted = d.main.targets, []
        pane.paint = lambda keys: painted.extend(keys)  # type: ignore[method-assign]
        d.main.tick()
        assert painted == []
        d.app.clock = lambda: NOW + 1
        d.main.tick()
        assert painted == ["gpu-box"]
        await d.until_shown("gpu-box: unreachable 1m13, retrying")


async def test_the_trouble_of_another_project_is_not_told(console: Console, history: History) -> None:
    history.put_target(TargetState("ann@elsewhere", "unreachable", NOW - 72, "gone"))
    async with driven(console()) as d:
        assert "unreachable" not in d.text()
        put(history, "authentication needed", f"Permission denied {NASTY}")
        await d.until_shown("gpu-box: authentication needed 1m12 Permission denied [/foo]")


async def test_details_say_what_to_do(console: Console, history: History) -> None:
    put(history, "host key changed", f"the host key has changed {NASTY}")
    async with driven(console()) as d:
        await at_gpu_box(d)
        await d.press("enter")
        await d.until_shown("host key changed for 1m12")
        assert "the host key has changed [/foo]" in d.text()
        assert "t shows the old key and the new one" in d.text()


async def test_only_linked_machines_are_asked_for_samples(console: Console, history: History, gpu_box: Path) -> None:
    gpu_box.write_text(gpu_box.read_text().replace("remote", "remotedocker"))
    asked: list[tuple[set[str], set[str]]] = []

    async def look_at(_runs: list[str], hosts: set[str], docker: set[str], _yarn: set[str]) -> None:
        asked.append((hosts, docker))

    put(history, "not connected")
    async with driven(console()) as d:
        d.app.link.look_at = look_at  # type: ignore[method-assign,assignment]
        await d.press("1")
        await d.until(lambda: asked)
        assert asked[-1] == ({"local"}, {"local"})
        put(history, "connected")
        await d.until(lambda: asked[-1] == ({"local", HOST}, {"local", HOST}))
        put(history, "not connected")
        await d.until(lambda: asked[-1] == ({"local"}, {"local"}))


# Testing and connecting


async def test_t_tests_the_target_and_answers_what_it_asks(console: Console) -> None:
    async with driven(console()) as d:
        machines = Machines(d.app)
        await at_gpu_box(d)
        await d.press("t", "t")
        await d.until(lambda: isinstance(d.app.screen, StepsScreen))
        await d.until(lambda: machines.begun)
        assert machines.begun[0]["machine"]["address"] == "gpu-box"
        assert {name: machines.begun[0][name] for name in ("kind", "python", "secrets", "install")} == {
            "kind": "remote",
            "python": "/opt/python",
            "secrets": {},
            "install": "",
        }
        machines.show("asking", steps("authenticate"), ASKS_PASSWORD)
        await d.until_shown("The password of alice")
        await d.type("abc")
        await d.press("enter")
        await d.until(lambda: machines.answers == [(2, "abc", True)])
        machines.show("ok", steps())
        await d.until_shown("gpu-box can be used.")
        await d.press("ctrl+s")
        assert isinstance(d.app.screen, StepsScreen)
        await d.press("enter")
        await d.until(lambda: d.app.screen is d.main)
        await d.pilot.pause()
        assert len(machines.begun) == 1


async def test_going_away_stops_the_test(console: Console) -> None:
    async with driven(console()) as d:
        machines = Machines(d.app)
        await at_gpu_box(d)
        await d.press("t")
        await d.until(lambda: machines.begun)
        await d.press("escape")
        await d.until(lambda: d.app.screen is d.main and machines.stopped == ["a1"])


async def test_a_password_in_the_file_moves_before_the_test(console: Console, home: Paths, gpu_box: Path) -> None:
    gpu_box.write_text(gpu_box.read_text() + f"password: {PASSWORD}\n")
    async with driven(console()) as d:
        machines = Machines(d.app)
        await at_gpu_box(d)
        await d.press("t")
        await d.until(lambda: machines.begun)
        reference = machines.begun[0]["machine"]["password"]
        assert KeyStore(home).get(reference) == PASSWORD
        assert PASSWORD not in gpu_box.read_text()
        assert "the password was moved into" in d.said()[0]
        assert PASSWORD not in json.dumps(machines.begun)


async def test_docker_here_is_looked_at_by_the_engine(console: Console, history: History) -> None:
    async with driven(console()) as d:
        woken: list[bool] = []

        async def wake() -> None:
            woken.append(True)

        d.app.link.wake = wake  # type: ignore[method-assign]
        await d.press("1", "down", "down")
        assert d.main.targets.cursor == "here"
        await d.press("t")
        await d.until(lambda: woken and isinstance(d.app.screen, TextScreen))
        await d.until_shown("not asked yet")
        docker = {"version": "20.10.24"}
        history.put_target(TargetState("local", "connected", NOW - 5, sample={"docker": docker}))
        await d.until_shown("20.10.24")


async def test_connect_does_not_wait_for_the_next_try(console: Console, history: History) -> None:
    async with driven(console()) as d:
        machines = Machines(d.app)
        await at_gpu_box(d)
        await d.press("C")
        assert d.said() == ["connect: nothing has used it yet; t tests it"]
        put(history, "unreachable", "no answer")
        await d.until_shown("unreachable")
        await d.press("C")
        await d.until(lambda: machines.now == [HOST])
        machines.refuses = HostError("it is not needed now.")
        await d.press("C")
        await d.until(lambda: d.said()[-1] == "it is not needed now.")


# Keys


async def test_the_public_key_of_a_made_key(console: Console, home: Paths, gpu_box: Path) -> None:
    async with driven(console()) as d:
        await at_gpu_box(d)
        await d.press("K")
        assert "it names no key" in d.said()[-1]
        reference = KeyStore(home).make_key("aml-tui gpu-box")
        gpu_box.write_text(gpu_box.read_text() + f"privateKey: {reference}\n")
        await d.until(lambda: d.main.situation.target is not None and d.main.situation.target.keyed)
        copied: list[str] = []
        d.app.copy_text = copied.append  # type: ignore[method-assign]
        await d.press("K")
        await d.until(lambda: isinstance(d.app.screen, PublicKeyScreen))
        await d.press("y", "escape")
        await d.until(lambda: d.app.screen is d.main)
        assert copied == [KeyStore(home).public_key(reference)]


async def test_the_public_key_beside_a_key_file(console: Console, gpu_box: Path, tmp_path: Path) -> None:
    key = tmp_path / "id_test"
    gpu_box.write_text(gpu_box.read_text() + f"privateKeyFile: {key}\n")
    async with driven(console()) as d:
        await at_gpu_box(d)
        await d.press("K")
        await d.until(lambda: d.said() and "id_test.pub: the public key cannot be read" in d.said()[-1])
        key.with_suffix(".pub").write_text(f"ssh-ed25519 AAAA {NASTY}\n")
        await d.press("K")
        await d.until_shown("ssh-ed25519 AAAA [/foo] [bold]x")


# Detaching


async def test_detaching_names_what_goes(console: Console, home: Paths, project: Path, gpu_box: Path) -> None:
    keys = KeyStore(home)
    keys.put("AzureMlSecret=gpu-box#ann#1", PASSWORD)
    gpu_box.write_text(gpu_box.read_text() + 'password: "AzureMlSecret=gpu-box#ann#1"\n')
    config = project / "aml_config" / "gpu-box.runconfig"
    (project / "aml_config" / "big.runconfig").write_text(
        "ArgumentVector: [a.py]\nTarget: gpu-box\nFramework: Python\n"
    )
    async with driven(console()) as d:
        await at_gpu_box(d)
        await d.press("X")
        await d.until_shown("Detach gpu-box?")
        for hit in ("aml_config/gpu-box.compute", "aml_config/gpu-box.runconfig", "its password in"):
            assert hit in d.text()
        assert "Still naming" in d.text()
        assert "big." in d.text()
        await d.press("n")
        await d.until(lambda: d.app.screen is d.main)
        assert gpu_box.exists()
        await d.press("X")
        await d.until_shown("Detach gpu-box?")
        await d.press("y")
        await d.until(lambda: "gpu-box" not in d.main.targets.keys)
        assert not gpu_box.exists()
        assert not config.exists()
        assert keys.get("AzureMlSecret=gpu-box#ann#1") is None
        gone = "aml_config/gpu-box.compute and aml_config/gpu-box.runconfig"
        assert d.said() == [f"gpu-box is detached: {gone} removed; U brings them back"]


async def test_detaching_tells_of_runs_that_go_on_and_leaves_other_configurations(
    console: Console, history: History, project: Path, gpu_box: Path
) -> None:
    history.put(make_run(1, State.RUNNING, target="gpu-box"))
    config = project / "aml_config" / "gpu-box.runconfig"
    config.write_text(config.read_text().replace("Target: gpu-box", "Target: local"))
    async with driven(console()) as d:
        await at_gpu_box(d)
        await d.press("X")
        await d.until_shown("Detach gpu-box?")
        assert "1 run on it" in d.text()
        assert "gpu-box.runconfig" not in d.text()
        await d.press("y")
        await d.until(lambda: not gpu_box.exists())
        assert config.exists()


async def test_a_target_that_cannot_be_read_can_be_detached(console: Console, gpu_box: Path) -> None:
    gpu_box.write_text("type: remote\n")
    async with driven(console()) as d:
        await at_gpu_box(d)
        await d.press("t")
        assert d.said()[-1] == "test: its file cannot be read; P shows what is wrong"
        await d.press("X")
        await d.until_shown("Detach gpu-box?")
        await d.press("y")
        await d.until(lambda: not gpu_box.exists())


@pytest.mark.parametrize("key", ["t", "dollar_sign", "C", "X"])
async def test_readonly_refuses(console: Console, history: History, gpu_box: Path, key: str) -> None:
    put(history, "unreachable")
    async with driven(console(readonly=True)) as d:
        await at_gpu_box(d)
        await d.press(key)
        assert "read-only" in d.said()[-1]
        assert d.app.screen is d.main


# A shell


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of OpenSSH's client: says what it was asked for, and ends with what one types."""
    file = tmp_path / "bin" / "ssh"
    file.parent.mkdir()
    file.write_text('#!/bin/sh\nfor last; do :; done\necho "SHELL ON $last"\nread code\nexit $code\n')
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{file.parent}:{os.environ['PATH']}")
    return file


@pytest.mark.parametrize("ending", [b"0\r", b"\x03"], ids=["exit", "ctrl-c"])
def test_a_shell_has_the_terminal_and_gives_it_back(home: Paths, project: Path, ssh: Path, ending: bytes) -> None:
    with on_a_terminal(project, "true") as end:
        press(end, b"1")
        read_until(end, b"not connected")
        press(end, b"j$")
        assert b"SHELL ON gpu-box" in read_until(end, b"SHELL ON gpu-box")
        press(end, ending)
        assert TAKEN in read_until(end, TAKEN)
        press(end, b"?")
        assert b"Keys" in read_until(end, b"Keys")


def test_a_shell_that_was_none_is_told(home: Paths, project: Path, ssh: Path) -> None:
    ssh.write_text("#!/bin/sh\nexit 255\n")
    with on_a_terminal(project, "true") as end:
        press(end, b"1")
        read_until(end, b"not connected")
        press(end, b"j$")
        assert b"status 255" in read_until(end, b"status 255")


async def test_a_machine_that_is_full_says_so_from_the_limit_on(
    console: Console, history: History, home: Paths
) -> None:
    home.config.mkdir(parents=True, exist_ok=True)
    (home.config / "config.yaml").write_text("disk_above: 80\n")
    full = {"cpu": 0.1, "mem_used": 2**30, "mem_total": 2**34, "disk_free": 15 * 2**30, "disk_total": 100 * 2**30}
    put(history, "connected", **full)
    async with driven(console(), (80, 24)) as d:
        await d.press("1")
        await d.until_shown("disk 85% full cpu 10% 1.0G 15G of disk left")
        assert "▲ gpu-box" in d.text()
        put(history, "connected", **{**full, "disk_free": 50 * 2**30}, gpus=[{"index": 0, "held_by": ["ann: python"]}])
        await d.until_shown("cpu 10% 1.0G 50G of disk left gpu 0: ann: python")
        assert "● gpu-box" in d.text()
