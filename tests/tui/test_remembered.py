"""What the console remembers: across starts, by project, beside other consoles."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from tui.remembered import EVERYWHERE, Remembered

if TYPE_CHECKING:
    from pathlib import Path


def opened(file: Path) -> Remembered:
    one = Remembered(file)
    one.load()
    return one


def test_what_was_put_is_there_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "console.json"
    one = opened(file)
    one.put("/iris", "columns", ["loss"])
    one.put(EVERYWHERE, "wrap", True)
    one.save()
    again = opened(file)
    assert again.get("/iris", "columns", list) == ["loss"]
    assert again.get("/other", "columns", list) is None
    assert again.get(EVERYWHERE, "wrap", bool) is True
    assert again.get(EVERYWHERE, "wrap", list) is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_two_consoles_keep_what_the_other_put(tmp_path: Path) -> None:
    file = tmp_path / "console.json"
    one, other = opened(file), opened(file)
    one.put("/iris", "columns", ["loss"])
    one.save()
    other.put("/iris", "order", "name")
    other.save()
    assert opened(file).get("/iris", "columns", list) == ["loss"]
    other.put("/iris", "order", None)
    other.save()
    assert opened(file).get("/iris", "order", str) is None


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"/iris": 3}', "\x00"])
def test_what_cannot_be_read_is_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "console.json"
    file.write_text(text)
    one = opened(file)
    assert one.get("/iris", "columns", list) is None
    one.put("/iris", "columns", [])
    one.save()
    assert opened(file).get("/iris", "columns", list) == []


def test_a_disk_that_refuses_is_no_trouble(tmp_path: Path) -> None:
    one = opened(tmp_path / "not there" / "console.json")
    one.put("/iris", "columns", [])
    one.save()
