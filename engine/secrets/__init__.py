"""Passwords and private keys, kept outside of projects. What a project's files hold is a reference to them."""

from engine.secrets.errors import SecretsError
from engine.secrets.references import is_reference, new_reference, standing_reference
from engine.secrets.store import KeyStore

__all__ = ["KeyStore", "SecretsError", "is_reference", "new_reference", "standing_reference"]
