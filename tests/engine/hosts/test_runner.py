"""Scripts started for real: how they begin, what they see, how they end and what is written down."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.errors import HostError
from tests.engine.hosts.bench import Bench, R, S, alive, call
from tests.waiting import until_async

if TYPE_CHECKING:
    from engine.paths import Paths


async def test_exit_code_times_and_usage(bench: Bench) -> None:
    handle = await bench.run(R, "import sys; x = [0] * 3_000_000; sum(x); sys.exit(7)")
    status = await bench.ended(R)
    assert status.phase == "exited"
    assert status.handle == handle
    exit_ = status.exit
    assert exit_ is not None
    assert (exit_.code, exit_.signal, exit_.timed_out, exit_.start_error) == (7, None, False, None)
    assert exit_.started <= exit_.ended
    assert exit_.cpu_user + exit_.cpu_system > 0
    assert exit_.max_rss > 20_000_000
    assert exit_.leftover == ()
    assert not alive(handle["runner"]["pid"]) or await until_async(lambda: not alive(handle["runner"]["pid"]))


async def test_death_by_signal(bench: Bench) -> None:
    await bench.run(R, "import os; os.kill(os.getpid(), 11)")
    exit_ = (await bench.ended(R)).exit
    assert exit_ is not None
    assert (exit_.code, exit_.signal) == (None, 11)


async def test_output_is_byte_exact_and_in_order(bench: Bench) -> None:
    await bench.run(
        R,
        r"""
        import os, sys
        for i in range(200):
            os.write(1, b"out %d \xff\x00\x1b[2J\r\n" % i)
            os.write(2, b"err %d" % i)
        """,
    )
    await bench.ended(R)
    expected = b"".join(b"out %d \xff\x00\x1b[2J\r\n" % i + b"err %d" % i for i in range(200))
    assert bench.log(R) == expected


async def test_what_a_script_sees(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "from the engine")
    monkeypatch.setenv("DROPPED", "from the engine")
    monkeypatch.setenv("TEXTUAL_FPS", "10")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("AZUREML_RUN_ID", "an outer run")
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    await bench.host.reconnect()
    await bench.run(
        R,
        """
        import json, os, signal, sys
        print(json.dumps({
            "env": dict(os.environ), "cwd": os.getcwd(), "stdin": sys.stdin.read(), "argv": sys.argv[1:],
            "session": os.getsid(0) == os.getpid(), "pipe": str(signal.getsignal(signal.SIGPIPE)), "umask": os.umask(0),
            "fds": sorted(os.listdir("/proc/self/fd"))[:3], "blocked": [str(s) for s in signal.pthread_sigmask(0, [])],
            "same": os.fstat(1).st_ino == os.fstat(2).st_ino, "flags": open("/proc/self/fdinfo/1").read(),
            "odd": os.fsencode(os.environ["ODD"]).hex(),
        }))
        """,
        "a b",
        "$(x)\n'\"",
        "-c",
        "\udcff\u20ac",
        env={"DROPPED": None, "MINE": "run's own", "ODD": "\udcfe\u00e9", "PYTHONIOENCODING": "utf-8:surrogateescape"},
    )
    status = await bench.ended(R)
    assert status.exit is not None and status.exit.code == 0, bench.log(R)
    seen = json.loads(bench.log(R))
    env = seen["env"]
    assert env["KEPT"] == "from the engine"
    assert env["MINE"] == "run's own"
    assert not {"DROPPED", "TEXTUAL_FPS", "COLUMNS", "AML_TUI_ROLE"} & set(env)
    assert env["AZUREML_RUN_ID"] == R
    assert env["PYTHONUNBUFFERED"] == "1"
    folder = bench.folder(R)
    assert env["AZUREML_OUTPUT_DIRECTORY"] == str(folder / "outputs")
    assert env["AML_METRICS_FILE"] == str(folder / "metrics.jsonl")
    first, _, runtime = env["PYTHONPATH"].partition(":")
    assert first == "/somewhere"
    assert Path(runtime).parent == bench.paths.data / "agent"
    assert seen["odd"] == "fec3a9"
    assert seen["argv"] == ["a b", "$(x)\n'\"", "-c", "\udcff\u20ac"]
    assert seen["cwd"] == str(folder / "project")
    assert seen["stdin"] == ""
    assert seen["session"] and seen["same"] and seen["blocked"] == []
    assert int(seen["flags"].split("flags:")[1].split()[0], 8) & os.O_APPEND
    mask = os.umask(0)
    os.umask(mask)
    assert seen["umask"] == mask


async def test_the_person_may_have_buffering(bench: Bench) -> None:
    await bench.run(R, "import os; print(repr(os.environ['PYTHONUNBUFFERED']))", env={"PYTHONUNBUFFERED": ""})
    await bench.ended(R)
    assert bench.log(R) == b"''\n"


async def test_runner_is_apart_and_private(bench: Bench) -> None:
    handle = await bench.run(R, "import time; time.sleep(60)")
    runner = handle["runner"]["pid"]
    fields = Path(f"/proc/{runner}/stat").read_text().rpartition(")")[2].split()
    assert int(fields[1]) not in (os.getpid(), bench.host.info.agent_pid)
    assert int(fields[3]) == runner, "a session of its own"
    environ = Path(f"/proc/{runner}/environ").read_bytes()
    assert b"AZUREML_RUN_ID" not in environ
    status = bench.folder(R) / "status"
    for path in status.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    assert bench.folder(R).stat().st_mode & 0o077 == 0
    assert (bench.folder(R) / "logs" / "driver.log").stat().st_mode & 0o077 == 0
    assert not [name for name in os.listdir(status) if name.startswith(".")]


async def test_values_of_variables_stay_off_the_disk_and_the_command_line(bench: Bench) -> None:
    handle = await bench.run(R, "import time; time.sleep(60)", env={"TOKEN": "s3cr3t-value"})
    for path in bench.paths.data.rglob("*"):
        if path.is_file():
            assert b"s3cr3t-value" not in path.read_bytes(), path
    assert b"s3cr3t-value" not in Path(f"/proc/{handle['runner']['pid']}/cmdline").read_bytes()
    assert b"s3cr3t-value" not in Path(f"/proc/{handle['runner']['pid']}/environ").read_bytes()


@pytest.mark.parametrize(
    ("argv", "cwd", "content", "errno_name", "names"),
    [
        (["/nowhere/python", "script.py"], "project", "", "ENOENT", "/nowhere/python"),
        (["no-such-program-anywhere"], "project", "", "ENOENT", "no-such-program-anywhere"),
        (["./script.py"], "project", "\x7fELF not", "ENOEXEC", "./script.py"),
        (["../status/laid.json"], "project", "", "EACCES", "laid.json"),
        ([sys.executable], "project/away", "", "ENOENT", "away"),
    ],
)
async def test_a_script_that_cannot_be_started(
    bench: Bench, argv: list[str], cwd: str, content: str, errno_name: str, names: str
) -> None:
    bench.runs.append(R)
    await bench.host.lay(R, [bench.entry("script.py", content.encode(), 0o755)])
    await bench.host.start(R, {"argv": argv, "cwd": cwd, "env": {}})
    status = (await bench.host.inspect([R]))[R]
    assert status.phase == "exited"
    assert status.exit is not None
    assert status.exit.code is None and status.exit.signal is None
    number = getattr(errno, errno_name)
    assert status.exit.start_errno == number
    assert names in str(status.exit.start_error)
    assert os.strerror(number) in str(status.exit.start_error)


async def test_an_exec_of_the_path_of_the_run(bench: Bench, tmp_path: Path) -> None:
    program = tmp_path / "only-here"
    program.write_text("#!/bin/sh\necho found\n")
    program.chmod(0o755)
    await bench.run(R, "", argv=["only-here"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    await bench.ended(R)
    assert bench.log(R) == b"found\n"


async def test_time_limit_climbs_the_ladder_and_takes_grandchildren_along(bench: Bench) -> None:
    await bench.run(
        R,
        """
        import os, signal, sys, time
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda n, f: os.write(1, b"got %s\\n" % signal.Signals(n).name.encode()))
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.write(1, b"grandchild %d\\n" % os.getpid())
                while True: time.sleep(1)
            os._exit(0)
        while True: time.sleep(1)
        """,
        max_duration=0.5,
        grace=[0.3, 0.3],
    )
    exit_ = (await bench.ended(R)).exit
    assert exit_ is not None
    assert exit_.timed_out
    assert exit_.signal == signal.SIGKILL
    log = bench.log(R).decode()
    assert "got SIGINT" in log and "got SIGTERM" in log
    grandchild = int(log.split("grandchild ")[1].split()[0])
    assert not alive(grandchild)
    assert exit_.leftover == ()
    assert 1.0 <= exit_.ended - exit_.started < 6.0


async def test_what_a_timed_out_script_leaves_is_ended_too(bench: Bench) -> None:
    await bench.run(
        R,
        """
        import os, time
        if os.fork() == 0:
            os.setsid()
            import signal
            signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("stubborn", os.getpid(), flush=True)
            while True: time.sleep(1)
        time.sleep(60)
        """,
        max_duration=0.6,
        grace=[0.2, 0.2],
    )
    exit_ = (await bench.ended(R)).exit
    assert exit_ is not None and exit_.timed_out
    assert exit_.leftover == ()
    assert not alive(int(bench.log(R).split()[1]))


async def test_leftovers_are_told_and_live_on(bench: Bench) -> None:
    await bench.run(
        R,
        """
        import os, time
        r, w = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.write(w, b"x")
                time.sleep(60)
            os._exit(0)
        os.read(r, 1)
        """,
    )
    exit_ = (await bench.ended(R)).exit
    assert exit_ is not None and exit_.code == 0
    (left,) = exit_.leftover
    assert alive(left.pid)
    assert "script.py" in left.command
    assert exit_.leftover_pids == (left.pid,)
    assert [proc.pid for proc in await bench.host.processes(R)] == [left.pid]
    await bench.host.signal(R, "KILL")
    await until_async(lambda: not alive(left.pid))
    assert await bench.host.processes(R) == []


async def test_the_end_is_written_on_a_full_disk(home: Paths) -> None:
    """What a script prints may fill the disk; how it ended is recorded all the same."""
    if call("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(home.data)):
        pytest.skip("no right to mount a small file system here")
    bench = Bench(home)
    try:
        await bench.host.connect()
        await bench.run(
            R,
            """
            import os, sys
            try:
                while True: os.write(1, b"x" * 4096)
            except OSError as error:
                sys.exit(error.errno)
            """,
        )
        status = await bench.ended(R)
        assert status.exit is not None and status.exit.code == errno.ENOSPC
        assert set(bench.log(R)) == {ord("x")}
        assert (await bench.host.free_disk()).free < 8192
        with pytest.raises(HostError, match="No space left"):
            await bench.host.lay(S, [])
            await bench.host.start(S, bench.spec())
        assert (await bench.host.inspect([S]))[S].phase in ("absent", "laid")
        await bench.host.remove_run(R)
        await bench.run(S, "print('there is room again')")
        await bench.ended(S)
        assert bench.log(S) == b"there is room again\n"
    finally:
        await bench.close()
        assert call("umount", str(home.data)) == 0
