"""Secrets in a file that the person alone can read, for machines without a keyring.

Readers need no lock, since a file only ever takes the place of another whole one. Writers take turns.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from typing import TYPE_CHECKING, BinaryIO

from engine.secrets.errors import SecretsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VERSION = 1


class SecretsFile:
    """`{"version": 1, "secrets": {reference: secret}}`, with 0600 in a folder with 0700.

    Blocking. Everything raises SecretsError: the file cannot be opened, or is not what was written here. A file that
    is damaged is never written over, since what it held might still be got out of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, reference: str) -> str | None:
        with self._named("read"):
            return self._secrets().get(reference)

    def put(self, reference: str, secret: str) -> None:
        with self._named("written"), self._turn():
            self._change(reference, secret)

    def delete(self, reference: str) -> None:
        """Nothing is written, and no folder made, when it is not there."""
        with self._named("written"):
            if reference in self._secrets():
                with self._turn():
                    self._change(reference, None)

    def _change(self, reference: str, secret: str | None) -> None:
        """Apart, so that an error leaves the variable with all secrets behind."""
        secrets = self._secrets()
        if secrets.get(reference) != secret:
            kept = {name: one for name, one in secrets.items() if name != reference}
            self._write(kept if secret is None else {**kept, reference: secret})

    def _secrets(self) -> dict[str, str]:
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return {}
        with os.fdopen(file, "rb") as opened:
            self._close_to_others(file)
            found = _parsed(opened)
        if found is None:
            raise SecretsError(
                "the file with the secrets is damaged, or of a newer release; it is left as it is.",
                where=str(self.path),
                remedy="Put a copy of it back, or move it away: passwords are then asked for again and keys made anew.",
            )
        return found

    def _close_to_others(self, file: int) -> None:
        """A copy put back by hand, or a careless `chmod -R`, leaves them open: that is repaired, not refused."""
        if os.fstat(file).st_mode & 0o077:
            os.fchmod(file, 0o600)
        if self.path.parent.stat().st_mode & 0o077:
            self.path.parent.chmod(0o700)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """One writer at a time, of all processes and threads. The lock's file stays: another may wait for it."""
        folder = self.path.parent
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, secrets: dict[str, str]) -> None:
        # One name, so that what a killed writer left is taken away by the next one: it holds secrets too.
        new = self.path.with_suffix(".new")
        new.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(json.dumps({"version": _VERSION, "secrets": secrets}, indent=1).encode("ascii"))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                new.unlink()
            raise
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _named(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SecretsError(
                f"the file with the secrets cannot be {what}: {error.strerror}.",
                where=str(self.path),
                remedy="Check permissions and disk space.",
            ) from None


def _parsed(file: BinaryIO) -> dict[str, str] | None:
    """None for what was not written here. The parser's own error would carry the whole text: it ends here."""
    try:
        found = json.loads(file.read())
    except (ValueError, RecursionError):
        return None
    secrets = found.get("secrets") if isinstance(found, dict) and found.get("version") == _VERSION else None
    if not isinstance(secrets, dict) or not all(isinstance(secret, str) for secret in secrets.values()):
        return None
    return secrets
