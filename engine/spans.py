"""Lengths of time as people read them."""

from __future__ import annotations


def span(seconds: float) -> str:
    """9 s, 2 min 10 s, 1 h 05 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
