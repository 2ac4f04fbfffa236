"""YAML files read with the place of each value, so that every complaint names its line.

Reading is liberal: a BOM, CRLF, tabs around comments, quoted keys, no newline at the end and keys in another case are
taken as they were meant. What is odd but usable is a warning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from engine.project.problems import Problem
from engine.project.yaml_errors import kind_of_trouble

if TYPE_CHECKING:
    from pathlib import Path

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

    def given(self, key: str) -> bool:
        """Whether a key has a value that asks for something: not null, not false, not empty."""
        node = self.find(key)
        return node is not None and bool(node.value) and str(node.value).lower() not in _FALSE

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
        self.complain(node, f"{self._name(key)} must be a text.", "Give one value on the same line.")
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
        self.complain(node, f"{self._name(key)} must be true or false.", "Write `true` or `false`.")
        return default

    def number(self, key: str, default: float | None = None, *, least: float = 0) -> float | None:
        node = self.find(key)
        if node is None:
            return default
        try:
            value = float(node.value) if isinstance(node, yaml.ScalarNode) else None
        except ValueError:
            value = None
        if value is None or value != value or value < least:
            self.complain(node, f"{self._name(key)} must be a number of at least {least:g}.", "Write it in digits.")
            return default
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts; numbers in it keep the form they are written in. None when absent."""
        node = self.find(key)
        if node is None:
            return None
        if isinstance(node, yaml.ScalarNode):
            return (str(node.value),)
        if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
            return tuple("" if _is_null(item) else str(item.value) for item in node.value)
        self.complain(node, f"{self._name(key)} must be a list of texts.", "Write one item a line, each after `- `.")
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
                    self.complain(value, f"{self._name(key)} must hold texts only.", "Write `NAME: value` lines.")
            return found
        self.complain(node, f"{self._name(key)} must be a mapping.", "Write `NAME: value` lines below it, indented.")
        return {}

    def part(self, key: str) -> Fields | None:
        """A nested mapping to be read in its turn; None when absent."""
        node = self.find(key)
        if node is None:
            return None
        if isinstance(node, yaml.MappingNode):
            return Fields(self.file, node, self.problems, f"{self.path}{key}.")
        self.complain(node, f"{self._name(key)} must be a mapping.", "Write its keys below it, indented.")
        return None

    def rest(self) -> dict[str, Any]:
        """Keys nobody asked for, with their values as YAML means them."""
        return {
            name: plain(value)
            for name, (_, value) in self._nodes.items()
            if name not in self.seen and name.lower() not in {one.lower() for one in self.seen}
        }

    def _name(self, key: str) -> str:
        return f"`{self.path}{key}`"


def read_text(path: Path) -> str:
    """A file's text without its BOM. Raises OSError, UnicodeDecodeError."""
    return path.read_bytes().decode("utf-8-sig")


def without_tabs(text: str) -> str:
    """The text with spaces for tabs around comments and at line ends, each character in its place.

    YAML forbids tabs as indentation; around a comment they mean nothing, and people's files have them there.
    """
    return _TABS.sub(lambda match: " " * len(match.group()), text)


def read_document(path: Path, file: str) -> Document:
    """Read one file; whatever is wrong with it becomes a `Problem`, never an exception."""
    problems: list[Problem] = []
    try:
        text = read_text(path)
    except OSError as error:
        problems.append(Problem(file, 0, 0, f"the file cannot be read: {error.strerror}.", "Check its permissions."))
        return Document(file, None, problems)
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        problems.append(Problem(file, line, 1, "the file is not UTF-8 text.", "Save it as UTF-8."))
        return Document(file, None, problems)
    try:
        node = yaml.compose(without_tabs(text), Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        tab = any(sign in str(error.problem) for sign in ("\\t", "'\t'"))
        remedy = "Indent with spaces, not tabs." if tab else "Correct the YAML here."
        problems.append(Problem(file, line, column, f"this is not YAML: {kind_of_trouble(error)}.", remedy))
        return Document(file, None, problems)
    except (yaml.YAMLError, RecursionError) as error:
        problems.append(Problem(file, 0, 0, f"this is not YAML: {kind_of_trouble(error)}.", "Correct the file."))
        return Document(file, None, problems)
    if node is None:
        node = yaml.MappingNode("tag:yaml.org,2002:map", [], _start(), _start())
    if not isinstance(node, yaml.MappingNode):
        problems.append(Problem(file, 1, 1, "the file must hold `key: value` lines.", "See the README's list of keys."))
        return Document(file, None, problems)
    return Document(file, Fields(file, node, problems), problems)


def plain(node: yaml.Node) -> Any:
    """A node as Python values, the way YAML resolves them."""
    if isinstance(node, yaml.MappingNode):
        return {plain(key): plain(value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}
    if isinstance(node, yaml.SequenceNode):
        return [plain(item) for item in node.value]
    try:
        return yaml.safe_load(yaml.serialize(node)) if node.tag != "tag:yaml.org,2002:str" else node.value
    except yaml.YAMLError:
        return node.value


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _start() -> yaml.Mark:
    return yaml.Mark("", 0, 0, 0, "", 0)
