"""One build of an environment's image: the base image had here, looked into, and built upon."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.environments import recipe as recipes
from engine.environments.building import TELL, Build
from engine.environments.commands import passed_on
from engine.environments.failing import explained
from engine.environments.leftovers import BUILD, FINISHED, OWNER
from engine.environments.originals import stand_in
from engine.environments.ready import INTERPRETER, SPARK, Ready, name_of
from engine.errors import EnvironmentFailed, HostError, HostLost
from engine.hosts.docker.finding import config_folder
from engine.hosts.docker.images import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.environments.builder import ImageBuilder
    from engine.hosts.docker.api import BuildOutput, Image, PullProgress
    from engine.project.environment import EnvironmentSpec

# Why an address with a password is kept out of an image.
IN_HISTORY = "the password in it would stay in the image's history"
_STEP = re.compile(r"Step (\d+)/(\d+) : ")
_TOLD_BY_DOCKER = re.compile(r" ---> |Removing intermediate container |Successfully built ")


class ImageBuild(Build):
    """A build of an image."""

    def __init__(self, builder: ImageBuilder, spec: EnvironmentSpec) -> None:
        self._builder = builder
        self._docker = builder.docker
        self._steps: tuple[recipes.Step, ...] = ()
        super().__init__(builder, spec, "looking for the base image")

    async def _size(self, ready: Ready) -> int | None:
        image = await self._docker.image(ready.image)
        return image.size if image else None

    async def _made(self) -> Ready:
        base = await self._base()
        ready = await self._builder.there(self._spec, base)
        if ready is not None:
            self._log.note(f"it is there: {ready.image}")
            return ready
        await self._builder.tidy(but=self)
        self._change(words="looking into the base image")
        other = stand_in(self._spec.base_image, self._spec.spark is not None)
        # What is looked into is what errors are about.
        spec = dataclasses.replace(self._spec, base_image=other) if other in base.tags else self._spec
        docker = self._docker
        found = await self._builder.probed(base.id, "")
        digest = recipes.fingerprint(spec, base.id, docker.info.platform)
        arguments, passed = self._arguments()
        made = recipes.recipe(
            spec,
            found,
            base.id,
            user=base.user,
            volumes=base.volumes,
            passed=passed,
            mark={BUILD: self._builder.mark},
            labels={
                ENVIRONMENT: digest,
                INTERPRETER: f"{recipes.PREFIX}/bin/python",
                SPARK: found.spark_submit,
                BUILD: FINISHED,
                OWNER: self._builder.mark,
            },
        )
        self._steps = made.steps
        self._change(fingerprint=digest, words="sending what is needed")
        context = self._builder.folder / f"{self.record.id}.tar"
        try:
            await asyncio.to_thread(recipes.write_context, spec, made, context)
            image = await docker.build(
                context,
                name=name_of(digest),
                build_args=arguments,
                network="" if docker.info.bridge else "host",
                on_output=self._hear,
            )
        except HostLost:
            raise
        except (HostError, OSError) as error:
            raise self._failure(error) from error
        finally:
            await asyncio.to_thread(context.unlink, missing_ok=True)
        return Ready(image, made.interpreter, found.spark_submit, digest, found.passwd, built=True)

    def _failure(self, error: Exception) -> EnvironmentFailed:
        return explained(
            error,
            self._lines,
            doing=self.record.words,
            places=self._spec.places,
            host=self._builder.host,
            build=self.record.id,
        )

    async def _base(self) -> Image:
        """The base image, pulled if it is not here."""
        spec, docker = self._spec, self._docker
        image = await self._builder.base(spec)
        other = stand_in(spec.base_image, spec.spark is not None)
        reference = other or spec.base_image
        if other and (image is None or other in image.tags):
            what = f"{spec.base_image} cannot be had any more" if spec.base_image else "no base image is named"
            self._log.note(f"{what}: {other} takes its place")
        if image is not None:
            self._log.note(f"base image {other if other in image.tags else spec.base_image}, {image.id}")
            return image
        self._log.note(f"pulling {reference}")
        self._change(words=f"pulling {reference}")
        told = time.monotonic()

        def came(progress: PullProgress) -> None:
            nonlocal told
            if time.monotonic() - told < TELL:
                return
            told = time.monotonic()
            part = f", {progress.bytes / 1e6:,.0f} of {progress.total / 1e6:,.0f} MB" if progress.total else ""
            self._change(words=f"pulling {reference}, layer {progress.done} of {progress.layers}{part}")

        try:
            await docker.pull(reference, came, config_folder(os.environ, Path.home()))
        except HostLost:
            raise
        except HostError as error:
            raise EnvironmentFailed(
                f"the base image {reference!r} is not on this machine and cannot be pulled: {error.message}",
                where=spec.image_place,
                remedy=error.remedy or "Correct `baseDockerImage`.",
            ) from error
        found = await docker.image(reference)
        if found is None:
            raise EnvironmentFailed(
                f"{reference!r} was pulled and is not there.", where=self._builder.host, remedy="Try again."
            )
        self._log.note(f"base image {reference}, {found.id}")
        return found

    def _arguments(self) -> tuple[Mapping[str, str], list[str]]:
        """Values of this process's environment for the build, and the names that its Dockerfile must declare."""
        found = passed_on(lambda name: self._log.note(f"{name} is not passed on: {IN_HISTORY}"))
        passed = list(found)
        # The builder keeps proxies out of the history by itself, and needs no declaration of them.
        found.update({name: os.environ[name] for name in recipes.PROXIES if os.environ.get(name)})
        return found, passed

    def _hear(self, output: BuildOutput) -> None:
        for line in self._log.say(output.text):
            step = _STEP.match(line)
            # A tool's own "Step 3/5 : ..." is not the builder's.
            if step and int(step[2]) == len(self._steps) and int(step[1]) == self.record.step + 1:
                number = int(step[1])
                self._step(number, len(self._steps), self._steps[number - 1].words)
            elif not _TOLD_BY_DOCKER.match(line):
                self._said(line)
