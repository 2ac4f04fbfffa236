"""What a run's script ran in: interpreter, image or archive, what is in it and changed, variables (secrets masked)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import masking
from engine.project.spark_submit import in_cluster_mode
from engine.runs.model import environment_words, is_image
from tui import environments, wording
from tui.plain import plain, plain_lines
from tui.reading import PREPARED
from tui.widgets.facts_pane import Fact, FactsPane
from tui.widgets.overview_pane import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.runs.model import BuildRecord, Run, RunPlan
    from engine.runs.store import StoreReader
    from tui.environments import RunEnvironment

# Of a dependency file as much is shown as one reads; the whole of it is in the project.
_LINES = 60
_INKS = {"+": "good", "-": "bad"}


class EnvironmentPane(FactsPane):
    """From the plan that was resolved at submission, and where an environment is made, from what came of it."""

    empty = "the run was not resolved yet"

    @property
    def HINTS(self) -> tuple[tuple[str, str], ...]:  # noqa: N802 - what other panes have as a constant
        return (("b", "build log"),) if self.run is not None and self.run.target_type in PREPARED else ()

    def read(self, store: StoreReader, run: Run) -> Sequence[Fact]:
        plan = store.plan(run.id)
        if plan is None:
            return []
        if "environment" not in plan.options:
            return [*self._process(plan), *self._rest(plan), *self._files(plan)]
        found = environments.environment_of(store, run, plan)
        return [*self._prepared(run, plan, found), *self._asked(plan.options["environment"]), *self._rest(plan)]

    def _process(self, plan: RunPlan) -> Iterator[Fact]:
        words = {"process": "a process", "container": "a container", "spark": _on_yarn(plan)}
        yield Fact("runs as", words.get(plan.launcher, plan.launcher))
        if plan.interpreter:
            yield Fact("interpreter", plain(plan.interpreter), "accent")

    def _rest(self, plan: RunPlan) -> Iterator[Fact]:
        yield Fact("framework", plan.framework)
        if plan.native_shared_directory:
            yield Fact("shared folder", plain(plan.native_shared_directory))
        if plan.max_duration:
            yield Fact("at most", f"{plan.max_duration:g} s")
        yield from self._variables("variables", plan.environment_variables)
        yield from self._variables("of the shell", plan.environ)
        for notice in plan.notices:
            yield Fact("notice", plain(notice), "warn")

    def _variables(self, label: str, variables: dict[str, str]) -> Iterator[Fact]:
        for name, value in sorted(variables.items()):
            shown = masking.STARS if masking.is_secret_variable(name) else plain(value)
            yield Fact(label, f"{plain(name)}={shown}")
            label = ""

    def _files(self, plan: RunPlan) -> Iterator[Fact]:
        for label, file in (("conda", plan.conda_file), ("spark", plan.spark_file)):
            if file:
                unused = " (local targets use the Python they name)" if plan.target_type in ("local", "remote") else ""
                yield Fact(label, f"{plain(file)}{unused}")
                yield from self._file(Path(plan.project) / file)

    def _file(self, path: Path) -> Iterator[Fact]:
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                for line, _ in zip(file, range(_LINES), strict=False):
                    yield Fact("", plain(line.rstrip("\n")), "dim")
        except OSError as error:
            yield Fact("", f"it cannot be read now: {error.strerror}", "warn")

    # What was made for it

    def _prepared(self, run: Run, plan: RunPlan, found: RunEnvironment) -> Iterator[Fact]:
        asked, build = plan.options["environment"], found.build
        contained = plan.launcher == "container"
        on_cluster = _on_yarn(plan) if plan.launcher == "spark" else "a process on the head node"
        yield Fact("runs as", "a container" if contained else on_cluster)
        if found.fingerprint:
            what, short = environment_words(found.image)
            yield Fact("environment", f"{plain(found.fingerprint)}", "accent", found.fingerprint)
            yield Fact(what, plain(short), "accent", found.image)
        elif build is not None:
            ink = "bad" if build.state == "failed" else "warn"
            # Its error has lines of its own below.
            state = wording.build_state(replace(build, error=""), self.clock())
            yield Fact("environment", state, ink)
        else:
            yield Fact("environment", "not there" if run.state.ended else "not there yet", "warn")
        if contained:
            yield Fact("base image", plain(str(asked.get("base_image") or "")))
        if found.fingerprint:
            yield from self._built(run, found, nothing=not any(asked.get(key) for key in ("conda", "python", "pip")))
        if build is not None:
            yield Fact("build log", plain(build.log), "", build.log)
        yield from self._changed(run, found)
        if build is not None and build.state == "failed":
            yield from self._error(build)

    def _built(self, run: Run, found: RunEnvironment, *, nothing: bool) -> Iterator[Fact]:
        build = found.build
        if build is None:
            earlier = "the base image as it is: nothing is installed" if nothing else "earlier; its build is not kept"
            yield Fact("built", earlier)
            return
        ended = build.ended if build.ended is not None else build.started
        size = f", {wording.image_size(build.size)}" if build.size else ""
        yield Fact("built", f"{moment(ended)}, in {wording.span(ended - build.started)}{size}")
        if ended >= run.created:
            yield Fact("reused", "no: built while this run waited for it")
        else:
            yield Fact("reused", f"yes: it was there {wording.span(run.created - ended)} before this run")

    def _error(self, build: BuildRecord) -> Iterator[Fact]:
        label = "error"
        for line in plain_lines(build.error).splitlines():
            yield Fact(label, line, "bad")
            label = ""

    def _changed(self, run: Run, found: RunEnvironment) -> Iterator[Fact]:
        before = found.before
        if before is None:
            yield Fact("changed", f"nothing to compare with: the first environment of {plain(run.config)}", "dim")
            return
        yield Fact("changed", f"since {plain(before.fingerprint)}, which {plain(run.config)} used before", "dim")
        if not found.changes:
            image, tools = "the image behind the base image's name is another", "what it is made with is another"
            yield Fact("", f"no line; {image if is_image(before.image) else tools}, or the platform", "dim")
        for one in found.changes:
            yield Fact("", f"{one.sign} {one.what}: {plain(one.text)}", _INKS[one.sign])

    def _asked(self, asked: dict[str, Any]) -> Iterator[Fact]:
        """The dependencies as they were at submission; the files may have changed since."""
        if asked.get("interpreter"):
            yield Fact("interpreter", plain(str(asked["interpreter"])))
        if asked.get("python"):
            yield Fact("python", plain(str(asked["python"])))
        spark = asked.get("spark") or {}
        for label, lines in (
            ("channels", asked.get("channels")),
            ("conda", asked.get("conda")),
            ("pip", asked.get("pip")),
            ("spark packages", spark.get("packages")),
        ):
            shown = label
            for line in lines or ():
                yield Fact(shown, plain(masking.address(str(line))))
                shown = ""


def _on_yarn(plan: RunPlan) -> str:
    """Where driver and executors of a PySpark run are."""
    return "driver and executors on YARN" if in_cluster_mode(plan) else "a driver on the head node, executors on YARN"
