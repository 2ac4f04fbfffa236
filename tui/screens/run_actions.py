"""What the actions on runs do: submit, run again, cancel, delete, mark, list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import AmlError
from tui import wording
from tui.screens.main_actions import MainActions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engine.runs.model import Run
    from tui.reading import ConfigView


# Runs that are named in one notice.
NAMED = 4


class RunActions(MainActions):
    """One method an action, named after its id."""

    def submit(self) -> None:
        config = self._likely_config()
        if config is None:
            self.app.tell("no run configuration can be read; P shows what is wrong", "warning")
            return
        script, arguments = config.script, config.arguments
        if not script:
            before = self.app.model.last_of(config.name)
            if before is not None:
                script, arguments = before.script, before.arguments
        self._open_submit(config, script, arguments)

    def _likely_config(self) -> ConfigView | None:
        """The one under the cursor in its pane, in that of targets one of the target's, else that of the run under the
        cursor, else the first usable."""
        now, project = self.screen.situation, self.app.model.project
        if now.pane == "targets" and now.prepares:
            return now.prepares[0]
        named = now.config if now.pane == "configs" else project.config(now.run.config) if now.run else None
        if named is not None and not named.problem:
            return named
        return next(iter(project.usable()), None)

    def rerun_changed(self) -> None:
        run = self.screen.current
        config = self.app.model.project.config(run.config) if run is not None else None
        if run is None or config is None or config.problem:
            self.app.tell("the run's configuration is not in this project any more", "warning")
            return
        self._open_submit(config, run.script, run.arguments, rerun_of=run.id)

    def _open_submit(
        self, config: ConfigView, script: str, arguments: tuple[str, ...], rerun_of: str | None = None
    ) -> None:
        from tui.screens.submit import SubmitScreen

        self.app.push_screen(
            SubmitScreen(config, script=script, arguments=arguments, rerun_of=rerun_of), self.screen.expect
        )

    def rerun(self) -> None:
        runs = self.screen.situation.acted

        async def work() -> None:
            from tui.requests import again

            refused: dict[str, str] = {}
            for run in runs:
                try:
                    request = await self.app.model.request(run.id)
                    answer = await self.app.link.submit(await self.app.model.ask(again, request, run.id))
                except AmlError as error:
                    if len(runs) == 1:
                        raise
                    refused[run.id] = str(error)
                    continue
                self.app.tell(f"{answer['name']} submitted, again as {run.name}")
                self.screen.expect(str(answer["run_id"]))
            self._tell_refused(runs, refused, "run again")

        if len(runs) == 1:
            self._work(work, "rerun", "running again")
            return
        self._ask(
            f"Run {wording.count_of(len(runs), 'run')} again?",
            runs,
            "Each is submitted as it was; those for which there is no slot wait.",
            ("run again", "do not"),
            lambda: self._work(work, "rerun", "running again"),
            harmless=True,
        )

    def cancel(self) -> None:
        runs = [run for run in self.screen.situation.acted if not run.state.ended]

        async def work() -> None:
            self._tell_refused(runs, await self.app.link.cancel([run.id for run in runs]), "canceled")

        self._ask(
            f"Cancel {wording.count_of(len(runs), 'run')}?",
            runs,
            "The script is interrupted, then terminated, then killed. What it wrote so far stays.",
            ("cancel", "let it go on" if len(runs) == 1 else "let them go on"),
            lambda: self._work(work, "cancel", "cancelling"),
        )

    def _tell_refused(self, runs: Sequence[Run], refused: Mapping[str, str], done: str) -> None:
        """What was not done and why; runs that share a reason in one notice."""
        for reason, names in refusals(runs, refused).items():
            self.app.tell(f"{names} not {done}: {reason}", "warning")

    def _ask(
        self,
        question: str,
        runs: Sequence[Run],
        note: str,
        answers: tuple[str, str],
        then: Callable[[], None],
        *,
        harmless: bool = False,
    ) -> None:
        from tui.screens.confirm import ConfirmScreen

        def hit() -> list[str]:
            now = [self._run(run.id) or run for run in runs]
            return [
                f"{run.name}  {run.state}  {wording.command_line(run.script, run.arguments)}  on {run.target}"
                for run in now
            ]

        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.app.push_screen(ConfirmScreen(question, hit, note, *answers, harmless=harmless), answered)

    def _work(self, work: Callable[[], object], group: str, description: str) -> None:
        self.app.start(work, group=group, description=description)  # type: ignore[arg-type]

    def _run(self, run_id: str) -> Run | None:
        return self.app.model.runs.get(run_id)

    def mark(self) -> None:
        self.screen.table.toggle_mark()

    def unmark(self) -> None:
        self.screen.table.unmark()

    def filter(self) -> None:
        self.screen.open_filter()

    def copy(self) -> None:
        run = self.screen.current
        if run is not None:
            self.app.copy_text(run.id)


def refusals(runs: Sequence[Run], refused: Mapping[str, str]) -> dict[str, str]:
    """Reason -> the names of the runs it holds for, the first few of many."""
    found: dict[str, list[str]] = {}
    for run in runs:
        if run.id in refused:
            found.setdefault(refused[run.id], []).append(run.name)
    named = {}
    for reason, names in found.items():
        some = names if len(names) <= NAMED else [*names[: NAMED - 1], f"{len(names) - NAMED + 1} more"]
        named[reason] = wording.listed(some)
    return named
