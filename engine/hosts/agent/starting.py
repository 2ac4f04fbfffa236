"""Starting a run exactly once, and telling how it stands.

`claim` keeps two agents from both making a runner; it is advice, and replaced when its maker is dead. What decides is
`process.json` (see runner.py): a runner that finds it made lets nothing begin. So the runner of a dead claimer that is
still on its way does no harm, whichever of the two comes first.
"""

import json
import os
import subprocess
import sys
import threading
import time

from . import identities, processes, status
from .rundir import Refused, remove_tree
from .whole import decode, encode

MYPY = False
if MYPY:
    from typing import Any, Optional

    from .rundir import Root

# How long a start may take in all. A disk that needs this long for six small files is a host in trouble.
PATIENCE = 60.0
# The modules that a runner needs.
RUNNER = ("whole", "identities", "held", "status", "processes", "usage", "streams", "runner")
# Of the agent's own environment, what a script must not inherit.
OWN = (b"AZUREML_", b"AML_METRICS_FILE", b"AML_TUI_ROLE")


def clean_environment() -> "dict[bytes, bytes]":
    """The agent's own variables without what is its business alone."""
    return dict((name, value) for name, value in os.environb.items() if not name.startswith(OWN))


class Starter(object):
    """Starts runs under one root."""

    def __init__(self, root: "Root", bundle: "dict[str, Any]", umask: int) -> None:
        self.root = root
        self.bundle = bundle
        self.umask = umask
        self.runtime = ""
        self.me = identities.identity(os.getpid())
        self.guard = threading.Lock()
        self.locks = {}  # type: dict[str, threading.Lock]

    def start(self, run_id: str, spec: "dict[str, Any]") -> "dict[str, Any]":
        """The handle of the run, started now or earlier: {"runner": identity, "process": identity}.

        `spec`: argv, cwd (relative to the run directory), env (None removes), max_duration, grace, measure.
        """
        with self.guard:
            lock = self.locks.setdefault(run_id, threading.Lock())
        with lock:
            folder = self.root.status(run_id)
            if not os.path.isdir(folder):
                raise Refused("run %s is not laid out on this host" % run_id, "Lay it out first.")
            deadline = time.monotonic() + PATIENCE
            while True:
                handle = handle_of(folder)
                if handle:
                    return handle
                if self.claim(folder):
                    break
                if time.monotonic() > deadline:
                    raise Refused("run %s is being started by another agent, which does not finish" % run_id)
                time.sleep(0.02)
            try:
                trouble = self.launch(run_id, spec)
            finally:
                handle = handle_of(folder)
                if handle is None:
                    status.remove(folder, "claim")
            if handle is None:
                raise Refused("run %s could not be started: %s" % (run_id, trouble or "its runner died"), "Try again.")
            return handle

    def anew(self, run_id: str, process: "dict[str, Any]") -> None:
        """Have a run begin again whose script is dead: only one that goes on where it was may be asked for this.

        `process` is the identity that the dead script had: one that began since stays as it is.
        """
        with self.guard:
            lock = self.locks.setdefault(run_id, threading.Lock())
        with lock:
            folder = self.root.status(run_id)
            if inspect(self.root, run_id)["phase"] in ("starting", "running"):
                raise Refused("run %s is still running" % run_id, "Cancel it first.")
            handle = handle_of(folder)
            if handle is None or handle["process"] != process:
                return
            # What lets a script go comes last: until then it is as it was.
            for name in ("exit.json", "exit.json.reserved", "claim", "runner.json", "process.json"):
                status.remove(folder, name)

    def claim(self, folder: bytes) -> bool:
        """Whether it is this agent that may make a runner now."""
        if status.write(folder, "claim", self.me, exclusive=True):
            return True
        holder = status.read(folder, "claim")
        if holder and holder != self.me and identities.alive(holder):
            return False
        status.write(folder, "claim", self.me)
        return True

    def launch(self, run_id: str, spec: "dict[str, Any]") -> str:
        """Make a runner and wait until it has started the script or given up; returns why it gave up, if it says."""
        folder = self.root.run(run_id)
        state = os.path.join(folder, b"status")
        env = self.environment(run_id, folder, spec.get("env") or {})
        share_folder(env.get("AZUREML_NATIVE_SHARE_DIRECTORY"))
        order = {
            "folder": decode(folder),
            "run_id": run_id,
            "argv": spec["argv"],
            "cwd": decode(os.path.join(folder, encode(spec.get("cwd") or "project"))),
            "env": env,
            "umask": self.umask,
            "max_duration": spec.get("max_duration"),
            "grace": spec.get("grace") or [10.0, 5.0],
            "measure": bool(spec.get("measure")),
        }
        if not spec["argv"]:
            raise Refused("run %s has no command" % run_id)
        # Values of variables may be secrets: they go to the runner through a pipe and stay off the disk.
        seen = dict(order, env=sorted(env), started_by=self.me)
        status.write(state, "spec.json", seen)
        parts = [item for item in self.bundle["modules"] if item[0] in RUNNER]
        bundle = json.dumps({"modules": parts, "main": "runner", "order": order}).encode("ascii")
        clean = clean_environment()
        clean[b"AML_TUI_ROLE"] = b"runner"
        log = os.open(os.path.join(state, b"runner.log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            runner = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", self.bundle["bootstrap"], "aml-runner", run_id],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=clean,
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(log)
        # The pipe closes when the script has begun or will not; a runner that died at once closed it as well.
        said, _ = runner.communicate(b"%d\n" % len(bundle) + bundle)
        return str(said.decode("utf-8", "replace"))

    def environment(self, run_id: str, folder: bytes, extra: "dict[str, Optional[str]]") -> "dict[str, str]":
        """The script's variables: the agent's own, over them the run's; then what each run has if it says nothing."""
        env = dict((decode(name), decode(value)) for name, value in clean_environment().items())
        for name, value in extra.items():
            if value is None:
                env.pop(name, None)
            elif not name or "=" in name or "\0" in name + value:
                raise Refused("not an environment variable: %r" % name)
            else:
                env[name] = value
        if "PYTHONUNBUFFERED" not in extra:
            env.setdefault("PYTHONUNBUFFERED", "1")
        env["AZUREML_RUN_ID"] = run_id
        env.setdefault("AZUREML_OUTPUT_DIRECTORY", decode(os.path.join(folder, b"outputs")))
        env.setdefault("AML_METRICS_FILE", decode(os.path.join(folder, b"metrics.jsonl")))
        if self.runtime:
            # After everything else; an empty item would mean the working directory.
            env["PYTHONPATH"] = os.pathsep.join(item for item in (env.get("PYTHONPATH"), self.runtime) if item)
        return env


def share_folder(path: "Optional[str]") -> None:
    """Make the folder that the runs of a project share, where the run has one."""
    if path:
        try:
            os.makedirs(encode(path), mode=0o700, exist_ok=True)
        except OSError as error:
            raise Refused("the nativeSharedDirectory %s cannot be made: %s" % (path, error.strerror), "Correct it.")


def forbid(root: "Root", run_id: str) -> bool:
    """Make sure that a run which has not begun never will: takes the place of the record that lets a script go.

    False when the script has begun already.
    """
    folder = root.status(run_id)
    if not os.path.isdir(folder):
        return True
    nobody = {"pid": 0, "start": 0, "boot_id": identities.boot_id()}
    try:
        return status.write(folder, "process.json", dict(nobody, runner=nobody, started=time.time()), exclusive=True)
    except FileNotFoundError:
        # Another agent has removed it meanwhile.
        return True


def contain(root: "Root", run_id: str, spec: "Optional[dict[str, Any]]") -> "Optional[str]":
    """Write down what a container is to run in this run directory; see contained.py. Returns the directory.

    Its processes are then not looked for here, whose pids are others. `home/` is made, for the container to have as
    the person's home. None says that the container is no more: what is left of it is killed, and a run without a
    record of its end has vanished.
    """
    folder = root.status(run_id)
    home = os.path.join(root.run(run_id), b"home")
    if not os.path.isdir(folder):
        if spec is None:
            return None
        raise Refused("run %s is not laid out on this host" % run_id, "Lay it out first.")
    if spec is None:
        processes.end_contained(encode(run_id))
        known = status.read(folder, "spec.json")
        if known and known.get("contained"):
            status.write(folder, "spec.json", dict(known, contained=False))
        try:
            remove_tree(home)
        except OSError:
            # What Docker made there for a volume is root's, and stays.
            pass
        return decode(root.run(run_id))
    share_folder(spec.get("share"))
    os.makedirs(home, mode=0o700, exist_ok=True)
    passwd = spec.pop("passwd", "")
    if passwd:
        with open(os.path.join(folder, b"passwd"), "wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(passwd.encode("utf-8"))
    status.write(folder, "spec.json", dict(spec, run_id=run_id, contained=True))
    log = os.path.join(root.run(run_id), b"logs", b"driver.log")
    os.close(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    return decode(root.run(run_id))


def handle_of(folder: bytes) -> "Optional[dict[str, Any]]":
    """What names runner and script of a begun run for good; None before that."""
    process = status.read(folder, "process.json")
    if process is None:
        return None
    runner = process["runner"]
    return {"runner": runner, "process": dict((key, process[key]) for key in ("pid", "start", "boot_id"))}


def parts_of(folder: bytes) -> "tuple[Any, Any, Any]":
    """The identities of script and runner, and of the processes left at the end."""
    handle = handle_of(folder)
    if handle is None:
        return None, status.read(folder, "runner.json"), ()
    ended = status.read(folder, "exit.json")
    return handle["process"], handle["runner"], ended["leftover"] if ended else ()


def inspect(root: "Root", run_id: str) -> "dict[str, Any]":
    """How a run stands, from its files and the process table; see engine/hosts/host.py: RunStatus."""
    folder = root.status(run_id)
    told = {
        "phase": "absent",
        "handle": None,
        "exit": None,
        "started": None,
        "supervised": False,
        "rebooted": False,
        "left": [],
        "heartbeat": None,
        "log_size": size_of(root.followed(run_id, "driver.log")),
        "metrics_size": size_of(root.followed(run_id, "metrics.jsonl")),
        "streams_size": size_of(root.followed(run_id, "driver.streams")),
    }  # type: dict[str, Any]
    process = status.read(folder, "process.json")
    if process is None:
        claim = status.read(folder, "claim")
        if claim and (identities.alive(claim) or identities.alive(status.read(folder, "runner.json"))):
            told["phase"] = "starting"
        elif status.read(folder, "laid.json"):
            told["phase"] = "laid"
        # It may have begun between the two looks.
        process = status.read(folder, "process.json")
        if process is None:
            return told
    told["handle"] = handle_of(folder)
    told["started"] = process["started"]
    try:
        told["heartbeat"] = os.stat(os.path.join(folder, b"heartbeat")).st_mtime
    except FileNotFoundError:
        pass
    supervised = identities.alive(process["runner"])
    living = identities.alive(process)
    # Read last: what was alive above and is gone now has left its record by now.
    ended = status.read(folder, "exit.json")
    if ended:
        told["phase"] = "exited"
        told["exit"] = ended
        told["left"] = (status.read(folder, "left.json") or {}).get("left") or []
    elif not (supervised or living) and (status.read(folder, "spec.json") or {}).get("contained"):
        # Its processes have other pids here; whoever made the container knows whether it runs.
        told["phase"] = "running"
        told["supervised"] = True
        told["rebooted"] = process["boot_id"] != identities.boot_id()
    elif supervised or living:
        told["phase"] = "running"
        told["supervised"] = supervised
    else:
        told["phase"] = "vanished"
        told["rebooted"] = process["boot_id"] != identities.boot_id()
    told["log_size"] = size_of(root.followed(run_id, "driver.log"))
    told["metrics_size"] = size_of(root.followed(run_id, "metrics.jsonl"))
    told["streams_size"] = size_of(root.followed(run_id, "driver.streams"))
    return told


def size_of(path: bytes) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
