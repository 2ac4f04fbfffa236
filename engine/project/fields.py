"""YAML files read with the place of each value, so that every complaint names its line.

Reading is liberal: a BOM, CRLF, tabs around comments, quoted keys, no newline at the end and keys in another case are
taken as they were meant. What is odd but usable is a warning.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from engine.errors import ProjectError
from engine.project.plain_files import read_bytes
from engine.project.problems import Problem
from engine.project.yaml_errors import kind_of_trouble, place_of, remedy_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_Number = TypeVar("_Number", int, float)

# Values in a file. A few lines of aliases can stand for more than any machine holds.
_LARGEST = 100_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TABS = re.compile(r"^[ \t]*\t[ \t]*(?=#|$)|(?<=\S)[ ]*\t[ \t]*(?=#|$)", re.MULTILINE)
_TRUE, _FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})


@dataclass
class Document:
    """A YAML file: its top-level mapping as `Fields`, and what is wrong with it. `fields` is None when unreadable."""

    file: str
    fields: Fields | None
    problems: list[Problem]


@dataclass
class Fields:
    """A mapping being read key by key; `rest` gives what nobody asked for. `seen` grows with each question."""

    file: str
    node: yaml.MappingNode
    problems: list[Problem]
    path: str = ""
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._nodes: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        self._parts: dict[str, Fields] = {}
        for key, value in self.node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in self._nodes:
                self.complain(key, f"the key {name!r} is given twice.", "Remove one; the last one counts.", "warning")
            self._nodes[name] = (key, value)

    def complain(self, node: yaml.Node, message: str, remedy: str, severity: str = "error") -> None:
        mark = node.start_mark
        self.problems.append(Problem(self.file, mark.line + 1, mark.column + 1, message, remedy, severity))

    def line(self, key: str) -> tuple[int, int]:
        """Line and column of a key's value, (0, 0) when it is not there."""
        node = self.find(key)
        return (node.start_mark.line + 1, node.start_mark.column + 1) if node is not None else (0, 0)

    def has(self, key: str) -> bool:
        return self.find(key) is not None

    def find(self, key: str) -> yaml.Node | None:
        """The value's node; None when the key is absent or its value is null."""
        found = self._nodes.get(key)
        if found is None:
            for name, pair in self._nodes.items():
                if name.lower() == key.lower():
                    found = pair
                    if name not in self.seen:
                        self.complain(
                            pair[0], f"the key {name!r} is written {key!r}.", "It is read as meant.", "warning"
                        )
                    self.seen.add(name)
        self.seen.add(key)
        if found is None or _is_null(found[1]):
            return None
        return found[1]

    def text(self, key: str, default: str = "") -> str:
        node = self.find(key)
        if node is None:
            return default
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        self.complain(node, f"{self.named(key)} must be a text.", "Give one value on the same line.")
        return default

    def maybe(self, key: str) -> str | None:
        return self.text(key) if self.has(key) else None

    def flag(self, key: str, default: bool) -> bool:
        node = self.find(key)
        if node is None:
            return default
        word = node.value.lower() if isinstance(node, yaml.ScalarNode) else ""
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        self.complain(node, f"{self.named(key)} must be true or false.", "Write `true` or `false`.")
        return default

    def number(self, key: str, default: float | None = None, *, least: float = 0) -> float | None:
        value = self._number(key, float, "a number", least)
        return default if value is None else value

    def count(self, key: str, default: int = 1, *, least: int = 1) -> int:
        value = self._number(key, int, "a whole number", least)
        return default if value is None else value

    def _number(self, key: str, read: Callable[[str], _Number], what: str, least: float) -> _Number | None:
        """None when it is absent, and when it is wrong, which is complained of."""
        node = self.find(key)
        if node is None:
            return None
        try:
            value = read(node.value) if isinstance(node, yaml.ScalarNode) else None
        except ValueError:
            value = None
        if value is None or not least <= value < math.inf:
            self.complain(node, f"{self.named(key)} must be {what} of at least {least:g}.", "Write it in digits.")
            return None
        return value

    def choice(self, key: str, words: tuple[str, ...]) -> str:
        """One of these words, in any case; the first when absent."""
        given = self.text(key, words[0])
        node = self.find(key)
        for word in words:
            if given.strip().lower() == word:
                return word
        assert node is not None
        self.complain(node, f"{self.named(key)} must be one of: {', '.join(words)}.", "Correct it.")
        return words[0]

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts; numbers in it keep the form they are written in. None when absent."""
        node = self.find(key)
        if node is None:
            return None
        if isinstance(node, yaml.ScalarNode):
            return (str(node.value),)
        if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
            return tuple("" if _is_null(item) else str(item.value) for item in node.value)
        self.complain(node, f"{self.named(key)} must be a list of texts.", "Write one item a line, each after `- `.")
        return None

    def mapping(self, key: str) -> dict[str, str]:
        """A mapping of texts to texts, each value as it is written: `0123` and `yes` stay what they are."""
        node = self.find(key)
        if node is None:
            return {}
        if isinstance(node, yaml.MappingNode):
            found: dict[str, str] = {}
            for name, value in node.value:
                if isinstance(value, yaml.ScalarNode) and isinstance(name, yaml.ScalarNode):
                    found[name.value] = "" if _is_null(value) else value.value
                else:
                    self.complain(value, f"{self.named(key)} must hold texts only.", "Write `NAME: value` lines.")
            return found
        self.complain(node, f"{self.named(key)} must be a mapping.", "Write `NAME: value` lines below it, indented.")
        return {}

    def part(self, key: str) -> Fields:
        """A nested mapping to be read in its turn; an empty one when it is absent or something else."""
        node = self.find(key)
        if node is not None and not isinstance(node, yaml.MappingNode):
            self.complain(node, f"{self.named(key)} must be a mapping.", "Write its keys below it, indented.")
            node = None
        part = Fields(self.file, node or _nothing(), self.problems, f"{self.path}{key}.")
        self._parts[key] = part
        return part

    def parts(self) -> dict[str, Fields]:
        """Each key's nested mapping, where people choose the keys."""
        return {name: self.part(name) for name in self._nodes}

    def rest(self) -> dict[str, Any]:
        """Keys nobody asked for, with their values as YAML means them; those of parts that were read in theirs."""
        asked = {one.lower() for one in self.seen}
        found = {name: plain(value) for name, (_, value) in self._nodes.items() if name.lower() not in asked}
        below = {key: part.rest() for key, part in self._parts.items()}
        return {**{key: rest for key, rest in below.items() if rest}, **found}

    def named(self, key: str) -> str:
        """What a complaint calls a key."""
        return f"`{self.path}{key}`"


def without_tabs(text: str) -> str:
    """The text with spaces for tabs around comments and at line ends, each character in its place.

    YAML forbids tabs as indentation; around a comment they mean nothing, and people's files have them there.
    """
    return _TABS.sub(lambda match: " " * len(match.group()), text)


def read_document(path: Path, file: str) -> Document:
    """Read one file; whatever is wrong with it becomes a `Problem`, never an exception."""
    problems: list[Problem] = []
    try:
        data = read_bytes(path)
    except ProjectError as error:
        problems.append(Problem(file, 0, 0, error.message, error.remedy))
        return Document(file, None, problems)
    return document_of(data, file)


def document_of(data: bytes, file: str) -> Document:
    """The same of bytes that may not be on the disk yet. `file` is what problems call it."""
    problems: list[Problem] = []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        problems.append(Problem(file, line, 1, "the file is not UTF-8 text.", "Save it as UTF-8."))
        return Document(file, None, problems)
    try:
        node = yaml.compose(without_tabs(text), Loader=_LOADER) or _nothing()
        weight = _weight(node, {})
    except (yaml.YAMLError, RecursionError) as error:
        said, remedy = f"this is not YAML: {kind_of_trouble(error)}.", remedy_for(error, text)
        problems.append(Problem(file, *place_of(error), said, remedy))
        return Document(file, None, problems)
    if not isinstance(node, yaml.MappingNode):
        problems.append(Problem(file, 1, 1, "the file must hold `key: value` lines.", "See the README's list of keys."))
        return Document(file, None, problems)
    if weight >= _LARGEST:
        problems.append(Problem(file, 1, 1, "its aliases repeat too much.", "Write out what is needed of it."))
        return Document(file, None, problems)
    return Document(file, Fields(file, node, problems), problems)


def _weight(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node stands for, with all that its aliases repeat; `_LARGEST` or more when it has itself in it.

    `known` has the weights so far, by the node's identity; a node being weighed counts as `_LARGEST`.
    """
    if id(node) not in known:
        known[id(node)] = _LARGEST
        inside = [one for pair in node.value for one in pair] if isinstance(node, yaml.MappingNode) else node.value
        of_parts = (_weight(one, known) for one in inside) if isinstance(node, yaml.CollectionNode) else ()
        known[id(node)] = 1 + sum(of_parts)
    return known[id(node)]


def plain(node: yaml.Node) -> Any:
    """A node as Python values, the way YAML resolves them."""
    if isinstance(node, yaml.MappingNode):
        return {plain(key): plain(value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}
    if isinstance(node, yaml.SequenceNode):
        return [plain(item) for item in node.value]
    if _is_null(node):
        return None
    if node.tag == "tag:yaml.org,2002:str":
        return node.value
    try:
        value = yaml.safe_load(yaml.serialize(node))
    except (yaml.YAMLError, ValueError):
        return node.value
    # A date is shown as it is written.
    return value if value is None or isinstance(value, (bool, int, float)) else node.value


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _nothing() -> yaml.MappingNode:
    start = yaml.Mark("", 0, 0, 0, "", 0)
    return yaml.MappingNode("tag:yaml.org,2002:map", [], start, start)
