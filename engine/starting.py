"""Starting the engine from a face: a process of its own that outlives whoever started it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import AmlError, EngineUnavailable

if TYPE_CHECKING:
    from engine.paths import Paths

# An engine that waits for its predecessor to leave, on a machine that swaps, still answers within this (s).
START_WITHIN = 60.0
LOG_LINES = 8

# What belongs to the run whose script submits another run, not to the engine this may start.
_OF_A_RUN = ("AZUREML_RUN_ID", "AZUREML_OUTPUT_DIRECTORY", "AZUREML_TARGET_TYPE", "AML_METRICS_FILE")


def start_engine(paths: Paths) -> None:
    """Returns once an engine answers, whether this call started it or another did at the same time. Blocking.

    The engine finds its folders in the environment, as this process did. Raises EngineUnavailable and says why.
    """
    import subprocess

    environ = {name: value for name, value in os.environ.items() if name not in _OF_A_RUN}
    # Marks a process that belongs to no run, whatever run's script started it.
    environ["AML_TUI_ROLE"] = "engine"
    try:
        done = subprocess.run(
            [sys.executable, "-m", "engine.service"],
            # `-m` looks in the working directory first: there the same engine is found that this face belongs to,
            # and no folder of a project that happens to be called `engine`.
            cwd=Path(__file__).parent.parent,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=START_WITHIN,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EngineUnavailable(
            f"the engine did not answer within {START_WITHIN:.0f} s of being started.{_tail(paths)}",
            where=str(paths.engine_log),
            remedy="`aml engine stop --force` ends an engine that hangs; runs go on.",
        ) from None
    except OSError as error:
        raise EngineUnavailable(f"the engine could not be started: {error}.") from error
    _judge(paths, done.stdout, done.stderr)


def _judge(paths: Paths, out: bytes, complaints: bytes) -> None:
    try:
        answer = json.loads(out)
    except ValueError:
        last = complaints.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise EngineUnavailable(
            "the engine ended while it started." + "".join(f"\n  {line}" for line in last) + _tail(paths),
            where=str(paths.engine_log),
            remedy="`aml engine start --foreground` shows what it does.",
        ) from None
    if "error" in answer:
        error = AmlError.from_json(answer["error"])
        raise EngineUnavailable(
            f"the engine cannot start: {error.message}", where=error.where, remedy=error.remedy
        ) from error


def _tail(paths: Paths) -> str:
    try:
        with paths.engine_log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 8192))
            lines = file.read().decode("utf-8", "replace").splitlines()[-LOG_LINES:]
    except OSError:
        return ""
    return "\nThe end of its log:" + "".join(f"\n  {line}" for line in lines) if lines else ""
