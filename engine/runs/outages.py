"""When a run's host could not be asked: where in its log that was. `driver.log.outages` beside the mirror has them.

Records of `RECORD`: the mirror's size when contact was lost (bytes), since when and until when (epoch seconds). As
with `driver.log.times`, losing the last one loses nothing of the log.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.runs.logs import DRIVER_LOG

if TYPE_CHECKING:
    from pathlib import Path

RECORD = struct.Struct("<Qdd")
OUTAGES = f"{DRIVER_LOG}.outages"


@dataclass(frozen=True)
class Outage:
    """What stands in the log from byte `offset` on came after it."""

    offset: int
    since: float
    until: float


def note(folder: Path, since: float, until: float) -> None:
    """Write down one that is over, at the mirror's end. Nothing when there is no mirror yet. Blocking."""
    try:
        offset = (folder / DRIVER_LOG).stat().st_size
    except FileNotFoundError:
        return
    with (folder / OUTAGES).open("ab") as file:
        file.write(RECORD.pack(offset, since, until))


def read(folder: Path) -> tuple[Outage, ...]:
    """All of a run's, in their order. Blocking."""
    try:
        data = (folder / OUTAGES).read_bytes()
    except OSError:
        return ()
    whole = len(data) - len(data) % RECORD.size
    return tuple(Outage(*fields) for fields in RECORD.iter_unpack(data[:whole]))
