"""How far a Spark application is, by the REST API of its driver, through the ResourceManager's proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import HostError, HostLost

if TYPE_CHECKING:
    from engine.launchers.yarn import Application, Yarn


async def stage(yarn: Yarn, application: Application) -> str:
    """ "stage 2 of 5, 120 of 400 tasks, 3 executors", or "" when no job is at work or the driver does not say.

    Raises HostLost.
    """
    try:
        base = f"/proxy/{application.id}/api/v1/applications"
        listed = await yarn.ask("GET", base)
        # In cluster mode an attempt is part of the name.
        attempts = listed[0].get("attempts") or [{}]
        attempt = attempts[0].get("attemptId")
        own = f"{base}/{application.id}" + (f"/{attempt}" if attempt else "")
        jobs = await yarn.ask("GET", f"{own}/jobs?status=running")
        executors = await yarn.ask("GET", f"{own}/executors")
        return words_of(jobs, executors)
    except HostLost:
        raise
    except (HostError, AttributeError, IndexError, KeyError, TypeError, ValueError):
        # A driver that is busy or about to end does not answer; what is told of the application is enough then.
        return ""


def words_of(jobs: list[dict[str, Any]], executors: list[dict[str, Any]]) -> str:
    """The newest of the running jobs, as the driver tells of them; "" when there are none."""
    if not jobs:
        return ""
    job = max(jobs, key=lambda one: int(one["jobId"]))
    stages = len(job.get("stageIds") or ())
    done = int(job.get("numCompletedStages") or 0) + int(job.get("numSkippedStages") or 0)
    tasks = int(job["numTasks"]) - int(job.get("numSkippedTasks") or 0)
    parts = [f"job {int(job['jobId']) + 1}"]
    if stages > 1:
        parts.append(f"stage {min(done + 1, stages)} of {stages}")
    parts.append(f"{int(job['numCompletedTasks'])} of {tasks} tasks")
    count = sum(one.get("id") != "driver" and bool(one.get("isActive", True)) for one in executors)
    parts.append("1 executor" if count == 1 else f"{count} executors")
    return ", ".join(parts)
