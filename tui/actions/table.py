"""What an action is, what it would act on, and the reasons that several of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.runs.model import Run
    from tui.reading import ConfigView, TargetView

PANES = ("targets", "configs", "runs", "run")
PANE_TITLES = {"targets": "Targets", "configs": "Run configurations", "runs": "Runs", "run": "Run"}


@dataclass(frozen=True)
class Situation:
    """What an action would act on: `acted` is the marked runs or, with none marked, the one under the cursor; on the
    head of a group, those of the group.

    `state` is what the engine knows of the host of `target`, "" when it knows nothing of it.
    `prepares` are the configurations whose environment `prepare` would have there: one, or several to choose from.
    `builds` is how many builds of environments there are to look at, `undoable` how much can be brought back.
    `folded`: there is room for one pane at a time.
    """

    pane: str = "runs"
    readonly: bool = False
    project: bool = True
    configs: int = 0
    acted: tuple[Run, ...] = ()
    run: Run | None = None
    marked: int = 0
    config: ConfigView | None = None
    target: TargetView | None = None
    state: str = ""
    filtered: bool = False
    listed: int = 0
    zoomed: bool = False
    prepares: tuple[ConfigView, ...] = ()
    builds: int = 0
    undoable: int = 0
    folded: bool = False


Reason = str


def _always(_: Situation) -> Reason:
    return ""


@dataclass(frozen=True)
class Action:
    """`why_not` gives the reason why it cannot be done now, or "". `panes`: where its keys count (none: anywhere).

    `question`: it is asked first, naming what is hit. `changes`: refused by `--readonly`. `footer_in`: the panes whose
    footer has it, where these are fewer.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    description: str
    group: str
    panes: tuple[str, ...] = ()
    footer: bool = False
    question: bool = False
    changes: bool = False
    why_not: Callable[[Situation], Reason] = _always
    footer_in: tuple[str, ...] = ()

    def in_footer(self, pane: str) -> bool:
        """Whether the footer of this pane has it."""
        panes = self.footer_in or self.panes
        return self.footer and (not panes or pane in panes)

    def reason(self, now: Situation) -> Reason:
        """Why it cannot be done now, in words; "" when it can."""
        if self.changes and now.readonly:
            return "the console was opened read-only"
        if self.panes and now.pane not in self.panes:
            places = " or ".join(PANE_TITLES[pane] for pane in self.panes)
            return f"it belongs to {places}"
        return self.why_not(now)


RUN_PANES = ("runs", "run")


def needs_run(now: Situation) -> Reason:
    return "" if now.run is not None else "there is no run under the cursor"


def needs_config(now: Situation) -> Reason:
    if not now.project:
        return "no project is open"
    return "" if now.configs else "the project has no run configuration"


def needs_usable(now: Situation) -> Reason:
    if now.config is None:
        return "there is no run configuration under the cursor"
    return "it cannot be used; P shows what is wrong" if now.config.problem else ""


def needs_project(now: Situation) -> Reason:
    return "" if now.project else "no project is open"


_SHOWN_KEYS = {
    "slash": "/",
    "comma": ",",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "dollar_sign": "$",
    "ampersand": "&",
    "vertical_line": "|",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "colon": ":",
    "question_mark": "?",
    "exclamation_mark": "!",
    "escape": "esc",
    "delete": "del",
    "at": "@",
    "asterisk": "*",
    "tilde": "~",
    "number_sign": "#",
}


def shown_key(key: str) -> str:
    """A key as the footer and the help write it."""
    return _SHOWN_KEYS.get(key, key)
