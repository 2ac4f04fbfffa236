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


def kind_of_trouble(error: yaml.YAMLError | RecursionError) -> str:
    """One line in words, without a full stop and without the place."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if not isinstance(error, yaml.MarkedYAMLError):
        return "it has characters that YAML does not allow"
    return " ".join(_FOUND.sub("", part) for part in (error.context, error.problem) if part)


def not_yaml(error: yaml.YAMLError | RecursionError, where: str) -> ProjectError:
    """The same as something to raise, with the place as "file:line:column" where it is known.

    To be raised outside of the `except` that caught the parser's error, which carries the text of the file.
    """
    mark = (error.problem_mark or error.context_mark) if isinstance(error, yaml.MarkedYAMLError) else None
    return ProjectError(
        f"this is not YAML: {kind_of_trouble(error)}.",
        where=f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where,
        remedy="Correct the file by hand.",
    )
