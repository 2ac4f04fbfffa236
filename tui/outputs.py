"""What a run wrote into its outputs, as lines: from the folder here, or as its host lists it. Blocking."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from engine.errors import AmlError
from tui.log.ansi import folded
from tui.plain import plain
from tui.widgets.facts_pane import Fact
from tui.wording import count_of, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

# More is not looked at on a screen; the file itself can be fetched.
FILES, BYTES, LINES = 5000, 1 << 20, 5000


def listed_here(folder: Path) -> list[dict[str, Any]]:
    """What is in a folder of this machine, as `engine.hosts.host.Output` has it, each folder before what is in it."""
    found: list[dict[str, Any]] = []

    def walk(inside: Path) -> None:
        try:
            with os.scandir(inside) as listing:
                items = sorted(listing, key=lambda item: item.name)
        except OSError:
            return
        for item in items:
            if len(found) > FILES:
                return
            path = os.path.relpath(item.path, folder)
            if item.is_dir(follow_symlinks=False):
                found.append({"path": path, "kind": "dir", "size": 0})
                walk(inside / item.name)
            elif item.is_symlink():
                found.append({"path": path, "kind": "link", "size": 0, "target": str((inside / item.name).readlink())})
            else:
                info = item.stat(follow_symlinks=False)
                kind = "file" if stat.S_ISREG(info.st_mode) else "other"
                found.append({"path": path, "kind": kind, "size": info.st_size})

    walk(folder)
    return found


def tree(outputs: Sequence[Mapping[str, Any]], where: str, here: Iterable[str] | None = None) -> list[Fact]:
    """The lines of a listing. `here`: the paths that are on this machine as well; None: all are."""
    facts: list[Fact] = []
    files, total = 0, 0
    at_home = None if here is None else set(here)
    for one in sorted(outputs, key=lambda one: str(one["path"]).split("/"))[:FILES]:
        parts = str(one["path"]).split("/")
        pad, name = "  " * (len(parts) - 1), plain(parts[-1])
        if one["kind"] == "dir":
            facts.append(Fact("", f"{'':7}{pad}{name}/", "dim"))
        elif one["kind"] == "file":
            files += 1
            total += int(one["size"])
            away = "" if at_home is None or one["path"] in at_home else "  on its host"
            facts.append(Fact("", f"{size(int(one['size'])):>6} {pad}{name}{away}", "", str(one["path"])))
        else:
            leads = f" -> {plain(one.get('target') or '')}" if one["kind"] == "link" else " (not a file)"
            facts.append(Fact("", f"{'':7}{pad}{name}{leads}", "dim"))
    if facts:
        facts.append(Fact("", f"{size(total):>6} in {count_of(files, 'file')}, in {plain(where)}", "dim", ""))
    return facts


def beginning(path: Path) -> tuple[bytes, int]:
    """The first megabyte of a file, and its whole size. Raises OSError."""
    with path.open("rb") as file:
        return file.read(BYTES), os.fstat(file.fileno()).st_size


def text(name: str, data: bytes, whole: int) -> list[Fact]:
    """The lines of a file from its beginning; control characters are none of them."""
    facts = [Fact("", f"{plain(name)}  {size(whole)}", "mark")]
    if b"\0" in data[:4096]:
        return [*facts, Fact("", "this is not text", "dim")]
    lines = data.split(b"\n")
    facts += [Fact("", plain(folded(line).decode("utf-8", "replace"))) for line in lines[:LINES]]
    if whole > len(data) or len(lines) > LINES:
        facts.append(Fact("", "only its beginning is shown; v opens all of it, w copies it", "dim"))
    return facts


def bytes_under(folder: Path) -> int:
    """What is in a folder so far, with what is still on its way."""
    total = 0
    for path in folder.rglob("*"):
        try:
            info = path.lstat()
        except OSError:
            continue
        total += info.st_size if stat.S_ISREG(info.st_mode) else 0
    return total


def copied(source: Path, path: str, folder: Path) -> dict[str, Any]:
    """Copy outputs that are on this machine (all with path ""), as `engine.client.Client.fetch` answers it.

    Raises AmlError.
    """
    import shutil

    try:
        if not path:
            shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True)
            made = [one for one in listed_here(source) if one["kind"] == "file"]
            return {"files": len(made), "bytes": sum(one["size"] for one in made), "skipped": []}
        there = folder / path
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / path, there)
        return {"files": 1, "bytes": there.stat().st_size, "skipped": []}
    except shutil.Error as error:
        raise AmlError(f"not all was copied: {error.args[0][0][2]}.", where=str(folder)) from error
    except OSError as error:
        raise AmlError(f"it was not copied: {error.strerror}.", where=str(error.filename or folder)) from error
