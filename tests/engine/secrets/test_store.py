"""The key store: which of its two places, and what happens when one fails. Nothing of it is told in an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null
from keyring.errors import InitError, KeyringLocked, PasswordDeleteError

from engine.secrets import KeyStore, SecretsError
from engine.secrets import ring as ring_module
from engine.secrets.ring import Ring
from tests.engine.secrets.test_file import assert_silent
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.paths import Paths

ROOT = Path(__file__).parents[3]
SECRET = "hunter2-ö"


class KeyringForTests(KeyringBackend):
    """In memory; `trouble` is raised by everything, `gate` holds everything up."""

    # The library does not offer it to other tests.
    viable = False
    priority = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.trouble: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.calls = 0

    def _enter(self) -> None:
        self.calls += 1
        self.gate.wait(30)
        if self.trouble is not None:
            raise self.trouble

    def get_password(self, service: str, username: str) -> str | None:
        self._enter()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._enter()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._enter()
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("no such password")


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> KeyringForTests:
    """This machine has a keyring."""
    backend = KeyringForTests()
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)
    return backend


def store(home: Paths, setting: str = "auto") -> KeyStore:
    return KeyStore(home, {"AML_TUI_KEYRING": setting})


def file_of(home: Paths) -> Path:
    return home.data / "keys" / "secrets.json"


def in_file(home: Paths) -> dict[str, str]:
    found: dict[str, str] = json.loads(file_of(home).read_bytes())["secrets"] if file_of(home).exists() else {}
    return found


def test_the_keyring_is_used_where_there_is_one(home: Paths, desktop: KeyringForTests) -> None:
    keys = store(home)
    assert keys.where == "the keyring (test store KeyringForTests)"
    assert keys.get("a") is None
    keys.put("a", SECRET)
    assert desktop.kept == {("aml-tui", "a"): SECRET}
    assert store(home).get("a") == SECRET
    keys.delete("a")
    keys.delete("a")
    assert desktop.kept == {}
    assert not file_of(home).parent.exists()


def test_off_is_the_file(home: Paths, desktop: KeyringForTests) -> None:
    keys = store(home, " OFF ")
    assert keys.where == f"the file {file_of(home)}, readable by you alone"
    keys.put("a", SECRET)
    assert keys.get("a") == SECRET
    keys.delete("a")
    assert keys.get("a") is None
    assert desktop.calls == 0


class _Chain(chainer.ChainerBackend):
    members: tuple[KeyringBackend, ...] = ()
    viable = False

    @property
    def backends(self) -> list[KeyringBackend]:
        return list(self.members)


def _chain(*members: KeyringBackend) -> _Chain:
    made = _Chain()
    made.members = members
    return made


@pytest.mark.parametrize(
    "stand_in",
    [fail.Keyring(), null.Keyring(), _chain(), _chain(fail.Keyring(), null.Keyring())],
    ids=["fail", "null", "empty chain", "chain of stand-ins"],
)
def test_stand_ins_are_no_keyring(home: Paths, monkeypatch: pytest.MonkeyPatch, stand_in: KeyringBackend) -> None:
    monkeypatch.setattr(keyring, "get_keyring", lambda: stand_in)
    keys = store(home)
    assert keys.where.startswith("the file ")
    keys.put("a", SECRET)
    assert in_file(home) == {"a": SECRET}
    assert keys.get("a") == SECRET
    with pytest.raises(SecretsError, match=r"there is no keyring on this machine.*AML_TUI_KEYRING=auto"):
        store(home, "on").put("b", "1")


def test_a_chain_of_keyrings(home: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = KeyringForTests(), KeyringForTests()
    monkeypatch.setattr(keyring, "get_keyring", lambda: _chain(null.Keyring(), first, second))
    keys = store(home, "on")
    assert keys.where == "the keyring (test store KeyringForTests)"
    second.kept["aml-tui", "a"] = SECRET
    assert keys.get("a") == SECRET
    # The library's own chain asks the first alone.
    keys.delete("a")
    assert second.kept == {}


def test_what_was_kept_in_the_file_stays_readable(home: Paths, desktop: KeyringForTests) -> None:
    store(home, "off").put("a", SECRET)
    keys = store(home)
    assert keys.get("a") == SECRET
    assert desktop.calls == 0
    keys.put("b", "2")
    assert (keys.get("a"), keys.get("b")) == (SECRET, "2")
    keys.delete("a")
    assert (keys.get("a"), in_file(home)) == (None, {})


def test_the_later_one_counts(home: Paths, desktop: KeyringForTests) -> None:
    for setting, secret in (("off", "1"), ("auto", "2"), ("off", "3"), ("on", "4")):
        store(home, setting).put("a", secret)
        assert store(home).get("a") == secret
    assert in_file(home) == {}


def test_a_damaged_file_does_not_hide_the_keyring(home: Paths, desktop: KeyringForTests) -> None:
    file_of(home).parent.mkdir()
    file_of(home).write_text('{"a": "hun')
    keys = store(home)
    keys.put("a", SECRET)
    assert keys.get("a") == SECRET
    with pytest.raises(SecretsError, match=r"secrets\.json: .* damaged"):
        keys.get("b")
    assert file_of(home).read_text() == '{"a": "hun'


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (KeyringLocked(f"locked, {SECRET}"), "it is locked"),
        (InitError(f"no, {SECRET}"), "InitError"),
        (RuntimeError(SECRET), "RuntimeError"),
        (UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, "odd"), "UnicodeDecodeError"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("setting", ["auto", "on"])
@pytest.mark.parametrize("act", ["get", "put", "delete", "make_key"])
def test_a_keyring_that_fails(
    home: Paths, desktop: KeyringForTests, act: str, setting: str, trouble: Exception, told: str
) -> None:
    desktop.trouble = trouble
    keys = store(home, setting)
    acts: dict[str, Callable[[], Any]] = {
        "get": lambda: keys.get("a"),
        "put": lambda: keys.put("a", SECRET),
        "delete": lambda: keys.delete("a"),
        "make_key": lambda: keys.make_key("a"),
    }
    with pytest.raises(SecretsError, match=f"the keyring cannot be .*{told}.*AML_TUI_KEYRING=off") as caught:
        acts[act]()
    assert_silent(caught.value, SECRET, locals_too=act != "put")
    assert caught.value.__context__ is None
    assert not file_of(home).exists()
    # A keyring that was unlocked is used again.
    desktop.trouble = None
    keys.put("a", SECRET)
    assert keys.get("a") == SECRET


def test_a_keyring_that_cannot_even_be_found(home: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> KeyringBackend:
        raise ImportError("no module of this name")

    monkeypatch.setattr(keyring, "get_keyring", broken)
    with pytest.raises(SecretsError, match=r"the keyring cannot be opened: ImportError.*AML_TUI_KEYRING=off"):
        _ = store(home).where
    store(home, "off").put("a", "1")


def test_deleted_by_another_at_the_same_moment(home: Paths, desktop: KeyringForTests) -> None:
    keys = store(home)
    keys.put("a", SECRET)
    plain = desktop.delete_password

    def late(service: str, username: str) -> None:
        desktop.kept.clear()
        plain(service, username)

    desktop.delete_password = late  # type: ignore[method-assign]
    keys.delete("a")


def test_a_keyring_that_does_not_delete(home: Paths, desktop: KeyringForTests) -> None:
    def refused(service: str, username: str) -> None:
        raise PasswordDeleteError(SECRET)

    desktop.delete_password = refused  # type: ignore[method-assign]
    keys = store(home)
    keys.put("a", SECRET)
    with pytest.raises(SecretsError, match="PasswordDeleteError"):
        keys.delete("a")


def test_a_keyring_that_never_answers_is_given_up(desktop: KeyringForTests) -> None:
    """As one whose window opens on a desktop where nobody sits."""
    ring = Ring(patience=0.2)
    ring.put("a", SECRET)
    desktop.gate.clear()
    calls = desktop.calls
    try:
        with pytest.raises(SecretsError, match="it does not answer"):
            ring.get("a")
        # The next ones are not kept waiting, and open no second window.
        ring._patience = 30.0
        before = time.monotonic()
        with pytest.raises(SecretsError, match="it does not answer"):
            ring.get("a")
        assert time.monotonic() - before < 15
        assert desktop.calls == calls + 1
    finally:
        desktop.gate.set()
    until(lambda: not ring._turn.locked())
    assert ring.get("a") == SECRET


def test_one_call_at_a_time(home: Paths, desktop: KeyringForTests) -> None:
    """A locked keyring asks its person once, not once for each host that connects."""
    keys = store(home)
    keys.put("a", SECRET)
    desktop.gate.clear()
    calls = desktop.calls
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(keys.get("a"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: desktop.calls > calls)
    assert desktop.calls == calls + 1
    desktop.gate.set()
    for thread in threads:
        thread.join()
    assert found == [SECRET] * 4


def test_an_unknown_setting(home: Paths) -> None:
    keys = store(home, "yes")
    with pytest.raises(SecretsError, match=r"AML_TUI_KEYRING is 'yes'. Set it to auto, on or off"):
        keys.put("a", "1")


def test_making_a_store_costs_nothing(home: Paths) -> None:
    code = (
        "import os, sys; from engine import paths; from engine.secrets import KeyStore; s = KeyStore(paths.current());"
        "os.environ['AML_TUI_KEYRING'] = 'off'; s = KeyStore(paths.current()); s.put('a', '1'); assert s.get('a');"
        "print(*sorted({'keyring', 'cryptography', 'asyncio', 'asyncssh', 'uuid'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


_BACKEND = """
import json, os
from keyring.backend import KeyringBackend
class Keyring(KeyringBackend):
    priority = 1
    path = os.environ["KEPT"]
    def _kept(self):
        return json.load(open(self.path)) if os.path.exists(self.path) else {}
    def get_password(self, service, username):
        return self._kept().get(username)
    def set_password(self, service, username, password):
        kept = {**self._kept(), username: password}
        with open(self.path, "w") as file:
            json.dump(kept, file)
    def delete_password(self, service, username):
        raise NotImplementedError
"""


@pytest.mark.parametrize("backend", ["keyring_of_a_test.Keyring", "keyring.backends.fail.Keyring"])
def test_found_the_way_the_library_finds_it(home: Paths, tmp_path: Path, backend: str) -> None:
    """In a process of its own, with nothing put in the place of anything."""
    (tmp_path / "keyring_of_a_test.py").write_text(_BACKEND)
    environ = {
        **os.environ,
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
        "PYTHON_KEYRING_BACKEND": backend,
        "KEPT": str(tmp_path / "kept"),
        "AML_TUI_KEYRING": "",
    }
    code = (
        "from engine import paths; from engine.secrets import KeyStore; s = KeyStore(paths.current());"
        "print(s.where); r = s.make_key('ada'); s.put('a', 'hunter2'); print(s.get('a'), s.public_key(r)[-4:])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    where, rest = done.stdout.splitlines()
    assert rest == "hunter2  ada"
    if backend.startswith("keyring_of"):
        assert where == "the keyring (keyring of a test Keyring)"
        assert len(json.loads((tmp_path / "kept").read_text())) == 2
        assert not file_of(home).exists()
    else:
        assert where == f"the file {file_of(home)}, readable by you alone"
        assert in_file(home)["a"] == "hunter2"


def test_names_a_person_knows() -> None:
    from keyring.backends import SecretService, kwallet

    assert ring_module._name(SecretService.Keyring()) == "Secret Service"
    assert ring_module._name(kwallet.DBusKeyring()) == "KWallet"


def test_nothing_is_told_by_printing(home: Paths, desktop: KeyringForTests) -> None:
    keys = store(home)
    keys.put("a", SECRET)
    store(home, "off").put("b", SECRET)
    keys.get("a"), keys.get("b")
    assert SECRET not in repr(keys) + repr(vars(keys)) + repr(keys._ring) + repr(keys._file)
