"""What YARN and a driver tell of an application, in words. The answers are those of Hadoop 3.3 and Spark 3.5."""

from __future__ import annotations

from typing import Any

import pytest

from engine.launchers.stages import words_of
from engine.launchers.yarn import Application

WAITING = (
    "[Thu Nov 26 04:10:11 +0000 2026] Application is added to the scheduler and is not yet activated. Queue's AM "
    "resource limit exceeded.  Details : AM Partition = <DEFAULT_PARTITION>; AM Resource Request = <memory:1024>; "
)
CONTAINER = "http://node:8042/node/containerlogs/container_e17_1795665149932_0001_0{}_000001/ann"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"state": "SUBMITTED", "queue": "night"}, "waits in YARN's queue night"),
        (
            {"state": "ACCEPTED", "queue": "default", "diagnostics": WAITING},
            "waits in YARN's queue default: Application is added to the scheduler and is not yet activated. Queue's AM "
            "resource limit exceeded",
        ),
        (
            {"state": "ACCEPTED", "runningContainers": 1, "diagnostics": "AM container is launched"},
            "YARN starts its first container",
        ),
        (
            {"state": "RUNNING", "runningContainers": 3, "allocatedVCores": 5, "allocatedMB": 6144},
            "3 containers, 5 vcores, 6.0 GB",
        ),
        (
            {
                "state": "RUNNING",
                "runningContainers": 1,
                "allocatedVCores": 1,
                "allocatedMB": 1024,
                "amContainerLogs": CONTAINER.format(2),
                "numNonAMContainerPreempted": 2,
                "numAMContainerPreempted": 1,
            },
            "attempt 2, 1 container, 1 vcores, 1.0 GB, 3 taken away by YARN",
        ),
        ({"state": "KILLED"}, "its application was killed on YARN"),
        ({"state": "FAILED"}, "its application failed on YARN"),
        ({"state": "FINISHED", "finalStatus": "FAILED"}, ""),
    ],
)
def test_an_application(told: dict[str, Any], words: str) -> None:
    # A cluster tells -1 where it has no number.
    assert Application.from_json({"id": "application_1_1", "allocatedMB": -1, **told}).words == words


def test_an_application_of_an_old_yarn_that_tells_little() -> None:
    one = Application.from_json({"id": "application_1_12", "state": "RUNNING", "queue": None})
    assert (one.number, one.words) == ((1, 12), "0 containers, 0 vcores, 0.0 GB")


def test_jobs() -> None:
    job = {
        "jobId": 2,
        "stageIds": [3, 4, 5],
        "numCompletedStages": 1,
        "numSkippedStages": 0,
        "numTasks": 400,
        "numCompletedTasks": 120,
        "numSkippedTasks": 0,
    }
    executors = [{"id": "driver", "isActive": True}, {"id": "1", "isActive": True}, {"id": "2", "isActive": False}]
    assert words_of([job], executors) == "job 3, stage 2 of 3, 120 of 400 tasks, 1 executor"
    assert words_of([], executors) == ""


def test_where_its_driver_and_its_pages_are() -> None:
    told = {"amHostHttpAddress": "wn0.example:8042", "trackingUrl": "http://hn0:8088/proxy/application_1_2/"}
    one = Application.from_json(told)
    assert (one.node, one.tracking) == ("wn0.example", told["trackingUrl"])
    # Before it runs.
    one = Application.from_json({"amHostHttpAddress": None, "trackingUrl": "UNASSIGNED"})
    assert (one.node, one.tracking) == ("", "")
