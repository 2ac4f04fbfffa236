"""The log of a build, estimates, and what is told of a failure."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from engine.environments.failing import explained
from engine.environments.log import BuildLog, masked
from engine.environments.times import Times
from engine.errors import HostError

if TYPE_CHECKING:
    from pathlib import Path


async def test_it_is_whole_and_only_its_owners(tmp_path: Path) -> None:
    log = BuildLog(tmp_path / "builds" / "a.log")
    await log.open()
    assert log.say("Step 1/2 : FROM x\n") == ["Step 1/2 : FROM x"]
    assert log.say("Looking in http://user:pa") == []
    assert log.say("ss@host/simple\n\n\x1b[31mred\x1b[0m\n") == ["Looking in http://***@host/simple", "red"]
    log.say("no end")
    log.note("failed")
    await log.close()
    assert log.path.read_text() == (
        "Step 1/2 : FROM x\nLooking in http://***@host/simple\n\n\x1b[31mred\x1b[0m\nno end\nfailed\n"
    )
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


async def test_a_line_without_an_end_is_not_held_back_for_ever(tmp_path: Path) -> None:
    log = BuildLog(tmp_path / "a.log")
    await log.open()
    log.say("x" * 100_000)
    await log.close()
    assert log.path.stat().st_size == 100_000


async def test_what_the_disk_does_not_take_stops_nothing(tmp_path: Path) -> None:
    full = BuildLog(tmp_path / "full")
    (tmp_path / "full").symlink_to("/dev/full")
    await full.open()
    assert full.say("one\n") == ["one"]
    await full.close()


def test_passwords_in_addresses() -> None:
    assert masked("-i https://u:p@h/s git+ssh://git@h/r mail a@b") == "-i https://***@h/s git+ssh://***@h/r mail a@b"


def test_an_estimate_is_the_median_of_the_last_builds_of_a_host(tmp_path: Path) -> None:
    times, other = Times(tmp_path, "local"), Times(tmp_path, "a/b")
    assert times.estimate() is None
    for seconds in (1000.0, 10.0, 20.0, 30.0, 40.0, 50.0):
        times.remember(seconds)
    other.remember(7.04)
    assert (times.estimate(), other.estimate()) == (30.0, 7.0)
    for file in tmp_path.iterdir():
        file.write_text("{broken")
    assert times.estimate() is None


def failure(*lines: str, message: str = "The command 'a' returned a non-zero code: 1", **places: str) -> str:
    error = explained(HostError(message), lines, doing="pip packages: 1 line", places=places, host="gpu", build="b1")
    return str(error)


def test_a_failure_names_the_step_the_lines_and_the_last_words() -> None:
    text = failure(
        "Collecting six==1.0",
        "ERROR: No matching distribution found for aml-nope==2",
        **{"six==1.0": "deps.yml:3:5", "aml_nope==2": "deps.yml:4:5", "-i https://u:p@h": "deps.yml:5:5"},
    )
    assert text.startswith("deps.yml:4:5: the environment could not be built (pip packages: 1 line): it ended with")
    assert "status 1" in text
    assert "deps.yml:4:5: aml_nope==2" in text
    assert "deps.yml:3:5" not in text
    assert "  ERROR: No matching" in text
    assert "aml environment log -n b1" in text


def test_python_is_named_when_nothing_else_is() -> None:
    places = {"python": "deps.yml:2:5", "numpy": "deps.yml:3:5"}
    assert failure("No candidates were found for python 2.1.*", **places).startswith("deps.yml:2:5: ")
    assert failure("error: numpy needs python", **places).startswith("deps.yml:3:5: ")
    assert failure("error: of the weather", **places).startswith("gpu: ")


def test_what_helps_against_a_full_disk_and_an_index_out_of_reach() -> None:
    assert "aml environment prune" in failure("OSError: [Errno 28] No space left on device")
    assert "HTTPS_PROXY" in failure("Failed to establish a new connection: [Errno -3]")
