"""The lines of a `pip:` list, brought into one form; files of this machine that they name are found and sent along."""

from __future__ import annotations

import hashlib
import os
import re
import urllib.parse
from dataclasses import dataclass, field

from engine.errors import ProjectError

_COMMENT = re.compile(r"(^|\s+)#.*$")
_NAMED = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?)\s*@\s*(?P<url>\S+)(?P<rest>.*)$")
_VERSIONED = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<extras>\[[^\]]*\])?\s*(?P<versions>[=<>!~(].*)?$")
_ARCHIVE = re.compile(r"\.(?:whl|zip|tar\.gz|tgz|tar\.bz2|tar\.xz)(?:\[[^\]]*\])?$", re.IGNORECASE)
_EXTRAS = re.compile(r"\[[^\]]*\]$")
# "user:password@host", "token@host" of the web, and conda's "/t/token/"; "git@host" of ssh is no secret.
_PASSWORD = re.compile(r"://[^/@\s:]*:[^/@\s]+@|https?://[^/@\s]+@|://[^/\s]+/t/[^/\s]+/")
_DEEPEST = 10


@dataclass(frozen=True)
class SentFile:
    """A file of this machine that goes into the build: its absolute path, its name there, the digest of its bytes."""

    path: str = field(compare=False)
    name: str
    sha256: str


@dataclass(frozen=True)
class Requirements:
    """Lines of a requirements file, the files sent along with it, and where each line is written."""

    lines: tuple[str, ...]
    sent: tuple[SentFile, ...]
    places: dict[str, str]


def read_requirements(project: os.PathLike[str], file: str, lines: tuple[tuple[str, str], ...]) -> Requirements:
    """Bring (line, place) pairs of `file` (relative to the project) into one form. Blocking.

    A wheel or source archive may be named relative to the file's folder or to the project's. Raises ProjectError for
    what does not exist on this machine, or cannot be sent (folders, editable installs).
    """
    reader = _Reader(os.path.abspath(project))
    for line, place in lines:
        reader.read(line, place, os.path.dirname(os.path.join(reader.project, file)), 0)
    return Requirements(tuple(reader.lines), tuple(reader.sent.values()), reader.places)


@dataclass
class _Reader:
    project: str
    lines: list[str] = field(default_factory=list)
    sent: dict[str, SentFile] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def read(self, text: str, place: str, folder: str, depth: int) -> None:
        line = " ".join(_COMMENT.sub("", text).split())
        if not line:
            return
        if line.startswith("-"):
            self._option(line, place, folder, depth)
        else:
            self._add(self._requirement(line, place, folder), place)

    def _add(self, line: str, place: str) -> None:
        refuse_passwords(line, place)
        self.lines.append(line)
        self.places.setdefault(line, place)

    def _option(self, line: str, place: str, folder: str, depth: int) -> None:
        option, value = _split_option(line)
        if option in ("-r", "--requirement"):
            self._include(value, place, folder, depth)
        elif option in ("-c", "--constraint") and "://" not in value:
            self._add(f"-c {self._send(value, place, folder)}", place)
        elif option in ("-e", "--editable") and "://" not in value:
            raise ProjectError(
                f"an editable install ({value!r}) cannot be part of an environment.",
                where=place,
                remedy="Name a wheel of it (`pip wheel --no-deps .` makes one), or leave it to the run's own folder.",
            )
        elif option in ("-f", "--find-links", "-i", "--index-url", "--extra-index-url") and _is_local(value):
            raise ProjectError(
                f"{option} names {value!r} on this machine, which the build cannot see.",
                where=place,
                remedy="Name the wheels themselves, one a line: they are sent along.",
            )
        else:
            self._add(f"{option} {value}".rstrip(), place)

    def _include(self, value: str, place: str, folder: str, depth: int) -> None:
        path = self._find(value, place, folder)
        shown = os.path.relpath(path, self.project)
        if depth >= _DEEPEST:
            raise ProjectError(f"{shown} includes itself, or too deeply.", where=place, remedy="Remove the `-r` line.")
        try:
            with open(path, encoding="utf-8-sig") as stream:
                content = stream.read()
        except (OSError, UnicodeDecodeError) as error:
            raise ProjectError(f"{shown} cannot be read: {error}.", where=place) from error
        number, joined = 0, ""
        for number, one in enumerate(content.splitlines(), 1):
            joined += one
            if joined.endswith("\\"):
                joined = joined[:-1] + " "
                continue
            self.read(joined, f"{shown}:{number}:1", os.path.dirname(path), depth + 1)
            joined = ""
        self.read(joined, f"{shown}:{number}:1", os.path.dirname(path), depth + 1)

    def _requirement(self, line: str, place: str, folder: str) -> str:
        head, semicolon, marker = _split_marker(line)
        named = _NAMED.match(head)
        if named is not None:
            url = named["url"]
            if _is_local(url):
                # pip takes no relative path after `@`: the file alone says the same.
                return f"{self._send(url, place, folder)}{named['rest']}{semicolon}{marker}"
            return f"{named['name'].replace(' ', '')} @ {url}{named['rest']}{semicolon}{marker}"
        if _is_local(head) or (_ARCHIVE.search(head) and "://" not in head):
            return f"{self._send(head, place, folder)}{semicolon}{marker}"
        versioned = _VERSIONED.match(head)
        if versioned is None:
            return f"{head}{semicolon}{marker}"
        parts = (versioned["name"], versioned["extras"], versioned["versions"])
        options = ""
        versions = parts[2] or ""
        if " --" in versions:
            versions, _, rest = versions.partition(" --")
            options = f" --{rest}"
        return "".join(part.replace(" ", "") for part in (parts[0], parts[1] or "", versions)) + (
            f"{options}{semicolon}{marker}"
        )

    def _send(self, value: str, place: str, folder: str) -> str:
        """The name that a file of this machine has in the build."""
        extras = _EXTRAS.search(value)
        path = self._find(value[: extras.start()] if extras else value, place, folder)
        if path not in self.sent:
            digest = hashlib.sha256()
            try:
                with open(path, "rb") as stream:
                    while chunk := stream.read(1 << 20):
                        digest.update(chunk)
            except OSError as error:
                raise ProjectError(f"{value!r} cannot be read: {error.strerror}.", where=place) from error
            name = f"sent/{digest.hexdigest()[:16]}/{os.path.basename(path)}"
            self.sent[path] = SentFile(path, name, digest.hexdigest())
        return f"./{self.sent[path].name}{extras.group() if extras else ''}"

    def _find(self, value: str, place: str, folder: str) -> str:
        written = value.strip("\"'")
        if written.startswith("file:"):
            written = urllib.parse.unquote(urllib.parse.urlsplit(written).path)
        written = os.path.expanduser(written)
        for base in (folder, self.project):
            path = os.path.normpath(os.path.join(base, written))
            if os.path.isfile(path):
                return path
            if os.path.isdir(path):
                raise ProjectError(
                    f"{value!r} is a folder; only files can be sent into an environment.",
                    where=place,
                    remedy="Name a wheel of it; `pip wheel --no-deps FOLDER` makes one.",
                )
        raise ProjectError(
            f"there is no file {value!r} on this machine.",
            where=place,
            remedy="Paths are relative to the dependency file or to the project folder.",
        )


def refuse_passwords(text: str, place: str) -> None:
    """Raise ProjectError for an address with a password or token in it: it would be in images and in the history."""
    if _PASSWORD.search(text):
        raise ProjectError(
            "there is a password or token in this address; it would stay in the environment and in the run history.",
            where=place,
            remedy="Take it out, and put it into the base image, or on the head node into the person's own settings: "
            "pip.conf or .netrc for pip, .condarc for conda.",
        )


def _split_option(line: str) -> tuple[str, str]:
    if line.startswith("--"):
        option, _, value = (
            line.replace("=", " ", 1).partition(" ") if "=" in line.split(" ")[0] else line.partition(" ")
        )
    else:
        option, value = line[:2], line[2:]
    return option, value.strip()


def _split_marker(line: str) -> tuple[str, str, str]:
    """A requirement, "; " and its environment marker, both empty when there is none."""
    if "://" in line or _NAMED.match(line):
        head, mark, marker = line.partition(" ;")
    else:
        head, mark, marker = line.partition(";")
    return head.strip(), "; " if mark else "", marker.strip()


def _is_local(value: str) -> bool:
    return value.startswith((".", "/", "~", "file:", "'", '"'))
