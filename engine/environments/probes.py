"""What base images have, remembered by their ids, which name their content: an image is looked into once."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Any

from engine.environments.probing import Probe

if TYPE_CHECKING:
    from pathlib import Path

# Counts up when a probe tells more than before.
VERSION = 2
# So many images are remembered.
KEPT = 200


class Probes:
    """Kept in one file of `folder`. Blocking; what cannot be read or written is looked at again."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"probes-{VERSION}.json"

    def get(self, image: str, interpreter: str) -> Probe | None:
        """What an image was found to have, for this interpreter."""
        with contextlib.suppress(TypeError, ValueError):
            told = self._read().get(_key(image, interpreter))
            if told is not None:
                return dataclasses.replace(Probe(**told), version=tuple(told["version"]))
        return None

    def put(self, image: str, interpreter: str, found: Probe) -> None:
        known = {**self._read(), _key(image, interpreter): dataclasses.asdict(found)}
        part = self._file.with_suffix(".part")
        with contextlib.suppress(OSError):
            part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.write_text(json.dumps(dict(list(known.items())[-KEPT:])))
            part.replace(self._file)

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            found = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _key(image: str, interpreter: str) -> str:
    return f"{image} {interpreter}"
