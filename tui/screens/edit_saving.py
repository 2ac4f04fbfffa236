"""The file behind an editor: looked at while it is edited, saved after its difference was seen, opened in $EDITOR."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from textual.screen import Screen

from engine.errors import AmlError
from engine.project.check_text import TARGET
from engine.project.saving import ChangedOnDisk, bytes_there
from tui.editing.document import Original
from tui.editing.drafts import Draft
from tui.editing.saving import ready, write
from tui.screens.confirm import ConfirmScreen
from tui.screens.edit_dialogs import MINE, THEIRS, ConflictScreen, SaveScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.project.problems import Problem
    from tui.app import ConsoleApp
    from tui.secret import Secret
    from tui.widgets.yaml_area import YamlArea

# How often somebody else's change is looked for, seconds.
LOOK = 2.0


class Saving(Screen[None]):
    """The part of the edit screen that touches the disk. `seen` is what the file was when it was read, None: none."""

    app: ConsoleApp
    area: YamlArea
    path: Path
    file: str
    kind: str
    original: Original
    seen: bytes | None
    typed: dict[str, Secret]

    def __init__(self) -> None:
        super().__init__()
        # What the file has become meanwhile, and whether that is for a person to decide.
        self.theirs: bytes | None = None
        self.conflict = False
        self._saving = False
        # Whether what was changed is to be forgotten: a person said so.
        self._given_up = False
        self._draft: Draft | None = None
        self._keeping = asyncio.Lock()

    # What the screen gives

    async def problems_now(self) -> list[Problem]:
        raise NotImplementedError

    def show_state(self) -> None:
        raise NotImplementedError

    def line_now(self) -> int:
        """The line of the text that the cursor is at, from 1; 0 where the text has none for it."""
        raise NotImplementedError

    def settle(self) -> bool:
        """Take what is being typed in a row; False when it cannot be."""
        raise NotImplementedError

    @property
    def data(self) -> bytes:
        """The file as it would be written."""
        return self.original.bytes_of(self.area.text)

    @property
    def changed(self) -> bool:
        return self.data != (self.seen or b"")

    @property
    def readonly(self) -> bool:
        return self.app.options.readonly

    # Somebody else's changes

    def look(self) -> None:
        """See whether the file is still what it was."""
        if not self._saving and self.app.screen is self:
            self.app.start(self._look, group="edit-look", description=f"looking at {self.file}", exclusive=True)

    async def _look(self) -> None:
        try:
            found = await asyncio.to_thread(bytes_there, self.path)
        except AmlError:
            # It is told when it is to be saved.
            return
        if self._saving or not self.is_attached:
            return
        if found == self.seen:
            self._agree()
        elif found is not None and not self.changed:
            self.take(found)
            # There is nothing of one's own to go back to: ctrl+z would undo what somebody else did.
            self.area.history.clear()
            self.app.tell(f"{self.file} was changed on disk, and is shown as it is now")
        elif not self.conflict or found != self.theirs:
            self.theirs, self.conflict = found, True
            self.show_state()

    def _agree(self) -> None:
        if self.conflict:
            self.theirs, self.conflict = None, False
            self.show_state()

    def take(self, data: bytes) -> None:
        """Go on from what the file is now."""
        text = Original(data).text
        self.original, self.seen = Original(data), data
        self.area.put(text)
        self._agree()
        self.show_state()

    def action_conflict(self) -> None:
        if self.conflict:
            self.app.start(self._decide, group="edit-decide", description="deciding", exclusive=True)

    async def _decide(self) -> bool:
        """Ask what is to become of the two; whether there is a file to go on with."""
        theirs = self.theirs
        shown = Original(theirs).text if theirs is not None else None
        answer = await self.app.push_screen_wait(ConflictScreen(self.file, shown, self.area.text))
        if answer == THEIRS:
            if theirs is None:
                self._given_up = True
                self.dismiss(None)
                return False
            self.take(theirs)
        elif answer == MINE:
            self.seen = theirs
            self._agree()
            self.show_state()
        return answer in (THEIRS, MINE)

    # What is not saved when the console ends

    async def take_up(self) -> None:
        """Offer what was typed before and not saved."""
        draft = Draft(self.app.model.paths.state, self.path)
        found = await asyncio.to_thread(draft.read)
        if found not in (None, self.data) and not self.readonly and self.is_attached:
            note = "The console ended while it was edited. It is not in the file yet; ctrl+s shows the difference."
            title = "Take up what was not saved?"
            question = ConfirmScreen(title, [self.file], note, "take up", "forget", harmless=True)
            if await self.app.push_screen_wait(question):
                assert found is not None
                self.area.put(Original(found).text)
        # From here on it is this screen's.
        self._draft = draft
        await self.keep_draft()

    async def keep_draft(self) -> None:
        """Keep what is typed, unless that is nothing, or has a password in it."""
        if self._draft is None or self.readonly:
            return
        # One after the other: what is forgotten must not be kept by one that began before.
        async with self._keeping:
            kept = self.changed and not self._given_up
            if kept and self.kind == TARGET:
                kept = not ready(self.area.text, self.kind, "", self.typed).secrets
            work = partial(self._draft.keep, self.data) if kept else self._draft.forget
            await asyncio.to_thread(work)

    async def on_unmount(self) -> None:
        await self.keep_draft()

    # Saving

    def action_save(self) -> None:
        if not self.app.refuses("save") and not self._saving and self.settle():
            self._saving = True
            self.app.start(self._guarded, group="edit-save", description=f"saving {self.file}")

    async def _guarded(self) -> None:
        try:
            await self._save()
        except ChangedOnDisk as error:
            self.theirs, self.conflict = error.found, True
            self.show_state()
            await self._decide()
        finally:
            self._saving = False

    async def _save(self) -> None:
        if self.conflict and not await self._decide():
            return
        if not self.changed and self.seen is not None:
            self.app.tell(f"{self.file} is as it was: nothing to save")
            return
        found = await self.problems_now()
        name = self.path.name.removesuffix(f".{TARGET}")
        done = await asyncio.to_thread(ready, self.area.text, self.kind, name, dict(self.typed))
        notes = self._notes(found, bool(done.secrets), done.moved)
        before = Original(self.seen or b"").text
        if not await self.app.push_screen_wait(SaveScreen(self.file, before, done.text, notes)):
            return
        data = self.original.bytes_of(done.text)
        where = await asyncio.to_thread(write, self.app.model.paths, self.path, data, self.seen, done.secrets)
        self.original, self.seen = Original(data), data
        for reference in done.secrets:
            self.typed.pop(reference, None)
        self.area.put(done.text)
        self.show_state()
        await self.keep_draft()
        self.app.tell(f"{self.file} is saved." + (f" Its password is in {where}." if where else ""))
        await self.app.model.read_project()

    def _notes(self, found: list[Problem], secrets: bool, moved: bool) -> list[tuple[str, str]]:
        errors = [one for one in found if one.severity == "error"]
        notes = []
        if errors:
            what = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
            notes.append((f"It has {what}, and may be saved all the same: {errors[0]}", "$error"))
        if moved:
            notes.append(("The password in it goes to the key store, and the file gets its reference.", "$warning"))
        elif secrets:
            notes.append(("The password that was typed goes to the key store.", "dim"))
        return notes

    # Leaving

    def action_leave(self) -> None:
        self._leave_with(lambda: self.dismiss(None), "leave")

    def ask_to_quit(self) -> None:
        """Of the whole console, whatever is above this screen."""
        if not isinstance(self.app.screen, ConfirmScreen):
            self._leave_with(self.app.leave, "leave the console")

    def _leave_with(self, leave: Callable[[], object], yes: str) -> None:
        self.settle()
        files = [one.file for one in self.app.screen_stack if isinstance(one, Saving) and one.changed]
        if yes == "leave":
            files = [self.file] if self.changed else []
        if not files or self.readonly:
            leave()
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                for one in self.app.screen_stack if yes != "leave" else [self]:
                    if isinstance(one, Saving):
                        one._given_up = True
                leave()

        note = "What was changed here is not in the file, and is not kept."
        self.app.push_screen(ConfirmScreen("Leave without saving?", files, note, yes, "go on"), answered)

    # Another editor

    def action_outside(self) -> None:
        if not self.app.refuses("$EDITOR") and self.settle():
            self.app.start(self._outside, group="edit-outside", description=f"editing {self.file}", exclusive=True)

    async def _outside(self) -> None:
        """Hand over a copy: what comes back is unsaved here, with its difference still to be seen."""
        from tui.editor import edit_copy

        data = await edit_copy(self.app, self.path.name, self.data, self.line_now())
        if data is not None and self.is_attached:
            self.area.put(Original(data).text)
        self.show_state()
