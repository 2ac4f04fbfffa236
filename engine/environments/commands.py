"""The commands that make an environment: conda's part or a virtual environment first, pip's on top of it.

The same rules wherever they are run: while an image is built, and on a cluster's head node.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.environments.log import has_password
from engine.errors import EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.environments.probing import Probe
    from engine.project.environment import EnvironmentSpec

# Passed on to pip and conda from the engine's environment, as far as they are set and hold no password.
PASSED = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "UV_INDEX_URL", "CONDA_CHANNEL_ALIAS")
# Of conda's packages, those that a venv has too.
_IN_A_VENV = ("pip", "setuptools", "wheel")
_NAME = re.compile(r"[A-Za-z0-9_.\-]+")
_PART = re.compile(r"(==|>=|<=|!=|~=|=|>|<)?\s*([0-9]+(?:\.[0-9]+)*)(\.?\*)?")


@dataclass(frozen=True)
class Foundation:
    """What an environment is built upon, in words: "the base image 'x'", and where that is named.

    The others say what to do: when conda is missing, when there is no Python, when it has another version.
    """

    name: str
    where: str
    no_conda: str
    no_python: str
    other_python: str


def passed_on(refused: Callable[[str], None]) -> dict[str, str]:
    """What pip and conda get of this process's environment; `refused` hears the names whose values hold a password."""
    found: dict[str, str] = {}
    for name in PASSED:
        value = os.environ.get(name, "")
        if value and has_password(value):
            refused(name)
        elif value:
            found[name] = value
    return found


def image_named(spec: EnvironmentSpec) -> Foundation:
    """The base image of a spec."""
    key = "`baseDockerImage`"
    return Foundation(
        f"the base image {spec.base_image!r}",
        spec.image_place,
        f"Name an image with conda in {key}, or list the packages under `pip:`.",
        f"Name another in {key}.",
        f"Name an image with that Python or with conda in {key}, or change the line.",
    )


@dataclass(frozen=True)
class Making:
    """One command, and what it does in words."""

    argv: tuple[str, ...]
    words: str


def making(spec: EnvironmentSpec, found: Probe, prefix: str, on: Foundation) -> Making:
    """How the environment begins at `prefix`: what conda installs, or an empty virtual environment.

    Raises EnvironmentFailed, with the lines that cannot be had.
    """
    if found.conda:
        argv = (found.conda, "create", "-y", "-q", "-p", prefix, *_conda_arguments(spec))
        return Making(argv, f"conda packages: {_count(len(spec.conda) + 1, 'spec')}")
    _check_venv(spec, found, on)
    argv = (found.uv, "venv", "--python", found.python) if found.uv else (found.python, "-m", "venv")
    return Making((*argv, prefix), "a virtual environment")


def pip(spec: EnvironmentSpec, found: Probe, prefix: str, requirements: str) -> Making:
    """How pip's lines are installed from a requirements file into the environment at `prefix`."""
    interpreter = f"{prefix}/bin/python"
    argv: tuple[str, ...]
    if found.uv and not found.conda:
        argv = (found.uv, "pip", "install", "--no-cache", "--python", interpreter)
    else:
        # What asks for a password on an input that nobody types at would end in a traceback.
        argv = (interpreter, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--no-input")
    return Making((*argv, "-r", requirements), f"pip packages: {_count(len(spec.pip), 'line')}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


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


def _check_venv(spec: EnvironmentSpec, found: Probe, on: Foundation) -> None:
    """Without conda: only Python, which must be there in the right version, and what pip installs."""
    need = [one for one in spec.conda if name_of(one) not in _IN_A_VENV]
    if need:
        lines = "; ".join(f"{spec.places.get(one, '?')} {one}" for one in need)
        trouble = f" ({found.trouble})" if found.trouble else ""
        raise EnvironmentFailed(
            f"{on.name} has no conda, mamba or micromamba{trouble}, and these need it: {lines}.",
            where=on.where,
            remedy=on.no_conda,
        )
    if not found.python:
        none = "neither Python nor conda"
        if found.trouble:
            none = f"neither Python nor conda that works: {found.trouble}"
        raise EnvironmentFailed(f"{on.name} has {none}.", where=on.where, remedy=on.no_python)
    if not satisfies(found.version, spec.python):
        version = ".".join(map(str, found.version))
        raise EnvironmentFailed(
            f"python{spec.python} is asked for; {on.name} has {version} and no conda.",
            where=spec.places.get("python", ""),
            remedy=on.other_python,
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
