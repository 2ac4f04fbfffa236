"""Tracebacks as blocks, and the nearest error from anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tui.log import nearest
from tui.log.blocks import Blocks
from tui.log.file import LogFile
from tui.log.nearest import NearestError
from tui.log.view import LogView

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {"": ".", "first": "F", "inside": "i", "last": "L"}


def told(text: str) -> str:
    blocks = Blocks()
    return "".join(KINDS[blocks.tell(line.encode())] for line in text.splitlines())


TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    x()\n    ~^^\nKeyError: 1'


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (f"fine\n{TRACEBACK}\nfine\n", ".FiiiL."),
        (
            f"{TRACEBACK}\n\nDuring handling of the above exception, another one occurred:\n\n{TRACEBACK}",
            "FiiiL...FiiiL",
        ),
        ("\n".join(f"[rank0]: {line}" for line in TRACEBACK.splitlines()) + "\nfine", "FiiiL."),
        (f"2026-11-26 03:54:16 ERROR it failed: {TRACEBACK}\nfine", "FiiiL."),
        (TRACEBACK.replace("\n    x()", "\n26/11/26 03:54:16 INFO Spark goes on\n    x()"), "Fi.iiL"),
        (TRACEBACK.replace("Traceback", "\x1b[31mTraceback"), "FiiiL"),
        ("\n".join("  " + line for line in TRACEBACK.splitlines()), "FiiiL"),
        ("  File is no traceback\nKeyError: 1", ".."),
        ("Traceback (most recent call last):\n", "F"),
    ],
)
def test_from_the_head_to_the_error(text: str, kinds: str) -> None:
    assert told(text) == kinds


def test_a_page_that_begins_in_the_middle_of_one(tmp_path: Path) -> None:
    log = tmp_path / "driver.log"
    log.write_text(f"fine\n{TRACEBACK}\nfine\nfine\n")
    view = LogView(log)
    view.go_to(log.read_bytes().index(b"    x()"))
    assert [row.kind for row in view.page(3).rows] == ["inside", "inside", "last"]
    view.begin_filter(view.searches("fine", regex=False))
    while view.advance():
        pass
    assert [row.kind for row in view.page(9).rows] == ["", "", ""]
    view.close()


def look(file: LogFile, place: int, way: int) -> int | None:
    one = NearestError(file, place, way)
    while one.advance():
        pass
    return one.found


@pytest.mark.parametrize("piece", [1 << 20, 64])
def test_the_nearest_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(nearest, "_PIECE", piece)
    lines = [b"ERROR %d\n" % n if n % 50 == 20 else b"all is well %d\n" % n for n in range(300)]
    log = tmp_path / "driver.log"
    log.write_bytes(b"".join(lines) + b"ValueError: unfinished")
    starts = [sum(map(len, lines[:n])) for n in range(301)]
    bad = [starts[n] for n in range(300) if n % 50 == 20] + [starts[300]]
    file = LogFile(log)
    place, down = 0, []
    while (found := look(file, place, 1)) is not None:
        down.append(found)
        place = file.row_end(found)
    assert down == bad
    place, up = file.size(), []
    while (found := look(file, place, -1)) is not None:
        up.append(found)
        place = found
    assert up == bad[::-1]
    file.close()
