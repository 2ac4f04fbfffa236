"""Settings and keys changed in the console: used at once, written so that the rest of the file stays."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from tests.tui.driving import driven
from tests.tui.history import busy_history
from tests.tui.snapshots import check_snapshot
from tui.actions import BY_ID
from tui.screens.keys import KeysScreen, PressScreen
from tui.screens.settings import SettingsScreen
from tui.settings import SETTINGS, THEMES, Settings, read_settings
from tui.settings_file import write_settings
from tui.themes import LOOKS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.driving import Driver
    from tests.tui.history import History
    from tui.app import ConsoleApp


def test_the_table_is_what_is_read() -> None:
    assert {setting.name for setting in SETTINGS} == {one.name for one in fields(Settings)} - {"problems"}
    assert list(THEMES) == ["auto", *(look.name for look in LOOKS)]


def test_writing_keeps_the_rest_of_the_file(tmp_path: Path) -> None:
    elsewhere = tmp_path / "dotfiles"
    elsewhere.mkdir()
    (elsewhere / "aml.yaml").write_text("# mine\ntheme: dark  # good\nmetrics: [loss, acc]  # two\nkeys: {submit: S}\n")
    (tmp_path / "config.yaml").symlink_to(elsewhere / "aml.yaml")
    write_settings(tmp_path, {"theme": "light", "metrics": ("loss",), "keys.submit": ("W", "ctrl+w"), "keys.open": "o"})
    assert (elsewhere / "aml.yaml").read_text() == (
        '# mine\ntheme: light  # good\nmetrics: ["loss"]  # two\nkeys: {submit: ["W", "ctrl+w"], open: o}\n'
    )
    assert (tmp_path / "config.yaml").is_symlink()
    write_settings(tmp_path, {"theme": None, "keys": None})
    assert (elsewhere / "aml.yaml").read_text() == '# mine\nmetrics: ["loss"]  # two\n'


def test_a_file_is_made(tmp_path: Path) -> None:
    write_settings(tmp_path / "new", {"keys.cancel": ("Z", "5"), "hook": ("notify-send", "it's over")})
    read = read_settings(tmp_path / "new")
    assert read.problems == ()
    assert (read.keys, read.hook) == ({"cancel": ("Z", "5")}, ("notify-send", "it's over"))


async def at(d: Driver, name: str) -> None:
    """The settings screen, with the cursor on this setting."""
    await d.press("comma")
    await d.until(lambda: isinstance(d.app.screen, SettingsScreen) and d.app.screen.lines.has_focus)
    await d.press("g", *["j"] * [setting.name for setting in SETTINGS].index(name))


def config(home: Paths) -> str:
    return (home.config / "config.yaml").read_text()


async def test_values_are_changed_and_used_at_once(
    console: Callable[..., ConsoleApp], home: Paths, history: History
) -> None:
    busy_history(history)
    home.config.mkdir(parents=True)
    (home.config / "config.yaml").write_text("# mine\nnotice: bell # quiet\n")
    async with driven(console(readonly=True)) as d:
        await at(d, "notice")
        await d.until_shown("bell")
        await d.press("right")
        await d.until(lambda: d.app.settings is not None and d.app.settings.notice == "desktop")
        assert config(home) == "# mine\nnotice: desktop # quiet\n"
        await d.press("right")
        await d.until(lambda: d.app.settings is not None and d.app.settings.notice == "both")
        await d.press("enter")
        await d.until_shown("enter choose")
        await d.press("end", "enter")
        await d.until(lambda: d.app.settings is not None and d.app.settings.notice == "none")
        await d.press("delete")
        await d.until(lambda: config(home) == "# mine\n")
        await d.press("j", "j", "j", "enter", *"notify-send 'it is over'", "enter")
        await d.until(lambda: d.app.settings is not None and d.app.settings.hook == ("notify-send", "it is over"))
        await d.press("enter", *" 'x", "enter")
        await d.until_shown("the quotes do not match")
        await d.press("escape", "escape")
        await at(d, "metrics")
        await d.press("enter", *"accuracy", "enter")
        await d.until(lambda: d.main.table.metrics == ("accuracy",))
        await d.press("delete")
        await d.until(lambda: len(d.main.table.metrics) > 1)
        await d.press("escape")
        await at(d, "tick")
        await d.press("enter", *"90", "enter")
        await d.until_shown("tick is a number from 1 to 60")
        await d.press("backspace", "enter")
        await d.until(lambda: d.main._preferred.tick == 9)


async def test_what_was_edited_elsewhere_is_read_again(console: Callable[..., ConsoleApp], home: Paths) -> None:
    home.config.mkdir(parents=True)
    async with driven(console()) as d:
        (home.config / "config.yaml").write_text("notice: bell\nwhat: 1\n")
        await at(d, "notice")
        await d.until(lambda: d.app.settings is not None and d.app.settings.notice == "bell")
        await d.until(lambda: any("there is no setting 'what'" in said for said in d.said()))


async def test_a_key_is_changed(console: Callable[..., ConsoleApp], home: Paths, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await at(d, "keys")
        await d.press("enter")
        await d.until(lambda: isinstance(d.app.screen, KeysScreen))
        await d.type("cancel the run")
        await d.press("enter")
        await d.until(lambda: isinstance(d.app.screen, PressScreen))
        await d.press("s")
        await d.until_shown("s: it is that of: Submit a script.")
        await d.press("j")
        await d.until_shown("it moves in lists")
        await d.press("Z")
        await d.until(lambda: d.app.keys == {"cancel": ("Z",)})
        await d.press("ctrl+a")
        await d.until(lambda: isinstance(d.app.screen, PressScreen))
        await d.press("ctrl+x")
        await d.until(lambda: d.app.keys == {"cancel": ("Z", "ctrl+x")})
        assert "cancel:" in config(home)
        await d.press("escape", "escape")
        assert "Z cancel" in d.text()
        await d.press("c")
        assert d.app.screen is d.main
        await d.press("ctrl+x")
        await d.until_shown("Cancel 1 run?")
        await d.press("n")
        # What was freed may be taken, and then the other cannot have it back.
        await at(d, "keys")
        await d.press("enter", *"copy the run's", "enter", "c")
        await d.until(lambda: d.app.keys.get("copy") == ("c",))
        await d.press(*["backspace"] * 14, *"cancel the run", "ctrl+r")
        await d.until(lambda: any("c: it is that of: Copy the run's id" in said for said in d.said()))
        await d.press("escape", "delete")
        await d.until_shown("All keys back to their defaults?")
        await d.press("y")
        await d.until(lambda: d.app.keys == {})
        await d.press("escape", "c")
        await d.until_shown("Cancel 1 run?")


async def test_a_file_that_is_no_yaml_is_left_alone(console: Callable[..., ConsoleApp], home: Paths) -> None:
    home.config.mkdir(parents=True)
    (home.config / "config.yaml").write_text("theme: [\n")
    async with driven(console()) as d:
        await at(d, "notice")
        await d.press("right")
        await d.until(lambda: sum("not YAML" in said for said in d.said()) == 2)
        assert config(home) == "theme: [\n"


async def test_themes_are_looked_at_before_one_is_kept(console: Callable[..., ConsoleApp], home: Paths) -> None:
    async with driven(console()) as d:
        await d.press("T")
        await d.until_shown("esc as it was")
        await d.press("j")
        await d.until(lambda: d.app.theme == "aml-light")
        await d.press("T")
        await d.until(lambda: d.app.theme == "aml-contrast-dark")
        await d.press("escape")
        await d.until(lambda: d.app.theme == "aml-dark")
        await d.press("T", "end", "enter")
        await d.until(lambda: (home.config / "config.yaml").exists() and config(home) == "theme: mono\n")
        await d.until(lambda: d.app.theme == "aml-mono")
    async with driven(console()) as d:
        await d.until(lambda: d.app.look.plain)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_pictures(
    console: Callable[..., ConsoleApp],
    home: Paths,
    history: History,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    assert BY_ID["settings"].keys == ("comma",)
    busy_history(history)
    home.config.mkdir(parents=True)
    (home.config / "config.yaml").write_text("notice: bell\nhook: [notify-send, a run has ended]\nkeys: {cancel: Z}\n")
    monkeypatch.setattr("tui.screens.settings.shown_path", lambda path: "~/.config/aml-tui/config.yaml")
    async with driven(console(ascii=size[0] == 80), size) as d:
        await at(d, "notice")
        await check_snapshot(d.app, f"settings-{size[0]}x{size[1]}", tmp_path)
