"""Runs in containers of a real Docker Engine, with a shared folder and with copies: the whole way, and each end."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from typing import TYPE_CHECKING

import pytest

from engine.errors import ProjectError
from engine.hosts.agent_host import AgentHost
from engine.runs.model import State
from tests.engine import telling
from tests.engine.launchers.conftest import CONFIG
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.hosts.host import RunStatus
    from engine.runs.model import Run
    from tests.engine.launchers.conftest import ContainerBench

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]
both = pytest.mark.parametrize("config", ["docker", "copied"])

STUBBORN = """
    import os, signal, time
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            print("hidden", flush=True)
            time.sleep(600)
        os._exit(0)
    os.wait()
    print("ready", flush=True)
    time.sleep(600)
    """


async def end(bench: ContainerBench, run: Run, timeout: float = 60.0) -> Run:
    """Its end; no container is left then and the mirror is the host's file."""
    done = await bench.end(run, timeout)
    assert bench.containers(run) == []
    if (bench.paths.host_run(run.id) / "logs" / "driver.log").exists():
        assert bench.log(run) == bench.host_log(run)
    return done


@both
async def test_the_whole_way(bench: ContainerBench, config: str) -> None:
    bench.script(
        'train it\'s "here".py',
        """
        import os, sys
        from azureml.core import Run
        print("hello", sys.argv[1:], flush=True)
        print("to stderr", file=sys.stderr, flush=True)
        run = Run.get_context()
        for step in range(5):
            run.log("loss", 1.0 / (step + 1))
        os.makedirs("outputs/deep er")
        open("outputs/deep er/it's.txt", "w").write("weights")
        os.symlink("it's.txt", "outputs/deep er/link")
        print(os.environ["AZUREML_RUN_ID"], os.environ["AZUREML_TARGET_TYPE"], os.environ["MINE"])
        print(os.getuid(), os.getgid(), os.access(os.path.expanduser("~"), os.W_OK))
        print(open("data file.txt").read(), os.path.exists(os.environ["AZUREML_OUTPUT_DIRECTORY"]))
        """,
    )
    (bench.project / "data file.txt").write_text("content")
    folder = bench.project / "aml_config"
    text = (folder / f"{config}.runconfig").read_text()
    (folder / f"{config}.runconfig").write_text(f"{text}EnvironmentVariables:\n  MINE: it's $HOME\n")
    odd = ("--rate", "a b", "$(x)", "-n", "", "it's", "new\nline")
    run = await bench.submit('train it\'s "here".py', *odd, config=config)
    done = await end(bench, run)
    text = bench.log(run).decode()
    assert (done.state, done.exit_code, done.reason) == (State.COMPLETED, 0, ""), text
    assert text == (
        f"hello {list(odd)}\nto stderr\n{run.id} docker it's $HOME\n{os.getuid()} {os.getgid()} True\ncontent True\n"
    )
    assert [value for _, _, value in bench.store.points(run.id, "loss")] == [1.0, 0.5, 1 / 3, 0.25, 0.2]
    outputs = {one.path: one.kind for one in await bench.engine.outputs(run.id)}
    assert outputs == {"deep er": "dir", "deep er/it's.txt": "file", "deep er/link": "link"}
    made = bench.paths.host_run(run.id) / "outputs" / "deep er"
    assert (made / "it's.txt").read_text() == (made / "link").read_text() == "weights"
    assert (made / "it's.txt").stat().st_uid == os.getuid()
    assert not (bench.project / "outputs").exists()
    states = [t.after for t in bench.store.transitions(run.id)]
    assert states == [
        State.QUEUED,
        State.PREPARING,
        State.STARTING,
        State.RUNNING,
        State.FINALIZING,
        State.COMPLETED,
    ]
    (command,) = bench.store.commands(run.id)
    assert command.argv[1:] == ('train it\'s "here".py', *odd)


@both
async def test_stdout_and_stderr_are_told_apart(bench: ContainerBench, config: str) -> None:
    bench.script("both.py", telling.SCRIPT)
    run = await bench.end(await bench.submit("both.py", config=config))
    assert run.exit_code == 1
    telling.check(bench.paths, run)


@both
async def test_what_it_uses_is_measured_inside(bench: ContainerBench, config: str) -> None:
    bench.script("work.py", "import time\nx = bytearray(60 << 20)\nwhile True: time.sleep(0.05)\n")
    run = await bench.submit("work.py", config=config)

    def memory() -> float:
        used = bench.store.one_series(run.id, "resources/memory")
        return used.last or 0.0 if used is not None else 0.0

    await until_async(lambda: memory() > 60 << 20, 60.0, "what the run uses")
    assert memory() < 200 << 20
    await bench.engine.cancel([run.id])
    await end(bench, run)


@both
async def test_a_script_that_fails_says_why(bench: ContainerBench, config: str) -> None:
    bench.script("fail.py", "{}['petal']\n")
    done = await end(bench, await bench.submit("fail.py", config=config))
    assert (done.state, done.exit_code, done.reason) == (State.FAILED, 1, "KeyError: 'petal'")


@both
async def test_a_script_that_is_killed_says_so(bench: ContainerBench, config: str) -> None:
    bench.script("die.py", "import os; os.kill(os.getpid(), 9)\n")
    done = await end(bench, await bench.submit("die.py", config=config))
    assert (done.state, done.exit_signal, done.reason) == (State.FAILED, 9, "killed by SIGKILL")


@both
async def test_bytes_are_bytes(bench: ContainerBench, config: str) -> None:
    bench.script(
        "noise.py",
        r"""
        import os
        os.write(1, b"\x1b]52;c;aGk=\x07\xff\xfe[/markup]\r\n" + bytes(range(256)))
        os.write(2, b"x" * 3_000_000)
        """,
    )
    run = await end(bench, await bench.submit("noise.py", config=config))
    assert bench.log(run) == b"\x1b]52;c;aGk=\x07\xff\xfe[/markup]\r\n" + bytes(range(256)) + b"x" * 3_000_000


@both
async def test_out_of_memory_is_said_as_such(bench: ContainerBench, config: str) -> None:
    bench.target(config, "memory: 48m", *(["sharedVolumes: false"] if config == "copied" else []))
    bench.script("hungry.py", "print('eats', flush=True)\ndata = b'x' * (200 << 20)\nprint(len(data))\n")
    done = await end(bench, await bench.submit("hungry.py", config=config))
    assert done.state is State.FAILED
    assert done.reason.startswith("out of memory: it needed more than the 48 MiB"), done.reason
    assert bench.log(done) == b"eats\n"


@both
async def test_canceled_means_dead(bench: ContainerBench, config: str) -> None:
    bench.script("stubborn.py", STUBBORN)
    run = await bench.submit("stubborn.py", config=config)
    await bench.printed(run, b"ready")
    await bench.engine.cancel([run.id])
    done = await end(bench, run)
    assert (done.state, done.reason) == (State.CANCELED, "canceled")


async def test_what_is_canceled_in_time_never_begins(bench: ContainerBench) -> None:
    bench.script("train.py", "print('began')\n")
    run = await bench.submit("train.py")
    await bench.engine.cancel([run.id])
    done = await end(bench, run)
    assert (done.state, bench.log(done)) in ((State.CANCELED, b""), (State.COMPLETED, b"began\n"))


@both
async def test_a_run_that_takes_too_long_is_ended(bench: ContainerBench, config: str) -> None:
    path = bench.project / "aml_config" / f"{config}.runconfig"
    path.write_text(path.read_text() + "MaxRunDurationSeconds: 1\n")
    bench.script("long.py", "import time\nprint('began', flush=True)\ntime.sleep(600)\n")
    done = await end(bench, await bench.submit("long.py", config=config))
    assert done.state is State.FAILED
    assert done.reason == "stopped: it ran longer than its maxRunDurationSeconds"


@both
@pytest.mark.parametrize("behind", [("rm", "-f"), ("stop", "-t", "1"), ("kill",)])
async def test_ended_behind_our_back(bench: ContainerBench, config: str, behind: tuple[str, ...]) -> None:
    bench.script("long.py", "import time\nprint('began', flush=True)\ntime.sleep(600)\n")
    run = await bench.submit("long.py", config=config)
    await bench.printed(run, b"began")
    bench.docker.docker(*behind, *bench.containers(run))
    done = await end(bench, run)
    assert done.state is State.FAILED
    lost = ", and its outputs were lost with it" if config == "copied" else ""
    expected = {
        "rm": f"its container was removed from outside{lost}",
        "stop": "its container was stopped from outside",
    }
    killed = "its container was killed from outside, or ended with the Docker Engine"
    assert done.reason == expected.get(behind[0], killed)
    assert bench.log(done) == b"began\n"


async def test_a_script_that_ends_itself_was_not_stopped_from_outside(bench: ContainerBench) -> None:
    bench.script("itself.py", "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    done = await end(bench, await bench.submit("itself.py"))
    assert done.reason == "killed by SIGTERM"
    # A signal that ends nothing is none of the end's cause.
    bench.script(
        "asked.py",
        """\
        import signal, sys
        signal.signal(signal.SIGUSR1, lambda *_: sys.exit(1))
        print("began", flush=True)
        signal.pause()
        """,
    )
    run = await bench.submit("asked.py")
    await bench.printed(run, b"began")
    bench.docker.docker("kill", "-s", "USR1", *bench.containers(run))
    assert (await end(bench, run)).reason == "exit code 1"


async def test_an_end_between_two_looks(bench: ContainerBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the host's files say is older than what Docker says: their record of the end counts all the same."""
    bench.script(
        "wait.py",
        """
        import os, time
        print("began", flush=True)
        while not os.path.exists("go"):
            time.sleep(0.05)
        """,
    )
    run = await bench.submit("wait.py")
    await bench.printed(run, b"began")
    real = AgentHost.inspect
    (container,) = bench.containers(run)

    async def old(host: AgentHost, run_ids: Sequence[str]) -> dict[str, RunStatus]:
        found = await real(host, run_ids)
        if found[run.id].phase == "running":
            (bench.paths.host_run(run.id) / "project" / "go").touch()
            await asyncio.to_thread(bench.docker.docker, "wait", container)
        return found

    monkeypatch.setattr(AgentHost, "inspect", old)
    bench.engine._drivers[run.id]._nudge.set()
    done = await end(bench, run)
    assert (done.state, done.reason) == (State.COMPLETED, "")


async def test_a_script_that_says_something_when_it_is_stopped(bench: ContainerBench) -> None:
    bench.script(
        "polite.py",
        """\
        import signal, sys
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("good bye"))
        print("began", flush=True)
        signal.pause()
        """,
    )
    run = await bench.submit("polite.py")
    await bench.printed(run, b"began")
    bench.docker.docker("stop", *bench.containers(run))
    done = await end(bench, run)
    assert (done.reason, done.exit_code) == ("its container was stopped from outside", 1)


async def test_the_environment_is_there_or_it_is_said_how_to_get_it(bench: ContainerBench) -> None:
    path = bench.project / "aml_config" / "docker.runconfig"
    path.write_text(path.read_text().replace("PrepareEnvironment: true", "PrepareEnvironment: false"))
    (bench.project / "aml_config" / "conda_dependencies.yml").write_text("dependencies:\n  - pip\n  - python>=3\n")
    bench.script("train.py", "import sys; print(sys.prefix)\n")
    refused = await end(bench, await bench.submit("train.py"))
    assert refused.state is State.FAILED
    assert "aml experiment prepare -c docker" in refused.reason
    answer = await bench.engine.prepare(bench.request("train.py"))
    assert answer["state"] == "building"
    ready = await bench.submit("train.py", prepare=True)
    done = await end(bench, ready, 90)
    assert (done.state, bench.log(done)) == (State.COMPLETED, b"/opt/aml-env\n"), done.reason
    again = await end(bench, await bench.submit("train.py"))
    assert again.state is State.COMPLETED, again.reason
    assert (await bench.engine.prepare(bench.request("train.py")))["state"] == "ready"


async def test_images_that_are_not_made_for_this(
    bench: ContainerBench, other_user_image: str, bare_image: str, empty_image: str
) -> None:
    bench.target("other", image=other_user_image)
    bench.target("bare", image=bare_image)
    bench.target("empty", image=empty_image)
    bench.target("missing", image="aml-test/nobody-has-it:1")
    bench.script("train.py", "import os; print(os.getuid()); open('outputs/model', 'w').close()\n")
    names = ("other", "bare", "empty", "missing")
    runs = [await bench.submit("train.py", config=name) for name in names]
    other, bare, empty, missing = [await end(bench, run) for run in runs]
    assert (other.state, bench.log(other)) == (State.COMPLETED, f"{os.getuid()}\n".encode()), other.reason
    for run in (bare, empty):
        assert (run.state, "has no Python" in run.reason) == (State.FAILED, True), run.reason
    assert (missing.state, "cannot be pulled" in missing.reason) == (State.FAILED, True), missing.reason
    assert "docker login" in missing.reason or "docker load" in missing.reason


async def test_a_person_whom_the_image_does_not_know(bench: ContainerBench) -> None:
    host = await bench.engine._link_named("local").ready()
    host._info = dataclasses.replace(host.info, uid=4321, gid=4322, user="ann")  # type: ignore[attr-defined]
    bench.script(
        "who.py",
        """
        import getpass, os, pwd
        print(getpass.getuser(), pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid())
        print(os.path.expanduser("~ann"))
        print(pwd.getpwuid(0).pw_name)
        open("outputs/mine", "w").close()
        """,
    )
    done = await end(bench, await bench.submit("who.py", config="copied"))
    assert bench.log(done) == b"ann ann 4321 4322\n/azureml-home\nroot\n"
    assert done.state is State.COMPLETED, done.reason


async def test_a_folder_that_runs_share(bench: ContainerBench, tmp_path: Path) -> None:
    bench.target("docker", f"nativeSharedDirectory: {tmp_path / 'share'}")
    bench.target("copied", "sharedVolumes: false", f"nativeSharedDirectory: {tmp_path / 'share'}")
    bench.script(
        "share.py",
        """
        import os, sys
        where = os.environ["AZUREML_NATIVE_SHARE_DIRECTORY"]
        print(where)
        with open(where + "notes.txt", "a") as file:
            file.write(sys.argv[1])
        print(open(where + "notes.txt").read())
        """,
    )
    first = await end(bench, await bench.submit("share.py", "one "))
    assert first.state is State.COMPLETED, first.reason
    second = await end(bench, await bench.submit("share.py", "two "))
    assert bench.log(second) == b"/azureml-share/\none two \n"
    with pytest.raises(ProjectError, match="sharedVolumes: true"):
        await bench.submit("share.py", "three", config="copied")


async def test_limits_and_devices_of_the_target(bench: ContainerBench) -> None:
    bench.target("docker", "memory: 128m", "shmSize: 32m", "cpus: 0.5")
    bench.target("gpu", "nvidiaDocker: true")
    bench.script(
        "limits.py",
        """
        import os, time
        found = os.statvfs("/dev/shm")
        print("shm", found.f_blocks * found.f_frsize >> 20, flush=True)
        time.sleep(600)
        """,
    )
    run = await bench.submit("limits.py")
    await bench.printed(run, b"shm 32\n")
    limits = bench.docker.docker(
        "inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", *bench.containers(run)
    )
    assert limits == f"{128 << 20} 500000000"
    await bench.engine.cancel([run.id])
    await end(bench, run)
    gpu = await end(bench, await bench.submit("limits.py", config="gpu"))
    assert gpu.state is State.FAILED
    assert "could not select device driver" in gpu.reason
    assert "NVIDIA container toolkit" in gpu.reason


@both
async def test_many_files(bench: ContainerBench, config: str) -> None:
    for number in range(2000):
        folder = bench.project / f"folder {number % 20}"
        folder.mkdir(exist_ok=True)
        (folder / f"it's {number}.txt").write_text(str(number))
    bench.script(
        "count.py",
        """
        import pathlib
        found = sorted(int(path.read_text()) for path in pathlib.Path(".").glob("folder */*.txt"))
        print(found == list(range(2000)))
        """,
    )
    done = await end(bench, await bench.submit("count.py", config=config))
    assert bench.log(done) == b"True\n", done.reason


@both
async def test_twenty_at_once_on_four_slots(bench: ContainerBench, config: str) -> None:
    bench.script("short.py", "import sys\nfor n in range(200):\n    print(sys.argv[1], n)\n")
    runs = [await bench.submit("short.py", str(number), config=config) for number in range(20)]
    most = 0
    while any(not bench.run(run).state.ended for run in runs):
        states = [bench.run(run).state for run in runs]
        busy = (State.PREPARING, State.STARTING, State.RUNNING, State.CANCEL_REQUESTED)
        most = max(most, sum(state in busy for state in states))
        await asyncio.sleep(0.01)
    assert most <= 4
    for number, run in enumerate(runs):
        done = await end(bench, run)
        assert done.state is State.COMPLETED, done.reason
        assert bench.log(run) == b"".join(b"%d %d\n" % (number, line) for line in range(200))


async def test_two_configurations_that_need_the_same_build_it_once(bench: ContainerBench) -> None:
    for name in ("one", "two"):
        bench.target(name, config=CONFIG + f"CondaDependenciesFile: aml_config/{name}.yml\n")
        (bench.project / "aml_config" / f"{name}.yml").write_text(f"# of {name}\ndependencies: [python>=3, pip]\n")
    bench.script("train.py", "import sys; print(sys.prefix)\n")
    runs = [await bench.submit("train.py", config=name) for name in ("one", "two")]
    for run in runs:
        done = await end(bench, run, 90)
        assert (done.state, bench.log(done)) == (State.COMPLETED, b"/opt/aml-env\n"), done.reason
    assert len(bench.store.builds()) <= 1


async def test_a_build_that_a_run_waits_for_is_not_canceled_under_it(bench: ContainerBench) -> None:
    (bench.project / "aml_config" / "conda_dependencies.yml").write_text(
        "dependencies:\n  - python>=3\n  - pip\n  - pip:\n    - --no-index\n    - nobody-has-this\n"
    )
    bench.script("train.py", "print('began')\n")
    run = await bench.submit("train.py")
    waiting = bench.engine._environments._runs
    await until_async(lambda: any(run.id in runs for runs in waiting.values()) or bench.run(run).state.ended, 60)
    answer = await bench.engine.prepare(bench.request("train.py"))
    if answer["state"] == "building":
        refused = await bench.engine.stop_builds([answer["build"]])
        assert run.id in refused[answer["build"]] or bench.run(run).state.ended
    done = await end(bench, run, 90)
    assert done.state is State.FAILED
    assert "nobody-has-this" in done.reason
