"""Nothing from outside reaches the terminal as a control."""

from __future__ import annotations

import random

import pytest

from tui.plain import plain, plain_lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train.py", "train.py"),
        ("größe 数据 🎉", "größe 数据 🎉"),
        ("[/foo] [bold]x[/]", "[/foo] [bold]x[/]"),
        ("a\tb\nc\rd", "a b c d"),
        ("\x1b[2Jgone\x1b[0m", "gone"),
        ("\x1b]52;c;aGVsbG8=\x07after", "after"),
        ("\x1b]0;title\x1b\\after", "after"),
        ("\x9b31mred", "red"),
        ("\x1bPdevice\x1b\\x", "x"),
        ("\x1b]open string", ""),
        ("\x1bc reset", " reset"),
        ("end\x1b", "end"),
        ("bell\x07\x00\x7f\x85", "bell"),
        ("\u202egnp.exe", "gnp.exe"),
        ("bytes \udcff\udc80", "bytes \ufffd\ufffd"),
    ],
)
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_any_bytes_become_drawable() -> None:
    source = random.Random(7)
    for _ in range(500):
        text = bytes(source.choices(range(256), k=60)).decode("utf-8", "surrogateescape")
        shown = plain(text)
        shown.encode("utf-8")
        assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown)


def test_lines_stay_lines() -> None:
    assert plain_lines("one\n\x1b[1mtwo\x07") == "one\ntwo"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("zero\u200b width\u200d\ufeff\u2060", "zero width"),
        ("soft\u00adhyphen", "softhyphen"),
        ("👩\u200d💻 ❤\ufe0f", "👩💻 ❤"),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴"),
        ("e\u0301 ก็ เด็ก", "e\u0301 ก็ เด็ก"),
        ("Việt".encode().decode(), "Việt"),
        ("e" + "\u0301" * 200 + "x", "e" + "\u0301" * 4 + "x"),
        ("\u0301\u0302begins with marks", "begins with marks"),
    ],
)
def test_what_has_no_width(text: str, expected: str) -> None:
    assert plain(text) == expected
