"""Images that were built for environments, and what needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.environments.leftovers import OWNER
from engine.environments.ready import name_of
from engine.hosts.docker.images import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.hosts.docker.api import DockerApi
    from engine.runs.model import ImageUse


# Its store knows what needs an environment; ours does not.
ANOTHERS = "another installation, which built it"


@dataclass(frozen=True)
class EnvironmentImage:
    """An environment's image. Size in bytes, times in epoch seconds.

    `configurations` need it now ("project/configuration"); `in_use`: what uses it at this moment, in words.
    """

    fingerprint: str
    id: str
    size: int
    created: float
    last_used: float | None
    configurations: tuple[str, ...]
    in_use: tuple[str, ...]


async def list_environments(
    docker: DockerApi, uses: Sequence[ImageUse], needed: Mapping[str, Sequence[str]], mark: str
) -> list[EnvironmentImage]:
    """All on this host; `uses` is what the store knows of their use there, `mark` the label of what is our own.

    `needed`: which configurations need a fingerprint now (`needed_now`).
    """
    held: dict[str, list[str]] = {}
    for container in await docker.containers({}):
        held.setdefault(container.image, []).append(f"container {container.name}")
    return [
        EnvironmentImage(
            fingerprint=image.labels[ENVIRONMENT],
            id=image.id,
            size=image.size,
            created=image.created,
            last_used=max((use.last_used for use in uses if use.image == image.id), default=None),
            configurations=tuple(needed.get(image.labels[ENVIRONMENT], ())),
            in_use=(*held.get(image.id, ()), *(() if image.labels.get(OWNER, mark) == mark else (ANOTHERS,))),
        )
        for image in await docker.images({ENVIRONMENT: ""})
        if name_of(image.labels[ENVIRONMENT]) in image.tags
    ]
