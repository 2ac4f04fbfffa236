"""What a run left, byte for byte on stdout: its driver log, the engine's doings for it, a file of its outputs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.records import utc
from engine.errors import NotFound
from engine.plain import plain
from engine.project.outputs import not_kept

if TYPE_CHECKING:
    from cli.places import Place
    from engine.runs.model import Run

PIECE = 1 << 20


def write_artifact(place: Place, run: Run, name: str) -> None:
    """Raises NotFound when the run has nothing of this name."""
    if name == "driver_log":
        copy(place.paths.driver_log(run.id))
    elif name == "control_log":
        sys.stdout.write(control_log(place, run))
    else:
        _output(place, run, name)


def copy(path: Path) -> None:
    """A file's bytes to stdout. A log that does not exist yet is an empty one."""
    sys.stdout.flush()
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                write_all(piece)
    except FileNotFoundError:
        return


def write_all(data: bytes) -> None:
    """Bytes to stdout as they are, past every buffer and encoding. Raises BrokenPipeError."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(1, view) :]
        except BlockingIOError:
            # Somebody made the pipe non-blocking (ssh and some shells do).
            import select

            select.select([], [1], [])


def control_log(place: Place, run: Run) -> str:
    """What was done for the run, in order of time: its states, and the exact commands."""
    lines = [
        (change.at, f"{change.before} -> {change.after} ({change.event}){': ' if change.reason else ''}{change.reason}")
        for change in place.store.transitions(run.id)
    ]
    for command in place.store.commands(run.id):
        import shlex

        lines.append((command.at, f"on {command.where} in {command.cwd or '/'}: {shlex.join(command.argv)}"))
    return "".join(f"{utc(at)} {plain(text)}\n" for at, text in sorted(lines))


def _output(place: Place, run: Run, name: str) -> None:
    from engine.client import call

    path = in_outputs(place, run, name)
    import tempfile

    with tempfile.TemporaryDirectory(prefix="aml-") as folder:
        call("fetch", {"id": run.id, "path": path, "dest": folder}, paths=place.paths)
        copy(Path(folder, path))


def in_outputs(place: Place, run: Run, name: str) -> str:
    """The path of an output as the engine knows it, from what a person writes. Raises NotFound."""
    from engine.client import call

    why = not_kept(place.store.plan(run.id))
    if why:
        raise NotFound(f"{run.name} has no output {name!r}: {why}.")
    path = name.removeprefix("./").removeprefix("outputs/").rstrip("/")
    known = [str(one["path"]) for one in call("outputs", {"id": run.id}, paths=place.paths)["outputs"]]
    if path in known or any(one.startswith(f"{path}/") for one in known):
        return path
    some = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
    raise NotFound(f"{run.name} has no output {name!r}.", remedy=f"It has: {some}." if known else "It has no outputs.")
