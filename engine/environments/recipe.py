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

from engine.errors import EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.environments.probing import Probe
    from engine.project.environment import EnvironmentSpec

# Counts up when the same files would be built into something else.
VERSION = 1
PREFIX, WORK = "/opt/aml-env", "/opt/aml-build"
# Passed on to pip and conda from the engine's environment, as far as they are set and hold no password.
PASSED = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "UV_INDEX_URL", "CONDA_CHANNEL_ALIAS")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
# Of conda's packages, those that a venv has too.
_IN_A_VENV = ("pip", "setuptools", "wheel")
_NAME = re.compile(r"[A-Za-z0-9_.\-]+")
_SENT = re.compile(r"^(-c )?\./sent/")
_SETTINGS = "settings of the build"
_PART = re.compile(r"(==|>=|<=|!=|~=|=|>|<)?\s*([0-9]+(?:\.[0-9]+)*)(\.?\*)?")


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
    if found.conda:
        wanted = _conda_arguments(spec)
        words = f"conda packages: {_count(len(spec.conda) + 1, 'spec')}"
        steps.append(Step(_run([found.conda, "create", "-y", "-q", "-p", PREFIX, *wanted]), words))
    else:
        _check_venv(spec, found)
        command = [found.uv, "venv", "--python", found.python] if found.uv else [found.python, "-m", "venv"]
        steps.append(Step(_run([*command, PREFIX]), "a virtual environment"))
    interpreter = f"{PREFIX}/bin/python"
    requirements = "".join(f"{_SENT.sub(_placed, line)}\n" for line in spec.pip)
    if requirements:
        steps += [Step(f"ARG {name}", _SETTINGS) for name in ours if not name.startswith("CONDA")]
        steps.append(Step(f"COPY . {WORK}", "files for pip"))
        if found.uv and not found.conda:
            command = [found.uv, "pip", "install", "--no-cache", "--python", interpreter]
        else:
            # What asks for a password on an input that nobody types at would end in a traceback.
            command = [interpreter, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check"]
            command.append("--no-input")
        words = f"pip packages: {_count(len(spec.pip), 'line')}"
        steps.append(Step(_run([*command, "-r", f"{WORK}/requirements.txt"]), words))
    steps.append(Step(_label(labels), "its name"))
    return Recipe(tuple(steps), requirements, interpreter)


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


def _run(command: list[str]) -> str:
    return f"RUN {json.dumps(command)}"


def _label(labels: Mapping[str, str]) -> str:
    return "LABEL " + " ".join(f"{json.dumps(name)}={json.dumps(value)}" for name, value in labels.items())


def _placed(match: re.Match[str]) -> str:
    """pip takes paths in a requirements file as relative to where it is started: they are given whole."""
    return f"{match[1] or ''}{WORK}/sent/"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _check_volumes(spec: EnvironmentSpec, volumes: Iterable[str]) -> None:
    for volume in volumes:
        if f"{PREFIX}/".startswith(f"{os.path.normpath(volume).rstrip('/')}/"):
            raise EnvironmentFailed(
                f"the base image {spec.base_image!r} declares `VOLUME {volume}`, and what a build puts into a "
                f"volume is lost: packages go to {PREFIX}.",
                where=spec.image_place,
                remedy="Name an image without that volume in `baseDockerImage`.",
            )


def _conda_arguments(spec: EnvironmentSpec) -> list[str]:
    arguments: list[str] = []
    if spec.channels:
        arguments.append("--override-channels")
        for channel in spec.channels:
            arguments += ["-c", channel]
    python = "" if spec.python == "*" else spec.python
    wanted = [f"python{python}", *spec.conda]
    if spec.pip and not any(name_of(one) == "pip" for one in spec.conda):
        wanted.append("pip")
    return [*arguments, *wanted]


def _check_venv(spec: EnvironmentSpec, found: Probe) -> None:
    """Without conda: only Python, which the image must have in the right version, and what pip installs."""
    need = [one for one in spec.conda if name_of(one) not in _IN_A_VENV]
    if need:
        lines = "; ".join(f"{spec.places.get(one, '?')} {one}" for one in need)
        trouble = f" ({found.trouble})" if found.trouble else ""
        raise EnvironmentFailed(
            f"the base image {spec.base_image!r} has no conda, mamba or micromamba{trouble}, and these need it: "
            f"{lines}.",
            where=spec.image_place,
            remedy="Name an image with conda in `baseDockerImage`, or list the packages under `pip:`.",
        )
    if not found.python:
        none = "neither Python nor conda"
        if found.trouble:
            none = f"neither Python nor conda that works: {found.trouble}"
        raise EnvironmentFailed(
            f"the base image {spec.base_image!r} has {none}.",
            where=spec.image_place,
            remedy="Name another in `baseDockerImage`.",
        )
    if not satisfies(found.version, spec.python):
        version = ".".join(map(str, found.version))
        raise EnvironmentFailed(
            f"python{spec.python} is asked for; the base image {spec.base_image!r} has {version} and no conda.",
            where=spec.places.get("python", ""),
            remedy="Name an image with that Python or with conda in `baseDockerImage`, or change the line.",
        )


def name_of(spec: str) -> str:
    """The package that a spec of conda's or a line of pip's asks for, in lower case; all of it if it names none."""
    match = _NAME.match(spec.rpartition("::")[2])
    return match.group().lower() if match else spec


def satisfies(version: tuple[int, ...], constraint: str) -> bool:
    """Whether a version meets a constraint as conda writes it: "=3.9", ">=3.6,<3.8", "3.7.*", "" and "*" for any.

    "==3.9" is taken to mean any 3.9, as people mean it who write it for Python.
    """
    if constraint in ("", "*"):
        return True
    if "|" in constraint:
        return any(satisfies(version, one) for one in constraint.split("|"))
    return all(_meets(version, part.strip().split(" ")[0]) for part in constraint.split(",") if part.strip())


def _meets(version: tuple[int, ...], part: str) -> bool:
    match = _PART.match(part)
    if match is None:
        return True
    wanted = tuple(int(number) for number in match[2].split("."))
    same = version[: len(wanted)] == wanted
    padded = (*wanted, 0, 0, 0)[: max(3, len(wanted))]
    operator = match[1] or "="
    if operator in ("=", "=="):
        return same
    if operator == "!=":
        return not same if match[3] else version != padded
    if operator == "~=":
        return version >= padded and version[: len(wanted) - 1] == wanted[:-1]
    if operator == ">=":
        return version >= padded
    if operator == "<=":
        return version <= padded
    return version > padded if operator == ">" else version < padded
