"""Logging in to OpenSSH's own server with all that it takes."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import socket
from typing import TYPE_CHECKING, Any

from engine.hosts.asking import AUTHENTICATION, NeedsPerson
from engine.hosts.ssh.answers import Answers
from engine.project.machine import Machine
from engine.secrets import new_reference, standing_reference
from tests.engine.hosts.ssh.door import Door, Somebody, machine
from tests.services.ssh_fixtures import PASSWORD
from tests.services.sshd import keyboard_interactive
from tests.waiting import until_async

if TYPE_CHECKING:
    import pytest

    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakeMachine, MakeSshd
    from tests.services.sshd import Sshd


async def test_a_key_file_of_the_target_lets_in(door: Door, sshd: Sshd, alice: Person, alice_key: KeyPair) -> None:
    door.know(sshd)
    login = await door.enter(machine(sshd, alice, private_key_file=str(alice_key.path)))
    done = await login.connection.run("whoami")
    assert str(done.stdout).strip() == alice.name
    assert login.method == "publickey"
    assert [(step, state) for step, state, _ in door.said] == [
        ("resolve", "working"),
        ("resolve", "ok"),
        ("tcp", "working"),
        ("tcp", "ok"),
        ("host key", "working"),
        ("host key", "ok"),
        ("authenticate", "working"),
        ("authenticate", "ok"),
    ]
    assert door.detail("tcp").startswith(f"127.0.0.1 port {sshd.port}, ")
    assert sshd.fingerprint in door.detail("host key")
    assert f"{door.known_hosts}:1" in door.detail("host key")
    assert door.detail("authenticate") == f"as {alice.name}, by {alice_key.path}"
    assert login.connection.get_extra_info("send_cipher") == "aes128-gcm@openssh.com"


async def test_a_password_is_asked_for_once_and_known_from_then_on(door: Door, sshd: Sshd, alice: Person) -> None:
    door.know(sshd)
    one = machine(sshd, alice)
    somebody = Somebody(password=PASSWORD)
    login = await door.enter(one, somebody)
    assert (somebody.kinds, login.method) == (["password"], "password")
    assert somebody.asked[0].about == f"password {alice.name}@127.0.0.1:{sshd.port}"
    assert somebody.asked[0].secret
    await door.enter(one)
    assert sshd.logins == [f"password {alice.name}"] * 2
    assert door.keys.get(standing_reference(somebody.asked[0].about)) is None


async def test_a_password_that_may_be_kept_is_there_for_the_next_engine(door: Door, sshd: Sshd, alice: Person) -> None:
    door.know(sshd)
    somebody = Somebody(password=PASSWORD)
    somebody.keep = True
    await door.enter(machine(sshd, alice), somebody)
    door.answers = Answers()
    await door.enter(machine(sshd, alice))
    assert len(sshd.logins) == 2


async def test_a_wrong_password_is_asked_for_again_and_not_kept(door: Door, sshd: Sshd, alice: Person) -> None:
    door.know(sshd)
    somebody = Somebody(password=["wrong", "also wrong", PASSWORD])
    await door.enter(machine(sshd, alice), somebody)
    assert [question.text for question in somebody.asked] == ["", "It was refused.", "It was refused."]
    assert sshd.refusals == [f"password {alice.name}"] * 2
    await door.enter(machine(sshd, alice))


async def test_after_three_wrong_passwords_it_is_enough(door: Door, sshd: Sshd, alice: Person) -> None:
    door.know(sshd)
    somebody = Somebody(password=["1", "2", "3", PASSWORD])
    error = await door.refused(machine(sshd, alice), NeedsPerson, somebody)
    assert "was refused" in error.message
    assert (error.state, error.step) == (AUTHENTICATION, "authenticate")
    assert len(somebody.asked) == len(sshd.refusals) == 3


async def test_a_refused_password_is_never_sent_again_by_itself(door: Door, sshd: Sshd, alice: Person) -> None:
    door.know(sshd)
    reference = new_reference("box", alice.name)
    door.keys.put(reference, "what it was before")
    one = machine(sshd, alice, password=reference)
    first = await door.refused(one, NeedsPerson)
    connections = sshd.connections
    second = await door.refused(one, NeedsPerson)
    assert first.message == second.message == f"the password of {alice.name}@127.0.0.1:{sshd.port} was refused."
    assert second.remedy
    assert (sshd.refusals, sshd.connections) == ([f"password {alice.name}"], connections)
    # Somebody who is there types the new one; the old one is not sent before it.
    await door.enter(one, Somebody(password=PASSWORD))
    assert len(sshd.refusals) == 1
    await door.enter(one)


async def test_a_password_changed_in_the_key_store_is_a_new_one(door: Door, sshd: Sshd, alice: Person) -> None:
    door.know(sshd)
    reference = new_reference("box", alice.name)
    door.keys.put(reference, "what it was before")
    await door.refused(machine(sshd, alice, password=reference), NeedsPerson)
    door.keys.put(reference, PASSWORD)
    login = await door.enter(machine(sshd, alice, password=reference))
    assert login.method == "password"


async def test_nobody_is_asked_in_the_background(door: Door, sshd: Sshd, alice: Person) -> None:
    door.know(sshd)
    error = await door.refused(machine(sshd, alice), NeedsPerson)
    assert error.message == f"the password of {alice.name}@127.0.0.1:{sshd.port} is needed."
    assert "aml computetarget test" in error.remedy
    assert sshd.refusals == []


async def test_keyboard_interactive_alone_takes_a_stored_password(
    door: Door, make_sshd: MakeSshd, alice: Person
) -> None:
    sshd = make_sshd(**keyboard_interactive())
    door.know(sshd)
    reference = new_reference("box", alice.name)
    door.keys.put(reference, PASSWORD)
    login = await door.enter(machine(sshd, alice, password=reference))
    assert login.method == "keyboard-interactive"
    await until_async(lambda: sshd.logins == [f"keyboard-interactive/pam {alice.name}"])


async def test_keyboard_interactive_alone_asks_for_the_password(door: Door, make_sshd: MakeSshd, alice: Person) -> None:
    sshd = make_sshd(**keyboard_interactive())
    door.know(sshd)
    somebody = Somebody(password=["wrong", PASSWORD])
    await door.enter(machine(sshd, alice), somebody)
    assert somebody.kinds == ["password", "password"]
    await door.enter(machine(sshd, alice))
    await until_async(lambda: len(sshd.logins) == 2)


async def test_a_password_refused_to_pam_is_not_sent_twice(door: Door, make_sshd: MakeSshd, alice: Person) -> None:
    sshd = make_sshd(**{**keyboard_interactive(), "PasswordAuthentication": True})
    door.know(sshd)
    reference = new_reference("box", alice.name)
    door.keys.put(reference, "wrong")
    await door.refused(machine(sshd, alice, password=reference), NeedsPerson)
    await door.refused(machine(sshd, alice, password=reference), NeedsPerson)
    assert sshd.refusals == [f"password {alice.name}"]


async def test_after_a_refusal_the_server_is_let_ask_itself(door: Door, make_sshd: MakeSshd, alice: Person) -> None:
    """It may want more than a password, which only keyboard-interactive can tell."""
    sshd = make_sshd(**{**keyboard_interactive(), "PasswordAuthentication": True})
    door.know(sshd)
    somebody = Somebody(password=["wrong", PASSWORD])
    login = await door.enter(machine(sshd, alice), somebody)
    assert (somebody.kinds, login.method) == (["password", "password"], "keyboard-interactive")


async def test_who_is_asked_may_leave_it_empty(door: Door, sshd: Sshd, alice: Person) -> None:
    door.know(sshd)
    somebody = Somebody(password="")
    error = await door.refused(machine(sshd, alice), NeedsPerson, somebody)
    assert (somebody.kinds, sshd.refusals) == (["password"], [])
    assert error.message.endswith(" is needed.")


async def test_a_key_makes_up_for_a_refused_password(door: Door, sshd: Sshd, alice: Person, alice_key: KeyPair) -> None:
    door.know(sshd)
    reference = new_reference("box", alice.name)
    door.keys.put(reference, "what it was before")
    await door.refused(machine(sshd, alice, password=reference), NeedsPerson)
    one = machine(sshd, alice, password=reference, private_key_file=str(alice_key.path))
    await door.enter(one, Somebody())
    await door.enter(one)
    # And what was refused is still not sent again.
    await door.refused(machine(sshd, alice, password=reference), NeedsPerson)
    assert len(sshd.refusals) == 1


async def test_an_expired_password_is_changed_on_the_way(door: Door, make_sshd: MakeSshd, alice: Person) -> None:
    sshd = make_sshd(**keyboard_interactive())
    door.know(sshd)
    alice.expire_password()
    new = "entirely different 8152"
    somebody = Somebody(password=PASSWORD, prompt=[PASSWORD, new, new])
    await door.enter(machine(sshd, alice), somebody)
    assert somebody.kinds == ["password", "prompt", "prompt", "prompt"]
    assert [question.secret for question in somebody.asked] == [True] * 4
    assert "required to change your password" in somebody.asked[1].text
    assert [question.title for question in somebody.asked[1:]] == [
        "Current password:",
        "New password:",
        "Retype new password:",
    ]
    # What was typed as the new one is known from now on.
    await door.enter(machine(sshd, alice))


async def test_a_key_and_a_password_may_both_be_needed(
    door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair
) -> None:
    sshd = make_sshd(AuthenticationMethods="publickey,password")
    door.know(sshd)
    somebody = Somebody(password=PASSWORD)
    one = machine(sshd, alice, private_key_file=str(alice_key.path))
    login = await door.enter(one, somebody)
    assert (login.method, somebody.kinds) == ("password", ["password"])
    await door.enter(one)
    assert sshd.refusals == []


async def test_an_alias_of_the_ssh_configuration(door: Door, sshd: Sshd, alice: Person, alice_key: KeyPair) -> None:
    door.know(sshd)
    door.configure(
        f"Host gpu\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {alice.name}\n  IdentityFile {alice_key.path}\n"
    )
    login = await door.enter(Machine("gpu"))
    assert login.method == "publickey"


async def test_what_the_target_says_goes_before_the_configuration(
    door: Door, sshd: Sshd, alice: Person, alice_key: KeyPair
) -> None:
    door.know(sshd)
    door.configure(f"Host gpu\n  HostName 127.0.0.1\n  Port 1\n  User nobody\n  IdentityFile {alice_key.path}\n")
    await door.enter(Machine("gpu", port=sshd.port, username=alice.name))
    assert sshd.logins == [f"publickey {alice.name}"]


async def test_over_ipv6(door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair) -> None:
    sshd = make_sshd(address="::1")
    door.know(sshd)
    one = machine(sshd, alice, private_key_file=str(alice_key.path))
    assert one.name == f"{alice.name}@[::1]:{sshd.port}"
    await door.enter(one)
    assert door.detail("tcp").startswith("::1 port ")


async def test_a_name_with_an_address_that_nobody_listens_at(
    door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    sshd = make_sshd()
    door.know(sshd)
    ask = socket.getaddrinfo

    def both(host: str, port: int, *more: Any) -> Any:
        return [*ask("::1", port, *more), *ask("127.0.0.1", port, *more)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    await door.enter(machine(sshd, alice, private_key_file=str(alice_key.path)))
    assert door.detail("resolve") == "::1, 127.0.0.1"
    assert door.detail("tcp").startswith("127.0.0.1 port ")


async def test_a_name_with_an_address_that_does_not_answer(
    door: Door,
    sshd: Sshd,
    make_machine: MakeMachine,
    alice: Person,
    alice_key: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next one is tried while the first is still being waited for."""
    door.know(sshd)
    far = make_machine()
    far.switch_off()
    ask = socket.getaddrinfo

    def both(host: str, port: int, *more: Any) -> Any:
        return [*ask(far.address, port, *more), *ask("127.0.0.1", port, *more)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    await door.enter(machine(sshd, alice, private_key_file=str(alice_key.path)))
    assert door.detail("resolve") == f"{far.address}, 127.0.0.1"
    assert door.detail("tcp").startswith("127.0.0.1 port ")


async def test_eight_at_a_time(door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair) -> None:
    """A server that refuses the ninth of those that have not logged in yet never has to."""
    sshd = make_sshd(MaxStartups="9:100:9")
    door.know(sshd)
    one = machine(sshd, alice, private_key_file=str(alice_key.path))
    await asyncio.gather(*(door.enter(one) for _ in range(24)))
    assert len(sshd.logins) == sshd.connections == 24


async def test_no_secret_is_in_what_can_be_printed(
    door: Door, sshd: Sshd, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    door.know(sshd)
    login = await door.enter(machine(sshd, alice), Somebody(password=["not it", PASSWORD]))
    error = await door.refused(
        dataclasses.replace(machine(sshd, alice), username="nobody"), NeedsPerson, Somebody(password=["not it"] * 3)
    )
    shown = f"{caplog.text} {door.answers!r} {login!r} {error!r} {error} {error.to_json()} {door.said}"
    assert PASSWORD not in shown
    assert "not it" not in shown


async def test_a_banner_is_drawn_by_nobody(
    door: Door, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair, caplog: pytest.LogCaptureFixture
) -> None:
    (door.folder / "banner").write_bytes(b"\x1b]52;c;ZXZpbA==\x07\x1b[2JKeep out\xff\n")
    caplog.set_level(logging.DEBUG, "engine")
    sshd = make_sshd(Banner=str(door.folder / "banner"))
    door.know(sshd)
    await door.enter(machine(sshd, alice, private_key_file=str(alice_key.path)))
    assert "Keep out" in caplog.text
    assert "\x1b" not in caplog.text
    assert all("Keep out" not in detail for _, _, detail in door.said)
