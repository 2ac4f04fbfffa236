"""The rows of a form: every documented key with what the text says of it, items of lists, keys that nobody documented.

A row knows where in the text it stands, and what to do to the text when a person changes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from engine import masking
from engine.errors import ProjectError
from engine.project.check_text import CONDA, CONFIGURATION, TARGET
from engine.project.compute import SSH_TYPES, TYPES
from engine.project.documented import (
    CHOICE,
    FLAG,
    LIST,
    LISTS,
    MAP,
    NESTED,
    NUMBER,
    OVER_SSH,
    PACKAGES,
    SECRET,
    SECTIONS,
    TEXT,
    Key,
    keys_of,
)
from engine.project.edit import compose, with_value
from engine.project.edit_items import with_item, with_new_item, without_item
from engine.project.fields import document_of
from engine.project.fields import plain as plain_value
from engine.project.runconfig import is_second
from engine.secrets.references import is_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What a row is. ADD: where a list gets one item more.
SECTION, KEY, ITEM, ADD = "section", "key", "item", "add"
PARTS = ("group", "artifact", "version")
# The mapping with pip's list is an item of conda's.
PIP = ("dependencies", "pip")
UNKNOWN = "This key is not documented. It is kept as it is."


@dataclass(frozen=True)
class Row:
    """One line of the form.

    `path` leads to the key's value in the text, `place` to an item of a list (a number) or mapping (its name). `value`
    is what the text has, "" where `given` is False; `line` counts from 1, 0 where there is none.
    """

    id: str
    what: str
    label: str
    key: Key
    path: tuple[str | int, ...] = ()
    place: int | str = ""
    value: str = field(default="", repr=False)
    given: bool = False
    line: int = 0
    depth: int = 0
    known: bool = True
    hidden: bool = False

    @property
    def secret(self) -> bool:
        """Whether its value is not to be seen: by its name, or (`hidden`) as an argument behind such an option."""
        if self.hidden:
            return True
        if self.key.kind == SECRET:
            return not is_reference(self.value)
        named = str(self.place) if self.what == ITEM and self.key.kind == MAP else self.label
        return self.what in (KEY, ITEM) and masking.is_secret(named) and not is_reference(self.value)

    @property
    def typed(self) -> bool:
        """Whether one types its value (others are turned, or hold rows of their own)."""
        if self.what in (ITEM, ADD):
            return True
        return self.what == KEY and self.known and self.key.kind not in (*LISTS, FLAG, NESTED)

    @property
    def turned(self) -> bool:
        return self.what == KEY and self.key.kind in (FLAG, CHOICE)


def rows_of(text: str, kind: str) -> list[Row]:
    """The rows for a text of this kind of file. Raises ProjectError when it is not YAML."""
    # The same reader as a submission's, which is quick, and refuses what has itself in it.
    document = document_of(text.encode("utf-8", "surrogateescape"), "")
    if document.fields is None:
        first = document.problems[0]
        raise ProjectError(first.message, where=f"line {first.line}" if first.line else "", remedy=first.remedy)
    root = document.fields.node
    pairs = _pairs(root)
    names = {name for name, _, _ in pairs}
    keys = keys_of(kind, kind == CONFIGURATION and is_second(names))
    if kind == TARGET:
        keys = _of_type(keys, root)
    rows: list[Row] = []
    section: tuple[str, ...] = ()
    seen: set[tuple[str, ...]] = set()
    for key in keys:
        above = key.path[:-1] if key.path != PIP else ()
        if above != section:
            section = above
            rows += _heading(above, root, seen) if above else []
        rows += _key_rows(key, root, kind, len(above))
        seen.add(tuple(part.lower() for part in key.path))
    rows += _unknown(pairs, keys)
    return rows


def _of_type(keys: tuple[Key, ...], root: yaml.Node | None) -> tuple[Key, ...]:
    """A target that is not reached over SSH needs nothing that is for those."""
    _, value, _ = _found(root, ("type",))
    type_ = value.value.strip().lower() if isinstance(value, yaml.ScalarNode) else ""
    if type_ not in TYPES or type_ in SSH_TYPES:
        return keys
    return tuple(replace(key, default="none") if key.effect == OVER_SSH and not key.default else key for key in keys)


def _pairs(node: yaml.Node | None) -> list[tuple[str, yaml.Node, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        return []
    return [(str(key.value), key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]


def _found(node: yaml.Node | None, path: Iterable[str]) -> tuple[yaml.Node | None, yaml.Node | None, list[str]]:
    """Key and value at a path as written (another case will do), and the path in the text's own spelling."""
    key: yaml.Node | None = None
    spelled: list[str] = []
    parts = list(path)
    for depth, part in enumerate(parts):
        pairs = _pairs(node)
        named = [one for one in pairs if one[0] == part] or [one for one in pairs if one[0].lower() == part.lower()]
        if not named:
            return None, None, [*spelled, *parts[depth:]]
        name, key, node = named[-1]
        spelled.append(name)
    return key, node, spelled


def _heading(path: tuple[str, ...], root: yaml.Node | None, seen: set[tuple[str, ...]]) -> list[Row]:
    found: list[Row] = []
    for depth in range(1, len(path) + 1):
        part = path[:depth]
        if part in seen:
            continue
        seen.add(part)
        name = ".".join(part)
        at, _, _ = _found(root, part)
        key = Key(part, NESTED, "", SECTIONS.get(name, ""))
        found.append(Row(f"# {name}", SECTION, part[-1], key, line=_line(at), depth=depth - 1))
    return found


def _key_rows(key: Key, root: yaml.Node | None, kind: str, depth: int) -> list[Row]:
    path: tuple[str | int, ...]
    if kind == CONDA and key.path == PIP:
        at, node, path = _pip(root)
    else:
        at, node, spelled = _found(root, key.path)
        path = tuple(spelled)
    name = ".".join(key.path)
    null = node is None or _is_null(node)
    value = "" if null or node is None else _shown(node, key)
    label = key.path[-1] if key.path != PIP else "pip"
    rows = [Row(name, KEY, label, key, path, value=value, given=not null, line=_line(at), depth=depth)]
    if key.kind in LISTS:
        rows += _items(key, name, node, path, depth + 1)
    return rows


def _pip(root: yaml.Node | None) -> tuple[yaml.Node | None, yaml.Node | None, tuple[str | int, ...]]:
    _, node, spelled = _found(root, ("dependencies",))
    for place, item in enumerate(node.value if isinstance(node, yaml.SequenceNode) else ()):
        at, found, _ = _found(item, ("pip",))
        if at is not None:
            return at, found, (spelled[0], place, "pip")
    return None, None, ()


def _items(key: Key, name: str, node: yaml.Node | None, path: tuple[str | int, ...], depth: int) -> list[Row]:
    rows: list[Row] = []
    if isinstance(node, yaml.MappingNode):
        rows = [
            Row(f"{name}/{one}", ITEM, one, key, path, one, _text(value), True, _line(at), depth)
            for one, at, value in {pair[0]: pair for pair in _pairs(node)}.values()
        ]
    elif isinstance(node, yaml.SequenceNode):
        for place, item in enumerate(node.value):
            if key.path == ("dependencies",) and isinstance(item, yaml.MappingNode):
                continue
            value = _package(item) if key.kind == PACKAGES else _text(item)
            hidden = key.kind == LIST and _hidden(value, rows[-1].value if rows else "")
            row = Row(f"{name}/{place}", ITEM, "-", key, path, place, value, True, _line(item), depth, hidden=hidden)
            rows.append(row)
    elif node is not None and not _is_null(node) and key.kind == LIST:
        rows = [Row(f"{name}/0", ITEM, "-", key, path, 0, _text(node), True, _line(node), depth)]
    return [*rows, Row(f"{name}/+", ADD, "+", key, path, line=0, depth=depth)]


def _hidden(value: str, before: str) -> bool:
    """Whether an argument is a secret, or has one in it."""
    option = before.startswith("-") and "=" not in before and masking.is_secret(before)
    name, equals, _ = value.partition("=")
    in_it = bool(equals) and value.startswith("-") and masking.is_secret(name)
    return (option and not value.startswith("--")) or in_it or masking.CREDENTIALS.search(value) is not None


def _unknown(pairs: Iterable[tuple[str, yaml.Node, yaml.Node]], keys: Iterable[Key]) -> list[Row]:
    known = {key.path[0].lower() for key in keys}
    rows = [
        Row(
            f"? {name}",
            KEY,
            name,
            Key((name,), NESTED, "", UNKNOWN),
            (name,),
            "",
            _text(value),
            True,
            _line(at),
            0,
            False,
        )
        for name, at, value in pairs
        if name.lower() not in known
    ]
    return [Row("# ?", SECTION, "kept as they are", Key((), NESTED, "", UNKNOWN)), *rows] if rows else []


def _shown(node: yaml.Node, key: Key) -> str:
    if key.kind in LISTS:
        count = len(node.value) if isinstance(node, yaml.CollectionNode) else 1
        if key.path == ("dependencies",) and isinstance(node, yaml.SequenceNode):
            count = sum(isinstance(one, yaml.ScalarNode) for one in node.value)
        return f"{count} item{'s' if count != 1 else ''}"
    return _text(node)


def _text(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return "" if _is_null(node) else str(node.value)
    return str(plain_value(node))


def _package(node: yaml.Node) -> str:
    parts = {name: _text(value) for name, _, value in _pairs(node)}
    return ":".join(parts.get(name, "") for name in PARTS) if isinstance(node, yaml.MappingNode) else _text(node)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _line(node: yaml.Node | None) -> int:
    return node.start_mark.line + 1 if node is not None else 0


# What a change does to the text. Each raises ProjectError for what cannot be.


def changed(text: str, row: Row, value: str) -> str:
    """The text with this value for a key or an item, or with one more item."""
    key = row.key
    if row.what == ADD:
        return _with_new(text, row, value)
    if row.what == ITEM and key.kind == MAP:
        return with_value(text, (*row.path, str(row.place)), value)
    if row.what == ITEM and key.kind == PACKAGES:
        return with_item(text, row.path, int(row.place), _parts(value))
    if row.what == ITEM:
        return with_item(text, row.path, int(row.place), value)
    return with_value(text, row.path, _typed(key, value))


def removed(text: str, row: Row) -> str:
    """The text without a key, however often it is given, or without an item."""
    if row.what == ITEM and row.key.kind != MAP:
        return without_item(text, row.path, int(row.place))
    path = (*row.path, str(row.place)) if row.what == ITEM else row.path
    while (shorter := with_value(text, path, None)) != text:
        text = shorter
    return text


def moved(text: str, row: Row, other: Row) -> str:
    """The text with two items of one list in each other's place; comments stay with the place."""
    text = changed(text, row, other.value)
    return changed(text, other, row.value)


def wrong(row: Row, value: str) -> str:
    """Why this cannot stand for a row, in words; "" when it can."""
    if row.what == ADD and row.key.kind == MAP and ("=" not in value or not value.partition("=")[0].strip()):
        return "Write NAME=value."
    if row.key.kind == PACKAGES and row.what in (ITEM, ADD):
        parts = [part.strip() for part in value.split(":")]
        return "" if len(parts) == len(PARTS) and all(parts) else "Write group:artifact:version."
    if row.what == ADD and not value.strip():
        return "Write something, or esc leaves it."
    if row.what == KEY and row.key.kind == NUMBER and value.strip():
        try:
            float(value)
        except ValueError:
            return "Write a number."
    return ""


def _parts(value: str) -> dict[str, str]:
    return dict(zip(PARTS, (part.strip() for part in value.split(":")), strict=False))


def _typed(key: Key, value: str) -> Any:
    """What is written for a key. An empty one is taken away, so that its default holds."""
    if not value and key.kind in (TEXT, NUMBER, CHOICE, FLAG, "file"):
        return None
    if key.kind == FLAG:
        return value == "true"
    if key.kind == NUMBER:
        try:
            return int(value)
        except ValueError:
            return float(value)
    return value


def _with_new(text: str, row: Row, value: str) -> str:
    key = row.key
    if key.kind == MAP:
        name, _, held = value.partition("=")
        return with_value(text, (*row.path, name.strip()), held)
    if key.path == PIP and not row.path:
        # The first of pip's: the list gets a place at the end of conda's.
        places = _length(text, ("dependencies",))
        return with_new_item(text, ("dependencies",), places, {"pip": [value]})
    place = _length(text, row.path)
    if key.path == ("dependencies",):
        # In front of pip's list, where a person would write it.
        items = [one for one in rows_of(text, CONDA) if one.what == ITEM and one.key.path == key.path]
        place = int(items[-1].place) + 1 if items else 0
    return with_new_item(text, row.path, place, _parts(value) if key.kind == PACKAGES else value)


def _length(text: str, path: tuple[str | int, ...]) -> int:
    node: Any = compose(text)
    for part in path:
        if isinstance(part, int):
            node = node.value[part]
        else:
            _, node, _ = _found(node, (part,))
    if isinstance(node, yaml.SequenceNode):
        return len(node.value)
    return 1 if node is not None and not _is_null(node) else 0


def texts_by_key(rows: Iterable[Row]) -> Mapping[str, str]:
    """What keys say, by their names joined by dots; those that are not there are left out."""
    return {row.id: row.value for row in rows if row.what == KEY and row.given}


def choices_of(row: Row, offered: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """What a row may be turned to; what it is now is among them."""
    if row.key.kind == FLAG:
        return ("true", "false")
    names = row.key.choices or offered.get(row.key.offered, ())
    return names if not row.given or row.value in names else (row.value, *names)
