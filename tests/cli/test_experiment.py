"""Submitting, following, coming back, canceling: with real engines and scripts."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from engine.lock import holder, is_held
from engine.runs.model import State
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Shell

NOISE = r"""
    import os, sys
    os.write(1, b"\x1b]52;c;aGk=\x07\xff\xfe[/markup]\r\n" + bytes(range(256)))
    os.write(2, b"x" * 3_000_000)
    sys.exit(int(sys.argv[1]))
"""
NOISE_BYTES = b"\x1b]52;c;aGk=\x07\xff\xfe[/markup]\r\n" + bytes(range(256)) + b"x" * 3_000_000


def waiting(shell: Shell, tmp_path: Path) -> Path:
    """A script that says "begin", waits for a file, and says "end"."""
    gate = tmp_path / "gate"
    shell.script(
        "wait.py",
        f"""
        import os, time
        print("begin", flush=True)
        while not os.path.exists({str(gate)!r}):
            time.sleep(0.01)
        print("end")
        """,
    )
    return gate


def test_the_output_is_the_scripts_and_so_is_the_exit_code(shell: Shell) -> None:
    shell.script("noise.py", NOISE)
    done = shell.aml("experiment", "submit", "-c", "local", "noise.py", "7")
    assert done.code == 7
    assert done.out == NOISE_BYTES
    assert "iris-001" in done.err
    assert "Failed" in done.err
    again = shell.aml("experiment", "logs", "-r", "iris-001")
    assert (again.code, again.out, again.err) == (0, NOISE_BYTES, "")
    assert shell.aml("history", "info", "-r", "1", "-a", "driver_log").out == NOISE_BYTES


def test_everything_after_the_script_is_the_scripts(shell: Shell) -> None:
    shell.script("say.py", "import sys; print(sys.argv[1:])\n")
    words = [
        "--epochs",
        "3",
        "-o",
        "json",
        "-c",
        "other",
        "--",
        "-h",
        "--debug",
        "",
        "a b",
        "$(x)",
        "-p",
        "/",
        "--query",
    ]
    done = shell.aml("experiment", "submit", "-uc", "local", "say.py", *words)
    assert (done.code, done.text) == (0, f"{words}\n")
    assert not shell.the_run().tracked
    done = shell.aml("experiment", "submit", "--run-configuration=local.runconfig", "--", "say.py", "-x")
    assert (done.code, done.text) == (0, "['-x']\n")


def test_names_that_are_not_utf_8_arrive_as_they_are(shell: Shell) -> None:
    name = os.fsdecode(b"s\xff \n y.py")
    shell.script(name, "import os, sys; os.write(1, os.fsencode(sys.argv[0]) + b'|' + os.fsencode(sys.argv[1]))\n")
    done = shell.aml("experiment", "submit", "-c", "local", name, os.fsdecode(b"\xfe\x80"))
    assert (done.code, done.out) == (0, b"s\xff \n y.py|\xfe\x80"), done.err
    assert shell.aml("history", "list").code == 0
    assert shell.aml("history", "last", "--query", "script_name").text == '"s\\\\udcff \\n y.py"\n'


def test_a_script_that_a_signal_ends(shell: Shell) -> None:
    shell.script("die.py", "import os; os.kill(os.getpid(), 9)\n")
    done = shell.aml("experiment", "submit", "-c", "local", "die.py")
    assert done.code == 128 + 9
    assert "killed by SIGKILL" in done.err


@pytest.mark.parametrize("option", ["-a", "--async", "--no-wait"])
def test_asynchronously_only_the_run_id_is_printed(shell: Shell, option: str) -> None:
    shell.script("say.py", "print(1)\n")
    done = shell.aml("experiment", "submit", "-c", "local", option, "--tag", "best", "--tag", "who=me too", "say.py")
    assert done.code == 0
    run = shell.store.run(done.text.strip())
    assert done.text == f"{run.id}\n"
    assert run.tags == {"best": "", "who": "me too"}
    followed = shell.aml("experiment", "logs", "-f")
    assert (followed.code, followed.out) == (0, b"1\n")


def test_asynchronously_as_json(shell: Shell) -> None:
    shell.script("say.py", "print(1)\n")
    done = shell.aml("experiment", "submit", "-c", "local", "-a", "-o", "json", "say.py")
    assert json.loads(done.out).keys() == {"run_id", "run_number", "name", "status"}
    shell.the_run("Completed")
    refused = shell.aml("experiment", "submit", "-c", "local", "-o", "json", "say.py")
    assert (refused.code, refused.out) == (2, b"")


def test_ctrl_c_leaves_the_run_going(shell: Shell, tmp_path: Path) -> None:
    gate = waiting(shell, tmp_path)
    process = shell.begin("experiment", "submit", "-c", "local", "wait.py", start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"begin\n"
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, b"")
    last = err.decode().splitlines()[-1]
    assert "aml experiment logs -f -r iris-001" in last
    assert "aml experiment cancel -r iris-001" in last
    assert "Traceback" not in err.decode()
    assert shell.the_run().state is State.RUNNING
    back = shell.begin("experiment", "logs", "-f", "-r", "iris-001")
    assert back.stdout is not None
    assert back.stdout.readline() == b"begin\n"
    gate.touch()
    out, _ = back.communicate(timeout=20)
    assert (back.returncode, out) == (0, b"end\n")


def test_a_reader_that_has_seen_enough(shell: Shell, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    shell.script(
        "talk.py",
        f"""
        import os, time
        while not os.path.exists({str(gate)!r}):
            print("more", flush=True)
            time.sleep(0.01)
        """,
    )
    process = shell.begin("experiment", "submit", "-c", "local", "talk.py")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) == 141
    err = process.stderr.read().decode()
    assert "error" not in err and "Traceback" not in err and "Exception" not in err
    assert err.splitlines()[-1].startswith("iris-001 goes on. Come back: aml experiment logs -f -r iris-001 ")
    assert shell.the_run().state is State.RUNNING
    gate.touch()
    shell.the_run("Completed")


@pytest.mark.parametrize("more", [[], ["-a"], ["-a", "-o", "json"]])
def test_output_that_finds_no_room(shell: Shell, tmp_path: Path, more: list[str]) -> None:
    gate = waiting(shell, tmp_path)
    with open("/dev/full", "wb") as full:
        process = shell.begin("experiment", "submit", "-c", "local", *more, "wait.py", stdout=full)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    (last,) = [line for line in err.decode().splitlines() if "goes on" in line or "rror" in line]
    assert last.startswith("stdout takes no more (No space left on device); iris-001 goes on. Come back: aml experi")
    assert not shell.the_run().state.ended
    gate.touch()
    shell.the_run("Completed")


def test_one_stream_of_a_log(shell: Shell, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    shell.script(
        "both.py",
        f"""
        import os, sys, time
        print("to out", flush=True)
        time.sleep(0.1)
        print("to err", file=sys.stderr, flush=True)
        while not os.path.exists({str(gate)!r}):
            time.sleep(0.01)
        print("more", flush=True)
        time.sleep(0.1)
        sys.exit("the end")
        """,
    )
    shell.aml("experiment", "submit", "-c", "local", "--async", "both.py")
    until(lambda: shell.aml("experiment", "logs", "--stream", "stdout").out == b"to out\n")
    until(lambda: shell.aml("experiment", "logs", "--stream", "stderr").out == b"to err\n")
    following = shell.begin("experiment", "logs", "-f", "--stream", "stderr")
    assert following.stdout is not None
    assert following.stdout.readline() == b"to err\n"
    gate.touch()
    out, err = following.communicate(timeout=30)
    assert (following.returncode, out) == (1, b"the end\n"), err
    assert shell.aml("experiment", "logs", "--stream", "stdout").out == b"to out\nmore\n"
    assert shell.aml("experiment", "logs").out == b"to out\nto err\nmore\nthe end\n"
    # As a run of before this was noted.
    (shell.paths.driver_log(shell.the_run().id).parent / "driver.streams").unlink()
    old = shell.aml("experiment", "logs", "--stream", "stdout")
    assert (old.code, old.out) == (0, b"to out\nto err\nmore\nthe end\n")
    assert old.err == "which lines of iris-001 were stdout and which stderr was not noted: all of them are shown\n"
    assert shell.aml("experiment", "logs", "--stream", "both").code == 2


def test_logs_of_a_run_that_goes_on(shell: Shell, tmp_path: Path) -> None:
    gate = waiting(shell, tmp_path)
    shell.aml("experiment", "submit", "-c", "local", "-a", "wait.py")
    shell.the_run("Running")
    until(lambda: shell.aml("experiment", "logs").out == b"begin\n")
    gate.touch()
    shell.the_run("Completed")
    assert shell.aml("experiment", "logs").out == b"begin\nend\n"


def test_cancel_waits_for_death(shell: Shell, tmp_path: Path) -> None:
    waiting(shell, tmp_path)
    process = shell.begin("experiment", "submit", "-c", "local", "wait.py")
    assert process.stdout is not None
    process.stdout.readline()
    pid = shell.the_run("Running").handle["process"]["pid"]
    done = shell.aml("experiment", "cancel", "-r", "1")
    assert done.code == 0, done.err
    assert "Canceled" in done.err
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    process.communicate(timeout=20)
    assert process.returncode == 130
    again = shell.aml("experiment", "cancel", "-r", "1")
    assert again.code == 1
    assert "iris-001: the run has ended (Canceled)" in again.err


def test_following_survives_the_engine(shell: Shell, tmp_path: Path) -> None:
    gate = waiting(shell, tmp_path)
    process = shell.begin("experiment", "submit", "-c", "local", "wait.py")
    assert process.stdout is not None
    process.stdout.readline()
    shell.the_run("Running")
    os.kill(holder(shell.paths.engine_lock)["pid"], signal.SIGKILL)
    until(lambda: not is_held(shell.paths.engine_lock))
    gate.touch()
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, b"end\n")


def test_a_run_that_a_script_submits_knows_its_parent(shell: Shell) -> None:
    shell.script("inner.py", "print('inner')\n")
    shell.script(
        "outer.py",
        f"""
        import subprocess, sys
        sys.exit(subprocess.call(
            [{sys.executable!r}, "-m", "cli.main", "experiment", "submit", "-c", "local", "inner.py"],
            cwd={str(shell.project)!r},
        ))
        """,
    )
    done = shell.aml("experiment", "submit", "-c", "local", "outer.py")
    assert done.code == 0
    assert b"inner\n" in done.out
    outer, inner = (shell.store.run(str(number), str(shell.project)) for number in (1, 2))
    assert (inner.parent_run_id, outer.parent_run_id) == (outer.id, None)


def test_status(shell: Shell, tmp_path: Path) -> None:
    assert "no run" in shell.aml("experiment", "status").err
    gate = waiting(shell, tmp_path)
    shell.aml("experiment", "submit", "-c", "local", "-a", "wait.py", "x")
    shell.the_run("Running")
    (one,) = json.loads(shell.aml("experiment", "status", "-o", "json").out)
    assert (one["status"], one["script"], one["arguments"]) == ("Running", "wait.py", ["x"])
    assert "iris-001" in shell.aml("experiment", "status").text
    gate.touch()
    shell.the_run("Completed")
    done = shell.aml("experiment", "status", "-r", "iris-001", "--query", "[status, exit_code]", "-o", "tsv")
    assert done.text == "Completed\n0\n"


def test_status_says_when_nobody_writes_it(shell: Shell, tmp_path: Path) -> None:
    gate = waiting(shell, tmp_path)
    shell.aml("experiment", "submit", "-c", "local", "-a", "wait.py")
    shell.the_run("Running")
    assert shell.aml("experiment", "status").err == ""
    os.kill(holder(shell.paths.engine_lock)["pid"], signal.SIGKILL)
    until(lambda: not is_held(shell.paths.engine_lock))
    for more in ((), ("-r", "1"), ("-o", "json")):
        done = shell.aml("experiment", "status", *more)
        assert (done.code, "Running" in done.text) == (0, True)
        assert re.fullmatch(
            r"no engine is running; .* at \d{4}-\d\d-\d\d [\d:]{8} UTC, .*`aml engine start`.*\n", done.err
        )
    gate.touch()
    shell.aml("engine", "start")
    shell.the_run("Completed")
    shell.aml("engine", "stop")
    assert shell.aml("experiment", "status", "-r", "1").err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["-c", "nope", "train.py"], 3, ["no run configuration 'nope'", "aml_config", "do: "]),
        (["-c", "local", "nope.py"], 3, ["no script 'nope.py'"]),
        (["-c", "local", "-t", "gpu", "wait.py"], 3, ["no compute target 'gpu'"]),
        (["-c", "broken", "wait.py"], 1, ["aml_config/broken.runconfig:3:1"]),
        (["wait.py"], 2, ["-c/--run-configuration", "-h` explains"]),
        (["-c", "local", "--colour", "wait.py"], 2, ["--colour"]),
        (["-c", "local", "-a", "--wait", "wait.py"], 2, ["exclude each other"]),
    ],
)
def test_what_cannot_be_submitted(
    shell: Shell, tmp_path: Path, arguments: list[str], code: int, words: list[str]
) -> None:
    waiting(shell, tmp_path)
    (shell.project / "aml_config" / "broken.runconfig").write_text("Target: local\nFramework: [Python\n")
    done = shell.aml("experiment", "submit", *arguments)
    assert done.code == code
    assert done.out == b""
    assert done.err.startswith("error: ")
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err
    assert shell.store.count() == 0


def test_a_full_story_of_an_error(shell: Shell) -> None:
    done = shell.aml("experiment", "submit", "--debug", "-c", "nope", "train.py")
    assert "Traceback" in done.err
    assert done.err.splitlines()[-3].startswith("error: ")
