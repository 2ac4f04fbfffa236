"""A Docker Engine of the tests' own, and images to start from that need no registry."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services import ownership
from tests.services.program import Program
from tests.services.rootfs import bare_tar, empty_tar, python_tar
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.services.network import FarMachine

# Where Debian's certificates are, in the images as on this machine.
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class DockerEngine(Program):
    """dockerd on a socket and a data folder of its own, which survives being killed and started again.

    `disk`: the size of a file system for its data alone, as mount has it ("300m"). `machine`: where it runs, if not on
    this one. `group`: who may use its socket beside root; a Person's own group has the person's name.
    """

    def __init__(self, disk: str = "", machine: FarMachine | None = None, group: str = "") -> None:
        self.root = ownership.new_folder("docker")
        super().__init__(self.root / "log")
        self.socket = self.root / "s"
        self.url = f"unix://{self.socket}"
        self._machine = machine
        self._group = group
        # To the socket, and no look around.
        self.root.chmod(0o711 if group else 0o700)
        self._config = self.root / "config"
        self._config.mkdir()
        if disk:
            (self.root / "data").mkdir()
            command = ["mount", "-t", "tmpfs", "-o", f"size={disk}", "tmpfs", str(self.root / "data")]
            subprocess.run(command, check=True, capture_output=True)

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        flags = {"host": self.url, "data-root": "data", "exec-root": "exec", "pidfile": "pid"}
        command = ["dockerd", "--live-restore", "--bridge=none", "--iptables=false"]
        for name, value in flags.items():
            command += [f"--{name}", value if "://" in value else str(self.root / value)]
        command += ["--group", self._group] if self._group else []
        command = self._machine.command(*command) if self._machine else command
        (self.root / "pid").unlink(missing_ok=True)
        until(self._containerd_is_clear, 30)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until(self._answers, 60)

    def _containerd_is_clear(self) -> bool:
        """A killed daemon's containerd dies with it; while nobody has reaped it, a new daemon would wait for it."""
        file = self.root / "exec/containerd/containerd.pid"
        try:
            state = Path(f"/proc/{file.read_text()}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            state = "Z"
        if state == "Z":
            file.unlink(missing_ok=True)
        return state == "Z"

    def _answers(self) -> bool:
        if self.gone:
            raise RuntimeError(f"dockerd ended:\n{self.log()[-2000:]}")
        return self._ask("version").returncode == 0

    def _ask(self, *arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        environ = {**os.environ, "DOCKER_CONFIG": str(self._config), "DOCKER_BUILDKIT": "0"}
        return subprocess.run(["docker", "-H", self.url, *arguments], input=data, capture_output=True, env=environ)

    def docker(self, *arguments: str, data: bytes | None = None) -> str:
        """What the `docker` command says to this; raises when it fails."""
        result = self._ask(*arguments, data=data)
        if result.returncode:
            raise RuntimeError(f"docker {' '.join(arguments)}: {result.stderr.decode(errors='replace')}")
        return result.stdout.decode(errors="replace").strip()

    def has(self, image: str) -> bool:
        return self._ask("image", "inspect", image).returncode == 0

    def build(self, tag: str, dockerfile: str) -> str:
        """An image made from one that is here."""
        self.docker("build", "--network", "none", "-t", tag, "-", data=dockerfile.encode())
        return tag

    def build_from(self, tag: str, files: Mapping[str, bytes]) -> str:
        """An image made by the `Dockerfile` among these files, which it can copy."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(data), 0o644
                tar.addfile(info, io.BytesIO(data))
        self.docker("build", "--network", "none", "-t", tag, "-", data=buffer.getvalue())
        return tag

    def load(self, tag: str, tar: Path, *changes: str) -> str:
        """An image from a file system, unless it is there."""
        if not self.has(tag):
            options = [item for change in changes for item in ("--change", change)]
            self.docker("import", *options, str(tar), tag)
        return tag

    def containers(self) -> list[str]:
        """Names of all containers."""
        return self.docker("ps", "-a", "--format", "{{.Names}}").split()

    def close(self) -> None:
        """End the daemon, what it keeps running, and remove all of it."""
        if self.running:
            with contextlib.suppress(RuntimeError):
                names = self.docker("ps", "-aq").split()
                if names:
                    self.docker("rm", "-f", *names)
        self.stop()
        # containerd and shims of a daemon that was killed run on, and containers cut off at their start wait for it.
        ownership.remove_folder(self.root)


def missing() -> str:
    """Why there can be no Docker Engine here, or ""."""
    if os.getuid():
        return "only root can start a Docker Engine"
    lacking = [name for name in ("dockerd", "docker", "docker-init") if shutil.which(name) is None]
    return f"not installed: {', '.join(lacking)} (apt-get install docker.io)" if lacking else ""


def python_image(engine: DockerEngine) -> str:
    """Debian's Python with venv and pip, a shell and nothing more; the certificates are this machine's."""
    variables = f"ENV SSL_CERT_FILE={CERTIFICATES} PIP_CERT={CERTIFICATES}"
    return engine.load("aml-test/python:2", python_tar(), PATH, variables)


def bare_image(engine: DockerEngine) -> str:
    """A shell, no Python."""
    return engine.load("aml-test/bare:1", bare_tar(), PATH)


def empty_image(engine: DockerEngine) -> str:
    """One program, `/busybox`; neither shell nor Python."""
    return engine.load("aml-test/empty:4", empty_tar())


def other_user_image(engine: DockerEngine) -> str:
    """Python, for a user of its own."""
    python = python_image(engine)
    tag = "aml-test/other-user:1"
    return tag if engine.has(tag) else engine.build(tag, f"FROM {python}\nUSER 4321:4321\nWORKDIR /tmp\n")


def wait_for_state(engine: DockerEngine, container: str, state: str, seconds: float = 30) -> None:
    until(lambda: engine.docker("inspect", "-f", "{{.State.Status}}", container) == state, seconds)
