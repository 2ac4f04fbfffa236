"""Sizes and lists as people read them on a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def size(count: float | None) -> str:
    """Bytes: 812 B, 3.1 KB, 54 MB, 1.2 GB, in powers of 1000 as Docker has them; nothing when not known."""
    if count is None:
        return ""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.1f} {unit}" if unit != "B" and count < 9.95 else f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
