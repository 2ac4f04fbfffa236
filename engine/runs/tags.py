"""Tags of runs: a short word, with a value or without one. Checked wherever a person writes one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import UsageError
from engine.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

# Nothing that the filter of the list would read as something else.
_NAME = re.compile(r"""[^\s()<>=!:,"'@-][^\s()<>=!:,"']{0,39}""")
_LONGEST_VALUE = 100


def parse(text: str) -> tuple[str, str]:
    """`best` or `stage=prod` as name and value ("" when there is none). Raises UsageError."""
    name, _, value = text.partition("=")
    problem = tag_problem(name, value)
    if problem:
        raise UsageError(f"{plain(text)!r} is no tag: {problem}.", remedy="Write NAME or NAME=TEXT, as in stage=prod.")
    return name, value


def tag_problem(name: str, value: str) -> str:
    """Why this cannot be a tag, in words; "" when it can."""
    if not name:
        return "it has no name"
    if not _NAME.fullmatch(name) or not name.isprintable():
        return "its name is one word of at most 40 letters, digits, - or _"
    if len(value) > _LONGEST_VALUE or not value.isprintable():
        return f"its text is one line of at most {_LONGEST_VALUE} characters"
    return ""


def written(name: str, value: str) -> str:
    """A tag as one writes it."""
    return f"{name}={value}" if value else name


def changed(tags: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """The tags with these set, and without those whose change is None."""
    return {name: value for name, value in {**tags, **changes}.items() if value is not None}
