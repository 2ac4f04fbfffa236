"""Images that were built for environments, and what needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.environments.leftovers import OWNER
from engine.environments.ready import ANOTHERS, Kept, name_of
from engine.hosts.docker.images import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.hosts.docker.api import DockerApi
    from engine.runs.model import ImageUse


async def list_environments(
    docker: DockerApi,
    uses: Sequence[ImageUse],
    needed: Mapping[str, Sequence[str]],
    mark: str,
    runs: Sequence[tuple[str, str, str]] = (),
) -> list[Kept]:
    """All on this host; `uses` is what the store knows of their use there, `mark` the label of what is our own.

    `needed`: which configurations need a fingerprint now (`needed_now`); `runs`: (run, fingerprint, image) of what has
    not ended.
    """
    held: dict[str, list[str]] = {}
    for container in await docker.containers({}):
        held.setdefault(container.image, []).append(f"container {container.name}")
    for run_id, _fingerprint, image_id in runs:
        held.setdefault(image_id, []).append(f"run {run_id}")
    return [
        Kept(
            fingerprint=image.labels[ENVIRONMENT],
            image=image.id,
            size=image.size,
            created=image.created,
            last_used=max((use.last_used for use in uses if use.image == image.id), default=None),
            configurations=tuple(needed.get(image.labels[ENVIRONMENT], ())),
            in_use=(*held.get(image.id, ()), *(() if image.labels.get(OWNER, mark) == mark else (ANOTHERS,))),
        )
        for image in await docker.images({ENVIRONMENT: ""})
        if name_of(image.labels[ENVIRONMENT]) in image.tags
    ]
