"""What configurations need now, told as the fingerprints that they would resolve to."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from engine.environments.recipe import fingerprint
from engine.project.environment import EnvironmentSpec, Need

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.environments.builder import Builder
    from engine.hosts.docker.api import Image
    from engine.runs.model import ImageUse


async def needed_now(builder: Builder, needs: Sequence[Need], uses: Sequence[ImageUse]) -> dict[str, list[str]]:
    """Fingerprint -> the configurations ("project/configuration") that need it on this builder's host.

    `uses` is what the store knows of the host, the latest first. It tells what a base image was that is not there any
    more, and what a configuration needed last whose files cannot be read.
    """
    bases: dict[tuple[str, bool], Image | None] = {}
    used: dict[str, str] = {}
    last: dict[tuple[str, str], str] = {}
    for use in uses:
        used.setdefault(EnvironmentSpec.from_json(use.spec).content, use.fingerprint)
        if use.current:
            last[use.project, use.config] = use.fingerprint
    found: defaultdict[str, set[str]] = defaultdict(set)
    for need in needs:
        if need.spec is None:
            digest = last.get((need.project, need.config), "")
        else:
            key = (need.spec.base_image, need.spec.spark is not None)
            if key not in bases:
                bases[key] = await builder.base(need.spec)
            base = bases[key]
            known = used.get(need.spec.content, "")
            digest = known if base is None else fingerprint(need.spec, base.id, builder.docker.info.platform)
        if digest:
            found[digest].add(need.name)
    return {digest: sorted(names) for digest, names in found.items()}
