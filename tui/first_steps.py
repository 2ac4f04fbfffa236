"""What an empty pane says: what there is not yet, and which key makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import BY_ID, shown_key
from tui.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.model import ConsoleModel
    from tui.screens.main import MainScreen


class FirstSteps:
    """`keys`: those that a person chose, by action."""

    def __init__(self, model: ConsoleModel, keys: Mapping[str, tuple[str, ...]]) -> None:
        self.model = model
        self.keys = keys

    def tell(self, screen: MainScreen) -> None:
        """Say it in the panes."""
        screen.table.say_empty(screen.listing.empty_text(self.runs()), wrong=bool(self.model.trouble))
        screen.targets.say_empty(self.targets())
        screen.configs.say_empty(self.configs())

    def _key(self, action: str) -> str:
        return shown_key(self.keys.get(action, BY_ID[action].keys)[0])

    @property
    def _no_project(self) -> str:
        if not self.model.loaded or (self.model.folder is not None and not self.model.project.loaded):
            return "reading the project"
        if self.model.folder is not None and not self.model.project.missing:
            return ""
        if self.model.folder is not None:
            # One that was removed, or moved away, while it was open here, has its runs still.
            return f"there is no project in {plain(str(self.model.folder))}: {self._key('projects')} opens another"
        return f"no project is open: {self._key('projects')} opens one, or makes one"

    @property
    def _nothing(self) -> bool:
        return not self.model.project.targets and not self.model.project.configs

    def targets(self) -> str:
        return self._no_project or f"no compute target: {self._key('attach')} attaches one"

    def configs(self) -> str:
        """In its pane `new` has its key; before a target is there, there is nothing to make one for."""
        if self._no_project or not self._nothing:
            return self._no_project or f"no run configuration: {self._key('new')} makes one here"
        return f"no run configuration: {self._key('projects')}, then ctrl+n, makes those of this machine"

    def runs(self) -> str:
        if self._no_project:
            return self._no_project
        if self.model.project.configs:
            return f"no runs yet: {self._key('submit')} submits a script"
        if self._nothing:
            return (
                f"no runs yet: they need a compute target and a run configuration. {self._key('projects')}, then"
                f" ctrl+n, makes those of this machine, {self._key('attach')} attaches another."
            )
        return (
            f"no runs yet: they need a run configuration. {self._key('pane_configs')}, then {self._key('new')},"
            " makes one."
        )
