"""Making a request to run something. Blocking (it looks at files and the user database): called in a thread."""

from __future__ import annotations

import dataclasses
import getpass
import shlex
import uuid
from typing import TYPE_CHECKING

from engine.runs.request import RunRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.runs.model import RunPlan
    from tui.reading import ConfigView

SCRIPTS_SHOWN = 200
SKIPPED = frozenset({"outputs", "aml_config", ".azureml", "node_modules", "__pycache__", "build", "dist"})


def new_request(
    project: str,
    config: ConfigView,
    script: str,
    arguments: tuple[str, ...],
    tags: dict[str, str],
    *,
    token: str,
    rerun_of: str | None = None,
) -> RunRequest:
    """What the submit dialog asks for. What is as the configuration has it is left to the configuration."""
    from engine.project.shell import shell_environ

    given = script if script and script != config.script else None
    return RunRequest(
        project=project,
        config=config.name,
        token=token,
        rerun_of=rerun_of,
        script=given,
        # A script given by hand takes the place of the configured one together with its arguments.
        arguments=arguments if given or arguments != config.arguments else None,
        tags=tags,
        user_id=getpass.getuser(),
        environ=shell_environ(),
    )


def again(request: RunRequest, run_id: str) -> RunRequest:
    """The same request once more, from the shell of now."""
    from engine.project.shell import shell_environ

    return dataclasses.replace(
        request, token=uuid.uuid4().hex, rerun_of=run_id, user_id=getpass.getuser(), environ=shell_environ()
    )


def to_prepare(project: str, config: str) -> RunRequest:
    """What `prepare` asks for: the environment of a configuration as it is written."""
    from engine.project.shell import shell_environ

    return RunRequest(
        project=project, config=config, token=uuid.uuid4().hex, user_id=getpass.getuser(), environ=shell_environ()
    )


def plan_of(request: RunRequest) -> RunPlan:
    """What would be run. Raises AmlError with file and line."""
    from engine.project.resolve import resolve

    return resolve(request)


def scripts(project: Path) -> list[str]:
    """Scripts in the project folder and one level below, for completion; the shallow ones first."""
    found = sorted(item.name for item in project.glob("*.py"))
    for folder in sorted(project.iterdir()):
        if folder.is_dir() and folder.name not in SKIPPED and not folder.name.startswith("."):
            found += sorted(f"{folder.name}/{item.name}" for item in folder.glob("*.py"))
        if len(found) > SCRIPTS_SHOWN:
            break
    return found[:SCRIPTS_SHOWN]


def likely_script(found: Sequence[str]) -> str:
    """The only one there is, or the one that is called what such a script is called nearly everywhere; else ""."""
    return found[0] if len(found) == 1 else "train.py" if "train.py" in found else ""


def split_arguments(text: str) -> tuple[str, ...]:
    """Arguments as a shell would split them. Raises ValueError for an open quote."""
    return tuple(shlex.split(text))


def split_tags(text: str) -> dict[str, str]:
    """ "best owner=ann" as tags; a tag without a value has an empty one. Raises ValueError for an open quote."""
    return {key: value for key, _, value in (word.partition("=") for word in shlex.split(text)) if key}
