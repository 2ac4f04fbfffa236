"""Which files of a project a run takes along: gitignore's rules, and what never leaves the machine.

In each folder `.amlignore` stands in for `.gitignore` when it is there. As in git, a deeper file's rules win over a
higher one's, the last matching rule of a file decides, and nothing inside an excluded folder can be brought back.
"""

from __future__ import annotations

import fnmatch
import os
from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec

if TYPE_CHECKING:
    from pathlib import Path

IGNORE_FILES = (".amlignore", ".gitignore")

# Names that are never taken, whatever the ignore files say: they exist to hold secrets.
SECRET_NAMES = (
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "*.ppk",
    ".netrc",
    "_netrc",
    ".pypirc",
    ".git-credentials",
    ".env",
    ".env.local",
    ".env.*.local",
    "accessTokens.json",
    "azureProfile.json",
    ".htpasswd",
    # What editors and careful people leave beside a .compute file, and a change of it that was cut short: the file may
    # have held a password. (The file itself never travels either, which needs no telling.)
    "*.compute[!a-zA-Z0-9]*",
)
SECRET_FOLDERS = frozenset({".ssh", ".gnupg", ".aws", ".azure"})
_KEY_MARK = b"PRIVATE KEY-----"
# A private key's first line stands at its very start; a file that only mentions one further down is not a key.
_KEY_HEAD = 256


def is_secret(name: str) -> bool:
    """Whether a file of this name exists to hold secrets."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in SECRET_NAMES)


def holds_private_key(head: bytes) -> bool:
    """Whether these first bytes of a file are those of a private key."""
    return head[:_KEY_HEAD].lstrip().startswith(b"-----BEGIN") and _KEY_MARK in head[:_KEY_HEAD]


class IgnoreRules:
    """The ignore files of a project, read as its folders are entered. Paths are relative to the project, with `/`."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._rules: list[tuple[str, GitIgnoreSpec]] = []
        for folder, prefix in _folders_above(project):
            self._add(folder, prefix)
        self._above = len(self._rules)
        self._prefix = _prefix_in_repository(project)

    def enter(self, folder: str) -> int:
        """Read the ignore file of a folder (relative; "" is the project). Returns what `leave` needs."""
        depth = len(self._rules)
        self._add(
            self._project / folder if folder else self._project, self._full(folder) + "/" if folder else self._prefix
        )
        return depth

    def leave(self, depth: int) -> None:
        del self._rules[depth:]

    def excludes(self, path: str, *, is_dir: bool) -> bool:
        """Whether the rules in force exclude this path."""
        full = self._full(path) + ("/" if is_dir else "")
        for prefix, spec in reversed(self._rules):
            if full.startswith(prefix):
                include = spec.check_file(full[len(prefix) :]).include
                if include is not None:
                    return include
        return False

    def _full(self, path: str) -> str:
        return self._prefix + path

    def _add(self, folder: Path, prefix: str) -> None:
        for name in IGNORE_FILES:
            try:
                text = (folder / name).read_text("utf-8", "surrogateescape")
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
                continue
            self._rules.append((prefix, GitIgnoreSpec.from_lines(text.removeprefix("\ufeff").splitlines())))
            return


def _repository(project: Path) -> Path | None:
    for folder in (project, *project.parents):
        if (folder / ".git").exists():
            return folder
    return None


def _prefix_in_repository(project: Path) -> str:
    top = _repository(project)
    inside = "" if top is None else os.fspath(project.relative_to(top))
    return "" if inside in ("", ".") else inside + "/"


def _folders_above(project: Path) -> list[tuple[Path, str]]:
    """The folders from the repository's top down to above the project, whose rules hold for it too."""
    top = _repository(project)
    if top is None or top == project:
        return []
    above = [folder for folder in project.parents if folder == top or top in folder.parents]
    return [(folder, "" if folder == top else os.fspath(folder.relative_to(top)) + "/") for folder in reversed(above)]
