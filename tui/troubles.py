"""What is wrong, in a line: with the engine's machine, the run history, the engine, a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import hosts, wording
from tui.engine_link import Link

if TYPE_CHECKING:
    from tui.engine_link import EngineLink
    from tui.model import ConsoleModel


def worst(model: ConsoleModel, link: EngineLink, now: float) -> tuple[str, str] | None:
    """The worst of it as (text, ink); None when all is well. Messages and panes have what there is no room for."""
    if link.trouble:
        return wording.first_sentence(link.trouble), "bad"
    if model.trouble:
        return "the run history cannot be read", "bad"
    if link.state is Link.LOST and model.unfinished():
        # An engine that left because nothing was going on is no trouble.
        return "engine lost, connecting again", "warn"
    away = hosts.trouble(model.project, model.targets, now)
    return (away, "warn") if away else None
