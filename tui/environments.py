"""Environments of container runs, as the store knows them: their builds, what a run has, what changed since before.

Blocking: called in a thread.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import masking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.runs.model import BuildRecord, ImageUse, Run, RunPlan
    from engine.runs.store import StoreReader

# Builds of a project that the console has at hand; older ones are found when somebody asks for them.
KEPT = 12
# Runs looked through for the environment that a configuration had before.
LOOKED_AT = 200


@dataclass(frozen=True)
class BuildView:
    """A build and the configurations of the project that wanted it."""

    record: BuildRecord
    configs: tuple[str, ...] = ()

    @property
    def far(self) -> str:
        """How far it is, in few cells: "preparing 3/7"."""
        return f"preparing {self.record.step}/{self.record.steps}" if self.record.steps else "preparing"


@dataclass(frozen=True)
class Changed:
    """One line that differs between two environments. `sign` is "+" or "-"."""

    sign: str
    what: str
    text: str


@dataclass(frozen=True)
class RunEnvironment:
    """What a run runs in. Before it is prepared, `fingerprint` and `image` are "".

    `build` made it, or is to make it, or failed to. `before` is the other environment that the configuration used last
    before this run, and `changes` what differs from it.
    """

    fingerprint: str = ""
    image: str = ""
    build: BuildRecord | None = None
    before: ImageUse | None = None
    changes: tuple[Changed, ...] = ()


def builds_of(store: StoreReader, project: str | None) -> dict[str, BuildView]:
    """The newest builds that the project's configurations asked for, newest first."""
    return {one.id: _view(store, project, one) for one in store.builds(project, limit=KEPT)}


def build_view(store: StoreReader, project: str | None, build: str) -> BuildView:
    """One build. Raises NotFound."""
    return _view(store, project, store.build(build))


def build_of_run(store: StoreReader, project: str | None, run: Run) -> BuildView | None:
    """The build that a run has its environment from, waits for, or failed with; None when there was none."""
    plan = store.plan(run.id)
    if plan is None:
        return None
    found = _build(store, run, plan, *(store.environment_of(run.id) or ("", "")))
    return None if found is None else _view(store, project, found)


def environment_of(store: StoreReader, run: Run, plan: RunPlan) -> RunEnvironment:
    """The environment of a container run."""
    fingerprint, image = store.environment_of(run.id) or ("", "")
    before = _before(store, run, plan, fingerprint)
    return RunEnvironment(
        fingerprint,
        image,
        _build(store, run, plan, fingerprint, image),
        before,
        () if before is None else changes(before.spec, plan.options.get("environment") or {}),
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Changed, ...]:
    """The lines that differ between two specs (`EnvironmentSpec.to_json`), those that went before those that came."""
    found: list[Changed] = []
    for what, key in (("base image", "base_image"), ("interpreter", "interpreter"), ("python", "python")):
        old, new = str(before.get(key) or ""), str(after.get(key) or "")
        if old != new:
            found += [Changed(sign, what, masking.address(text)) for sign, text in (("-", old), ("+", new)) if text]
    for what, key in (("channel", "channels"), ("conda", "conda"), ("pip", "pip")):
        found += _lines(what, before.get(key) or (), after.get(key) or ())
    old_spark, new_spark = (spec.get("spark") or {} for spec in (before, after))
    for what, key in (("spark repository", "repositories"), ("spark package", "packages")):
        found += _lines(what, old_spark.get(key) or (), new_spark.get(key) or ())
    old_pairs, new_pairs = (
        [f"{name}={value}" for name, value in sorted((spark.get("configuration") or {}).items())]
        for spark in (old_spark, new_spark)
    )
    found += _lines("spark setting", old_pairs, new_pairs)
    return tuple(found)


def _lines(what: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Changed]:
    """A line that moved went and came: the order of pip's lines counts."""
    old, new = [str(one) for one in before], [str(one) for one in after]
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield from (Changed("-", what, masking.address(line)) for line in old[a:b])
            yield from (Changed("+", what, masking.address(line)) for line in new[c:d])


def _view(store: StoreReader, project: str | None, record: BuildRecord) -> BuildView:
    askers = store.build_askers(record.id)
    return BuildView(record, tuple(config for folder, config in askers if project in (None, folder)))


def _build(store: StoreReader, run: Run, plan: RunPlan, fingerprint: str, image: str) -> BuildRecord | None:
    """The newest that made this environment, or without one, the newest that went on while the run waited."""
    if fingerprint:
        until = run.started or run.ended
        made = (
            one
            for one in store.builds(host=plan.host)
            if one.state == "ready" and (one.fingerprint == fingerprint or one.image == image)
        )
        return next((one for one in made if until is None or one.started <= until), None)
    return next(
        (
            one
            for one in store.builds(run.project, host=plan.host)
            if (run.ended is None or one.started <= run.ended)
            and (one.ended is None or one.ended >= run.created)
            and (run.project, run.config) in store.build_askers(one.id)
        ),
        None,
    )


def _before(store: StoreReader, run: Run, plan: RunPlan, fingerprint: str) -> ImageUse | None:
    """The other environment that the run's configuration used last before the run."""
    others = {
        use.fingerprint: use
        for use in store.image_uses(run.project, host=plan.host)
        if use.config == run.config and use.fingerprint != fingerprint
    }
    if not others:
        return None
    # The store has when an environment was used last, which may be after this run; earlier runs tell of those.
    found = [(use.last_used, use) for use in others.values() if use.last_used < run.created]
    for other in store.runs(run.project, limit=LOOKED_AT):
        if other.config == run.config and other.created < run.created:
            its = store.environment_of(other.id)
            if its is not None and its[0] in others:
                found.append((other.created, others[its[0]]))
                break
    return max(found, key=lambda one: one[0])[1] if found else None
