"""What the actions on compute targets do: attach, test, connect, show the public key, open a shell, detach."""

from __future__ import annotations

import asyncio
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from tui import wording
from tui.front import run_in_front
from tui.screens.environment_actions import SOON, EnvironmentActions
from tui.screens.hands_actions import AT_ONCE, INSTALLED, HandsActions
from tui.screens.undo_actions import UndoActions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tui.reading import TargetView

T = TypeVar("T")


class TargetActions(EnvironmentActions, HandsActions, UndoActions):
    """One method an action, named after its id."""

    def _about(self, work: Callable[[TargetView, Path], Awaitable[None]], doing: str) -> None:
        """Do this about the target under the cursor, beside the keys."""
        target, folder = self.screen.situation.target, self.app.model.folder
        if target is not None and folder is not None:
            begin = partial(work, target, folder)
            self.app.start(begin, group="target", description=f"{doing} {target.name}")  # type: ignore[arg-type]

    async def _aside(self, doing: str, work: Callable[..., T], *values: object) -> T:
        """Files and the key store, in a thread; a keyring that has to be opened takes as long as a person does."""
        slow = self.app.set_timer(SOON, partial(self.app.tell, doing))
        try:
            return await asyncio.to_thread(work, self.app.model.paths, *values)
        finally:
            slow.stop()

    @property
    def _elsewhere(self) -> bool:
        """Whether one went on to something else meanwhile: then nothing is put in the way."""
        return self.app.screen is not self.screen

    # Attaching

    def attach(self) -> None:
        from tui.screens.attach_kind import KindScreen

        folder, project = self.app.model.folder, self.app.model.project
        taken = frozenset(one.name for one in project.targets) | {one.name for one in project.configs}

        def attached(name: str | None) -> None:
            if name is not None:
                self.app.start(partial(self._attached, name), group="attached", description=f"showing {name}")

        if folder is not None:
            self.app.push_screen(KindScreen(folder, taken), attached)

    async def _attached(self, name: str) -> None:
        """Show it, and offer to prepare what it needs."""
        from tui.screens.confirm import ConfirmScreen

        app = self.app
        await app.model.read_project()
        self.screen.set_pane("targets")
        self.screen.targets.move_to(name)
        target = app.model.project.target(name)
        if target is None or not target.prepared or self._elsewhere:
            return
        note = "Its runs need one, and do not prepare it themselves: PrepareEnvironment is false. p does it any time."
        question = ConfirmScreen(
            "Prepare its environment now?", [f"{name}  {target.type}"], note, "prepare", "later", harmless=True
        )
        if await app.push_screen_wait(question) is True:
            self._prepare(name)

    # Reaching

    def test(self) -> None:
        target = self.screen.situation.target
        if target is not None and target.remote:
            self._about(self._test, "testing")
        else:
            # What there is to know of the Docker Engine of this machine is looked at by the engine.
            self.app.start(self.app.link.wake, group="wake", description="starting the engine")
            self._open_target()

    async def _test(self, target: TargetView, folder: Path) -> None:
        from tui import targets
        from tui.screens.attach_steps import StepsScreen

        doing = f"{target.name}: reading its file and the key store"
        wanted, notice = await self._aside(doing, targets.to_reach, folder, target.name)
        if notice:
            self.app.tell(notice, "warning")
        where = await self._aside(doing, targets.where_kept)
        if not self._elsewhere:
            self.app.push_screen(StepsScreen(target.name, wanted, where))

    def _open_target(self) -> None:
        from tui.screens.details import target_text
        from tui.screens.text import TextScreen

        target = self.screen.situation.target
        if target is not None:
            name, model, signs = target.name, self.app.model, self.app.glyphs.spark
            self.app.push_screen(TextScreen(name, lambda: target_text(model, name, signs)))

    def connect(self) -> None:
        self._about(self._connect, "connecting")

    async def _connect(self, target: TargetView, _: Path) -> None:
        await self.app.link.attempt("now", target=target.host)
        self.app.tell(f"{target.name}: connecting")

    def public_key(self) -> None:
        self._about(self._public_key, "looking for the key of")

    async def _public_key(self, target: TargetView, folder: Path) -> None:
        from tui import targets
        from tui.screens.public_key import PublicKeyScreen

        doing = f"{target.name}: looking for its key"
        key = await self._aside(doing, targets.public_key, folder, target.name)
        place = f"Its place on {target.host} is a line of ~/.ssh/authorized_keys."
        if not self._elsewhere:
            self.app.push_screen(PublicKeyScreen(target.name, key, (place,)))

    def shell(self) -> None:
        if self.screen.situation.pane == "targets":
            self._about(self._shell, "opening a shell on")
        else:
            self.run_shell()

    async def _shell(self, target: TargetView, folder: Path) -> None:
        named = ["-n", target.name, "-p", str(folder)]
        command = [sys.executable, "-m", "cli.main", "computetarget", "shell", *named]
        began = time.monotonic()
        with self.app.suspend():
            # `-m` looks in the working directory first: a project may have a folder called `cli`.
            trouble, status = await run_in_front(command, INSTALLED)
        self.app.refresh(repaint=True, layout=True)
        if trouble:
            self.app.tell(trouble, "error")
        elif status and time.monotonic() - began < AT_ONCE:
            self.app.tell(f"no shell on {target.name} (status {status}); t shows how far one gets", "error")

    # Detaching

    def detach(self) -> None:
        self._about(self._detach, "detaching")

    async def _detach(self, target: TargetView, folder: Path) -> None:
        from tui import targets
        from tui.screens.confirm import ConfirmScreen

        app = self.app
        doing = f"{target.name}: looking for what belongs to it"
        hit, others = await self._aside(doing, targets.goes_with, folder, target.name)
        notes = ["Runs that used it stay in the history as they were."]
        going = sum(run.target == target.name for run in app.model.unfinished())
        if going:
            notes.append(f"{wording.count_of(going, 'run')} on it go on, and may not be reached again.")
        if others:
            notes.append(f"Still naming it, and of no use then: {', '.join(others)}.")
        question = ConfirmScreen(f"Detach {target.name}?", hit, " ".join(notes), "detach", "keep")
        if not self._elsewhere and await app.push_screen_wait(question) is True:
            files = [folder / one for one in hit if (folder / one).suffix in (".compute", ".runconfig")]
            kept = await self.keep_files(files)
            gone = await self._aside(f"{target.name}: detaching", targets.detach, folder, target.name)
            lost = f"{hit[-1]} is not" if len(files) < len(hit) else ""
            back = await self.removed_files(f"the target {target.name}", kept, lost)
            undo = f"; {self.undo_key} brings {'it' if len(gone) == 1 else 'them'} back" if back else ""
            app.tell(f"{target.name} is detached: {' and '.join(gone)} removed{undo}")
            await app.model.read_project()
