"""What a run wrote into its outputs: the tree with sizes, and a look into a text file."""

from __future__ import annotations

import asyncio
import os
import stat
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding

from engine.project.outputs import not_kept
from tui.log.ansi import folded
from tui.plain import plain
from tui.widgets.facts_pane import Fact, FactsPane
from tui.wording import count_of, size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual.binding import BindingType

    from engine.runs.model import Run
    from engine.runs.store import StoreReader

# More is not looked at on a screen; the file itself is in the folder that is shown.
_FILES, _BYTES, _LINES = 5000, 1 << 20, 5000


class OutputsPane(FactsPane):
    """enter looks into the file under the cursor, escape comes back, `W` copies all of it to where one is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "look", show=False),
        Binding("escape", "leave", show=False),
        Binding("W", "save", show=False),
    ]
    HINTS = (("enter", "look"), ("W", "copy all here"))
    LABELS = 0
    empty = "no outputs yet"

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._looking: str | None = None

    def show(self, run: Run | None) -> None:
        if (run.id if run else None) != (self.run.id if self.run else None):
            self._looking = None
        super().show(run)

    def read(self, store: StoreReader, run: Run) -> Sequence[Fact]:
        why = not_kept(store.plan(run.id))
        if why:
            return [Fact("", plain(why), "dim")]
        folder = self.paths.host_run(run.id) / "outputs"
        if self._looking is not None:
            return _file(folder / self._looking, self._looking)
        return _tree(folder)

    def action_look(self) -> None:
        if self.cursor is None or self._looking is not None:
            return
        path = self.facts[int(self.cursor)].copy
        if path:
            self._looking = path
            self._again()

    def action_leave(self) -> None:
        if self._looking is None:
            self.screen.call_later(self.screen.run_action, "act('back')")
            return
        self._looking = None
        self._again()

    def _again(self) -> None:
        self.forget()
        self.refresh_from_store()

    def action_save(self) -> None:
        run = self.run
        # Without a file there is nothing to copy; where none are kept, that is what is shown.
        if run is not None and (self._looking or any(fact.copy for fact in self.facts)):
            self.app.start(partial(self._save, run), group="outputs-save", description="copying the outputs")

    async def _save(self, run: Run) -> None:
        from pathlib import Path

        def copy() -> Path:
            import shutil

            target = Path.cwd() / f"{run.name}-outputs"
            shutil.copytree(self.paths.host_run(run.id) / "outputs", target, symlinks=True)
            return target

        try:
            self.app.tell(f"copied to {await asyncio.to_thread(copy)}")
        except OSError as error:
            self.app.tell(f"the outputs were not copied: {error}", "error")


def _tree(folder: Path) -> list[Fact]:
    facts: list[Fact] = []
    files, total = 0, 0

    def walk(inside: Path, depth: int) -> None:
        nonlocal files, total
        try:
            with os.scandir(inside) as listing:
                items = sorted(listing, key=lambda item: item.name)
        except OSError:
            return
        for item in items:
            if len(facts) > _FILES:
                return
            pad = "  " * depth
            if item.is_dir(follow_symlinks=False):
                facts.append(Fact("", f"{'':7}{pad}{plain(item.name)}/", "dim"))
                walk(inside / item.name, depth + 1)
                continue
            info = item.stat(follow_symlinks=False)
            if stat.S_ISREG(info.st_mode):
                files += 1
                total += info.st_size
                path = os.path.relpath(item.path, folder)
                facts.append(Fact("", f"{size(info.st_size):>6} {pad}{plain(item.name)}", "", path))
            else:
                kind = f" -> {plain((inside / item.name).readlink())}" if item.is_symlink() else " (not a file)"
                facts.append(Fact("", f"{'':7}{pad}{plain(item.name)}{kind}", "dim"))

    walk(folder, 0)
    if facts:
        facts.append(Fact("", f"{size(total):>6} in {count_of(files, 'file')}, in {plain(folder)}", "dim", ""))
    return facts


def _file(path: Path, name: str) -> list[Fact]:
    try:
        with path.open("rb") as file:
            data = file.read(_BYTES)
            whole = os.fstat(file.fileno()).st_size
    except OSError as error:
        return [Fact("", f"{plain(name)} cannot be read: {error.strerror}", "bad")]
    facts = [Fact("", f"{plain(name)}  {size(whole)}", "mark")]
    if b"\0" in data[:4096]:
        return [*facts, Fact("", "this is not text", "dim")]
    lines = data.split(b"\n")
    facts += [Fact("", plain(folded(line).decode("utf-8", "replace"))) for line in lines[:_LINES]]
    if whole > len(data) or len(lines) > _LINES:
        facts.append(Fact("", f"only its beginning is shown; all of it: {plain(path)}", "dim"))
    return facts
