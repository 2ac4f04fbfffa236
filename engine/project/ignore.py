"""Which files of a project a run takes along: gitignore's rules.

In each folder `.amlignore` stands in for `.gitignore` when it is there. As in git, a deeper file's rules win over a
higher one's, the last matching rule of a file decides, and nothing inside an excluded folder can be brought back.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec

from engine.errors import ProjectError
from engine.project.plain_files import read_bytes
from engine.project.secret_files import SECRET_FOLDERS, is_secret

if TYPE_CHECKING:
    from pathlib import Path

IGNORE_FILES = (".amlignore", ".gitignore")


def is_ours(path: str, *, is_dir: bool) -> bool:
    """What belongs to git or to this program: never taken, which needs no telling."""
    name = path.rpartition("/")[2]
    return name == ".git" or path == "outputs" or (not is_dir and name.endswith(".compute"))


@dataclass(frozen=True)
class Reason:
    """Why a file is left out, in words. `where` is the line of an ignore file: "sub/.amlignore:3", with an absolute
    path when it lies above the project; "" when it is no rule of theirs.
    """

    words: str
    where: str = ""


@dataclass(frozen=True)
class _IgnoreFile:
    """`prefix`: the paths it is about, relative to the repository's top. `lines`: the number of each pattern's line."""

    prefix: str
    spec: GitIgnoreSpec
    path: Path
    lines: tuple[tuple[int, str], ...]


class IgnoreRules:
    """The ignore files of a project, read as its folders are entered. Paths are relative to the project, with `/`."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._rules: list[_IgnoreFile] = []
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
        return self._excluding(path, is_dir) is not None

    def reason(self, path: str, *, is_dir: bool) -> Reason | None:
        """The rule in force that excludes this path."""
        found = self._excluding(path, is_dir)
        return None if found is None else self._rule(*found)

    def _excluding(self, path: str, is_dir: bool) -> tuple[_IgnoreFile, int | None] | None:
        full = self._full(path) + ("/" if is_dir else "")
        for one in reversed(self._rules):
            if full.startswith(one.prefix):
                found = one.spec.check_file(full[len(one.prefix) :])
                if found.include is not None:
                    return (one, found.index) if found.include else None
        return None

    def _rule(self, one: _IgnoreFile, index: int | None) -> Reason:
        number, text = one.lines[index or 0]
        inside = one.path.is_relative_to(self._project)
        shown = one.path.relative_to(self._project) if inside else one.path
        return Reason(f"the rule `{text}` leaves it out", f"{shown}:{number}")

    def _full(self, path: str) -> str:
        return self._prefix + path

    def _add(self, folder: Path, prefix: str) -> None:
        for name in IGNORE_FILES:
            try:
                text = read_bytes(folder / name).decode("utf-8", "surrogateescape")
            except ProjectError:
                continue
            lines = re.split(r"\r?\n", text.removeprefix("\ufeff"))
            # A line without anything makes no pattern.
            numbered = tuple((number, line) for number, line in enumerate(lines, 1) if line)
            spec = GitIgnoreSpec.from_lines(line for _, line in numbered)
            self._rules.append(_IgnoreFile(prefix, spec, folder / name, numbered))
            return


def left_out(project: Path, file: str) -> Reason | None:
    """Why no run takes along this file of the project, or what it is a link to. Blocking: reads the ignore files."""
    root = project.resolve()
    found = root / file
    for path in dict.fromkeys((found.parent.resolve() / found.name, found.resolve())):
        reason = _left_out(root, path.relative_to(root).parts) if path.is_relative_to(root) else None
        if reason is not None:
            return reason
    return None


def _left_out(project: Path, parts: tuple[str, ...]) -> Reason | None:
    rules = IgnoreRules(project)
    for depth, name in enumerate(parts, 1):
        rules.enter("/".join(parts[: depth - 1]))
        path, is_dir = "/".join(parts[:depth]), depth < len(parts)
        if is_ours(path, is_dir=is_dir):
            return Reason("`.git`, `outputs` and .compute files stay behind")
        rule = rules.reason(path, is_dir=is_dir)
        if rule is not None:
            return rule
        if name in SECRET_FOLDERS if is_dir else is_secret(path):
            return Reason("files of this name hold secrets")
    return None


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
