"""The key store: in the person's keyring where there is one, otherwise in a file that they alone can read."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from engine.secrets import keys
from engine.secrets.errors import SecretsError
from engine.secrets.file import SecretsFile
from engine.secrets.references import new_reference
from engine.secrets.ring import Ring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.paths import Paths

VARIABLE = "AML_TUI_KEYRING"


class KeyStore:
    """Secrets by reference. Making one reads nothing; all else blocks, a locked keyring for as long as it is asked.

    `AML_TUI_KEYRING` is "auto" (a keyring where one is found), "off" (the file) or "on" (never the file).
    All methods may be called from several threads. All raise SecretsError when the store cannot be read or written.
    """

    def __init__(self, paths: Paths, environ: Mapping[str, str] = os.environ) -> None:
        self._setting = environ.get(VARIABLE, "").strip().lower() or "auto"
        self._file = SecretsFile(paths.data / "keys" / "secrets.json")
        self._ring = Ring()

    @property
    def where(self) -> str:
        """Where secrets are put, in words: "the keyring (Secret Service)", "the file ..., readable by you alone"."""
        ring = self._keyring()
        if ring is not None:
            return f"the keyring ({ring.name()})"
        return f"the file {self._file.path}, readable by you alone"

    def get(self, reference: str) -> str | None:
        """The secret; None when there is none under this reference."""
        # The file first: what is in it was put there later than what the keyring has, or before there was a keyring.
        damaged: SecretsError | None = None
        try:
            found = self._file.get(reference)
        except SecretsError as error:
            found, damaged = None, error
        if found is not None:
            return found
        ring = self._keyring()
        if ring is not None:
            found = ring.get(reference)
        if found is None and damaged is not None:
            raise damaged
        return found

    def put(self, reference: str, secret: str) -> None:
        """Keep a secret, in the place of what was there under this reference."""
        ring = self._keyring()
        if ring is None:
            self._file.put(reference, secret)
            return
        ring.put(reference, secret)
        # What is kept now must not be hidden by an older one; a file that cannot be read hides nothing.
        with contextlib.suppress(SecretsError):
            self._file.delete(reference)

    def delete(self, reference: str) -> None:
        """Forget a secret, wherever it is. One that is not there is fine."""
        self._file.delete(reference)
        ring = self._keyring()
        if ring is not None:
            ring.delete(reference)

    def make_key(self, comment: str, kind: str = "ed25519") -> str:
        """Make a key pair and keep its private key, in OpenSSH's format. Returns the reference to it.

        `kind` is "ed25519", or "rsa" for a server that takes nothing else. ValueError: another kind.
        """
        reference = new_reference(comment, f"ssh-{kind}")
        self.put(reference, keys.make(comment, kind))
        return reference

    def public_key(self, reference: str) -> str:
        """The public line of a made key, as it stands in `authorized_keys`, without a line end."""
        private = self.get(reference)
        line = None if private is None else keys.public_line(private)
        if line is None:
            raise SecretsError(
                "the key is not in the key store." if private is None else "what is kept here is no key made by us.",
                where=reference,
                remedy="Attach the target again with a new key.",
            )
        return line

    def _keyring(self) -> Ring | None:
        """The keyring when secrets go there."""
        if self._setting not in ("auto", "on", "off"):
            raise SecretsError(f"{VARIABLE} is {self._setting!r}.", remedy="Set it to auto, on or off.")
        if self._setting == "off":
            return None
        if self._ring.name() is not None:
            return self._ring
        if self._setting == "on":
            raise SecretsError(
                f"there is no keyring on this machine, and {VARIABLE} asks for one.",
                remedy=f"Set {VARIABLE}=auto to keep secrets in a file that you alone can read.",
            )
        return None
