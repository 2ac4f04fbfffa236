"""System users of the tests' own, and keys as `ssh-keygen` makes them."""

from __future__ import annotations

import itertools
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services import ownership

if TYPE_CHECKING:
    from collections.abc import Sequence

# userdel's answer for somebody who is not there.
ABSENT = 6
_numbers = itertools.count(1)


@dataclass(frozen=True)
class KeyPair:
    """`path`: the private key's file; the public one is beside it, ending in `.pub`."""

    path: Path
    passphrase: str = field(default="", repr=False)

    @property
    def public(self) -> str:
        """The line of it: "ssh-ed25519 AAAA... comment"."""
        return self.path.with_name(f"{self.path.name}.pub").read_text().strip()

    @property
    def fingerprint(self) -> str:
        """`SHA256:...` as ssh-keygen tells it."""
        return _said("ssh-keygen", "-lf", f"{self.path}.pub").split()[1]


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "", comment: str = "tests") -> KeyPair:
    """A new pair, in the place of one that is there. kind: "ed25519", "rsa" (3072 bits), "ecdsa"."""
    path.unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-t", kind, "-C", comment, "-f", str(path)]
    # A passphrase is asked for twice; it is nothing for a command line.
    if passphrase:
        subprocess.run(command, input=f"{passphrase}\n" * 2, text=True, check=True, capture_output=True)
    else:
        subprocess.run([*command, "-N", ""], check=True, capture_output=True)
    return KeyPair(path, passphrase)


class Person:
    """A system user with a home of their own and bash for a shell; `remove` ends every process of theirs.

    The name is `<label>-<pid>-<number>`; `password`: "" for none that would fit. `groups`: further groups.
    """

    def __init__(self, label: str = "alice", password: str = "", groups: Sequence[str] = ()) -> None:
        self.name = f"{label}-{os.getpid()}-{next(_numbers)}"
        self.password = ""
        self._root = ownership.new_folder(label)
        self.home = self._root / "home"
        command = ["useradd", "-m", "-d", str(self.home), "-s", "/bin/bash", "-U", "-c", ownership.mark()]
        command += ["-G", ",".join(groups)] if groups else []
        try:
            # Of many who add users at once, some would be told to come back later.
            with ownership.alone():
                _said(*command, self.name)
            about = self.home.stat()
            self.uid, self.gid = about.st_uid, about.st_gid
            if password:
                self.set_password(password)
        except BaseException:
            self.remove()
            raise

    def set_password(self, password: str) -> None:
        with ownership.alone():
            _said("chpasswd", data=f"{self.name}:{password}\n")
        self.password = password

    def expire_password(self) -> None:
        """A new one is demanded first: at every login of a server with PAM, else only at one by password."""
        with ownership.alone():
            _said("passwd", "--quiet", "--expire", self.name)

    def write(self, path: str, text: str, mode: int = 0o644) -> Path:
        """A file of theirs, in their home; folders on the way are made for them alone."""
        file = self.home / path
        for folder in reversed(file.relative_to(self.home).parents[:-1]):
            if not (self.home / folder).exists():
                (self.home / folder).mkdir(mode=0o700)
                os.chown(self.home / folder, self.uid, self.gid)
        file.write_text(text)
        file.chmod(mode)
        os.chown(file, self.uid, self.gid)
        return file

    def set_bashrc(self, text: str) -> None:
        """What bash runs for each session of an SSH server, in place of Debian's."""
        self.write(".bashrc", text)

    def set_shell(self, path: str) -> None:
        """The login shell, one of this machine."""
        with ownership.alone():
            _said("usermod", "-s", path, self.name)

    def authorize(self, *keys: KeyPair | str, options: str = "") -> None:
        """Let the owners of these in, and no others. options: as in authorized_keys, `command="..."`."""
        lines = [key if isinstance(key, str) else key.public for key in keys]
        self.write(".ssh/authorized_keys", "".join(f"{options} {line}".strip() + "\n" for line in lines), 0o600)

    def authorized(self) -> list[str]:
        """The lines of authorized_keys."""
        file = self.home / ".ssh/authorized_keys"
        return file.read_text().splitlines() if file.exists() else []

    def run(self, *command: str) -> str:
        """What a command says that this person runs in their home; raises when it fails."""
        environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.home), "USER": self.name}
        done = subprocess.run(
            command,
            capture_output=True,
            check=True,
            cwd=self.home,
            env=environ,
            user=self.uid,
            group=self.gid,
            extra_groups=os.getgrouplist(self.name, self.gid),
        )
        return done.stdout.decode(errors="replace").strip()

    def processes(self) -> dict[int, str]:
        """Pid and command line of what they run."""
        return {pid: _command_line(pid) for pid in ownership.processes(_of(self.uid))}

    def end_processes(self) -> None:
        ownership.end(_of(self.uid))

    def remove(self) -> None:
        remove_user(self.name)
        ownership.remove_folder(self._root)


def _of(uid: int) -> ownership.Which:
    def look(entry: Path) -> bool:
        found = [line.split()[1:] for line in (entry / "status").read_text().splitlines() if line.startswith("Uid:")]
        return str(uid) in found[0]

    return look


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def remove_user(name: str) -> None:
    """End what they run and remove them; who is not there is fine."""
    for line in Path("/etc/passwd").read_text().splitlines():
        if line.startswith(f"{name}:"):
            ownership.end(_of(int(line.split(":")[2])))
    with ownership.alone():
        done = subprocess.run(["userdel", "--force", name], capture_output=True, text=True)
    if done.returncode not in (0, ABSENT):
        raise RuntimeError(f"userdel {name}: {done.stderr}")


def sweep_users() -> None:
    """Remove the users of test processes that were killed."""
    for line in Path("/etc/passwd").read_text().splitlines():
        name, _, uid, _, comment, *_ = line.split(":")
        if ownership.is_left(comment) and int(uid):
            remove_user(name)


def _said(*command: str, data: str = "") -> str:
    done = subprocess.run(command, input=data, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
