"""What the actions on the project's files do: edit, make, copy, delete, show what is wrong."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tui.screens.undo_actions import UndoActions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.project.problems import Problem
    from tui.reading import ConfigView, TargetView


class FileActions(UndoActions):
    """One method an action, named after its id."""

    def edit(self) -> None:
        item = self._under_cursor()
        if item is not None:
            self._open(item.file)

    def conda_file(self) -> None:
        self._open_dependencies("conda")

    def spark_file(self) -> None:
        self._open_dependencies("spark")

    def _open_dependencies(self, kind: str) -> None:
        """The file of the run configuration under the cursor, else the project's own."""
        from engine.project.dependencies import CONDA_FILE, SPARK_FILE

        now = self.screen.situation
        config = now.config if now.pane == "configs" else None
        named = "" if config is None else config.conda_file if kind == "conda" else config.spark_file
        default = CONDA_FILE if kind == "conda" else SPARK_FILE
        self._open(named or f"{self.app.model.project.config_folder}/{default}", kind)

    def _open(self, file: str, kind: str = "", line: int = 0) -> None:
        from tui.screens.edit_opening import open_editor

        work = partial(open_editor, self.app, file, kind=kind, line=line)
        self.app.start(work, group="edit-open", description=f"opening {file}", exclusive=True, opens=True)

    def _under_cursor(self) -> ConfigView | TargetView | None:
        now = self.screen.situation
        return now.config if now.pane == "configs" else now.target

    def edit_outside(self) -> None:
        item, folder = self._under_cursor(), self.app.model.folder
        if item is not None and folder is not None:
            work = partial(self._edit_outside, folder / item.file)
            self.app.start(work, group="edit", description=f"editing {item.file}")

    async def _edit_outside(self, file: Path, line: int = 0) -> None:
        from tui.editor import edit_in_front

        await edit_in_front(self.app, file, line)
        await self.app.model.read_project()

    def new(self) -> None:
        now = self.screen.situation
        target = now.target.name if now.pane == "targets" and now.target else now.config.target if now.config else ""
        usable = [one.name for one in self.app.model.project.targets if not one.problem]
        chosen = target if target in usable else usable[0] if usable else ""
        if not chosen:
            self.app.tell("the project has no compute target that can be used", "warning")
            return
        self._name(f"New run configuration on {chosen}", "", partial(self._create, chosen))

    async def _create(self, target: str, name: str) -> None:
        from engine.project.create import create_runconfiguration
        from engine.project.folder import open_project

        folder = self.app.model.project.path
        await self._change(lambda: create_runconfiguration(open_project(folder), name, target))

    def duplicate(self) -> None:
        config = self.screen.situation.config
        if config is not None:
            self._name(f"Copy of {config.name}", f"{config.name}-2", partial(self._duplicate, config.name))

    async def _duplicate(self, source: str, name: str) -> None:
        from engine.project.create import duplicate_runconfiguration
        from engine.project.folder import open_project

        folder = self.app.model.project.path

        def copy() -> None:
            project = open_project(folder)
            duplicate_runconfiguration(project, project.config(source), name)

        await self._change(copy)

    def remove(self) -> None:
        from tui.screens.confirm import ConfirmScreen

        config = self.screen.situation.config
        if config is None:
            return
        name, file = config.name, config.file

        def answered(yes: bool | None) -> None:
            if yes:
                self.app.start(partial(self._remove_config, name, file), group="files", description=f"deleting {file}")

        note = f"Runs that used it stay in the history as they were. Until you leave, {self.undo_key} brings it back."
        self.app.push_screen(
            ConfirmScreen("Delete the run configuration?", [f"{name}  {file}"], note, "delete", "keep"), answered
        )

    async def _remove_config(self, name: str, file: str) -> None:
        from engine.project.create import delete_runconfiguration
        from engine.project.folder import open_project

        folder = self.app.model.project.path
        kept = await self.keep_files([Path(folder, file)])
        await self._change(lambda: delete_runconfiguration(open_project(folder), name))
        if await self.removed_files(f"the run configuration {name}", kept):
            self.app.tell(f"{file} deleted; {self.undo_key} brings it back")

    async def _change(self, change: Callable[[], object]) -> None:
        await self.app.model.ask(change)
        await self.app.model.read_project()

    def _name(self, title: str, value: str, use: Callable[[str], Awaitable[None]]) -> None:
        from tui.screens.name import NameScreen

        def answered(name: str | None) -> None:
            if name is not None:
                self.screen.configs.move_to(name)

        self.app.push_screen(NameScreen(title, value, use), answered)

    def problems(self) -> None:
        from tui.screens.problems import ProblemsScreen

        def chosen(answer: tuple[str, Problem] | None) -> None:
            folder = self.app.model.folder
            if answer is None or folder is None:
                return
            how, problem = answer
            if how == "outside":
                work = partial(self._edit_outside, folder / problem.file, problem.line)
                self.app.start(work, group="edit", description=f"editing {problem.file}")
            else:
                self._open(problem.file, line=problem.line)

        self.app.push_screen(ProblemsScreen(), chosen)
