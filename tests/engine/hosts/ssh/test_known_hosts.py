"""known_hosts files as they are met, beside what `ssh-keygen` makes of them."""

from __future__ import annotations

import base64
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from engine.errors import HostError
from engine.hosts.ssh import known_hosts
from engine.hosts.ssh.known_hosts import Entry, Key
from tests.services.people import make_key

if TYPE_CHECKING:
    from pathlib import Path

BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
KEY = Key("ssh-ed25519", base64.b64decode(BLOB))


def entry(names: str) -> Entry:
    return Entry("file", 1, "", names, KEY)


@pytest.mark.parametrize(
    ("names", "name", "matches"),
    [
        ("gpu-box", "gpu-box", True),
        ("GPU-Box", "gpu-box", True),
        ("gpu-box", "gpu-box2", False),
        ("a,b,gpu-box", "gpu-box", True),
        ("*.example", "gpu.example", True),
        ("gpu?", "gpu1", True),
        ("gpu?", "gpu", False),
        ("*.example,!gpu.example", "gpu.example", False),
        ("!gpu.example,*.example", "cpu.example", True),
        ("[gpu]:2222", "[gpu]:2222", True),
        ("[gpu]:2222", "g", False),
        ("gpu", "[gpu]:2222", False),
        ("[fe80::1]:2222", "[fe80::1]:2222", True),
        ("|1|not base64|at all", "gpu", False),
        ("|2|AAAA|AAAA", "gpu", False),
    ],
)
def test_for_whom_a_line_is(names: str, name: str, matches: bool) -> None:
    assert entry(names).matches(name) is matches


@pytest.mark.parametrize("name", ["gpu-box", "[gpu-box]:2222", "[::1]:22222"])
def test_hashed_names_are_openssh_s(tmp_path: Path, ssh_needed: None, name: str) -> None:
    file = tmp_path / "known_hosts"
    known_hosts.add(str(file), name, KEY, hashed=True)
    found = subprocess.run(["ssh-keygen", "-f", str(file), "-F", name], capture_output=True, text=True)
    assert f"{name} found: line 1" in found.stdout
    (tmp_path / "plain").write_text(f"{name} {KEY.text}\n")
    command = ["ssh-keygen", "-q", "-H", "-f", str(tmp_path / "plain")]
    subprocess.run(command, check=True, capture_output=True)
    (hashed,) = known_hosts.read([str(tmp_path / "plain")])
    assert hashed.names.startswith("|1|")
    assert hashed.matches(name)


def test_lines_that_nobody_understands_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_bytes(
        b"# a remark\n\n"
        b"gpu\n"
        b"gpu ssh-ed25519 not-base64!\n"
        b"@unheard-of gpu ssh-ed25519 " + BLOB.encode() + b"\n"
        b"\xff\xfe\x0b\x85 binary\n"
        b"  gpu   ssh-ed25519\t" + BLOB.encode() + b"  alice's box\r\n"
        b"@revoked * ssh-ed25519 " + BLOB.encode()
    )
    found = known_hosts.read([str(file), str(tmp_path / "absent")])
    assert [(one.line, one.marker, one.names) for one in found] == [(7, "", "gpu"), (8, "@revoked", "*")]
    assert found[0].key == KEY
    assert found[0].place == f"{file}:7"


def test_a_key_is_written_once(tmp_path: Path) -> None:
    file = tmp_path / "ssh" / "known_hosts"

    def add(number: int) -> str:
        return known_hosts.add(str(file), f"gpu{number % 4}", KEY, hashed=bool(number % 2))

    with ThreadPoolExecutor(8) as pool:
        places = set(pool.map(add, range(64)))
    assert places == {f"{file}:{line}" for line in range(1, 5)}
    assert len(file.read_text().splitlines()) == 4
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_last_line_without_its_end_stays_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"cpu {KEY.text}")
    assert known_hosts.add(str(file), "gpu", KEY, hashed=False) == f"{file}:2"
    assert file.read_text() == f"cpu {KEY.text}\ngpu {KEY.text}\n"


def test_fingerprints_and_names_of_keys(tmp_path: Path, ssh_needed: None) -> None:
    for kind in ("ed25519", "rsa", "ecdsa"):
        pair = make_key(tmp_path / kind, kind)
        (tmp_path / "known").write_text(f"gpu {pair.public}\n")
        (found,) = known_hosts.read([str(tmp_path / "known")])
        assert found.key.fingerprint == pair.fingerprint
        assert found.key.title == kind.upper()


def test_a_list_of_revoked_keys_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="No such file"):
        known_hosts.revoked_keys(str(tmp_path / "absent"))
    (tmp_path / "krl").write_bytes(b"SSHKRL\n\0\0\0\0\1")
    with pytest.raises(HostError, match="only OpenSSH reads"):
        known_hosts.revoked_keys(str(tmp_path / "krl"))
