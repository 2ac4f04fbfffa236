"""A real ssh-agent."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from tests.services import ownership
from tests.services.program import Program
from tests.waiting import until

if TYPE_CHECKING:
    from tests.services.people import KeyPair


class SshAgent(Program):
    """`socket`: what SSH_AUTH_SOCK names."""

    def __init__(self) -> None:
        self.root = ownership.new_folder("agent")
        super().__init__(self.root / "log")
        self.socket = self.root / "s"

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            ["ssh-agent", "-D", "-a", str(self.socket)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        until(self.socket.exists, 30, "ssh-agent's socket")

    def add(self, key: KeyPair, *options: str) -> None:
        """As `ssh-add` does; options of it: "-t", "60"."""
        self._ask(*options, str(key.path), data=f"{key.passphrase}\n")

    def fingerprints(self) -> list[str]:
        """`SHA256:...` of the keys it has."""
        said = self._ask("-l", empty_is_fine=True)
        return [line.split()[1] for line in said.splitlines() if "SHA256:" in line]

    def clear(self) -> None:
        self._ask("-D")

    def _ask(self, *arguments: str, data: str = "", empty_is_fine: bool = False) -> str:
        environ = {**os.environ, "SSH_AUTH_SOCK": str(self.socket)}
        # Without a terminal, and without a window to ask in, a passphrase is read from the input.
        environ.pop("DISPLAY", None)
        done = subprocess.run(
            ["ssh-add", *arguments], input=data, capture_output=True, text=True, env=environ, start_new_session=True
        )
        if done.returncode and not (empty_is_fine and done.returncode == 1):
            raise RuntimeError(f"ssh-add: {done.stderr.strip()}")
        return done.stdout

    def close(self) -> None:
        self.stop()
        ownership.remove_folder(self.root)
