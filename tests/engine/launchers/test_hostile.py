"""What scripts and people do to their containers that nobody should do, and what went wrong once."""

from __future__ import annotations

import dataclasses
import socket
from typing import TYPE_CHECKING

import pytest

from engine.engine import Engine
from engine.errors import HostError
from engine.hosts.docker.api import Container, DockerApi, DockerError, DockerLost
from engine.runs.model import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from engine.runs.model import Run
    from tests.engine.launchers.conftest import ContainerBench

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]
both = pytest.mark.parametrize("config", ["docker", "copied"])


async def end(bench: ContainerBench, run: Run) -> Run:
    done = await bench.end(run, 60)
    assert bench.containers(run) == []
    return done


@both
async def test_one_cancel_is_one_interrupt(bench: ContainerBench, config: str) -> None:
    bench.script(
        "save.py",
        """
        import signal, sys, time
        count = 0
        def stop(*_):
            global count
            count += 1
        signal.signal(signal.SIGINT, stop)
        print("ready", flush=True)
        while not count:
            time.sleep(0.01)
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            time.sleep(0.01)
        print("interrupts:", count, flush=True)
        """,
    )
    run = await bench.submit("save.py", config=config)
    await bench.printed(run, b"ready")
    await bench.engine.cancel([run.id])
    done = await end(bench, run)
    assert (done.state, bench.log(run)) == (State.CANCELED, b"ready\ninterrupts: 1\n")


@both
async def test_what_runs_beside_the_script_is_no_part_of_it(bench: ContainerBench, config: str) -> None:
    path = bench.project / "aml_config" / f"{config}.runconfig"
    path.write_text(path.read_text() + "MaxRunDurationSeconds: 1\n")
    bench.script("long.py", "import time\nprint('began', flush=True)\ntime.sleep(600)\n")
    done = await end(bench, await bench.submit("long.py", config=config))
    assert done.state is State.FAILED
    assert "LeftBehind" not in done.properties
    assert done.started is not None and done.ended is not None
    # An interrupt is enough for it: no step of the ladder is waited for.
    assert done.ended - done.started < 8


@both
async def test_an_engine_that_finds_another_docker_engine(
    bench: ContainerBench, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.script("wait.py", "import sys, time\nprint('began', flush=True)\ntime.sleep(2)\nprint('ended')\n")
    run = await bench.submit("wait.py", config=config)
    await bench.printed(run, b"began")
    await bench.engine.stop()
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    bench.engine = Engine(bench.paths)
    await bench.engine.start()
    done = await end(bench, run)
    assert (done.state, bench.log(run)) == (State.COMPLETED, b"began\nended\n"), done.reason


async def test_outputs_that_cannot_come_home_are_told(bench: ContainerBench) -> None:
    bench.script(
        "odd.py",
        """
        import os, shutil
        open("outputs/" + "n" * 250, "w").write("long")
        os.mkfifo("outputs/pipe")
        print("done")
        """,
    )
    done = await end(bench, await bench.submit("odd.py", config="copied"))
    assert done.state is State.COMPLETED
    assert [one.path for one in await bench.engine.outputs(done.id)] == ["n" * 250]
    assert done.properties["NotBroughtHome"] == "outputs/pipe: neither file, folder nor link"


@both
async def test_an_outputs_folder_that_is_replaced(bench: ContainerBench, config: str) -> None:
    bench.script(
        "odd.py",
        """
        import os, shutil
        here = os.environ["AZUREML_OUTPUT_DIRECTORY"]
        shutil.rmtree(here)
        os.mkdir("elsewhere")
        open("elsewhere/model", "w").close()
        os.symlink(os.path.abspath("elsewhere"), here)
        """,
    )
    done = await end(bench, await bench.submit("odd.py", config=config))
    assert done.state is State.COMPLETED
    if config == "copied":
        assert done.properties["NotBroughtHome"].startswith("outputs: ")


@both
async def test_a_log_that_a_script_replaces_leads_nowhere(bench: ContainerBench, config: str) -> None:
    bench.script(
        "steal.py",
        """
        import os, time
        log = os.path.join(os.environ["AZUREML_OUTPUT_DIRECTORY"], "../logs/driver.log")
        print("before", flush=True)
        time.sleep(0.5)
        os.unlink(log)
        os.symlink("/etc/hostname", log)
        """,
    )
    done = await end(bench, await bench.submit("steal.py", config=config))
    assert done.state is State.COMPLETED
    assert socket.gethostname().encode() not in bench.log(done)


async def test_copies_are_of_today(bench: ContainerBench) -> None:
    bench.script(
        "pack.py",
        """
        import zipfile
        with zipfile.ZipFile("outputs/all.zip", "w") as file:
            file.write("pack.py")
        """,
    )
    done = await end(bench, await bench.submit("pack.py", config="copied"))
    assert done.state is State.COMPLETED, done.reason


async def test_a_log_is_followed_on_after_a_passing_error(
    bench: ContainerBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = DockerApi.execute, 3

    async def now_and_then(self: DockerApi, name: str, argv: Sequence[str]) -> AsyncIterator[tuple[int, bytes]]:
        nonlocal failures
        async for piece in real(self, name, argv):
            yield piece
            if failures:
                failures -= 1
                raise DockerLost("lost for a moment", where="local")

    monkeypatch.setattr(DockerApi, "execute", now_and_then)
    monkeypatch.setattr("engine.launchers.container_follow.RETRY", 0.05)
    bench.script(
        "talk.py",
        """
        import time
        for number in range(100):
            print(number, flush=True)
            time.sleep(0.05)
        """,
    )
    run = await bench.submit("talk.py", config="copied")
    await bench.printed(run, b"50\n")
    assert bench.run(run).state is State.RUNNING
    done = await end(bench, run)
    assert bench.log(done) == b"".join(b"%d\n" % number for number in range(100))


async def test_a_host_that_refuses_for_good_does_not_hold_the_run(
    bench: ContainerBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> list[str]:
        raise HostError("no")

    monkeypatch.setattr("engine.launchers.container_copies.bring_home", refuse)
    monkeypatch.setattr("engine.runs.driver.RETRY_FIRST", 0.01)
    bench.script("train.py", "print('hello')\n")
    run = await bench.submit("train.py", config="copied")
    done = await bench.end(run, 60)
    assert done.state is State.COMPLETED
    assert done.properties["NotBroughtHome"] == "everything else: no"
    bench.docker.docker("rm", "-f", *bench.containers(run))


async def test_a_paused_container_is_only_paused(bench: ContainerBench) -> None:
    bench.script("count.py", "import time\nfor n in range(100):\n    print(n, flush=True)\n    time.sleep(0.01)\n")
    run = await bench.submit("count.py")
    await bench.printed(run, b"10\n")
    (container,) = bench.containers(run)
    bench.docker.docker("pause", container)
    assert bench.run(run).state is State.RUNNING
    bench.docker.docker("unpause", container)
    done = await end(bench, run)
    assert done.state is State.COMPLETED


async def test_a_paused_container_can_be_canceled(bench: ContainerBench) -> None:
    bench.script("long.py", "import time\nprint('began', flush=True)\ntime.sleep(600)\n")
    run = await bench.submit("long.py")
    await bench.printed(run, b"began")
    bench.docker.docker("pause", *bench.containers(run))
    await bench.engine.cancel([run.id])
    assert (await end(bench, run)).state is State.CANCELED


@both
async def test_a_start_that_the_docker_engine_has_forgotten(
    bench: ContainerBench, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was killed between starting the container and writing that down: its container is "created" for good."""
    start, inspect = DockerApi.start, DockerApi.inspect
    forgot: list[str] = []

    async def start_and_die(self: DockerApi, name: str) -> None:
        if name.startswith("aml-probe"):
            return await start(self, name)
        assert not forgot, "started twice"
        await start(self, name)
        while not await self.has(name, "/azureml-run/status/process.json"):
            pass
        forgot.append(name)
        raise DockerLost("killed", where="local")

    async def inspect_after(self: DockerApi, name: str) -> Container | None:
        found = await inspect(self, name)
        return dataclasses.replace(found, state="created") if found and name in forgot else found

    monkeypatch.setattr(DockerApi, "start", start_and_die)
    monkeypatch.setattr(DockerApi, "inspect", inspect_after)
    monkeypatch.setattr("engine.runs.driver.LOOK_AGAIN", 0.2)
    bench.script("count.py", "import time\nfor n in range(100):\n    print(n, flush=True)\n    time.sleep(0.02)\n")
    run = await bench.submit("count.py", config=config, prepare=False)
    done = await end(bench, run)
    assert (done.state, done.exit_code) == (State.COMPLETED, 0), done.reason
    assert bench.log(done) == b"".join(b"%d\n" % number for number in range(100)) == bench.host_log(done)


@both
async def test_a_start_that_was_cut_off_is_made_again(
    bench: ContainerBench, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = DockerApi.start
    cut: list[str] = []

    async def start_later(self: DockerApi, name: str) -> None:
        if not cut and not name.startswith("aml-probe"):
            cut.append(name)
            raise DockerError("Docker: task e0: already exists (starting a container).", status=500)
        await start(self, name)

    monkeypatch.setattr(DockerApi, "start", start_later)
    bench.script("train.py", "print('once')\n")
    done = await end(bench, await bench.submit("train.py", config=config, prepare=False))
    assert (done.state, bench.log(done)) == (State.COMPLETED, b"once\n"), done.reason


async def test_what_runs_on_of_a_container_that_is_no_more_is_ended(bench: ContainerBench) -> None:
    bench.script("long.py", "import time\nprint('began', flush=True)\ntime.sleep(600)\n")
    run = await bench.submit("long.py")
    await bench.printed(run, b"began")
    host = await bench.engine._link_named("local").ready()
    assert await host.processes(run.id)
    await host.contain(run.id, None)
    done = await end(bench, run)
    assert done.state is State.FAILED
    assert await host.processes(run.id) == []


@both
async def test_a_container_whose_removal_was_cut_off(
    bench: ContainerBench, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed daemon leaves it "dead": it is no container any more, and a run that was not begun gets another."""
    create, inspect, remove = DockerApi.create, DockerApi.inspect, DockerApi.remove
    dead: list[str] = []

    async def create_and_lose(self: DockerApi, name: str, config: dict[str, object]) -> str:
        made = await create(self, name, config)
        if not dead and not name.startswith("aml-probe"):
            dead.append(name)
            raise DockerLost("killed", where="local")
        return made

    async def inspect_after(self: DockerApi, name: str) -> Container | None:
        found = await inspect(self, name)
        return dataclasses.replace(found, state="dead") if found and dead[-1:] == [name] else found

    async def remove_after(self: DockerApi, name: str, force: bool = False) -> None:
        await remove(self, name, force)
        if name in dead:
            dead.append("")

    monkeypatch.setattr(DockerApi, "create", create_and_lose)
    monkeypatch.setattr(DockerApi, "inspect", inspect_after)
    monkeypatch.setattr(DockerApi, "remove", remove_after)
    bench.script("train.py", "print('once')\n")
    done = await end(bench, await bench.submit("train.py", config=config, prepare=False))
    assert (done.state, bench.log(done)) == (State.COMPLETED, b"once\n"), done.reason
