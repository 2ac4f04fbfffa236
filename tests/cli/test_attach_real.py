"""Attaching a real machine: OpenSSH's own server, the real engine, and a person at a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine.project.folder import open_project
from engine.secrets import KeyStore
from tests.cli.talking import talking
from tests.services.people import make_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.project.compute import ComputeTarget
    from tests.cli.conftest import Done, Shell
    from tests.services.people import Person
    from tests.services.ssh_fixtures import MakePerson
    from tests.services.sshd import Sshd


class Box:
    """A project, and a machine that alice can log in to."""

    def __init__(self, shell: Shell, sshd: Sshd, alice: Person, known_hosts: Path) -> None:
        self.shell = shell
        self.sshd = sshd
        self.alice = alice
        self.known_hosts = known_hosts
        self.keys = KeyStore(shell.paths)
        self.place = ("-a", f"{sshd.address}:{sshd.port}", "-u", alice.name)

    def aml(self, *arguments: str, stdin: str = "") -> Done:
        return self.shell.aml(*arguments, stdin=stdin)

    def know(self) -> None:
        """Its host key is known already."""
        self.known_hosts.write_text(self.sshd.known_hosts())

    def target(self) -> ComputeTarget:
        return open_project(self.shell.project).target("vm")

    def attach(self, *arguments: str) -> Done:
        """With alice's password by standard input."""
        return self.aml(
            *("computetarget", "attach", "remote", "-n", "vm", *self.place, "--password-stdin", *arguments),
            stdin=f"{self.alice.password}\n",
        )

    def files(self) -> list[str]:
        return sorted(path.name for path in (self.shell.project / "aml_config").glob("vm.*"))

    def holding(self, text: str) -> list[str]:
        """Files of the installation and the project with this in them, but for the key store's own."""
        folders = (self.shell.paths.state, self.shell.paths.data, self.shell.paths.runtime, self.shell.project)
        return [
            str(path)
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file() and path.name != "secrets.json" and text.encode() in path.read_bytes()
        ]


@pytest.fixture
def box(shell: Shell, sshd: Sshd, alice: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    known = tmp_path / "known_hosts"
    config = tmp_path / "ssh_config"
    config.write_text(
        f"Host *\n  UserKnownHostsFile {known}\n  GlobalKnownHostsFile none\n  IdentityFile none\n"
        "  IdentitiesOnly yes\n  StrictHostKeyChecking ask\n"
    )
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(config))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return Box(shell, sshd, alice, known)


def states(done: Done) -> dict[str, str]:
    """State by step of `test -o json`."""
    return {step["name"]: step["state"] for step in json.loads(done.out)["steps"]}


def test_a_machine_nobody_knows_yet(box: Box) -> None:
    attach = ("computetarget", "attach", "remote", "-n", "vm", *box.place)
    with talking(box.shell.project, *attach) as talk:
        talk.until(box.sshd.fingerprint)
        talk.until("(yes/no) ")
        talk.type("yes")
        talk.until(": ")
        talk.type(box.alice.password)
        talk.until("[Y/n] ")
        talk.type("")
        assert talk.end() == 0, talk.text
        assert box.alice.password not in talk.text
        assert "Attached vm" in talk.text
    assert box.sshd.host_keys[0].public.split()[1] in box.known_hosts.read_text()
    assert box.files() == ["vm.compute", "vm.runconfig"]
    # Answered once, it is asked no more: not by this engine, and not by the next one.
    assert box.aml("computetarget", "test", "-n", "vm").code == 0
    assert box.aml("engine", "restart").code == 0
    tested = box.aml("computetarget", "test", "-n", "vm", "-o", "json")
    assert tested.code == 0, tested.err
    assert set(states(tested).values()) <= {"ok", "warning"}
    assert box.holding(box.alice.password) == []


def test_a_machine_that_is_not_the_one_meant(box: Box) -> None:
    with talking(box.shell.project, "computetarget", "attach", "remote", "-n", "vm", *box.place) as talk:
        talk.until("(yes/no) ")
        talk.type("no")
        assert talk.end() == 1
        assert "failed   host key" in talk.text
    assert not box.known_hosts.exists() or not box.known_hosts.read_text()
    assert box.files() == []
    assert box.sshd.logins == []


def test_an_unknown_machine_without_a_terminal(box: Box) -> None:
    done = box.attach()
    assert done.code == 1
    assert box.sshd.fingerprint in done.err
    assert "nobody to answer it" in done.err
    assert box.files() == []


def test_a_run_on_an_attached_machine(box: Box) -> None:
    box.know()
    done = box.attach("--python-location", "python3")
    assert done.code == 0, done.err
    box.shell.script("who.py", "import getpass; print('it is', getpass.getuser())\n")
    run = box.aml("experiment", "submit", "-c", "vm", "who.py")
    assert (run.code, run.text) == (0, f"it is {box.alice.name}\n"), run.err
    (_, vm) = json.loads(box.aml("computetarget", "list", "-o", "json").out)
    assert (vm["address"], vm["state"]) == (f"{box.alice.name}@{box.sshd.address}:{box.sshd.port}", "connected")
    assert box.holding(box.alice.password) == []


def test_a_new_key_is_all_that_is_needed_afterwards(box: Box) -> None:
    box.know()
    done = box.attach("-k")
    assert done.code == 0, done.err
    public = done.text.strip()
    assert box.alice.authorized() == [public]
    assert public == box.keys.public_key(box.target().private_key)
    assert box.target().password == ""
    secrets = (box.shell.paths.data / "keys" / "secrets.json").read_text()
    assert box.alice.password not in secrets
    box.sshd.set_options(PasswordAuthentication=False)
    box.sshd.restart()
    assert box.aml("engine", "restart").code == 0
    tested = box.aml("computetarget", "test", "-n", "vm", "-o", "json")
    assert tested.code == 0, tested.err
    assert states(tested)["authenticate"] == "ok"
    assert box.holding(box.alice.password) == []


def test_a_shell_with_a_made_key(box: Box) -> None:
    box.know()
    assert box.attach("-k").code == 0
    key = box.keys.get(box.target().private_key)
    assert key is not None
    before = len(box.sshd.logins)
    done = box.aml("computetarget", "shell", "-n", "vm", stdin="id -un; exit 5\n")
    assert (done.code, done.text.split()[-1]) == (5, box.alice.name), done.err
    assert box.sshd.logins[before:] == [f"publickey {box.alice.name}"]
    assert box.holding(key.splitlines()[1]) == []


def test_a_shell_at_a_terminal(box: Box) -> None:
    box.know()
    box.alice.set_bashrc("PS1='at-vm> '\n")
    assert box.attach("-k").code == 0
    with talking(box.shell.project, "computetarget", "shell", "-n", "vm") as talk:
        talk.until("at-vm> ")
        talk.type("sh -c 'trap \"echo caught; exit\" INT; echo up-$((40+2)); while :; do sleep 0.1; done'")
        talk.until("up-42")
        # Which is for what runs there, and not for us.
        talk.type("\x03", end="")
        talk.until("caught")
        talk.until("at-vm> ")
        talk.type("exit 3")
        assert talk.end() == 3


def test_a_new_key_is_installed_by_hand(box: Box) -> None:
    box.know()
    attach = box.aml("computetarget", "attach", "remote", "-n", "vm", *box.place, "-k", "--key-type", "rsa")
    assert attach.code == 0, attach.err
    assert box.sshd.connections == 0
    box.alice.authorize(box.aml("computetarget", "public-key", "-n", "vm").text.strip())
    tested = box.aml("computetarget", "test", "-n", "vm")
    assert tested.code == 0, tested.text


def test_a_new_key_is_installed_with_another_that_has_a_passphrase(box: Box, tmp_path: Path) -> None:
    box.know()
    other = make_key(tmp_path / "other", passphrase="open sesame")
    box.alice.authorize(other)
    done = box.aml(
        *("computetarget", "attach", "remote", "-n", "vm", *box.place, "-k", "--private-key-file", str(other.path)),
        "--private-key-passphrase-stdin",
        stdin="open sesame\n",
    )
    assert done.code == 0, done.err
    assert box.alice.authorized() == [other.public, done.text.strip()]
    assert box.target().private_key_file == ""
    assert box.aml("computetarget", "detach", "-n", "vm", "--yes").code == 0
    assert "open sesame" not in (box.shell.paths.data / "keys" / "secrets.json").read_text()
    assert box.holding("open sesame") == []


def test_a_wrong_password_is_tried_once(box: Box) -> None:
    box.know()
    done = box.aml(
        *("computetarget", "attach", "remote", "-n", "vm", *box.place, "--password-stdin"), stdin="not this one\n"
    )
    assert done.code == 1
    assert box.sshd.refusals == [f"password {box.alice.name}"]
    assert box.files() == []
    assert not (box.shell.paths.data / "keys" / "secrets.json").exists()


def test_a_password_is_told_to_nobody_on_the_way(box: Box, make_person: MakePerson) -> None:
    box.know()
    bob = make_person("bob", "a password of bob's own")
    done = box.attach("--jump-host", f"{bob.name}@{box.sshd.address}:{box.sshd.port}")
    assert done.code == 1
    assert f"nobody to answer it: The password of {bob.name}@" in done.err
    assert box.sshd.refusals == []


def test_a_machine_behind_another(box: Box, make_person: MakePerson) -> None:
    box.know()
    bob = make_person("bob", "a password of bob's own")
    jump = ("--jump-host", f"{bob.name}@{box.sshd.address}:{box.sshd.port}")
    attach = ("computetarget", "attach", "remote", "-n", "vm", *box.place, *jump)
    with talking(box.shell.project, *attach) as talk:
        talk.until(f"The password of {bob.name}@")
        talk.until(": ")
        talk.type(bob.password)
        talk.until("[Y/n] ")
        talk.type("y")
        talk.until(f"The password of {box.alice.name}@")
        talk.until(": ")
        talk.type(box.alice.password)
        assert talk.end() == 0, talk.text
    assert box.sshd.refusals == []
    assert box.keys.get(box.target().password) == box.alice.password
    assert box.aml("engine", "restart").code == 0
    assert box.aml("computetarget", "test", "-n", "vm").code == 0


def _stop(box: Box) -> None:
    box.sshd.kill()


def _change(box: Box) -> None:
    box.sshd.change_host_key()


@pytest.mark.parametrize(
    ("change", "step"),
    [(_stop, "tcp"), (_change, "host key")],
    ids=["nobody listens", "another host key"],
)
def test_the_doctor_says_what_is_wrong(box: Box, change: Callable[[Box], None], step: str) -> None:
    box.know()
    assert box.attach().code == 0
    before = box.known_hosts.read_text()
    change(box)
    tested = box.aml("computetarget", "test", "-n", "vm", "-o", "json")
    assert tested.code == 1
    (failed,) = [one for one in json.loads(tested.out)["steps"] if one["state"] == "failed"]
    assert failed["name"] == step
    assert failed["detail"] and failed["remedy"]
    # A changed key is refused, and never learned.
    assert box.known_hosts.read_text() == before
    assert box.aml("computetarget", "detach", "-n", "vm", "--yes").code == 0
    assert box.files() == []


def test_a_password_that_changed_is_asked_for_on_a_terminal(box: Box) -> None:
    box.know()
    assert box.attach().code == 0
    box.alice.set_password("another one 0815")
    refused = box.aml("computetarget", "test", "-n", "vm")
    assert refused.code == 1
    assert "aml computetarget test -n vm" in refused.err + refused.text
    with talking(box.shell.project, "computetarget", "test", "-n", "vm") as talk:
        talk.until(": ")
        talk.type(box.alice.password)
        talk.until("[Y/n] ")
        talk.type("y")
        assert talk.end() == 0, talk.text
    assert box.aml("computetarget", "test", "-n", "vm").code == 0
