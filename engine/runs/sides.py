"""What is told of one run when it stands beside others: a value a name, secrets never."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import masking
from engine.runs.model import environment_words
from engine.spans import span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine.runs.model import Run, RunPlan
    from engine.runs.store import StoreReader

# "-0.5" is a value, not an option.
_OPTION = re.compile(r"--?[A-Za-z_]")
_PACKAGE = re.compile(r"(?:[^:\[\]/ ]+::)?([A-Za-z0-9][A-Za-z0-9._-]*)")
YES = "yes"


@dataclass(frozen=True)
class Fact:
    """`value` is what is compared, `shown` what is told of it; they differ where it is a secret."""

    value: str
    shown: str
    secret: bool = False


@dataclass(frozen=True)
class Facts:
    """By name: what was run and how it went, and in what."""

    summary: dict[str, Fact]
    environment: dict[str, Fact]


def facts_of(store: StoreReader, run: Run) -> Facts:
    """All that is told of a run but its code and metrics. Blocking."""
    plan = store.plan(run.id)
    summary = dict(_told(_summary(run)))
    summary.update(_arguments(run.arguments))
    if plan is not None:
        variables = sorted(plan.environment_variables.items())
        summary.update((f"${name}", _variable(name, value)) for name, value in variables)
    summary.update(_told(_rest(run)))
    environment = dict(_told(_environment(store, run, plan))) if plan is not None else {}
    return Facts(summary, environment)


def parse_arguments(arguments: Sequence[str]) -> dict[str, list[str]]:
    """Arguments by name: `--rate 0.1`, `--rate=0.1`, `-v`; a flag is "yes", what has no name is "argument 1".

    A name that is given more than once has all of its values.
    """
    found: dict[str, list[str]] = {}
    place = positional = 0
    while place < len(arguments):
        word = arguments[place]
        place += 1
        if word == "--":
            for rest in arguments[place:]:
                positional += 1
                found[f"argument {positional}"] = [rest]
            break
        if not _OPTION.match(word):
            positional += 1
            found[f"argument {positional}"] = [word]
            continue
        name, equals, value = word.partition("=")
        if not equals:
            value = YES
            if place < len(arguments) and arguments[place] != "--" and not _OPTION.match(arguments[place]):
                value = arguments[place]
                place += 1
        found.setdefault(name, []).append(value)
    return found


def seconds(count: float) -> str:
    """A length of time: "9.3 s", "2 min 10 s", "1 h 05 min"."""
    return f"{count:.1f} s" if count < 60 else span(count)


def _told(pairs: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Fact]]:
    """Without what there is nothing to tell of."""
    for name, value in pairs:
        if value not in (None, "", (), {}, []):
            text = str(value)
            yield name, Fact(text, masking.address(text))


def _arguments(arguments: Sequence[str]) -> Iterator[tuple[str, Fact]]:
    for name, values in parse_arguments(arguments).items():
        secret = masking.is_secret(name)
        shown = [masking.STARS] if secret else [masking.assigned(value) or "''" for value in values]
        text = ", ".join(value or "''" for value in values)
        yield name, Fact(text, ", ".join(shown), any(masking.STARS in one for one in shown))


def _variable(name: str, value: str) -> Fact:
    secret = masking.is_secret_variable(name)
    return Fact(value, masking.STARS if secret else masking.address(value or "''"), secret)


def _summary(run: Run) -> Iterator[tuple[str, Any]]:
    code = "" if run.exit_code in (None, 0) else f", exit code {run.exit_code}"
    yield "state", f"{run.state}{code}"
    yield "reason", run.reason
    yield "configuration", run.config
    yield "target", f"{run.target} ({run.target_type})"
    yield "framework", run.framework
    yield "script", run.script


def _rest(run: Run) -> Iterator[tuple[str, Any]]:
    yield "commit", run.commit
    yield "branch", run.branch
    if run.commit:
        yield "uncommitted changes", YES if run.dirty else "no"
    yield "snapshot", (run.snapshot or "")[:12]
    yield "files", run.properties.get("SnapshotFiles")
    for name, value in sorted(run.tags.items()):
        yield f"tag {name}", value or YES
    yield "description", run.description
    yield "user", run.user_id
    yield "priority", run.priority or ""
    if not run.tracked:
        yield "tracked", "no"
    # These are never the same, and say least.
    if run.started is not None and run.ended is not None:
        yield "duration", seconds(run.ended - run.started)
    yield "CPU seconds", run.properties.get("CpuSeconds")
    memory = run.properties.get("PeakMemoryBytes", "")
    yield "peak memory", f"{int(memory) / 1e6:.0f} MB" if memory.isdigit() else memory


def _environment(store: StoreReader, run: Run, plan: RunPlan) -> Iterator[tuple[str, Any]]:
    yield "runs as", {"process": "a process", "container": "a container", "spark": "Spark"}.get(plan.launcher)
    yield "host", plan.host
    yield "interpreter", plan.interpreter
    fingerprint, image = store.environment_of(run.id) or ("", "")
    yield "environment", fingerprint
    if image:
        what, name = environment_words(image)
        yield what, name
    yield from _asked(plan.options.get("environment") or {})
    yield "spark-submit", " ".join(plan.options.get("spark_submit") or ())
    yield "deploy mode", plan.options.get("deploy_mode")
    for name, value in sorted((plan.options.get("container") or {}).items()):
        yield f"container {name.replace('_', ' ')}", _words(name, value)
    yield "conda file", plan.conda_file
    yield "spark file", plan.spark_file
    yield "at most", seconds(plan.max_duration) if plan.max_duration else ""
    yield "shared folder", plan.native_shared_directory
    for name, value in sorted(plan.environ.items()):
        yield f"shell {name}", value


def _asked(spec: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The packages that the dependency files asked for when the run was submitted, each by its name."""
    yield "base image", spec.get("base_image")
    yield "python", spec.get("python")
    yield "own interpreter", spec.get("interpreter")
    yield "channels", ", ".join(map(str, spec.get("channels") or ()))
    yield from _packages("conda", spec.get("conda") or ())
    yield from _packages("pip", spec.get("pip") or ())
    for one in spec.get("sent") or ():
        yield f"sent {one.get('name')}", str(one.get("sha256") or "")[:12]
    spark = spec.get("spark") or {}
    yield "spark repositories", ", ".join(map(str, spark.get("repositories") or ()))
    for package in spark.get("packages") or ():
        name, _, version = str(package).rpartition(":")
        yield f"spark {name}", version
    for name, value in sorted((spark.get("configuration") or {}).items()):
        yield str(name), masking.STARS if masking.is_secret(str(name)) else value


def _packages(tool: str, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    found: dict[str, list[str]] = {}
    for line in map(str, lines):
        match = None if line.startswith("-") or "://" in line else _PACKAGE.match(line)
        # An option or an address is a thing of its own.
        name, version = (match[1].lower(), line[match.end() :].strip()) if match else ("options", line)
        found.setdefault(name, []).append(version or "any version")
    for name, versions in found.items():
        yield f"{tool} {name}", ", ".join(versions)


def _words(name: str, value: Any) -> str:
    if masking.is_secret(name):
        return masking.STARS
    if isinstance(value, (list, tuple)):
        # `docker run` arguments among them: `--env TOKEN=x`.
        return masking.command(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={_words(str(key), one)}" for key, one in sorted(value.items()))
    if isinstance(value, bool):
        return YES if value else "no"
    return str(value)
