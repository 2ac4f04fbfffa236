"""The themes: what is written can be read, and where there are no colours none is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.color import ColorType
from textual.color import Color

from tests.tui.driving import driven
from tests.tui.history import busy_history, make_run, write_log
from tests.tui.snapshots import check_snapshot
from tui.themes import BY_NAME, CONTRAST_DARK, CONTRAST_LIGHT, DARK, LIGHT, suitable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.theme import Theme

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.app import ConsoleApp

GROUNDS = ("background", "surface", "panel", "block-cursor-background")
INKS = ("foreground", "accent", "success", "warning", "error", "text-muted")


def luminance(colour: Color) -> float:
    def part(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4

    return 0.2126 * part(colour.r) + 0.7152 * part(colour.g) + 0.0722 * part(colour.b)


def contrast(one: Color, other: Color) -> float:
    """As WCAG 2 has it: 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def written(value: str, ground: Color, own: Color) -> Color:
    """The colour that a variable gives on a ground; what is automatic is found on the widget's own ground."""
    if not value.startswith("auto"):
        return Color.parse(value)
    return own.blend(own.get_contrast_text(1.0), float(value.split()[1].rstrip("%")) / 100)


@pytest.mark.parametrize(
    ("theme", "least", "disabled"),
    [(DARK, 4.5, 3.0), (LIGHT, 4.5, 3.0), (CONTRAST_DARK, 7.0, 7.0), (CONTRAST_LIGHT, 7.0, 7.0)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_text_can_be_read_on_every_ground(theme: Theme, least: float, disabled: float) -> None:
    variables = theme.to_color_system().generate()
    grounds = {name: Color.parse(variables[name]) for name in GROUNDS}
    poor = {}
    for ink in (*INKS, "primary", "text-disabled"):
        for name, ground in grounds.items():
            if name == "block-cursor-background" and ink in ("primary", "text-disabled"):
                # Keys and titles: never in a list's row.
                continue
            own = grounds["background"] if name == "block-cursor-background" else ground
            found = contrast(written(variables[ink], ground, own), ground)
            if found < (disabled if ink == "text-disabled" else least):
                poor[ink, name] = round(found, 2)
    assert poor == {}


@pytest.mark.parametrize(
    ("environ", "colours", "name"),
    [
        ({}, "truecolor", "dark"),
        ({"COLORFGBG": "0;15"}, "256", "light"),
        ({"TERM": "linux"}, "standard", "ansi"),
        ({"TERM": "screen", "COLORFGBG": "0;7"}, "standard", "ansi-light"),
        ({"NO_COLOR": "1"}, "truecolor", "mono"),
        ({"NO_COLOR": ""}, "truecolor", "dark"),
        ({"TERM": "dumb"}, None, "mono"),
        ({"TERM": "vt100"}, "standard", "mono"),
    ],
)
def test_what_suits_a_terminal(environ: dict[str, str], colours: str | None, name: str) -> None:
    assert suitable(environ, colours).name == name


def colours(app: ConsoleApp) -> set[str]:
    """Every colour that the screen writes, the terminal's own left out."""
    found = set()
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            for colour in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                if colour is not None and colour.type is not ColorType.DEFAULT:
                    found.add(colour.name)
    return found


async def test_no_color_is_no_colours(
    console: Callable[..., ConsoleApp],
    home: Paths,
    history: History,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    busy_history(history)
    write_log(home, make_run(45))
    async with driven(console()) as d:
        await d.until_shown("epoch 30/30")
        assert d.app.look == BY_NAME["mono"]
        assert colours(d.app) == set()
        await check_snapshot(d.app, "main-mono-120x40", tmp_path)
        for keys in (["question_mark"], ["colon"], ["v"], ["s"], ["slash"]):
            await d.press(*keys)
            assert colours(d.app) == set(), keys
            await d.press("escape")


@pytest.mark.parametrize("look", ["dark", "ansi", "mono"])
async def test_what_a_question_is_about_is_seen_behind_it(
    console: Callable[..., ConsoleApp], history: History, look: str
) -> None:
    busy_history(history)
    app = console()
    app.use_look(BY_NAME[look])
    async with driven(app) as d:
        await d.press("comma")
        await d.until_shown("left right values")
        assert "iris-045" in d.text()


async def test_high_contrast(console: Callable[..., ConsoleApp], home: Paths, history: History, tmp_path: Path) -> None:
    busy_history(history)
    write_log(home, make_run(45))
    app = console()
    app.use_look(BY_NAME["contrast-dark"])
    async with driven(app) as d:
        await d.until_shown("epoch 30/30")
        await check_snapshot(d.app, "main-contrast-dark-120x40", tmp_path)


@pytest.mark.parametrize("look", ["contrast-light", "mono"])
async def test_the_main_screen_is_seen_while_one_chooses(
    console: Callable[..., ConsoleApp], home: Paths, history: History, tmp_path: Path, look: str
) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await d.press("T")
        await d.until_shown("esc as it was")
        while d.app.look.name != look:
            await d.press("j")
        await d.until_shown("nothing printed yet")
        await check_snapshot(d.app, f"themes-{look}-120x40", tmp_path)


@pytest.mark.parametrize("key", ["comma", "T", "exclamation_mark", "question_mark", "J", "colon", "O"])
async def test_what_is_opened_is_ascii_too(
    console: Callable[..., ConsoleApp], home: Paths, history: History, key: str
) -> None:
    busy_history(history)
    async with driven(console(ascii=True), (80, 24)) as d:
        d.app.tell_error(RuntimeError("a long story " * 30), "reading")
        await d.press(key)
        await d.until(lambda: d.app.screen is not d.main)
        await d.press("slash" if key == "question_mark" else "down")
        assert d.text().isascii(), {char for char in d.text() if not char.isascii()}


async def test_a_setting_is_stronger_than_the_environment(
    console: Callable[..., ConsoleApp], home: Paths, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    home.config.mkdir(parents=True)
    (home.config / "config.yaml").write_text("theme: light\n")
    async with driven(console()) as d:
        await d.until(lambda: d.app.theme == "aml-light")
        await d.until(lambda: colours(d.app))
