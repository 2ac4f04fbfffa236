"""Keys that OpenSSH itself takes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from engine.secrets import KeyStore, SecretsError, is_reference
from engine.secrets.keys import make, public_line

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths

KINDS = {"ed25519": ("ssh-ed25519", 256, "ED25519"), "rsa": ("ssh-rsa", 3072, "RSA")}


def ssh_keygen(*arguments: str) -> str:
    return subprocess.run(["ssh-keygen", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def written(folder: Path, private: str) -> str:
    path = folder / "key"
    path.write_text(private)
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def store(home: Paths) -> KeyStore:
    return KeyStore(home, {"AML_TUI_KEYRING": "off"})


@pytest.mark.parametrize("kind", KINDS)
def test_openssh_and_asyncssh_take_it(store: KeyStore, tmp_path: Path, kind: str) -> None:
    import asyncssh

    word, bits, name = KINDS[kind]
    reference = store.make_key("ada@jump-box für gpu", kind)
    assert is_reference(reference)
    private = store.get(reference)
    assert private is not None
    public = store.public_key(reference)
    assert public.startswith(f"{word} AAAA")
    assert public.endswith(" ada@jump-box für gpu")
    key = written(tmp_path, private)
    assert ssh_keygen("-y", "-P", "", "-f", key) == public
    (tmp_path / "key.pub").write_text(public + "\n")
    told = ssh_keygen("-l", "-f", key + ".pub").split()
    assert (told[0], told[-1], told[2]) == (str(bits), f"({name})", "ada@jump-box")
    # The private key itself passes OpenSSH's checks: it signs, and the public line verifies.
    (tmp_path / "text").write_text("signed")
    ssh_keygen("-Y", "sign", "-f", key, "-n", "test", str(tmp_path / "text"))
    (tmp_path / "signers").write_text(f"ada {' '.join(public.split()[:2])}\n")
    with open(tmp_path / "text") as text:
        subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "signers", "-I", "ada", "-n", "test", "-s",
             tmp_path / "text.sig"],
            stdin=text, check=True, capture_output=True,
        )  # fmt: skip
    imported = asyncssh.import_private_key(private)
    assert imported.get_comment() == "ada@jump-box für gpu"
    assert imported.export_public_key().decode().split()[1] == public.split()[1]


@pytest.mark.parametrize("comment", ["", "x", "1234567", "12345678", "x" * 300])
def test_every_length_of_a_comment(tmp_path: Path, comment: str) -> None:
    private = make(comment, "ed25519")
    line = public_line(private)
    assert line is not None
    assert line.split(" ", 2)[2:] == ([comment] if comment else [])
    assert ssh_keygen("-y", "-P", "", "-f", written(tmp_path, private)) == line
    assert max(len(one) for one in private.splitlines()) <= 70


def test_a_comment_stays_on_its_line() -> None:
    line = public_line(make("ada\nssh-ed25519 AAAA evil\r\x1b[2J\u2028x", "ed25519"))
    assert line is not None
    assert line.split(" ", 2)[2] == "ada ssh-ed25519 AAAA evil  x"
    assert len(line.splitlines()) == 1


def test_each_key_is_another(store: KeyStore) -> None:
    first, second = store.make_key("a"), store.make_key("a")
    assert first != second
    assert store.public_key(first) != store.public_key(second)
    assert store.get(first) != store.get(second)


def test_there_are_two_kinds(store: KeyStore, home: Paths) -> None:
    with pytest.raises(ValueError, match="'dsa' is no kind of key"):
        store.make_key("a", "dsa")
    assert not (home.data / "keys").exists()


def test_what_is_no_key_of_ours(store: KeyStore, tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match="gone: the key is not in the key store"):
        store.public_key("gone")
    ssh_keygen("-q", "-t", "ed25519", "-N", "pass", "-f", str(tmp_path / "locked"))
    ssh_keygen("-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "ecdsa"))
    whole = make("a", "ed25519").splitlines()
    broken = [
        "hunter2",
        (tmp_path / "locked").read_text(),
        (tmp_path / "ecdsa").read_text(),
        "\n".join(whole[1:]),
        "\n".join([*whole[:2], whole[-1]]),
        "\n".join([whole[0], "".join(whole[1:-1])[:-16], whole[-1]]),
        "\n".join([whole[0], "*", *whole[1:]]),
    ]
    for secret in broken:
        store.put("it", secret)
        with pytest.raises(SecretsError, match="it: what is kept here is no key made by us") as caught:
            store.public_key("it")
        assert caught.value.__context__ is None
        assert secret not in repr(caught.value)


def test_openssh_s_own_key_is_read_too(store: KeyStore, tmp_path: Path) -> None:
    ssh_keygen("-q", "-t", "ed25519", "-N", "", "-C", "ada box", "-f", str(tmp_path / "own"))
    store.put("own", (tmp_path / "own").read_text())
    assert store.public_key("own") == (tmp_path / "own.pub").read_text().strip()
