"""Jump hosts and ProxyCommands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import HostError, HostLost
from engine.hosts.asking import KEY_CHANGED, KEY_UNKNOWN, NeedsPerson
from engine.project.machine import Machine
from tests.engine.hosts.ssh.door import Somebody, machine
from tests.services.ssh_fixtures import PASSWORD
from tests.services.sshd import free_port
from tests.waiting import until_async

if TYPE_CHECKING:
    from tests.engine.hosts.ssh.door import Door
    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakePerson, MakeSshd
    from tests.services.sshd import Sshd


@pytest.fixture
def jump(make_sshd: MakeSshd) -> Sshd:
    return make_sshd()


def configured(door: Door, jump: Sshd, bob: Person, key: KeyPair, more: str = "") -> None:
    """`jump-box` of the configuration is this server, for bob with this key."""
    door.configure(
        f"Host jump-box\n  HostName 127.0.0.1\n  Port {jump.port}\n  User {bob.name}\n  IdentityFile {key.path}\n{more}"
    )


@pytest.fixture
def bob(make_person: MakePerson, alice_key: KeyPair) -> Person:
    """Somebody else, at the jump host, with the same key."""
    person = make_person("bob", PASSWORD)
    person.authorize(alice_key)
    return person


async def test_over_a_jump_host(
    door: Door, sshd: Sshd, jump: Sshd, alice: Person, alice_key: KeyPair, bob: Person
) -> None:
    configured(door, jump, bob, alice_key)
    door.know(sshd, jump)
    one = machine(sshd, alice, private_key_file=str(alice_key.path), jump_host="jump-box")
    assert one.name == f"{alice.name}@127.0.0.1:{sshd.port} via jump-box"
    login = await door.enter(one)
    assert (jump.logins, sshd.logins) == ([f"publickey {bob.name}"], [f"publickey {alice.name}"])
    assert str((await login.connection.run("whoami")).stdout).strip() == alice.name
    assert [(step, state) for step, state, _ in door.said if state == "ok"] == [
        ("resolve", "ok"),
        ("tcp", "ok"),
        ("host key", "ok"),
        ("authenticate", "ok"),
    ]
    assert ("tcp", "working", "through jump-box: authenticate") in door.said
    assert len(login.hops) == 1
    await login.close()
    await until_async(lambda: jump.open_connections == sshd.open_connections == 0)


async def test_over_the_jump_hosts_of_the_configuration(
    door: Door, make_sshd: MakeSshd, jump: Sshd, alice: Person, alice_key: KeyPair, bob: Person
) -> None:
    """The jump host of a jump host, and two in a row."""
    first, second, last = jump, make_sshd(), make_sshd()
    configured(
        door,
        first,
        bob,
        alice_key,
        f"Host second\n  HostName 127.0.0.1\n  Port {second.port}\n  User {bob.name}\n  IdentityFile {alice_key.path}\n"
        f"  ProxyJump jump-box\n"
        f"Host last\n  HostName 127.0.0.1\n  Port {last.port}\n  User {alice.name}\n  IdentityFile {alice_key.path}\n"
        f"  ProxyJump second\n",
    )
    door.know(first, second, last)
    login = await door.enter(Machine("last"))
    assert len(login.hops) == 2
    login = await door.enter(Machine("last", jump_host="jump-box,second"))
    assert len(login.hops) == 2
    assert [len(one.logins) for one in (first, second, last)] == [2, 2, 2]
    # `none` says that there is no way over others.
    login = await door.enter(Machine("last", jump_host="none"))
    assert login.hops == []


async def test_each_hop_is_asked_about_by_its_name(
    door: Door, sshd: Sshd, jump: Sshd, alice: Person, bob: Person
) -> None:
    door.configure("")
    somebody = Somebody(host_key=["yes", "yes"], password=[PASSWORD, PASSWORD])
    one = machine(sshd, alice, jump_host=f"{bob.name}@127.0.0.1:{jump.port}")
    await door.enter(one, somebody)
    assert somebody.kinds == ["host key", "password", "host key", "password"]
    assert [question.title for question in somebody.asked] == [
        f"The host key of [127.0.0.1]:{jump.port} is not known yet.",
        f"The password of {bob.name}@127.0.0.1:{jump.port}",
        f"The host key of [127.0.0.1]:{sshd.port} is not known yet.",
        f"The password of {alice.name}@127.0.0.1:{sshd.port}",
    ]
    assert somebody.asked[1].text == f"It is a jump host on the way to {one.name}."
    await door.enter(one)


async def test_the_key_of_each_hop_is_verified(
    door: Door, sshd: Sshd, jump: Sshd, alice: Person, alice_key: KeyPair, bob: Person
) -> None:
    configured(door, jump, bob, alice_key)
    door.know(sshd, jump)
    one = machine(sshd, alice, private_key_file=str(alice_key.path), jump_host="jump-box")
    sshd.change_host_key()
    error = await door.refused(one, NeedsPerson)
    assert (error.state, error.step) == (KEY_CHANGED, "host key")
    door.know(sshd)
    error = await door.refused(one, NeedsPerson)
    assert (error.state, error.step) == (KEY_UNKNOWN, "tcp")
    assert error.message.startswith("jump host jump-box: ")


async def test_what_a_jump_host_cannot_do(
    door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair, bob: Person
) -> None:
    jump = make_sshd()
    configured(door, jump, bob, alice_key)
    door.know(jump)
    nowhere = Machine("127.0.0.1", port=free_port(), username=alice.name, jump_host="jump-box")
    error = await door.refused(nowhere, HostLost)
    assert f"the jump host cannot reach port {nowhere.port} of 127.0.0.1" in error.message
    assert error.step == "tcp"
    unknown = Machine("gpu-box.invalid", username=alice.name, jump_host="jump-box")
    error = await door.refused(unknown, HostLost)
    assert (error.message, error.step) == ("the jump host knows no host called gpu-box.invalid.", "resolve")
    jump.set_options(AllowTcpForwarding=False)
    jump.restart()
    error = await door.refused(nowhere, HostError)
    assert "does not pass connections on" in error.message
    assert "AllowTcpForwarding" in error.remedy
    jump.stop()
    error = await door.refused(nowhere, HostLost)
    assert error.message.startswith("jump host jump-box: nothing listens at port")
    assert jump.open_connections == 0


async def test_jump_hosts_in_a_circle(door: Door, sshd: Sshd) -> None:
    door.configure("Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n")
    error = await door.refused(Machine("a"), HostError)
    assert (error.message, error.step) == ("the jump hosts lead in a circle.", "resolve")


async def test_by_a_proxy_command(door: Door, sshd: Sshd, alice: Person, alice_key: KeyPair) -> None:
    """A shell line, as OpenSSH has it; what it says beside is no part of the connection."""
    program = door.folder / "relay"
    program.write_text(
        "#!/usr/bin/env python3\n"
        "import os, select, socket, sys\n"
        "print('relay for', *sys.argv[1:], file=sys.stderr, flush=True)\n"
        "assert sys.argv[3:] == ['gpu']\n"
        "far = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "while True:\n"
        "    for one in select.select([0, far], [], [])[0]:\n"
        "        data = os.read(0, 65536) if one == 0 else far.recv(65536)\n"
        "        print('passed', len(data), file=sys.stderr, flush=True)\n"
        "        if not data: sys.exit()\n"
        "        far.sendall(data) if one == 0 else os.write(1, data)\n"
    )
    program.chmod(0o755)
    door.configure(
        f"Host gpu\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {alice.name}\n  IdentityFile {alice_key.path}\n"
        f'  ProxyCommand {program} "$(echo %h)" %p %n\n'
    )
    door.know(sshd)
    login = await door.enter(Machine("gpu"))
    assert str((await login.connection.run("cat", input="x" * 300_000)).stdout) == "x" * 300_000
    assert ("resolve", "ok", "left to the ProxyCommand") in door.said
    assert login.proxy is not None
    await login.close()
    assert await login.proxy.ended()


async def test_a_proxy_command_that_fails(door: Door, sshd: Sshd) -> None:
    door.configure("Host gpu\n  ProxyCommand printf 'no \\033[2Jtunnel today\\n' >&2; exit 3\n")
    error = await door.refused(Machine("gpu"), HostLost)
    assert (error.message, error.step) == ("the ProxyCommand for gpu ended: no tunnel today.", "tcp")


async def test_a_proxy_command_that_hangs_is_ended(door: Door, sshd: Sshd) -> None:
    door.configure("Host gpu\n  ConnectTimeout 1\n  ProxyCommand sleep 300\n")
    error = await door.refused(Machine("gpu"), HostLost)
    assert "says nothing" in error.message
