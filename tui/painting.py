"""Only the cells that differ from what the terminal shows are written to it.

Textual paints whole widgets, and with each layout the whole screen, though most of it is as it was: over a narrow wire
that is what one waits for. What the terminal shows is kept here line by line, beside what it should show; between the
two any number of frames may have been left out. Nothing that a terminal could take for a command gets through,
whoever drew it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import get_character_cell_size
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.color import ColorSystem
    from rich.style import Style

    Cells = tuple[str, list[Style | None]]

# Two changes on one line with fewer cells than this between them are written as one: a move costs as much.
NEAR = 6


class Painter:
    """`take` what Textual renders, as often as it does; `paint` gives what has to be written to show it."""

    def __init__(self) -> None:
        self._wanted: list[Strip] = []
        self._shown: list[Strip | None] = []
        self._cursor: tuple[int, int] | None = None

    def forget(self) -> None:
        """What the terminal shows is not known any more: it was resized, or somebody else had it."""
        self._shown = [None] * len(self._wanted)
        self._cursor = None

    def take(self, update: LayoutUpdate | ChopsUpdate) -> None:
        """The screen should look like this, from now on."""
        if isinstance(update, ChopsUpdate):
            for y, spans in _by_line(update.spans).items():
                if y < len(self._wanted):
                    self._wanted[y] = _spliced(self._wanted[y], update.chops[y], update.chop_ends[y], spans)
            return
        strips = [Strip.join(line) for line in update.strips]
        whole = update.region.y == 0 and update.region.x == 0
        if whole and (len(strips) != len(self._wanted) or strips[0].cell_length != self._wanted[0].cell_length):
            self._wanted = strips
            self.forget()
        elif whole:
            self._wanted = strips

    def paint(self, cursor: tuple[int, int], colors: ColorSystem | None) -> str:
        """What to write, "" when the terminal shows everything; `cursor`: column and row where it is to stand."""
        parts: list[str] = []
        for y, (wanted, shown) in enumerate(zip(self._wanted, self._shown, strict=True)):
            if wanted is not shown:
                if shown is None or wanted._segments != shown._segments:
                    parts += _line(y, wanted, shown, colors)
                self._shown[y] = wanted
        if parts:
            parts.append("\x1b[0m")
        if parts or cursor != self._cursor:
            self._cursor = cursor
            parts.append(f"\x1b[{cursor[1] + 1};{cursor[0] + 1}H")
        return "".join(parts)


def _by_line(spans: Sequence[tuple[int, int, int]]) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    for y, start, end in spans:
        found.setdefault(y, []).append((start, end))
    return found


def _spliced(
    line: Strip, chops: Mapping[int, Strip | None], ends: Sequence[int], spans: Sequence[tuple[int, int]]
) -> Strip:
    """`line` with those of its pieces that were rendered anew within the spans."""
    parts: list[Strip] = []
    at = 0
    for end, (x, strip) in zip(ends, chops.items(), strict=False):
        if strip is None or not any(start < end and x < stop for start, stop in spans):
            continue
        if x > at:
            parts.append(line.crop(at, x))
        parts.append(strip.crop(0, end - x))
        at = end
    parts.append(line.crop(at, line.cell_length))
    return Strip.join(parts)


def _line(y: int, wanted: Strip, shown: Strip | None, colors: ColorSystem | None) -> Iterator[str]:
    new = _cells(wanted)
    old = _cells(shown) if shown is not None else None
    if new is None or old is None or len(new[0]) != len(old[0]):
        yield f"\x1b[{y + 1};1H"
        yield from _whole(wanted, colors)
        return
    for start, end in _differing(old, new):
        yield f"\x1b[{y + 1};{start + 1}H"
        yield from _written(new, start, end, colors)


def _cells(strip: Strip) -> Cells | None:
    """Character and style of each cell; None when a character takes none or two, which terminals do not agree about."""
    text = "".join([segment.text for segment in strip])
    if not _one_cell_each(text):
        return None
    styles: list[Style | None] = []
    for part, style, control in strip:
        if control:
            return None
        styles += [style] * len(part)
    return text, styles


def _one_cell_each(text: str) -> bool:
    """Whether each of its characters takes one cell, wherever it is shown."""
    return text.isprintable() and (text.isascii() or all(get_character_cell_size(char) == 1 for char in set(text)))


def _differing(old: Cells, new: Cells) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    x = -1
    for before, after, was, is_now in zip(old[0], new[0], old[1], new[1], strict=True):
        x += 1
        if before == after and (was is is_now or was == is_now):
            continue
        if found and x - found[-1][1] < NEAR:
            found[-1] = (found[-1][0], x + 1)
        else:
            found.append((x, x + 1))
    return found


def _written(cells: Cells, start: int, end: int, colors: ColorSystem | None) -> Iterator[str]:
    text, styles = cells
    while start < end:
        style, stop = styles[start], start + 1
        while stop < end and (styles[stop] is style or styles[stop] == style):
            stop += 1
        yield _begin(style, colors)
        yield text[start:stop]
        start = stop


def _whole(strip: Strip, colors: ColorSystem | None) -> Iterator[str]:
    """A line from its first column on. What terminals may think wider or narrower gets its cells whatever they think:
    these are blanked first, and what follows is put where it belongs."""
    x = 0
    for text, style, control in strip:
        if control:
            continue
        yield _begin(style, colors)
        for piece, width, simple in _pieces(text):
            if simple:
                yield piece
            else:
                yield f"{' ' * width}\x1b[{x + 1}G{piece}\x1b[{x + width + 1}G"
            x += width


def _pieces(text: str) -> Iterator[tuple[str, int, bool]]:
    """What is one cell a character, in runs, and what is not, each with what belongs to it; with their widths."""
    if _one_cell_each(text):
        yield text, len(text), True
        return
    from rich.cells import set_cell_size, split_graphemes

    from tui.plain import plain

    run = ""
    for start, end, width in split_graphemes(text)[0]:
        piece = text[start:end]
        if width == 1 and len(piece) == 1 and piece.isprintable():
            run += piece
            continue
        if run:
            yield run, len(run), True
            run = ""
        harmless = plain(piece)
        yield harmless if harmless == piece else set_cell_size(harmless, width), width, False
    if run:
        yield run, len(run), True


def _begin(style: Style | None, colors: ColorSystem | None) -> str:
    codes = style._make_ansi_codes(colors) if style is not None and colors is not None else ""
    return f"\x1b[0;{codes}m" if codes else "\x1b[0m"
