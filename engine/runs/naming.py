"""Which run a name means that a person typed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import NotFound

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    Ask = Callable[..., list[sqlite3.Row]]


def named(ask: Ask, select: str, name: str, project: str | None) -> list[sqlite3.Row]:
    """The row of the run with this id, number in `project`, short name or beginning of an id; none if there is none.

    `select`: a query of runs up to where a further condition is added. Raises NotFound where several may be meant.
    """
    rows = ask(f"{select} id = ?", (name,))
    if not rows and name.isdigit() and project is not None:
        rows = ask(f"{select} project = ? AND number = ?", (project, int(name)))
    stem, _, number = name.rpartition("-")
    if not rows and stem and number.isdigit():
        rows = ask(f"{select} project_name = ? AND number = ?", (stem, int(number)))
        rows = _of_one_project(ask, rows, project)
    if not rows and name:
        rows = ask(f"{select} substr(id, 1, ?) = ? LIMIT 2", (len(name), name))
        if len(rows) > 1:
            raise NotFound(f"several runs begin with {name!r}.", remedy="Give more of the run id.")
    return rows


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
