"""The environments of one host's Docker Engine, which are images.

What was cut off by the death of the
engine or the daemon is built again: finished layers are in the daemon's cache.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.environments import leftovers
from engine.environments.build import ImageBuild
from engine.environments.building import Build, Builder
from engine.environments.images import list_environments
from engine.environments.needed import needed_now
from engine.environments.originals import stand_in
from engine.environments.probes import Probes
from engine.environments.probing import PROBE, probe
from engine.environments.ready import INTERPRETER, SPARK, Kept, Ready, name_of
from engine.environments.recipe import fingerprint
from engine.errors import EnvironmentFailed
from engine.hosts.docker.images import ENVIRONMENT
from engine.runs.model import is_image

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from engine.environments.probing import Probe
    from engine.hosts.docker.api import DockerApi, Image
    from engine.project.environment import EnvironmentSpec, Need
    from engine.runs.model import BuildRecord, ImageUse


class ImageBuilder(Builder):
    """`folder` keeps the builds' logs; `record` hears of each change of a build, on the loop."""

    def __init__(self, docker: DockerApi, host: str, folder: Path, record: Callable[[BuildRecord], None]) -> None:
        super().__init__(host, folder, record)
        self.docker = docker
        self._probes = Probes(folder)
        # Held while containers look into an image, each by what is looked at: they are no leftovers.
        self._looking: dict[tuple[str, str], asyncio.Lock] = {}

    async def find(self, spec: EnvironmentSpec) -> Ready | None:
        """The environment if it is there; nothing is pulled or built."""
        base = await self.base(spec)
        return None if base is None else await self.there(spec, base)

    def _build(self, spec: EnvironmentSpec) -> ImageBuild:
        return ImageBuild(self, spec)

    async def listed(
        self, uses: Sequence[ImageUse], needs: Sequence[Need], runs: Sequence[tuple[str, str, str]]
    ) -> list[Kept]:
        images = [use for use in uses if is_image(use.image)]
        needed = await needed_now([need for need in needs if not need.head_node], images, self._resolved())
        return await list_environments(self.docker, uses, needed, self.mark, runs)

    def _resolved(self) -> Callable[[EnvironmentSpec], Awaitable[str]]:
        """Tells fingerprints by what base images are now, each looked up once."""
        bases: dict[tuple[str, bool], Image | None] = {}

        async def resolved(spec: EnvironmentSpec) -> str:
            key = (spec.base_image, spec.spark is not None)
            if key not in bases:
                bases[key] = await self.base(spec)
            base = bases[key]
            return "" if base is None else fingerprint(spec, base.id, self.docker.info.platform)

        return resolved

    async def remove(self, fingerprint: str) -> None:
        await self.docker.remove_image(name_of(fingerprint))

    async def disk(self) -> int:
        return await self.docker.disk()

    async def tidy(self, keep: int = leftovers.KEPT, but: Build | None = None) -> None:
        """Remove what earlier builds left, but for the layers of the newest `keep`; not while builds are at work.

        `but`: the build that begins, which has made nothing yet.
        """
        if all(one is but for one in self.builds.values()):
            await leftovers.clear(self.docker, self.mark, keep)

    async def begin(self) -> None:
        """Remove the containers that an engine which died meanwhile left: nothing is at work yet."""
        for label in (PROBE, leftovers.BUILD):
            await leftovers.clear_containers(self.docker, label, self.mark)

    # What is there

    async def base(self, spec: EnvironmentSpec) -> Image | None:
        """The base image, or what stands in for it, if it is here."""
        image = await self.docker.image(spec.base_image) if spec.base_image else None
        other = stand_in(spec.base_image, spec.spark is not None)
        return image if image is not None or not other else await self.docker.image(other)

    async def there(self, spec: EnvironmentSpec, base: Image) -> Ready | None:
        """The environment on this base image if it is built. Raises EnvironmentFailed when it can never be."""
        digest = fingerprint(spec, base.id, self.docker.info.platform)
        if spec.asks_for_nothing:
            found = await self.probed(base.id, spec.interpreter)
            if not found.python:
                named = f"no Python {spec.interpreter!r}" if spec.interpreter.startswith("/") else "no Python"
                works = f" that works: {found.trouble}" if found.trouble else ""
                raise EnvironmentFailed(
                    f"the base image {spec.base_image or base.id!r} has {named}{works}.",
                    where=spec.image_place,
                    remedy="Name another in `baseDockerImage`, or ask for Python in conda_dependencies.yml.",
                )
            return self._checked(spec, Ready(base.id, found.python, found.spark_submit, digest, found.passwd))
        image = await self.docker.image(name_of(digest))
        if image is None or image.labels.get(ENVIRONMENT) != digest:
            return None
        labels = image.labels
        passwd = (await self.probed(base.id, "")).passwd
        return self._checked(spec, Ready(image.id, labels[INTERPRETER], labels.get(SPARK, ""), digest, passwd))

    def _checked(self, spec: EnvironmentSpec, ready: Ready) -> Ready:
        if spec.spark is not None and not ready.spark_submit:
            raise EnvironmentFailed(
                f"the framework is PySpark, and the image {spec.base_image!r} has no spark-submit.",
                where=spec.image_place,
                remedy="Name an image with Spark in `baseDockerImage`.",
            )
        return ready

    async def probed(self, image: str, interpreter: str) -> Probe:
        """What an image has, by its id; looked at once."""
        async with self._looking.setdefault((image, interpreter), asyncio.Lock()):
            found = await asyncio.to_thread(self._probes.get, image, interpreter)
            if found is None:
                found = await probe(self.docker, image, interpreter, mark=self.mark)
                await asyncio.to_thread(self._probes.put, image, interpreter, found)
            return found
