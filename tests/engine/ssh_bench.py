"""A project with a target on a real SSH server, and an engine inside the test's own process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engine.conftest import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.services.people import KeyPair, Person
    from tests.services.sshd import Sshd

COMPUTE = """\
type: remote
address: {address}
username: {user}
privateKeyFile: {key}
slots: 8
"""
CONFIG = """\
ArgumentVector:
  - "$file"
Target: far
Framework: Python
PrepareEnvironment: false
TrackedRun: true
"""


class SshBench(Bench):
    """As `Bench`; the configuration `far` runs on `far`, which is alice on a server of the tests' own."""

    def __init__(self, project: Path, paths: Paths, sshd: Sshd, alice: Person, key: KeyPair) -> None:
        super().__init__(project, paths)
        self.sshd = sshd
        self.alice = alice
        (project / "aml_config" / "far.runconfig").write_text(CONFIG)
        (project / "aml_config" / "far.compute").write_text(
            COMPUTE.format(address=f"{sshd.address}:{sshd.port}", user=alice.name, key=key.path)
        )

    @property
    def host(self) -> str:
        return f"{self.alice.name}@{self.sshd.address}:{self.sshd.port}"

    @property
    def root(self) -> Path:
        """Where everything of ours is in alice's home."""
        return self.alice.home / ".local/share/aml-tui"

    def host_log(self, run: Run) -> bytes:
        return (self.root / "runs" / run.id / "logs/driver.log").read_bytes()


def ssh_config(folder: Path, sshd: Sshd) -> Path:
    """An SSH configuration that knows this server's host key and no key or agent of whoever runs the tests."""
    known = folder / "known_hosts"
    known.write_text(sshd.known_hosts())
    config = folder / "ssh_config"
    nothing = "  GlobalKnownHostsFile none\n  IdentityFile none\n  IdentityAgent none\n"
    config.write_text(f"Host *\n  UserKnownHostsFile {known}\n{nothing}")
    return config
