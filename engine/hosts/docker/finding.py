"""Where a machine's Docker Engine listens, as the `docker` command would find it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import Unsupported
from engine.hosts.docker.trouble import DockerError

if TYPE_CHECKING:
    from collections.abc import Mapping

STANDARD = "/var/run/docker.sock"
INSTALL = "Install Docker Engine (on Debian and Ubuntu: apt-get install docker.io), or set DOCKER_HOST."


@dataclass(frozen=True)
class Endpoint:
    """A Docker Engine's address: "unix:///path" or "tcp://host:port"; `how` says where it was found.

    `tls` is the folder of ca.pem, cert.pem and key.pem, or None; with `verify` False the server is not checked.
    """

    url: str
    how: str
    tls: Path | None = None
    verify: bool = True

    def to_json(self) -> dict[str, Any]:
        return {"url": self.url, "how": self.how, "tls": str(self.tls) if self.tls else None, "verify": self.verify}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Endpoint:
        return cls(data["url"], data["how"], Path(data["tls"]) if data["tls"] else None, data["verify"])


def find_endpoint(environ: Mapping[str, str], home: Path) -> Endpoint:
    """DOCKER_HOST, DOCKER_CONTEXT, the current context, the standard socket, a rootless one: the first there is.

    Blocking. Raises DockerError when there is none or what is named cannot be read, Unsupported for `ssh://`.
    """
    named = environ.get("DOCKER_HOST", "")
    if named:
        folder = Path(environ.get("DOCKER_CERT_PATH") or config_folder(environ, home))
        verify = environ.get("DOCKER_TLS_VERIFY", "") not in ("", "0")
        return _checked(Endpoint(named, "DOCKER_HOST", folder if verify and named.startswith("tcp") else None))
    config = config_folder(environ, home)
    context = environ.get("DOCKER_CONTEXT", "") or str(_read(config / "config.json").get("currentContext") or "")
    if context and context != "default":
        return _checked(_of_context(config, context))
    sockets = [STANDARD]
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        sockets.append(f"{runtime}/docker.sock")
    sockets += [f"/run/user/{os.getuid()}/docker.sock", f"{home}/.docker/run/docker.sock"]
    for path in sockets:
        if _is_socket(path):
            return Endpoint(f"unix://{path}", "standard socket" if path == STANDARD else "rootless socket")
    raise DockerError(f"there is no Docker Engine on this machine: nothing at {STANDARD}.", remedy=INSTALL)


def config_folder(environ: Mapping[str, str], home: Path) -> Path:
    """Where the `docker` command keeps its settings and what `docker login` left."""
    return Path(environ.get("DOCKER_CONFIG") or home / ".docker")


def _of_context(config: Path, name: str) -> Endpoint:
    digest = hashlib.sha256(name.encode()).hexdigest()
    file = config / "contexts" / "meta" / digest / "meta.json"
    docker = (_read(file).get("Endpoints") or {}).get("docker") or {}
    if not docker.get("Host"):
        raise DockerError(
            f"the Docker context {name!r} is not known.",
            where=str(file),
            remedy="`docker context ls` shows those known.",
        )
    tls = config / "contexts" / "tls" / digest / "docker"
    verify = not docker.get("SkipTLSVerify", False)
    return Endpoint(str(docker["Host"]), f"context {name}", tls if tls.is_dir() else None, verify)


def _checked(endpoint: Endpoint) -> Endpoint:
    scheme = endpoint.url.partition("://")[0]
    if scheme == "ssh":
        raise Unsupported(
            f"a Docker Engine behind {endpoint.url} ({endpoint.how}) is another machine's.",
            remedy="Attach that machine as a `remotedocker` target.",
        )
    if scheme not in ("unix", "tcp", "http", "https"):
        raise DockerError(
            f"{endpoint.url!r} ({endpoint.how}) is not an address of a Docker Engine.",
            remedy="Write unix:///path/to/docker.sock or tcp://host:port.",
        )
    return endpoint


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DockerError(f"{error}", where=str(file), remedy="Correct or remove that file.") from error
    return found if isinstance(found, dict) else {}


def _is_socket(path: str) -> bool:
    try:
        return Path(path).is_socket()
    except OSError:
        return False
