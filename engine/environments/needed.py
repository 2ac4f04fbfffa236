"""What configurations need now, told as the fingerprints that they would resolve to."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from engine.project.environment import EnvironmentSpec, Need

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from engine.runs.model import ImageUse


async def needed_now(
    needs: Sequence[Need], uses: Sequence[ImageUse], resolved: Callable[[EnvironmentSpec], Awaitable[str]]
) -> dict[str, list[str]]:
    """Fingerprint -> the configurations ("project/configuration") that need it on a host.

    `resolved` tells the fingerprint of a spec, "" when that cannot be said now. `uses` is what the store knows of the
    host, the latest first: it tells what such a spec was the last time, and what a configuration needed last whose
    files cannot be read.
    """
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
            digest = await resolved(need.spec) or used.get(need.spec.content, "")
        if digest:
            found[digest].add(need.name)
    return {digest: sorted(names) for digest, names in found.items()}
