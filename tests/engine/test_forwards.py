"""Ports of runs on this machine: a real HTTP server in a run, on a machine whose loopback is another one."""

from __future__ import annotations

import asyncio
import socket
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from engine.drivers import Place
from engine.errors import HostError, NotFound, NotNow, UsageError
from engine.forwards import Forwards
from engine.hands import Hands
from engine.hosts.ssh.host import SshHost
from engine.runs.model import State
from tests.engine.far_bench import far_bench
from tests.engine.ssh_bench import COMPUTE
from tests.services import docker
from tests.tui.history import make_run
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run, RunPlan
    from tests.engine.conftest import Bench
    from tests.engine.ssh_bench import SshBench
    from tests.services.network import FarMachine
    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakeDockerEngine, MakeMachine, MakeSshd

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

SERVER = """
import http.server, os, threading, time
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (os.environ["AZUREML_RUN_ID"] + self.path).encode() * 1000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("TensorBoard at http://localhost:%d/" % server.server_port, flush=True)
while not os.path.exists("outputs/go"): time.sleep(0.05)
"""


async def served(bench: Bench, config: str) -> tuple[Run, int]:
    """A run with a server in it, and the server's port."""
    bench.script("serve.py", SERVER)
    run = await bench.submit("serve.py", config=config)
    await bench.until(run, State.RUNNING, timeout=60)
    await until_async(lambda: b"localhost:" in bench.log(run) and b"/\n" in bench.log(run), 30)
    return run, int(bench.log(run).partition(b"localhost:")[2].partition(b"/")[0])


async def got(address: str, path: str = "/x") -> str:
    def get() -> str:
        with urllib.request.urlopen(f"{address}{path}", timeout=20) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(get)


@pytest.fixture
def machine(make_machine: MakeMachine) -> FarMachine:
    return make_machine()


@pytest_asyncio.fixture
async def far(
    project: Path,
    home: Paths,
    machine: FarMachine,
    make_sshd: MakeSshd,
    alice: Person,
    alice_key: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[SshBench]:
    sshd = make_sshd(machine=machine, ListenAddress="0.0.0.0")
    monkeypatch.setattr(SshHost, "ping_after", 0.5)
    async with far_bench(project, home, sshd, alice, alice_key, monkeypatch, 60.0) as one:
        yield one
        machine.mend()


async def test_a_server_of_a_run_on_another_machine(far: SshBench, machine: FarMachine) -> None:
    run, port = await served(far, "far")
    hands = far.engine.hands
    begun = await hands.forward(run.id, port, None)
    address = begun["address"]
    assert address.startswith("http://127.0.0.1:")
    wanted = f"{run.id}/x" * 1000
    assert await got(address) == wanted
    # Several at once, and the same forward for who asks again.
    assert await asyncio.gather(*(got(address) for _ in range(8))) == [wanted] * 8
    assert (await hands.forward(run.id, port, None))["address"] == address
    (one,) = hands.forwards()
    assert (one.run, one.target, one.port, one.served, one.trouble) == (run.name, "far", port, 9, "")
    # After the network was away it goes on.
    machine.cut()
    await until_async(lambda: far.run(run).unreachable_since is not None, 30)
    machine.mend()
    await until_async(lambda: far.run(run).unreachable_since is None, 60)
    assert await got(address) == wanted
    # Where nothing listens, that is told.
    other = await hands.forward(run.id, 1, None)
    with pytest.raises(OSError):
        await got(other["address"])
    assert "nothing answers at port 1" in other_trouble(hands.forwards(), 1)
    with pytest.raises(UsageError, match="cannot be used here"):
        await hands.forward(run.id, port + 1 if port < 65000 else port - 1, int(one.id))
    hands.end_forward(other["forward"]["id"])
    with pytest.raises(NotFound):
        hands.end_forward(other["forward"]["id"])
    # It ends with its run.
    (far.root / "runs" / run.id / "outputs/go").touch()
    assert (await far.end(run, 60)).state is State.COMPLETED
    await until_async(lambda: hands.forwards() == [], 20)
    with pytest.raises(OSError):
        await got(address)
    with pytest.raises(NotNow, match="does not run"):
        await hands.forward(run.id, port, None)


def other_trouble(forwards: list[object], port: int) -> str:
    return next(str(one.trouble) for one in forwards if one.port == port)  # type: ignore[attr-defined]


async def test_a_server_in_a_container_of_another_machine(
    far: SshBench, machine: FarMachine, make_docker_engine: MakeDockerEngine, alice_key: KeyPair
) -> None:
    engine = make_docker_engine(machine, group=far.alice.name)
    far.sshd.set_options(SetEnv=[f"DOCKER_HOST={engine.url}"])
    far.sshd.restart()
    image = docker.python_image(engine)
    folder = far.project / "aml_config"
    place = COMPUTE.format(address=f"{far.sshd.address}:{far.sshd.port}", user=far.alice.name, key=alice_key.path)
    text = place.replace("type: remote\n", f"type: remotedocker\nbaseDockerImage: {image}\n")
    (folder / "box.compute").write_text(text)
    text = (folder / "far.runconfig").read_text().replace("Target: far", "Target: box")
    (folder / "box.runconfig").write_text(text.replace("Environment: false", "Environment: true"))
    run, port = await served(far, "box")
    begun = await far.engine.hands.forward(run.id, port, None)
    assert await got(begun["address"]) == f"{run.id}/x" * 1000
    (far.root / "runs" / run.id / "outputs/go").touch()
    assert (await far.end(run, 60)).state is State.COMPLETED


async def test_a_server_of_this_machine_needs_no_forward(bench: Bench) -> None:
    run, port = await served(bench, "local")
    begun = await bench.engine.hands.forward(run.id, port, None)
    assert begun == {"address": f"http://127.0.0.1:{port}", "forward": None}
    # Unless another port is wanted.
    held = await bench.engine.hands.forward(run.id, port, 0 or None)
    assert held["forward"] is None
    with pytest.raises(UsageError):
        await bench.engine.hands.forward(run.id, 70000, None)
    assert bench.engine.hands.forwards() == []


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def test_connections_end_with_their_forward(bench: Bench) -> None:
    run, port = await served(bench, "local")
    hands = bench.engine.hands
    begun = await hands.forward(run.id, port, free_port())
    assert await got(begun["address"]) == f"{run.id}/x" * 1000
    idle, writer = await asyncio.open_connection("127.0.0.1", int(begun["forward"]["id"]))
    await until_async(lambda: hands.forwards()[0].served == 2)
    hands.end_forward(begun["forward"]["id"])
    assert await asyncio.wait_for(idle.read(), 30) == b""
    writer.close()
    with pytest.raises(OSError):
        await got(begun["address"])


async def test_a_run_that_ends_while_its_port_is_asked_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    run, port = await served(bench, "local")
    hands = bench.engine.hands

    async def slow(self: Hands, plan: RunPlan, run_id: str) -> str:
        (bench.paths.host_run(run_id) / "outputs/go").touch()
        await bench.end(run)
        await until_async(lambda: bench.engine.unfinished() == 0)
        return "localhost"

    monkeypatch.setattr(Hands, "_address", slow)
    with pytest.raises(NotNow, match="does not run"):
        await hands.forward(run.id, port, free_port())
    assert hands.forwards() == []


async def test_two_who_ask_at_once_get_one() -> None:
    async def dial() -> Any:
        raise HostError("nothing answers.")

    forwards = Forwards()
    local = free_port()
    first, second = await asyncio.gather(
        *(forwards.begin(make_run(1), 6006, local, dial, Place("localhost", 6006)) for _ in range(2))
    )
    assert first is second
    await forwards.close()


async def test_who_asks_again_is_led_where_it_is_now() -> None:
    asked: list[str] = []

    def way(name: str) -> Any:
        async def dial() -> Any:
            asked.append(name)
            raise HostError("nothing answers.")

        return dial

    forwards = Forwards()
    run = make_run(1)
    first = await forwards.begin(run, 4040, None, way("one"), Place("rm", 8088, path="/proxy/application_1_1/"))
    second = await forwards.begin(run, 4040, None, way("two"), Place("rm", 8088, path="/proxy/application_1_2/"))
    assert first is second and second.address.endswith(f":{second.id}/proxy/application_1_2/")
    _, writer = await asyncio.open_connection("127.0.0.1", int(first.id))
    await until_async(lambda: asked == ["two"])
    writer.close()
    await forwards.close()
