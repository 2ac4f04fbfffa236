"""What `enter` tells of a target, as things stand now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui import hosts, wording
from tui.screens.text import rows_text
from tui.widgets.panes import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from textual.content import Content

    from tui.model import ConsoleModel


def target_text(model: ConsoleModel, name: str, signs: str) -> Content:
    """A target: its host's state and load, its Docker Engine or its YARN, its file, what is going on.

    `signs`: of sparklines.
    """
    target = model.project.target(name)
    if target is None:
        return rows_text([("file", "it is gone")])
    state = model.targets.get(target.host)
    rows = [("file", target.file), ("problem", target.problem)]
    if state is not None:
        since = wording.span(model.clock() - state.since)
        rows += [
            ("state", f"{state.state} for {since}"),
            ("why", state.reason),
            ("what to do", hosts.todo(state)),
            ("load", load(state.sample) if state.sample.keys() - {"next_try"} else ""),
        ]
        free = state.sample.get("disk_free")
        rows.append(("disk left", f"{wording.size(free)}B" if isinstance(free, (int, float)) else ""))
        rows += model.load_of_hosts.lines(target.host, signs)
        rows += _gpus(state.sample)
    elif target.remote:
        rows.append(("state", "not connected: a run or t connects it"))
    if target.containers:
        rows += _docker(state.sample if state is not None else {})
    elif target.cluster:
        rows += _yarn(state.sample if state is not None else {})
    rows += list(target.details)
    preparing = [config for config in model.preparing() if (c := model.project.config(config)) and c.target == name]
    rows.append(("preparing", ", ".join(preparing)))
    going = [run.name for run in model.unfinished() if run.target == name]
    rows.append(("runs now", ", ".join(going)))
    return rows_text([row for row in rows if row[1]])


def _gpus(sample: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What drivers do not tell is left out."""
    gpus = sample.get("gpus")
    for gpu in gpus if isinstance(gpus, list) else ():
        util, used, total = gpu.get("util"), gpu.get("mem_used"), gpu.get("mem_total")
        holders = ", ".join(map(str, gpu.get("held_by") or gpu.get("holders") or ()))
        parts = [
            str(gpu.get("name") or ""),
            f"{util:.0%}" if util is not None else "",
            f"{wording.size(used)} of {wording.size(total)}" if used is not None and total is not None else "",
            f"held by {holders}" if holders else "nobody on it",
        ]
        yield f"GPU {gpu.get('index', '')}".rstrip(), "  ".join(part for part in parts if part)


def _docker(sample: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    facts = sample.get("docker")
    if not isinstance(facts, dict):
        yield "Docker Engine", "not asked yet: the engine asks when it runs"
        return
    if facts.get("error"):
        yield "Docker Engine", f"none: {facts['error']}"
        yield "what to do", str(facts.get("remedy") or "")
        return
    api = f", API {facts['api']}" if facts.get("api") else ""
    yield "Docker Engine", f"{facts.get('version') or 'of unknown version'}{api}"
    yield "images", _count(facts, "images")
    of = f" of {facts['containers']}" if "containers" in facts else ""
    yield "containers", f"{_count(facts, 'running')}{of} running"
    yield "environments", _count(facts, "environments")


def _yarn(sample: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    facts = sample.get("yarn")
    if not isinstance(facts, dict):
        yield "YARN", "not asked yet: the engine asks while it is connected"
        return
    if facts.get("error"):
        yield "YARN", str(facts["error"])
        yield "what to do", str(facts.get("remedy") or "")
        return
    yield "YARN", str(facts.get("version") or "of unknown version")
    words = {"active": "active", "standby": "stands by", "": "does not answer"}
    managers = (f"{one['name']} {words.get(one['state'], one['state'])}" for one in facts.get("managers") or ())
    yield "managed by", ", ".join(managers)
    yield "memory", f"{wording.size(facts['memory_used'])} of {wording.size(facts['memory'])} lent out"
    yield "vcores", f"{facts['vcores_used']} of {facts['vcores']} lent out"
    yield "nodes", _words(facts, nodes="active", unhealthy="unhealthy", lost="lost")
    ours = f", {facts['ours']} of ours" if facts.get("ours") else ""
    yield "applications", _words(facts, running="running", pending="waiting") + ours
    label = "used by queue"
    for queue in facts.get("queues") or ():
        yield label, _queue(queue)
        label = " "


def _queue(queue: Mapping[str, Any]) -> str:
    waiting = f", {queue['waiting']} waiting" if queue["waiting"] else ""
    most = f" to {queue['most']:.0%}" if queue["most"] > queue["share"] else ""
    state = "" if queue["state"] == "RUNNING" else f" {queue['state'].lower()},"
    return f"{queue['name']}:{state} {queue['used']:.0%}, share {queue['share']:.0%}{most}{waiting}"


def _words(facts: Mapping[str, Any], **counted: str) -> str:
    """How many of each; the first in any case, of the others those that there are."""
    first = next(iter(counted))
    return ", ".join(f"{facts[key]} {word}" for key, word in counted.items() if facts[key] or key == first)


def _count(facts: Mapping[str, Any], name: str) -> str:
    return str(facts[name]) if facts.get(name) is not None else ""
