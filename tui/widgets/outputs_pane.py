"""What a run wrote into its outputs: the tree with sizes, a look into a file, and copies of it where one wants them.

What is on this machine is read here. The outputs of a run that goes on elsewhere, and files that were too large to be
brought home, are listed and fetched by the engine.
"""

from __future__ import annotations

import asyncio
import base64
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from engine.errors import AmlError
from engine.project.outputs import not_kept
from engine.project.spark_submit import in_cluster_mode
from engine.runs.store import StoreReader
from tui import outputs
from tui.editor import edit_in_front
from tui.front import run_in_front
from tui.log.pager import pager
from tui.plain import plain
from tui.widgets.facts_pane import Fact, FactsPane
from tui.wording import count_of, size

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from textual.binding import BindingType

    from engine.runs.model import Run

FAR = ("remote", "remotedocker", "cluster")
# A host is asked for its listing again no sooner than this, and a copy at work is looked at so often (s).
ASK_AGAIN, LOOK = 3.0, 0.5


class OutputsPane(FactsPane):
    """A tree, or the file that is looked into; what is at work is said in the first line."""

    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("enter", "look", "Look into the file"),
        ("escape", "leave", "Back to the tree"),
        ("v", "view", "Open the file in $PAGER"),
        ("E", "edit", "Open a copy of the file in $EDITOR"),
        ("w", "save_one", "Copy the file to a folder"),
        ("W", "save", "Copy all of it to a folder"),
        ("Y", "copy_line", "Copy the path of the file; of one that is looked into, the line"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding(keys, action, show=False) for keys, action, _ in KEYS]
    HINTS = (("enter", "look"), ("v", "pager"), ("w", "copy"), ("W", "copy all"))
    # Of these, those that write files.
    WRITING = frozenset({"w", "W"})
    LABELS = 0
    empty = "no outputs yet"

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._looking: str | None = None
        # Sizes by path, as last listed.
        self._sizes: dict[str, int] = {}
        self._listed: tuple[str, float, list[dict[str, Any]]] | None = None
        self._doing = ""

    def show(self, run: Run | None) -> None:
        if (run.id if run else None) != (self.run.id if self.run else None):
            self._looking = None
            self._listed = None
            self._sizes = {}
        super().show(run)

    # Reading

    async def _load(self, run: Run) -> None:
        facts = await self._facts(run)
        if self._doing:
            facts = [Fact("", self._doing, "accent"), *facts]
        if self.run is not None and self.run.id == run.id and facts != self._found:
            self._found = facts
            self._arrange()

    async def _facts(self, run: Run) -> Sequence[Fact]:
        if self._looking is not None:
            return await self._file(run, self._looking)
        folder = self.paths.host_run(run.id) / "outputs"
        why, here = await asyncio.to_thread(self._here, run, folder)
        if why:
            return [Fact("", plain(why), "dim")]
        there, note = await self._there(run)
        self._sizes = {one["path"]: int(one["size"]) for one in (there or here) if one["kind"] == "file"}
        notes = [Fact("", plain(note), "warn")] if note else []
        if there is None:
            return [*notes, *outputs.tree(here, str(folder))]
        where = f"the outputs of {run.name} on {run.target}"
        return [*notes, *outputs.tree(there, where, {one["path"] for one in here})]

    def _here(self, run: Run, folder: Path) -> tuple[str, list[dict[str, Any]]]:
        """Why there are none to see, or what is on this machine."""
        with StoreReader(self.paths.store) as store:
            plan = store.plan(run.id)
        why = not_kept(plan)
        if not why and plan is not None and in_cluster_mode(plan) and not run.state.ended:
            why = "they are with its driver on the cluster, and come when it ends"
        return why, [] if why else outputs.listed_here(folder)

    def _is_far(self, run: Run) -> bool:
        """Whether its host may have what is not here."""
        return run.target_type in FAR and (not run.state.ended or "NotBroughtHome" in run.properties)

    async def _there(self, run: Run) -> tuple[list[dict[str, Any]] | None, str]:
        """What its host has, where that is another machine and may have more than this one; else why it is not told."""
        if not self._is_far(run):
            return None, ""
        now = asyncio.get_running_loop().time()
        if self._listed is not None and self._listed[0] == run.id and now - self._listed[1] < ASK_AGAIN:
            return self._listed[2], ""
        if self._listed is None and not self._found:
            self._found = [Fact("", f"asking {plain(run.target)}", "dim")]
            self._arrange()
        try:
            found = await self.app.link.outputs(run.id, start=self.app.start_engine)
        except (AmlError, OSError) as error:
            return None, f"what is on {run.target} cannot be told: {error}"
        self._listed = (run.id, now, found)
        return found, ""

    async def _file(self, run: Run, name: str) -> list[Fact]:
        path = self.paths.host_run(run.id) / "outputs" / name
        try:
            if not self._is_far(run) or await asyncio.to_thread(path.exists):
                data, whole = await asyncio.to_thread(outputs.beginning, path)
            else:
                told = await self.app.link.read_output(run.id, name, outputs.BYTES)
                data, whole = base64.b64decode(told["data"]), max(self._sizes.get(name, 0), int(told["length"]))
        except (AmlError, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            return [Fact("", f"{plain(name)} cannot be read: {plain(why)}", "bad")]
        return await asyncio.to_thread(outputs.text, name, data, whole)

    # Keys

    @property
    def chosen(self) -> str | None:
        """The file that is looked into, or under the cursor."""
        if self._looking is not None or self.cursor is None:
            return self._looking
        return self.facts[int(self.cursor)].copy or None

    def _needed(self) -> str | None:
        """The chosen file; where there is none, that is said."""
        if self.chosen is None:
            self.app.tell("there is no file under the cursor", "warning")
        return self.chosen

    def action_look(self) -> None:
        path = self.chosen
        if path and self._looking is None:
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

    def action_copy_line(self) -> None:
        """Of a file, its whole path where it is on this machine."""
        run, path = self.run, self.chosen
        if run is None or path is None or self._looking is not None:
            super().action_copy_line()
        else:
            self.app.copy_text(str(self.paths.host_run(run.id) / "outputs" / path))

    def action_view(self) -> None:
        self._open(self._page_through)

    def action_edit(self) -> None:
        if not self.app.refuses("$EDITOR"):
            self._open(self._edit)

    def _open(self, work: Callable[[Run, str], Coroutine[Any, Any, None]]) -> None:
        run, path = self.run, self._needed()
        if run is not None and path is not None:
            begin = partial(work, run, path)
            self.app.start(begin, group="outputs-open", description=f"opening {plain(path)}", exclusive=True)

    async def _page_through(self, run: Run, path: str) -> None:
        file = self.paths.host_run(run.id) / "outputs" / path
        if not await asyncio.to_thread(file.exists):
            file = await self._copied(run, path)
        try:
            words, env = pager(os.environ, secure=self.app.options.readonly)
            with self.app.suspend():
                trouble, _ = await run_in_front([*words, str(file)], env=env)
        except ValueError as error:
            trouble = f"{os.environ.get('PAGER')} is no command: {error}"
        if trouble:
            self.app.tell(f"{trouble}. Set PAGER to a pager of yours.", "error")
        self.app.refresh(repaint=True, layout=True)

    async def _edit(self, run: Run, path: str) -> None:
        """A copy: the outputs are a record."""
        await edit_in_front(self.app, await self._copied(run, path))

    async def _copied(self, run: Run, path: str) -> Path:
        folder = self.paths.cache / "outputs" / run.id
        await self._fetch(run, path, folder)
        return folder / path

    def action_save_one(self) -> None:
        if self.app.refuses("copy"):
            return
        run, path = self.run, self._needed()
        if run is not None and path is not None:
            self._ask(f"Copy {plain(path)} to the folder", ".", run, path)

    def action_save(self) -> None:
        run = self.run
        # Without a file there is nothing to copy; where none are kept, that is what is shown.
        if run is not None and self._sizes and not self.app.refuses("copy"):
            self._ask(f"Copy the outputs of {run.name} to the folder", f"{run.name}-outputs", run, "")

    def _ask(self, title: str, folder: str, run: Run, path: str) -> None:
        from tui.screens.name import NameScreen

        self.app.push_screen(NameScreen(title, folder, partial(self._save, run, path)))

    async def _save(self, run: Run, path: str, name: str) -> None:
        """Begin to copy, unless something is there that somebody wants to keep; it goes on when the dialog closed."""
        folder, taken = await asyncio.to_thread(_place, name, path)
        if taken:
            from tui.screens.confirm import ConfirmScreen

            question = ConfirmScreen(
                "Copy over what is there?", [taken], "Files of the same names are lost.", "copy", "no"
            )
            if await self.app.push_screen_wait(question) is not True:
                raise AmlError(f"{taken} stays as it is.", remedy="Give another folder.")
        work = partial(self._copy, run, path, folder)
        self.app.start(work, group="outputs-save", description="copying the outputs")

    async def _copy(self, run: Run, path: str, folder: Path) -> None:
        answer = await self._fetch(run, path, folder)
        where = folder / path if path else folder
        self.app.tell(f"{count_of(int(answer['files']), 'file')} copied to {where}")
        for line in answer["skipped"]:
            self.app.tell(f"not copied: {line}", "warning")

    async def _fetch(self, run: Run, path: str, folder: Path) -> dict[str, Any]:
        """Have outputs in a folder here; how far it is stands in the first line. Raises AmlError."""
        if not self._is_far(run):
            return await asyncio.to_thread(outputs.copied, self.paths.host_run(run.id) / "outputs", path, folder)
        whole = self._sizes.get(path, 0) if path else sum(self._sizes.values())
        before = await asyncio.to_thread(outputs.bytes_under, folder)
        fetching = asyncio.ensure_future(self.app.link.fetch(run.id, path, folder))
        try:
            while not (await asyncio.wait({fetching}, timeout=LOOK))[0]:
                done = await asyncio.to_thread(outputs.bytes_under, folder) - before
                self._say(f"copying {plain(path) or 'all of it'}: {size(max(0, done))} of {size(whole)}")
            return fetching.result()
        finally:
            fetching.cancel()
            self._say("")

    def _say(self, doing: str) -> None:
        if doing != self._doing:
            self._doing = doing
            self.refresh_from_store()


def _place(name: str, path: str) -> tuple[Path, str]:
    """The folder that was named, from where one is, and what is there already of what would be copied."""
    if not name:
        raise AmlError("no folder was named.")
    folder = Path(name).expanduser().absolute()
    there = folder / path if path else folder
    taken = os.path.lexists(there) if path else (folder.exists() and (not folder.is_dir() or any(folder.iterdir())))
    return folder, str(there) if taken else ""
