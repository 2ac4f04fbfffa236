"""A project with an engine that does as it is told, and a key store of its own, for commands about targets."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from engine.project.folder import open_project
from engine.secrets import KeyStore
from tests.cli.fake_engine import FakeEngine, frame

if TYPE_CHECKING:
    from engine.project.compute import ComputeTarget
    from tests.cli.conftest import Done, Shell

SECRET = "correct horse 4711"
BOX = ("-a", "gpu-box", "-u", "ann")
HALF = frame(resolve="ok", tcp="ok", host_key="working")
BEGUN = frame(resolve="ok", tcp="working")
REFUSED = frame(
    "failed",
    resolve="ok",
    tcp={"state": "failed", "detail": "connection refused", "remedy": "Is sshd running on port 22?"},
    shell="skipped",
)


class Bench:
    """A project, an engine that does as it is told, and a key store in a file."""

    def __init__(self, shell: Shell, engine: FakeEngine) -> None:
        self.shell = shell
        self.engine = engine
        self.keys = KeyStore(shell.paths)
        self.config = shell.project / "aml_config"

    def aml(self, *arguments: str, stdin: str = "", **environ: str) -> Done:
        return self.shell.aml("computetarget", *arguments, stdin=stdin, env={**os.environ, **environ})

    def target(self, name: str = "vm") -> ComputeTarget:
        return open_project(self.shell.project).target(name)

    def files(self) -> set[str]:
        return {path.name for path in self.config.iterdir()} - {"local.compute", "local.runconfig"}

    def secrets(self) -> dict[str, str]:
        """Everything in the key store."""
        file = self.shell.paths.data / "keys" / "secrets.json"
        return json.loads(file.read_text())["secrets"] if file.exists() else {}

    def begun(self) -> dict[str, Any]:
        """What the one attempt was asked for."""
        (args,) = self.engine.of("begin")
        return args

    def put(self, text: str, name: str = "vm") -> None:
        """A target's file."""
        (self.config / f"{name}.compute").write_text(f"{text}\n")

    def attach_with_password(self) -> str:
        """A target `vm` with a password; the reference to it."""
        attach = ("attach", "remote", "-n", "vm", *BOX, "--password-stdin", "--no-test")
        done = self.aml(*attach, stdin=f"{SECRET}\n")
        assert done.code == 0, done.err
        return self.target().password
