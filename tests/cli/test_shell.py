"""`aml experiment shell`: on this machine, on a machine over SSH, in a container; by real engines and servers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.cli.talking import talking
from tests.engine.ssh_bench import COMPUTE, CONFIG, ssh_config
from tests.services import docker
from tests.waiting import until

if TYPE_CHECKING:
    from engine.runs.model import Run
    from tests.cli.conftest import Shell
    from tests.services.docker import DockerEngine
    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakeDockerEngine, MakeSshd
    from tests.services.sshd import Sshd

WAIT = """
import os, time
from azureml.core import Run
Run.get_context().log("loss", 0.5)
print("begin", flush=True)
while not os.path.exists("outputs/go"):
    time.sleep(0.05)
print("end")
"""
VARIABLES = 'EnvironmentVariables:\n  DB_PASSWORD: "s3cr3t four"\n  GREETING: "two  words"\n'
ASK = (
    'echo "[$GREETING] [$DB_PASSWORD] $AZUREML_RUN_ID [$AML_METRICS_FILE]"; pwd; ls; '
    'python3 -c "import azureml.core; print(azureml.core.__name__)"; exit 5\n'
)


def configured(shell: Shell, name: str, text: str) -> None:
    (shell.project / f"aml_config/{name}.runconfig").write_text(text + VARIABLES)


def waiting(shell: Shell, config: str) -> Run:
    """A run that goes on until its outputs have a file `go`."""
    shell.script("wait.py", WAIT)
    done = shell.aml("experiment", "submit", "-a", "-c", config, "wait.py")
    assert done.code == 0, done.err
    return shell.the_run("Running")


def test_in_the_directory_of_a_run_of_this_machine(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")
    configured(shell, "local", (shell.project / "aml_config/local.runconfig").read_text())
    run = waiting(shell, "local")
    done = shell.aml("experiment", "shell", "-r", run.name, stdin=ASK)
    assert done.code == 5, done.err
    assert f"[two  words] [s3cr3t four] {run.id} []" in done.text
    assert str(shell.paths.host_run(run.id) / "project") in done.text
    assert "wait.py" in done.text and "azureml.core" in done.text
    # A file made by hand is there for the run, and a shell left open is no part of it.
    with talking(shell.project, "experiment", "shell") as talk:
        talk.until("in the directory of iris-001")
        talk.type("touch ../outputs/go; echo open-$((40+2))")
        talk.until("open-42")
        until(lambda: shell.the_run().state.ended, 20)
        talk.type("exit")
        assert talk.end() == 0
    assert shell.the_run("Completed").properties.get("LeftBehind") is None
    assert shell.store.series(run.id)[0].count == 1


def test_a_run_without_a_directory_is_told(shell: Shell) -> None:
    (shell.project / "aml_config/local.compute").write_text("type: local\nslots: 1\n")
    waiting(shell, "local")
    shell.aml("experiment", "submit", "-a", "-c", "local", "wait.py")
    done = shell.aml("experiment", "shell", "-r", "2", stdin="echo here\n")
    assert (done.code, done.text) != (0, "here\n")
    assert "iris-002 has no directory on local yet" in done.err


@pytest.fixture
def far(shell: Shell, sshd: Sshd, alice: Person, alice_key: KeyPair, monkeypatch: pytest.MonkeyPatch) -> Person:
    """The configuration `far` runs on a machine over SSH."""
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(ssh_config(shell.project.parent, sshd)))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    place = COMPUTE.format(address=f"{sshd.address}:{sshd.port}", user=alice.name, key=alice_key.path)
    (shell.project / "aml_config/far.compute").write_text(place)
    configured(shell, "far", CONFIG)
    alice.set_bashrc("PS1='at-far> '\necho noise of start-up files\n")
    return alice


@pytest.mark.timeout(120)
def test_in_the_directory_of_a_run_over_ssh(shell: Shell, far: Person, sshd: Sshd) -> None:
    run = waiting(shell, "far")
    before = len(sshd.logins)
    folder = far.home / f".local/share/aml-tui/runs/{run.id}/project"
    with talking(shell.project, "experiment", "shell", "-r", run.name) as talk:
        talk.until("in the directory of iris-001 on far")
        talk.until("at-far> ")
        talk.resize(33, 113)
        talk.type("until [ \"$(stty size)\" = '33 113' ]; do :; done; echo as-$((40+2))")
        talk.until("as-42")
        talk.type('pwd; echo "$GREETING $AZUREML_RUN_ID"')
        talk.until(str(folder))
        talk.until(f"two  words {run.id}")
        # What is secret is in the shell, and in no command that others on that machine could see.
        talk.type("echo \"${#DB_PASSWORD} $(ps -ww -eo args | grep -c '[s]3cr3t')\"")
        talk.until("11 0")
        talk.type("sh -c 'trap \"echo caught; exit\" INT; echo up-$((40+2)); while :; do sleep 0.1; done'")
        talk.until("up-42")
        talk.type("\x03", end="")
        talk.until("caught")
        talk.until("at-far> ")
        # Much that comes and much that goes at once.
        talk.type("head -c 300000 /dev/zero | tr '\\0' x | fold -w 100 | tail -1; echo all-$((1+1))")
        talk.until("all-2")
        talk.type("touch ../outputs/go; exit 3")
        assert talk.end() == 3
    # Nobody was asked to log in again.
    assert sshd.logins[before:] == []
    done = until(lambda: shell.the_run() if shell.the_run().state.ended else None, 30)
    assert done is not None and done.state.value == "Completed"
    # After its end its directory is still there.
    again = shell.aml("experiment", "shell", "-r", run.name, stdin="ls ../outputs; exit 0\n")
    assert again.code == 0, again.err
    assert "go" in again.text


@pytest.mark.timeout(120)
def test_contact_is_lost_while_one_types(shell: Shell, far: Person, sshd: Sshd) -> None:
    waiting(shell, "far")
    with talking(shell.project, "experiment", "shell") as talk:
        talk.until("at-far> ")
        sshd.kill()
        talk.until("contact")
        assert talk.end() != 0
    sshd.start()
    assert shell.aml("experiment", "cancel", "-r", "last").code == 0


@pytest.mark.timeout(180)
def test_in_a_container(shell: Shell, docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_engine.url)
    image = docker.python_image(docker_engine)
    (shell.project / "aml_config/box.compute").write_text(f"type: docker\nbaseDockerImage: {image}\n")
    text = (shell.project / "aml_config/local.runconfig").read_text()
    configured(shell, "box", text.replace("Target: local", "Target: box").replace("ment: false", "ment: true"))
    run = waiting(shell, "box")
    with talking(shell.project, "experiment", "shell", "-r", run.name) as talk:
        talk.until("in the container of iris-001")
        talk.until("/azureml-run/project # ")
        talk.resize(33, 113)
        talk.type("test -e /.dockerenv && echo in-$((40+2))")
        talk.until("in-42")
        talk.type("until [ \"$(stty size)\" = '33 113' ]; do :; done; echo as-$((40+2))")
        talk.until("as-42")
        talk.type('echo "[$GREETING] [$AML_METRICS_FILE] $AZUREML_RUN_ID"')
        talk.until(f"[two  words] [] {run.id}")
        talk.type("touch ../outputs/go; exit 3")
        assert talk.end() == 3
    done = until(lambda: shell.the_run() if shell.the_run().state.ended else None, 40)
    assert done is not None and done.state.value == "Completed"
    assert done.properties.get("LeftBehind") is None
    # The container is gone; what it left is here.
    after = shell.aml("experiment", "shell", "-r", run.name, stdin="ls ../outputs; exit 4\n")
    assert (after.code, "go" in after.text) == (4, True), after.err


@pytest.mark.timeout(240)
def test_in_a_container_of_another_machine(
    shell: Shell,
    make_sshd: MakeSshd,
    make_docker_engine: MakeDockerEngine,
    alice: Person,
    alice_key: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = make_docker_engine(group=alice.name)
    sshd = make_sshd(SetEnv=[f"DOCKER_HOST={engine.url}"])
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(ssh_config(shell.project.parent, sshd)))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    image = docker.python_image(engine)
    place = COMPUTE.format(address=f"{sshd.address}:{sshd.port}", user=alice.name, key=alice_key.path)
    text = place.replace("type: remote\n", f"type: remotedocker\nbaseDockerImage: {image}\n")
    (shell.project / "aml_config/far.compute").write_text(text)
    configured(shell, "far", CONFIG.replace("ment: false", "ment: true"))
    run = waiting(shell, "far")
    with talking(shell.project, "experiment", "shell", "-r", run.name) as talk:
        talk.until("/azureml-run/project $ ")
        talk.type("test -e /.dockerenv && echo in-$((40+2)); touch ../outputs/go; exit 3")
        talk.until("in-42")
        assert talk.end() == 3
    until(lambda: shell.the_run().state.ended, 60)
    after = shell.aml("experiment", "shell", stdin="id -un; ls ../outputs; exit 4\n")
    assert after.code == 4, after.err
    assert alice.name in after.text and "go" in after.text
    assert os.getuid() != alice.uid
