"""What goes wrong on the way, and what is said about it."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import HostError, HostLost
from engine.hosts.asking import Answer, NeedsPerson, Question
from engine.hosts.ssh import hopping
from engine.hosts.ssh.visit import Visit
from engine.project.machine import Machine
from tests.engine.hosts.ssh.door import Somebody, machine
from tests.services.ssh_fixtures import PASSWORD
from tests.services.sshd import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.engine.hosts.ssh.door import Door
    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakeMachine, MakeSlowLink, MakeSshd
    from tests.services.sshd import Sshd


@pytest.fixture
def listener() -> Iterator[Callable[[bytes | None], int]]:
    """Listens at the port it returns: says these bytes and hangs up; None: says nothing and stays."""
    servers: list[socket.socket] = []
    threads: list[threading.Thread] = []
    held: list[socket.socket] = []

    def serve(server: socket.socket, greeting: bytes | None) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            if greeting is None:
                held.append(connection)
                continue
            connection.sendall(greeting)
            connection.close()

    def listen(greeting: bytes | None) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)
        threads.append(threading.Thread(target=serve, args=(server, greeting)))
        threads[-1].start()
        return int(server.getsockname()[1])

    yield listen
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
    for thread in threads:
        thread.join()
    for connection in held:
        connection.close()


async def test_no_such_host(door: Door) -> None:
    error = await door.refused(Machine("gpu-box.invalid"), HostLost)
    assert (error.message, error.step) == ("there is no host called gpu-box.invalid.", "resolve")


async def test_the_gateway_of_a_cluster_is_not_its_head_node(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", none)
    error = await door.refused(Machine("spark1.azurehdinsight.net", username="sshuser"), HostLost)
    assert "spark1-ssh.azurehdinsight.net" in error.remedy
    error = await door.refused(Machine("spark1-ssh.azurehdinsight.net", username="sshuser"), HostLost)
    assert "-ssh-ssh" not in error.remedy


async def test_no_name_server(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(*_: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", again)
    error = await door.refused(Machine("gpu-box"), HostLost)
    assert "no name server says now" in error.message


async def test_a_name_server_that_hangs(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    leave = threading.Event()

    def hang(*_: Any) -> Any:
        leave.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    door.configure("", ConnectTimeout="1")
    error = await door.refused(Machine("gpu-box"), HostLost)
    leave.set()
    assert (error.message, error.step) == ("no name server said within 1 s where gpu-box is.", "resolve")


async def test_the_wrong_port(door: Door, sshd: Sshd) -> None:
    one = Machine("127.0.0.1", port=free_port())
    error = await door.refused(one, HostLost)
    assert error.message == f"nothing listens at port {one.port} of 127.0.0.1."
    assert (error.step, error.errno) == ("tcp", errno.ECONNREFUSED)
    assert "port" in error.remedy


async def test_a_machine_that_is_cut_off(door: Door, make_machine: MakeMachine) -> None:
    far = make_machine()
    far.cut()
    error = await door.refused(Machine(far.address), HostLost)
    assert (error.message, error.step) == (f"there is no way to {far.address} from here.", "tcp")


async def test_a_machine_that_is_switched_off(door: Door, make_machine: MakeMachine) -> None:
    far = make_machine()
    far.switch_off()
    door.configure("", ConnectTimeout="1")
    error = await door.refused(Machine(far.address), HostLost)
    assert (error.message, error.step) == (f"{far.address} does not answer at port 22; waited 1 s.", "tcp")


async def test_a_server_that_never_speaks(door: Door, listener: Callable[[bytes | None], int]) -> None:
    door.configure("", ConnectTimeout="1")
    port = listener(None)
    begun = time.monotonic()
    error = await door.refused(Machine("127.0.0.1", port=port), HostLost)
    assert f"port {port} of 127.0.0.1 takes connections, but says nothing; waited 1 s." in error.message
    assert error.step == "host key"
    assert 0.9 < time.monotonic() - begun < 5


async def test_a_server_that_stops_speaking(
    door: Door, sshd: Sshd, alice: Person, make_slow_link: MakeSlowLink
) -> None:
    """After it has shown its key, while it should say who may come in."""
    door.configure("", ConnectTimeout="1")
    link = make_slow_link((sshd.address, sshd.port))
    door.known_hosts.parent.mkdir()
    door.known_hosts.write_text(sshd.known_hosts(f"[127.0.0.1]:{link.port}"))

    class Stalling(Somebody):
        async def ask(self, question: Question) -> Answer:
            link.stall()
            return await super().ask(question)

    one = Machine("127.0.0.1", port=link.port, username=alice.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hopping, "AUTH_PATIENCE", 1.0)
        error = await door.refused(one, HostLost, Stalling(password=PASSWORD))
    assert "does not answer any more while it checks who logs in" in error.message
    assert error.step == "authenticate"
    # Nobody knows whether it was right, so it is neither known nor refused.
    assert door.answers.get(f"password {alice.name}@127.0.0.1:{link.port}") is None
    link.resume()


async def test_too_many_at_once(door: Door, make_sshd: MakeSshd) -> None:
    """MaxStartups: dropped right after the connection was taken."""
    sshd = make_sshd(MaxStartups="1")
    with socket.create_connection((sshd.address, sshd.port)):
        error = await door.refused(Machine(sshd.address, port=sshd.port), HostLost)
    assert f"ended the connection at port {sshd.port} at once" in error.message
    assert "MaxStartups" in error.remedy
    assert error.step == "host key"


async def test_a_reset_in_the_handshake(door: Door, listener: Callable[[bytes | None], int]) -> None:
    port = listener(b"SSH-2.0-OpenSSH_9.2\r\n")
    error = await door.refused(Machine("127.0.0.1", port=port), HostLost)
    assert "broke before the login" in error.message


@pytest.mark.parametrize("greeting", [b"220 smtp ready\r\n" * 2000, b"SSH-1.5-old\r\n"])
async def test_something_else_listens_there(
    door: Door, listener: Callable[[bytes | None], int], greeting: bytes
) -> None:
    port = listener(greeting)
    error = await door.refused(Machine("127.0.0.1", port=port), HostError)
    assert error.message == f"what listens at port {port} of 127.0.0.1 is no SSH server."


async def test_no_encryption_in_common(door: Door, make_sshd: MakeSshd) -> None:
    sshd = make_sshd(Ciphers="aes256-ctr")
    door.know(sshd)
    door.configure("", Ciphers="aes128-ctr")
    error = await door.refused(Machine(sshd.address, port=sshd.port), HostError)
    assert "no way of encrypting in common (SSH-2.0-OpenSSH" in error.message
    assert "Ciphers" in error.remedy


async def test_a_configuration_that_openssh_refuses(door: Door) -> None:
    door.config.write_text("Host gpu\n  Prot 22\n")
    error = await door.refused(Machine("gpu"), HostError)
    assert f"{door.config}: line 2: Bad configuration option: prot" in error.message
    assert "ssh -G gpu" in error.remedy
    assert error.step == "resolve"


async def test_a_person_may_take_longer_than_the_host_waits(
    door: Door, sshd: Sshd, alice: Person, make_slow_link: MakeSlowLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host hangs up, the question stays, and its answer is used when the host is asked again."""
    link = make_slow_link((sshd.address, sshd.port))
    door.known_hosts.parent.mkdir()
    door.known_hosts.write_text(sshd.known_hosts(f"[127.0.0.1]:{link.port}"))

    lost = asyncio.Event()
    monkeypatch.setattr(Visit, "connection_lost", lambda *_: lost.set())

    class Slow(Somebody):
        async def ask(self, question: Question) -> Answer:
            lost.clear()
            link.reset()
            await lost.wait()
            return await super().ask(question)

    somebody = Slow(password=["wrong", PASSWORD])
    await door.enter(Machine("127.0.0.1", port=link.port, username=alice.name), somebody)
    assert (somebody.kinds, len(sshd.refusals), len(sshd.logins)) == (["password", "password"], 1, 1)
    assert sshd.connections == 3


async def test_a_login_that_is_given_up_leaves_nothing(door: Door, sshd: Sshd, alice: Person) -> None:
    door.know(sshd)
    asked, ended = asyncio.Event(), asyncio.Event()

    class Absent(Somebody):
        async def ask(self, question: Question) -> Answer:
            asked.set()
            try:
                await asyncio.sleep(3600)
            finally:
                ended.set()
            raise AssertionError

    task = asyncio.ensure_future(door.enter(machine(sshd, alice), Absent()))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_who_does_not_answer_is_told_where(
    door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair
) -> None:
    sshd = make_sshd()
    door.know(sshd)
    error = await door.refused(machine(sshd, alice), NeedsPerson, Somebody())
    assert error.step == "authenticate"
