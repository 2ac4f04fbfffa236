"""`aml computetarget test`: whether scripts can run on a target, step by step, with what to do about what is wrong."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.asking import Person
from cli.connecting import Attempt, Outcome, Steps
from cli.keeping import Keeping
from cli.output import emit
from cli.places import Place
from engine.client import call
from engine.errors import AmlError, EngineUnavailable
from engine.plain import plain
from engine.project.compute import SSH_TYPES
from engine.project.folder import open_project

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from engine.paths import Paths
    from engine.project.compute import ComputeTarget
    from engine.project.folder import Project
    from engine.secrets import KeyStore


def test(options: argparse.Namespace) -> int:
    """0 when it can be used, also with warnings, else 1."""
    place = Place(options)
    project = open_project(place.the_project())
    target = project.target(options.name.removesuffix(".compute"))
    formatted = bool(options.output or options.query)
    # With data on stdout the steps are for a person alone.
    steps = Steps(sys.stderr if formatted else sys.stdout, quiet=formatted and not sys.stderr.isatty())
    if target.type in SSH_TYPES:
        from engine.project.passwords import move_password
        from engine.secrets import KeyStore

        keys = KeyStore(place.paths)
        target, notice = move_password(project, target, keys)
        if notice:
            sys.stderr.write(f"notice: {plain(notice)}\n")
        outcome = _test_machine(place.paths, project, target, keys, steps)
    else:
        outcome = test_here(place.paths, project, target, steps)
    if formatted:
        data = {"name": target.name, "host": target.host, "state": outcome.state, "steps": list(outcome.steps)}
        emit(options, data, [_row(step) for step in outcome.steps])
    elif outcome.state != "ok":
        failed = f" at {outcome.failed}" if outcome.failed else ""
        sys.stderr.write(f"{target.name}: the test {outcome.state}{failed}\n")
    return 0 if outcome.state == "ok" else 1


def _test_machine(paths: Paths, project: Project, target: ComputeTarget, keys: KeyStore, steps: Steps) -> Outcome:
    from engine.project.queues import queues_for

    again = f"Do this on a terminal: `aml computetarget test -n {target.name}`."
    unattended = {"prompt": again, "host key": f"{again} Or put the machine's key into ~/.ssh/known_hosts."}
    person = Person()
    keeping = Keeping(person, keys, target.machine, own=bool(target.password))
    outcome = Attempt(paths, person, steps, keeping, unattended).run(
        {
            "machine": target.machine.to_json(),
            "kind": target.type,
            "python": target.python_location,
            "spark_submit": target.spark_submit_location,
            "queues": queues_for(project, target.name) if target.type == "cluster" else [],
            "secrets": {},
            "install": "",
        }
    )
    if keeping.password and outcome.passed("authenticate"):
        # It takes the place of the one that the file refers to.
        keys.put(target.password, keeping.password)
    return outcome


def test_here(paths: Paths, project: Project, target: ComputeTarget, steps: Steps) -> Outcome:
    """The same for a target on this machine: there is no way to it that could fail."""

    def agent() -> str:
        call("connect", {"op": "now", "target": "local"}, paths=paths)
        return ""

    looks: dict[str, tuple[str, Callable[[], str]]] = {"agent": ("Agent", agent)}
    if target.type == "docker":
        looks["docker"] = ("Docker", lambda: _docker(paths))
    else:
        looks["python"] = ("Python", lambda: _python(project, target))
    told: list[dict[str, Any]] = [
        {"name": name, "title": title, "state": "waiting", "detail": "", "remedy": "", "seconds": 0.0}
        for name, (title, _) in looks.items()
    ]
    for step in told:
        step["state"] = "working"
        steps.show(told)
        begun = time.monotonic()
        try:
            step["detail"] = looks[step["name"]][1]()
            step["state"] = "ok"
        except EngineUnavailable:
            raise
        except AmlError as error:
            step.update(state="failed", detail=error.message, remedy=error.remedy)
        step["seconds"] = time.monotonic() - begun
        steps.show(told)
        if step["state"] == "failed":
            return Outcome("failed", told)
    return Outcome("ok", told)


def _docker(paths: Paths) -> str:
    there = call("environments", {"op": "list", "host": "local"}, paths=paths)["environments"]
    return f"{len(there)} environments are prepared" if len(there) != 1 else "one environment is prepared"


def _python(project: Project, target: ComputeTarget) -> str:
    named = [target.python_location] if target.python_location else ["python", "python3"]
    for name in named:
        program = str(Path.home() / name[2:]) if name.startswith("~/") else name
        found = shutil.which(str(project.path / program) if os.sep in program else program)
        if found:
            return found
    raise AmlError(
        f"there is no program {' or '.join(named)} on this machine.",
        remedy=f"Name one with `pythonLocation` in {target.file}.",
    )


def _row(step: dict[str, Any]) -> dict[str, Any]:
    return {key: step[key] for key in ("title", "state", "detail", "remedy")}
