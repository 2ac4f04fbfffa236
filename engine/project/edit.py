"""Changing a YAML file the way a careful person does: only the characters of what changes.

The value's place in the text is known from parsing, so it is replaced there; comments, order, quoting, line ends, a
BOM and a missing last newline stay, since nobody touches them. Each result is parsed again before it is written.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from engine.errors import NotFound, ProjectError
from engine.project.fields import without_tabs
from engine.project.plain_files import read_bytes
from engine.project.yaml_errors import not_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOM = "\ufeff"
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
        text = _set(text, key.split("."), value, str(path))
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
    """Replace a file at once, keeping its permissions. Raises ProjectError."""
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(handle, "wb") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(mode)
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise ProjectError(
            f"the file cannot be written: {error.strerror}.",
            where=str(path),
            remedy="Check permissions and disk space.",
        ) from error


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


def _set(text: str, keys: list[str], value: Any, where: str) -> str:
    root = _compose(text, where)
    newline = "\r\n" if "\r\n" in text else "\n"
    if root is None:
        body = _block({keys[0]: _nested(keys[1:], value)}, 0, newline)
        return text if value is None else _joined(text, body, newline)
    node, depth = root, 0
    while True:
        pair = _pair(node, keys[depth])
        if pair is None:
            if value is None:
                return text
            changed = _added(text, node, keys[depth], _nested(keys[depth + 1 :], value), newline)
            break
        if depth == len(keys) - 1:
            changed = _removed(text, node, pair) if value is None else _replaced(text, node, pair, value, newline)
            break
        if not isinstance(pair[1], yaml.MappingNode):
            if value is None:
                return text
            changed = _replaced(text, node, pair, _nested(keys[depth + 1 :], value), newline)
            break
        node, depth = pair[1], depth + 1
    _compose(changed, where)
    return changed


def _nested(keys: list[str], value: Any) -> Any:
    for key in reversed(keys):
        value = {key: value}
    return value


def _compose(text: str, where: str) -> yaml.MappingNode | None:
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


def _end(node: yaml.Node) -> int:
    """Where a node's own text ends: block collections end with their last item, not with the comments after it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _replaced(text: str, parent: yaml.MappingNode, pair: tuple[yaml.Node, yaml.Node], value: Any, newline: str) -> str:
    key, node = pair
    start, end = node.start_mark.index, _end(node)
    if isinstance(node, yaml.ScalarNode) and not isinstance(value, list | tuple | dict):
        if node.tag != "tag:yaml.org,2002:null" and _same(node, value):
            return text
        if node.style in ("'", '"') and isinstance(value, str):
            put = "'" + value.replace("'", "''") + "'" if node.style == "'" and "\n" not in value else quoted(value)
        else:
            put = scalar(value)
        if node.style in ("|", ">"):
            put += newline
        return text[:start] + (" " if text[start - 1 : start] == ":" else "") + put + text[end:]
    if isinstance(node, yaml.SequenceNode) and isinstance(value, list | tuple) and not node.flow_style and value:
        return _list(text, node, [str(one) if not isinstance(one, bool) else scalar(one) for one in value], newline)
    if isinstance(value, list | tuple | dict) and (
        parent.flow_style or (isinstance(node, yaml.CollectionNode) and node.flow_style)
    ):
        # In brackets before, in brackets after; and inside brackets nothing else is allowed.
        return text[:start] + (" " if text[start - 1 : start] == ":" else "") + _flow(value) + text[end:]
    indent = key.start_mark.column
    put = _value(value, indent, newline)
    before = text[:start].rstrip(" ") if put.startswith(newline) else text[:start]
    return before + ("" if put.startswith(newline) or before.endswith(" ") else " ") + put + text[end:]


def _list(text: str, node: yaml.SequenceNode, wanted: list[str], newline: str) -> str:
    """A block list, item by item: what stays the same keeps its text and its comments."""
    have = list(node.value)
    for position in range(min(len(have), len(wanted)) - 1, -1, -1):
        item = have[position]
        if not (isinstance(item, yaml.ScalarNode) and item.value == wanted[position]):
            text = text[: item.start_mark.index] + scalar(wanted[position]) + text[_end(item) :]
    # The marks behind the first change have moved: parse again before adding or taking away.
    if len(have) == len(wanted):
        return text
    fresh = _find_list(_compose(text, ""), node.start_mark.index)
    column = fresh.start_mark.column
    if len(wanted) > len(have):
        end = _end(fresh.value[-1])
        line_end = _line_end(text, end)
        extra = "".join(f"{newline}{' ' * column}- {scalar(one)}" for one in wanted[len(have) :])
        return text[:line_end] + extra + text[line_end:]
    last_kept = _line_end(text, _end(fresh.value[len(wanted) - 1]))
    return text[:last_kept] + text[_line_end(text, _end(fresh.value[-1])) :]


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
        inner = f"{scalar(key)}: {_flow(value)}"
        end = node.end_mark.index - 1
        comma = ", " if node.value else ""
        return text[:end].rstrip() + comma + inner + text[end:]
    indent = node.start_mark.column
    body = _block({key: value}, indent, newline)
    end = _line_end(text, _end(node))
    if text[end - 1 : end] == "\n":
        return text[:end] + body + newline + text[end:]
    return text[:end] + newline + body + text[end:]


def _removed(text: str, node: yaml.MappingNode, pair: tuple[yaml.Node, yaml.Node]) -> str:
    start, end = pair[0].start_mark.index, _end(pair[1])
    if node.flow_style:
        rest = text[end:].lstrip()
        if rest.startswith(","):
            return text[:start] + rest[1:].lstrip()
        return text[:start].rstrip().removesuffix(",") + text[end:]
    line_start = text.rfind("\n", 0, start) + 1
    line_end = _line_end(text, end)
    after = line_end + 1 if text[line_end : line_end + 1] == "\n" else line_end
    if text[line_end : line_end + 2] == "\r\n":
        after = line_end + 2
    return text[:line_start] + text[after:]


def _line_end(text: str, index: int) -> int:
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
        return "".join(f"{newline}{' ' * indent}- {scalar(one)}" for one in value)
    return scalar(value)


def _block(values: dict[str, Any], indent: int, newline: str) -> str:
    lines = []
    for key, value in values.items():
        put = _value(value, indent, newline)
        lines.append(f"{' ' * indent}{scalar(key)}:" + (put if put.startswith(newline) else f" {put}"))
    return newline.join(lines)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(quoted(str(one)) for one in value) + "]"
    return scalar(value) if not isinstance(value, str) or _PLAIN.fullmatch(value) else quoted(value)
