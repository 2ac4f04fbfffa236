"""What a Docker Engine answers when something does not work, as errors that say what to do."""

from __future__ import annotations

import asyncio
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.errors import HostError, HostLost

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "Add yourself to the group (sudo usermod -aG docker $USER), log in anew, and run `aml engine restart`."
START = "Start it (sudo systemctl start docker), or set DOCKER_HOST."

# What is found in a daemon's message, and what helps against it.
_REMEDIES = (
    (r"no space left on device", "The Docker Engine's disk is full: `aml environment prune` or `docker system prune`."),
    (r"no such host|lookup .* on |network is unreachable|i/o timeout|TLS handshake timeout|connection refused",
     "The registry cannot be reached from the Docker Engine: check its network and proxy, or `docker load` the image."),
    (r"pull access denied|repository does not exist|not found: manifest|manifest .*(unknown|not found)",
     "Correct the image's name; for a private one, `docker login` and `docker pull` it first."),
    (r"toomanyrequests|rate limit", "Wait, or `docker login` to the registry."),
    (r"could not select device driver|unknown or invalid runtime name|nvidia",
     "Install the NVIDIA container toolkit on the host, or take the GPU request out of the configuration."),
    (r"client version .* is too (new|old)|Maximum supported API version", "Install a current Docker Engine."),
    (r"invalid mount config|bind source path does not exist|mounts denied|is not a shared mount",
     "The folder is not there for the Docker Engine: does it run on another machine, or in a virtual one?"),
)  # fmt: skip


class DockerError(HostError):
    """The Docker Engine refused. `status`: its HTTP status, 0 when it was not asked."""

    code = "docker"

    def __init__(self, message: str, *, remedy: str = "", where: str = "", status: int = 0) -> None:
        super().__init__(message, remedy=remedy, where=where)
        self.status = status


class DockerLost(HostLost):
    """The Docker Engine does not answer. Says nothing about containers."""

    code = "docker-lost"


class DockerDenied(DockerLost):
    """It is there, and this person may not use it."""

    code = "docker-denied"


@contextmanager
def translated(where: str, doing: str) -> Iterator[None]:
    """Turn what aiodocker, aiohttp and the socket raise into DockerError and DockerLost."""
    import aiodocker
    import aiohttp

    try:
        yield
    except aiodocker.DockerError as error:
        if error.status == 900:
            raise lost(where, doing, str(error.message)) from error
        raise refused(where, doing, error.status, str(error.message)) from error
    except asyncio.TimeoutError as error:
        raise DockerLost(f"the Docker Engine did not answer in time ({doing}).", where=where) from error
    except (aiohttp.ClientError, ConnectionError, EOFError) as error:
        raise lost(where, doing, str(error)) from error


def lost(where: str, doing: str, text: str) -> DockerLost:
    """No connection, or one that broke."""
    if re.search("permission denied", text, re.IGNORECASE):
        return DockerDenied(
            "the Docker Engine's socket is for members of the group `docker`, and you are not one.",
            where=where,
            remedy=GROUP,
        )
    if re.search("refused|no such file|connect call failed", text, re.IGNORECASE):
        return DockerLost("the Docker Engine is not running.", where=where, remedy=START)
    return DockerLost(f"the connection to the Docker Engine broke ({doing}).", where=where)


def refused(where: str, doing: str, status: int, text: str) -> DockerError:
    """An answer that is no."""
    message = " ".join(text.split())
    remedy = next((advice for pattern, advice in _REMEDIES if re.search(pattern, message, re.IGNORECASE)), "")
    return DockerError(f"Docker: {message or f'status {status}'} ({doing}).", remedy=remedy, where=where, status=status)
