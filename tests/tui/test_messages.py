"""What was said stays readable: all of it, and one is told what one missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import HostError
from tests.tui.driving import driven
from tests.tui.snapshots import check_snapshot
from tui import saying

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.tui.history import History
    from tui.app import ConsoleApp

LONG = HostError(
    "the file could not be sent: " + "no space left on device, " * 12 + "[/red] and that is all.",
    where="gpu-box:/data/ann/.local/share/aml-tui/runs",
    remedy="Remove what is not needed there.",
)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_all_of_an_error_can_be_read(
    console: Callable[..., ConsoleApp], history: History, tmp_path: Path, size: tuple[int, int]
) -> None:
    async with driven(console(), size) as d:
        d.app.tell("first of all")
        d.app.tell("columns: no run has logged a metric yet", "warning")
        d.app.tell_error(LONG)
        await d.press("exclamation_mark")
        await d.until_shown("[/red] and")
        assert "where   gpu-box:/data/ann" in d.text()
        assert "to do   Remove what is not needed there." in d.text()
        await check_snapshot(d.app, f"messages-{size[0]}x{size[1]}", tmp_path)
        copied: list[str] = []
        d.app.copy_text = copied.append  # type: ignore[method-assign]
        await d.press("y")
        assert copied == [str(LONG)]
        await d.press("end")
        await d.until(lambda: d.text().count("first of all") == 2)
        d.app.tell("one more")
        await d.until_shown("one more")
        assert d.text().count("first of all") == 2
        await d.press("escape")
        assert d.app.screen is d.main


async def test_an_error_that_nobody_saw_is_counted(
    console: Callable[..., ConsoleApp], history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saying, "STAYS", {"error": 0.05})
    monkeypatch.setattr(saying, "CHARACTERS_A_SECOND", 1000)
    async with driven(console()) as d:
        d.app.tell_error(RuntimeError("gone"), "reading")
        d.app.tell("no error", "warning")
        await d.until_shown("1 error: !")
        d.app.tell_error(RuntimeError("gone again"), "reading")
        await d.until_shown("2 errors: !")
        await d.press("exclamation_mark")
        await d.until(lambda: d.app.missed == 0)
        await d.until_shown("where   reading")
        await d.press("escape")
        await d.until(lambda: "errors: !" not in d.text())


async def test_one_that_was_there_missed_nothing(
    console: Callable[..., ConsoleApp], history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[int] = []
    async with driven(console()) as d:
        monkeypatch.setattr(saying, "STAYS", {"error": 0.5})
        seen = d.app._gone

        def note(number: int, since: float) -> None:
            seen(number, since)
            gone.append(number)

        monkeypatch.setattr(d.app, "_gone", note)
        d.app.tell("x" * 10, "error")
        await d.press("down")
        await d.until(lambda: gone)
        assert d.app.missed == 0


async def test_a_long_text_is_short_in_its_notice(console: Callable[..., ConsoleApp], history: History) -> None:
    async with driven(console(), notifications=True) as d:
        d.app.tell("a long story " * 100, "error")
        await d.until_shown("there is more in the list of messages")
        await d.press("exclamation_mark")
        await d.until(lambda: "there is more" not in d.text())


async def test_what_is_on_the_screen_already_is_not_said_beneath_it_again(
    console: Callable[..., ConsoleApp], history: History
) -> None:
    async with driven(console(), notifications=True) as d:
        await d.press("X", "X", "e", "X")
        await d.until_shown("edit: it belongs to")
        assert d.text().count("detach: it belongs to Targets") == 1
        # The list of messages has it as often as it was said; and then it may be said again.
        await d.press("exclamation_mark")
        await d.until_shown("Messages")
        assert d.said().count("detach: it belongs to Targets") == 3
        await d.press("escape", "X")
        await d.until_shown("detach: it belongs to Targets")
