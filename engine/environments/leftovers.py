"""What builds that failed or were cut off leave on a Docker Engine: containers of their steps, layers without a name.

The layers are the cache of the next attempt: the newest are kept, so that a conda part which took ten minutes is not
made again because of a wrong pip line. Older ones would fill the disk, an attempt each.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from engine.errors import HostError, HostLost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.hosts.docker.api import DockerApi

# Label of layers and of the containers that make them, with the mark of the engine that builds; and its value in
# finished images, so that what people start from those is not taken for a leftover.
BUILD, FINISHED = "aml-tui.build", "finished"
# Label of finished images: the mark of the engine that built them, which alone removes them.
OWNER = "aml-tui.owner"
# Unfinished builds whose layers stay.
KEPT = 3


async def clear(docker: DockerApi, mark: str, keep: int = KEPT) -> None:
    """Remove what no build is at work on, of the engine with this mark; the layers of the newest `keep` stay."""
    await clear_containers(docker, BUILD, mark)
    ends = [image for image in await docker.images({BUILD: mark}) if not image.tags]
    ends.sort(key=lambda image: image.created, reverse=True)
    for image in ends[keep:]:
        with _unless_lost():
            await docker.remove_image(image.id)


async def clear_containers(docker: DockerApi, label: str, mark: str) -> None:
    """Remove the containers whose label has this value."""
    for container in await docker.containers({label: mark}):
        with _unless_lost():
            await docker.remove(container.id, force=True)


@contextlib.contextmanager
def _unless_lost() -> Iterator[None]:
    """What cannot be removed stays: it is in use after all."""
    try:
        yield
    except HostLost:
        raise
    except HostError:
        return
