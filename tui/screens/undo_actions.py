"""Deleting runs, and bringing back what was deleted: runs from the bin, files that this console removed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tui import wording
from tui.screens.main_actions import MainActions
from tui.screens.run_actions import refusals

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from engine.runs.model import Run
    from tui.screens.bin import BinScreen
    from tui.undo import DeletedRuns, Kept, RemovedFiles, Undoable


class UndoActions(MainActions):
    """One method an action, named after its id. `removed` are the files that went since the console was started.

    `removing` is held while something is removed: bringing back sees it then, and not what went before it.
    """

    removed: list[RemovedFiles]
    removing: asyncio.Lock

    @property
    def undo_key(self) -> str:
        """The key that brings back, as it is written."""
        from tui.actions import BY_ID, shown_key

        return shown_key(self.app.keys.get("undo", BY_ID["undo"].keys)[0])

    def undoable(self) -> int:
        """How many things can be brought back in this project."""
        return len(self.app.model.batches) + len(self._files())

    # Deleting

    def delete(self) -> None:
        from tui.screens.bin import DeleteScreen

        runs = list(self.screen.situation.acted)
        hit = [
            f"{run.name}  {run.state}  {wording.command_line(run.script, run.arguments)}  on {run.target}"
            for run in runs
        ]

        def answered(yes: bool | None) -> None:
            if yes:
                self.app.start(partial(self._delete, runs), group="delete", description="deleting")

        self.app.push_screen(DeleteScreen(runs, hit, self.undo_key), answered)

    async def _delete(self, runs: Sequence[Run]) -> None:
        async with self.removing:
            refused = await self.app.link.delete([run.id for run in runs])
        self._refusals(runs, refused, "deleted")
        gone = [run.id for run in runs if run.id not in refused]
        self.app.model.changed(gone)
        if gone:
            them = "it" if len(gone) == 1 else "them"
            self.app.tell(f"{wording.count_of(len(gone), 'run')} deleted; {self.undo_key} brings {them} back")

    def _refusals(self, runs: Sequence[Run], refused: Mapping[str, str], done: str) -> None:
        for reason, names in refusals(runs, refused).items():
            self.app.tell(f"{names} not {done}: {reason}", "warning")

    # Bringing back

    def undo(self) -> None:
        self.app.start(self._undo, group="undo", description="looking into the bin", exclusive=True, opens=True)

    async def _undo(self) -> None:
        from tui.screens.bin import BinScreen

        async with self.removing:
            things = await self._undoables()
        if not things:
            self.app.tell("undo: nothing was deleted", "warning")
        elif len(things) == 1:
            self.app.start(partial(self._bring_back, things[0]), group="bring-back", description="bringing back")
        elif self.app.screen is self.screen:
            self.app.push_screen(BinScreen(things, self._remove_now, self.app.glyphs.ellipsis), self._chosen)

    async def _undoables(self) -> list[Undoable]:
        from tui.undo import undoables

        return undoables(await self.app.model.bin(), self._files())

    def _files(self) -> list[RemovedFiles]:
        """Those of the project that is open."""
        folder = self.app.model.folder
        return [one for one in self.removed if folder is not None and folder in one.files[0].path.parents]

    def _chosen(self, key: str | None) -> None:
        if key is not None:
            work = partial(self._bring_back_named, key)
            self.app.start(work, group="bring-back", description="bringing back")

    async def _bring_back_named(self, key: str) -> None:
        one = next((one for one in await self._undoables() if one.key == key), None)
        if one is None:
            self.app.tell("it is not in the bin any more", "warning")
        else:
            await self._bring_back(one)

    async def _bring_back(self, one: Undoable) -> None:
        from tui.undo import RemovedFiles

        if isinstance(one, RemovedFiles):
            await self._put_back(one)
        else:
            await self._restore(one)

    async def _restore(self, one: DeletedRuns) -> None:
        refused = await self.app.link.restore([run.id for run in one.runs])
        self._refusals(one.runs, refused, "brought back")
        back = [run for run in one.runs if run.id not in refused]
        self.app.model.changed([run.id for run in back], more=True)
        if back:
            names = back[0].name if len(back) == 1 else wording.count_of(len(back), "run")
            self.app.tell(f"{names} {'is' if len(back) == 1 else 'are'} back")
            self.screen.expect(back[0].id)

    async def _put_back(self, one: RemovedFiles) -> None:
        from tui.undo import put_back

        await self.app.model.ask(put_back, one.files)
        self.removed.remove(one)
        await self.app.model.read_project()
        self.app.tell(f"{one.what} is back" + (f"; {one.lost}" if one.lost else ""))

    # For good

    def _remove_now(self, one: DeletedRuns, screen: BinScreen) -> None:
        from tui.screens.confirm import ConfirmScreen

        hit = [f"{run.name}  {wording.command_line(run.script, run.arguments)}  on {run.target}" for run in one.runs]

        def answered(yes: bool | None) -> None:
            if yes:
                work = partial(self._remove, one, screen)
                self.app.start(work, group="delete", description="removing for good")

        question = f"Remove {wording.count_of(len(one.runs), 'run')} for good?"
        note = "History, log, metrics and outputs are removed. This cannot be undone."
        self.app.push_screen(ConfirmScreen(question, hit, note, "remove", "keep"), answered)

    async def _remove(self, one: DeletedRuns, screen: BinScreen) -> None:
        refused = await self.app.link.delete([run.id for run in one.runs], now=True)
        self._refusals(one.runs, refused, "removed")
        count = len(one.runs) - len(refused)
        if count:
            self.app.tell(f"{wording.count_of(count, 'run')} removed for good")
        things = await self._undoables()
        if self.app.screen is screen:
            if things:
                screen.show(things)
            else:
                screen.dismiss(None)

    # What other actions remove

    async def keep_files(self, paths: Sequence[Path]) -> tuple[Kept, ...]:
        """Have these files at hand before they are removed."""
        from tui.undo import keep

        return await self.app.model.ask(keep, paths)

    async def removed_files(self, what: str, kept: tuple[Kept, ...], lost: str = "") -> bool:
        """Remember those of them that are gone now; whether there is something to bring back. `lost`: what is not."""
        from tui.undo import RemovedFiles, gone

        files = await self.app.model.ask(gone, kept)
        if files:
            self.removed.append(RemovedFiles(self.app.clock(), what, files, lost))
        return bool(files)
