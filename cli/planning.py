"""`aml experiment plan`: what a submission would meet, without making it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cli.follow import say
from cli.output import emit
from cli.places import Place
from cli.submit import what_options, what_request
from engine.client import call
from engine.runs.forecast import Forecast, lines

if TYPE_CHECKING:
    import argparse

    from cli.command import Parser


def options(parser: Parser) -> None:
    what_options(parser)


def plan(options: argparse.Namespace) -> int:
    """A line for each fact; as data all of it. Raises what a submission would raise before it begins."""
    place = Place(options)
    request = what_request(options, place.the_project())
    told = call("plan", {"request": request.to_json()}, paths=place.paths)["plan"]
    forecast = Forecast.from_json(told)
    for notice in forecast.notices:
        say(f"notice: {notice}")
    rows = [{"what": line.label, "plan": line.text} for line in lines(forecast, time.time())]
    emit(options, told, rows)
    return 0
