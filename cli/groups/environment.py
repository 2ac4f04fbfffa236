"""`aml environment`: what is prepared, what it takes, what needs it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cli.command import Command
from cli.output import emit
from cli.places import Place
from cli.records import utc
from cli.wording import size
from engine.errors import AmlError, NotFound, UsageError
from engine.plain import plain
from engine.spans import span

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from cli.command import Parser
    from engine.runs.model import BuildRecord, ImageUse

NAME_HELP = "the beginning of its fingerprint, or a configuration of the project"


def _host_option(parser: Parser) -> None:
    parser.add_argument("--host", metavar="NAME", help="only what is on this host (default: all that are used)")


def _known(place: Place, host: str | None) -> list[dict[str, Any]]:
    """What is there; hosts that do not answer are told of."""
    from engine.client import call

    answer = call("environments", {"op": "list", "host": host}, paths=place.paths)
    for name, why in answer["unreachable"].items():
        sys.stderr.write(f"left out: {plain(name)}: {plain(why)}\n")
    return list(answer["environments"])


def _list(options: argparse.Namespace) -> int:
    known = _known(Place(options), options.host)
    emit(options, [_told(one) for one in known], [_row(one) for one in known])
    if not known and options.output == "table":
        sys.stderr.write("no environment is prepared\n")
    return 0


def _told(one: Mapping[str, Any]) -> dict[str, Any]:
    times = {f"{key}_utc": utc(one[key]) for key in ("created", "last_used")}
    return {key: value for key, value in {**one, **times}.items() if key not in ("created", "last_used")}


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "fingerprint": one["fingerprint"][:12],
        "host": one["host"],
        "size": size(one["size"]),
        "created": _second(one["created"]),
        "last_used": _second(one["last_used"]),
        "configurations": ", ".join(one["configurations"]),
        "in_use": ", ".join(one["in_use"]),
    }


def _second(at: float | None) -> str:
    return (utc(at) or "")[:19].replace("T", " ")


def _name(parser: Parser) -> None:
    parser.add_argument("-n", "--name", required=True, help=NAME_HELP)


def _show(options: argparse.Namespace) -> int:
    place = Place(options)
    with place.store as store:
        fingerprint = _fingerprint(place, options.name)
        uses = [use for use in store.image_uses() if use.fingerprint == fingerprint]
        builds = [one for one in store.builds() if one.fingerprint == fingerprint]
    try:
        there = [one for one in _known(place, None) if one["fingerprint"] == fingerprint]
    except AmlError as error:
        sys.stderr.write(f"from the history alone: {plain(error)}\n")
        there = []
    data = {
        "fingerprint": fingerprint,
        "kept": [_told(one) for one in there],
        "configurations": [_use(use, there) for use in uses],
        "builds": [_build(one) for one in builds],
        "asks_for": uses[0].spec if uses else {},
    }
    emit(options, data)
    return 0


def _fingerprint(place: Place, name: str) -> str:
    """The whole fingerprint of what was named. Raises NotFound."""
    uses = place.store.image_uses()
    config = name.removesuffix(".runconfig")
    for use in uses:
        if use.project == place.project and use.config == config and use.current:
            return use.fingerprint
    found = {use.fingerprint for use in uses if name and use.fingerprint.startswith(name)}
    if len(found) > 1:
        raise NotFound(f"several environments begin with {name!r}.", remedy="Give more of the fingerprint.")
    if found:
        return found.pop()
    for build in place.store.builds(place.project or None):
        if (place.project, config) in place.store.build_askers(build.id):
            return build.fingerprint
    return place.store.build(name).fingerprint


def _use(use: ImageUse, there: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`there`: what the engine tells is kept; without that, what it used last counts as what it needs."""
    needing = [one["configurations"] for one in there if one["host"] == use.host]
    return {
        "name": use.config,
        "project": use.project,
        "target": use.target,
        "host": use.host,
        "needs_it_now": f"{use.project_name}/{use.config}" in needing[0] if needing else use.current,
        "last_used_utc": utc(use.last_used),
    }


def _build(one: BuildRecord) -> dict[str, Any]:
    return {
        "id": one.id,
        "host": one.host,
        "status": one.state,
        "start_time_utc": utc(one.started),
        "end_time_utc": utc(one.ended),
        "step": one.step,
        "steps": one.steps,
        "words": one.words,
        "image": one.image,
        "size": one.size,
        "error": one.error,
        "log": one.log,
    }


def _builds(options: argparse.Namespace) -> int:
    place = Place(options)
    with place.store as store:
        found = store.builds(place.project or None, limit=options.number)
    rows = [
        {
            "id": one.id[:12],
            "fingerprint": one.fingerprint[:12],
            "host": one.host,
            "status": one.state,
            "started": _second(one.started),
            "took": span(one.ended - one.started) if one.ended else "",
            "error": one.error.splitlines()[0] if one.error else "",
        }
        for one in found
    ]
    emit(options, [{**_build(one), "fingerprint": one.fingerprint} for one in found], rows)
    return 0


def _builds_options(parser: Parser) -> None:
    parser.add_argument("-l", "--last", dest="number", metavar="N", type=int, help="only the newest N")


def _log_options(parser: Parser) -> None:
    parser.add_argument("-n", "--name", required=True, help=f"{NAME_HELP}, or the id of a build")


def _log(options: argparse.Namespace) -> int:
    from pathlib import Path

    from cli.artifacts import copy

    place = Place(options)
    with place.store as store:
        try:
            build = store.build(options.name)
        except NotFound:
            config = options.name.removesuffix(".runconfig")
            asked = [
                one
                for one in store.builds(place.project or None)
                if (place.project, config) in store.build_askers(one.id)
            ]
            build = asked[0] if asked else store.build(_fingerprint(place, options.name))
    if not build.log or not Path(build.log).exists():
        raise NotFound(f"the log of build {build.id[:12]} is gone.", where=build.log)
    copy(Path(build.log))
    return 0


def _cancel(options: argparse.Namespace) -> int:
    from engine.client import call

    place = Place(options)
    with place.store as store:
        build = store.build(options.name)
    refused = call("environments", {"op": "cancel", "ids": [build.id]}, paths=place.paths)["refused"]
    for why in refused.values():
        sys.stderr.write(f"{build.id[:12]}: {plain(why)}\n")
    if not refused:
        sys.stderr.write(f"{build.id[:12]} is canceled\n")
    return 1 if refused else 0


def _cancel_options(parser: Parser) -> None:
    parser.add_argument("-n", "--name", required=True, help="the build's id, or the beginning of its id or fingerprint")


def _prune_options(parser: Parser) -> None:
    parser.add_argument(
        "-n",
        "--name",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="only these, each by the beginning of its fingerprint",
    )
    parser.add_argument("--all", action="store_true", help="also what configurations need, when no run uses it now")
    parser.add_argument(
        "--force", action="store_true", help="with -n: also what another installation built, which may need it"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    _host_option(parser)


def _prune(options: argparse.Namespace) -> int:
    from cli.asking import Person
    from engine.client import call

    if options.force and not options.name:
        raise UsageError("--force is for environments that are named.", remedy="Name them with -n.")
    place = Place(options)
    known = _known(place, options.host)
    going = _going(known, options.name, options.all)
    hosts = dict.fromkeys(one["host"] for one in (going if options.name else known))
    if going and not options.yes:
        if not sys.stdin.isatty():
            raise UsageError("pruning asks first, and there is nobody to ask.", remedy="Add --yes.")
        for one in going:
            needs = f", needed by {', '.join(one['configurations'])}" if one["configurations"] else ""
            sys.stderr.write(plain(f"{one['fingerprint'][:12]} on {one['host']}, {size(one['size'])}{needs}") + "\n")
        if not Person().agrees(f"Remove {'it' if len(going) == 1 else f'these {len(going)}'}?", default=False):
            return 1
    data: dict[str, Any] = {"removed": [], "freed": 0, "refused": {}}
    # What failed builds left is removed as well, also where no environment goes.
    for host in hosts or {options.host or "local": None}:
        ids = [one["fingerprint"] for one in going if one["host"] == host]
        asked = {"op": "prune", "host": host, "ids": ids, "force": options.force}
        answer = call("environments", asked, paths=place.paths)
        data["removed"] += [{"fingerprint": one, "host": host} for one in answer["removed"]]
        data["freed"] += answer["freed"]
        data["refused"].update(answer["refused"])
    for fingerprint, why in data["refused"].items():
        sys.stderr.write(f"{fingerprint[:12]}: {plain(why)}\n")
    done = data["removed"] or data["refused"] or data["freed"]
    sys.stderr.write(f"removed {len(data['removed'])}, freed {size(data['freed'])}\n" if done else "nothing to prune\n")
    emit(options, data, [{**one, "fingerprint": one["fingerprint"][:12]} for one in data["removed"]])
    return 1 if data["refused"] else 0


def _going(known: Sequence[dict[str, Any]], names: Sequence[str] | None, everything: bool) -> list[dict[str, Any]]:
    """What is to go: what was named, or what nothing needs. Raises NotFound."""
    if names is None:
        return [one for one in known if not one["in_use"] and (everything or not one["configurations"])]
    going: dict[tuple[str, str], dict[str, Any]] = {}
    for name in names:
        found = [one for one in known if name and one["fingerprint"].startswith(name)]
        if not found:
            raise NotFound(f"there is no environment {name!r}.", remedy="`aml environment list` shows what there is.")
        going.update({(one["host"], one["fingerprint"]): one for one in found})
    return list(going.values())


COMMANDS = {
    "list": Command(
        "list what is prepared, with its size, its last use and which configurations need it",
        _list,
        options=_host_option,
        output="table",
        examples='  aml environment list\n  aml environment list -o json --query "[?!in_use].fingerprint"',
    ),
    "show": Command(
        "everything about one environment: what it was made from, its builds, who needs it",
        _show,
        options=_name,
        examples="  aml environment show -n docker\n  aml environment show -n 3fa94c --query asks_for",
    ),
    "builds": Command(
        "list the builds of the project's environments, newest first",
        _builds,
        options=_builds_options,
        output="table",
        examples="  aml environment builds -l 5",
    ),
    "log": Command(
        "print the whole log of a build, also of a failed one",
        _log,
        options=_log_options,
        output=None,
        examples="  aml environment log -n docker",
    ),
    "cancel": Command("end a build that `aml experiment prepare` began", _cancel, options=_cancel_options, output=None),
    "prune": Command(
        "remove environments that no configuration needs any more; never what a run uses",
        _prune,
        options=_prune_options,
        output="table",
        examples="  aml environment prune\n  aml environment prune --all --yes",
    ),
}
