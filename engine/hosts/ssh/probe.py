"""What a host says of itself in one session of its shell, before an agent is there."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import HostError, HostLost
from engine.hosts.ssh.channel import PATIENCE
from engine.plain import plain
from engine.timeouts import timeout

if TYPE_CHECKING:
    import asyncssh

MARK = "aml-probe "
# What start-up files print is counted up to this (bytes).
MOST_NOISE = 64 << 10
# `$1` is the Python to look at. Answers are lines of our own: what start-up files print is between them and is not
# read.
_SCRIPT = r"""
say() { printf "\naml-probe %s %s\n" "$1" "$2"; }
say begun .
say system "$(uname -s)"
say release "$(uname -r)"
say shell "$SHELL"
p=$1
case $p in "~/"*) p=$HOME/${p#"~/"};; esac
say python "$(command -v "$p" 2>/dev/null)"
say version "$("$p" -V 2>&1 </dev/null | head -n 1)"
say linger "$(loginctl show-user "$(id -un)" -p Linger 2>/dev/null)"
say kills "$(cat /etc/systemd/logind.conf /etc/systemd/logind.conf.d/*.conf 2>/dev/null |
  grep -i "^ *KillUserProcesses *=" | tail -n 1)"
say over .
"""
# `$1` is the public key. Known is one of the same type and content, whatever its comment.
_INSTALL = r"""
umask 077
key=$1
cd || exit 1
mkdir -p .ssh || exit 1
file=.ssh/authorized_keys
touch "$file" || exit 1
set -f
set -- $key
if grep -qF -- "$1 $2" "$file"; then printf "\naml-probe key there\n"; exit 0; fi
if test -s "$file" && test -n "$(tail -c 1 "$file")"; then echo >>"$file" || exit 1; fi
printf "%s\n" "$key" >>"$file" || exit 1
printf "\naml-probe key added\n"
"""


@dataclass(frozen=True)
class Probe:
    """`facts`: what was asked for, by name. `startup`: seconds until the shell had read its start-up files.

    `noise`: how many bytes those printed.
    """

    facts: dict[str, str] = field(default_factory=dict)
    startup: float = 0.0
    noise: int = 0


async def probe(connection: asyncssh.SSHClientConnection, name: str, python: str) -> Probe:
    """Ask. Raises HostError when the shell does not run our script, HostLost."""
    begun = time.monotonic()
    process = await _start(connection, name, _SCRIPT, python)
    facts: dict[str, str] = {}
    noise, startup = b"", 0.0
    try:
        while "over" not in facts:
            async with timeout(PATIENCE):
                line = await process.stdout.readline()
            if not line:
                raise await _unwilling(process, name, noise)
            text = line.decode("utf-8", "replace")
            if text.startswith(MARK):
                key, _, value = text[len(MARK) :].strip().partition(" ")
                startup = startup or time.monotonic() - begun
                facts[key] = plain(value)
            elif not facts:
                noise = (noise + line)[-MOST_NOISE:]
        await _ended(process)
    except asyncio.TimeoutError as error:
        raise HostLost(
            f"the shell of {name} said nothing for {PATIENCE:.0f} s.",
            where=name,
            remedy="See what its start-up files do (~/.bashrc, ~/.profile): one may wait for a terminal.",
        ) from error
    finally:
        process.close()
    return Probe(facts, startup, max(0, len(noise) - 1))


async def install_key(connection: asyncssh.SSHClientConnection, name: str, public: str) -> bool:
    """Have this public key in the user's authorized_keys. True when it was not there before."""
    process = await _start(connection, name, _INSTALL, public)
    try:
        async with timeout(PATIENCE):
            said = await process.stdout.read()
        await _ended(process)
    except asyncio.TimeoutError as error:
        raise HostLost(f"{name} did not take the key within {PATIENCE:.0f} s.", where=name) from error
    finally:
        process.close()
    if b"aml-probe key added" in said:
        return True
    if b"aml-probe key there" in said:
        return False
    raise HostError(
        f"the public key could not be written into ~/.ssh/authorized_keys of {name}.",
        where=name,
        remedy="See whether that file and folder belong to you there and the disk has room; or append the key by hand.",
    )


async def _start(
    connection: asyncssh.SSHClientConnection, name: str, script: str, *arguments: str
) -> asyncssh.SSHClientProcess[bytes]:
    """A script on the standard input of /bin/sh: there is nothing in it that a login shell could read otherwise."""
    import asyncssh

    command = "exec " + shlex.join(["/bin/sh", "-s", "--", *arguments])
    try:
        async with timeout(PATIENCE):
            process = await connection.create_process(command, encoding=None)
        # A shell that is gone already says why on its output, which is read next.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(script.encode("ascii"))
            process.stdin.write_eof()
        return process
    except asyncssh.ChannelOpenError as error:
        raise HostError(f"the server opened no session: {plain(error.reason)}.", where=name) from error
    except (asyncssh.Error, OSError) as error:
        raise HostLost(f"contact with {name} was lost: {plain(str(error))}", where=name) from error
    except asyncio.TimeoutError as error:
        raise HostLost(f"{name} opened no session within {PATIENCE:.0f} s.", where=name) from error


async def _ended(process: asyncssh.SSHClientProcess[bytes]) -> None:
    """A server that allows one session counts this one until its shell is gone."""
    async with timeout(PATIENCE):
        await process.wait_closed()


async def _unwilling(process: asyncssh.SSHClientProcess[bytes], name: str, noise: bytes) -> HostError:
    """The session ended before our script had: why, as far as it says."""
    await process.wait_closed()
    said = plain((noise + await process.stderr.read(2000)).decode("utf-8", "replace")).strip()
    if process.exit_status is None:
        return HostLost(f"contact with {name} was lost.", where=name)
    if "password change required" in said.lower():
        return HostError(
            f"the password for {name} has expired.", where=name, remedy="Log in once with `ssh` and choose another."
        )
    what = f', and said "{said[-200:]}"' if said else ""
    return HostError(
        f"the shell of {name} did not run our commands: it ended with status {process.exit_status}{what}.",
        where=name,
        remedy="The account needs a shell that runs commands (`getent passwd` shows which it has).",
    )
