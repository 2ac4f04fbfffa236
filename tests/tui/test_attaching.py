"""The attach form without its screen: what is wrong with it, what it is made into, what a name is made of."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import pytest

from engine.project.machine import Machine
from tests.tui.reaching import PASSWORD
from tui import targets
from tui.attaching import (
    AGENT,
    KEY_FILE,
    KINDS,
    NEW_KEY,
    SPECS,
    Form,
    Known,
    hint,
    problems,
    stands_for,
    suggested_name,
)
from tui.attaching import PASSWORD as BY_PASSWORD
from tui.attempts import Wanted
from tui.secret import Secret

GOOD = Form("remote", "gpu-box", "10.0.0.5:2222", "alice")


def wrong(form: Form, known: Known | None = None) -> dict[str, str]:
    return problems(form, known or Known())


def test_every_field_of_every_kind_is_described() -> None:
    for kind in KINDS:
        form = Form(kind.type)
        assert set(form.fields()) <= set(SPECS)
        for name in form.fields():
            assert hasattr(form, name)
            for way in (AGENT, BY_PASSWORD, KEY_FILE, NEW_KEY):
                given = form.having("authentication", way)
                assert name not in given.shown() or hint(name, given, Known()), name


@pytest.mark.parametrize(
    ("way", "shown"),
    [(AGENT, set()), (BY_PASSWORD, {"password"}), (KEY_FILE, {"key_file"}), (NEW_KEY, {"password", "key_kind"})],
)
def test_a_way_of_authenticating_has_its_own_fields(way: str, shown: set[str]) -> None:
    form = Form("remote", authentication=way)
    assert set(form.shown()) & {"password", "key_file", "key_kind"} == shown
    assert form.fields() == Form("remote").fields()


def test_what_an_empty_password_means_is_said() -> None:
    assert "asked for" in stands_for("password", Form("remote", authentication=BY_PASSWORD))
    assert "yourself" in stands_for("password", Form("remote", authentication=NEW_KEY))
    assert stands_for("slots", Form("remote")) == "4"


def test_a_good_form_has_no_problem() -> None:
    assert wrong(GOOD) == {}
    assert wrong(Form("docker", "docker-2")) == {}


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", "", "Give it a name"),
        ("name", "bad name!", "cannot be the name of a compute target"),
        ("name", "taken", "of this name"),
        ("address", "", "Give the machine's name"),
        ("address", "gpu box", "is no address"),
        ("address", "-oProxyCommand=x", "is no address"),
        ("address", "gpu-box:99999", "is no port"),
        ("address", "bob@gpu-box", "field of its own"),
        ("user", "a b", "no name of a user"),
        ("user", "-l", "no name of a user"),
        ("jump_host", "gate,,gate2", "is no jump host"),
        ("jump_host", "alice@-x", "is no jump host"),
        ("python", "-c", "an option"),
        ("shared_directory", "data", "from / on"),
        ("slots", "0", "a number from 1"),
        ("slots", "many", "a number from 1"),
    ],
)
def test_what_is_wrong_is_said_of_its_field(field: str, value: str, reason: str) -> None:
    found = wrong(GOOD.having(field, value), Known(names=frozenset({"taken"})))
    assert list(found) == [field]
    assert reason in found[field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", "fe80::1"),
        ("address", "[fe80::1]:2222"),
        ("address", "gpu-box.example.com"),
        ("user", "CORP\\ann"),
        ("jump_host", "bob@gate:2222, gate2"),
        ("python", "~/venv/bin/python"),
        ("slots", "12"),
    ],
)
def test_what_can_be_is_not_refused(field: str, value: str) -> None:
    assert wrong(GOOD.having(field, value)) == {}


def test_a_cluster_is_not_reached_by_its_web_gateway() -> None:
    form = dataclasses.replace(GOOD, kind="cluster", address="mine.azurehdinsight.net")
    assert "SSH reaches mine-ssh.azurehdinsight.net" in wrong(form)["address"]
    assert wrong(form.having("address", "mine-ssh.azurehdinsight.net")) == {}


def test_the_head_node_in_its_place() -> None:
    for kind in ("cluster", "remote"):
        form = Form(kind, address="mine.azurehdinsight.net:2222")
        assert form.head_node() == "mine-ssh.azurehdinsight.net:2222"
    for address in ("", "mine-ssh.azurehdinsight.net", "gpu-box", "gpu box", "a:b"):
        assert Form("cluster", address=address).head_node() == ""


def test_a_shared_folder_needs_shared_volumes() -> None:
    form = dataclasses.replace(GOOD, kind="remotedocker", shared_directory="/share", shared_volumes=False)
    assert "shared volumes" in wrong(form)["shared_directory"]
    assert wrong(form.having("shared_volumes", True)) == {}
    assert wrong(dataclasses.replace(form, kind="remote")) == {}


def test_what_is_not_shown_is_not_held_against_one() -> None:
    form = dataclasses.replace(GOOD, kind="docker", address="no address", base_image="x")
    assert wrong(form) == {}
    assert form.attachment().machine is None


def test_a_user_before_the_address_goes_into_its_field() -> None:
    tidy = Form("remote", "x", "CORP\\ann@gpu-box:22").tidy()
    assert (tidy.user, tidy.address) == ("CORP\\ann", "gpu-box:22")
    assert Form("remote", "x", "bob@gpu-box", "ann").tidy().address == "bob@gpu-box"


def test_what_is_tried_and_what_is_written() -> None:
    form = dataclasses.replace(
        GOOD,
        authentication=BY_PASSWORD,
        password=Secret(PASSWORD),
        key_file="~/left/over",
        jump_host="bob@gate, gate2",
        python="/opt/python",
        base_image="left-over",
        slots="2",
    )
    wanted = form.wanted()
    assert wanted.machine == Machine("10.0.0.5", 2222, "alice", jump_host="bob@gate,gate2")
    assert wanted.args() == {
        "machine": wanted.machine.to_json(),
        "kind": "remote",
        "python": "/opt/python",
        "spark_submit": "spark-submit",
        "queues": [],
        "secrets": {"password": PASSWORD},
        "install": "",
    }
    attachment = form.attachment("AzureMlSecret=1")
    assert attachment.machine == dataclasses.replace(wanted.machine, password="AzureMlSecret=1")
    assert (attachment.python_location, attachment.base_image, attachment.slots) == ("/opt/python", "", 2)


def test_a_new_key_is_installed_when_there_is_a_password() -> None:
    form = dataclasses.replace(GOOD, authentication=NEW_KEY)
    bare, given = form.wanted("AzureMlSecret=1"), form.having("password", Secret(PASSWORD)).wanted("AzureMlSecret=1")
    assert (bare.install, bare.args()["secrets"]) == ("", {})
    assert (given.install, given.args()["secrets"]) == ("AzureMlSecret=1", {"password": PASSWORD})
    assert bare.machine == given.machine
    assert bare.machine.private_key == "AzureMlSecret=1"
    assert form.having("authentication", AGENT).wanted("AzureMlSecret=1").machine.private_key == ""


def test_a_key_file_is_named_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    form = dataclasses.replace(GOOD, authentication=KEY_FILE, key_file="~/.ssh/id_rsa")
    assert form.machine().private_key_file == "/home/ann/.ssh/id_rsa"
    assert form.having("key_file", "key").machine().private_key_file == str(Path.cwd() / "key")


@pytest.mark.parametrize(
    ("kind", "address", "name"),
    [
        ("remote", "", ""),
        ("remote", "gpu-box", "gpu-box"),
        ("remote", "alice@gpu-box.example.com:2222", "gpu-box"),
        ("remote", "10.0.0.5", "10.0.0.5"),
        ("remote", "[fe80::1]:22", "fe80-1"),
        ("remote", "gpu:", "gpu"),
        ("remote", "-", ""),
        ("remote", "taken", "taken-3"),
        ("cluster", "mine-ssh.azurehdinsight.net", "mine"),
        ("docker", "", "docker-2"),
    ],
)
def test_names_that_are_suggested(kind: str, address: str, name: str) -> None:
    taken = {"taken", "taken-2", "docker"}
    found = suggested_name(kind, address, taken)
    assert found == name
    assert not found or "name" not in wrong(dataclasses.replace(GOOD, name=found), Known(names=frozenset(taken)))


def test_a_secret_is_not_shown() -> None:
    form = dataclasses.replace(GOOD, authentication=BY_PASSWORD, password=Secret(PASSWORD))
    wanted = Wanted(form.machine(PASSWORD, PASSWORD), "remote", password=form.password, install=PASSWORD)
    for thing in (form.password, form, wanted, form.wanted(), [form.password]):
        assert PASSWORD not in f"{thing!r} {thing}"
    with pytest.raises(TypeError):
        pickle.dumps(form.password)
    assert form.password == Secret(PASSWORD) != Secret("other")
    assert (bool(Secret()), bool(form.password)) == (False, True)


# What is looked up


@pytest.fixture
def ssh_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(targets.SSH_CONFIG, raising=False)
    folder = tmp_path / ".ssh"
    folder.mkdir()
    return folder


def test_hosts_of_the_ssh_configuration(ssh_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert targets.ssh_hosts() == ()
    (ssh_folder / "more").mkdir()
    (ssh_folder / "more" / "a.conf").write_text("Host inner\nInclude ../config\n")
    (ssh_folder / "config").write_text(
        'Include more/*.conf\nHost gpu-box big # the large one\n  User ann\nHost *.example.com !no\nhost="quoted"\n'
        "Match host x\n  Port 3\nHost gpu-box\nHost\n"
    )
    assert targets.ssh_hosts() == ("inner", "gpu-box", "big", "quoted")
    other = ssh_folder / "other"
    other.write_text("Host elsewhere\n")
    monkeypatch.setenv(targets.SSH_CONFIG, str(other))
    assert targets.ssh_hosts() == ("elsewhere",)


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", 0o600, ""),
        ("-----BEGIN RSA PRIVATE KEY-----\n", 0o400, ""),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", 0o644, "chmod 600"),
        ("ssh-ed25519 AAAA ann\n", 0o644, "is the public key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", 0o600, "puttygen"),
        ("hello\n", 0o600, "no private key in it"),
    ],
)
def test_what_is_wrong_with_a_key_file(tmp_path: Path, text: str, mode: int, reason: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(mode)
    found = targets.key_file_problem(str(file))
    assert reason in found
    assert bool(found) == bool(reason)


def test_a_key_file_that_is_none(tmp_path: Path) -> None:
    assert targets.key_file_problem(str(tmp_path / "none")) == "There is no such file."
    assert targets.key_file_problem(str(tmp_path)) == "That is no file."
    assert "cannot be read" in targets.key_file_problem("~nobody-of-that-name/key")


def test_what_was_found_out_of_a_key_file_counts() -> None:
    form: Any = dataclasses.replace(GOOD, authentication=KEY_FILE, key_file=" ~/key ")
    assert wrong(form, Known(key_files={"~/key": "There is no such file."})) == {"key_file": "There is no such file."}
    assert wrong(form, Known(key_files={"~/key": ""})) == {}
    assert wrong(form.having("key_file", "")) == {"key_file": "Name the private key's file."}
