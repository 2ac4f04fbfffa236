"""What a person asks for. Apart from the other words, so that a command that asks has nothing else to read first."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# In either direction; the history's file has room for it.
MAX_PRIORITY = 1_000_000


@dataclass(frozen=True)
class RunRequest:
    """What a person asks for. Everything else is found in the project when it is resolved.

    `token` is made by the face, so that asking again after a lost answer gives the same run.
    `environ` holds the variables of the asking shell that a local script must see (see `engine.project.resolve`).
    Times are seconds since the epoch, UTC.
    """

    project: str
    config: str
    token: str
    script: str | None = None
    arguments: tuple[str, ...] | None = None
    target: str | None = None
    conda_file: str | None = None
    spark_file: str | None = None
    tracked: bool | None = None
    prepare: bool | None = None
    priority: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    description: str = ""
    rerun_of: str | None = None
    parent_run_id: str | None = None
    user_id: str = ""
    environ: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RunRequest:
        """What came over the socket. Raises ValueError with the name of what is not as it must be."""
        known = known_fields(cls, data)
        for one in dataclasses.fields(cls):
            kind, fits = _KINDS[str(one.type)]
            if one.name in known and not fits(known[one.name]):
                raise ValueError(f"`{one.name}` must be {kind}")
        if known.get("arguments") is not None:
            known["arguments"] = tuple(known["arguments"])
        request = cls(**known)
        check_priority(request.priority)
        return request


def check_priority(value: int) -> None:
    """Raises ValueError for one that is out of bounds."""
    if abs(value) > MAX_PRIORITY:
        raise ValueError(f"`priority` must be between {-MAX_PRIORITY} and {MAX_PRIORITY}")


def _is_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)


def _is_map(value: object) -> bool:
    return isinstance(value, dict) and _is_texts([*value, *value.values()])


# What a field may hold, by how it is declared: in words, and how to tell.
_KINDS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "str": ("a text", lambda value: isinstance(value, str)),
    "str | None": ("a text", lambda value: value is None or isinstance(value, str)),
    "bool | None": ("true or false", lambda value: value is None or isinstance(value, bool)),
    "int": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "tuple[str, ...] | None": ("a list of texts", lambda value: value is None or _is_texts(value)),
    "dict[str, str]": ("an object of texts", _is_map),
}


def known_fields(cls: Any, data: dict[str, Any]) -> dict[str, Any]:
    names = {f.name for f in dataclasses.fields(cls)}
    return {key: value for key, value in data.items() if key in names}
