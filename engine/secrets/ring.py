"""Secrets in the person's keyring: Secret Service, KWallet, the macOS keychain, or what they configured.

A keyring belongs to a desktop and may want to ask its person something. On a machine reached over SSH nobody sees that
question, and the call never returns: so each runs on a thread of its own and is given up after a while.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from engine.secrets.errors import SecretsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyring.backend import KeyringBackend

T = TypeVar("T")
# Long enough to type the password of a keyring into the window it opens, seconds.
PATIENCE = 60.0
_SERVICE = "aml-tui"
_REMEDY = "Unlock it, or keep secrets in a file: set AML_TUI_KEYRING=off, then `aml engine restart`."
_NAMES = {"SecretService": "Secret Service", "libsecret": "Secret Service", "kwallet": "KWallet", "macOS": "Keychain"}
_REASONS = {"KeyringLocked": "it is locked", "NoKeyringError": "there is none"}


class Ring:
    """Blocking. Everything raises SecretsError when the keyring is locked, fails or does not answer.

    Of what a backend raises only the kind is told: its text could quote what was to be kept.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        # Held by the call on its way, so that a locked keyring opens one window, not one for each host.
        self._turn = threading.Lock()
        self._stuck = False
        self._backend: KeyringBackend | None = None
        self._members: list[KeyringBackend] = []

    def name(self) -> str | None:
        """What a person calls it; None when this machine has none."""
        if self._backend is None:
            self._ask("opened", self._found)
        return _name(self._members[0]) if self._members else None

    def get(self, reference: str) -> str | None:
        return self._ask("read", lambda: self._found().get_password(_SERVICE, reference))

    def put(self, reference: str, secret: str) -> None:
        self._ask("written", lambda: self._found().set_password(_SERVICE, reference, secret))

    def delete(self, reference: str) -> None:
        """One that is not there is fine."""

        def work() -> None:
            self._found()
            for member in self._members:
                _forget(member, reference)

        self._ask("written", work)

    def _found(self) -> KeyringBackend:
        if self._backend is None:
            import keyring

            found = keyring.get_keyring()
            # In this order: `name` reads them from other threads.
            self._members = _members(found)
            self._backend = found
        return self._backend

    def _ask(self, what: str, work: Callable[[], T]) -> T:
        if not self._turn.acquire(timeout=0 if self._stuck else self._patience):
            raise _failed(what, "it does not answer")
        self._stuck = False
        results: list[T] = []
        reasons: list[str] = []

        def run() -> None:
            try:
                results.append(work())
            except Exception as error:
                kind = type(error).__name__
                reasons.append(_REASONS.get(kind, kind))
            finally:
                self._turn.release()

        thread = threading.Thread(target=run, name="keyring", daemon=True)
        thread.start()
        thread.join(self._patience)
        if results:
            return results[0]
        # As long as that one waits, the next ones need not.
        self._stuck = not reasons
        raise _failed(what, reasons[0] if reasons else "it does not answer")


def _members(backend: KeyringBackend) -> list[KeyringBackend]:
    """The keyrings behind a chain of them, without the library's stand-ins for "none here"."""
    from keyring.backends import chainer, fail, null

    if isinstance(backend, chainer.ChainerBackend):
        return [member for one in backend.backends for member in _members(one)]
    return [] if isinstance(backend, fail.Keyring | null.Keyring) else [backend]


def _forget(backend: KeyringBackend, reference: str) -> None:
    if backend.get_password(_SERVICE, reference) is None:
        return
    try:
        backend.delete_password(_SERVICE, reference)
    except Exception:
        # Somebody else was quicker.
        if backend.get_password(_SERVICE, reference) is not None:
            raise


def _name(backend: KeyringBackend) -> str:
    module = type(backend).__module__.removeprefix("keyring.backends.").partition(".")[0]
    return _NAMES.get(module, str(backend.name))


def _failed(what: str, reason: str) -> SecretsError:
    return SecretsError(f"the keyring cannot be {what}: {reason}.", remedy=_REMEDY)
