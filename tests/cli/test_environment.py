"""`aml environment` and `aml experiment prepare` where no Docker is needed: what the history knows, and words."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest

from cli.prepare import progress
from cli.wording import size
from engine.runs.ledger import Ledger
from engine.runs.model import BuildRecord, ImageUse
from engine.spans import span

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Shell

PRINT = "3fa94c" + "0" * 58
OTHER = "3fb" + "1" * 61
LOG = b"#1 FROM base\n\x1b[31mERROR\x1b[0m \xff no such package\n"


@pytest.fixture
def built(shell: Shell, tmp_path: Path) -> Shell:
    """A history with a failed and a good build of one environment, and a build of another project."""
    log = tmp_path / "b1.log"
    log.write_bytes(LOG)
    failed = BuildRecord(
        "b1" + "c" * 30,
        "local",
        PRINT,
        "failed",
        1000.0,
        step=2,
        steps=3,
        words="pip packages",
        ended=1065.0,
        error="pip: no such package\nthe rest",
        log=str(log),
    )
    ready = dataclasses.replace(
        failed, id="b2" + "d" * 30, state="ready", started=2000.0, ended=2010.0, image="sha256:abc", size=54_000_000,
        error="", log=str(tmp_path / "gone.log"),
    )  # fmt: skip
    foreign = dataclasses.replace(failed, id="c1" + "e" * 30, fingerprint=OTHER, started=3000.0)
    ledger = Ledger(shell.paths.store)
    for one in (failed, ready, foreign):
        ledger.save_build(one)
    project = str(shell.project)
    ledger.note_asker(failed.id, project, "docker")
    ledger.note_asker(ready.id, project, "docker")
    ledger.note_asker(foreign.id, "/p/other", "gpu")
    ledger.note_use(
        ImageUse("local", PRINT, "sha256:abc", project, "iris", "docker", "box", 2011.0, {"pip": ["numpy==1.2"]})
    )
    ledger.close()
    return shell


def test_nothing_needs_to_be_prepared_on_local(shell: Shell) -> None:
    done = shell.aml("experiment", "prepare", "-c", "local")
    assert (done.code, done.out) == (0, b"")
    assert "nothing needs to be prepared" in done.err
    assert shell.aml("experiment", "prepare", "-c", "local", "--async").text == "nothing\n"
    told = json.loads(shell.aml("experiment", "prepare", "-c", "local", "-a", "-o", "json").out)
    assert (told["state"], told["build"]) == ("nothing", None)
    wrong = shell.aml("experiment", "prepare", "-c", "local", "-o", "json")
    assert (wrong.code, wrong.out) == (2, b"")
    assert shell.aml("experiment", "prepare", "-c", "nowhere").code == 3


def test_the_builds_of_a_project(built: Shell) -> None:
    done = built.aml("environment", "builds")
    assert done.code == 0
    lines = done.text.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["b2dddddddddd", "b1cccccccccc"]
    assert "1 min 05 s" in lines[3]
    assert "the rest" not in done.text
    (newest,) = json.loads(built.aml("environment", "builds", "-l", "1", "-o", "json").out)
    assert (newest["status"], newest["fingerprint"], newest["size"]) == ("ready", PRINT, 54_000_000)


def test_the_log_of_a_build_is_whole(built: Shell) -> None:
    done = built.aml("environment", "log", "-n", "b1")
    assert (done.code, done.out) == (0, LOG)
    gone = built.aml("environment", "log", "-n", "docker")
    assert (gone.code, gone.out) == (3, b"")
    assert "gone.log" in gone.err
    assert built.aml("environment", "log", "-n", "b9").code == 3


def test_everything_about_an_environment(built: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{built.project}/nobody.sock")
    for name in ("docker", "docker.runconfig", "3fa9", "b1cc"):
        done = built.aml("environment", "show", "-n", name)
        assert done.code == 0, done.err
        told = json.loads(done.out)
        assert told["fingerprint"] == PRINT
        assert told["asks_for"] == {"pip": ["numpy==1.2"]}
        assert [one["status"] for one in told["builds"]] == ["ready", "failed"]
        (need,) = told["configurations"]
        assert (need["name"], need["target"], need["needs_it_now"]) == ("docker", "box", True)
        assert "from the history alone" in done.err
    several = built.aml("environment", "show", "-n", "3f")
    assert several.code in (0, 3)
    assert built.aml("environment", "show", "-n", "nothing").code == 3


def test_without_docker_a_list_says_what_to_do(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{shell.project}/nobody.sock")
    done = shell.aml("environment", "list")
    assert (done.code, done.out) == (1, b"")
    assert "do: " in done.err


def test_a_build_that_nobody_prepares_cannot_be_canceled(built: Shell) -> None:
    done = built.aml("environment", "cancel", "-n", "b1")
    assert done.code == 1
    assert "no `prepare` waits for it" in done.err


def test_how_far_a_build_is() -> None:
    begun = BuildRecord("b", "local", PRINT, "building", 100.0)
    assert progress(begun, 109.4) == "preparing (9 s)"
    going = dataclasses.replace(begun, step=2, steps=4, words="conda\x1b[2J packages", estimate=100.0)
    assert progress(going, 112.0) == "step 2 of 4 (12 s of about 1 min 40 s): conda packages"
    over = dataclasses.replace(going, state="ready", ended=3700.0, words="")
    assert progress(over, 9999.0) == "step 2 of 4 (1 h 00 min)"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (None, ""),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (9_949, "9.9 KB"),
        (9_990, "10 KB"),
        (999_600, "1.0 MB"),
        (54_000_000, "54 MB"),
        (1_240_000_000, "1.2 GB"),
        (3.2e12, "3.2 TB"),
    ],
)
def test_sizes(count: float | None, words: str) -> None:
    assert size(count) == words


def test_spans() -> None:
    assert [span(one) for one in (-1, 59.4, 59.6, 130, 3900)] == [
        "0 s",
        "59 s",
        "1 min 00 s",
        "2 min 10 s",
        "1 h 05 min",
    ]
