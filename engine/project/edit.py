"""Changing a YAML file the way a careful person does: only the characters of what changes.

The value's place in the text is known from parsing, so it is replaced there; comments, order, quoting, line ends, a
BOM and a missing last newline stay, since nobody touches them. Each result is parsed again before it is written.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import yaml

from engine.errors import NotFound, ProjectError
from engine.project.fields import without_tabs
from engine.project.plain_files import read_bytes
from engine.project.saving import replace_bytes
from engine.project.yaml_errors import not_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_BOM = "\ufeff"
_ALIAS, _ANCHOR = re.compile(r"\s*:\s*(\*[^\s,\[\]{}]+)"), re.compile(r"&[^\s,\[\]{}]+[ \t]*")
_PLAIN = re.compile(r"[A-Za-z0-9_./$][\w./$@=+-]*")


def set_keys(path: Path, changes: Mapping[str, Any]) -> bool:
    """Set keys of a YAML file, a nested one as "environment.python.interpreterPath"; None removes a key.

    Values are texts, numbers, flags, lists of texts, or mappings of texts. Returns whether the file changed.
    Raises ProjectError when the file cannot be read, is not YAML or cannot be written; it is then as it was. No error
    shows a line of the file: it can hold a password.
    """
    raw = _read(path)
    bom = _BOM if raw.startswith(_BOM) else ""
    text = raw.removeprefix(_BOM)
    for key, value in changes.items():
        text = with_value(text, key.split("."), value, str(path))
    if bom + text == raw:
        return False
    write_text(path, bom + text)
    return True


def _read(path: Path) -> str:
    data = read_bytes(path)
    # The decoder's error would carry the whole file: it ends before ours is raised.
    with contextlib.suppress(UnicodeDecodeError):
        return data.decode("utf-8")
    raise ProjectError("the file is not UTF-8 text.", where=str(path), remedy="Save it as UTF-8.")


def write_text(path: Path, text: str) -> None:
    """Replace a file at once, keeping its permissions, its owner and a link to it. Raises ProjectError."""
    replace_bytes(path, text.encode("utf-8"))


def remove_file(path: Path) -> None:
    """Delete a configuration or target file. Raises NotFound, ProjectError."""
    try:
        path.unlink()
    except FileNotFoundError as error:
        raise NotFound("there is no such file.", where=str(path)) from error
    except OSError as error:
        raise ProjectError(f"the file cannot be deleted: {error.strerror}.", where=str(path)) from error


def scalar(value: Any) -> str:
    """A value as YAML on one line, read back as the same text by people and parsers."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text:
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """A text as YAML on one line, in double quotes whatever it is."""
    return yaml.safe_dump(text, default_style='"', width=1 << 30, allow_unicode=True).removesuffix("\n")


def with_value(text: str, path: Sequence[str | int], value: Any, where: str = "") -> str:
    """The text with another value at this path: keys, and places in lists that are there. None removes the key.

    Values are as for `set_keys`, and lists may hold mappings. Raises ProjectError when the text is not YAML, or the
    value is written elsewhere (by an alias above it).
    """
    root = compose(text, where)
    newline = "\r\n" if "\r\n" in text else "\n"
    if root is None:
        body = _block(_nested(path, value), 0, newline)
        return text if value is None else _joined(text, body, newline)
    node: yaml.Node = root
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(part, int):
            node = item_of(node, part, where)
            continue
        assert isinstance(node, yaml.MappingNode)
        pair = _pair(node, part)
        if pair is None:
            if value is None:
                return text
            changed = _added(text, node, part, _nested(path[depth + 1 :], value), newline)
            break
        if last:
            changed = _removed(text, node, pair) if value is None else _replaced(text, node, pair, value, newline)
            break
        below = yaml.SequenceNode if isinstance(path[depth + 1], int) else yaml.MappingNode
        if not isinstance(pair[1], below):
            if value is None:
                return text
            changed = _replaced(text, node, pair, _nested(path[depth + 1 :], value), newline)
            break
        if is_alias(pair[1], pair[0]):
            raise ProjectError(
                f"`{part}` is written elsewhere in the file, and named here by an alias.",
                where=where,
                remedy="Change the text itself.",
            )
        node = pair[1]
    compose(changed, where)
    return changed


def item_of(node: yaml.Node, place: int, where: str) -> yaml.Node:
    """An item of a list that must be there. Raises ProjectError."""
    if isinstance(node, yaml.SequenceNode) and place < len(node.value):
        found: yaml.Node = node.value[place]
        if not is_alias(found, node):
            return found
    raise ProjectError("this item is not where it was, or is an alias.", where=where, remedy="Change the text itself.")


def is_alias(node: yaml.Node, before: yaml.Node) -> bool:
    """Whether a value only names another that is written further above. `before` begins before it."""
    return bool(node.start_mark.index < before.start_mark.index)


def _nested(keys: Sequence[str | int], value: Any) -> Any:
    for key in reversed(keys):
        value = {key: value}
    return value


def compose(text: str, where: str = "") -> yaml.MappingNode | None:
    """The text's mapping with the place of each value; None when it is empty. Raises ProjectError."""
    node, broken = None, None
    try:
        # The loader in Python: its marks count characters of the text as it is here.
        node = yaml.compose(without_tabs(text), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        broken = not_yaml(error, where, text)
    if broken is not None:
        raise broken
    if node is not None and not isinstance(node, yaml.MappingNode):
        raise ProjectError("the file must hold `key: value` lines.", where=where)
    return node


def _pair(node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    found = [pair for pair in node.value if pair[0].value == key] or [
        pair for pair in node.value if str(pair[0].value).lower() == key.lower()
    ]
    return found[-1] if found else None


def end_of(node: yaml.Node) -> int:
    """Where a node's own text ends: block collections end with their last item, not with the comments after it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return end_of(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _replaced(text: str, parent: yaml.MappingNode, pair: tuple[yaml.Node, yaml.Node], value: Any, newline: str) -> str:
    key, node = pair
    if is_alias(node, key):
        found = _ALIAS.match(text, key.end_mark.index)
        if found is None:
            raise ProjectError("the value is an alias.", remedy="Change the text itself.")
        start, end = found.span(1)
        written = _value(value, key.start_mark.column, newline)
        return (text[:start].rstrip(" ") if written.startswith(newline) else text[:start]) + written + text[end:]
    start, end = node.start_mark.index, end_of(node)
    anchor = _ANCHOR.match(text, start)
    if anchor is not None:
        # Others may name it.
        start = min(anchor.end(), end)
    if isinstance(node, yaml.ScalarNode) and not isinstance(value, list | tuple | dict):
        if node.tag != "tag:yaml.org,2002:null" and _same(node, value):
            return text
        return text[:start] + (" " if text[start - 1 : start] == ":" else "") + put(node, value, newline) + text[end:]
    if isinstance(node, yaml.SequenceNode) and isinstance(value, list | tuple) and not node.flow_style and value:
        return _list(text, node, [str(one) if not isinstance(one, bool) else scalar(one) for one in value], newline)
    if isinstance(value, list | tuple | dict) and (
        parent.flow_style or (isinstance(node, yaml.CollectionNode) and node.flow_style and node.value)
    ):
        # Something in brackets before, in brackets after; and inside brackets nothing else is allowed.
        return text[:start] + (" " if text[start - 1 : start] == ":" else "") + flow(value) + text[end:]
    written = _value(value, key.start_mark.column, newline)
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and not written.startswith(newline):
        # One short value for many lines goes behind the key, in front of a comment there.
        colon = len(text[:start].rstrip()) if anchor is not None else text.index(":", key.end_mark.index) + 1
        between = text[colon:start].rstrip(" ").removesuffix("\n").removesuffix("\r")
        return f"{text[:colon]} {written}{between}{text[end:]}"
    before = text[:start].rstrip(" ") if written.startswith(newline) else text[:start]
    return before + ("" if written.startswith(newline) or before.endswith(" ") else " ") + written + text[end:]


def put(node: yaml.ScalarNode, value: Any, newline: str) -> str:
    """What stands for a scalar's own text to mean this value: in quotes like those that are there."""
    if node.style in ("'", '"') and isinstance(value, str):
        single = node.style == "'" and "\n" not in value
        return "'" + value.replace("'", "''") + "'" if single else quoted(value)
    return scalar(value) + (newline if node.style in ("|", ">") else "")


def _list(text: str, node: yaml.SequenceNode, wanted: list[str], newline: str) -> str:
    """A block list, item by item: what stays the same keeps its text and its comments."""
    have = list(node.value)
    for position in range(min(len(have), len(wanted)) - 1, -1, -1):
        item = have[position]
        if not (isinstance(item, yaml.ScalarNode) and item.value == wanted[position]):
            text = text[: item.start_mark.index] + scalar(wanted[position]) + text[end_of(item) :]
    # The marks behind the first change have moved: parse again before adding or taking away.
    if len(have) == len(wanted):
        return text
    fresh = _find_list(compose(text, ""), node.start_mark.index)
    column = fresh.start_mark.column
    if len(wanted) > len(have):
        end = end_of(fresh.value[-1])
        stop = line_end(text, end)
        extra = "".join(f"{newline}{' ' * column}- {scalar(one)}" for one in wanted[len(have) :])
        return text[:stop] + extra + text[stop:]
    last_kept = line_end(text, end_of(fresh.value[len(wanted) - 1]))
    return text[:last_kept] + text[line_end(text, end_of(fresh.value[-1])) :]


def _find_list(node: yaml.Node | None, index: int) -> yaml.SequenceNode:
    stack: list[Any] = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, yaml.SequenceNode) and one.start_mark.index == index:
            return one
        if isinstance(one, yaml.MappingNode):
            stack += [value for _, value in one.value]
        elif isinstance(one, yaml.SequenceNode):
            stack += one.value
    raise AssertionError("the list is gone from the text that held it")


def _added(text: str, node: yaml.MappingNode, key: str, value: Any, newline: str) -> str:
    if node.flow_style:
        inner = f"{scalar(key)}: {flow(value)}"
        end = node.end_mark.index - 1
        comma = ", " if node.value else ""
        return text[:end].rstrip() + comma + inner + text[end:]
    indent = node.start_mark.column
    body = _block({key: value}, indent, newline)
    end = line_end(text, end_of(node))
    if text[end - 1 : end] == "\n":
        return text[:end] + body + newline + text[end:]
    return text[:end] + newline + body + text[end:]


def _removed(text: str, node: yaml.MappingNode, pair: tuple[yaml.Node, yaml.Node]) -> str:
    start, end = pair[0].start_mark.index, end_of(pair[1])
    if node.flow_style:
        rest = text[end:].lstrip()
        if rest.startswith(","):
            return text[:start] + rest[1:].lstrip()
        return text[:start].rstrip().removesuffix(",") + text[end:]
    line_start = text.rfind("\n", 0, start) + 1
    return text[:line_start] + text[next_line(text, end) :]


def next_line(text: str, index: int) -> int:
    """Where the line begins that comes after the one this place is in."""
    stop = line_end(text, index)
    return stop + 2 if text[stop : stop + 2] == "\r\n" else stop + 1 if text[stop : stop + 1] == "\n" else stop


def line_end(text: str, index: int) -> int:
    """Where the line ends that this place is in, before its line break."""
    if index and text[index - 1] == "\n":
        return index
    end = text.find("\n", index)
    if end < 0:
        return len(text)
    return end - 1 if text[end - 1 : end] == "\r" else end


def _joined(text: str, body: str, newline: str) -> str:
    return (text if not text or text.endswith("\n") else text + newline) + body + newline


def _same(node: yaml.ScalarNode, value: Any) -> bool:
    return bool(node.value == (scalar(value) if not isinstance(value, str) else value))


def _value(value: Any, indent: int, newline: str) -> str:
    """What stands behind `key:`, beginning with a line break for what needs lines of its own."""
    if isinstance(value, dict):
        return newline + _block(value, indent + 2, newline) if value else "{}"
    if isinstance(value, list | tuple):
        if not value:
            return "[]"
        return "".join(f"{newline}{' ' * indent}- {dashed(one, indent, newline)}" for one in value)
    return scalar(value)


def dashed(value: Any, indent: int, newline: str) -> str:
    """What stands behind the dash of a list's item, the dash being indented so far."""
    return _block(value, indent + 2, newline).lstrip(" ") if isinstance(value, dict) else scalar(value)


def _block(values: dict[str, Any], indent: int, newline: str) -> str:
    lines = []
    for key, value in values.items():
        put = _value(value, indent, newline)
        lines.append(f"{' ' * indent}{scalar(key)}:" + (put if put.startswith(newline) else f" {put}"))
    return newline.join(lines)


def flow(value: Any) -> str:
    """A value between brackets or braces."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(quoted(str(one)) for one in value) + "]"
    return scalar(value) if not isinstance(value, str) or _PLAIN.fullmatch(value) else quoted(value)
