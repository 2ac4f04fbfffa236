"""Taking something of a log elsewhere: lines to the clipboard, the whole to a file, all of it to a pager."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING

from tui.clipboard import LIMIT, copy
from tui.log.file import save_here
from tui.log.text import MOST_COPIED, taken
from tui.widgets.log_reading import LogReader
from tui.wording import size

if TYPE_CHECKING:
    from pathlib import Path

    from tui.log.view import LogView
    from tui.widgets.log_lines import LogLines


class Taking(LogReader):
    """The keys v y Y A W |."""

    # Selecting

    def action_select(self) -> None:
        def turn(view: LogView) -> bool:
            if view.selecting:
                view.end_selecting()
            else:
                view.begin_selecting()
            return view.selecting

        self.go(turn)

    def on_log_lines_dragged(self, event: LogLines.Dragged) -> None:
        self.go(lambda view: view.select(event.first, event.last))

    def leave_selection(self) -> bool:
        """The selection ends; False: there was none."""
        if self.view is None or not self.view.selecting:
            return False
        self.go(lambda view: view.end_selecting())
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a selection its keys are those of what is around the log."""
        if action == "copy_selected":
            return self.view is not None and self.view.selecting
        return super().check_action(action, parameters)

    # Copying

    def action_copy(self) -> None:
        self.app.copy_text(self.lines.text())

    def action_copy_selected(self) -> None:
        self._copy("the selection")

    def action_copy_all(self) -> None:
        if self.view is not None and self.view.selecting:
            self.go(lambda view: view.end_selecting())
        self._copy("the log")

    def _copy(self, what: str) -> None:
        self.in_turn(partial(self._copy_chosen, what), f"copying {what}")

    async def _copy_chosen(self, what: str) -> None:
        self.doing = f"copying{self.glyphs.ellipsis}"
        self.tell(self.lines.page)
        try:
            text = await self.read(lambda view: taken(view.chosen(), MOST_COPIED))
        finally:
            self.doing = ""
            self.tell(self.lines.page)
        if self.view is None:
            return
        if not isinstance(text, str):
            most = size(MOST_COPIED)
            instead = " W saves the whole log." if self.view.path is not None else ""
            self.app.tell(f"{what} has more than {most}: too much to be copied.{instead}", "warning")
            return
        if len(text) <= LIMIT:
            self.app.copy_text(text)
        else:
            self.app.tell(await asyncio.to_thread(copy, self.app, text, self.app.model.paths.cache))
        await self.read(lambda view: view.end_selecting())

    # Saving

    def action_save(self) -> None:
        if self.app.refuses("save"):
            return
        path = self.view.path if self.view is not None else None
        if self.view is not None and path is None:
            self.app.tell("One log is saved at a time: m shows them side by side.")
        elif path is not None and self.save_name:
            stream = self.view.order.shown if self.view is not None else ""
            stem, dot, end = self.save_name.rpartition(".")
            name = f"{stem}.{stream}{dot}{end}" if stream else self.save_name
            save = partial(self._save, path, name, stream)
            self.app.start(save, group=f"{self.id}-save", description="saving the log")

    async def _save(self, path: Path, name: str, stream: str) -> None:
        try:
            self.app.tell(f"saved to {await asyncio.to_thread(save_here, path, name, stream)}")
        except OSError as error:
            self.app.tell(f"{name} was not saved in the folder you are in: {error.strerror}.", "error")

    # The pager

    def action_read_in_pager(self) -> None:
        if self.view is not None:
            self.in_turn(self._page_through, "reading the log in the pager")

    async def _page_through(self) -> None:
        from tui.front import run_in_front
        from tui.log.pager import Plan, plan

        app, view = self.app, self.view
        if view is None:
            return
        if view.path is None:
            app.tell("A pager reads one log: m shows them side by side.")
            return
        cache, secure = app.model.paths.cache, app.options.readonly
        try:
            planned = await self.read(
                lambda view: plan(view.order.files[0], view.above_page, os.environ, cache, secure=secure)
            )
        except (OSError, ValueError) as error:
            app.tell(f"the log cannot be given to {os.environ.get('PAGER') or 'a pager'}: {error}", "error")
            return
        if not isinstance(planned, Plan):
            return
        try:
            with app.suspend():
                trouble, status = await run_in_front(planned.command, env=planned.env, pour=planned.pour)
        finally:
            if planned.copy is not None:
                await asyncio.to_thread(planned.copy.unlink, missing_ok=True)
        if trouble:
            app.tell(f"{trouble}. Set PAGER to a pager of yours.", "error")
        elif status:
            app.tell(f"{planned.command[0]} ended with exit code {status}.", "warning")
        app.refresh(repaint=True, layout=True)
