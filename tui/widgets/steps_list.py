"""The steps of an attempt, a line each, ticked off as they are done; what is wrong is said below, with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.plain import plain, plain_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from tui.attempts import Step
    from tui.glyphs import Glyphs

# Said beside the sign where it stands for more than "done".
WORDS = {"working": "working", "warning": "warning", "failed": "failed", "skipped": "skipped"}
INKS = {"ok": "$success", "warning": "$warning", "failed": "$error", "working": "$accent"}


class StepLine(Horizontal):
    """One step: sign, title, how long it took, what was found."""

    def __init__(self, step: Step, glyphs: Glyphs) -> None:
        super().__init__(classes="step")
        self.step = step
        self.glyphs = glyphs
        self.title = Static(classes="title")
        self.seconds = Static(classes="seconds")
        self.said = Static(classes="said")
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield self.title
        yield self.seconds
        yield self.said

    def on_mount(self) -> None:
        self.show(self.step, None)

    def show(self, step: Step, so_far: float | None) -> None:
        """`so_far`: how long it has been at work, seconds, where the engine has not said."""
        if (step, so_far) == self._shown:
            return
        self.step, self._shown = step, (step, so_far)
        ink = INKS.get(step.state, "dim")
        quiet = "dim" if step.state in ("waiting", "skipped") else ""
        self.title.update(Content.assemble((self._sign(), ink), " ", (plain(step.title), quiet)))
        self.seconds.update(Content.styled(_seconds(step.seconds, so_far), "dim"))
        word, detail = WORDS.get(step.state, ""), plain_lines(step.detail.strip())
        parts: list[Content] = []
        if word or detail:
            apart = ": " if word and detail else ""
            parts.append(Content.assemble((word, ink), apart, (detail, quiet)))
        if step.remedy and step.state in ("warning", "failed"):
            parts.append(Content.styled(plain_lines(step.remedy.strip()), "bold" if step.state == "failed" else ""))
        self.said.update(Content("\n").join(parts))

    def _sign(self) -> str:
        from engine.runs.model import State

        glyphs = self.glyphs
        return {
            "working": glyphs.states[State.PREPARING],
            "ok": glyphs.states[State.COMPLETED],
            "warning": glyphs.trouble,
            "failed": glyphs.wrong,
            "skipped": glyphs.rule,
        }.get(self.step.state, glyphs.dot)


class StepsList(VerticalScroll):
    """All of them. It scrolls to where the attempt is."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="steps")
        self.glyphs = glyphs
        self._lines: dict[str, StepLine] = {}
        self._at: tuple[str, str] | None = None
        self._since = 0.0

    def show(self, steps: Sequence[Step], now: float) -> None:
        """Draw what differs."""
        if [step.name for step in steps] != list(self._lines):
            self.remove_children()
            self._lines = {step.name: StepLine(step, self.glyphs) for step in steps}
            self.mount_all(self._lines.values())
        at = next((step for step in steps if step.state in ("failed", "working")), None)
        place = (at.name, at.state) if at is not None else None
        if place != self._at:
            self._at, self._since = place, now
        for step in steps:
            self._lines[step.name].show(step, now - self._since if step.state == "working" else None)
        self.call_after_refresh(self.show_place)

    def tick(self, now: float) -> None:
        """Only time has passed."""
        line = self._lines.get(self._at[0]) if self._at is not None else None
        if line is not None and line.step.state == "working":
            line.show(line.step, now - self._since)

    def show_place(self) -> None:
        """Scroll to the step it is at, or to the last one when it is through."""
        if self._lines:
            last = next(reversed(self._lines))
            line = self._lines[self._at[0] if self._at is not None else last]
            # Of what a long text says, its beginning.
            line.scroll_visible(animate=False, top=line.size.height > self.size.height // 2)


def _seconds(took: float | None, so_far: float | None) -> str:
    if took is None:
        return f"{so_far:.0f} s" if so_far is not None and so_far >= 1 else ""
    return f"{took:.2f} s" if took < 10 else f"{took:.0f} s"
