"""Looking for something in a log: words, an expression, errors; and showing only the lines that have it."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from tui.log.view import LogView, advanced
from tui.widgets.line_input import LineInput
from tui.widgets.log_reading import LogReader, for_a_moment
from tui.wording import count_of

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widgets import Input

    from tui.log.nearest import NearestError
    from tui.log.search import Search


# Lines are counted when no further key came for so long: nobody wants to know how many have an "e" (seconds).
COUNT_AFTER = 0.15


class Prompt(Horizontal):
    """What is looked for, and how many lines have it."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.input = LineInput(id="log-pattern")
        self.said = Static(id="log-count")

    def compose(self) -> ComposeResult:
        yield self.input
        yield self.said

    def say(self, text: str) -> None:
        self.said.update(Content(text))


def asked(text: str) -> tuple[str, bool]:
    """The pattern, and whether it is a regular expression: one begins with a backslash."""
    regex = text.startswith("\\") and len(text) > 1
    return (text[1:] if regex else text), regex


class Searching(LogReader):
    """The keys / n N & e E."""

    def __init__(self, glyphs: object, *, id: str | None = None) -> None:
        super().__init__(glyphs, id=id)  # type: ignore[arg-type]
        self.prompt = Prompt(id="log-prompt")
        self._asked = ""
        self._preview: list[Search] = []
        self._seeking: list[NearestError] = []

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield self.prompt

    def on_mount(self) -> None:
        self.prompt.display = False

    def other_log(self) -> None:
        self.quit_prompt()
        self.stop_seeking()

    # The prompt

    def action_search(self) -> None:
        self._ask("search")

    def action_filter(self) -> None:
        self._ask("filter")

    def _ask(self, what: str) -> None:
        self._asked = what
        known = None if self.view is None else self.view.search if what == "search" else self.view.filter
        field = self.prompt.input
        field.value = ("\\" if known[0].regex else "") + known[0].pattern if known else ""
        field.placeholder = (
            "text in the whole log" if what == "search" else "show only lines with this"
        ) + "; \\ before it: a regular expression"
        self.prompt.say("")
        self.prompt.display = True
        field.focus()

    def quit_prompt(self) -> None:
        if self.prompt.display:
            # Another run's log arrives while one is elsewhere: the focus stays where it is then.
            had_focus = self.prompt.input.has_focus
            self.prompt.display = False
            if had_focus:
                self.lines.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.prompt.display:
            count = partial(self._count, *asked(event.value))
            self.app.start(count, group=f"{self.id}-count", description="counting lines", exclusive=True)

    async def _count(self, pattern: str, regex: bool) -> None:
        """Say how many lines would be found, as they are being found."""
        self._preview = []
        await asyncio.sleep(COUNT_AFTER)
        view = self.view
        if view is None or not pattern:
            self.prompt.say("")
            return
        try:
            looking = view.searches(pattern, regex=regex)
        except re.error as error:
            self.prompt.say(f" {error} ")
            return
        self._preview = looking
        more = True
        while more and self.prompt.display and view is self.view:
            async with self._reading:
                if view is not self.view:
                    return
                more = await asyncio.to_thread(for_a_moment, partial(advanced, looking))
            count = count_of(sum(len(one.matches) for one in looking), "line")
            full = any(one.full for one in looking)
            self.prompt.say(f" {count}{'+' if full else self.glyphs.ellipsis if more else ''} ")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        what = self._asked
        pattern, regex = asked(event.value)
        self.quit_prompt()
        self.in_turn(partial(self._begin, what, pattern, regex), "beginning a search")

    async def _begin(self, what: str, pattern: str, regex: bool) -> None:
        if self.view is None:
            return
        counted, self._preview = self._preview, []
        try:
            if not counted or (counted[0].pattern, counted[0].regex) != (pattern, regex):
                counted = self.view.searches(pattern, regex=regex)
        except re.error as error:
            self.app.tell(f"{pattern!r} is no regular expression: {error}.", "error")
            return
        wanted = counted if pattern else None
        if what == "filter":
            await self.read(lambda view: view.begin_filter(wanted))
            return
        await self.read(lambda view: view.begin_search(wanted))
        await self.read(LogView.to_first_match)
        self.lines.mark = wanted[0].shown if wanted else None
        self.lines.restyle()

    def leave_search(self) -> bool:
        """Search and filter end; False: there was neither."""
        if self.view is None or (self.view.search is None and self.view.filter is None):
            return False
        self.lines.mark = None

        def leave(view: LogView) -> None:
            view.begin_search(None)
            view.begin_filter(None)

        self.go(leave)
        self.lines.restyle()
        return True

    def action_step(self, way: int) -> None:
        self.in_turn(partial(self._step, way), "going to a match")

    async def _step(self, way: int) -> None:
        if self.view is None or self.view.search is None:
            self.app.tell("Nothing is searched for: / begins a search.")
        elif not await self.read(lambda view: view.step(way)):
            end = "below" if way > 0 else "above"
            going = self.lines.page.searching
            other = " N goes up." if way > 0 else " n goes down."
            there = other if self.lines.page.matches else ""
            self.app.tell(f"No match {end} so far; the search goes on." if going else f"No match {end}.{there}")

    # Errors

    def action_error(self, way: int) -> None:
        self.in_turn(partial(self._error, way), "looking for an error")

    async def _error(self, way: int) -> None:
        found = await self.read(lambda view: view.errors(way))
        if not isinstance(found, list) or not found:
            return
        self._seeking = found
        if not await self._seek(found):
            await self._to_error(found)
            return
        # It lies far away: other keys count meanwhile, and moving on stops it.
        self.doing = f"looking{self.glyphs.ellipsis} esc stops"
        self.tell(self.lines.page)
        self.app.start(partial(self._error_far_away, found), group=f"{self.id}-errors", description="looking far away")

    async def _error_far_away(self, looking: list[NearestError]) -> None:
        while await self._seek(looking):
            pass
        if self._seeking is looking:
            await self._to_error(looking)

    async def _seek(self, looking: list[NearestError]) -> bool:
        """Look on for a moment. Returns whether there is more to look through."""
        async with self._reading:
            if self._seeking is not looking or self.view is None:
                return False
            return await asyncio.to_thread(for_a_moment, partial(advanced, looking))

    async def _to_error(self, looking: list[NearestError]) -> None:
        self.stop_seeking()
        if not await self.read(lambda view: view.to_error(looking)):
            self.app.tell("No error below." if looking[0].way > 0 else "No error above.")

    def stop_seeking(self) -> bool:
        """Look no further; False: nothing was looked for."""
        found, self._seeking = bool(self._seeking), []
        if self.doing:
            self.doing = ""
            self.tell(self.lines.page)
        return found
