"""The measuring terminal reads what Textual writes."""

from __future__ import annotations

import pytest

from bench.screen import Screen

PAINT = (
    "\x1b[?1049h\x1b[?2026$p\x1b]0;a title\x07\x1b[2J\x1b[2;3H\x1b[1;38;2;1;2;3mname\x1b[0m 漢 é"
    "\x1b[4;1Hgone\x1b[4;3H\x1b[K\x1b[10;10Hcut off\x1bP+q544e\x1b\\"
)


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 10_000])
def test_paint_in_pieces(piece: int) -> None:
    screen = Screen(12, 5)
    data = PAINT.encode()
    for start in range(0, len(data), piece):
        screen.feed(data[start : start + piece])
    lines = [line.rstrip() for line in screen.text()]
    assert lines == ["", "  name 漢 é", "", "go", "         cut"]
    assert screen.where("name") == (1, 2)
    assert screen.style(1, 2) == "1;38;2;1;2;3"
    assert screen.style(1, 7) == "0"
    assert not screen.shows("off")
