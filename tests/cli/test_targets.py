"""Testing, using and detaching machines: what is asked, said and kept; the engine is a stand-in."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest

from engine.runs.ledger import Ledger
from engine.runs.model import RunPlan
from engine.runs.request import RunRequest
from tests.cli.bench import BOX, HALF, REFUSED, SECRET
from tests.cli.fake_engine import DONE, frame, question
from tests.cli.talking import talking
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.bench import Bench


def test_the_doctor(bench: Bench) -> None:
    bench.put("type: remotedocker\naddress: gpu-box:2222\nusername: ann\nsparkSubmitLocation: /opt/spark-submit")
    slow = {"state": "warning", "detail": "0.9 s", "remedy": "Look at ~/.bashrc.\x1b[2J"}
    bench.engine.frames = [HALF, frame("ok", resolve="ok", tcp="ok", host_key="ok", shell=slow)]
    done = bench.aml("test", "-n", "vm")
    assert (done.code, done.err) == (0, "")
    lines = done.text.splitlines()
    assert lines[0].split() == ["ok", "resolve"]
    assert "warning  shell         0.9 s" in lines
    assert "         do: Look at ~/.bashrc." in lines
    begun = bench.begun()
    assert (begun["machine"], begun["kind"]) == (bench.target().machine.to_json(), "remotedocker")
    assert (begun["spark_submit"], begun["install"], begun["secrets"]) == ("/opt/spark-submit", "", {})


def test_the_doctor_as_data(bench: Bench) -> None:
    bench.put("type: remote\naddress: gpu-box")
    bench.engine.frames = [REFUSED]
    done = bench.aml("test", "-n", "vm.compute", "-o", "json")
    assert (done.code, done.err) == (1, "")
    told = json.loads(done.out)
    assert (told["name"], told["host"], told["state"]) == ("vm", "gpu-box", "failed")
    assert [step["state"] for step in told["steps"]][:2] == ["ok", "failed"]
    assert told["steps"][1]["remedy"] == "Is sshd running on port 22?"
    table = bench.aml("test", "-n", "vm", "-o", "table")
    assert "Is sshd running" in table.text


def test_the_doctor_on_a_failed_machine(bench: Bench) -> None:
    bench.put("type: remote\naddress: gpu-box")
    bench.engine.frames = [REFUSED]
    done = bench.aml("test", "-n", "vm")
    assert done.code == 1
    assert "failed   tcp" in done.text
    assert done.err == "vm: the test failed at tcp\n"


def test_what_was_fine_can_still_fail(bench: Bench) -> None:
    bench.put("type: remote\naddress: gpu-box")
    bench.engine.frames = [frame(authenticate="ok"), frame(authenticate="ok"), frame("failed", authenticate="failed")]
    done = bench.aml("test", "-n", "vm")
    assert [line.split() for line in done.text.splitlines()] == [["ok", "authenticate"], ["failed", "authenticate"]]


def test_the_doctor_shows_what_it_is_at(bench: Bench) -> None:
    bench.put("type: remote\naddress: gpu-box")
    bench.engine.frames = [HALF, frame("asking", tcp="ok", question=question("password")), DONE]
    with talking(bench.shell.project, "computetarget", "test", "-n", "vm") as talk:
        talk.until("ok       tcp")
        talk.until("...      host key")
        talk.until("ann@gpu-box: ")
        talk.type(SECRET)
        talk.until("Keep it in the file ")
        talk.type("y")
        assert talk.end() == 0
        assert talk.text.count("ok       tcp") == 1
        # The line that was drawn in place is gone before anything else is written.
        assert "...      host key\r" in talk.text
    assert bench.engine.of("answer")[0]["keep"] is True


@pytest.mark.parametrize(
    ("last", "kept"), [(frame("failed", authenticate="ok", shell="failed"), True), (REFUSED, False)]
)
def test_a_password_that_changed_takes_the_place_of_the_old_one(bench: Bench, last: dict[str, Any], kept: bool) -> None:
    reference = bench.attach_with_password()
    bench.engine.frames = [frame("asking", question=question("password", text="It was refused.")), last]
    with talking(bench.shell.project, "computetarget", "test", "-n", "vm") as talk:
        talk.until("It was refused.")
        talk.until("ann@gpu-box: ")
        talk.type("a new one")
        talk.until("[Y/n] ")
        talk.type("")
        assert talk.end() == 1
    assert bench.engine.of("answer")[0]["keep"] is False
    assert bench.secrets() == {reference: "a new one" if kept else SECRET}


def test_the_doctor_without_a_terminal_says_where_to_go(bench: Bench) -> None:
    bench.put("type: remote\naddress: gpu-box")
    bench.engine.frames = [frame("asking", question=question("password"))]
    done = bench.aml("test", "-n", "vm")
    assert done.code == 1
    assert "do: Do this on a terminal: `aml computetarget test -n vm`." in done.err


def test_a_password_in_a_file_moves_before_it_is_used(bench: Bench) -> None:
    bench.put(f"type: remote\naddress: gpu-box\npassword: {SECRET}  # mine")
    done = bench.aml("test", "-n", "vm")
    assert done.code == 0, done.err
    assert "notice: aml_config/vm.compute" in done.err
    reference = bench.target().password
    assert bench.begun()["machine"]["password"] == reference
    assert bench.secrets() == {reference: SECRET}
    assert "  # mine" in (bench.config / "vm.compute").read_text()


def test_the_doctor_of_this_machine(bench: Bench) -> None:
    done = bench.aml("test", "-n", "local")
    assert done.code == 0, done.err
    assert [line.split()[:2] for line in done.text.splitlines()] == [["ok", "Agent"], ["ok", "Python"]]
    assert bench.engine.of("now") == [{"op": "now", "target": "local"}]
    bench.put("type: local\npythonLocation: ./no/python", "local")
    failed = bench.aml("test", "-n", "local")
    assert failed.code == 1
    assert "`pythonLocation` in aml_config/local.compute" in failed.text
    assert bench.aml("test", "-n", "nowhere").code == 3


def test_targets_have_the_names_of_their_hosts(bench: Bench) -> None:
    bench.put("type: remote\naddress: gpu-box:2222\nusername: ann\njumpHost: bob@jump")
    (_, vm) = json.loads(bench.aml("list", "-o", "json").out)
    assert vm["address"] == "ann@gpu-box:2222 via bob@jump"
    shown = json.loads(bench.aml("show", "-n", "vm").out)
    assert (shown["address"], shown["port"], shown["jump_host"]) == ("gpu-box", 2222, "bob@jump")


def test_detaching_asks_first(bench: Bench) -> None:
    reference = bench.attach_with_password()
    refused = bench.aml("detach", "-n", "vm")
    assert (refused.code, refused.out) == (2, b"")
    assert "Add --yes" in refused.err
    with talking(bench.shell.project, "computetarget", "detach", "-n", "vm") as talk:
        talk.until("Remove the target vm, its configuration, its password and made key? [y/N] ")
        talk.type("")
        assert talk.end() == 1
    assert bench.secrets() == {reference: SECRET}
    done = bench.aml("detach", "-n", "vm", "--yes")
    assert done.code == 0
    assert done.err == "removed aml_config/vm.compute\nremoved aml_config/vm.runconfig\n"
    assert bench.files() == set()
    assert bench.secrets() == {}
    assert bench.aml("detach", "-n", "vm", "--yes").code == 3
    assert bench.aml("detach", "-n", "../vm", "--yes").code == 3


def test_detaching_tells_of_what_goes_on_there(bench: Bench) -> None:
    bench.attach_with_password()
    ledger = Ledger(bench.shell.paths.store)
    request = RunRequest(project=str(bench.shell.project), config="vm", token="t", environ={})
    plan = RunPlan(
        project=str(bench.shell.project), project_name="iris", config="vm", target="vm", target_type="remote",
        host="ann@gpu-box", launcher="process", framework="Python", script="a.py", argv=("a.py",), interpreter="",
    )  # fmt: skip
    run = ledger.create(request, plan)
    ledger.close()
    done = bench.aml("detach", "-n", "vm", "--yes")
    assert done.code == 0
    assert f"not ended, and not to be followed without vm: {run.name}\n" in done.err
    # Nothing waits for it when the test ends.
    bench.shell.paths.store.unlink()


SSH = """\
#!{python}
import json, os, subprocess, sys
told = {{"argv": sys.argv[1:], "keys": ""}}
for word in sys.argv:
    if word.startswith("IdentityAgent="):
        environ = {{**os.environ, "SSH_AUTH_SOCK": word.partition("=")[2]}}
        told["keys"] = subprocess.run(["ssh-add", "-L"], env=environ, capture_output=True, text=True).stdout
        told["mode"] = os.stat(word.partition("=")[2]).st_mode
told["agent"] = os.environ.get("SSH_AUTH_SOCK", "")
open({told!r}, "w").write(json.dumps(told))
if os.environ.get("STAYS"):
    os.execvp("sleep", ["sleep", "600"])
sys.exit(7)
"""


@pytest.fixture
def ssh(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A client that writes down how it was called, and ends with 7."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "ssh"
    program.write_text(SSH.format(python=sys.executable, told=str(tmp_path / "told")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path / "told"


def test_a_shell_is_that_of_ssh(bench: Bench, ssh: Path) -> None:
    bench.put("type: remote\naddress: gpu-box")
    assert bench.aml("shell", "-n", "vm").code == 7
    assert json.loads(ssh.read_text())["argv"] == ["--", "gpu-box"]
    bench.put(
        "type: remotedocker\naddress: '[fe80::1]:2222'\nusername: CORP\\ann\nprivateKeyFile: /k/id\n"
        "jumpHost: bob@jump:22\npassword: AzureMlSecret=vm#ann#1",
    )
    done = bench.aml("shell", "-n", "vm", AML_TUI_SSH_CONFIG="/my/config", SSH_AUTH_SOCK="/my/agent")
    assert done.code == 7
    told = json.loads(ssh.read_text())
    assert told["argv"] == [
        *("-F", "/my/config", "-p", "2222", "-l", "CORP\\ann", "-i", "/k/id", "-J", "bob@jump:22", "--", "fe80::1")
    ]
    assert told["agent"] == "/my/agent"
    assert "ssh will ask for the password" in done.err
    assert bench.aml("shell", "-n", "local").code == 1


def test_a_made_key_is_lent_to_ssh_and_nowhere_on_the_disk(bench: Bench, ssh: Path) -> None:
    assert bench.aml("attach", "remote", "-n", "vm", *BOX, "-k").code == 0
    done = bench.aml("shell", "-n", "vm", SSH_AUTH_SOCK="/my/agent")
    assert done.code == 7, done.err
    told = json.loads(ssh.read_text())
    public = bench.keys.public_key(bench.target().private_key)
    assert told["keys"].split()[:2] == public.split()[:2]
    assert stat.S_ISSOCK(told["mode"]) and not told["mode"] & 0o077
    # Jump hosts are for the person's own agent, and this one is for nobody else.
    assert told["agent"] == "/my/agent"
    assert "ForwardAgent=no" in told["argv"]
    assert told["argv"][-2:] == ["--", "gpu-box"]
    assert not list(bench.shell.paths.runtime.glob("ssh-*"))
    body = bench.keys.get(bench.target().private_key)
    assert body is not None
    for path in (*bench.shell.paths.runtime.rglob("*"), *bench.shell.project.rglob("*")):
        assert not path.is_file() or body.splitlines()[1] not in path.read_text(errors="replace")


def test_a_shell_that_is_ended_takes_the_key_along(bench: Bench, ssh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench.aml("attach", "remote", "-n", "vm", *BOX, "-k").code == 0
    monkeypatch.setenv("STAYS", "1")
    process = bench.shell.begin("computetarget", "shell", "-n", "vm")
    until(lambda: ssh.exists() and ssh.read_text(), what="ssh runs")
    assert list(bench.shell.paths.runtime.glob("ssh-*"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 128 + signal.SIGTERM
    assert not list(bench.shell.paths.runtime.glob("ssh-*"))


def test_a_made_key_that_is_gone(bench: Bench, ssh: Path) -> None:
    bench.put("type: remote\naddress: gpu-box\nprivateKey: AzureMlSecret=vm#ann#1")
    done = bench.aml("shell", "-n", "vm")
    assert done.code == 3
    assert "the key of 'vm' is not in the file" in done.err
    assert bench.aml("public-key", "-n", "vm").code == 1
    assert not ssh.exists()


def test_without_a_client_it_is_said_what_to_install(bench: Bench, tmp_path: Path) -> None:
    bench.put("type: remote\naddress: gpu-box")
    done = bench.aml("shell", "-n", "vm", PATH=str(tmp_path))
    assert done.code == 3
    assert "openssh-client" in done.err


def test_public_keys_of_files(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "id.pub").write_text("ssh-ed25519 AAAA ann\n")
    bench.put(f"type: remote\naddress: gpu-box\nprivateKeyFile: {tmp_path}/id")
    assert bench.aml("public-key", "-n", "vm").text == "ssh-ed25519 AAAA ann\n"
    bench.put("type: remote\naddress: gpu-box")
    done = bench.aml("public-key", "-n", "vm")
    assert done.code == 3
    assert "with -k" in done.err
