"""Why a run waits, failed or ended, in words, and what to do next; with the end of its log. `told` is pure."""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.runs import tails
from engine.runs.model import State
from engine.runs.store import StoreReader
from tui import hosts, remedies, wording
from tui.log.ansi import folded
from tui.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import BuildRecord, Run, TargetState, Transition

# Lines of the log that are shown, and bytes read for them from its end.
LINES = 12
_READ = 32_768
# So many runs are named; with more their number is told.
NAMED = 3
# Runs whose times tell how long the next may take.
EARLIER = 5


@dataclass(frozen=True)
class Around:
    """What the console knows beside the run itself, as far as it says why the run waits.

    `working`: runs at work on its target; `before`: those queued there ahead of it, the next one first; `earlier`: how
    long ended runs of its configuration took, seconds, the newest first.
    """

    working: tuple[Run, ...] = ()
    before: tuple[Run, ...] = ()
    earlier: tuple[float, ...] = ()
    target: TargetState | None = None
    build: BuildRecord | None = None
    metrics: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Read:
    """What was read for it: the run's states in time, and the last lines of its log or of its build's."""

    transitions: tuple[Transition, ...] = ()
    log: tuple[str, ...] = ()
    of_build: bool = False


@dataclass(frozen=True)
class Line:
    """One line to show. `kind`: "head", "bad", "text", "next" (what to do) or "log"."""

    kind: str
    text: str


def around(run: Run, runs: Mapping[str, Run], order: Sequence[str], **known: Any) -> Around:
    """What other runs tell about this one. `order`: ids, newest first; `known`: the other fields of `Around`."""
    working, before = [], []
    earlier: list[float] = []
    for other in (runs[one] for one in order if one != run.id):
        if other.config == run.config and other.state is State.COMPLETED and other.started is not None:
            if len(earlier) < EARLIER:
                earlier.append((other.ended or other.state_since) - other.started)
        elif other.target != run.target or other.state.ended:
            continue
        elif other.state in (State.QUEUED, State.NOT_STARTED):
            if (-other.priority, other.created, other.number) < (-run.priority, run.created, run.number):
                before.append(other)
        else:
            working.append(other)
    before.sort(key=lambda one: (-one.priority, one.created, one.number))
    return Around(tuple(working), tuple(before), tuple(earlier), **known)


def read(paths: Paths, run: Run, build: BuildRecord | None) -> Read:
    """The states in time and the end of the log. Blocking."""
    with StoreReader(paths.store) as store:
        transitions = tuple(store.transitions(run.id))
    log = tuple(shortened(line, run.id) for line in last_lines(paths.driver_log(run.id), paths.mirror(run.id)))
    if log or build is None or not build.log:
        return Read(transitions, log)
    from pathlib import Path

    return Read(transitions, last_lines(Path(build.log)), of_build=True)


def shortened(line: str, run_id: str) -> str:
    """Files of the run without the folder that it ran in: they are the project's."""
    return re.sub(rf"[^\s\"'(]*/runs/{re.escape(run_id)}/project/", "", line)


def last_lines(file: Path, mirror: Path | None = None) -> tuple[str, ...]:
    """The last lines that say anything, safe to draw. After an outage the tail is newer than the mirror itself."""
    try:
        with file.open("rb") as opened:
            size = opened.seek(0, 2)
            opened.seek(max(0, size - _READ))
            data = opened.read()
    except OSError:
        size, data = 0, b""
    newer = tails.read(mirror, _READ) if mirror is not None else None
    if newer is not None and newer[0] + len(newer[1]) > size:
        data = newer[1]
    rows = data.split(b"\n")
    if len(data) >= _READ:
        # The first of them is the rest of a line.
        rows = rows[1:]
    lines = [plain(folded(row).decode("utf-8", "replace")).rstrip() for row in rows]
    return tuple([line for line in lines if line][-LINES:])


def told(run: Run, beside: Around, found: Read, now: float, key: Callable[[str], str]) -> list[Line]:
    """The lines to show. `key` gives the key of an action, as it is shown."""
    lines = [Line("bad" if run.state is State.FAILED else "head", _headline(run, now))]
    if run.state.ended:
        lines += _ended(run, beside, found, now, key)
    else:
        lines += _going(run, beside, now, key)
    if found.log:
        lines.append(Line("head", "The end of the build's log" if found.of_build else "The end of its log"))
        lines += [Line("log", line) for line in found.log]
    elif run.state.ended:
        lines.append(Line("text", "It printed nothing."))
    return lines


def _headline(run: Run, now: float) -> str:
    begun = run.started if run.state is State.RUNNING and run.started is not None else run.state_since
    since = wording.span(now - begun)
    if run.unreachable_since is not None and not run.state.ended:
        away = wording.span(now - run.unreachable_since)
        return f"{plain(run.target)} cannot be asked for {away}; the run was {run.state} then, and may go on"
    words = {
        State.NOT_STARTED: f"It was submitted {since} ago and is not queued yet",
        State.QUEUED: f"It waits for its turn, {since} so far",
        State.PREPARING: f"Its environment is being prepared, {since} so far",
        State.STARTING: f"It is being started, {since} so far",
        State.RUNNING: f"It runs, {since} so far",
        State.FINALIZING: f"It has ended; outputs and the rest of its log come home, {since} so far",
        State.CANCEL_REQUESTED: f"It is being canceled, {since} so far",
        State.COMPLETED: f"It completed {since} ago",
        State.FAILED: f"It failed {since} ago",
        State.CANCELED: f"It was canceled {since} ago",
    }
    return words[run.state]


# Runs that go on


def _going(run: Run, beside: Around, now: float, key: Callable[[str], str]) -> Iterator[Line]:
    said = [text for text in (plain(run.reason), plain(run.progress)) if text]
    yield from (Line("text", text) for text in dict.fromkeys(said))
    if run.unreachable_since is not None:
        yield from _away(run, beside, now, key)
        return
    if run.state is State.QUEUED:
        yield from _queued(run, beside, now, key)
    elif run.state is State.PREPARING:
        yield from _preparing(beside, now, key)
    elif run.state is State.CANCEL_REQUESTED and run.cancel_requested is not None:
        asked = wording.span(now - run.cancel_requested)
        yield Line("text", f"Asked for {asked} ago: it is interrupted, then terminated, then killed.")
    elif run.state is State.STARTING:
        yield from _yarn(beside.target)
    elif run.state is State.RUNNING:
        yield from _running(run, beside)
    if beside.target is not None and beside.target.state in hosts.TROUBLE:
        yield from _host(run, beside.target, now)


def _queued(run: Run, beside: Around, now: float, key: Callable[[str], str]) -> Iterator[Line]:
    if beside.working:
        names = [f"{one.name} ({one.state}, {wording.age(one, now)})" for one in beside.working]
        yield Line("text", f"At work on {plain(run.target)}: {_some(names)}.")
    if beside.before:
        yield Line("text", f"Its turn comes after {_some([one.name for one in beside.before])}.")
    elif beside.working and "next in line" not in run.reason:
        yield Line("text", "Of this project's runs it is the next.")
    took = _usual(beside.earlier)
    if took:
        yield Line("text", f"Runs of {plain(run.config)} took {took}.")
    yield from _yarn(beside.target)
    yield Line("next", f"{key('cancel')} on another run there makes room; more at once: `slots` of the target's file.")


def _preparing(beside: Around, now: float, key: Callable[[str], str]) -> Iterator[Line]:
    build = beside.build
    if build is None:
        return
    if build.over:
        yield Line("text", f"The environment is {wording.build_state(build, now)}.")
        return
    step = f"step {build.step} of {build.steps}: " if build.steps else ""
    yield Line("text", f"{step}{wording.step_words(build)}".rstrip(": ") or "It begins.")
    spent = now - build.started
    if build.estimate is None:
        yield Line("text", f"For {wording.span(spent)}; it is the first one there, so nobody knows how long it takes.")
    else:
        left = build.estimate - spent
        rest = f"about {wording.span(left)} to go" if left > 0 else "longer than those before it"
        yield Line("text", f"For {wording.span(spent)}; earlier ones took {wording.span(build.estimate)}, {rest}.")
    yield Line("next", f"{key('build')} shows the build with its log.")


def _running(run: Run, beside: Around) -> Iterator[Line]:
    took = _usual(beside.earlier)
    if took:
        yield Line("text", f"Earlier runs of {plain(run.config)} took {took}.")
    values = [f"{plain(name)} is {wording.number(value)}" for name, value in beside.metrics[:4]]
    if values:
        yield Line("text", f"{wording.listed(values)}.")


def _away(run: Run, beside: Around, now: float, key: Callable[[str], str]) -> Iterator[Line]:
    if beside.target is not None:
        yield from _host(run, beside.target, now)
    yield Line(
        "text", "Runs do not need the connection: what it does meanwhile is caught up with, its log without a gap."
    )
    yield Line("next", f"On the target, {key('connect')} tries now and {key('test')} shows how far one gets.")


def _host(run: Run, state: TargetState, now: float) -> Iterator[Line]:
    reason = f": {plain(state.reason)}" if state.reason else ""
    yield Line("bad", f"{plain(run.target)} is {state.state} since {wording.span(now - state.since)}{reason}")
    if state.state == hosts.AWAY:
        next_try = state.sample.get("next_try")
        when = "at first within seconds, later once a minute"
        if isinstance(next_try, (int, float)) and next_try > now:
            when = f"next in {wording.span(next_try - now)}"
        yield Line("text", f"It is tried again by itself, {when}.")
    elif hosts.todo(state):
        yield Line("next", f"On the target, {hosts.todo(state)}.")


def _yarn(state: TargetState | None) -> Iterator[Line]:
    facts = state.sample.get("yarn") if state is not None else None
    if not isinstance(facts, dict):
        return
    if facts.get("error"):
        yield Line("bad", plain(facts["error"]))
        return
    memory, used = facts.get("memory"), facts.get("memory_used")
    if memory and used is not None:
        pending = facts.get("pending") or 0
        yield Line(
            "text",
            f"The cluster has lent out {used / memory:.0%} of its memory;"
            f" {wording.count_of(int(pending), 'application')} {'waits' if pending == 1 else 'wait'}.",
        )
    for queue in facts.get("queues") or ():
        if queue.get("waiting"):
            yield Line(
                "text", f"Queue {plain(queue['name'])}: {queue['used']:.0%} in use, {queue['waiting']} waiting in it."
            )


# Runs that have ended


def _ended(run: Run, beside: Around, found: Read, now: float, key: Callable[[str], str]) -> Iterator[Line]:
    name = wording.signal_name(run.exit_signal) if run.exit_signal else ""
    memory = wording.size(float(run.properties.get("PeakMemoryBytes", 0) or 0))
    if run.state is State.FAILED and run.reason:
        yield Line("bad", plain(run.reason))
    if run.state is State.CANCELED:
        yield from _canceled(run, found)
    if run.started is None:
        yield Line("text", "Its script was not started.")
    else:
        took = wording.span((run.ended or run.state_since) - run.started)
        code = f", exit code {run.exit_code}" if run.exit_code is not None else f", ended by {name}" if name else ""
        used = f"; {memory} of memory at most" if run.properties.get("PeakMemoryBytes") else ""
        yield Line("text", f"It ran for {took}{code}{used}.")
    if run.state is State.COMPLETED:
        values = [f"{plain(metric)} was {wording.number(value)}" for metric, value in beside.metrics[:6]]
        if values:
            yield Line("text", f"At the end {wording.listed(values)}.")
    for kept, words in (("LeftBehind", "Left behind on its machine"), ("NotBroughtHome", "Not brought home")):
        for line in run.properties.get(kept, "").splitlines():
            yield Line("bad", f"{words}: {plain(line)}")
    if run.state is State.FAILED:
        yield from _build_failed(beside, key)
        texts = (run.reason, "\n".join(found.log))
        yield from (Line("next", text) for text in remedies.after(run, texts, key))


def _canceled(run: Run, found: Read) -> Iterator[Line]:
    reason = plain(run.reason)
    if reason and reason != "canceled":
        yield Line("text", f"{reason[:1].upper()}{reason[1:]}.".replace("..", "."))
    asked = next((one for one in found.transitions if one.after is State.CANCEL_REQUESTED), None)
    before = asked.before if asked is not None else None
    if asked is not None and before is not None:
        end = run.ended or run.state_since
        yield Line(
            "text", f"It was {before} when that was asked for; {end - asked.at:.1f} s later nothing of it lived."
        )


def _build_failed(beside: Around, key: Callable[[str], str]) -> Iterator[Line]:
    if beside.build is not None and beside.build.state == "failed":
        yield Line("text", f"Its environment could not be made: {wording.build_reason(beside.build)}")
        yield Line("next", f"{key('build')} shows the build with its log; {key('prepare')} tries it again.")


def _usual(times: Iterable[float]) -> str:
    listed = list(times)
    return f"about {wording.span(statistics.median(listed))}" if listed else ""


def _some(names: Sequence[str]) -> str:
    if len(names) > NAMED:
        return wording.listed([*map(plain, names[:NAMED]), f"{len(names) - NAMED} more"])
    return wording.listed(list(map(plain, names)))
