"""Images of a Docker Engine: looked at, pulled, built, removed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from engine.hosts.docker.connection import ENDLESS, LONG, SILENT_BUILD, Connection, epoch_of
from engine.hosts.docker.trouble import DockerError, DockerLost, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

# The label that the image of an environment has: its fingerprint.
ENVIRONMENT = "aml-tui.fingerprint"
# Read of a build's context at once, bytes.
PIECE = 1 << 20


@dataclass(frozen=True)
class Image:
    """An image. `created` in epoch seconds, `size` in bytes, `env` as its containers find it.

    `volumes`: folders that it declares to be volumes.
    """

    id: str
    tags: tuple[str, ...]
    labels: dict[str, str]
    size: int
    created: float
    os: str
    arch: str
    env: dict[str, str]
    user: str
    digests: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuildOutput:
    """Something a build said. `image` is set once, at its success."""

    text: str = ""
    image: str = ""


@dataclass(frozen=True)
class PullProgress:
    """How a pull stands: layers, those that are there, bytes that came and that are to come (of known layers)."""

    layers: int
    done: int
    bytes: int
    total: int


class Images(Connection):
    """`reference` is a name with tag or digest, or an id, in every method."""

    async def image(self, reference: str) -> Image | None:
        """An image that is there; None when it is not."""
        try:
            told = await self.ask(f"images/{quote(reference, safe='/:@')}/json", doing="looking at an image")
        except DockerError as error:
            if error.status == 404:
                return None
            raise
        config = told.get("Config") or {}
        return Image(
            id=told["Id"],
            tags=tuple(told.get("RepoTags") or ()),
            labels=dict(config.get("Labels") or {}),
            size=int(told.get("Size") or 0),
            created=epoch_of(told.get("Created")) or 0.0,
            os=str(told.get("Os") or ""),
            arch=str(told.get("Architecture") or ""),
            env=dict(one.partition("=")[::2] for one in config.get("Env") or ()),
            user=str(config.get("User") or ""),
            digests=tuple(told.get("RepoDigests") or ()),
            volumes=tuple(config.get("Volumes") or ()),
        )

    async def images(self, labels: Mapping[str, str]) -> list[Image]:
        """Those with these labels (an empty value: any)."""
        filters = {"label": [f"{key}={value}" if value else key for key, value in labels.items()]}
        told = await self.ask("images/json", params={"filters": filters}, doing="listing images")
        found = [await self.image(one["Id"]) for one in told]
        return [one for one in found if one is not None]

    async def remove_image(self, reference: str) -> None:
        """Take a name away, and the image with its last one; by id, an image that has none. Fine if there is none.

        DockerError when a container needs it.
        """
        try:
            await self.ask(
                f"images/{quote(reference, safe='/:@')}",
                "DELETE",
                limit=LONG,
                doing="removing an image",
            )
        except DockerError as error:
            if error.status != 404:
                raise

    async def pull(self, reference: str, on_progress: Callable[[PullProgress], None], config: Path) -> None:
        """Have the registry's image here. `config`: the folder of Docker's config.json, for its credentials."""
        name, tag = split_reference(reference)
        headers = _credentials(reference, config)
        layers: dict[str, tuple[bool, int, int]] = {}
        async with self.request(
            "POST",
            "images/create",
            params={"fromImage": name, "tag": tag},
            headers=headers,
            limit=ENDLESS,
            silent=SILENT_BUILD,
            doing=f"pulling {reference}",
        ) as response:
            async for told in self.lines(response):
                if told.get("error"):
                    raise refused(self.name, f"pulling {reference}", 0, str(told["error"]))
                layer, status = told.get("id"), str(told.get("status") or "")
                if not layer or status.startswith("Pulling from"):
                    continue
                detail = told.get("progressDetail") or {}
                _, had, total = layers.get(layer, (False, 0, 0))
                if status == "Downloading":
                    had, total = int(detail.get("current") or had), int(detail.get("total") or total)
                over = status in ("Pull complete", "Already exists")
                layers[layer] = (over, total if over or status == "Download complete" else had, total)
                on_progress(
                    PullProgress(
                        len(layers),
                        sum(done for done, _, _ in layers.values()),
                        sum(came for _, came, _ in layers.values()),
                        sum(size for _, _, size in layers.values()),
                    )
                )

    async def build(
        self,
        context: Path,
        *,
        name: str,
        build_args: Mapping[str, str],
        network: str = "",
        on_output: Callable[[BuildOutput], None],
    ) -> str:
        """Build from a tar file with a Dockerfile in it, and name what came of it. Returns the image's id.

        Raises DockerError with the builder's words, DockerLost when it broke off.
        """
        params = {
            "rm": True,
            "forcerm": True,
            "t": name,
            "buildargs": dict(build_args),
            "networkmode": network or None,
        }
        image = ""
        async with self.request(
            "POST",
            "build",
            params=params,
            data=_pieces(context),
            headers={"Content-Type": "application/x-tar"},
            limit=ENDLESS,
            silent=SILENT_BUILD,
            doing="building an image",
        ) as response:
            async for told in self.lines(response):
                if told.get("error"):
                    raise refused(self.name, "building an image", 0, str(told["error"]))
                image = str((told.get("aux") or {}).get("ID") or image)
                text = str(told.get("stream") or told.get("status") or "")
                on_output(BuildOutput(text, image))
        if not image:
            raise DockerLost("the connection to the Docker Engine broke (building an image).", where=self.name)
        return image

    async def disk(self) -> int:
        """Bytes that images and their layers take."""
        told = await self.ask("system/df", limit=LONG, doing="asking for its disk use")
        return int(told.get("LayersSize") or 0)


def split_reference(reference: str) -> tuple[str, str]:
    """An image's name, and its tag or digest: ("a:5000/b", "latest") of "a:5000/b"."""
    name, at, digest = reference.partition("@")
    if at:
        return name, digest
    head, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{head}{slash}{name}", tag or "latest"


def _credentials(reference: str, config: Path) -> dict[str, str]:
    """What `docker login` left for this registry in its config.json; of credential helpers nothing is asked."""
    first, slash, _ = reference.partition("/")
    registry = first if slash and ("." in first or ":" in first or first == "localhost") else ""
    with contextlib.suppress(OSError, ValueError):
        known = json.loads((config / "config.json").read_bytes()).get("auths") or {}
        for address, entry in known.items():
            host = address.removeprefix("https://").removeprefix("http://").partition("/")[0]
            if host == registry or (not registry and host.endswith("docker.io")):
                user, _, password = base64.b64decode(entry.get("auth") or "").decode().partition(":")
                login = {"username": user, "password": password, "serveraddress": address}
                if entry.get("identitytoken"):
                    login = {"identitytoken": entry["identitytoken"], "serveraddress": address}
                return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(login).encode()).decode()}
    return {}


async def _pieces(context: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(context.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
