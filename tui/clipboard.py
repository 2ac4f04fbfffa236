"""Copying over OSC 52: wrapped for tmux and screen, capped, with a file where that is too little."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from tui.sequences import through

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tui.app import ConsoleApp

# What terminals take in one OSC 52 (hterm's limit, which others share): bytes of base64.
LIMIT = 74_994


def sequence(text: str, environ: Mapping[str, str]) -> str | None:
    """The sequence that puts `text` on the clipboard of the terminal one sits at; None when it is too long."""
    data = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    if len(data) > LIMIT:
        return None
    return through(f"\x1b]52;c;{data}\x07", environ)


def copy(app: ConsoleApp, text: str, cache: Path) -> str:
    """Copy, and say where it went."""
    made = sequence(text, os.environ)
    driver = app._driver
    if made is not None and driver is not None:
        driver.write(made)
        return "copied"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = cache / "copied.txt"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as out:
        out.write(text)
    return f"too long for the terminal's clipboard: written to {file}"
