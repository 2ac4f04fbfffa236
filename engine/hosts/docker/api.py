"""The Docker Engine of a host."""

from __future__ import annotations

from typing import Any

from engine.hosts.docker.connection import Connection, DockerInfo
from engine.hosts.docker.containers import Container, ContainerProcess, Containers, Listed
from engine.hosts.docker.images import ENVIRONMENT, BuildOutput, Image, Images, PullProgress
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


class DockerApi(Containers, Images):
    """Its containers and its images, over one connection."""

    async def counts(self) -> dict[str, Any]:
        """What it has: version, api, and the numbers of images, containers, running ones, environments built by us."""
        told = await self.ask("info", doing="asking about it")
        filters = {"label": [ENVIRONMENT]}
        environments = await self.ask("images/json", params={"filters": filters}, doing="listing images")
        return {
            "version": self.info.version,
            "api": self.info.api_version,
            "images": int(told.get("Images") or 0),
            "containers": int(told.get("Containers") or 0),
            "running": int(told.get("ContainersRunning") or 0),
            "environments": len(environments),
        }
