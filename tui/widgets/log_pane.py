"""A log on the screen: follows, holds still when one scrolls up, searches, filters, wraps; any size, any bytes."""

from __future__ import annotations

import asyncio
import os
import re
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message

from tui.log.ansi import pieces
from tui.log.file import save_here
from tui.log.search import ERRORS, Search
from tui.log.view import LogView, Page
from tui.plain import plain
from tui.widgets.line_input import LineInput
from tui.widgets.log_lines import LogLines
from tui.wording import count_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer
    from textual.widgets import Input

    from tui.app import ConsoleApp
    from tui.glyphs import Glyphs

# How often a growing log is looked at, seconds: here, and where each byte on the wire counts.
LOOK, LOOK_OVER_SSH = 0.2, 0.35
# Columns that left and right move by.
PAN = 16


class LogPane(Vertical):
    """`open_file` says which log. Keys are in `KEYS`, which the help shows too."""

    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("up,k", "move(-1)", "A line up; stops following"),
        ("down,j", "move(1)", "A line down"),
        ("pageup,ctrl+b", "page(-1)", "A page up"),
        ("pagedown,ctrl+f", "page(1)", "A page down"),
        ("home,g", "start", "To the beginning"),
        ("end,G", "end", "To the end, and follow"),
        ("f", "follow", "Follow, or hold still"),
        ("slash", "search", "Search the whole log (a leading \\ makes it a regular expression)"),
        ("n", "step(1)", "Next match"),
        ("N", "step(-1)", "Previous match"),
        ("ampersand", "filter", "Show matching lines only"),
        ("e", "error", "Next error"),
        ("w", "wrap", "Wrap long lines, or not"),
        ("left", "pan(-1)", "Pan left"),
        ("right", "pan(1)", "Pan right"),
        ("Y", "copy", "Copy what is on the screen"),
        ("W", "save", "Save the whole log to a file"),
        ("escape", "quit_search", "Leave the search, then the pane"),
    )
    LINES: ClassVar[type[LogLines]] = LogLines
    HINTS = (("/", "search"), ("n", "next"), ("&", "lines"), ("e", "error"), ("f", "follow"), ("w", "wrap"))
    BINDINGS: ClassVar[list[BindingType]] = [Binding(keys, action, show=False) for keys, action, _ in KEYS]
    app: ConsoleApp

    class Left(Message):
        """Escape, with nothing left in the pane to leave."""

    class Said(Message):
        """The line that tells how things stand (following, matches, how far down) is another."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        # What the log is saved as, and whether nothing more comes.
        self.save_name = ""
        self.complete = False
        self.lines = self.LINES(glyphs)
        self.prompt = LineInput(id="log-prompt")
        self.view: LogView | None = None
        self._asked = ""
        self._looking: Timer | None = None
        self._reading = asyncio.Lock()
        self._stamp: tuple[str | int, ...] | None = None
        self._errors: Search | None = None
        self._said = ""
        self._empty = ""

    def compose(self) -> ComposeResult:
        yield self.lines
        yield self.prompt

    def on_mount(self) -> None:
        self.prompt.display = False
        self._looking = self.set_interval(LOOK_OVER_SSH if "SSH_CONNECTION" in os.environ else LOOK, self._look)

    async def on_unmount(self) -> None:
        async with self._reading:
            if self.view is not None:
                self.view.close()
                self.view = None

    # Which log

    def open_file(self, path: Path | None, save_name: str = "", *, at_start: bool = False) -> None:
        """Show this log instead, from its end; None: no log. One that is not there yet is empty."""
        self.save_name = save_name
        self._quit_prompt()
        self.lines.pan = 0
        self.lines.mark = None
        self._stamp = None
        self._errors = None
        self.app.start(
            partial(self._open, path, at_start), group=f"{self.id}-open", description="opening the log", exclusive=True
        )

    def say_empty(self, empty: str) -> None:
        """What is shown while there is nothing in the log."""
        self._empty = empty
        self._show_empty()

    def _show_empty(self) -> None:
        chosen, page = self.view.filter if self.view is not None else None, self.lines.page
        empty = self._empty
        if chosen is not None and page.size:
            empty = f"{'looking for lines' if page.searching else 'no line'} with {plain(chosen.pattern)!r}"
        if empty != self.lines.empty:
            self.lines.empty = empty
            if not self.lines.page.rows:
                self.lines.refresh()

    def say_complete(self, complete: bool) -> None:
        """Whether nothing more comes."""
        if complete != self.complete:
            self.complete = complete
            self._tell(self.lines.page)

    # Reading, beside the keys

    async def _open(self, path: Path | None, at_start: bool) -> None:
        async with self._reading:
            if self.view is not None:
                self.view.close()
            self.view = LogView(path) if path is not None else None
            if self.view is None:
                self.lines.show(Page())
            elif at_start:
                self.view.to_start()
        await self._read()

    @property
    def seen(self) -> bool:
        """Whether anybody could see this pane now."""
        return self.is_mounted and self.region.height > 0 and self.app.screen is self.screen

    def _look(self) -> None:
        if self.view is None or not self.seen or self._reading.locked():
            return
        self.app.start(self._look_once, group=f"{self.id}-look", description="following the log", exclusive=True)

    async def _look_once(self) -> None:
        view = self.view
        if view is None:
            return
        if self._stamp != await asyncio.to_thread(view.stamp):
            await self._read()

    async def _read(self, change: Callable[[LogView], object] | None = None) -> object:
        """Change where one looks, and draw what is to be seen then."""
        async with self._reading:
            view = self.view
            if view is None:
                return None
            height = max(1, self.lines.size.height)

            def work() -> tuple[object, tuple[str | int, ...], Page]:
                answer = change(view) if change is not None else None
                # Taken before the page: what comes in between is seen the next time.
                return answer, view.stamp(), view.page(height)

            answer, stamp, page = await asyncio.to_thread(work)
            if view is not self.view:
                return None
            self._stamp = stamp
            self._draw(page)
        if page.searching:
            self.app.start(self._search_on, group=f"{self.id}-search", description="searching the log", exclusive=True)
        return answer

    async def _search_on(self) -> None:
        """Look through the rest, showing the count as it grows."""
        while True:
            view = self.view
            if view is None:
                return
            async with self._reading:
                more = await asyncio.to_thread(self._some_pieces, view)
            if view is not self.view:
                return
            page = await self._page_only(view)
            if not more:
                return
            self._tell(page)

    @staticmethod
    def _some_pieces(view: LogView) -> bool:
        """Pieces for a tenth of a second, so that the screen is not busier than the search."""
        import time

        end = time.monotonic() + 0.1
        while view.advance():
            if time.monotonic() > end:
                return True
        return False

    async def _page_only(self, view: LogView) -> Page:
        async with self._reading:
            page = await asyncio.to_thread(view.page, max(1, self.lines.size.height))
            if view is self.view:
                self._draw(page)
        return page

    def _draw(self, page: Page) -> None:
        self.lines.show(page)
        self._show_empty()
        self._tell(page)

    def _tell(self, page: Page) -> None:
        parts = []
        if self.view is not None and self.view.filter is not None:
            parts.append(f"only {plain(self.view.filter.pattern)!r} {len(self.view.filter.matches):,}")
        if self.view is not None and self.view.search is not None:
            going = self.glyphs.ellipsis if page.searching else ""
            parts.append(f"{plain(self.view.search.pattern)!r} {page.match:,}/{page.matches:,}{going}")
        if page.following:
            parts.append("end" if self.complete else "following")
        else:
            parts.append(f"{page.part}%")
            if page.new:
                parts.append(f"{count_of(page.new, 'new line')} {self.glyphs.down}")
        text = "  ".join(parts)
        if text != self._said:
            self._said = text
            self.post_message(self.Said(text))

    def on_resize(self) -> None:
        self._go(None)

    # Keys

    def _go(self, change: Callable[[LogView], object] | None) -> None:
        # In its order, not exclusive: each key counts.
        self.app.start(partial(self._read, change), group=f"{self.id}-keys", description="moving in the log")

    def action_move(self, rows: int) -> None:
        height = max(1, self.lines.size.height)
        self._go(lambda view: view.move(rows, height))

    def action_page(self, way: int) -> None:
        height = max(2, self.lines.size.height)
        self._go(lambda view: view.move(way * (height - 1), height))

    def action_start(self) -> None:
        self._go(LogView.to_start)

    def action_end(self) -> None:
        self._go(LogView.to_end)

    def action_follow(self) -> None:
        self._go(lambda view: view.hold() if view.following else view.to_end())

    def action_wrap(self) -> None:
        self.lines.wrap = not self.lines.wrap
        self.lines.pan = 0
        self.lines.redraw()

    def action_pan(self, way: int) -> None:
        if self.lines.wrap:
            return
        widest = max((cell_len("".join(t for t, _ in pieces(row.data))) for row in self.lines.page.rows), default=0)
        most = max(0, widest - self.lines.size.width + PAN)
        self.lines.pan = min(max(0, self.lines.pan + way * PAN), most - most % PAN)
        self.lines.redraw()

    def on_mouse_scroll_up(self) -> None:
        self.action_move(-3)

    def on_mouse_scroll_down(self) -> None:
        self.action_move(3)

    def action_step(self, way: int) -> None:
        self.app.start(partial(self._step, way), group=f"{self.id}-keys", description="going to a match")

    async def _step(self, way: int) -> None:
        if self.view is None or self.view.search is None:
            self.app.tell("Nothing is searched for: / begins a search.")
        elif not await self._read(lambda view: view.step(way)):
            end = "below" if way > 0 else "above"
            self.app.tell(f"No match {end}.")

    def action_error(self) -> None:
        self.app.start(self._next_error, group=f"{self.id}-keys", description="looking for the next error")

    async def _next_error(self) -> None:
        # From the top when one stands at the end, where everything lies above.
        def find(view: LogView) -> bool:
            if view.following:
                view.to_start()
            self._errors = self._errors or Search(view.file, ERRORS, regex=True)
            return view.next_row_like(self._errors, 1 << 30)

        if not await self._read(find):
            self.app.tell("No error below.")

    def action_copy(self) -> None:
        self.app.copy_text(self.lines.text())

    def action_save(self) -> None:
        if self.view is not None and self.save_name:
            save = partial(self._save, self.view.file.path, self.save_name)
            self.app.start(save, group=f"{self.id}-save", description="saving the log")

    async def _save(self, path: Path, name: str) -> None:
        try:
            self.app.tell(f"saved to {await asyncio.to_thread(save_here, path, name)}")
        except OSError as error:
            self.app.tell(f"{name} was not saved in the folder you are in: {error.strerror}.", "error")

    # The prompt

    def action_search(self) -> None:
        self._ask("search")

    def action_filter(self) -> None:
        self._ask("filter")

    def _ask(self, what: str) -> None:
        self._asked = what
        known = None if self.view is None else self.view.search if what == "search" else self.view.filter
        self.prompt.value = ("\\" if known.regex else "") + known.pattern if known else ""
        self.prompt.placeholder = (
            "text in the whole log" if what == "search" else "show only lines with this"
        ) + "; \\ before it: a regular expression"
        self.prompt.display = True
        self.prompt.focus()

    def _quit_prompt(self) -> None:
        if self.prompt.display:
            # Another run's log arrives while one is elsewhere: the focus stays where it is then.
            had_focus = self.prompt.has_focus
            self.prompt.display = False
            if had_focus:
                self.lines.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value
        regex = text.startswith("\\") and len(text) > 1
        pattern = text[1:] if regex else text
        asked = self._asked
        self._quit_prompt()
        self.app.start(
            partial(self._begin, asked, pattern, regex), group=f"{self.id}-keys", description="beginning a search"
        )

    async def _begin(self, asked: str, pattern: str, regex: bool) -> None:
        try:
            if asked == "filter":
                await self._read(lambda view: view.begin_filter(pattern, regex=regex))
                return
            await self._read(lambda view: view.begin_search(pattern, regex=regex))
            await self._read(LogView.to_first_match)
        except re.error as error:
            self.app.tell(f"{pattern!r} is no regular expression: {error}.", "error")
            return
        self.lines.mark = self.view.search.shown if self.view is not None and self.view.search else None
        self.lines.restyle()

    def action_quit_search(self) -> None:
        if self.prompt.display:
            self._quit_prompt()
            return
        if self.view is not None and (self.view.search is not None or self.view.filter is not None):
            self.lines.mark = None

            def leave(view: LogView) -> None:
                view.begin_search("", regex=False)
                view.begin_filter("", regex=False)

            self._go(leave)
            self.lines.restyle()
            return
        self.post_message(self.Left())
