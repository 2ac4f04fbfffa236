"""The log pane as a person uses it: follow, hold still, search, filter, errors, anything a script may print."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from textual.strip import Strip

from engine.runs.model import State
from tests.tui.driving import Driver, driven
from tests.tui.history import NOW, make_run
from tests.tui.snapshots import check_snapshot
from tui.widgets.log_lines import LogLines
from tui.widgets.log_pane import LogPane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.tui.history import History
    from tui.app import ConsoleApp

RUN_ID = make_run(7).id


def running() -> Run:
    """A run at work, in the project that the test has open."""
    return make_run(7, State.RUNNING, created=NOW - 60, started=NOW - 60)


def write(home: Paths, data: bytes | str) -> None:
    """Add to the mirrored log of that run, as the engine does."""
    path = home.driver_log(RUN_ID)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data.encode() if isinstance(data, str) else data)


def pane(driver: Driver) -> LogPane:
    return driver.app.screen.query_one(LogPane)


async def opened(driver: Driver, text: str) -> None:
    """In the log pane, with this to be seen."""
    await driver.until_shown(text)
    await driver.press("4")
    await driver.until(lambda: pane(driver).lines.has_focus)


async def test_it_follows(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(running())
    write(home, "".join(f"line {n}\n" for n in range(500)))
    async with driven(console()) as d:
        await d.until_shown("line 499")
        assert "following" in d.text()
        write(home, "and one more\n")
        await d.until_shown("and one more")


async def test_scrolling_up_holds_still_and_counts_what_is_new(
    console: Callable[..., ConsoleApp], history: History, home: Paths
) -> None:
    history.put(running())
    write(home, "".join(f"line {n}\n" for n in range(500)))
    async with driven(console()) as d:
        await opened(d, "line 499")
        await d.press("up")
        await d.until(lambda: "line 499" not in d.text())
        write(home, "".join(f"new {n}\n" for n in range(1234)))
        await d.until_shown("1,234 new lines")
        assert "new 1" not in d.text().replace("new lines", "")
        await d.press("end")
        await d.until_shown("new 1233")
        await d.press("g")
        await d.until_shown("line 0 ")
        await d.press("pagedown")
        await d.until(lambda: "line 0 " not in d.text())


async def test_search_goes_through_the_whole_file(
    console: Callable[..., ConsoleApp], history: History, home: Paths
) -> None:
    history.put(running())
    write(home, "".join(f"line {n} {'needle' if n % 100 == 50 else ''}\n" for n in range(1000)))
    async with driven(console()) as d:
        await opened(d, "line 999")
        await d.press("g", "slash")
        await d.type("NEEDLE")
        await d.press("enter")
        await d.until_shown("'NEEDLE' 0/0")
        await d.press("slash", *["backspace"] * 6)
        await d.type("needle")
        await d.press("enter")
        await d.until_shown("'needle' 1/10")
        await d.until_shown("line 50 needle")
        await d.press("n")
        await d.until_shown("'needle' 2/10")
        await d.press("N")
        await d.until_shown("'needle' 1/10")
        write(home, "needle at last\n")
        await d.until_shown("'needle' 1/11")
        await d.press("G", "n", "n")
        await d.until(lambda: "No match below. N goes up." in d.said())
        await d.press("escape")
        await d.until(lambda: "'needle'" not in d.text())
        assert d.main.pane == "run"


async def test_a_pattern_that_is_none(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(running())
    write(home, "one\n")
    async with driven(console()) as d:
        await opened(d, "one")
        await d.press("slash", "backslash", "left_parenthesis", "enter")
        await d.until(lambda: any("is no regular expression" in said for said in d.said()))


async def test_only_matching_lines(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(running())
    write(home, "".join(f"{'keep' if n % 10 == 0 else 'drop'} {n}\n" for n in range(300)))
    async with driven(console()) as d:
        await opened(d, "drop 299")
        await d.press("ampersand")
        await d.type("keep")
        await d.press("enter")
        await d.until(lambda: "keep 290" in d.text() and "drop" not in d.text())
        await d.until_shown("only 'keep' 30")
        write(home, "drop 300\nkeep 301\n")
        await d.until_shown("keep 301")
        await d.press("escape")
        await d.until_shown("drop 300")


async def test_next_error(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(running())
    write(home, "fine\n" * 300 + "Traceback (most recent call last):\nKeyError: 'petal'\n" + "fine\n" * 300)
    async with driven(console()) as d:
        await opened(d, "fine")
        await d.press("e")
        await d.until_shown("Traceback (most recent call last):")
        await d.press("e")
        await d.until(lambda: "Traceback" not in d.text() and "KeyError: 'petal'" in d.text())
        await d.press("e")
        await d.until(lambda: "No error below." in d.said())


async def test_wrap_and_pan(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(running())
    write(home, "a" * 150 + "END\nlast\n")
    async with driven(console()) as d:
        await opened(d, "last")
        assert "END" not in d.text()
        await d.press("w")
        await d.until_shown("END")
        await d.press("w")
        await d.until(lambda: "END" not in d.text())
        await d.press(*["right"] * 6)
        await d.until_shown("END")


@pytest.mark.parametrize("data", [b"\x1b]52;c;aGk=\x07", b"[/markup] [bold]", b"\xff\xfe\x9b2J", b"x" * 3_000_000])
async def test_anything_may_be_printed(
    console: Callable[..., ConsoleApp], history: History, home: Paths, data: bytes
) -> None:
    history.put(running())
    write(home, b"before\n" + data + b"\nafter\n")
    async with driven(console()) as d:
        await d.until_shown("after")
        text = d.text()
        assert "before" in text
        assert "\x1b" not in text
        if b"markup" in data:
            assert "[/markup] [bold]" in text


async def test_no_log_says_why(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(make_run(8, State.QUEUED, reason="waits for a free slot on local (4 of 4 busy), next in line"))
    async with driven(console()) as d:
        await d.until_shown("nothing printed yet (waits for a free slot on local")


async def test_saved_to_a_file(
    console: Callable[..., ConsoleApp], history: History, home: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    history.put(running())
    write(home, b"\xff all of it\n")
    async with driven(console()) as d:
        await opened(d, "all of it")
        await d.press("W")
        await d.until(lambda: any("saved to" in said for said in d.said()))
        assert (tmp_path / "iris-007.log").read_bytes() == b"\xff all of it\n"
        # What was saved before stays.
        write(home, "more\n")
        await d.until_shown("more")
        await d.press("W")
        await d.until(lambda: any("iris-007-2.log" in said for said in d.said()))
        assert (tmp_path / "iris-007.log").read_bytes() == b"\xff all of it\n"
        assert (tmp_path / "iris-007-2.log").read_bytes() == b"\xff all of it\nmore\n"
        (tmp_path / "nowhere").mkdir()
        monkeypatch.chdir(tmp_path / "nowhere")
        (tmp_path / "nowhere").rmdir()
        await d.press("W")
        await d.until(lambda: any("was not saved" in said for said in d.said()))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_what_it_looks_like(
    console: Callable[..., ConsoleApp], history: History, home: Paths, tmp_path: Path, size: tuple[int, int]
) -> None:
    history.put(running())
    text = "".join(
        f"12:01:{n:02d} epoch {n}/40 loss={1 / (n + 1):.3f} acc={1 - 0.6 / (n + 1):.3f}\n" for n in range(40)
    )
    write(home, text + "\x1b[32mINFO\x1b[0m saved outputs/model.pkl\nWARNING learning rate is high\n")
    write(home, "Traceback (most recent call last):\nKeyError: 'petal'\nepoch 41 [####......]  40%\r")
    async with driven(console(), size) as d:
        await d.press("enter")
        await d.until_shown("KeyError: 'petal'")
        await d.press("slash")
        await d.type("loss")
        await d.press("enter")
        await d.until_shown("'loss' 40/40")
        await check_snapshot(d.app, f"log-{size[0]}x{size[1]}", tmp_path)


async def test_no_line_matches(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(running())
    write(home, "one\ntwo\n")
    async with driven(console()) as d:
        await opened(d, "two")
        await d.press("ampersand")
        await d.type("zzzqq")
        await d.press("enter")
        await d.until_shown("no line with 'zzzqq'")
        assert "nothing printed" not in d.text()
        await d.press("escape")
        await d.until_shown("two")


async def test_matches_are_counted_in_a_log_that_fits(
    console: Callable[..., ConsoleApp], history: History, home: Paths
) -> None:
    history.put(running())
    write(home, "".join(f"needle {n}\nhay\n" for n in range(4)))
    async with driven(console(), (150, 40)) as d:
        await opened(d, "needle 3")
        await d.press("slash")
        await d.type("needle")
        await d.press("enter")
        await d.until_shown("'needle' 4/4")
        for key, place in (("N", 4), ("N", 3), ("n", 4), ("N", 3), ("N", 2), ("N", 1), ("n", 2)):
            await d.press(key)
            await d.until_shown(f"'needle' {place}/4")
        await d.press("g", "n")
        await d.until_shown("'needle' 1/4")
        write(home, "needle at last\n")
        await d.until_shown("'needle' 1/5")
        await d.press("end")
        await d.until_shown("'needle' 5/5")


async def test_errors_one_after_the_other_in_a_log_that_fits(
    console: Callable[..., ConsoleApp], history: History, home: Paths
) -> None:
    history.put(running())
    write(home, "ERROR one\nfine\nERROR two\nfine\n")
    async with driven(console()) as d:
        await opened(d, "ERROR two")
        view = pane(d).view
        assert view is not None
        seen = []
        for place in (0, 15):
            await d.press("e")
            await d.until(lambda place=place: view._at == (0, place))  # type: ignore[misc]
            seen.append(d.said())
        assert seen == [[], []]
        await d.press("e")
        await d.until(lambda: d.said() == ["No error below."])


@pytest.mark.parametrize("key", ["end", "home"])
async def test_a_wrapped_line_of_megabytes(
    console: Callable[..., ConsoleApp], history: History, home: Paths, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[int] = []
    divide = Strip.divide

    def counted(strip: Strip, cuts: Iterable[int]) -> Sequence[Strip]:
        pieces.append(len(at := list(cuts)))
        return divide(strip, at)

    monkeypatch.setattr(Strip, "divide", counted)
    history.put(running())
    write(home, b"first" + b"0123456789" * 300_000 + b"last\n")
    async with driven(console()) as d:
        await opened(d, "0123456789")
        await d.press("w", key)
        await d.until_shown("first012" if key == "home" else " 882K")
        lines = pane(d).lines
        width, height = lines.size
        assert pieces
        assert max(pieces) <= height
        text = [strip.text.rstrip() for strip in lines._strips]
        assert len(text) == height
        # Each line goes on where the one above ended.
        assert all(len(line) == width for line in text[:-1])
        assert all((int(a[-1]) + 1) % 10 == int(b[0]) for a, b in pairwise(text[:-1]))


async def test_rows_are_parsed_once_whoever_has_the_focus(
    console: Callable[..., ConsoleApp], history: History, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.put(running())
    write(home, "one\ntwo\n")
    async with driven(console()) as d:
        await opened(d, "two")
        parsed: list[bytes] = []
        before = LogLines.parsed
        monkeypatch.setattr(LogLines, "parsed", lambda lines, data: parsed.append(data) or before(lines, data))
        await d.press("3", "4", "w", "w", "right")
        await d.until(lambda: pane(d).lines.has_focus)
        assert parsed == []
        d.app.theme = "aml-light"
        await d.until(lambda: set(parsed) == {b"one", b"two"})
