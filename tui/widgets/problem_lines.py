"""What is wrong, a line each: where, what, what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment

from tui.plain import plain
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.project.problems import Problem
    from tui.glyphs import Glyphs


class ProblemLines(LineList):
    """`file`: the one that need not be named."""

    def __init__(self, glyphs: Glyphs, file: str = "", *, id: str) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self.file = file
        self.problems: dict[str, Problem] = {}

    def show(self, problems: Sequence[Problem]) -> None:
        self.problems = {f"{place} {one}": one for place, one in enumerate(problems)}
        self.set_class(bool(problems), "-some")
        self.set_keys(self.problems)

    @property
    def problem(self) -> Problem | None:
        """The one under the cursor."""
        return self.problems.get(self.cursor) if self.cursor is not None else None

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment("  Nothing is wrong.", self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        one = self.problems[key]
        error = one.severity == "error"
        mark, ink = (self.glyphs.wrong, "bad") if error else (self.glyphs.trouble, "warn")
        place = (f"line {one.line}: " if one.line else "") if one.file == self.file else f"{one.where}: "
        said = f"{one.message} {one.remedy}"
        return [
            Segment(f"{mark} ", self.ink(ink)),
            Segment(cut(plain(place + said), max(0, width - 2), self.glyphs.ellipsis), self.ink("")),
        ]
