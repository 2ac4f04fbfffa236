"""Screenshots that are compared with files: the same SVG, or the test fails and says which lines of the screen differ.

`AML_SNAPSHOTS=write` writes them anew. What was seen instead is left beside the test's temporary files.
"""

from __future__ import annotations

import difflib
import html
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

FOLDER = Path(__file__).resolve().parents[2] / "snapshots"


def lines_of(svg: str) -> list[str]:
    """The screen's text in an SVG, line by line, for a person to compare."""
    rows: dict[str, list[tuple[float, str]]] = {}
    for x, y, text in re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', svg):
        rows.setdefault(y, []).append((float(x), html.unescape(text).replace("\xa0", " ")))
    return ["".join(text for _, text in sorted(parts)) for _, parts in sorted(rows.items(), key=lambda r: float(r[0]))]


def check_snapshot(app: App[Any], name: str, seen_folder: Path) -> None:
    """Compare the screen with `snapshots/<name>.svg`."""
    seen = app.export_screenshot(title="aml-tui")
    file = FOLDER / f"{name}.svg"
    if os.environ.get("AML_SNAPSHOTS") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(seen, encoding="utf-8")
        return
    assert file.exists(), f"there is no {file.name}: AML_SNAPSHOTS=write makes it"
    wanted = file.read_text(encoding="utf-8")
    if seen == wanted:
        return
    other = seen_folder / f"{name}.svg"
    other.write_text(seen, encoding="utf-8")
    differ = list(difflib.unified_diff(lines_of(wanted), lines_of(seen), "wanted", "seen", lineterm="", n=0))
    raise AssertionError(
        "\n".join([f"{name} differs (seen: {other}):", *(differ or ["only colours or styles differ"])])
    )
