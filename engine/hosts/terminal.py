"""A shell at a terminal on a host: what each kind of host gives for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Window:
    """What a person's terminal is: its name as TERM has it, its size in cells."""

    term: str = "xterm-256color"
    rows: int = 24
    columns: int = 80


@dataclass(frozen=True)
class Surroundings:
    """What a shell finds: its folder, variables set, and items put before and after those of variables like PATH."""

    cwd: str
    env: dict[str, str]
    before: dict[str, list[str]]
    after: dict[str, list[str]]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Terminal(Protocol):
    """A shell that runs. Methods raise HostLost when contact is gone."""

    async def read(self) -> bytes:
        """What it shows next; b"" at its end."""

    async def write(self, data: bytes) -> None:
        """What is typed. Returns once the line takes more."""

    async def resize(self, rows: int, columns: int) -> None:
        """The person's terminal has another size now."""

    async def status(self) -> int:
        """Its exit status after the end, as a shell tells it: 128 + n when signal n ended it."""

    async def close(self) -> None:
        """Hang up; what still runs there is told that its terminal is gone."""
