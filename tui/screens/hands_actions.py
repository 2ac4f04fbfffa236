"""What one does with one's own hands: look at a plan before submitting, open a shell where a run is."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import AmlError
from tui.front import run_in_front
from tui.plain import plain
from tui.screens.main_actions import MainActions

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.runs.model import Run
    from engine.runs.request import RunRequest
    from tui.reading import ConfigView


# The command line is found beside this, whatever folder the project is in.
INSTALLED = Path(__file__).parents[2]
# A shell that ends with an error this soon was never one, seconds.
AT_ONCE = 3.0


class HandsActions(MainActions):
    """One method an action, named after its id."""

    def plan(self) -> None:
        """Of the configuration under the cursor, or of the run under it once more."""
        from tui.screens.plan import PlanScreen

        now = self.screen.situation
        if now.pane == "configs" and now.config is not None:
            self.app.push_screen(PlanScreen(f"Plan of {now.config.name}", self._as_configured(now.config)))
        elif now.run is not None:
            self.app.push_screen(PlanScreen(f"Plan of {now.run.name}, run again", self._once_more(now.run.id)))

    def _as_configured(self, config: ConfigView) -> Callable[[], RunRequest]:
        model = self.app.model
        before = model.last_of(config.name)

        def request() -> RunRequest:
            from tui import requests

            script, arguments = config.script, config.arguments
            if not script and before is not None:
                script, arguments = before.script, before.arguments
            elif not script:
                script = requests.likely_script(requests.scripts(Path(model.project.path)))
            return requests.new_request(model.project.path, config, script, arguments, {}, token=uuid.uuid4().hex)

        return request

    def _once_more(self, run_id: str) -> Callable[[], RunRequest]:
        def request() -> RunRequest:
            from engine.runs.store import StoreReader
            from tui.requests import again

            with StoreReader(self.app.model.paths.store) as store:
                return again(store.request(run_id), run_id)

        return request

    def run_shell(self) -> None:
        run = self.screen.situation.run
        if run is not None:
            work = partial(self._run_shell, run)
            self.app.start(work, group="shell", description=f"opening a shell of {run.name}")

    async def _run_shell(self, run: Run) -> None:
        """The engine says where it is, and opens it when it is elsewhere; then it has the terminal until it ends."""
        from engine.project.shell import surrounded

        app = self.app
        app.tell(f"opening a shell of {run.name}")
        columns, rows = app.size
        window = {"term": os.environ.get("TERM") or "dumb", "rows": rows, "columns": columns}
        found = await app.link.attempt("shell", id=run.id, **window)
        shell = os.environ.get("SHELL") or "/bin/sh"
        began = time.monotonic()
        with app.suspend():
            sys.stdout.write(f"{plain(found['where'])}; exit comes back\r\n")
            sys.stdout.flush()
            if "here" in found:
                here = found["here"]
                trouble, status = await run_in_front([shell], Path(here["cwd"]), env=surrounded(os.environ, here))
            else:
                # `-m` looks in the working directory first: a project may have a folder called `cli`.
                command = [sys.executable, "-m", "cli.main", "experiment", "shell", "--socket", found["socket"]]
                trouble, status = await run_in_front(command, INSTALLED)
        app.refresh(repaint=True, layout=True)
        if trouble:
            app.tell(f"{trouble}. Set SHELL to a shell of yours.", "error")
        elif status and time.monotonic() - began < AT_ONCE:
            app.tell(f"the shell of {run.name} ended with status {status}", "warning")

    def forward(self) -> None:
        from tui.screens.forward import ForwardScreen

        run = self.screen.situation.run
        if run is not None:
            self.app.push_screen(ForwardScreen(run))

    def reproduce(self) -> None:
        from tui.screens.name import NameScreen

        run = self.screen.situation.run
        if run is not None:
            title = f"Write what runs {run.name} again"
            self.app.push_screen(NameScreen(title, "reproduce.sh", partial(self._reproduce, run)))

    async def _reproduce(self, run: Run, name: str) -> None:
        from engine.runs.reproducing import refused, write_script
        from tui.screens.confirm import ConfirmScreen

        app, file = self.app, await asyncio.to_thread(_named, name)
        write = partial(write_script, app.model.paths, run.id, file)
        try:
            try:
                await asyncio.to_thread(write)
            except FileExistsError:
                note = "What it says now is lost."
                question = ConfirmScreen("Replace this file?", [str(file)], note, "replace", "keep")
                if await app.push_screen_wait(question) is not True:
                    raise AmlError(f"{file} stays as it is.", remedy="Give another name.") from None
                await asyncio.to_thread(write, replace=True)
        except OSError as error:
            raise refused(error) from error
        place = f", on the machine of {run.target}," if run.target_type in ("remote", "cluster") else ""
        app.tell(f"written: {file}. `sh {file.name}`{place} runs {run.name} again")


def _named(text: str) -> Path:
    """A file as somebody types it, from where one is. Raises AmlError when nothing is typed."""
    if not text:
        raise AmlError("no file was named.")
    return Path(text).expanduser().absolute()
