"""Attaching machines: what is asked, said, written and kept; the engine is a stand-in."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from engine.errors import HostError
from engine.project.folder import open_project
from engine.secrets import is_reference
from tests.cli.bench import BEGUN, BOX, HALF, REFUSED, SECRET
from tests.cli.fake_engine import DONE, frame, question
from tests.cli.talking import talking
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.bench import Bench


def test_a_machine_that_answers_is_attached(bench: Bench) -> None:
    bench.engine.frames = [HALF, frame(resolve="ok", tcp="ok", host_key="ok", linger={"state": "working"}), DONE]
    done = bench.aml("attach", "remote", "-n", "vm", *BOX, "--python-location", "python3", "--jump-host", "j:22")
    assert (done.code, done.out) == (0, b""), done.err
    assert bench.engine.operations() == ["begin"]
    begun = bench.begun()
    assert begun["machine"] == bench.target().machine.to_json()
    assert {key: begun[key] for key in ("kind", "python", "secrets", "install", "agent")} == {
        "kind": "remote",
        "python": "python3",
        "secrets": {},
        "install": "",
        "agent": "",
    }
    assert bench.files() == {"vm.compute", "vm.runconfig"}
    assert bench.target().host == "ann@gpu-box via j:22"
    lines = done.err.splitlines()
    assert [line.split() for line in lines[:-1]] == [
        ["ok", *name.split()] for name in ("resolve", "tcp", "host key", "authenticate", "shell", "python", "agent")
    ]
    assert lines[-1] == (
        "Attached vm: aml_config/vm.compute and aml_config/vm.runconfig. Next: aml experiment submit -c vm SCRIPT"
    )
    assert bench.secrets() == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ["remotedocker", "--name", "vm", "--address", "gpu-box:2222", "--username", "ann"],
        ["--name", "vm", "--address", "ann@gpu-box", "--ssh-port", "2222", "--type", "remotedocker"],
        ["remotedocker", "-n", "vm.compute", "-a", "ann@gpu-box:2222", "--ssh-port=2222", "--hide-password"],
    ],
)
def test_every_spelling(bench: Bench, arguments: list[str]) -> None:
    done = bench.aml("attach", *arguments, "--base-docker-image", "me/img", "--no-shared-volumes", "--slots", "2")
    assert done.code == 0, done.err
    assert "Next: aml experiment prepare -c vm" in done.err
    assert bench.begun()["kind"] == "remotedocker"
    target = bench.target()
    assert (target.type, target.host, target.slots) == ("remotedocker", "ann@gpu-box:2222", 2)
    assert (target.base_docker_image, target.shared_volumes, target.nvidia_docker) == ("me/img", False, False)


def test_a_machine_that_fails_leaves_nothing(bench: Bench) -> None:
    bench.engine.frames = [BEGUN, REFUSED]
    done = bench.aml("attach", "remote", "-n", "vm", *BOX, "--password-stdin", stdin=f"{SECRET}\n")
    assert (done.code, done.out) == (1, b"")
    assert "failed   tcp" in done.err
    assert "         do: Is sshd running on port 22?\n" in done.err
    assert "shell" not in done.err
    assert "error: vm was not attached: the test failed at tcp. Nothing was written." in done.err
    assert bench.files() == set()
    assert bench.secrets() == {}


def test_as_data(bench: Bench) -> None:
    done = bench.aml("attach", "remote", "-n", "vm", *BOX, "-o", "json")
    assert json.loads(done.out) == {
        "name": "vm",
        "type": "remote",
        "host": "ann@gpu-box",
        "compute": "aml_config/vm.compute",
        "runconfig": "aml_config/vm.runconfig",
        "tested": True,
        "public_key": "",
        "installed": False,
    }


def test_a_password_is_kept_and_the_file_refers_to_it(bench: Bench) -> None:
    done = bench.aml("attach", "remote", "-n", "vm", *BOX, "--password-stdin", stdin=f"{SECRET}\r\nmore\n")
    assert done.code == 0, done.err
    assert bench.begun()["secrets"] == {"password": SECRET}
    reference = bench.target().password
    assert is_reference(reference)
    assert reference.startswith("AzureMlSecret=vm#ann#")
    assert bench.secrets() == {reference: SECRET}
    file = bench.shell.paths.data / "keys" / "secrets.json"
    assert f"the password is kept in the file {file}" in done.err
    assert "notice" not in done.err
    assert SECRET not in done.err
    written = [path for path in bench.shell.project.rglob("*") if path.is_file()]
    written += [path for path in bench.shell.paths.state.rglob("*") if path.is_file()]
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]


def test_a_password_on_the_command_line_is_warned_of_once(bench: Bench) -> None:
    done = bench.aml("attach", "remote", "-n", "vm", *BOX, "-w", SECRET)
    assert done.code == 0
    assert done.err.count("notice: ") == 1
    assert "can be read by everybody" in done.err
    assert SECRET not in done.err
    assert bench.secrets() == {bench.target().password: SECRET}


def test_a_new_key_takes_the_place_of_the_password(bench: Bench) -> None:
    done = bench.aml("attach", "remotedocker", "-n", "vm", *BOX, "-k", "--password-stdin", stdin=f"{SECRET}\n")
    assert done.code == 0, done.err
    target, begun = bench.target(), bench.begun()
    assert (target.password, target.private_key_file) == ("", "")
    assert begun["install"] == target.private_key
    # Before it is installed it lets nobody in.
    assert begun["machine"]["private_key"] == ""
    assert begun["secrets"] == {"password": SECRET}
    assert list(bench.secrets()) == [target.private_key]
    public = bench.keys.public_key(target.private_key)
    assert done.text == f"{public}\n"
    assert public.startswith("ssh-ed25519 ")
    assert "the new key is installed" in done.err
    assert SECRET not in done.err


def test_a_new_key_that_cannot_be_installed_is_gone(bench: Bench) -> None:
    bench.engine.frames = [frame("failed", authenticate="ok", install_key={"state": "failed", "detail": "read-only"})]
    done = bench.aml("attach", "remote", "-n", "vm", *BOX, "-k", "--password-stdin", stdin=f"{SECRET}\n")
    assert (done.code, done.out) == (1, b"")
    assert bench.begun()["install"]
    assert bench.secrets() == {}
    assert bench.files() == set()


def test_a_new_key_without_a_way_in_is_printed(bench: Bench) -> None:
    done = bench.aml("attach", "remote", "-n", "vm", "-a", "gpu-box:2222", "-u", "ann", "-k", "--key-type", "rsa")
    assert done.code == 0, done.err
    assert bench.engine.asked == []
    assert done.text == f"{bench.keys.public_key(bench.target().private_key)}\n"
    assert done.text.startswith("ssh-rsa ")
    assert "append this line to ~/.ssh/authorized_keys of ann on gpu-box" in done.err
    assert "aml computetarget public-key -n vm | ssh -p 2222 -l ann -- gpu-box '" in done.err
    assert "Next: aml computetarget test -n vm, once the key is there" in done.err
    assert bench.aml("public-key", "-n", "vm").out == done.out


def test_a_new_key_is_installed_with_another(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "id").write_text("a key\n")
    done = bench.aml("attach", "remote", "-n", "vm", *BOX, "-k", "--private-key-file", str(tmp_path / "id"))
    assert done.code == 0, done.err
    assert bench.begun()["machine"]["private_key_file"] == str(tmp_path / "id")
    assert bench.target().machine.to_json() == {
        **bench.begun()["machine"],
        "private_key_file": "",
        "private_key": bench.begun()["install"],
    }


def test_a_key_file_and_its_passphrase(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "id").write_text("a key\n")
    bench.engine.frames = [frame(tcp="ok", question=question("passphrase")), DONE]
    done = bench.aml(
        "attach", "remote", "-n", "vm", *BOX, "--private-key-file", "../id", "--private-key-passphrase-stdin",
        stdin=f"{SECRET}\n",
    )  # fmt: skip
    assert done.code == 0, done.err
    (answer,) = bench.engine.of("answer")
    assert (answer["question"], answer["answer"], answer["keep"]) == (1, SECRET, True)
    assert "the passphrase is kept in the file " in done.err
    assert bench.begun()["secrets"] == {}
    assert bench.target().private_key_file == str(tmp_path / "id")


def test_a_password_and_a_passphrase_by_standard_input(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "id").write_text("a key\n")
    bench.engine.frames = [frame(question=question("passphrase")), DONE]
    both = ("--password-stdin", "--private-key-passphrase-stdin")
    done = bench.aml(
        "attach", "remote", "-n", "vm", *BOX, "--private-key-file", "../id", *both, stdin="the password\nthe phrase\n"
    )
    assert done.code == 0, done.err
    assert bench.begun()["secrets"] == {"password": "the password"}
    assert bench.engine.of("answer")[0]["answer"] == "the phrase"


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("host key", "known_hosts"),
        ("password", "--password-stdin"),
        ("passphrase", "--private-key-passphrase-stdin"),
        ("prompt", "Do this on a terminal."),
    ],
)
def test_a_question_that_nobody_can_answer(bench: Bench, kind: str, remedy: str) -> None:
    bench.engine.frames = [HALF, frame("asking", question=question(kind, "Is it?", "SHA256:abc\nsure?")), DONE]
    done = bench.aml("attach", "remote", "-n", "vm", *BOX)
    assert (done.code, done.out) == (1, b"")
    assert "nobody to answer it: Is it?" in done.err
    assert remedy in done.err
    assert ("SHA256:abc" in done.err) == (kind == "host key")
    assert bench.engine.operations() == ["begin", "stop"]
    assert bench.files() == set()


def test_what_is_asked_is_answered_at_the_terminal(bench: Bench) -> None:
    bench.engine.frames = [
        HALF,
        frame("asking", question=question("host key", "The key is not known.", "SHA256:abc\x1b[2J")),
        frame("asking", tcp="ok", question=question("password", "Password of ann@gpu-box", number=2)),
        frame("asking", tcp="ok", question=question("password", "Password of ann@gpu-box", "Wrong.", number=3)),
        frame("asking", tcp="ok", question=question("prompt", "One-time code:", number=4)),
        DONE,
    ]
    with talking(bench.shell.project, "computetarget", "attach", "remote", "-n", "vm", *BOX) as talk:
        talk.until("SHA256:abc")
        talk.until("Is this the machine you mean? (yes/no)")
        talk.type("y")
        talk.until("(yes/no)")
        talk.type("yes")
        talk.until("Password of ann@gpu-box: ")
        talk.type("a mistake")
        talk.until("Keep it in the file ")
        talk.type("")
        talk.until("Wrong.")
        talk.until("Password of ann@gpu-box: ")
        talk.type(SECRET)
        talk.until("One-time code: ")
        talk.type("123456")
        assert talk.end() == 0
        assert "Attached vm" in talk.text
        for unseen in (SECRET, "a mistake", "123456", "\x1b"):
            assert unseen not in talk.text
    answers = [(one["question"], one["answer"], one["keep"]) for one in bench.engine.of("answer")]
    assert answers == [(1, "yes", False), (2, "a mistake", False), (3, SECRET, False), (4, "123456", False)]
    assert bench.files() == {"vm.compute", "vm.runconfig"}
    # It is the target's own, so its file refers to it.
    assert bench.secrets() == {bench.target().password: SECRET}


@pytest.mark.parametrize("whom", ["ann@jump", "bob@gpu-box"])
def test_what_is_typed_for_others_on_the_way_is_for_the_engine_to_keep(bench: Bench, whom: str) -> None:
    bench.engine.frames = [
        frame("asking", question=question("password", whom=whom)),
        frame("asking", question=question("passphrase", whom="/k/id", number=2)),
        DONE,
    ]
    with talking(bench.shell.project, "computetarget", "attach", "remote", "-n", "vm", *BOX) as talk:
        talk.until(f"The password of {whom}: ")
        talk.type("another one")
        talk.until("[Y/n] ")
        talk.type("y")
        talk.until("The passphrase of /k/id: ")
        talk.type("open sesame")
        assert talk.end() == 0
    assert [(one["answer"], one["keep"]) for one in bench.engine.of("answer")] == [
        ("another one", True),
        ("open sesame", True),
    ]
    assert bench.target().password == ""
    assert bench.secrets() == {}


def test_another_machine_than_meant(bench: Bench) -> None:
    bench.engine.frames = [
        frame("asking", question=question("host key")),
        frame("failed", host_key={"state": "failed", "detail": "not accepted"}),
    ]
    with talking(bench.shell.project, "computetarget", "attach", "remote", "-n", "vm", *BOX) as talk:
        talk.until("(yes/no)")
        talk.type("no")
        assert talk.end() == 1
        assert "vm was not attached: the test failed at host key" in talk.text
    assert bench.engine.of("answer")[0]["answer"] == "no"
    assert bench.files() == set()


def test_questions_reach_the_terminal_when_standard_input_is_a_pipe(bench: Bench) -> None:
    bench.engine.frames = [frame("asking", question=question("host key")), DONE]
    attach = ("computetarget", "attach", "remote", "-n", "vm", *BOX, "--password-stdin")
    with talking(bench.shell.project, *attach, stdin=f"{SECRET}\n") as talk:
        talk.until("(yes/no)")
        talk.type("yes")
        assert talk.end() == 0, talk.text
    assert bench.engine.of("answer")[0]["answer"] == "yes"
    assert bench.begun()["secrets"] == {"password": SECRET}


def test_a_password_is_asked_for_when_its_value_is_left_out(bench: Bench) -> None:
    bench.engine.frames = [frame("asking", question=question("password", text="It was refused.")), DONE]
    with talking(bench.shell.project, "computetarget", "attach", "remote", "-n", "vm", *BOX, "-k", "-w") as talk:
        talk.until("Password: ")
        talk.type("a mistake")
        talk.until("ann@gpu-box: ")
        talk.type(SECRET)
        assert talk.end() == 0
        assert SECRET not in talk.text
        # The key takes its place.
        assert "Keep it" not in talk.text
    assert bench.begun()["secrets"] == {"password": "a mistake"}
    assert bench.engine.of("answer")[0]["keep"] is False
    assert list(bench.secrets()) == [bench.target().private_key]


def test_a_typed_password_need_not_be_kept(bench: Bench) -> None:
    bench.engine.frames = [frame("asking", question=question("password")), DONE]
    with talking(bench.shell.project, "computetarget", "attach", "remote", "-n", "vm", *BOX) as talk:
        talk.until("ann@gpu-box: ")
        talk.type(SECRET)
        talk.until("[Y/n] ")
        talk.type("n")
        assert talk.end() == 0
    assert bench.engine.of("answer")[0]["keep"] is False
    assert bench.secrets() == {}


def test_no_answer_ends_it(bench: Bench) -> None:
    bench.engine.frames = [frame("asking", question=question("password")), DONE]
    with talking(bench.shell.project, "computetarget", "attach", "remote", "-n", "vm", *BOX) as talk:
        talk.until("ann@gpu-box: ")
        talk.type("")
        assert talk.end() == 1
        assert "not answered" in talk.text
    assert bench.engine.operations() == ["begin", "stop"]
    assert bench.files() == set()


def test_without_a_test_nobody_is_asked(bench: Bench) -> None:
    done = bench.aml("attach", "cluster", "-n", "hdi", "-a", "mine-ssh.azurehdinsight.net", "--no-test")
    assert done.code == 0, done.err
    assert bench.engine.asked == []
    assert bench.target("hdi").type == "cluster"
    assert open_project(bench.shell.project).config("hdi").framework == "PySpark"
    with talking(bench.shell.project, "computetarget", "attach", "remote", "-n", "a", *BOX, "--no-test") as talk:
        talk.until("Password (empty for none): ")
        talk.type("")
        assert talk.end() == 0
    with talking(bench.shell.project, "computetarget", "attach", "remote", "-n", "b", *BOX, "--no-test") as talk:
        talk.until("Password (empty for none): ")
        talk.type(SECRET)
        assert talk.end() == 0
    assert bench.target("a").password == ""
    assert bench.secrets() == {bench.target("b").password: SECRET}
    assert bench.engine.asked == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-n", "vm", *BOX], "the type of the target is missing"),
        (["local", "-n", "vm"], "'local' is no type of target"),
        (["remote", "-n", "vm", *BOX, "--type", "cluster"], "is no type of target"),
        (["remote", *BOX], "-n/--name"),
        (["remote", "-n", "vm"], "the machine's address is missing"),
        (["remote", "-n", "vm", "-a", "bob@gpu-box", "-u", "ann"], "otherwise than -u"),
        (["remote", "-n", "vm", "-a", "gpu-box:22", "--ssh-port", "23"], "otherwise than -u or --ssh-port"),
        (["docker", "-n", "vm", "-a", "gpu-box"], "type docker has no --address"),
        (["docker", "-n", "vm", "-k"], "type docker has no --use-azureml-ssh-key"),
        (["remote", "-n", "vm", *BOX, "--nvidia-docker"], "type remote has no --nvidia-docker"),
        (["remote", "-n", "vm", *BOX, "--no-shared-volumes"], "type remote has no --shared-volumes"),
        (["remotedocker", "-n", "vm", *BOX, "--python-location", "p"], "type remotedocker has no --python-location"),
        (["remote", "-n", "vm", *BOX, "-w"], "nobody to ask"),
        (["remote", "-n", "vm", *BOX, "-w", "x", "--password-stdin"], "given twice"),
        (["remote", "-n", "vm", *BOX, "--password-stdin"], "the password is empty"),
        (["remote", "-n", "vm", *BOX, "-w", ""], "the password is empty"),
        (["remote", "-n", "vm", *BOX, "--private-key-passphrase", "x"], "--private-key-file"),
        (["remote", "-n", "vm", *BOX, "-k", "-w", "x", "--no-test"], "not installed"),
        (["remote", "-n", "vm", *BOX, "stray"], "stray"),
    ],
)
def test_usage(bench: Bench, arguments: list[str], words: str) -> None:
    done = bench.aml("attach", *arguments)
    assert (done.code, done.out) == (2, b""), done.err
    assert words in done.err
    assert bench.engine.asked == []
    assert bench.files() == set()
    assert bench.secrets() == {}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["local", *BOX], 1, "taken"),
        (["a/b", *BOX], 1, "cannot be the name"),
        (["vm", "-a", "gpu box"], 1, "no address of a machine"),
        (["vm", "-a", "gpu-box", "--ssh-port", "70000"], 1, "no port"),
        (["vm", *BOX, "--jump-host", "-x"], 2, "--jump-host"),
        (["vm", *BOX, "--jump-host", "a,,b"], 1, "no jump host"),
        (["vm", *BOX, "--private-key-file", "/no/key"], 3, "no such private key"),
        (["vm", *BOX, "--slots", "0"], 1, "at least one run"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(
    bench: Bench, arguments: list[str], code: int, words: str
) -> None:
    done = bench.aml("attach", "remote", "-n", *arguments, "-k")
    assert (done.code, done.out) == (code, b""), done.err
    assert words in done.err
    assert bench.engine.asked == []
    assert bench.secrets() == {}


def test_an_interrupted_attempt_leaves_nothing(bench: Bench) -> None:
    bench.engine.frames = [HALF]
    process = bench.shell.begin("computetarget", "attach", "remote", "-n", "vm", *BOX, "-k", "-w", SECRET)
    until(lambda: len(bench.engine.of("look")) == 2, what="it waits for news")
    assert bench.secrets()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert bench.engine.operations() == ["begin", "stop"]
    assert bench.files() == set()
    assert bench.secrets() == {}


def test_an_engine_that_goes_away_leaves_nothing(bench: Bench) -> None:
    bench.engine.dies = True
    done = bench.aml("attach", "remote", "-n", "vm", *BOX, "-k", "--password-stdin", stdin=f"{SECRET}\n")
    assert done.code == 4
    assert "contact with the engine was lost" in done.err
    assert bench.files() == set()
    assert bench.secrets() == {}


def test_containers_of_this_machine(bench: Bench) -> None:
    bench.engine.answers["environments"] = HostError("the Docker Engine is not running.", remedy="Start it.")
    done = bench.aml("attach", "docker", "-n", "gpus", "--nvidia-docker")
    assert done.code == 1
    assert "failed   Docker  the Docker Engine is not running.\n         do: Start it.\n" in done.err
    assert bench.files() == set()
    bench.engine.answers["environments"] = {"environments": [{}, {}], "unreachable": {}}
    done = bench.aml("attach", "docker", "-n", "gpus", "--nvidia-docker")
    assert done.code == 0, done.err
    assert "Next: aml experiment prepare -c gpus" in done.err
    target = bench.target("gpus")
    assert (target.type, target.nvidia_docker, target.host) == ("docker", True, "local")
