"""Each exact command that was run for a run, as one would type it, secrets masked."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from engine import masking
from tui.plain import plain
from tui.widgets.facts_pane import Fact, FactsPane
from tui.widgets.overview_pane import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.runs.model import Run
    from engine.runs.store import StoreReader


class CommandsPane(FactsPane):
    """Three lines a command: when and where, the folder, the command."""

    HINTS = (("Y", "copy"),)
    empty = "no command was run for it yet"

    def read(self, store: StoreReader, run: Run) -> Sequence[Fact]:
        facts: list[Fact] = []
        for command in store.commands(run.id):
            line = masking.command(command.argv)
            facts.append(
                Fact(moment(command.at)[11:], f"on {plain(command.where)} {plain(command.note)}".rstrip(), "dim")
            )
            if command.cwd:
                facts.append(Fact("in", plain(command.cwd), "", f"cd {shlex.quote(command.cwd)}"))
            facts.append(Fact("command", plain(line), "accent", line))
        return facts
