"""What is written is what differs, and the terminal shows what Textual rendered."""

from __future__ import annotations

import random

import pytest
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from bench.screen import Screen
from tui.painting import Painter

WIDTH, HEIGHT = 40, 6
STYLES = (None, Style(color="red"), Style(bold=True, bgcolor="blue"), Style(color="#102030", bgcolor="#405060"))
LETTERS = "abcdefgh   ─│●✔…漢字e\u0301🎉"


def strip(source: random.Random, width: int, letters: str = LETTERS) -> Strip:
    """Any text in any styles, in so many cells."""
    segments = []
    for _ in range(source.randint(1, 5)):
        text = "".join(source.choices(letters, k=source.randint(1, 12)))
        segments.append(Segment(text, source.choice(STYLES)))
    return Strip(segments).adjust_cell_length(width)


class Shown:
    """A painter and the terminal that gets what it paints."""

    def __init__(self) -> None:
        self.painter = Painter()
        self.screen = Screen(WIDTH, HEIGHT)
        self.lines = [Strip.blank(WIDTH)] * HEIGHT

    def whole(self, lines: list[Strip]) -> None:
        self.lines = lines
        self.painter.take(LayoutUpdate([[line] for line in lines], Region(0, 0, WIDTH, HEIGHT)))

    def part(self, y: int, start: int, end: int, new: Strip) -> None:
        line = self.lines[y]
        self.lines[y] = Strip.join([line.crop(0, start), new, line.crop(end, WIDTH)])
        chops: list[dict[int, Strip | None]] = [{} for _ in range(HEIGHT)]
        chops[y] = {0: None, start: new, end: None}
        ends = [[start, end, WIDTH]] * HEIGHT
        if start == 0:
            chops[y], ends = {start: new, end: None}, [[end, WIDTH]] * HEIGHT
        self.painter.take(ChopsUpdate(chops, [(y, start, end)], ends))

    def paint(self) -> str:
        written = self.painter.paint((0, 0), ColorSystem.TRUECOLOR)
        self.screen.feed(written.encode())
        return written

    def check(self) -> None:
        wanted = ["".join(char for char in line.text if char != "\u0301") for line in self.lines]
        assert self.screen.text() == wanted
        for y, line in enumerate(self.lines):
            x = 0
            for text, style, _ in line:
                codes = style._make_ansi_codes(ColorSystem.TRUECOLOR) if style else ""
                for _ in range(Strip([Segment(text)]).cell_length):
                    assert self.screen.style(y, x).removeprefix("0").removeprefix(";") == codes
                    x += 1


@pytest.mark.parametrize("seed", range(6))
def test_any_frames(seed: int) -> None:
    source = random.Random(seed)
    shown = Shown()
    shown.whole([strip(source, WIDTH) for _ in range(HEIGHT)])
    for _ in range(150):
        for _ in range(source.choice((1, 1, 3))):
            what = source.random()
            if what < 0.1:
                shown.whole([strip(source, WIDTH) for _ in range(HEIGHT)])
            elif what < 0.2:
                shown.whole([line if source.random() < 0.7 else strip(source, WIDTH) for line in shown.lines])
            elif what < 0.25:
                shown.painter.forget()
            else:
                start = source.randrange(0, WIDTH - 6)
                end = source.randrange(start + 1, WIDTH)
                shown.part(source.randrange(HEIGHT), start, end, strip(source, end - start))
        shown.paint()
        shown.check()
        assert shown.paint() == ""


def test_a_cell_that_differs_is_what_is_written() -> None:
    shown = Shown()
    lines = [Strip([Segment("x" * WIDTH, Style(bold=True))])] * HEIGHT
    shown.whole(lines)
    assert len(shown.paint()) > WIDTH * HEIGHT
    shown.whole([*lines[:2], Strip([Segment("xx1" + "x" * 20 + "2" + "x" * 16, Style(bold=True))]), *lines[3:]])
    assert shown.paint() == "\x1b[3;3H\x1b[0;1m1\x1b[3;24H\x1b[0;1m2\x1b[0m\x1b[1;1H"


def test_what_terminals_do_not_agree_about_moves_nothing_else() -> None:
    """A terminal that takes one of these for wider or narrower: what follows is put where it belongs."""
    shown = Shown()
    shown.whole([Strip([Segment("a👩\u200d💻b".ljust(WIDTH))]).adjust_cell_length(WIDTH)] * HEIGHT)
    assert "a  \x1b[2G👩\x1b[4Gb" in shown.paint()


def test_no_command_gets_through() -> None:
    shown = Shown()
    text = "a\x1b]0;t\x07b\x1b[2Jc\x9bmd\u202ee\u200bf\x00"
    shown.whole([Strip([Segment(text)]).adjust_cell_length(WIDTH)] * HEIGHT)
    written = shown.paint()
    assert "\x1b]" not in written
    assert "\x1b[2J" not in written
    assert not set("\x07\x9b\x00\u202e\u200b") & set(written)


def test_another_size_is_painted_whole() -> None:
    painter = Painter()
    painter.take(LayoutUpdate([[Strip([Segment("abc")])]], Region(0, 0, 3, 1)))
    painter.paint((0, 0), None)
    painter.take(LayoutUpdate([[Strip([Segment("abcd")])]], Region(0, 0, 4, 1)))
    assert "abcd" in painter.paint((0, 0), None)
