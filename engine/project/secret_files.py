"""Files that exist to hold secrets: known by their names, or by how they begin. They never leave the machine."""

from __future__ import annotations

import fnmatch
import functools
import re

# Whatever the ignore files say. With a `/`: only in such a folder. No sign that git's patterns do not have.
SECRET_NAMES = (
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "*.ppk",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.kdbx",
    ".netrc",
    "_netrc",
    ".pypirc",
    ".pgpass",
    "pgpass.conf",
    ".my.cnf",
    ".mylogin.cnf",
    ".git-credentials",
    ".env",
    ".env.local",
    ".env.*.local",
    "accessTokens.json",
    "azureProfile.json",
    "credentials.json",
    "application_default_credentials.json",
    "client_secret*.json",
    "kaggle.json",
    ".s3cfg",
    ".boto",
    ".vault-token",
    ".htpasswd",
    ".dockercfg",
    ".docker/config.json",
    "kubeconfig",
    "kubeconfig.yaml",
    "kubeconfig.yml",
    "*.kubeconfig",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".gem/credentials",
    ".streamlit/secrets.toml",
    # What editors and careful people leave beside a .compute file, and a change of it that was cut short: the file may
    # have held a password. (The file itself never travels either, which needs no telling.)
    "*.compute[!a-zA-Z0-9]*",
)
SECRET_FOLDERS = frozenset({".ssh", ".gnupg", ".aws", ".azure", ".kube"})

# Files that are ordinary until somebody puts a token into them; one that an environment variable brings is none.
TOKENS = {
    ".npmrc": re.compile(rb"^[^#;\n]*_(?:authToken|auth|password)\s*=\s*[\"']?(?!\$\{)\S", re.MULTILINE),
    ".yarnrc.yml": re.compile(rb"^[^#\n]*npmAuth(?:Token|Ident)\s*:\s*[\"']?(?!\$\{)\S", re.MULTILINE),
    "pip.conf": re.compile(rb"^[^#\n]*://[^/\s@]+@", re.MULTILINE),
}
# So much of a file is looked at, bytes. A private key begins at its very start, a key of a service within this many;
# a file that only mentions one further down is not a key.
HEAD, _KEY_HEAD = 64 << 10, 512
_KEY_MARK = b"PRIVATE KEY-----"


def is_secret(path: str) -> bool:
    """Whether a file of this name, or of this path with `/`, exists to hold secrets."""
    parts = path.split("/")
    return any(names.match("/".join(parts[-depth - 1 :])) for depth, names in _patterns())


@functools.cache
def _patterns() -> tuple[tuple[int, re.Pattern[str]], ...]:
    """All names in one for each number of folders in them: every file of a snapshot is asked about."""
    by_depth: dict[int, list[str]] = {}
    for name in SECRET_NAMES:
        by_depth.setdefault(name.count("/"), []).append(fnmatch.translate(name))
    return tuple((depth, re.compile("|".join(names))) for depth, names in by_depth.items())


def secret_in(name: str, head: bytes) -> str:
    """What secret these first bytes of a file show, in words; "" for none."""
    start = head[:_KEY_HEAD]
    if _KEY_MARK in start and start.lstrip().startswith((b"-----BEGIN", b"{")):
        return "a private key"
    return "a token" if name in TOKENS and TOKENS[name].search(head) else ""
