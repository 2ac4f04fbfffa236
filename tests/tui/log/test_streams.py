"""One stream of a log: its rows from above and from below, found, counted, copied; whatever is known of the others."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tui.log.streams import BOTH, WAYS
from tui.log.view import LogView

if TYPE_CHECKING:
    from pathlib import Path

    from engine.runs.apart import Apart


def write(folder: Path, *lines: str, at_rest: bool = True) -> Path:
    """A log of these lines; one that begins with "o" or "e" is known to be of that stream."""
    folder.mkdir(exist_ok=True)
    log = folder / "driver.log"
    with log.open("ab") as out, log.with_name("driver.streams").open("a") as index:
        for line in lines:
            if line[0] in "oe":
                index.write(f"{line[0]} {out.tell()} {out.tell() + len(line) + 1}\n")
            out.write(f"{line}\n".encode())
    if at_rest:
        os.utime(log, (1, 1))
    return log


def opened(*logs: Path, stream: str) -> LogView:
    view = LogView(*logs)
    for part in view.order.parts:
        part.apart.read_all()
    view.show_stream(stream)
    return view


def shown(view: LogView, height: int = 20) -> list[str]:
    return [row.data.decode() for row in view.page(height).rows]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("stream", WAYS)
@pytest.mark.parametrize("only", [False, True])
def test_the_same_rows_from_above_and_from_below(tmp_path: Path, seed: int, stream: str, only: bool) -> None:
    source = random.Random(seed)
    lines = []
    while len(lines) < 300:
        kind = source.choice("oe?")
        lines += [f"{kind}{len(lines)}" + source.choice(("", " even"))] * source.choice((1, 1, 1, 12))
    view = opened(write(tmp_path / "a", *lines), stream=stream)
    if only:
        view.begin_filter(view.searches("even", regex=False))
        while view.advance():
            pass
    hidden = {"stdout": "e", "stderr": "o", BOTH: "-"}[stream]
    expected = [line for line in lines if line[0] != hidden and (not only or "even" in line)]
    assert shown(view) == expected[-20:]
    above: list[str] = []
    for _ in range(len(lines)):
        view.move(-1, 20)
        above.insert(0, shown(view)[0])
    count = len(expected) - 20
    assert above[-count:] == expected[:count]
    view.to_start()
    below = shown(view)
    while not view.following:
        view.move(1, 20)
        below.append(shown(view)[-1])
    # The last move was to the end, where one was.
    assert below[: len(expected)] == expected
    view.close()


def test_one_stays_where_one_is(tmp_path: Path) -> None:
    """Also by way of a stream that has not so much as a page."""
    lines = [*[f"o{number}" for number in range(200)], *["e a", "e b"], *[f"o{number}" for number in range(200, 400)]]
    view = opened(write(tmp_path / "a", *lines), stream=BOTH)
    shown(view)
    view.move(-100, 20)
    before = shown(view)
    for stream, expected in (("stdout", before), ("stderr", ["e a", "e b"]), (BOTH, before), ("stdout", before)):
        view.show_stream(stream)
        assert shown(view) == expected
        assert shown(view) == expected
    # From where one has moved to it is another place: a match, though the page of a short stream stays the same.
    view.show_stream("stderr")
    shown(view)
    view.begin_search(view.searches("e b", regex=False))
    while view.advance():
        pass
    assert view.step(1)
    shown(view)
    view.show_stream(BOTH)
    assert shown(view)[:2] == ["e a", "e b"]
    view.show_stream("stderr")
    shown(view)
    view.to_start()
    view.show_stream(BOTH)
    assert shown(view)[0] == "o0"
    view.close()


def test_whether_all_that_is_shown_is_known(tmp_path: Path) -> None:
    log = write(tmp_path / "a", *["o known"] * 30, "? nobody knows", *["o known"] * 30)
    view = opened(log, stream="stdout")
    assert not view.page(20).unsure
    assert view.page(40).unsure
    view.show_stream(BOTH)
    assert not view.page(40).unsure
    view.close()


def test_searching_and_errors_pass_over_what_is_hidden(tmp_path: Path) -> None:
    log = write(tmp_path / "a", "o needle", *["o more"] * 30, "e needle ERROR", "o needle ERROR", *["e other"] * 30)
    view = opened(log, stream="stdout")
    view.begin_search(view.searches("needle", regex=False))
    while view.advance():
        pass
    view.to_start()
    shown(view)
    found = []
    while view.step(1):
        found.append(view._at)
        shown(view)
    texts = [view.order.files[0].row(at[1]).data for at in found if at]
    assert texts == [b"o needle", b"o needle ERROR"]
    assert view.step(-1) and view._at == (0, 0)
    view.to_start()
    shown(view)
    looked = view.errors(1)
    while looked[0].advance():
        pass
    assert looked[0].found is not None and view.order.files[0].row(looked[0].found).data == b"o needle ERROR"
    view.close()


def test_what_is_selected_is_counted_and_copied_without_the_rest(tmp_path: Path) -> None:
    view = opened(write(tmp_path / "a", "o 1", "e 2", "e 3", "? 4", "o 5", "e 6"), stream="stdout")
    assert list(view.chosen()) == ["o 1", "? 4", "o 5"]
    shown(view)
    view.select(0, 2)
    assert view.page(10).taken == "3 lines"
    assert list(view.chosen()) == ["o 1", "? 4", "o 5"]
    view.close()


def test_several_logs_by_one_stream(tmp_path: Path) -> None:
    logs = [write(tmp_path / name, f"o {name}", f"e {name}", f"? {name}") for name in "ab"]
    view = opened(*logs, stream="stderr")
    assert sorted(shown(view)) == ["? a", "? b", "e a", "e b"]
    view.close()


def test_what_comes_is_shown_when_its_stream_is_known(tmp_path: Path) -> None:
    log = write(tmp_path / "a", "o 1", "e 2")
    view = opened(log, stream="stdout")
    assert shown(view) == ["o 1"]
    with log.open("a") as out:
        out.write("e 3\n")
    before = view.stamp()
    assert shown(view) == ["o 1"]
    with log.with_name("driver.streams").open("a") as index:
        index.write("e 8 12\n")
    assert view.stamp() != before
    assert shown(view) == ["o 1"]
    write(tmp_path / "a", "o 4", at_rest=False)
    assert shown(view) == ["o 1", "o 4"]
    # It is cut, by its script.
    log.write_text("e\n")
    log.with_name("driver.streams").write_text("e 0 2\n")
    os.utime(log, (1, 1))
    assert shown(view) == []
    view.close()


def test_marks_come_with_the_times(tmp_path: Path) -> None:
    view = opened(write(tmp_path / "a", "o 1", "e 2", "? 3"), stream=BOTH)
    assert [row.stream for row in view.page(10).rows] == ["", "", ""]
    view.timed = True
    page = view.page(10)
    assert (page.apart, [row.stream for row in page.rows]) == (True, ["stdout", "stderr", ""])
    view.close()


def test_a_stretch_of_a_million_lines_is_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    log = folder / "driver.log"
    data = b"o a line of the other stream\n" * 1_000_000
    log.write_bytes(b"e first\n" + data + b"e last\n")
    (folder / "driver.streams").write_text(f"e 0 8\no 8 {8 + len(data)}\ne {8 + len(data)} {15 + len(data)}\n")
    os.utime(log, (1, 1))
    view = opened(log, stream="stderr")
    looked: list[int] = []
    apart: Apart = view.order.parts[0].apart
    stretch = apart.stretch
    monkeypatch.setattr(apart, "stretch", lambda offset: looked.append(offset) or stretch(offset))
    assert shown(view) == ["e first", "e last"]
    assert len(looked) < 100
    view.close()
