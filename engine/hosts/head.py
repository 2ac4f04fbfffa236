"""A cluster's head node as its agent tells of it, and what a program there said."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Head:
    """What is there, by absolute paths; "" for what is not.

    `spark`: its spark-submit. `storage`: the cluster's, as fs.defaultFS. `files`: the program that lists and writes
    there, with its first argument. `queue`: the one that Spark's settings name, in the file `queue_from`. `conda`: what
    makes conda's environments. `groups`: names of the user's.
    """

    spark: str = ""
    storage: str = ""
    files: list[str] = field(default_factory=list)
    queue: str = ""
    queue_from: str = ""
    conda: str = ""
    groups: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Said:
    """How a program ended. `status`: its exit code, minus a signal, or None when it took too long and was killed.

    `out`, `err`: the last 64 KiB of each. `seconds` that it took.
    """

    status: int | None
    out: str
    err: str
    seconds: float
