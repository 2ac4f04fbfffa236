"""The record of a run under threads, processes, full disks and closed files."""

from __future__ import annotations

import collections
import stat
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.runtime.conftest import Script


def test_a_record(script: Script) -> None:
    script.record("import time\nbefore = time.time()\nrun.log('loss', 0.5)\nrun.log('before', before)")
    loss, before = script.records()
    assert 0 <= loss.at - before.value < 20
    assert loss.step is None
    assert script.file.read_bytes().startswith(b'{"t":')
    assert stat.S_IMODE(script.file.stat().st_mode) == 0o600


def test_threads(script: Script) -> None:
    found = script.record(
        """
        import threading
        def work(name):
            for i in range(2000):
                run.log(name, i)
        threads = [threading.Thread(target=work, args=("t%d" % n,)) for n in range(8)]
        for one in threads: one.start()
        for one in threads: one.join()
        """
    )
    series = collections.defaultdict(list)
    for _, name, value in found:
        series[name].append(value)
    assert series == {f"t{n}": list(range(2000)) for n in range(8)}


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(script: Script, method: str) -> None:
    (script.folder / "project" / "parts.py").write_text(
        "from azureml.core import Run\n"
        "def work(number):\n"
        "    for i in range(500):\n"
        "        Run.get_context().log_list('p%d' % number, [i] * 500)\n"
    )
    found = script.record(
        f"""
        import multiprocessing, sys
        sys.path.insert(0, "")
        import parts
        run.log("before", 1)
        made = multiprocessing.get_context("{method}")
        children = [made.Process(target=parts.work, args=(n,)) for n in range(4)]
        for one in children: one.start()
        for one in children: one.join()
        """
    )
    series = collections.defaultdict(list)
    for _, name, value in found[1:]:
        assert len(value) == 500
        series[name].append(value[0])
    assert series == {f"p{n}": list(range(500)) for n in range(4)}


def test_another_working_directory(script: Script) -> None:
    assert len(script.record("import os\nrun.log('a', 1)\nos.chdir('/')\nrun.log('b', 2)\nlogger.log('c', 3)")) == 3


def test_a_daemon_that_closed_its_files_writes_into_no_other_file(script: Script) -> None:
    found = script.record(
        """
        import os
        run.log("before", 1)
        os.closerange(3, 64)
        others = [open("other%d" % i, "w") for i in range(20)]
        run.log("after", 2)
        """
    )
    assert [name for _, name, _ in found] == ["before", "after"]
    assert [(script.folder / "project" / f"other{i}").read_text() for i in range(20)] == [""] * 20


def test_a_full_disk_is_said_once(script: Script) -> None:
    script.environ["AML_METRICS_FILE"] = "/dev/full"
    done = script.run(
        """
        from azureml.core import Run
        for i in range(100):
            Run.get_context().log("loss", i)
        print("trained")
        """
    )
    assert done.stdout == "trained\n"
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("place", ["nowhere/metrics.jsonl", "project"])
def test_a_record_that_cannot_be_opened(script: Script, place: str) -> None:
    script.environ["AML_METRICS_FILE"] = str(script.folder / place)
    done = script.run("from azureml.core import Run\nRun.get_context().log('loss', 1)\nprint('trained')")
    assert done.stdout == "trained\n"
    assert done.stderr.startswith("azureml: cannot record a metric")


def test_no_standard_error(script: Script) -> None:
    script.environ["AML_METRICS_FILE"] = "/dev/full"
    done = script.run(
        "import sys\nsys.stderr.close()\nsys.stderr = None\n"
        "from azureml.core import Run\nRun.get_context().log('loss', 1)\nprint('trained')"
    )
    assert done.stdout == "trained\n"


def test_a_line_cut_short_spoils_no_other(script: Script) -> None:
    script.run(
        """
        import resource
        from azureml.core import Run
        run = Run.get_context()
        run.log("first", 1)
        whole = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, whole[1]))
        run.log_list("cut", list(range(1000)))
        run.log("refused", 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, whole)
        run.log("last", 3)
        """
    )
    assert [one.name for one in script.records()] == ["first", "last"]
    assert script.bad == 1


def test_a_call_costs_little(script: Script) -> None:
    found = script.record(
        """
        import time
        rounds = []
        for _ in range(20):
            before = time.perf_counter()
            for i in range(500):
                run.log("loss", 0.1)
            rounds.append((time.perf_counter() - before) / 500)
        run.log("cost", min(rounds))
        """
    )
    assert found[-1][2] < 30e-6
