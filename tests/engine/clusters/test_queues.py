"""Queues as schedulers tell of them: recorded answers, cut to what is read."""

from __future__ import annotations

from typing import Any

import pytest

from engine.clusters.queues import Queue, find, queues_of


def leaf(name: str, *, acl: str | None = None, **more: Any) -> dict[str, Any]:
    told = {
        "type": "capacitySchedulerLeafQueueInfo",
        "queueName": name,
        "state": "RUNNING",
        "absoluteUsedCapacity": 12.5,
        "absoluteCapacity": 40.0,
        "absoluteMaxCapacity": 60.000004,
        "numApplications": 5,
        "numPendingApplications": 2,
        **more,
    }
    return {**told, **lists(acl)}


def lists(acl: str | None) -> dict[str, Any]:
    if acl is None:
        return {}
    told = [("SUBMIT_APP", acl), ("ADMINISTER_QUEUE", " ")]
    return {"queueAcls": {"queueAcl": [{"accessType": kind, "accessControlList": text} for kind, text in told]}}


def capacity(*queues: dict[str, Any], acl: str | None = None) -> dict[str, Any]:
    root = {"type": "capacityScheduler", "queueName": "root", "queues": {"queue": list(queues)}, **lists(acl)}
    return {"scheduler": {"schedulerInfo": root}}


def test_queues_in_queues() -> None:
    inner = {"queueName": "team", "queues": {"queue": [leaf("b"), leaf("a", state="STOPPED")]}}
    found = queues_of(capacity(leaf("default"), inner))
    assert [(one.path, one.state) for one in found] == [
        ("root.default", "RUNNING"),
        ("root.team.a", "STOPPED"),
        ("root.team.b", "RUNNING"),
    ]
    first = found[0]
    assert (first.used, first.share, round(first.most, 2), first.running, first.waiting) == (0.125, 0.4, 0.6, 3, 2)
    assert first.to_json() == {
        "name": "default",
        "state": "RUNNING",
        "used": 0.125,
        "share": 0.4,
        "most": 0.6,
        "running": 3,
        "waiting": 2,
    }


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("default", "root.default"),
        ("root.default", "root.default"),
        ("b", "root.team.b"),
        ("team.b", "root.team.b"),
        ("root.team.b", "root.team.b"),
        ("team", None),
        ("nope", None),
    ],
)
def test_by_name_or_path(name: str, path: str | None) -> None:
    found = find(queues_of(capacity(leaf("default"), {"queueName": "team", "queues": {"queue": leaf("b")}})), name)
    assert (found.path if found else None) == path


@pytest.mark.parametrize(
    ("above", "own", "may"),
    [
        (" ", " ", False),
        (" ", "ann,bob ", True),
        (" ", "bob science,users", True),
        (" ", "bob other", False),
        ("*", " ", True),
        ("ann", "", True),
        (None, "ann", None),
    ],
)
def test_who_may_submit(above: str | None, own: str, may: bool | None) -> None:
    (queue,) = queues_of(capacity(leaf("default", acl=own), acl=above))
    assert queue.allows("ann", ["ann", "users"]) is may


def test_a_queue_that_is_full() -> None:
    assert Queue("a", "root.a", "RUNNING", 0.6, 0.4, 0.6, 1, 0).full
    assert not Queue("a", "root.a", "RUNNING", 0.5, 0.4, 0.6, 1, 0).full
    assert not Queue("a", "root.a", "RUNNING", 0.0, 0.0, 0.0, 0, 0).full


def test_one_queue_without_a_name() -> None:
    fifo = {"type": "fifoScheduler", "capacity": 1.0, "usedCapacity": 0.25, "qstate": "RUNNING"}
    (queue,) = queues_of({"scheduler": {"schedulerInfo": fifo}})
    assert (queue.path, queue.used, queue.most) == ("root.default", 0.25, 1.0)


@pytest.mark.parametrize("told", [{}, {"scheduler": {}}, {"scheduler": {"schedulerInfo": {"type": "another"}}}])
def test_what_is_not_known(told: dict[str, Any]) -> None:
    assert queues_of(told) == []
