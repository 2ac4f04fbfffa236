"""The Docker Engine of a host."""

from __future__ import annotations

from typing import Any

from engine.hosts.docker.connection import Connection, DockerInfo
from engine.hosts.docker.containers import Container, ContainerProcess, Containers, Listed
from engine.hosts.docker.images import ENVIRONMENT, BuildOutput, Image, Images, PullProgress
from engine.hosts.docker.signals import Signals
from engine.hosts.docker.terminals import Terminals
from engine.hosts.docker.trouble import DockerDenied, DockerError, DockerLost

__all__ = [
    "BuildOutput",
    "Connection",
    "Container",
    "ContainerProcess",
    "DockerApi",
    "DockerDenied",
    "DockerError",
    "DockerInfo",
    "DockerLost",
    "Image",
    "Listed",
    "PullProgress",
]


class DockerApi(Containers, Images, Signals, Terminals):
    """Its containers, its images, and what it remembers, over one connection."""

    async def counts(self) -> dict[str, Any]:
        """What it has: version, api, and the numbers of images, containers, running ones, environments built by us."""
        told = await self.ask("info", doing="asking about it")
        # What `info` counts as images are their layers too.
        images = await self.ask("images/json", doing="listing images")
        return {
            "version": self.info.version,
            "api": self.info.api_version,
            "images": len(images),
            "containers": int(told.get("Containers") or 0),
            "running": int(told.get("ContainersRunning") or 0),
            "environments": sum(ENVIRONMENT in (one.get("Labels") or {}) for one in images),
        }
