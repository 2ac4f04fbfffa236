"""The queues of a cluster as its scheduler (Capacity, Fair or FIFO) tells of them. No input or output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.plain import plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

RUNNING = "RUNNING"
DEFAULT = "default"


@dataclass(frozen=True)
class Queue:
    """One that takes applications. `used`, `share` (its own) and `most` are parts of the cluster, 1.0 is all of it.

    `path` is from the root on. `lists`: who may submit, by the access list of each queue on the path as YARN writes
    it, "users groups"; None where the scheduler does not tell.
    """

    name: str
    path: str
    state: str
    used: float
    share: float
    most: float
    running: int
    waiting: int
    lists: tuple[str, ...] | None = None

    @property
    def full(self) -> bool:
        """Whether nothing more fits in."""
        return self.most > 0 and self.used >= self.most - 0.005

    def allows(self, user: str, groups: Collection[str]) -> bool | None:
        """Whether one of its lists has this user; None when that is not known."""
        if self.lists is None:
            return None
        return any(_has(text, user, groups) for text in self.lists)

    def to_json(self) -> dict[str, Any]:
        """As it is in a sample."""
        return {
            "name": self.name,
            "state": self.state,
            "used": round(self.used, 4),
            "share": round(self.share, 4),
            "most": round(self.most, 4),
            "running": self.running,
            "waiting": self.waiting,
        }


def queues_of(told: Mapping[str, Any]) -> list[Queue]:
    """From the answer to `/ws/v1/cluster/scheduler`, by name; none for a scheduler that is not known."""
    info = (told.get("scheduler") or {}).get("schedulerInfo") or {}
    kind = str(info.get("type") or "")
    if kind == "capacityScheduler":
        found = list(_capacity(info, "", ()))
    elif kind == "fairScheduler":
        found = list(_fair(info.get("rootQueue") or {}, _memory(info.get("rootQueue"), "maxResources")))
    elif kind == "fifoScheduler":
        used, share = _number(info, "usedCapacity"), _number(info, "capacity")
        found = [Queue(DEFAULT, "root.default", str(info.get("qstate") or RUNNING), used, share, share, 0, 0)]
    else:
        found = []
    return sorted(found, key=lambda queue: queue.path)


def find(queues: Sequence[Queue], name: str) -> Queue | None:
    """The one that `spark.yarn.queue` means: by its name, or by its path with `root.` or without."""
    whole = name if name.startswith("root.") else f"root.{name}"
    by_path = next((queue for queue in queues if queue.path == whole), None)
    return by_path or next((queue for queue in queues if queue.name == name), None)


def _capacity(info: Mapping[str, Any], above: str, lists: tuple[str | None, ...]) -> Iterator[Queue]:
    name = plain(info.get("queueName") or "")
    path = f"{above}.{name}" if above else name
    lists = (*lists, _submitters(info))
    below = _listed(info.get("queues"))
    for one in below:
        yield from _capacity(one, path, lists)
    if not below and above:
        known = tuple(one for one in lists if one is not None)
        waiting = int(_number(info, "numPendingApplications"))
        yield Queue(
            name,
            path,
            plain(info.get("state") or RUNNING),
            _number(info, "absoluteUsedCapacity") / 100,
            _number(info, "absoluteCapacity") / 100,
            _number(info, "absoluteMaxCapacity") / 100,
            int(_number(info, "numApplications")) - waiting,
            waiting,
            known if len(known) == len(lists) else None,
        )


def _fair(info: Mapping[str, Any], whole: float) -> Iterator[Queue]:
    below = _listed(info.get("childQueues"))
    for one in below:
        yield from _fair(one, whole)
    path = plain(info.get("queueName") or "")
    if not below and path != "root":

        def part(key: str) -> float:
            return min(1.0, _memory(info, key) / whole) if whole else 0.0

        yield Queue(
            path.rpartition(".")[2],
            path,
            RUNNING,
            part("usedResources"),
            part("steadyFairResources"),
            part("maxResources"),
            int(_number(info, "numActiveApps")),
            int(_number(info, "numPendingApps")),
        )


def _listed(told: Any) -> list[Mapping[str, Any]]:
    """A list of queues; there are versions that have it in an object, and one alone without its list."""
    if isinstance(told, dict):
        told = told.get("queue")
    if isinstance(told, dict):
        return [told]
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def _submitters(info: Mapping[str, Any]) -> str | None:
    for one in (info.get("queueAcls") or {}).get("queueAcl") or ():
        if one.get("accessType") == "SUBMIT_APP":
            return str(one.get("accessControlList") or "")
    return None


def _has(text: str, user: str, groups: Collection[str]) -> bool:
    if text.strip() == "*":
        return True
    users, _, of_groups = text.partition(" ")
    return user in users.split(",") or any(one.strip() in groups for one in of_groups.split(","))


def _number(info: Mapping[str, Any], key: str) -> float:
    value = info.get(key)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _memory(info: Mapping[str, Any] | None, key: str) -> float:
    return _number((info or {}).get(key) or {}, "memory")
