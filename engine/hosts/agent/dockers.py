"""Where the Docker Engine of this host listens, as its `docker` command would find it, and whether we may use it."""

import hashlib
import json
import os
import socket
import stat

MYPY = False
if MYPY:
    from typing import Any

STANDARD = "/var/run/docker.sock"


def addresses() -> "list[dict[str, Any]]":
    """What is named, or else the sockets there are: {"url", "how", "allowed"}; `allowed` is None for no socket."""
    named = os.environ.get("DOCKER_HOST", "")
    if named:
        return [address(named, "DOCKER_HOST")]
    context = os.environ.get("DOCKER_CONTEXT") or str(read(config("config.json")).get("currentContext") or "")
    if context and context != "default":
        digest = hashlib.sha256(context.encode("utf-8")).hexdigest()
        meta = read(config("contexts", "meta", digest, "meta.json"))
        docker = (meta.get("Endpoints") or {}).get("docker") or {}
        if docker.get("Host"):
            return [address(str(docker["Host"]), "context %s" % context)]
    home = os.path.expanduser("~")
    paths = [STANDARD, "/run/user/%d/docker.sock" % os.getuid(), home + "/.docker/run/docker.sock"]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        paths.insert(1, runtime + "/docker.sock")
    found = [address("unix://" + path, "standard socket" if path == STANDARD else "rootless socket") for path in paths]
    # One that may be used comes before one that may not.
    return sorted((one for one in found if one["allowed"] is not None), key=lambda one: not one["allowed"])


def address(url: str, how: str) -> "dict[str, Any]":
    path = url[len("unix://") :] if url.startswith("unix://") else ""
    return {"url": url, "how": how, "allowed": os.access(path, os.R_OK | os.W_OK) if is_socket(path) else None}


def takes(url: str) -> bool:
    """Whether something takes connections at this socket."""
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        one.settimeout(2)
        one.connect(url[len("unix://") :])
    except OSError:
        return False
    finally:
        one.close()
    return True


def is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def config(*parts: str) -> str:
    folder = os.environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    return os.path.join(folder, *parts)


def read(path: str) -> "dict[str, Any]":
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read().decode("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
