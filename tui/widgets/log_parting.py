"""Showing what a run wrote to stdout, or to stderr, alone."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from tui.log.streams import WAYS
from tui.widgets.log_reading import LogReader, for_a_moment

if TYPE_CHECKING:
    from tui.log.view import LogView


def _read_on(view: LogView) -> bool:
    """Which row is of which stream, a piece further; whether there is more to read."""
    return any(part.apart.advance() for part in view.order.parts)


class Parting(LogReader):
    """The key o."""

    def action_streams(self) -> None:
        if self.view is not None:
            self.in_turn(self._turn_streams, "telling stdout from stderr")

    async def _turn_streams(self) -> None:
        view, before = self.view, self.doing
        if view is None:
            return
        try:
            while await self._more(view):
                self.doing = f"telling stdout from stderr{self.glyphs.ellipsis}"
                self.tell(self.lines.page)
        finally:
            self.doing = before
        if view is not self.view:
            return
        if not view.order.shown and not any(len(part.apart) for part in view.order.parts):
            self.app.tell("Which lines of this log were stdout and which stderr is not known.")
            return
        shown = WAYS[(WAYS.index(view.order.shown) + 1) % len(WAYS)]
        await self.read(lambda view: view.show_stream(shown))

    async def _more(self, view: LogView) -> bool:
        async with self._reading:
            return view is self.view and await asyncio.to_thread(for_a_moment, partial(_read_on, view))
