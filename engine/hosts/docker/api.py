"""The Docker Engine of a host."""

from __future__ import annotations

from engine.hosts.docker.connection import Connection, DockerInfo
from engine.hosts.docker.containers import Container, ContainerProcess, Containers, Listed
from engine.hosts.docker.images import BuildOutput, Image, Images, PullProgress
from engine.hosts.docker.trouble import DockerError, DockerLost

__all__ = [
    "BuildOutput",
    "Connection",
    "Container",
    "ContainerProcess",
    "DockerApi",
    "DockerError",
    "DockerInfo",
    "DockerLost",
    "Image",
    "Listed",
    "PullProgress",
]


class DockerApi(Containers, Images):
    """Its containers and its images, over one connection."""
