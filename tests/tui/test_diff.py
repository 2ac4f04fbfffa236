"""The changes that were not committed when a run was submitted, as one looks at them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from engine.project.gitstate import GitState
from engine.project.snapshot import Snapshot, blob_path, save
from tests.tui.driving import driven
from tests.tui.history import make_run
from tests.tui.test_run_view import tab
from tui.screens.diff import DiffScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

COMMIT, ID = "c0ffee" * 6 + "abcd", "5" * 64
DIFF = (
    b"diff --git a/train.py b/train.py\nindex 1..2 100644\n--- a/train.py\n+++ b/train.py\n@@ -1,2 +1,2 @@\n"
    b" import sys\n-rate = 0.1\r\n+rate = 0.2\x1b]52;c;aGk=\x07[/x]\x1b[2J\r\n+\x1b[31mover\rwritten\n"
    b"+Traceback (most recent call last):\n-  not of a log\n"
)


def put(history: History, home: Paths, diff: bytes | None, *, dirty: bool = True) -> None:
    """A run with this diff in its snapshot."""
    run = make_run(1)
    sha = None
    if diff is not None:
        sha = hashlib.sha256(diff).hexdigest()
        file = blob_path(home.blobs, sha)
        file.parent.mkdir(parents=True)
        file.write_bytes(diff)
    save(Snapshot(ID, (), 0, 0, GitState(COMMIT, "main", dirty, sha)), home.snapshots)
    history.put(run)
    history.connection.execute(
        "UPDATE runs SET snapshot = ?, git_commit = ?, git_branch = 'main', git_dirty = ?", (ID, COMMIT, dirty)
    )


async def test_the_recorded_diff_is_opened_by_a_key(console: Console, history: History, home: Paths) -> None:
    put(history, home, DIFF)
    async with driven(console()) as d:
        await tab(d, "Overview")
        await d.until_shown("with changes that are not committed: d shows them")
        assert " d diff" in d.text()
        await d.press("d")
        await d.until(lambda: isinstance(d.app.screen, DiffScreen))
        await d.until_shown("+rate = 0.2[/x]")
        text = d.text()
        assert "changes since c0ffeec0ffee" in text
        assert "+over written" in text
        assert "\x1b" not in text
        lines = d.app.screen.query_one("LogLines")
        inks = {}
        for strip in lines._strips:  # type: ignore[attr-defined]
            inks[strip.text[:4]] = next(iter(strip)).style.color
        assert len({inks["-rat"], inks["+rat"], inks["@@ -"], inks[" imp"]}) == 4
        assert inks["+rat"] == inks["+ove"] == inks["+Tra"]
        assert inks["-rat"] == inks["-  n"]
        await d.press("slash")
        await d.type("rate")
        await d.press("enter")
        await d.until_shown("'rate' 1/2")
        await d.press("escape", "escape")
        await d.until(lambda: d.app.screen is d.main)
        assert d.main.pane == "run"


async def test_a_large_diff_opens_at_its_beginning(console: Console, history: History, home: Paths) -> None:
    put(history, home, b"diff --git a/x b/x\n" + b"".join(b"+line %d\n" % n for n in range(300_000)))
    async with driven(console()) as d:
        await tab(d, "Overview")
        await d.until_shown("d shows them")
        await d.press("d")
        await d.until_shown("+line 0 ")
        await d.press("end")
        await d.until_shown("+line 299999")


async def test_no_diff_says_why(console: Console, history: History, home: Paths) -> None:
    put(history, home, None)
    async with driven(console()) as d:
        await tab(d, "Overview")
        await d.until_shown("d shows them")
        await d.press("d")
        await d.until(lambda: any("no diff was recorded for iris-001" in said for said in d.said()))
        assert d.app.screen is d.main


async def test_a_clean_run_has_none(console: Console, history: History, home: Paths) -> None:
    put(history, home, None, dirty=False)
    async with driven(console()) as d:
        await tab(d, "Overview")
        await d.until_shown("c0ffeec0ffee main")
        assert " d diff" not in d.text()
        await d.press("d")
        await d.until(lambda: any("everything committed" in said for said in d.said()))


async def test_a_diff_that_is_gone(console: Console, history: History, home: Paths) -> None:
    put(history, home, DIFF)
    blob_path(home.blobs, hashlib.sha256(DIFF).hexdigest()).unlink()
    async with driven(console()) as d:
        await tab(d, "Overview")
        await d.until_shown("d shows them")
        await d.press("d")
        await d.until(lambda: any("is not kept any more" in said for said in d.said()))
