"""What the Docker Engine is told to make of a run: image, command, variables, folders, limits."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.launchers.process import GRACE, run_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.hosts.docker.api import DockerInfo
    from engine.hosts.host import HostInfo
    from engine.runs.model import Run, RunPlan

# Where a container has the run directory, the run-side package, the shared folder, and the person's home.
RUN, RUNTIME, SHARE, HOME = "/azureml-run", "/azureml-runtime", "/azureml-share", "/azureml-home"
# What programs expect to be able to write to.
TEMPORARY = "/tmp"  # noqa: S108 - the container's own
# By these labels containers are found again; `root` keeps engines of several people on one machine apart.
LABEL, LABEL_ROOT = "aml-tui.run", "aml-tui.root"
# The first program of a container: see engine/hosts/agent/contained.py.
RUNNER = f"import sys; sys.path.insert(0, {RUNTIME!r}); from _aml_tui_runner.contained import main; main()"
# What outputs are made with, so that the person's group can read them.
UMASK = 0o022

_NAME = re.compile(r"[^A-Za-z0-9_.-]")
# Device requests came with this version of the API; before, a runtime of its own gave GPUs.
_DEVICE_REQUESTS = (1, 40)


def container_name(run_id: str) -> str:
    """The name of a run's container."""
    return "aml-" + _NAME.sub("_", run_id)


def container_labels(run: Run, info: HostInfo) -> dict[str, str]:
    return {LABEL: run.id, LABEL_ROOT: info.root}


def argv_in(plan: RunPlan, interpreter: str, spark_submit: tuple[str, ...]) -> tuple[str, ...]:
    """The whole command: interpreter, or spark-submit with its options; script; arguments."""
    return (*(spark_submit or (interpreter,)), *plan.argv)


def passwd_with(text: str, host: HostInfo, docker: DockerInfo) -> str:
    """An image's table of users with the person in it; "" where that is not needed.

    Programs ask it who they run as, and some end when it does not say (Hadoop's login, and with it Spark).
    """
    rows = [line.split(":") for line in text.splitlines()]
    if not text or docker.rootless or any(row[2:3] == [str(host.uid)] for row in rows):
        return ""
    name = host.user if all(row[0] != host.user for row in rows) else f"{host.user}-{host.uid}"
    return f"{text.rstrip()}\n{name}:x:{host.uid}:{host.gid}::{HOME}:/bin/sh\n"


def spec_of(run: Run, plan: RunPlan, info: HostInfo, passwd: str) -> dict[str, Any]:
    """What the runner in the container reads once the script runs; see `Host.contain`."""
    return {
        "run_id": run.id,
        "max_duration": plan.max_duration,
        "grace": list(GRACE),
        "measure": plan.tracked,
        "share": info.absolute(plan.native_shared_directory) if plan.native_shared_directory else None,
        "passwd": passwd,
    }


def variables_of(
    run: Run, plan: RunPlan, info: HostInfo, image_env: Mapping[str, str], interpreter: str
) -> dict[str, str]:
    """The variables of a container: the image's, the configuration's, and the run's own."""
    options = plan.options["container"]
    found: dict[str, str] = {"USER": info.user, "LOGNAME": info.user, "HOME": HOME, "PYTHONUNBUFFERED": "1"}
    for item in options.get("variables", ()):
        name, equals, value = item.partition("=")
        # As with `docker run -e NAME`: the value is the person's own.
        found[name] = value if equals else plan.environ.get(name, "")
    found.update(run_environment(run, plan, RUN, info))
    if plan.native_shared_directory:
        found["AZUREML_NATIVE_SHARE_DIRECTORY"] = f"{SHARE}/"
    folder = interpreter.rpartition("/")[0]
    path = found.get("PATH") or image_env.get("PATH") or os.defpath
    if folder and folder not in path.split(":"):
        path = f"{folder}:{path}"
    found["PATH"] = path
    before = found.get("PYTHONPATH") or image_env.get("PYTHONPATH")
    found["PYTHONPATH"] = ":".join(item for item in (before, RUNTIME) if item)
    if plan.framework == "PySpark":
        found.setdefault("PYSPARK_PYTHON", interpreter)
        found.setdefault("PYSPARK_DRIVER_PYTHON", interpreter)
    found["AML_CONTAINED_FOLDER"] = RUN
    found["AML_CONTAINED_CWD"] = "project"
    found["AML_CONTAINED_UMASK"] = f"{UMASK:o}"
    # Docker's own init and what is run beside the script have the container's variables too, and the run id in them:
    # by this they are known as no part of the run, which is signalled and reported without them.
    found["AML_TUI_ROLE"] = "runner"
    return found


def container_config(
    run: Run,
    plan: RunPlan,
    *,
    host: HostInfo,
    docker: DockerInfo,
    image: str,
    image_env: Mapping[str, str],
    interpreter: str,
    argv: tuple[str, ...],
    passwd: bool,
    init: bool,
) -> dict[str, Any]:
    """The body of the request that makes the container. `passwd`: a shared run directory has a table of users."""
    options = plan.options["container"]
    shared = bool(options.get("shared_volumes", True))
    # A rootless daemon's root is the person, who owns what it writes.
    user = "0:0" if docker.rootless else f"{host.uid}:{host.gid}"
    return {
        "Image": image,
        "Entrypoint": [interpreter, "-I", "-S", "-c", RUNNER],
        "Cmd": list(argv),
        "Env": [f"{name}={value}" for name, value in variables_of(run, plan, host, image_env, interpreter).items()],
        "User": user,
        "WorkingDir": "/",
        "Labels": container_labels(run, host),
        "Hostname": options.get("hostname", ""),
        # A health check or a stop signal of the image is about its own program.
        "Healthcheck": {"Test": ["NONE"]},
        "StopSignal": "SIGTERM",
        "HostConfig": {
            **_limits(options),
            **_access(options, host, docker),
            "Init": init,
            "Mounts": _mounts(run, plan, host, passwd) if shared else [],
            "Binds": [_volume(one, plan.project, host) for one in options.get("volumes", ())],
            "NetworkMode": options.get("network") or ("default" if docker.bridge else "host"),
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
            "RestartPolicy": {"Name": "no"},
        },
    }


def _mounts(run: Run, plan: RunPlan, host: HostInfo, passwd: bool) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [
        {"Type": "bind", "Source": host.run_folder(run.id), "Target": RUN},
        {"Type": "bind", "Source": f"{host.run_folder(run.id)}/home", "Target": HOME},
        {"Type": "bind", "Source": host.runtime, "Target": RUNTIME, "ReadOnly": True},
    ]
    if passwd:
        source = f"{host.run_folder(run.id)}/status/passwd"
        mounts.append({"Type": "bind", "Source": source, "Target": "/etc/passwd", "ReadOnly": True})
    if plan.native_shared_directory:
        source = host.absolute(plan.native_shared_directory).rstrip("/") or "/"
        mounts.append({"Type": "bind", "Source": source, "Target": SHARE})
    return mounts


def _limits(options: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "memory": "Memory",
        "memory_swap": "MemorySwap",
        "shm_size": "ShmSize",
        "cpuset_cpus": "CpusetCpus",
        "pids_limit": "PidsLimit",
    }
    found = {theirs: options[ours] for ours, theirs in names.items() if ours in options}
    if "cpus" in options:
        found["NanoCpus"] = int(options["cpus"] * 1e9)
    if "memory" in options and "memory_swap" not in options:
        # The limit is a limit: what does not fit is not swapped, it is told.
        found["MemorySwap"] = options["memory"]
    found["Ulimits"] = [_ulimit(one) for one in options.get("ulimits", ())]
    return found


def _access(options: Mapping[str, Any], host: HostInfo, docker: DockerInfo) -> dict[str, Any]:
    names = {
        "ipc": "IpcMode",
        "pid_mode": "PidMode",
        "privileged": "Privileged",
        "read_only": "ReadonlyRootfs",
        "cap_add": "CapAdd",
        "cap_drop": "CapDrop",
        "extra_hosts": "ExtraHosts",
        "dns": "Dns",
        "security_opt": "SecurityOpt",
        "runtime": "Runtime",
    }
    found = {theirs: options[ours] for ours, theirs in names.items() if ours in options}
    groups = [] if docker.rootless else [str(group) for group in host.groups if group != host.gid]
    found["GroupAdd"] = [*groups, *options.get("group_add", ())]
    found["Tmpfs"] = dict(one.partition(":")[::2] for one in options.get("tmpfs", ()))
    if options.get("read_only"):
        found["Tmpfs"] = {TEMPORARY: "mode=1777", **found["Tmpfs"]}
    found["Devices"] = [_device(one) for one in options.get("devices", ())]
    if "userns" in docker.security:
        # The person's files are the person's, not those of a number that stands for the person in containers.
        found["UsernsMode"] = "host"
    if "selinux" in docker.security:
        # What is mounted has no label that a container may read.
        found["SecurityOpt"] = [*found.get("SecurityOpt", ()), "label=disable"]
    gpus = options.get("gpus") or ("all" if options.get("gpu") else "")
    if gpus:
        version = tuple(int(part) for part in docker.api_version.split("."))
        if version >= _DEVICE_REQUESTS:
            found["DeviceRequests"] = [_gpus(str(gpus))]
        else:
            found["Runtime"] = "nvidia"
    return found


def _gpus(text: str) -> dict[str, Any]:
    """The request of "all", "2" or "device=0,1"."""
    request: dict[str, Any] = {"Capabilities": [["gpu"]]}
    value = text.strip("\"'")
    if value.startswith("device="):
        request["DeviceIDs"] = value.removeprefix("device=").split(",")
    else:
        request["Count"] = int(value) if value.isdigit() else -1
    return request


def _ulimit(text: str) -> dict[str, Any]:
    name, _, limits = text.partition("=")
    soft, _, hard = limits.partition(":")
    return {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}


def _device(text: str) -> dict[str, str]:
    parts = text.split(":")
    return {
        "PathOnHost": parts[0],
        "PathInContainer": parts[1] if len(parts) > 1 else parts[0],
        "CgroupPermissions": parts[2] if len(parts) > 2 else "rwm",
    }


def _volume(text: str, project: str, host: HostInfo) -> str:
    """A folder of the host is absolute; one that begins with a dot is relative to the project, `~` is the home."""
    source, colon, rest = text.partition(":")
    if source.startswith("~"):
        source = host.absolute(source)
    elif source.startswith("."):
        source = os.path.normpath(Path(project, source))
    return f"{source}{colon}{rest}"
