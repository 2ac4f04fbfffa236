"""What is told of a YAML file that cannot be read: where, and what kind of trouble. Never a piece of its text.

The parser's own message quotes the line, and names what it stumbled over. In a `.compute` file that can be a password.
"""

from __future__ import annotations

import re

import yaml

from engine.errors import ProjectError

# What the parser found is named behind these words. What it had expected is its own, and stays.
_FOUND = re.compile(
    r", but (?:found|got) .*|(?<=character) (?:'.*'|\".*\")|(?<= handle) '.*'|(?<= alias) '.*'|(?<= anchor) '.*'",
    re.DOTALL,
)

# What usually helps, by the words of either parser. {line} and {column}: where what it was reading begins.
_REMEDIES = (
    ("tab character", "Indent with spaces, not tabs."),
    ("escape|hexdecimal", "Use single quotes: in double ones a `\\` has a meaning of its own."),
    ("scanning a .*quoted scalar", "Close the quotes that open in line {line}, column {column}."),
    (
        "parsing a flow (sequence|mapping)",
        "Close the bracket that opens in line {line}, column {column}, or put a comma.",
    ),
    ("find expected ':'", "Put `: ` behind the key in line {line}."),
    (
        "mapping values are not allowed|parsing a block mapping",
        "Indent the keys of a mapping alike; put a value with `: ` or quotes in it into quotes as a whole.",
    ),
    ("parsing a block collection", "Begin each item with `- `, all of them indented alike."),
    (
        "cannot start any token|alias|anchor|a tag",
        "Put the value into quotes: it begins with a sign that YAML has a use for.",
    ),
    ("single document", "Keep one document: remove the line `---` and what belongs to the other."),
)


def kind_of_trouble(error: yaml.YAMLError | RecursionError) -> str:
    """One line in words, without a full stop and without the place."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if not isinstance(error, yaml.MarkedYAMLError):
        return "it has characters that YAML does not allow"
    return " ".join(_FOUND.sub("", part) for part in (error.context, error.problem) if part)


def place_of(error: yaml.YAMLError | RecursionError) -> tuple[int, int]:
    """Line and column from 1; (0, 0) where they are not known."""
    mark = (error.problem_mark or error.context_mark) if isinstance(error, yaml.MarkedYAMLError) else None
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def remedy_for(error: yaml.YAMLError | RecursionError, text: str) -> str:
    """What usually helps. `text` is the file's, in which only a tab at the place is looked for."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return "Correct the file."
    said = kind_of_trouble(error)
    line, column = place_of(error)
    lines = text.split("\n")
    if 0 < line <= len(lines) and lines[line - 1].startswith("\t", column - 1):
        said = "tab character"
    if error.context_mark:
        line, column = error.context_mark.line + 1, error.context_mark.column + 1
    for words, remedy in _REMEDIES:
        if re.search(words, said):
            return remedy.format(line=line, column=column)
    return "Correct the YAML here."


def not_yaml(error: yaml.YAMLError | RecursionError, where: str, text: str) -> ProjectError:
    """The same as something to raise, with the place as "file:line:column" where it is known.

    To be raised outside of the `except` that caught the parser's error, which carries the text of the file.
    """
    line, column = place_of(error)
    return ProjectError(
        f"this is not YAML: {kind_of_trouble(error)}.",
        where=f"{where}:{line}:{column}" if line else where,
        remedy=remedy_for(error, text),
    )
