"""Which keys are tried, which passphrases are asked for, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.hosts.asking import NeedsPerson
from engine.hosts.ssh.answers import Answers
from engine.secrets import standing_reference
from tests.engine.hosts.ssh.door import Somebody, machine, ran
from tests.services.people import KeyPair, make_key
from tests.services.ssh_fixtures import PASSWORD

if TYPE_CHECKING:
    from tests.engine.hosts.ssh.door import Door
    from tests.services.agent import SshAgent
    from tests.services.people import Person
    from tests.services.ssh_fixtures import MakeSshd
    from tests.services.sshd import Sshd

PHRASE = "open sesame 99"


@pytest.fixture
def locked(door: Door, alice: Person) -> KeyPair:
    """A key with a passphrase that lets in as alice."""
    key = make_key(door.folder / "locked_key", passphrase=PHRASE)
    alice.authorize(key)
    return key


async def test_a_passphrase_is_asked_for_once(door: Door, sshd: Sshd, alice: Person, locked: KeyPair) -> None:
    door.know(sshd)
    one = machine(sshd, alice, private_key_file=str(locked.path))
    somebody = Somebody(passphrase=["wrong", PHRASE])
    await door.enter(one, somebody)
    assert [(question.kind, question.text) for question in somebody.asked] == [
        ("passphrase", ""),
        ("passphrase", "That was not it."),
    ]
    assert somebody.asked[0].about == f"passphrase {locked.path}"
    # In the background, from now on.
    await door.enter(one)
    assert sshd.logins == [f"publickey {alice.name}"] * 2
    assert sshd.refusals == []


async def test_a_kept_passphrase_serves_the_next_engine(door: Door, sshd: Sshd, alice: Person, locked: KeyPair) -> None:
    door.know(sshd)
    one = machine(sshd, alice, private_key_file=str(locked.path))
    somebody = Somebody(passphrase=PHRASE)
    somebody.keep = True
    await door.enter(one, somebody)
    reference = standing_reference(somebody.asked[0].about)
    assert door.keys.get(reference) == PHRASE
    door.answers = Answers()
    await door.enter(one)
    # One that does not fit any more is kept no longer.
    make_key(locked.path, passphrase="another")
    door.answers = Answers()
    alice.authorize(KeyPair(locked.path))
    await door.refused(one, NeedsPerson)
    assert door.keys.get(reference) is None


async def test_a_passphrase_is_not_asked_for_in_vain(
    door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair
) -> None:
    """The server is asked first whether it would take the key."""
    sshd = make_sshd()
    door.know(sshd)
    stranger = make_key(door.folder / "stranger", passphrase=PHRASE)
    door.configure("", IdentityFile=f"{stranger.path}\n  IdentityFile {alice_key.path}")
    somebody = Somebody()
    await door.enter(machine(sshd, alice), somebody)
    assert somebody.asked == []


async def test_in_the_background_a_passphrase_is_what_is_needed(
    door: Door, make_sshd: MakeSshd, alice: Person, locked: KeyPair
) -> None:
    sshd = make_sshd(PasswordAuthentication=False)
    door.know(sshd)
    error = await door.refused(machine(sshd, alice, private_key_file=str(locked.path)), NeedsPerson)
    assert error.message == f"the passphrase of {locked.path} is needed."
    assert "aml computetarget test" in error.remedy
    assert error.step == "authenticate"


async def test_an_old_key_file_without_its_public_half(door: Door, sshd: Sshd, alice: Person) -> None:
    """PEM says nothing of an encrypted key, so its passphrase comes first."""
    path = door.folder / "old_key"
    command = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", PHRASE, "-f", str(path)]
    ran(*command)
    public = path.with_suffix(".pub")
    alice.authorize(public.read_text())
    public.unlink()
    door.know(sshd)
    somebody = Somebody(passphrase=PHRASE)
    login = await door.enter(machine(sshd, alice, private_key_file=str(path)), somebody)
    assert (login.method, somebody.kinds) == ("publickey", ["passphrase"])


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
async def test_other_kinds_of_keys(door: Door, sshd: Sshd, alice: Person, kind: str) -> None:
    key = make_key(door.folder / kind, kind)
    alice.authorize(key)
    door.know(sshd)
    login = await door.enter(machine(sshd, alice, private_key_file=str(key.path)))
    assert login.method == "publickey"


async def test_a_key_of_the_key_store(door: Door, sshd: Sshd, alice: Person) -> None:
    reference = door.keys.make_key("aml-tui alice@box")
    alice.authorize(door.keys.public_key(reference))
    door.know(sshd)
    login = await door.enter(machine(sshd, alice, private_key=reference))
    assert login.how == "by the made key"


async def test_the_agent_of_the_environment(
    door: Door, sshd: Sshd, alice: Person, alice_key: KeyPair, ssh_agent: SshAgent
) -> None:
    ssh_agent.add(alice_key)
    door.configure("", IdentityAgent="")
    door.environ["SSH_AUTH_SOCK"] = str(ssh_agent.socket)
    door.know(sshd)
    login = await door.enter(machine(sshd, alice))
    assert login.how == "by tests (in the agent)"


async def test_the_agent_of_the_configuration_saves_a_passphrase(
    door: Door, sshd: Sshd, alice: Person, locked: KeyPair, ssh_agent: SshAgent
) -> None:
    ssh_agent.add(locked)
    door.configure("", IdentityAgent=str(ssh_agent.socket))
    door.know(sshd)
    login = await door.enter(machine(sshd, alice, private_key_file=str(locked.path)))
    assert login.how == f"by {locked.path} (in the agent)"


async def test_the_configured_key_of_a_full_agent_comes_first(
    door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair, ssh_agent: SshAgent
) -> None:
    for number in range(4):
        ssh_agent.add(make_key(door.folder / f"other_{number}"))
    ssh_agent.add(alice_key)
    sshd = make_sshd(MaxAuthTries=2)
    door.know(sshd)
    door.configure("", IdentityAgent=str(ssh_agent.socket), IdentityFile=f"{alice_key.path}.pub")
    await door.enter(machine(sshd, alice))
    assert sshd.logins == [f"publickey {alice.name}"]


async def test_too_many_keys(door: Door, make_sshd: MakeSshd, alice: Person, ssh_agent: SshAgent) -> None:
    for number in range(3):
        ssh_agent.add(make_key(door.folder / f"other_{number}", comment=f"key {number}"))
    sshd = make_sshd(MaxAuthTries=2)
    door.know(sshd)
    door.configure("", IdentityAgent=str(ssh_agent.socket))
    error = await door.refused(machine(sshd, alice), NeedsPerson)
    assert "too many keys: key 0 (in the agent), key 1 (in the agent)" in error.message
    assert "IdentitiesOnly" in error.remedy


async def test_a_full_agent_leaves_room_for_the_password(
    door: Door, sshd: Sshd, alice: Person, ssh_agent: SshAgent
) -> None:
    """The server of this test ends a connection after six misses, as they all do."""
    for number in range(8):
        ssh_agent.add(make_key(door.folder / f"other_{number}"))
    door.configure("", IdentityAgent=str(ssh_agent.socket))
    door.know(sshd)
    reference = standing_reference("the password of this target")
    door.keys.put(reference, PASSWORD)
    login = await door.enter(machine(sshd, alice, password=reference))
    assert login.method == "password"


async def test_identities_only_keeps_the_agents_others_back(
    door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair, ssh_agent: SshAgent
) -> None:
    ssh_agent.add(alice_key)
    other = make_key(door.folder / "other")
    sshd = make_sshd(PasswordAuthentication=False)
    door.know(sshd)
    door.configure("", IdentityAgent=str(ssh_agent.socket), IdentitiesOnly="yes", IdentityFile=str(other.path))
    error = await door.refused(machine(sshd, alice), NeedsPerson)
    assert f"let in by none of the keys: {other.path}. The server accepts: publickey." in error.message
    assert "ssh-copy-id" in error.remedy


async def test_nothing_to_log_in_with(door: Door, make_sshd: MakeSshd, alice: Person) -> None:
    sshd = make_sshd(PasswordAuthentication=False)
    door.know(sshd)
    one = machine(sshd, alice, private_key_file=str(door.folder / "gone"), private_key="AzureMlSecret=a#b#c")
    error = await door.refused(one, NeedsPerson, Somebody())
    assert "there is nothing to log in with" in error.message
    assert "the made key is not in the key store" in error.message
    assert f"{door.folder / 'gone'}: No such file or directory" in error.message


async def test_a_key_that_others_can_read_is_not_used(
    door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair
) -> None:
    alice_key.path.chmod(0o644)
    sshd = make_sshd(PasswordAuthentication=False)
    door.know(sshd)
    error = await door.refused(machine(sshd, alice, private_key_file=str(alice_key.path)), NeedsPerson)
    assert "can be read by others" in error.message


async def test_a_certificate_beside_the_key(door: Door, make_sshd: MakeSshd, alice: Person) -> None:
    authority = make_key(door.folder / "authority")
    key = make_key(door.folder / "certified")
    command = ["ssh-keygen", "-q", "-s", str(authority.path), "-I", "alice", "-n", alice.name, f"{key.path}.pub"]
    ran(*command)
    sshd = make_sshd(TrustedUserCAKeys=f"{authority.path}.pub", PasswordAuthentication=False)
    door.know(sshd)
    login = await door.enter(machine(sshd, alice, private_key_file=str(key.path)))
    assert login.how == f"by {key.path} with its certificate"
