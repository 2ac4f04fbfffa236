"""From what an environment must hold to the build of its image: conda's part first, pip's on top of it.

A changed pip line does not build conda's part again. Commands are in exec form, so that no shell is needed. The image's
labels come last: they change with every line.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.environments.commands import image_named, making, pip
from engine.errors import EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.environments.probing import Probe
    from engine.project.environment import EnvironmentSpec

# Counts up when the same files would be built into something else.
VERSION = 1
PREFIX, WORK = "/opt/aml-env", "/opt/aml-build"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_SENT = re.compile(r"^(-c )?\./sent/")
_SETTINGS = "settings of the build"


@dataclass(frozen=True)
class Step:
    """An instruction of the Dockerfile, and what it does in words."""

    instruction: str
    words: str


@dataclass(frozen=True)
class Recipe:
    """A build: its steps, and the lines of its requirements file ("" when pip installs nothing)."""

    steps: tuple[Step, ...]
    requirements: str
    interpreter: str

    @property
    def dockerfile(self) -> str:
        return "".join(f"{step.instruction}\n" for step in self.steps)


def fingerprint(spec: EnvironmentSpec, base: str, platform: str) -> str:
    """The same for the same content on the same base image (its id) and platform; 16 hexadecimal digits."""
    content = {
        "recipe": VERSION,
        "base": base,
        "platform": platform,
        "channels": spec.channels,
        "conda": spec.conda,
        "python": spec.python,
        "pip": spec.pip,
        "interpreter": spec.interpreter,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def recipe(
    spec: EnvironmentSpec,
    found: Probe,
    base: str,
    *,
    user: str = "",
    volumes: Iterable[str] = (),
    passed: Iterable[str] = (),
    mark: Mapping[str, str],
    labels: Mapping[str, str],
) -> Recipe:
    """How the image is made from `base` (its id), whose user is `user` and which declares `volumes`.

    `passed` are the build's arguments that its commands find in their environment. `mark` are labels of all layers and
    of the containers that make them, and so must not change from build to build; `labels` are the finished image's.
    Raises EnvironmentFailed, with the lines that cannot be had.
    """
    _check_volumes(spec, volumes)
    steps = [Step(f"FROM {base}", "base image"), Step(_label(mark), _SETTINGS)]
    if user.partition(":")[0] not in ("", "0", "root"):
        steps.append(Step("USER root", _SETTINGS))
    # What is declared here is part of the cache's key of all that follows.
    ours = sorted(passed)
    steps += [Step(f"ARG {name}", _SETTINGS) for name in ours if name.startswith("CONDA")]
    base_part = making(spec, found, PREFIX, image_named(spec))
    steps.append(Step(_run(base_part.argv), base_part.words))
    requirements = "".join(f"{_SENT.sub(_placed, line)}\n" for line in spec.pip)
    if requirements:
        steps += [Step(f"ARG {name}", _SETTINGS) for name in ours if not name.startswith("CONDA")]
        steps.append(Step(f"COPY . {WORK}", "files for pip"))
        pip_part = pip(spec, found, PREFIX, f"{WORK}/requirements.txt")
        steps.append(Step(_run(pip_part.argv), pip_part.words))
    steps.append(Step(_label(labels), "its name"))
    return Recipe(tuple(steps), requirements, f"{PREFIX}/bin/python")


def write_context(spec: EnvironmentSpec, made: Recipe, file: Path) -> None:
    """The build's context as a tar file, the same bytes for the same content. Blocking."""
    private = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(private, "wb") as stream, tarfile.open(fileobj=stream, mode="w") as tar:
        _add(tar, "Dockerfile", made.dockerfile.encode())
        # The Dockerfile names ids and labels that change more often than what pip installs.
        _add(tar, ".dockerignore", b"Dockerfile\n.dockerignore\n")
        if made.requirements:
            _add(tar, "requirements.txt", made.requirements.encode())
        for one in sorted(spec.sent, key=lambda one: one.name):
            content = Path(one.path).read_bytes()
            if hashlib.sha256(content).hexdigest() != one.sha256:
                raise EnvironmentFailed(f"{one.path} changed meanwhile.", remedy="Try again.")
            _add(tar, one.name, content)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o644
    tar.addfile(info, io.BytesIO(content))


def _run(command: tuple[str, ...]) -> str:
    return f"RUN {json.dumps(command)}"


def _label(labels: Mapping[str, str]) -> str:
    return "LABEL " + " ".join(f"{json.dumps(name)}={json.dumps(value)}" for name, value in labels.items())


def _placed(match: re.Match[str]) -> str:
    """pip takes paths in a requirements file as relative to where it is started: they are given whole."""
    return f"{match[1] or ''}{WORK}/sent/"


def _check_volumes(spec: EnvironmentSpec, volumes: Iterable[str]) -> None:
    for volume in volumes:
        if f"{PREFIX}/".startswith(f"{os.path.normpath(volume).rstrip('/')}/"):
            raise EnvironmentFailed(
                f"the base image {spec.base_image!r} declares `VOLUME {volume}`, and what a build puts into a "
                f"volume is lost: packages go to {PREFIX}.",
                where=spec.image_place,
                remedy="Name an image without that volume in `baseDockerImage`.",
            )
