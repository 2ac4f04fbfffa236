"""Everything that the palette knows to go to or to do, each as a line with what it is found by."""

from __future__ import annotations

import asyncio
import heapq
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui import wording
from tui.actions import ACTIONS, shown_key
from tui.matching import NOTHING, Match, match
from tui.plain import plain
from tui.themes import LOOKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine.runs.model import Run
    from tui.actions import Situation
    from tui.model import ConsoleModel

# Kind, the sign that narrows to it, and what it is called.
KINDS = (
    ("action", ">", "actions"),
    ("run", "#", "runs"),
    ("target", "@", "targets"),
    ("config", "=", "configs"),
    ("project", "~", "projects"),
    ("metric", "$", "metrics"),
    ("theme", "%", "themes"),
)
SIGNS = {sign: kind for kind, sign, _ in KINDS}
SIGN_OF = {kind: sign for kind, sign, _ in KINDS}
ORDER = {kind: place for place, (kind, _, _) in enumerate(KINDS)}
# Lines that are shown; whoever wants another types one more letter.
SHOWN = 200
# What cannot be done now comes behind what can be done.
DIM = 60.0
# What is found by something that its line does not show comes behind those that show it.
UNSEEN = 60.0
# The loop has its turn again after so long (s).
TURN = 0.008


@dataclass(frozen=True)
class Thing:
    """One line. `text` is shown and found; `more` only found; `said` stands at the right.

    `why`: the reason why it cannot be done now, "" when it can.
    """

    kind: str
    id: str
    text: str
    more: str = ""
    said: str = ""
    why: str = ""
    state: str = ""


@dataclass(frozen=True)
class Found:
    """A thing, how well it matches, and which characters of its `text` are why."""

    thing: Thing
    match: Match


def actions(now: Situation, keys: Mapping[str, tuple[str, ...]]) -> Iterator[Thing]:
    for one in ACTIONS:
        if one.id not in ("palette", "back"):
            shown = " ".join(shown_key(key) for key in keys.get(one.id, one.keys))
            yield Thing("action", one.id, one.description, f"{one.label} {one.group}", shown, one.reason(now))


def places(model: ConsoleModel) -> Iterator[Thing]:
    """Targets and configurations of the project."""
    for target in model.project.targets:
        yield Thing("target", target.name, plain(target.name), plain(target.type), plain(target.type))
    for config in model.project.configs:
        said = plain(f"{config.framework} {config.target}")
        yield Thing("config", config.name, plain(config.name), plain(config.script), said)


def projects(found: Iterable[tuple[str, str, int, float]]) -> Iterator[Thing]:
    """`found`: path, name, number of runs, time of the newest."""
    for path, name, count, _ in found:
        yield Thing("project", path, plain(f"{name}  {path}"), "", wording.count_of(count, "run"))


def looks() -> Iterator[Thing]:
    for look in LOOKS:
        yield Thing("theme", look.name, f"theme {look.name}: {look.words}")


def metrics(names: Iterable[str], shown: Sequence[str]) -> Iterator[Thing]:
    """`shown`: those that the list has."""
    for name in names:
        yield Thing("metric", name, plain(name), "metric column", "in the list" if name in shown else "")


def run(one: Run) -> Thing:
    tags = " ".join(f"{name}={value}" if value else name for name, value in one.tags.items())
    text = f"{plain(one.name)}  {wording.command_line(one.script, one.arguments)}"
    more = f"{one.id} {one.state.value} {one.config} {one.target}"
    return Thing("run", one.id, f"{text}  {plain(tags)}".rstrip(), more, plain(one.target), state=one.state.value)


class Finder:
    """Looks through the things, a little at a time: ten thousand runs hold up no key."""

    def __init__(self, things: Iterable[Thing], runs: Iterable[Run]) -> None:
        self.things = list(things)
        self._runs = iter(list(runs))
        self._texts: dict[tuple[str, str], tuple[str, str]] = {}

    async def find(self, typed: str) -> list[Found]:
        """The best matches, best first. A sign of a kind at the beginning narrows to it.

        Without anything typed: the actions, what can be done first.
        """
        kind = SIGNS.get(typed[:1], "")
        words = typed[1:].casefold().split() if kind else typed.casefold().split()
        if not words and not kind:
            kind = "action"
        if kind in ("", "run"):
            await self._take_runs()
        found: list[tuple[float, int, int, Thing, Match]] = []
        turn = time.monotonic()
        for place, thing in enumerate(self.things):
            if kind and thing.kind != kind:
                continue
            matched = self._matched(words, thing) if words else NOTHING
            if matched is not None:
                score = matched.score - (DIM if thing.why else 0.0)
                found.append((-score, ORDER[thing.kind], place, thing, matched))
            if place % 64 == 0 and time.monotonic() - turn > TURN:
                await asyncio.sleep(0)
                turn = time.monotonic()
        # No two have the same place: nothing behind it is compared.
        return [Found(thing, matched) for *_, thing, matched in heapq.nsmallest(SHOWN, found)]

    def _matched(self, words: Sequence[str], thing: Thing) -> Match | None:
        key = (thing.kind, thing.id)
        texts = self._texts.get(key)
        if texts is None:
            texts = self._texts[key] = (thing.text.casefold(), f"{thing.text} {thing.more}".casefold())
        found = match(words, texts[0])
        if found is not None or not thing.more:
            return found
        found = match(words, texts[1])
        # Where in what is not shown says nothing: the newest first.
        return Match(round(found.score, -2) - UNSEEN, found.places) if found is not None else None

    async def _take_runs(self) -> None:
        """Their lines are made when they are first needed."""
        turn = time.monotonic()
        for one in self._runs:
            self.things.append(run(one))
            if time.monotonic() - turn > TURN:
                await asyncio.sleep(0)
                turn = time.monotonic()
