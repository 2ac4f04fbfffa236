"""The README does what it says: each command of its `console` blocks is run, one after the other, as a reader would."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.environments.originals import stand_in
from tui.actions import ACTIONS, shown_key
from tui.settings import SETTINGS, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.paths import Paths
    from tests.services.docker import DockerEngine
    from tests.services.people import KeyPair, Person
    from tests.services.sshd import Sshd

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Blocks of these kinds are for a shell; others show files and scripts.
SHELLS = ("console", "sh", "bash", "shell")
MARK = "\x01"


@dataclass
class Command:
    """One command of a block and what the README shows of its output; `...` there stands for anything."""

    line: int
    text: str
    expected: list[str] = field(default_factory=list)

    def agrees(self, output: str) -> bool:
        pattern = re.escape("\n".join(self.expected)).replace(r"\.\.\.", ".*?")
        return re.search(pattern, output, re.DOTALL) is not None


def commands(readme: str) -> list[Command]:
    """Every command of the shell blocks, in order. `$ ` begins one, `> ` goes on with it, other lines are output."""
    found: list[Command] = []
    for block in FENCE.finditer(readme):
        if block[1] not in SHELLS:
            continue
        first = readme.count("\n", 0, block.start()) + 2
        for number, line in enumerate(block[2].splitlines(), start=first):
            if block[1] != "console" or line.startswith("$ "):
                found.append(Command(number, line.removeprefix("$ ")))
            elif line.startswith("> "):
                found[-1].text += "\n" + line.removeprefix("> ")
            else:
                found[-1].expected.append(line)
    return found


def session(listed: list[Command]) -> str:
    """A bash script that runs them and says after each how it went; the first that fails ends it."""
    lines = [
        'make() { command make -C "$ROOT" "$@" </dev/null; }',
        'aml-tui() { PYTHONPATH="$ROOT" python -m tests.console_visit "$@"; }',
    ]
    for command in listed:
        lines += [command.text, f"status=$?; printf '{MARK}%s{MARK}' $status; [ $status = 0 ] || exit 1"]
    return "\n".join(lines)


@pytest.fixture
def docker_host(docker_engine: DockerEngine, python_image: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Docker Engine that has the image which the demonstration's stands for; no registry is asked."""
    image = stand_in("microsoft/mmlspark:plus-0.7.91", spark=False)
    docker_engine.docker("tag", python_image, image)
    monkeypatch.setenv("DOCKER_HOST", docker_engine.url)
    yield
    docker_engine.docker("rmi", image)


@pytest.fixture
def gpu_box(sshd: Sshd, alice: Person, alice_key: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that the SSH configuration knows by this name."""
    known = tmp_path / "known_hosts"
    known.write_text(sshd.known_hosts())
    lines = [
        "Host gpu-box",
        f"  HostName {sshd.address}",
        f"  Port {sshd.port}",
        f"  User {alice.name}",
        f"  IdentityFile {alice_key.path}",
        f"  UserKnownHostsFile {known}",
        "  GlobalKnownHostsFile none",
        "  IdentityAgent none",
    ]
    (tmp_path / "ssh_config").write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(tmp_path / "ssh_config"))


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("docker_host", "gpu_box")
def test_every_command_works(home: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home.state.is_dir()
    folder = tmp_path / "checkout"
    folder.mkdir()
    shutil.copytree(ROOT / "demo_project", folder / "demo_project", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".venv").symlink_to(sys.prefix)
    monkeypatch.setenv("ROOT", str(ROOT))
    monkeypatch.setenv("TERM", "dumb")
    listed = commands(README)
    assert len(listed) > 20
    done = subprocess.run(
        ["bash", "-c", session(listed)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    parts = done.stdout.decode(errors="replace").replace("\r", "\n").split(MARK)
    for command, output, status in zip(listed, parts[::2], parts[1::2], strict=False):
        assert status == "0", f"README.md:{command.line}: {command.text}\n{output}"
        assert command.agrees(output), f"README.md:{command.line}: {command.text}\n{output}"
    assert len(parts) // 2 == len(listed)


def test_commands_are_found_with_their_output() -> None:
    found = commands(
        "text\n\n```console\n$ one \\\n> two\nout...put\n$ three\n```\n```python\nx\n```\n```sh\nfour\n```\n"
    )
    assert [(one.line, one.text, one.expected) for one in found] == [
        (4, "one \\\ntwo", ["out...put"]),
        (7, "three", []),
        (13, "four", []),
    ]
    assert found[0].agrees("before\nout and\nput\nafter")
    assert not found[0].agrees("out")


def test_what_the_readme_points_at_is_there() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_make_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"`make (\w+)", README))
    assert {name for name in named if f"\n{name}:" not in makefile} == set()


def between(mark: str) -> str:
    return README.split(f"<!-- {mark} -->\n")[1].split(f"<!-- /{mark} -->")[0]


def test_every_key_is_documented() -> None:
    rows = (f"| {', '.join(f'`{shown_key(key)}`' for key in one.keys)} | {one.description} |" for one in ACTIONS)
    assert between("keys") == "\n".join(["| key | does |", "|---|---|", *rows]) + "\n"


def test_every_action_is_named() -> None:
    names = ", ".join(f"`{one.id}`" for one in ACTIONS)
    assert " ".join(between("actions").split()) == f"Actions: {names}."


def test_the_settings_shown_are_all_and_right(tmp_path: Path) -> None:
    block = next(body for kind, body in FENCE.findall(README) if kind == "yaml" and body.startswith("theme"))
    (tmp_path / "config.yaml").write_text(block)
    read = read_settings(tmp_path)
    assert read.problems == ()
    assert (read.theme, read.metrics, read.notice) == ("dark", ("loss", "acc"), "both")
    assert set(read.keys) == {"submit", "cancel"}
    assert re.findall(r"^(\w+):", block, re.MULTILINE) == [setting.name for setting in SETTINGS]
    assert [name for setting in SETTINGS for name in setting.choices if name not in block] == []
    shown = dict(re.findall(r"^(\w+): (.*?)(?:  +#.*)?$", block, re.MULTILINE))
    assert shown == {setting.name: setting.example for setting in SETTINGS}
