"""A person's settings: what is right is used, what is wrong is told with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.driving import driven
from tests.tui.history import busy_history
from tui.settings import BY_NAME, SETTINGS, Settings, read_settings, unset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.app import ConsoleApp


def test_no_file_is_no_settings(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == Settings()


def test_settings_are_read(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "theme: light\nmetrics: [f1]\nnotice: none\nkeys:\n  submit: A\n  cancel: [Q, ctrl+x]\n  filter: '&'\n"
    )
    found = read_settings(tmp_path)
    assert found.problems == ()
    assert found.theme == "light"
    assert found.metrics == ("f1",)
    assert found.notice == "none"
    assert found.keys == {"submit": ("A",), "cancel": ("Q", "ctrl+x"), "filter": ("ampersand",)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("theme: [\n", "not YAML"),
        ("- a\n", "names with values"),
        ("a: 1\ntheem: dark\n", "config.yaml:2:1: there is no setting 'theem'"),
        ("theme: pink\n", "config.yaml:1:1: theme is one of"),
        ("metrics: loss\n", "metrics is a list"),
        ("notice: loud\n", "notice is one of"),
        ("mouse: 1\n", "mouse is true or false"),
        ("frames: 0\n", "frames is a number from 1 to 120"),
        ("tick: true\n", "tick is a number from 1 to 60"),
        ("hook: 5\n", "hook is a command with its arguments"),
        ("hook: notify 'a\n", "the quotes do not match"),
        ("keys: {submit: j}\n", "the key 'j' moves in lists"),
        ("keys: S\n", "keys are actions"),
        ("keys: {sbmit: S}\n", "there is no action 'sbmit'"),
        ("keys: {submit: 5}\n", "a key or a list of keys"),
        ("keys: {submit: c}\n", "'c' would do both submit and cancel"),
        ("keys: {submit: z, cancel: z}\n", "'z' would do both submit and cancel"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    found = read_settings(tmp_path)
    assert any(says in problem for problem in found.problems), found.problems
    assert found.keys == {}


def test_keys_may_change_places(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("keys: {submit: c, cancel: s}\n")
    assert read_settings(tmp_path) == Settings(keys={"submit": ("c",), "cancel": ("s",)})


async def test_the_console_uses_them(console: Callable[..., ConsoleApp], home: Paths, history: History) -> None:
    busy_history(history)
    home.config.mkdir(parents=True)
    (home.config / "config.yaml").write_text("metrics: [accuracy]\nwhat: 1\nkeys:\n  cancel: [Q, ctrl+x]\n  help: h\n")
    async with driven(console()) as d:
        await d.until(lambda: d.main.table.metrics == ("accuracy",))
        assert "Q cancel" in d.text()
        assert "there is no setting 'what'" in d.said()[0]
        await d.press("c", "question_mark")
        assert d.app.screen is d.main
        for key in ("Q", "ctrl+x"):
            await d.press(key)
            await d.until_shown("Cancel 1 run?")
            await d.press("n")
        await d.press("h")
        await d.until_shown("Keys")
        assert "Q ctrl+x" in d.text()


async def test_keys_change_places_at_once_and_back(
    console: Callable[..., ConsoleApp], home: Paths, history: History
) -> None:
    busy_history(history)
    home.config.mkdir(parents=True)
    file = home.config / "config.yaml"
    file.write_text("keys: {submit: c, cancel: s, jump: x, remove: J}\n")
    async with driven(console()) as d:
        await d.until(lambda: d.app.keys)
        await d.press("s")
        await d.until_shown("Cancel 1 run?")
        await d.press("n", "x")
        await d.until_shown("a letter goes there")
        await d.press("escape", "2", "J")
        await d.until_shown("Delete the run configuration?")
        await d.press("n", "3")
        file.write_text("")
        await d.app.use_settings()
        await d.press("c")
        await d.until_shown("Cancel 1 run?")
        await d.press("n", "J")
        await d.until_shown("a letter goes there")


@pytest.mark.parametrize(
    ("environ", "shows"),
    [
        ({"TERM": "xterm"}, ("false", "true", "60", "1")),
        ({"TERM": "dumb"}, ("true", "false", "60", "1")),
        ({"TERM": "xterm", "SSH_CONNECTION": "a 1 b 2"}, ("false", "true", "10", "5")),
    ],
)
def test_what_holds_without_a_setting_is_said(environ: dict[str, str], shows: tuple[str, ...]) -> None:
    assert tuple(unset(BY_NAME[name], environ) for name in ("ascii", "mouse", "frames", "tick")) == shows
    assert all(unset(setting, environ) for setting in SETTINGS)
