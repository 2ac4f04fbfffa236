"""What a run's script ran in: interpreter, dependency files, variables (secrets masked)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tui.plain import plain
from tui.widgets.facts_pane import Fact, FactsPane

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.runs.model import Run, RunPlan
    from engine.runs.store import StoreReader

_SECRET = re.compile(r"SECRET|TOKEN|PASSW|CREDENTIAL|PRIVATE|(?:^|_)KEY(?:$|_)|APIKEY", re.IGNORECASE)
# Of a dependency file as much is shown as one reads; the whole of it is in the project.
_LINES = 60


class EnvironmentPane(FactsPane):
    """From the plan that was resolved at submission."""

    empty = "the run was not resolved yet"

    def read(self, store: StoreReader, run: Run) -> Sequence[Fact]:
        plan = store.plan(run.id)
        return [] if plan is None else list(self._plan(plan))

    def _plan(self, plan: RunPlan) -> Iterator[Fact]:
        yield Fact("runs as", {"process": "a process", "container": "a container"}.get(plan.launcher, plan.launcher))
        yield Fact("interpreter", plain(plan.interpreter), "accent")
        yield Fact("framework", plan.framework)
        if plan.native_shared_directory:
            yield Fact("shared folder", plain(plan.native_shared_directory))
        if plan.max_duration:
            yield Fact("at most", f"{plan.max_duration:g} s")
        yield from self._variables("variables", plan.environment_variables)
        yield from self._variables("of the shell", plan.environ)
        for label, file in (("conda", plan.conda_file), ("spark", plan.spark_file)):
            if file:
                unused = " (local targets use the Python they name)" if plan.target_type in ("local", "remote") else ""
                yield Fact(label, f"{plain(file)}{unused}")
                yield from self._file(Path(plan.project) / file)
        for notice in plan.notices:
            yield Fact("notice", plain(notice), "warn")

    def _variables(self, label: str, variables: dict[str, str]) -> Iterator[Fact]:
        for name, value in sorted(variables.items()):
            shown = "********" if _SECRET.search(name) else plain(value)
            yield Fact(label, f"{plain(name)}={shown}")
            label = ""

    def _file(self, path: Path) -> Iterator[Fact]:
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                for line, _ in zip(file, range(_LINES), strict=False):
                    yield Fact("", plain(line.rstrip("\n")), "dim")
        except OSError as error:
            yield Fact("", f"it cannot be read now: {error.strerror}", "warn")
