"""What a person asks for. Apart from the other words, so that a command that asks has nothing else to read first."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


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
        known = known_fields(cls, data)
        if known.get("arguments") is not None:
            known["arguments"] = tuple(str(item) for item in known["arguments"])
        return cls(**known)


def known_fields(cls: Any, data: dict[str, Any]) -> dict[str, Any]:
    names = {f.name for f in dataclasses.fields(cls)}
    return {key: value for key, value in data.items() if key in names}
