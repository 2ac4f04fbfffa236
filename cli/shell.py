"""`aml computetarget shell` and `public-key`: a target's machine by hand, with OpenSSH's own client."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.places import Place
from engine.errors import AmlError, NotFound
from engine.plain import plain
from engine.project.folder import open_project
from engine.project.machine import SSH_CONFIG
from engine.secrets import KeyStore

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from engine.paths import Paths
    from engine.project.compute import ComputeTarget
    from engine.project.machine import Machine

# So long the private agent lets a key be used: it is needed for logging in alone (s).
USABLE = 600


def shell(options: argparse.Namespace) -> int:
    """ssh's own exit code."""
    place = Place(options)
    target = open_project(place.the_project()).target(options.name.removesuffix(".compute"))
    machine = target.machine
    command = ssh_command(machine)
    if machine.private_key:
        with _agent(place.paths, _private_key(KeyStore(place.paths), target)) as socket:
            return _run([*command[:-2], *through(socket), *command[-2:]])
    if machine.password:
        sys.stderr.write("ssh will ask for the password: it takes none from the key store\n")
    sys.stderr.flush()
    try:
        os.execvp(command[0], command)  # noqa: S606 - an argv, no shell
    except FileNotFoundError:
        raise _no_client(command[0]) from None


def ssh_command(machine: Machine) -> list[str]:
    """OpenSSH's client with what a `.compute` file says of the machine; the rest it has from its own configuration."""
    command = ["ssh"]
    if os.environ.get(SSH_CONFIG):
        command += ["-F", os.environ[SSH_CONFIG]]
    if machine.port is not None:
        command += ["-p", str(machine.port)]
    if machine.username:
        command += ["-l", machine.username]
    if machine.private_key_file:
        command += ["-i", machine.private_key_file]
    if machine.jump_host:
        command += ["-J", machine.jump_host]
    return [*command, "--", machine.address]


def through(socket: Path) -> list[str]:
    """Options for a key in an agent of its own: found whatever the configuration says, and handed on to nobody."""
    return ["-o", f"IdentityAgent={socket}", "-o", "IdentitiesOnly=no", "-o", "ForwardAgent=no"]


def _private_key(keys: KeyStore, target: ComputeTarget) -> str:
    key = keys.get(target.private_key)
    if key is None:
        raise NotFound(
            f"the key of {target.name!r} is not in {keys.where}.",
            where=target.file,
            remedy=f"`aml computetarget detach -n {target.name}`, then attach it again with -k.",
        )
    return key


@contextlib.contextmanager
def _agent(paths: Paths, key: str) -> Iterator[Path]:
    """An ssh-agent that has this key and nothing else; its socket. The key gets there by a pipe, never by a file.

    The agent belongs to a process that ends with this one, however it ends, and ends with it.
    """
    import subprocess

    paths.make()
    socket = paths.runtime / f"ssh-{os.getpid()}"
    socket.unlink(missing_ok=True)
    try:
        holder = subprocess.Popen(
            ["ssh-agent", "-a", str(socket), "sh", "-c", 'echo "$SSH_AGENT_PID"; exec cat'],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # ctrl+c is for what runs on the other machine.
            start_new_session=True,
        )
    except FileNotFoundError:
        raise _no_client("ssh-agent") from None
    with holder:
        assert holder.stdin is not None and holder.stdout is not None
        pid = holder.stdout.readline().strip()
        if not pid.isdigit():
            raise AmlError("ssh-agent did not start.", where=str(socket), remedy="`ssh-agent` by hand says why.")
        try:
            done = subprocess.run(
                ["ssh-add", "-q", "-t", str(USABLE), "-"],
                input=key.encode(),
                env={**os.environ, "SSH_AUTH_SOCK": str(socket)},
                capture_output=True,
                check=False,
            )
            if done.returncode:
                raise AmlError(f"ssh-add does not take the key: {plain(done.stderr.decode(errors='replace').strip())}.")
            yield socket
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGTERM)
            holder.stdin.close()


def _run(command: list[str]) -> int:
    import subprocess

    sys.stdout.flush()
    # Handlers of ours do not pass to the child, unlike SIG_IGN: there these signals do what they do.
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda *_: None)
    try:
        process = subprocess.Popen(command)
    except FileNotFoundError:
        raise _no_client(command[0]) from None
    for number in (signal.SIGHUP, signal.SIGTERM):
        # ssh leaves the terminal as it was, and then the agent is ended.
        signal.signal(number, lambda number, _: process.send_signal(number))
    code = process.wait()
    return code if code >= 0 else 128 - code


def _no_client(name: str) -> NotFound:
    return NotFound(f"there is no {name} on this machine.", remedy="Install OpenSSH's client (openssh-client).")


def public_key(options: argparse.Namespace) -> int:
    """The line for `~/.ssh/authorized_keys` on stdout."""
    place = Place(options)
    target = open_project(place.the_project()).target(options.name.removesuffix(".compute"))
    machine = target.machine
    if machine.private_key:
        line = KeyStore(place.paths).public_key(machine.private_key)
    elif machine.private_key_file:
        beside = Path(f"{machine.private_key_file}.pub")
        line = beside.read_text(encoding="utf-8", errors="replace").strip()
    else:
        raise NotFound(
            f"the target {target.name!r} has no key of its own.",
            where=target.file,
            remedy="Attach it with -k to have one made.",
        )
    sys.stdout.write(f"{plain(line)}\n")
    return 0
