"""Reading and writing what is edited. Blocking (files, the key store): called in a thread."""

from __future__ import annotations

import difflib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import AmlError, ProjectError
from engine.project.check_text import TARGET
from engine.project.edit import with_value
from engine.project.saving import replace_seen
from engine.secrets.references import is_reference, new_reference
from tui.editing.document import drawable
from tui.editing.masks import masked_lines
from tui.editing.rows import rows_of, texts_by_key
from tui.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from engine.paths import Paths

# Lines around a change that are shown with it.
AROUND = 2


@dataclass(frozen=True)
class Ready:
    """A text to be written, with the secrets that go to the key store before; `moved`: one of them was in the text."""

    text: str = field(repr=False)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    moved: bool = False


def ready(text: str, kind: str, name: str, typed: Mapping[str, Secret]) -> Ready:
    """The text as it may be saved: a password in a target's file gives its place to a reference.

    `name`: of the target. `typed`: secrets that were typed into the form, by their references.
    """
    said: Mapping[str, str] = {}
    with suppress(ProjectError):
        said = texts_by_key(rows_of(text, kind)) if kind == TARGET else {}
    secrets = {reference: secret for reference, secret in typed.items() if reference in text}
    password = said.get("password", "")
    if not password or is_reference(password):
        return Ready(text, secrets)
    reference = new_reference(name, said.get("username", ""))
    row = next(row for row in rows_of(text, kind) if row.id == "password")
    return Ready(with_value(text, row.path, reference), {**secrets, reference: Secret(password)}, True)


def write(paths: Paths, path: Path, data: bytes, seen: bytes | None, secrets: Mapping[str, Secret]) -> str:
    """Keep the secrets and replace the file that was read as `seen`; what the key store is called, if one is kept.

    All or nothing. A reference that nothing has any more goes with its secret. Raises ChangedOnDisk, ProjectError,
    SecretsError.
    """
    gone = _gone(path, data, seen)
    if not secrets and not gone:
        replace_seen(path, data, seen)
        return ""
    from engine.secrets import KeyStore

    keys = KeyStore(paths)
    try:
        for reference, secret in secrets.items():
            keys.put(reference, secret.reveal())
        replace_seen(path, data, seen)
    except BaseException:
        for reference in secrets:
            with suppress(AmlError):
                keys.delete(reference)
        raise
    for reference in gone:
        with suppress(AmlError):
            keys.delete(reference)
    return keys.where if secrets else ""


def _gone(path: Path, data: bytes, seen: bytes | None) -> list[str]:
    """The password's reference that the file had and that no target of the project has from now on."""
    if path.suffix != f".{TARGET}" or seen is None:
        return []
    try:
        before = texts_by_key(rows_of(seen.decode("utf-8", "replace"), TARGET)).get("password", "")
    except ProjectError:
        return []
    if not is_reference(before) or before.encode() in data:
        return []
    others = [one for one in path.parent.glob(f"*.{TARGET}") if one != path and one.is_file()]
    return [] if any(before.encode() in one.read_bytes() for one in others) else [before]


def diff_lines(before: str, after: str) -> Iterator[tuple[str, str]]:
    """What changed, as (sign, line): "@" says where, "-" what went, "+" what came, " " what is around. No secrets."""
    old, new = before.split("\n"), after.split("\n")
    shown_old, shown_new = masked_lines(old), masked_lines(new)
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(AROUND):
        yield "@", f"line {group[0][3] + 1}"
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                yield from ((" ", drawable(line)) for line in shown_new[new_from:new_to])
                continue
            yield from (("-", drawable(line)) for line in shown_old[old_from:old_to])
            yield from (("+", drawable(line)) for line in shown_new[new_from:new_to])
