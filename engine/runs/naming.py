"""Which run a name means that a person typed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import NotFound

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    Ask = Callable[..., list[sqlite3.Row]]

# As many digits as the history's numbers can have.
NUMBER = re.compile(r"[0-9]{1,18}")


def named(ask: Ask, select: str, name: str, project: str | None) -> list[sqlite3.Row]:
    """The row of the run with this id, number in `project`, short name or beginning of an id; none if there is none.

    `select`: a query of runs up to where a further condition is added. Raises NotFound where several may be meant.
    """
    rows = ask(f"{select} id = ?", (name,))
    if not rows and NUMBER.fullmatch(name) and project is not None:
        rows = ask(f"{select} project = ? AND number = ?", (project, int(name)))
    stem, _, number = name.rpartition("-")
    if not rows and stem and NUMBER.fullmatch(number):
        rows = ask(f"{select} project_name = ? AND number = ?", (stem, int(number)))
        rows = _of_one_project(ask, rows, project)
    return rows or (_begun(ask, select, name, project) if name else [])


def _begun(ask: Ask, select: str, name: str, project: str | None) -> list[sqlite3.Row]:
    """The run whose id begins so: in a project one of its own, or none."""
    begins = f"{select} substr(id, 1, ?) = ?"
    values = (len(name), name)
    rows = ask(f"{begins} AND project = ? LIMIT 2", (*values, project)) if project is not None else []
    others = [] if rows else ask(f"{begins} LIMIT 2", values)
    if len(rows or others) > 1:
        raise NotFound(f"several runs begin with {name!r}.", remedy="Give more of the run id.")
    if others and project is not None:
        raise NotFound(
            f"no run of {project} begins with {name!r}; one of {others[0]['project']} does.",
            remedy=f"Name that one by its whole id: {others[0]['id']}.",
        )
    return rows or others


def _of_one_project(ask: Ask, rows: list[sqlite3.Row], project: str | None) -> list[sqlite3.Row]:
    """Of runs with the same short name the one of `project`.

    Two copies of a project have the same name: what is typed in one of them must not hit a run of the other.
    """
    own = [row for row in rows if row["project"] == project]
    if own or not rows:
        return own
    other = rows[0]
    name = f"{other['project_name']}-{other['number']:03d}"
    if project is not None and other["project_name"] in (Path(project).name, _name_of(ask, project)):
        raise NotFound(
            f"there is no run {name} in {project}; there is one in {other['project']}.",
            remedy=f"Name that one by its id: {other['id']}.",
        )
    if len(rows) > 1:
        ids = ", ".join(str(row["id"]) for row in rows[:5])
        raise NotFound(f"several projects have a run {name}.", remedy=f"Name it by its id: {ids}.")
    return rows


def _name_of(ask: Ask, project: str) -> str:
    rows = ask("SELECT project_name FROM runs WHERE project = ? ORDER BY created DESC LIMIT 1", (project,))
    return str(rows[0]["project_name"]) if rows else ""
