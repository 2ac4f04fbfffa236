"""`aml experiment forward`: a port of a run at an address of this machine. The engine keeps it until the run ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cli.output import emit
from cli.places import Place, one_run
from engine.client import call
from engine.errors import EngineUnavailable, UsageError
from engine.plain import plain

if TYPE_CHECKING:
    import argparse

    from cli.command import Parser


def options(parser: Parser) -> None:
    one_run(parser)
    parser.add_argument("--port", type=int, metavar="N", help="the run's port: 6006 of TensorBoard, 8888 of Jupyter")
    parser.add_argument("--local-port", type=int, metavar="N", help="the port here (default: the same, or a free one)")
    parser.add_argument("--stop", metavar="PORT", help="end the forward to this port of this machine")


def forward(options: argparse.Namespace) -> int:
    """The address on stdout; without --port all forwards there are."""
    place = Place(options)
    if options.stop is not None:
        if options.port is not None:
            raise UsageError("--port and --stop exclude each other.")
        call("connect", {"op": "unforward", "forward": options.stop}, paths=place.paths, start=False)
        return 0
    if options.port is None:
        _list(options, place)
        return 0
    with place.store:
        run = place.run(options.run)
    asked: dict[str, Any] = {"op": "forward", "id": run.id, "port": options.port, "local": options.local_port}
    answer = call("connect", asked, paths=place.paths)
    if options.output or options.query:
        emit(options, answer)
    else:
        sys.stdout.write(f"{plain(answer['address'])}\n")
    return 0


def _list(options: argparse.Namespace, place: Place) -> None:
    try:
        found = call("connect", {"op": "forwards"}, paths=place.paths, start=False)["forwards"]
    except EngineUnavailable:
        # Forwards are the engine's: without one there are none.
        found = []
    options.output = options.output or "table"
    keys = ("address", "run", "port", "target", "open", "trouble")
    emit(options, found, [{key: one[key] for key in keys} for one in found])
    if not found and options.output == "table":
        sys.stderr.write("no port is forwarded\n")
