"""What can go wrong with the key store."""

from __future__ import annotations

from engine.errors import AmlError


class SecretsError(AmlError):
    """The key store cannot be read or written.

    Never has a secret in its texts, and no other exception behind it that could have one.
    """

    code = "secrets"
