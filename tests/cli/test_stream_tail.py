"""One stream of a log that grows, and is cut."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cli.streams import StreamTail

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_log_that_is_cut_goes_on_with_the_same_stream(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log, index = tmp_path / "driver.log", tmp_path / "driver.streams"
    log.write_bytes(b"out 1\nerr 1\n")
    index.write_bytes(b"\no 0 6\ne 6 12\n")
    tail = StreamTail(log, "stderr")
    while tail.pass_on():
        pass
    assert capfd.readouterr().out == "err 1\n"
    os.truncate(log, 0)
    assert not tail.pass_on()
    log.write_bytes(b"out 2\nerr 2\nout 3\n")
    with index.open("ab") as file:
        file.write(b"c 0 0\no 0 6\ne 6 12\no 12 18\n")
    tail.end()
    while tail.pass_on():
        pass
    tail.close()
    assert capfd.readouterr().out == "err 2\n"
