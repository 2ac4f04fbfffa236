"""The attach form itself: checked as one types, reached and left by keys; and that no secret is told to anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from tests.tui.driving import driven
from tests.tui.reaching import (
    ASKS_PASSWORD,
    KINDS,
    PASSWORD,
    Machines,
    at,
    field,
    fill,
    open_form,
    reason,
    started,
    steps,
)
from tui.screens.attach import AttachScreen
from tui.screens.attach_kind import KindScreen
from tui.screens.attach_steps import StepsScreen
from tui.screens.confirm import ConfirmScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

pytestmark = pytest.mark.usefixtures("person")


async def test_it_is_checked_as_one_types(console: Console) -> None:
    async with driven(console()) as d:
        await open_form(d)
        assert reason(d, "address") == ""
        await d.type("gpu box")
        assert "is no address" in reason(d, "address")
        await d.press(*["backspace"] * 4)
        assert reason(d, "address") == ""
        await d.press(*["backspace"] * 3)
        assert "Give the machine" in reason(d, "address")
        assert "Give it a name" in reason(d, "name")
        await d.press("enter")
        assert d.app.focused is d.app.screen.query_one("#name")
        await d.type("local")
        assert "of this name" in reason(d, "name")


async def test_the_name_follows_the_address_until_it_is_ones_own(console: Console) -> None:
    async with driven(console()) as d:
        await open_form(d)
        await d.type("gpu")
        assert field(d, "name") == "gpu"
        await d.type("-box.lab")
        assert field(d, "name") == "gpu-box"
        await d.press("up")
        await d.type("mine")
        await d.press("down", "end")
        await d.type(".edu")
        assert (field(d, "name"), field(d, "address")) == ("mine", "gpu-box.lab.edu")
        await fill(d, name="")
        await fill(d, address="10.1.2.3")
        assert field(d, "name") == "10.1.2.3"


async def test_hosts_of_the_ssh_configuration_are_suggested(console: Console) -> None:
    async with driven(console()) as d:
        screen = await open_form(d)
        await d.until(lambda: screen.known.hosts == ("gpu-box-of-ann",))
        await d.type("gpu")
        await d.until_shown("gpu-box-of-ann")
        await d.press("right")
        assert (field(d, "address"), field(d, "name")) == ("gpu-box-of-ann", "gpu-box-of-ann")


async def test_a_key_file_is_looked_at(console: Console, person: Path) -> None:
    async with driven(console()) as d:
        machines = Machines(d.app)
        await open_form(d)
        await fill(d, address="gpu-box", authentication="key file", key_file="~/.ssh/id_none")
        await d.until(lambda: reason(d, "key_file") == "There is no such file.")
        await d.press("enter")
        await d.pilot.pause()
        assert isinstance(d.app.screen, AttachScreen)
        key = person / ".ssh" / "id_ed25519"
        key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
        key.chmod(0o644)
        await fill(d, key_file="~/.ssh/id_ed25519")
        await d.until(lambda: "chmod 600" in reason(d, "key_file"))
        key.chmod(0o600)
        await d.press("enter")
        await d.until(lambda: machines.begun)
        assert machines.begun[0]["machine"]["private_key_file"] == str(key)


async def test_esc_asks_before_it_loses_anything(console: Console) -> None:
    async with driven(console()) as d:
        await open_form(d)
        await d.press("tab", "escape")
        await d.until(lambda: isinstance(d.app.screen, KindScreen))
        await d.press("enter")
        await at(d, AttachScreen)
        await fill(d, python="/opt/python")
        await d.press("escape")
        await at(d, ConfirmScreen)
        await d.press("enter", "n")
        await at(d, AttachScreen)
        assert field(d, "python") == "/opt/python"
        await d.press("escape", "y")
        await d.until(lambda: isinstance(d.app.screen, KindScreen))
        await d.press("escape")
        await d.until(lambda: d.app.screen is d.main)


@pytest.mark.parametrize("kind", KINDS)
async def test_every_field_can_be_reached_on_a_small_terminal(console: Console, kind: str) -> None:
    async with driven(console(), (80, 24)) as d:
        screen = await open_form(d, kind)
        if kind != "docker":
            await fill(d, authentication="new key", address="no address", user="a b")
        screen.query_one("#name").focus()
        await d.pilot.pause()
        for name in screen.form.shown():
            assert d.app.focused is not None
            assert d.app.focused.id == name
            assert screen.can_view_entire(d.app.focused), name
            await d.press("down")


async def test_readonly_refuses(console: Console) -> None:
    async with driven(console(readonly=True)) as d:
        await d.press("a")
        assert d.said() == ["attach: the console was opened read-only"]
        assert d.app.screen is d.main


async def test_in_ascii(console: Console) -> None:
    async with driven(console(ascii=True)) as d:
        machines = Machines(d.app)
        await d.press("a")
        await d.until_shown("Attach a compute target")
        assert d.text().isascii()
        await d.press("down", "enter")
        await at(d, AttachScreen)
        await fill(d, address="gpu-box", authentication="password", password="abc")
        assert d.text().isascii()
        assert "***" in d.text()
        await d.press("enter")
        await d.until(lambda: machines.begun)
        for state, name in (("working", "tcp"), ("failed", "shell"), ("skipped", "disk"), ("warning", "gpus")):
            machines.show("working", steps(name, state, detail=f"at {name}"))
            await d.until_shown(f"at {name}")
            assert d.text().isascii(), d.text()
        machines.show("asking", steps("authenticate"), ASKS_PASSWORD)
        await d.until_shown("The password of")
        await d.type("abc")
        assert d.text().isascii()


# What must hold


async def test_no_secret_is_told_to_anybody(
    console: Console, home: Paths, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    handle = AttachScreen.on_input_changed

    def listen(screen: AttachScreen, event: Input.Changed) -> None:
        told.append(repr(event))
        handle(screen, event)

    monkeypatch.setattr(AttachScreen, "on_input_changed", listen)
    async with driven(console()) as d:
        machines = Machines(d.app)
        screen = await open_form(d)
        await fill(d, address="gpu-box", authentication="password")
        await d.press("tab")
        await d.type(PASSWORD)
        entry = d.app.screen.query_one("#password", Input)
        entry.select_all()
        await d.press("ctrl+c", "ctrl+x")
        assert entry.value == ""
        assert d.app.clipboard == ""
        await d.type(PASSWORD)
        assert len([one for one in told if "password" in one]) > len(PASSWORD)
        await d.press("enter")
        await d.until(lambda: machines.begun)
        steps_screen = await at(d, StepsScreen)
        machines.show("asking", steps("authenticate"), ASKS_PASSWORD)
        await d.until_shown("The password of")
        await d.type(PASSWORD)
        told += [repr(vars(one)) for one in (screen, steps_screen, steps_screen.attempt, d.app)]
        told += [repr(widget) for one in d.app.screen_stack for widget in one.walk_children()]
        told.append(d.text())
        await d.press("enter")
        await d.until(lambda: machines.answers == [(2, PASSWORD, True)])
        machines.show("ok", steps())
        await d.until_shown("can be used")
        await d.press("enter")
        await d.until(lambda: d.app.screen is d.main)
        told += [*d.said(), repr(d.app.said), *(repr(worker) for worker in d.app.workers)]
        assert [one for one in told if PASSWORD in one] == []
    store = home.data / "keys" / "secrets.json"
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != store]
    assert any(path.name == "gpu-box.compute" for path in files)
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []


async def test_leaving_the_console_in_the_middle_of_a_test(console: Console) -> None:
    app = console()
    async with driven(app) as d:
        machines = await started(d)
        machines.show("asking", steps("authenticate"), ASKS_PASSWORD)
        await d.until_shown("The password of")
        await d.press("ctrl+q")
    assert not app.is_running
