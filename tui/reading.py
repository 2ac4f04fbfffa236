"""What the console shows, as frozen values, and how it is read from store and project. Blocking: runs in a thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import AmlError
from engine.runs.store import StoreReader
from tui import environments

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.project.compute import ComputeTarget
    from engine.project.problems import Problem
    from engine.project.runconfig import RunConfiguration
    from engine.runs.bin import Batch, Binned
    from engine.runs.model import Run, Series, TargetState
    from engine.runs.request import RunRequest
    from tui.environments import BuildView

# Types of targets that run scripts in containers: their Docker Engine is shown.
CONTAINERS = ("docker", "remotedocker")
# Those on which environments are made of the dependency file.
PREPARED = (*CONTAINERS, "cluster")
# Those of machines over SSH.
REMOTE = ("remote", "remotedocker", "cluster")
# What is no business of a row or of its details.
HIDDEN = frozenset({"name", "extra", "file", "password", "private_key"})
# What says nothing of a machine that runs no containers for us, and of one that is no cluster.
OF_CONTAINERS = frozenset({"base_docker_image", "shared_volumes", "nvidia_docker"})
OF_CLUSTERS = frozenset({"spark_submit_location", "yarn_deploy_mode"})
# Runs read before the first list is shown, and looked at again for new ones at each change.
FIRST = 200


@dataclass(frozen=True)
class TargetView:
    """A compute target as a row shows it. `problem` is set when its file cannot be used. `slots` 0: not limited.

    `error` is the problem without its place and what to do about it.
    `host` is what the engine calls its machine; `keyed`: it has a key of its own, made here or in a file.
    """

    name: str
    type: str = ""
    host: str = "local"
    slots: int = 0
    file: str = ""
    problem: str = ""
    error: str = ""
    details: tuple[tuple[str, str], ...] = ()
    keyed: bool = False

    @property
    def remote(self) -> bool:
        """Whether it is a machine over SSH."""
        return self.type in REMOTE and not self.problem

    @property
    def prepared(self) -> bool:
        """Whether environments are made on it."""
        return self.type in PREPARED and not self.problem

    @property
    def containers(self) -> bool:
        return self.type in CONTAINERS and not self.problem

    @property
    def cluster(self) -> bool:
        return self.type == "cluster" and not self.problem


@dataclass(frozen=True)
class ConfigView:
    """A run configuration as a row shows it. `problem` is set when it cannot be used.

    `errors` is all that is wrong in its file; with some of it a run of another script may still be submitted.
    """

    name: str
    framework: str = ""
    target: str = ""
    script: str = ""
    arguments: tuple[str, ...] = ()
    file: str = ""
    problem: str = ""
    errors: tuple[Problem, ...] = ()
    conda_file: str = ""
    spark_file: str = ""


@dataclass(frozen=True)
class ProjectView:
    """The project on disk. `missing` says why there is none to show; `absent`: scripts that its files name in vain."""

    path: str = ""
    name: str = ""
    targets: tuple[TargetView, ...] = ()
    configs: tuple[ConfigView, ...] = ()
    problems: tuple[Problem, ...] = ()
    missing: str = ""
    loaded: bool = False
    absent: frozenset[str] = frozenset()
    config_folder: str = "aml_config"

    def config(self, name: str) -> ConfigView | None:
        return next((config for config in self.configs if config.name == name), None)

    def target(self, name: str) -> TargetView | None:
        return next((target for target in self.targets if target.name == name), None)

    def usable(self, target: str | None = None) -> tuple[ConfigView, ...]:
        """The configurations whose files can be used; those of a target."""
        return tuple(one for one in self.configs if not one.problem and target in (None, one.target))


@dataclass(frozen=True)
class Reading:
    """What one look at the store brought. `everything`: `runs` is the whole list and replaces what was known."""

    runs: tuple[Run, ...] = ()
    gone: frozenset[str] = frozenset()
    everything: bool = False
    more: bool = False
    targets: dict[str, TargetState] = field(default_factory=dict)
    builds: dict[str, BuildView] = field(default_factory=dict)
    batches: tuple[Batch, ...] = ()


def read_project(path: Path) -> ProjectView:
    """The project folder, never raising: a project that cannot be opened says why in `missing`."""
    from engine.project.check import missing_target, problems_of
    from engine.project.folder import open_project

    try:
        project = open_project(path)
    except AmlError as error:
        return ProjectView(str(path), path.name, missing=str(error), loaded=True)
    problems = problems_of(project)
    errors: dict[str, tuple[Problem, ...]] = {}
    for problem in problems:
        if problem.severity == "error":
            errors[problem.file] = (*errors.get(problem.file, ()), problem)
    targets = [_target(name, target) for name, target in sorted(project.targets.items())]
    configs = [
        _config(name, config, missing_target(project, config), errors.get(config.file, ()))
        for name, config in sorted(project.configs.items())
    ]
    for name, problem in sorted(project.broken.items()):
        stem, _, kind = name.rpartition(".")
        if kind == "compute":
            targets.append(TargetView(stem, file=problem.file, problem=str(problem), error=problem.message))
        else:
            configs.append(
                ConfigView(stem, file=problem.file, problem=str(problem), errors=errors.get(problem.file, (problem,)))
            )
    return ProjectView(
        str(project.path),
        project.name,
        tuple(sorted(targets, key=_local_first)),
        tuple(sorted(configs, key=_local_first)),
        tuple(problems),
        loaded=True,
        absent=absent(path, configs),
        config_folder=project.config_folder.name,
    )


def absent(path: Path, configs: Iterable[ConfigView]) -> frozenset[str]:
    """The scripts of these configurations that are not there."""
    return frozenset(one.script for one in configs if one.script and not (path / one.script).is_file())


def _local_first(item: TargetView | ConfigView) -> tuple[bool, str]:
    return (item.name != "local", item.name)


def _target(name: str, target: ComputeTarget) -> TargetView:
    hidden = HIDDEN
    if target.type in ("remote", "cluster"):
        hidden |= OF_CONTAINERS
    if target.type in ("remote", "remotedocker"):
        hidden |= OF_CLUSTERS
    details = [
        (key.replace("_", " "), str(value))
        for key, value in vars(target).items()
        if key not in hidden and value not in (None, "", (), {})
    ]
    keyed = bool(target.private_key or target.private_key_file)
    return TargetView(name, target.type, target.host, target.slots, target.file, details=tuple(details), keyed=keyed)


def _config(name: str, config: RunConfiguration, missing: Problem | None, errors: tuple[Problem, ...]) -> ConfigView:
    return ConfigView(
        name,
        config.framework,
        config.target,
        "" if config.script == "$file" else config.script,
        config.arguments,
        config.file,
        str(missing) if missing else "",
        errors,
        config.conda_file or "",
        config.spark_file or "",
    )


class HistoryReading:
    """One reader of the store, for one thread. Finds what changed without reading the whole history again."""

    def __init__(self, store: Path) -> None:
        self._store = StoreReader(store)
        self._project: str | None = None
        self._unfinished: set[str] = set()
        self._version: int | None = None

    def close(self) -> None:
        self._store.close()

    def first(self, project: str | None) -> Reading:
        """The newest runs of a project folder, quickly. `more` tells that `rest` has others."""
        self._project = project
        self._version = self._store.data_version()
        runs = self._store.runs(project, limit=FIRST)
        self._note(runs)
        return Reading(tuple(runs), everything=True, more=len(runs) == FIRST, **self._beside())

    def rest(self) -> Reading:
        """The whole history of the project."""
        self._version = self._store.data_version()
        runs = self._store.runs(self._project)
        self._unfinished.clear()
        self._note(runs)
        return Reading(tuple(runs), everything=True, **self._beside())

    def changes(self, hints: Iterable[str], *, forced: bool = False) -> Reading | None:
        """What changed since the last look; None when nothing was written. `hints` are runs the engine named."""
        version = self._store.data_version()
        named = set(hints)
        if version == self._version and not named and not forced:
            return None
        self._version = version
        unfinished = self._store.runs(self._project, unfinished=True)
        newest = self._store.runs(self._project, limit=FIRST)
        found = {run.id: run for run in (*newest, *unfinished)}
        asked = (self._unfinished | named) - found.keys()
        found.update((run.id, run) for run in self._store.by_ids(asked) if self._ours(run))
        gone = frozenset(asked - found.keys())
        self._unfinished = {run.id for run in unfinished}
        return Reading(tuple(found.values()), gone, **self._beside())

    def count(self) -> int:
        """How many runs the list should have."""
        return self._store.count(self._project)

    def series(self, ids: Iterable[str]) -> dict[str, tuple[Series, ...]]:
        return {run: tuple(series) for run, series in self._store.series_of_runs(ids).items()}

    def projects(self) -> list[tuple[str, str, int, float]]:
        return self._store.projects()

    def request(self, run_id: str) -> RunRequest:
        return self._store.request(run_id)

    def bin(self) -> list[Binned]:
        """What was deleted and can be brought back."""
        return self._store.bin(self._project)

    def build(self, build: str) -> BuildView:
        return environments.build_view(self._store, self._project, build)

    def build_of_run(self, run: Run) -> BuildView | None:
        return environments.build_of_run(self._store, self._project, run)

    def _beside(self) -> dict[str, Any]:
        """What else each look brings."""
        return {
            "targets": self._store.targets(),
            "builds": environments.builds_of(self._store, self._project),
            "batches": tuple(self._store.batches(self._project)),
        }

    def _ours(self, run: Run) -> bool:
        return not run.hidden and (self._project is None or run.project == self._project)

    def _note(self, runs: Iterable[Run]) -> None:
        self._unfinished.update(run.id for run in runs if not run.state.ended)
