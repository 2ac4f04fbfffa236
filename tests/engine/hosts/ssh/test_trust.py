"""Host keys: known, unknown, changed, revoked, certified, hashed."""

from __future__ import annotations

import os
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from engine.hosts.asking import KEY_CHANGED, KEY_UNKNOWN, NeedsPerson
from tests.engine.hosts.ssh.door import Somebody, machine, ran
from tests.services.people import make_key

if TYPE_CHECKING:
    from engine.project.machine import Machine
    from tests.engine.hosts.ssh.door import Door
    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakeSshd
    from tests.services.sshd import Sshd


@pytest.fixture
def box(sshd: Sshd, alice: Person, alice_key: KeyPair) -> Machine:
    return machine(sshd, alice, private_key_file=str(alice_key.path))


def found_by_openssh(door: Door, name: str) -> list[str]:
    """The lines about a host, without those that say where they are."""
    done = subprocess.run(["ssh-keygen", "-f", str(door.known_hosts), "-F", name], capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if not line.startswith("#")]


async def test_an_unknown_key_is_shown_accepted_once_and_written(door: Door, sshd: Sshd, box: Machine) -> None:
    somebody = Somebody(host_key="yes")
    await door.enter(box, somebody)
    (question,) = somebody.asked
    assert (question.kind, question.secret) == ("host key", False)
    assert f"ED25519 {sshd.fingerprint}" in question.text
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in question.text
    assert stat.S_IMODE(door.known_hosts.stat().st_mode) == 0o600
    assert stat.S_IMODE(door.known_hosts.parent.stat().st_mode) == 0o700
    assert door.known_hosts.read_text() == sshd.known_hosts()
    assert door.detail("host key") == f"ED25519 {sshd.fingerprint}, accepted now, in {door.known_hosts}:1"
    await door.enter(box)
    assert door.known_hosts.read_text() == sshd.known_hosts()


async def test_no_is_no(door: Door, sshd: Sshd, box: Machine) -> None:
    error = await door.refused(box, NeedsPerson, Somebody(host_key="no"))
    assert (error.state, error.step) == (KEY_UNKNOWN, "host key")
    assert sshd.fingerprint in error.message
    assert not door.known_hosts.exists()
    assert sshd.logins == []


async def test_in_the_background_an_unknown_key_waits_for_a_person(door: Door, sshd: Sshd, box: Machine) -> None:
    error = await door.refused(box, NeedsPerson)
    assert error.state == KEY_UNKNOWN
    assert sshd.fingerprint in error.message
    assert "aml computetarget test" in error.remedy


@pytest.mark.parametrize("strict", ["ask", "no", "accept-new"])
async def test_a_changed_key_is_refused_whatever_the_configuration_says(
    door: Door, sshd: Sshd, box: Machine, strict: str
) -> None:
    door.know(sshd)
    before = door.known_hosts.read_text()
    old = sshd.fingerprint
    sshd.change_host_key()
    door.configure("", StrictHostKeyChecking=strict)
    somebody = Somebody(host_key="yes")
    error = await door.refused(box, NeedsPerson, somebody)
    assert (error.state, error.step, somebody.asked) == (KEY_CHANGED, "host key", [])
    assert f"ED25519 {old} ({door.known_hosts}:1)" in error.message
    assert f"ED25519 {sshd.fingerprint}" in error.message
    assert door.known_hosts.read_text() == before
    # The remedy is a command that does what it says.
    command = error.remedy.partition("type: ")[2]
    ran("sh", "-c", command)
    assert found_by_openssh(door, f"[127.0.0.1]:{sshd.port}") == []


async def test_a_key_of_another_kind_is_a_changed_one(
    door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair
) -> None:
    sshd = make_sshd(host_keys=("rsa",))
    door.know(sshd)
    sshd.change_host_key("ed25519")
    error = await door.refused(machine(sshd, alice, private_key_file=str(alice_key.path)), NeedsPerson)
    assert error.state == KEY_CHANGED
    assert "It was RSA SHA256:" in error.message
    assert "now it is ED25519 SHA256:" in error.message


@pytest.mark.parametrize("known", [0, 1, 2])
async def test_the_known_one_of_several_keys_is_asked_for(
    door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair, known: int
) -> None:
    sshd = make_sshd(host_keys=("rsa", "ecdsa", "ed25519"))
    door.know(sshd)
    door.known_hosts.write_text(sshd.known_hosts().splitlines()[known])
    await door.enter(machine(sshd, alice, private_key_file=str(alice_key.path)))
    assert sshd.host_keys[known].fingerprint in door.detail("host key")


async def test_a_hashed_name(door: Door, sshd: Sshd, box: Machine) -> None:
    door.know(sshd)
    ran("ssh-keygen", "-q", "-H", "-f", str(door.known_hosts))
    assert "127.0.0.1" not in door.known_hosts.read_text()
    await door.enter(box)
    old = sshd.fingerprint
    sshd.change_host_key()
    error = await door.refused(box, NeedsPerson)
    assert f"{old} ({door.known_hosts}:1)" in error.message


async def test_names_are_written_hashed_where_the_configuration_wants_it(door: Door, sshd: Sshd, box: Machine) -> None:
    door.known_hosts.parent.mkdir()
    door.known_hosts.write_text(
        "other ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
    )
    door.configure("", HashKnownHosts="yes")
    await door.enter(box, Somebody(host_key="yes"))
    first, second = door.known_hosts.read_text().splitlines()
    assert first.startswith("other ")
    assert second.startswith("|1|")
    assert len(found_by_openssh(door, f"[127.0.0.1]:{sshd.port}")) == 1
    assert door.detail("host key").endswith(f"{door.known_hosts}:2")
    await door.enter(box)


async def test_the_global_file_counts(door: Door, sshd: Sshd, box: Machine) -> None:
    shared = door.folder / "ssh_known_hosts"
    shared.write_text(f"# all our machines\n{sshd.known_hosts('[127.*]:*')}")
    door.configure("", GlobalKnownHostsFile=str(shared))
    await door.enter(box)
    assert f"{shared}:2" in door.detail("host key")
    shared.write_text(sshd.known_hosts("!*,[127.*]:*"))
    error = await door.refused(box, NeedsPerson)
    assert error.state == KEY_UNKNOWN


async def test_a_key_known_without_the_port(door: Door, sshd: Sshd, box: Machine) -> None:
    door.know(sshd)
    door.known_hosts.write_text(sshd.known_hosts("127.0.0.1"))
    await door.enter(box)
    # Another server of the same machine is unknown then, not changed.
    sshd.change_host_key()
    error = await door.refused(box, NeedsPerson)
    assert error.state == KEY_UNKNOWN


async def test_a_host_key_alias(door: Door, sshd: Sshd, box: Machine) -> None:
    door.configure("", HostKeyAlias="Head-Node")
    await door.enter(box, Somebody(host_key="yes"))
    assert door.known_hosts.read_text() == sshd.known_hosts("head-node")
    await door.enter(box)


async def test_the_same_key_of_another_name_is_told(door: Door, sshd: Sshd, box: Machine) -> None:
    door.know(sshd)
    door.known_hosts.write_text(sshd.known_hosts("gpu-box,gpu-box.example"))
    somebody = Somebody(host_key="yes")
    await door.enter(box, somebody)
    assert "the same key as that of gpu-box,gpu-box.example" in somebody.asked[0].text


async def test_a_revoked_key(door: Door, sshd: Sshd, box: Machine) -> None:
    door.know(sshd)
    with door.known_hosts.open("a") as file:
        file.write(f"@revoked {sshd.known_hosts('*')}")
    somebody = Somebody(host_key="yes")
    error = await door.refused(box, NeedsPerson, somebody)
    assert (error.state, somebody.asked) == (KEY_CHANGED, [])
    assert "revoked" in error.message


async def test_a_list_of_revoked_keys(door: Door, sshd: Sshd, box: Machine) -> None:
    door.know(sshd)
    revoked = door.folder / "revoked"
    revoked.write_text(f"# stolen\n{sshd.host_keys[0].public}\n")
    door.configure("", RevokedHostKeys=str(revoked))
    error = await door.refused(box, NeedsPerson)
    assert error.state == KEY_CHANGED


@pytest.mark.parametrize("known", ["authority", "key", "another authority", "revoked"])
async def test_a_certified_host(door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair, known: str) -> None:
    authority, another = make_key(door.folder / "authority"), make_key(door.folder / "another")
    sshd = make_sshd()
    key = sshd.host_keys[0].path
    command = ["ssh-keygen", "-q", "-s", str(authority.path), "-I", "host", "-h", "-n", "127.0.0.1", f"{key}.pub"]
    ran(*command)
    sshd.set_options(HostCertificate=f"{key}-cert.pub")
    sshd.restart()
    door.know(sshd)
    one = machine(sshd, alice, private_key_file=str(alice_key.path))
    if known == "authority":
        door.known_hosts.write_text(f"@cert-authority [127.0.0.1]:* {authority.public}\n")
        await door.enter(one)
        assert door.detail("host key").endswith("by its certificate")
    elif known == "key":
        await door.enter(one)
    elif known == "revoked":
        lines = f"@cert-authority * {authority.public}\n@revoked {sshd.known_hosts('*')}"
        door.known_hosts.write_text(lines)
        error = await door.refused(one, NeedsPerson)
        assert error.state == KEY_CHANGED
    else:
        door.known_hosts.write_text(f"@cert-authority * {another.public}\n")
        error = await door.refused(one, NeedsPerson)
        assert error.state == KEY_UNKNOWN


async def test_strict_checking_asks_nobody(door: Door, sshd: Sshd, box: Machine) -> None:
    door.configure("", StrictHostKeyChecking="yes")
    somebody = Somebody(host_key="yes")
    error = await door.refused(box, NeedsPerson, somebody)
    assert (error.state, somebody.asked) == (KEY_UNKNOWN, [])
    door.configure("", StrictHostKeyChecking="accept-new")
    await door.enter(box)
    assert door.known_hosts.read_text() == sshd.known_hosts()


@pytest.mark.parametrize("file", [os.devnull, "none", "/proc/known_hosts"])
async def test_a_key_that_can_be_written_nowhere_is_asked_for_once(
    door: Door, sshd: Sshd, box: Machine, file: str
) -> None:
    door.configure("", UserKnownHostsFile=file)
    await door.enter(box, Somebody(host_key="yes"))
    await door.enter(box)
    sshd.change_host_key()
    error = await door.refused(box, NeedsPerson)
    assert error.state == KEY_CHANGED
    assert "aml engine restart" in error.remedy
