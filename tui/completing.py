"""What may come next in a filter that is being typed: fields, their values, metrics, tags, saved filters. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.runs.model import State
from tui.filter import FIELDS, GROUPS, MEASURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.runs.model import Run

# So many are offered; with more one types on.
MOST = 50
# Arguments of so many different submissions are offered.
LOOKED_AT = 1000
# What stands before the cursor: maybe a field with values and commas, and the beginning of a word or phrase.
_BEFORE = re.compile(
    r"""(?:(?P<field>[A-Za-z]+):(?P<values>(?:(?:"[^"]*"|[^\s()<>=!:,"']+),)*))?"""
    r"""(?P<key>[^\s()<>=!:,"']+=(?=[^\s]*$))?(?P<word>"[^"]*|[^\s()<>=!:,"']*)$"""
)
_CLOSED = re.compile(r"""("|')(?:(?!\1)[^\\]|\\.)*\1""")
_WORDS = {
    "state": "the state",
    "target": "the compute target",
    "config": "the run configuration",
    "tag": "a tag, or tag:name=value",
    "script": "the script",
    "arg": "an argument",
    "name": "the run's name",
    "reason": "why it waits or failed",
    "branch": "the git branch",
    "commit": "the git commit",
    "framework": "Python or PySpark",
    "id": "the run's id",
}
_MEASURED = {
    "age": "how long ago it was submitted: age<2h",
    "since": "the same as age",
    "duration": "how long it took: duration>10m",
    "took": "the same as duration",
    "exit": "the exit code: exit=1",
    "number": "the run's number",
    "priority": "its priority",
}
_PLAIN = re.compile(r"""[^\s()<>=!:,"'@][^\s()<>=!:,"']*""")


@dataclass(frozen=True)
class Offer:
    """One way to go on: what takes the place of the word at the cursor, and what it is."""

    text: str
    words: str = ""


@dataclass(frozen=True)
class Vocabulary:
    """What there is in the history: field -> values; metrics; tags with their values; saved filters by name."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    saved: Mapping[str, str] = field(default_factory=dict)


def vocabulary(runs: Iterable[Run], metrics: Iterable[str], saved: Mapping[str, str]) -> Vocabulary:
    """The words of these runs, those of the first runs first."""
    found: dict[str, dict[str, None]] = {name: {} for name in ("target", "config", "script", "branch", "framework")}
    arguments: dict[str, None] = {}
    seen: set[tuple[str, ...]] = set()
    tags: dict[str, dict[str, None]] = {}
    for run in runs:
        found["target"][run.target] = None
        found["config"][run.config] = None
        found["script"][run.script] = None
        found["framework"][run.framework] = None
        if run.branch:
            found["branch"][run.branch] = None
        if len(seen) < LOOKED_AT and run.arguments not in seen:
            seen.add(run.arguments)
            arguments.update(dict.fromkeys(one for one in run.arguments if one.startswith("-") and len(one) < 40))
        for name, value in run.tags.items():
            tags.setdefault(name, {})[value] = None
    values = {name: tuple(some) for name, some in found.items()}
    values["state"] = (*(state.value for state in State), *GROUPS, "unreachable")
    values["arg"] = tuple(arguments)
    return Vocabulary(values, tuple(metrics), {name: tuple(some) for name, some in tags.items()}, dict(saved))


def offers(text: str, cursor: int, known: Vocabulary) -> tuple[int, tuple[Offer, ...]]:
    """Where the word at the cursor begins, and what may take its place, the likeliest first."""
    before = text[:cursor]
    # A phrase that is closed is a word like any other.
    match = _BEFORE.search(_CLOSED.sub(lambda phrase: "x" * len(phrase.group()), before))
    if match is None or (before.endswith('"') and not match["word"].startswith('"')):
        return cursor, ()
    name, word = match["field"], match["word"]
    at = match.start("key") if match["key"] else match.start("word")
    if name is not None:
        return at, _unlike(before[at:], _values(name.lower(), match["key"], word, known))
    if match["key"] or before[:at].rstrip()[-1:] in ("<", ">", "=", "!"):
        # A number comes next, and nobody knows which.
        return cursor, ()
    return at, _unlike(word, _starts(word, known))


def quoted(text: str) -> str:
    """A value as the filter reads it back."""
    if _PLAIN.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _values(name: str, key: str | None, word: str, known: Vocabulary) -> Iterable[Offer]:
    """Values of the field `name` that go on as the word does; `key`: of a tag, with its `=`."""
    word = word.removeprefix('"').casefold()
    if name == "tag":
        if key:
            values = [value for value in known.tags.get(key[:-1], ()) if value]
            return [Offer(f"{key}{quoted(one)}") for one in _ranked(values, word)]
        return [Offer(quoted(one), _tag_values(known.tags[one])) for one in _ranked(known.tags, word)]
    return [Offer(quoted(one)) for one in _ranked(known.values.get(name, ()), word)]


def _tag_values(values: tuple[str, ...]) -> str:
    shown = ", ".join(value for value in values[:4] if value)
    return f"tag:name={shown}" if shown else ""


def _starts(word: str, known: Vocabulary) -> Iterable[Offer]:
    """What a test may begin with: a saved filter, a field, a number, a metric."""
    if word.startswith("@"):
        return [Offer(f"@{one}", known.saved[one]) for one in _ranked(known.saved, word[1:].casefold())]
    bare = word.removeprefix('"').casefold()
    found: list[Offer] = []
    if not word.startswith('"'):
        found += [Offer(f"{one}:", _WORDS[one]) for one in FIELDS if one.startswith(bare)]
    found += [Offer(quoted(one), "metric, its last value: > >= < <= = !=") for one in _ranked(known.metrics, bare)]
    if not word.startswith('"'):
        found += [Offer(one, _MEASURED[one]) for one in MEASURES if one.startswith(bare)]
    if bare:
        # A state is what one most often looks for.
        states = _ranked(known.values.get("state", ()), bare)
        found += [Offer(f"state:{one}") for one in states if one.casefold().startswith(bare)]
    if not bare:
        found += [Offer(f"@{one}", text) for one, text in known.saved.items()]
    return found


def _unlike(word: str, found: Iterable[Offer]) -> tuple[Offer, ...]:
    """At most so many; what is there already is no offer."""
    return tuple(one for one in found if one.text.casefold() != word.casefold())[:MOST]


def _ranked(values: Iterable[str], word: str) -> list[str]:
    """Those that begin with the word, then those that hold it."""
    begin: list[str] = []
    hold: list[str] = []
    for value in values:
        folded = value.casefold()
        if folded.startswith(word):
            begin.append(value)
        elif word and word in folded:
            hold.append(value)
    return begin + hold
