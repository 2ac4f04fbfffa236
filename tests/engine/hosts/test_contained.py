"""The first program of a container, without one: what it writes, what it refuses, what it hands to the script."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.hosts.agent import contained, identities
from engine.hosts.agent.whole import RESERVED
from engine.hosts.agent_source import CONTAINED_PACKAGE, runtime_package

PROGRAM = f"import sys; sys.path.insert(0, sys.argv.pop(1)); from {CONTAINED_PACKAGE}.contained import main; main()"
# Says on standard error what is written through to the disk.
TELLING = """\
import os
fsync = os.fsync
def telling(number):
    os.write(2, os.fsencode(os.readlink("/proc/self/fd/%d" % number)) + b"\\n")
    fsync(number)
os.fsync = telling
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run directory with a script, and what is placed beside it in the folder `runtime`."""
    for name, text in runtime_package()[1].items():
        path = tmp_path / "runtime" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    run = tmp_path / "run"
    for name in ("logs", "status", "project"):
        (run / name).mkdir(parents=True)
    (run / "project" / "script.py").write_text(
        "import os, sys\nprint(sys.argv[1:], os.getcwd(), sorted(os.environ), oct(os.umask(0)))\nsys.exit(3)\n"
    )
    (run / "status" / "spec.json").write_text(json.dumps({"run_id": "r-1"}))
    return run


def first_program(folder: Path, *argv: str, program: str = PROGRAM) -> subprocess.CompletedProcess[str]:
    variables = {
        "AML_CONTAINED_FOLDER": str(folder),
        "AML_CONTAINED_CWD": "project",
        "AML_CONTAINED_UMASK": "27",
        "AML_TUI_ROLE": "runner",
        "KEPT": "1",
    }
    command = [sys.executable, "-I", "-S", "-c", program, str(folder.parent / "runtime"), *argv]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=30, check=False)


def test_the_script_gets_its_own_and_ends_as_it_ended(folder: Path) -> None:
    told = first_program(folder, sys.executable, "script.py", "a b", "-c", "")
    assert (told.returncode, told.stderr) == (3, "")
    log = (folder / "logs" / "driver.log").read_text()
    # LC_CTYPE is what Python itself sets where there is no locale.
    assert log.replace("'LC_CTYPE'", "").replace("'KEPT', ", "'KEPT'") == (
        f"['a b', '-c', ''] {folder / 'project'} ['KEPT'] 0o27\n"
    )
    ended = json.loads((folder / "status" / "exit.json").read_text())
    assert ended["code"] == 3
    process = json.loads((folder / "status" / "process.json").read_text())
    assert process["runner"] == json.loads((folder / "status" / "runner.json").read_text())


def test_a_script_that_has_begun_does_not_begin_again(folder: Path) -> None:
    (folder / "status" / "process.json").write_text("{}")
    told = first_program(folder, sys.executable, "script.py")
    assert told.returncode == 125 and "has begun before" in told.stderr
    assert (folder / "logs" / "driver.log").read_bytes() == b""
    assert (folder / "status" / "process.json").read_text() == "{}"
    assert sorted(os.listdir(folder / "status")) == ["process.json", "spec.json"]


def test_what_is_no_run_directory_is_refused(folder: Path) -> None:
    (folder / "status" / "spec.json").unlink()
    told = first_program(folder, sys.executable, "script.py")
    assert told.returncode == 125 and "spec.json" in told.stderr


def test_a_script_that_cannot_begin_is_told(folder: Path) -> None:
    told = first_program(folder, "/nowhere/python", "script.py")
    assert told.returncode == 126
    ended = json.loads((folder / "status" / "exit.json").read_text())
    assert ended["start_error"]["name"] == "ENOENT" and ended["start_error"]["what"] == "/nowhere/python"


def test_a_script_that_fills_the_disk_leaves_room_for_the_record_of_its_end(folder: Path) -> None:
    told = first_program(folder, "/bin/sh", "-c", "stat -c %s ../status/exit.json.reserved")
    assert told.returncode == 0, told.stderr
    assert (folder / "logs" / "driver.log").read_text() == f"{RESERVED}\n"


def test_the_log_is_on_the_disk_before_the_container_ends(folder: Path) -> None:
    told = first_program(folder, sys.executable, "script.py", program=TELLING + PROGRAM)
    assert told.returncode == 3
    assert told.stderr.splitlines()[-1] == str(folder / "logs" / "driver.log")


def test_the_record_is_as_any_other_runner_writes_it() -> None:
    me = identities.identity(os.getpid())
    script = dict(identities.identity(1), started=1795581191.25)
    record = contained.record_of(script, me)
    assert record == json.dumps(dict(script, runner=me), sort_keys=True).encode() + b"\n"
