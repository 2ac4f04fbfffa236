"""One log, or several as one, read beside the keys: what is to be seen is looked for again while it grows."""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import Vertical
from textual.message import Message

from tui.log.page import Page
from tui.log.view import LogView
from tui.plain import plain
from tui.widgets.log_lines import LogLines
from tui.wording import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.timer import Timer

    from tui.app import ConsoleApp
    from tui.glyphs import Glyphs

# How often a growing log is looked at, seconds: here, and where each byte on the wire counts.
LOOK, LOOK_OVER_SSH = 0.2, 0.35
# So long is looked further at once, so that the screen is not busier than the search, seconds.
AT_ONCE = 0.1


def for_a_moment(advance: Callable[[], bool]) -> bool:
    """Go on with something done in pieces. Returns whether there is more of it. Blocking."""
    end = time.monotonic() + AT_ONCE
    while advance():
        if time.monotonic() > end:
            return True
    return False


class LogReader(Vertical):
    """`open_file` says which log. All reading is done in threads, one thing at a time."""

    LINES: ClassVar[type[LogLines]] = LogLines
    app: ConsoleApp

    class Left(Message, namespace="log_pane"):
        """Escape, with nothing left in the pane to leave."""

    class Said(Message, namespace="log_pane"):
        """The line that tells how things stand (following, matches, how far down) is another."""

        def __init__(self, log: LogReader, text: str) -> None:
            super().__init__()
            self.log = log
            self.text = text

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        # What the log is saved as, and whether nothing more comes.
        self.save_name = ""
        self.complete = False
        self.lines = self.LINES(glyphs)
        self.view: LogView | None = None
        # When the run began (epoch seconds), where it is one's log.
        self.began: float | None = None
        # What takes its time beside the keys, in words.
        self.doing = ""
        self._looking: Timer | None = None
        self._reading = asyncio.Lock()
        self._turns = asyncio.Lock()
        self._stamp: tuple[str | int, ...] | None = None
        self._said = ""
        self._empty = ""

    def compose(self) -> ComposeResult:
        yield self.lines

    def on_mount(self) -> None:
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
        self.open_files([path] if path is not None else [], at_start=at_start)

    def open_files(self, paths: Sequence[Path], *, at_start: bool = False) -> None:
        """Several logs, merged by when their lines arrived."""
        self.other_log()
        self.lines.pan = 0
        self.lines.mark = None
        self.lines.wrap = bool(self.app.recall("log.wrap", bool))
        self.lines.times = str(self.app.recall("log.times", str) or "")
        self.lines.began = self.began
        self._stamp = None
        self.app.start(
            partial(self._open, paths, at_start), group=f"{self.id}-open", description="opening the log", exclusive=True
        )

    def other_log(self) -> None:
        """Another log is about to be shown."""

    def say_empty(self, empty: str) -> None:
        """What is shown while there is nothing in the log."""
        self._empty = empty
        self._show_empty()

    def _show_empty(self) -> None:
        chosen, page = self.view.filter if self.view is not None else None, self.lines.page
        empty = self._empty
        if chosen is not None and page.size:
            empty = f"{'looking for lines' if page.searching else 'no line'} with '{plain(chosen[0].pattern)}'"
        elif self.view is not None and self.view.order.shown and page.size:
            empty = f"nothing of this log was written to {self.view.order.shown}"
        if empty != self.lines.empty:
            self.lines.empty = empty
            if not self.lines.page.rows:
                self.lines.refresh()

    def say_complete(self, complete: bool) -> None:
        """Whether nothing more comes."""
        if complete != self.complete:
            self.complete = complete
            self.tell(self.lines.page)

    # Reading, beside the keys

    async def _open(self, paths: Sequence[Path], at_start: bool) -> None:
        async with self._reading:
            if self.view is not None:
                self.view.close()
            self.view = LogView(*paths) if paths else None
            if self.view is None:
                self.lines.show(Page())
            else:
                self.view.timed = bool(self.lines.times)
            if self.view is not None and at_start:
                self.view.to_start()
        await self.read()

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
            await self.read()

    async def read(self, change: Callable[[LogView], object] | None = None) -> object:
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
                more = await asyncio.to_thread(for_a_moment, view.advance)
            if view is not self.view:
                return
            page = await self._page_only(view)
            if not more:
                return
            self.tell(page)

    async def _page_only(self, view: LogView) -> Page:
        async with self._reading:
            page = await asyncio.to_thread(view.page, max(1, self.lines.size.height))
            if view is self.view:
                self._draw(page)
        return page

    def _draw(self, page: Page) -> None:
        self.lines.show(page)
        self._show_empty()
        self.tell(page)

    def tell(self, page: Page) -> None:
        parts = []
        view, more = self.view, "+" if page.full else self.glyphs.ellipsis if page.searching else ""
        if view is not None and view.order.shown:
            parts.append(f"{view.order.shown} or unknown" if page.unsure else f"{view.order.shown} only")
        if view is not None and view.filter is not None:
            parts.append(f"only '{plain(view.filter[0].pattern)}' {page.kept:,}{more}")
        if view is not None and view.search is not None:
            parts.append(f"'{plain(view.search[0].pattern)}' {page.match:,}/{page.matches:,}{more}")
        if page.following:
            parts.append("end" if self.complete else "following")
        else:
            parts.append(f"{page.part}%")
            if page.new:
                parts.append(f"{count_of(page.new, 'new line')} {self.glyphs.down}")
        # Where there is no room for all, the last ones are kept.
        if page.selecting:
            parts.append(f"{page.taken}, y copies")
        if self.doing:
            parts.append(self.doing)
        text = "  ".join(parts)
        if text != self._said:
            self._said = text
            self.post_message(self.Said(self, text))

    def on_log_lines_resized(self) -> None:
        self.go(None)

    # Keys

    def go(self, change: Callable[[LogView], object] | None) -> None:
        """Change where one looks, when what was asked before is done."""
        self.in_turn(partial(self.read, change), "moving in the log")

    def in_turn(self, work: Callable[[], Coroutine[Any, Any, object]], description: str) -> None:
        """Not exclusive: each key counts, in its order."""
        self.app.start(partial(self._in_turn, work), group=f"{self.id}-keys", description=description)

    async def _in_turn(self, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        async with self._turns:
            self.stop_seeking()
            await work()

    def stop_seeking(self) -> bool:
        """Look no further for what lies far away; False: nothing was looked for."""
        return False
