"""Changing the lists of a YAML file item by item: what stays keeps its text, its place and its comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from engine.errors import ProjectError
from engine.project.edit import (
    compose,
    dashed,
    end_of,
    flow,
    is_alias,
    item_of,
    line_end,
    next_line,
    put,
    scalar,
    with_value,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def with_item(text: str, path: Sequence[str | int], place: int, value: Any, where: str = "") -> str:
    """The text with another item at this place of the list at `path`: a text, or a mapping of texts.

    A mapping keeps the keys that are not named. Raises ProjectError, as all of these, for what is not YAML, for an item
    that is not there, and for one that is an alias.
    """
    if isinstance(value, dict):
        for key, one in value.items():
            text = with_value(text, (*path, place, key), one, where)
        return text
    found = _list(text, path, where)
    if not isinstance(found, yaml.SequenceNode):
        return with_value(text, path, value, where)
    node = item_of(found, place, where)
    if not isinstance(node, yaml.ScalarNode):
        raise ProjectError("this item is more than a text.", where=where, remedy="Change the text itself.")
    if node.value == str(value):
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    written = _in_flow(str(value)) if found.flow_style and node.style is None else put(node, value, newline)
    return _checked(text[: node.start_mark.index] + written + text[end_of(node) :], where)


def with_new_item(text: str, path: Sequence[str | int], place: int, value: Any, where: str = "") -> str:
    """The text with one item more, which gets this place; the list is made when there is none."""
    found = _list(text, path, where)
    newline = "\r\n" if "\r\n" in text else "\n"
    if isinstance(found, yaml.ScalarNode) and not found.tag.endswith(":null"):
        # One text stands for a list of it.
        return with_value(text, path, [found.value, value] if place else [value, found.value], where)
    if not isinstance(found, yaml.SequenceNode) or not found.value:
        return with_value(text, path, [value], where)
    items = found.value
    _own(found, where)
    if found.flow_style:
        written = _in_flow(value)
        if place < len(items):
            start = items[place].start_mark.index
            return _checked(f"{text[:start]}{written}, {text[start:]}", where)
        end = end_of(items[-1])
        return _checked(f"{text[:end]}, {written}{text[end:]}", where)
    column = found.start_mark.column
    line = f"{' ' * column}- {dashed(value, column, newline)}"
    if place:
        at = line_end(text, end_of(items[min(place, len(items)) - 1]))
        if text[at - 1 : at] == "\n":
            return _checked(text[:at] + line + newline + text[at:], where)
        return _checked(text[:at] + newline + line + text[at:], where)
    at = _line_of_dash(text, items[0], where)
    return _checked(text[:at] + line + newline + text[at:], where)


def without_item(text: str, path: Sequence[str | int], place: int, where: str = "") -> str:
    """The text without this item. A list that loses its last one is empty."""
    found = _list(text, path, where)
    if not isinstance(found, yaml.SequenceNode):
        return with_value(text, path, [], where)
    node = item_of(found, place, where)
    if len(found.value) == 1:
        return with_value(text, path, [], where)
    _own(found, where)
    if found.flow_style:
        if place + 1 < len(found.value):
            return _checked(text[: node.start_mark.index] + text[found.value[place + 1].start_mark.index :], where)
        return _checked(text[: end_of(found.value[place - 1])] + text[end_of(node) :], where)
    start = _line_of_dash(text, node, where)
    return _checked(text[:start] + text[next_line(text, end_of(node)) :], where)


def _list(text: str, path: Sequence[str | int], where: str) -> yaml.Node | None:
    """What is at this path; None when there is nothing."""
    node: yaml.Node | None = compose(text, where)
    for part in path:
        if isinstance(part, int):
            node = item_of(node, part, where) if node is not None else None
            continue
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        named = [pair for pair in pairs if pair[0].value == part] or [
            pair for pair in pairs if str(pair[0].value).lower() == part.lower()
        ]
        if not named:
            return None
        key, node = named[-1]
        if is_alias(node, key):
            raise ProjectError(f"`{part}` is an alias.", where=where, remedy="Change the text itself.")
    return node


def _own(found: yaml.SequenceNode, where: str) -> None:
    """Raise ProjectError for a list with aliases in it: where those end is not known."""
    if any(is_alias(one, found) for one in found.value):
        raise ProjectError("the list has aliases in it.", where=where, remedy="Change the text itself.")


def _line_of_dash(text: str, node: yaml.Node, where: str) -> int:
    """Where the line of an item's dash begins. Raises ProjectError when something else is before the dash."""
    start = text.rfind("\n", 0, node.start_mark.index) + 1
    while text[start : node.start_mark.index].strip() == "" and start:
        # The dash is on a line above.
        start = text.rfind("\n", 0, start - 1) + 1
    if not text[start:].lstrip(" ").startswith("-") or text[start : node.start_mark.index].count("- ") > 1:
        raise ProjectError("the list is written on one line with another.", where=where, remedy="Change the text.")
    return start


def _in_flow(value: Any) -> str:
    return scalar(value) if isinstance(value, bool | int | float) else flow(value)


def _checked(text: str, where: str) -> str:
    compose(text, where)
    return text
