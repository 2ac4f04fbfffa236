"""What a container of a run is given beside its image: volumes, GPUs, limits, and arguments for `docker run`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.errors import ProjectError

if TYPE_CHECKING:
    from engine.project.compute import ComputeTarget
    from engine.project.runconfig import RunConfiguration

_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[bkmgt]?)(?:i?b)?", re.IGNORECASE)
_ULIMIT = re.compile(r"[a-z]+=-?\d+(?::-?\d+)?")
_GPUS = re.compile(r"""["']?(?:all|\d+|device=[\w,\-:]+)["']?""")
# What Docker takes at least, bytes.
LEAST_MEMORY = 6 << 20
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}

# Our own keys of a .compute file, and the option of `docker run` each stands for.
KEYS = {"shmSize": "--shm-size", "memory": "--memory", "cpus": "--cpus", "network": "--network"}

# Options of `docker run` by what is done with their value.
_ONE = {
    "--shm-size": "shm_size",
    "--memory": "memory",
    "-m": "memory",
    "--memory-swap": "memory_swap",
    "--cpus": "cpus",
    "--cpuset-cpus": "cpuset_cpus",
    "--network": "network",
    "--net": "network",
    "--ipc": "ipc",
    "--pid": "pid_mode",
    "--hostname": "hostname",
    "-h": "hostname",
    "--gpus": "gpus",
    "--pids-limit": "pids_limit",
    "--runtime": "runtime",
}
_MANY = {
    "--volume": "volumes",
    "-v": "volumes",
    "--env": "variables",
    "-e": "variables",
    "--device": "devices",
    "--cap-add": "cap_add",
    "--cap-drop": "cap_drop",
    "--ulimit": "ulimits",
    "--add-host": "extra_hosts",
    "--dns": "dns",
    "--group-add": "group_add",
    "--security-opt": "security_opt",
    "--tmpfs": "tmpfs",
}
_FLAGS = {"--privileged": "privileged", "--read-only": "read_only"}
# Given by every run anyway.
_GIVEN = {"--rm", "--init", "-i", "-t", "-it", "-ti", "--interactive", "--tty", "-d", "--detach"}
_SIZES = ("shm_size", "memory", "memory_swap")


def in_container(config: RunConfiguration, target: ComputeTarget) -> bool:
    """Whether its scripts run in a container; `docker: enabled` is the second generation's way of saying so."""
    return target.type in ("docker", "remotedocker") or (target.type == "local" and config.sections.docker.enabled)


def container_options(config: RunConfiguration, target: ComputeTarget) -> dict[str, Any]:
    """For `RunPlan.options["container"]`: shared_volumes, gpu, and what the options of `docker run` ask for.

    Sizes in bytes, `cpus` as a number. The configuration's section wins over the target's keys. Raises ProjectError
    for an option that runs do not take.
    """
    given: list[str] = []
    for key, option in KEYS.items():
        value = target.extra.get(key)
        if value is not None:
            given += [option, str(value)]
    found = docker_arguments(given, target.file)
    docker = config.sections.docker
    found.update(docker_arguments(list(docker.arguments), config.file))
    shared, found["gpu"] = docker.on(target)
    found["shared_volumes"] = shared
    if found.get("read_only") and not shared:
        raise ProjectError(
            "a container with `--read-only` has no place for a copy of the project.",
            where=config.file,
            remedy="Set `sharedVolumes: true`, or take `--read-only` out.",
        )
    if target.native_shared_directory and not shared:
        raise ProjectError(
            "nativeSharedDirectory needs `sharedVolumes: true` on a Docker target.",
            where=target.file,
            remedy="Set `sharedVolumes: true`, or take `nativeSharedDirectory` out.",
        )
    return found


def docker_arguments(arguments: list[str], place: str) -> dict[str, Any]:
    """Options of `docker run` as our own: {"memory": bytes, "volumes": [...], ...}. Raises ProjectError."""
    found: dict[str, Any] = {}
    # One text with blanks is what people write in a list as well: `- --shm-size 1g`.
    todo = [part for one in arguments for part in (one.split(None, 1) if one.startswith("-") else [one])]
    while todo:
        option = todo.pop(0)
        name, equals, value = option.partition("=")
        if name in _GIVEN and not equals:
            continue
        if name in _FLAGS and not equals:
            found[_FLAGS[name]] = True
            continue
        if name not in _ONE and name not in _MANY:
            known = ", ".join(sorted(one for one in {*_ONE, *_MANY, *_FLAGS} if one.startswith("--")))
            raise ProjectError(
                f"the `docker run` argument {option!r} is not taken by runs.", where=place, remedy=f"Known: {known}."
            )
        if not equals:
            if not todo:
                raise ProjectError(f"the `docker run` argument {name} has no value.", where=place, remedy="Give one.")
            value = todo.pop(0)
        if name in _MANY:
            if _MANY[name] == "ulimits" and _ULIMIT.fullmatch(value) is None:
                raise ProjectError(
                    f"{name} must be like nofile=1024:2048, not {value!r}.", where=place, remedy="Correct it."
                )
            found.setdefault(_MANY[name], []).append(value)
        else:
            found[_ONE[name]] = _value(_ONE[name], value, name, place)
    return found


def _value(key: str, value: str, name: str, place: str) -> Any:
    if key == "memory_swap" and value == "-1":
        # As Docker has it: no limit.
        return -1
    if key in _SIZES:
        size = size_of(value, name, place)
        if key == "memory" and size < LEAST_MEMORY:
            raise ProjectError(f"{name} must be 6m or more, not {value!r}.", where=place, remedy="Correct it.")
        return size
    if key == "gpus" and _GPUS.fullmatch(value) is None:
        raise ProjectError(
            f"{name} must be `all`, a number or device=..., not {value!r}.", where=place, remedy="Correct it."
        )
    if key in ("cpus", "pids_limit"):
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if number <= 0 and not (key == "pids_limit" and number == -1):
            raise ProjectError(f"{name} must be a number above 0, not {value!r}.", where=place, remedy="Correct it.")
        return number if key == "cpus" else int(number)
    return value


def size_of(text: str, name: str, place: str) -> int:
    """Bytes of "512m", "2g", "1.5 GB". Raises ProjectError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ProjectError(
            f"{name} must be a size, not {text!r}.", where=place, remedy="Write it like 512m or 2g."
        ) from None
    return int(float(match["number"]) * _UNITS[match["unit"].lower()])
