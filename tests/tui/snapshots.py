"""Screenshots that are compared with files: the same SVG, or the test fails and says which lines of the screen differ.

What a key set off may still be on its way to the screen (the log of the run that is now under the cursor), so the
picture is waited for. `AML_SNAPSHOTS=write` writes them anew, once nothing moves any more. What was seen instead is
left beside the test's temporary files.
"""

from __future__ import annotations

import contextlib
import difflib
import html
import os
import re
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App

FOLDER = Path(__file__).resolve().parents[2] / "snapshots"


def lines_of(svg: str) -> list[str]:
    """The screen's text in an SVG, line by line, for a person to compare."""
    rows: dict[str, list[tuple[float, str]]] = {}
    for x, y, text in re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', svg):
        rows.setdefault(y, []).append((float(x), html.unescape(text).replace("\xa0", " ")))
    return ["".join(text for _, text in sorted(parts)) for _, parts in sorted(rows.items(), key=lambda r: float(r[0]))]


def _still(app: App[Any]) -> Callable[[], bool]:
    """Whether the screen has stayed the same for twenty looks."""
    looks: deque[str] = deque(maxlen=20)

    def still() -> bool:
        looks.append(app.export_screenshot(title="aml-tui"))
        return len(looks) == looks.maxlen and len(set(looks)) == 1

    return still


async def check_snapshot(app: App[Any], name: str, seen_folder: Path) -> None:
    """Wait for the screen to be `snapshots/<name>.svg`; fails when it is another after five seconds."""
    file = FOLDER / f"{name}.svg"
    if os.environ.get("AML_SNAPSHOTS") == "write":
        FOLDER.mkdir(exist_ok=True)
        await until_async(_still(app), what=f"{name} goes on changing")
        file.write_text(app.export_screenshot(title="aml-tui"), encoding="utf-8")
        return
    assert file.exists(), f"there is no {file.name}: AML_SNAPSHOTS=write makes it"
    wanted = file.read_text(encoding="utf-8")
    with contextlib.suppress(AssertionError):
        await until_async(lambda: app.export_screenshot(title="aml-tui") == wanted, timeout=30)
        return
    seen = app.export_screenshot(title="aml-tui")
    other = seen_folder / f"{name}.svg"
    other.write_text(seen, encoding="utf-8")
    differ = list(difflib.unified_diff(lines_of(wanted), lines_of(seen), "wanted", "seen", lineterm="", n=0))
    raise AssertionError(
        "\n".join([f"{name} differs (seen: {other}):", *(differ or ["only colours or styles differ"])])
    )
