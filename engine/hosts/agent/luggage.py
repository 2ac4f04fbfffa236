"""What goes with a driver to the cluster, and what comes back from there."""

import io
import json
import os
import subprocess
import sys
import tarfile
import threading

from . import clusters
from .whole import encode

MYPY = False
if MYPY:
    from collections.abc import MutableMapping
    from typing import Any, Optional

# A storage that has not sent a run's outputs within this hangs (s).
LONGEST = 3600.0


def pack(folder: bytes, order: "dict[str, Any]") -> None:
    """The archive that the driver unpacks: the project, the package for metrics, and what it is to run."""
    path = encode(order["archive"])
    told = json.dumps(dict((name, order[name]) for name in ("run", "script", "variables"))).encode("utf-8")
    package = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "azureml")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        with tarfile.open(
            fileobj=stream, mode="w:gz", compresslevel=1, encoding="utf-8", errors="surrogateescape"
        ) as tar:
            tar.add(os.fsdecode(os.path.join(folder, b"project")), "project", filter=ours)
            tar.add(package, "runtime/azureml", filter=ours)
            info = tarfile.TarInfo("run.json")
            info.size, info.mode = len(told), 0o600
            tar.addfile(info, io.BytesIO(told))


def order_of(environ: "MutableMapping[bytes, bytes]") -> "dict[str, Any]":
    """What a relay is to do, out of its variables AML_RELAY_0, AML_RELAY_1...: one has no room for long arguments."""
    parts = []  # type: list[bytes]
    while True:
        part = environ.pop(b"AML_RELAY_%d" % len(parts), None)
        if part is None:
            break
        parts.append(part)
    order = dict(json.loads(b"".join(parts).decode("utf-8", "surrogateescape")))
    order["script"] = order["submit"][-order["script"] :]
    return order


def ours(info: "tarfile.TarInfo") -> "Optional[tarfile.TarInfo]":
    """Whose it is here means nothing there. The link to the outputs leads out of the archive."""
    if info.name == "project/outputs" and info.issym():
        return None
    if info.issym() and in_a_circle(info):
        # YARN unpacks nothing that holds one.
        sys.stdout.write("aml: the link %s leads in a circle and does not go along\n" % info.name)
        sys.stdout.flush()
        return None
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def in_a_circle(link: "tarfile.TarInfo") -> bool:
    """Whether who follows this link never comes to an end: into a folder that it is in, or to itself."""
    place = "/" + link.name
    target = os.path.normpath(os.path.join(os.path.dirname(place), link.linkname))
    return (place + "/").startswith(target.rstrip("/") + "/")


def unpack(reading: "list[str]", target: bytes, log: int) -> bool:
    """Unpack the tar file that a command prints into a folder; whether all of it came. `tar` says to `log` why not."""
    with open(os.devnull, "wb") as null:
        out = subprocess.Popen(
            reading, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=null, preexec_fn=clusters.unblock
        )
    watchdog = threading.Timer(LONGEST, out.kill)
    watchdog.daemon = True
    watchdog.start()
    assert out.stdout is not None
    code = subprocess.call(
        [b"tar", b"-x", b"--no-same-owner", b"-f", b"-", b"-C", target],
        stdin=out.stdout,
        stderr=log,
        preexec_fn=clusters.unblock,
    )
    out.stdout.close()
    failed = out.wait()
    watchdog.cancel()
    return not failed and not code
