"""Which Python drivers and executors run in: arguments of spark-submit, where the person's settings say nothing.

An environment of the head node reaches the executors as an archive, which YARN unpacks once on every node; the driver
beside it uses the folder. Settings win over PYSPARK_PYTHON and PYSPARK_DRIVER_PYTHON of the head node.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PYTHON, DRIVER_PYTHON = "spark.pyspark.python", "spark.pyspark.driver.python"
# Settings that name archives as `--archives` does, which would take their place.
ARCHIVES = ("spark.yarn.dist.archives", "spark.archives")
# The folder that the archive is unpacked to, beside each executor.
UNPACKED = "environment"


def python_arguments(
    settings: Sequence[str],
    environment: Mapping[str, Any] | None,
    interpreter: str,
    *,
    driver_on_cluster: bool = False,
    along: Sequence[str] = (),
) -> tuple[str, ...]:
    """Arguments for spark-submit, to stand behind `settings`, the person's own.

    `environment`: what the run was prepared with, {"interpreter", "archive"}. `interpreter`: without one, the Python of
    all nodes that the person names.
    `driver_on_cluster`: the driver is where executors are (cluster mode), and not on the head node. `along`: archives
    that go along in any case.
    """
    given = given_settings(settings)
    wanted: dict[str, str] = {}
    found: list[str] = []
    archives = list(along)
    if environment:
        unpacked = f"./{UNPACKED}/bin/python"
        wanted[PYTHON] = unpacked
        wanted[DRIVER_PYTHON] = unpacked if driver_on_cluster else str(environment["interpreter"])
        archives.append(f"{environment['archive']}#{UNPACKED}")
    elif interpreter:
        wanted[PYTHON] = wanted[DRIVER_PYTHON] = interpreter
    if archives:
        named = [given[name] for name in ARCHIVES if given.get(name)]
        found += ["--archives", ",".join([*named, *archives])]
    if PYTHON in given and DRIVER_PYTHON not in given:
        # The one setting is meant for both.
        wanted.pop(DRIVER_PYTHON, None)
    for name, value in wanted.items():
        if name not in given:
            found += ["--conf", f"{name}={value}"]
    return tuple(found)


def given_settings(settings: Sequence[str]) -> dict[str, str]:
    """The settings among arguments, `--conf name=value`."""
    pairs = (value.partition("=") for flag, value in pairwise(settings) if flag == "--conf")
    return {name: value for name, _, value in pairs}
