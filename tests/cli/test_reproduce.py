"""`aml history reproduce`: the script that is written runs, and gives what the run gave."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.talking import talking
from tests.engine.ssh_bench import COMPUTE, CONFIG, ssh_config
from tests.services import docker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Shell
    from tests.services.docker import DockerEngine
    from tests.services.people import KeyPair, Person
    from tests.services.sshd import Sshd

SCRIPT = """
import json, os, sys
from azureml.core import Run
run = Run.get_context()
run.log("loss", 0.25)
print(sys.argv[1:], os.environ["GREETING"], os.environ["DB_PASSWORD"], os.getcwd().split("/")[-1])
print(open("data/some file.txt").read(), os.readlink("link"), os.access("tool.sh", os.X_OK))
open("outputs/model.txt", "w").write("weights")
"""
VARIABLES = 'EnvironmentVariables:\n  DB_PASSWORD: "s3cr3t four"\n  GREETING: "two  words"\n'
ARGUMENTS = ("--rate", "a b", "$(x)", "--api-key", "k3y of mine", "--token=t0ken", "it's")

# As Spark's own: options with a value each, the script, its arguments.
SUBMIT = '#!/bin/sh\nwhile [ "${1#--}" != "$1" ]; do echo "$1 $2"; shift 2; done\nexec python3 "$@"\n'


def filled(shell: Shell) -> None:
    shell.script("train.py", SCRIPT)
    (shell.project / "data").mkdir()
    (shell.project / "data/some file.txt").write_text("it's data")
    (shell.project / "data/odd\nname").write_text("odd")
    (shell.project / "link").symlink_to("data/some file.txt")
    (shell.project / "tool.sh").write_text("#!/bin/sh\n")
    (shell.project / "tool.sh").chmod(0o755)


def again(shell: Shell, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "reproduce.sh", *arguments],
        cwd=shell.project.parent,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_run_is_run_again_from_its_files(shell: Shell) -> None:
    filled(shell)
    config = shell.project / "aml_config/local.runconfig"
    config.write_text(config.read_text() + VARIABLES)
    done = shell.aml("experiment", "submit", "-c", "local", "train.py", *ARGUMENTS)
    assert done.code == 0, done.err
    # What the project says since does not matter.
    shell.script("train.py", "print('changed')\n")
    file = shell.project.parent / "reproduce.sh"
    written = shell.aml("history", "reproduce", "-r", "iris-001", "-f", str(file))
    assert (written.code, written.text) == (0, f"{file}\n"), written.err
    text = file.read_text()
    assert not any(secret in text for secret in ("s3cr3t", "k3y of mine", "t0ken"))
    assert "result       loss 0.25" in text and "DB_PASSWORD (not here)" in text
    missing = again(shell, "first")
    assert missing.returncode != 0 and "must be set" in missing.stderr
    assert not (shell.project.parent / "first").exists()
    secrets = {"DB_PASSWORD": "s3cr3t four", "API_KEY": "k3y of mine", "TOKEN": "t0ken"}
    second = again(shell, "it's second", **secrets)
    assert (second.returncode, second.stdout) == (0, done.text), second.stderr
    folder = shell.project.parent / "it's second"
    assert (folder / "outputs/model.txt").read_text() == "weights"
    assert (folder / "project/data/odd\nname").read_text() == "odd"
    assert '"loss"' in (folder / "metrics.jsonl").read_text()
    # A folder that is there is left alone, and so is the run's own record.
    assert "is there already" in again(shell, "it's second", **secrets).stderr
    assert shell.store.series(shell.the_run().id)[0].count == 1


def test_names_and_words_that_a_shell_would_read(shell: Shell, tmp_path: Path) -> None:
    """An interpreter in a folder with blanks and worse, options with such names, names of secrets of every kind."""
    shell.script(
        "train.py",
        'import os, sys; print(sys.argv[1:], *map(os.environ.get, ("TOKEN", "HF_TOKEN_READ", "GREETING")))\n',
    )
    folder = tmp_path / "it's $(touch pwned) }"
    folder.mkdir()
    (folder / "python").symlink_to(sys.executable)
    (shell.project / "aml_config/local.compute").write_text(f'type: local\npythonLocation: "{folder}/python"\n')
    config = shell.project / "aml_config/local.runconfig"
    variables = "EnvironmentVariables:\n  TOKEN: env-secret\n  HF_TOKEN_READ: hf-secret\n  GREETING: hello\n"
    config.write_text(config.read_text() + variables)
    arguments = ("--token=arg-secret", "--$(touch pwned)-token", "odd-secret", "--pwd", "pwd-secret")
    arguments += (
        '--`touch pwned`"}-key=key-secret',
        "--greeting-token",
        "greeting-secret",
        "https://me:my-secret@host/?a=b",
    )
    done = shell.aml("experiment", "submit", "-c", "local", "train.py", *arguments)
    assert done.code == 0, done.err
    file = shell.project.parent / "reproduce.sh"
    assert shell.aml("history", "reproduce", "-f", str(file)).code == 0
    assert "secret" not in file.read_text()
    assert again(shell, "second", TOKEN="env-secret", HF_TOKEN_READ="hf-secret").returncode != 0
    given = {"TOKEN": "env-secret", "HF_TOKEN_READ": "hf-secret", "TOKEN_": "arg-secret", "PWD_": "pwd-secret"}
    given |= {"TOUCH_PWNED_TOKEN": "odd-secret", "TOUCH_PWNED_KEY": "key-secret", "GREETING_TOKEN": "greeting-secret"}
    given["ARGUMENT"] = arguments[-1]
    for name in given:
        less = again(shell, "second", **{key: value for key, value in given.items() if key != name})
        assert less.returncode != 0 and f"{name} must be set" in less.stderr, less.stderr
        assert not (shell.project.parent / "second").exists()
    second = again(shell, "second", **given)
    assert (second.returncode, second.stdout) == (0, done.text), second.stderr
    assert not list(shell.project.parent.rglob("pwned"))


def test_a_run_of_spark_submit(shell: Shell, tmp_path: Path) -> None:
    submit = tmp_path / "spark-submit"
    submit.write_text(SUBMIT)
    submit.chmod(0o755)
    folder = shell.project / "aml_config"
    (folder / "local.compute").write_text(f"type: local\nsparkSubmitLocation: {submit}\n")
    text = (folder / "local.runconfig").read_text().replace("Framework: Python", "Framework: PySpark")
    (folder / "local.runconfig").write_text(text)
    (folder / "spark_dependencies.yml").write_text("configuration:\n  spark.app.name: 'two  words'\n")
    shell.script("say.py", "import sys; print(sys.argv[1:])\n")
    done = shell.aml("experiment", "submit", "-c", "local", "say.py", "a  b", "")
    assert done.code == 0 and "['a  b', '']" in done.text, done.err
    assert "two  words" in done.text
    assert shell.aml("history", "reproduce", "-f", str(shell.project.parent / "reproduce.sh")).code == 0
    second = again(shell, "second")
    assert (second.returncode, second.stdout) == (0, done.text), second.stderr


@pytest.fixture
def place(
    shell: Shell, sshd: Sshd, alice: Person, alice_key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Writes the compute target `far`, a machine over SSH, with more lines."""
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(ssh_config(shell.project.parent, sshd)))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)

    def write(more: str) -> None:
        text = COMPUTE.format(address=f"{sshd.address}:{sshd.port}", user=alice.name, key=alice_key.path)
        (shell.project / "aml_config/far.compute").write_text(text + more)

    return write


@pytest.mark.timeout(120)
def test_a_run_over_ssh_where_it_ran(
    shell: Shell, sshd: Sshd, alice: Person, alice_key: KeyPair, place: Callable[[str], None]
) -> None:
    """The script alone is copied there: the contents and the package that a script finds are there from its run."""
    filled(shell)
    # In a Python that this machine does not have.
    python = alice.write("pythons/it's python", '#!/bin/sh\nexec python3 "$@"\n', 0o755)
    place(f'pythonLocation: "~/{python.relative_to(alice.home)}"\n')
    (shell.project / "aml_config/far.runconfig").write_text(CONFIG + VARIABLES)
    done = shell.aml("experiment", "submit", "-c", "far", "train.py", *ARGUMENTS)
    assert done.code == 0, done.err
    file = shell.project.parent / "reproduce.sh"
    assert shell.aml("history", "reproduce", "-f", str(file)).code == 0
    alice.write("reproduce.sh", file.read_text())
    secrets = "DB_PASSWORD='s3cr3t four' API_KEY='k3y of mine' TOKEN=t0ken"
    second = sshd.ssh(alice, f"{secrets} sh reproduce.sh second", key=alice_key)
    assert (second.returncode, second.stdout) == (0, done.text), second.stderr
    assert (alice.home / "second/outputs/model.txt").read_text() == "weights"
    assert '"loss"' in (alice.home / "second/metrics.jsonl").read_text()
    # On this machine, too, in whatever Python it has.
    third = again(shell, "third", DB_PASSWORD="s3cr3t four", API_KEY="k3y of mine", TOKEN="t0ken")
    assert (third.returncode, third.stdout) == (0, done.text), third.stderr


@pytest.mark.timeout(120)
def test_a_run_of_spark_submit_over_ssh(
    shell: Shell, sshd: Sshd, alice: Person, alice_key: KeyPair, place: Callable[[str], None]
) -> None:
    """On a machine that is no cluster there is none when it is run again."""
    submit = alice.write("spark/spark-submit", SUBMIT, 0o755)
    place(f"sparkSubmitLocation: {submit}\n")
    folder = shell.project / "aml_config"
    (folder / "far.runconfig").write_text(CONFIG + "Framework: PySpark\n")
    (folder / "spark_dependencies.yml").write_text("configuration:\n  spark.app.name: 'two  words'\n")
    shell.script("say.py", "import sys; print(sys.argv[1:])\n")
    done = shell.aml("experiment", "submit", "-c", "far", "say.py", "a  b", "")
    assert done.code == 0 and "['a  b', '']" in done.text and "two  words" in done.text, done.err
    file = shell.project.parent / "reproduce.sh"
    assert shell.aml("history", "reproduce", "-f", str(file)).code == 0
    alice.write("reproduce.sh", file.read_text())
    second = sshd.ssh(alice, "sh reproduce.sh second", key=alice_key)
    assert (second.returncode, second.stdout) == (0, done.text), second.stderr


def test_nothing_is_overwritten_without_asking(shell: Shell) -> None:
    shell.script("train.py", "print('hello')\n")
    assert shell.aml("experiment", "submit", "-c", "local", "train.py").code == 0
    file = shell.project / "reproduce.sh"
    file.write_text("mine")
    refused = shell.aml("history", "reproduce")
    assert refused.code != 0 and "--yes" in refused.err
    with talking(shell.project, "history", "reproduce") as talk:
        talk.until("Replace it? [y/N]")
        talk.type("")
        assert talk.end() == 1
    assert file.read_text() == "mine"
    with talking(shell.project, "history", "reproduce") as talk:
        talk.until("Replace it? [y/N]")
        talk.type("y")
        assert talk.end() == 0
    assert file.read_text().startswith("#!/bin/sh")
    assert shell.aml("history", "reproduce", "-y").code == 0
    nowhere = shell.aml("history", "reproduce", "-f", "nowhere/reproduce.sh")
    assert nowhere.code != 0 and "was not written" in nowhere.err
    assert [path.name for path in shell.project.iterdir() if path.name.startswith(".reproduce")] == []


@pytest.mark.timeout(180)
def test_a_run_of_a_container(
    shell: Shell, docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_engine.url)
    image = docker.python_image(docker_engine)
    filled(shell)
    (shell.project / "aml_config/box.compute").write_text(f"type: docker\nbaseDockerImage: {image}\n")
    text = (shell.project / "aml_config/local.runconfig").read_text()
    text = text.replace("Target: local", "Target: box").replace("ment: false", "ment: true")
    (shell.project / "aml_config/box.runconfig").write_text(text + VARIABLES)
    done = shell.aml("experiment", "submit", "-c", "box", "train.py", *ARGUMENTS)
    assert done.code == 0, done.err
    assert shell.aml("history", "reproduce", "-f", str(shell.project.parent / "reproduce.sh")).code == 0
    secrets = {"DB_PASSWORD": "s3cr3t four", "API_KEY": "k3y of mine", "TOKEN": "t0ken"}
    second = again(shell, "second", DOCKER_OPTIONS="--network host", **secrets)
    assert (second.returncode, second.stdout) == (0, done.text), second.stderr
    assert (shell.project.parent / "second/outputs/model.txt").read_text() == "weights"
