"""The README's tour in a real tmux, with real keys, on a real machine over SSH; and how many keys it takes."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tui.real_terminal import CONSOLE
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.paths import Paths
    from tests.services.people import KeyPair, Person
    from tests.services.sshd import Sshd

DEMO = Path(__file__).parents[2] / "demo_project"
# Attach a machine, submit, see the first line of the log: more keys than this is a worse console.
MOST_KEYS = 15


class Tmux:
    """A shell in a tmux of its own; `keys` counts what was pressed."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "tmux"
        self.keys = 0
        self._run(
            "-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", "env -u COLUMNS -u LINES PS1='$ ' sh"
        )

    def close(self) -> None:
        self._run("kill-server")

    def type(self, text: str) -> None:
        """Each character a key."""
        self.keys += len(text)
        self._run("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Keys by their names in tmux."""
        self.keys += len(keys)
        self._run("send-keys", *keys)

    def screen(self) -> str:
        return self._run("capture-pane", "-p")

    def until_shown(self, *texts: str, within: float = 20.0) -> None:
        try:
            until(lambda: all(text in self.screen() for text in texts), within)
        except AssertionError:
            raise AssertionError(f"not within {within} s: {texts}\n{self.screen()}") from None

    def flags(self) -> str:
        """Whether a program has the alternate screen, the mouse; whether the cursor is shown."""
        return self._run("display", "-p", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}").strip()

    def _run(self, *words: str) -> str:
        done = subprocess.run(["tmux", "-S", str(self.socket), *words], capture_output=True, text=True, check=False)
        return done.stdout


@pytest.fixture
def tmux(
    engine_home: Paths, tmp_path: Path, sshd: Sshd, alice: Person, alice_key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Tmux]:
    """Somebody whose SSH configuration calls a machine gpu-box, beside a copy of the demo project."""
    config = tmp_path / "ssh_config"
    config.write_text(
        f"Host gpu-box\n  HostName {sshd.address}\n  Port {sshd.port}\n  User {alice.name}\n"
        f"  IdentityFile {alice_key.path}\n  IdentitiesOnly yes\n  UserKnownHostsFile {tmp_path / 'known_hosts'}\n"
        "  GlobalKnownHostsFile none\n"
    )
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SSH_AUTH_SOCK", "TMUX", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(DEMO, tmp_path / "demo_project", ignore=shutil.ignore_patterns(".*", "outputs"))
    made = Tmux(tmp_path)
    yield made
    made.close()


@pytest.mark.timeout(150)
def test_the_tour(tmux: Tmux, tmp_path: Path, sshd: Sshd) -> None:
    tmux.type(f"{CONSOLE} {shlex.quote(str(tmp_path / 'demo_project'))}\n")
    tmux.until_shown("no runs yet", "? help")
    tmux.keys = 0
    # A machine that ~/.ssh/config knows.
    tmux.press("a")
    tmux.until_shown("Attach a compute target")
    tmux.press("Down", "Enter")
    tmux.until_shown("Address")
    tmux.type("gpu-box")
    tmux.press("Enter")
    tmux.until_shown(sshd.fingerprint, within=30)
    tmux.press("y")
    tmux.until_shown("gpu-box can be used", within=40)
    tmux.press("Enter")
    tmux.until_shown("gpu-box is attached")
    tmux.press("s")
    tmux.until_shown("train.py", "on gpu-box")
    tmux.press("Enter")
    tmux.until_shown("rows to learn from", within=40)
    assert tmux.keys <= MOST_KEYS
    # Its metrics, while it runs; then it is cancelled.
    tmux.press("4", "]")
    tmux.until_shown("accuracy", "validation loss")
    tmux.press("3", "c")
    tmux.until_shown("Cancel 1 run?")
    tmux.press("y")
    tmux.until_shown("Canceled", within=30)
    # The same on this machine, shorter.
    tmux.press("2", "Home", "s")
    tmux.until_shown("Submit a run", "train.py", "on local")
    tmux.press("Tab")
    tmux.type("--seconds 1")
    tmux.press("Enter")
    tmux.until_shown("Completed", within=30)
    # One that fails says why.
    tmux.press("s")
    tmux.until_shown("Submit a run", "train.py", "on local")
    tmux.press("BTab", "C-u")
    tmux.type("fail.py")
    tmux.press("Tab", "C-u", "Enter")
    tmux.until_shown("KeyError: 'petal'", within=30)
    # The first once more; then one leaves while it goes on, and the shell says so.
    tmux.press("3", "End", "r")
    tmux.until_shown("4 runs", "1 running", within=30)
    tmux.press("q")
    tmux.until_shown("goes on. `aml-tui` shows them again", within=30)
    assert tmux.flags() == "0 0 1"
