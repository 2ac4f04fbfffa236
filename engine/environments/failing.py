"""What is told of a build that failed: the step, the lines of the project's files that it is about, the last words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.environments.commands import name_of
from engine.environments.log import masked
from engine.errors import AmlError, EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Lines of a failed build's log that its error tells.
LAST_LINES = 8
_STATUS = re.compile(r"returned a non-zero code: (\d+)")
# Where the tools begin to say what is wrong.
_COMPLAINT = re.compile(
    r"error|no matching|not (be )?found|no candidates|nothing provides|not available|conflict|cannot|could not|failed"
    r"|unsatisfiable|does not exist|missing|no solution",
    re.IGNORECASE,
)
_FULL = re.compile(r"no space left on device", re.IGNORECASE)
_UNREACHED = re.compile(
    r"name resolution|name or service not known|failed to establish a new connection|network is unreachable"
    r"|connection (refused|timed out)|dns error|CERTIFICATE_VERIFY_FAILED|certificate verify failed|ProxyError",
    re.IGNORECASE,
)
_DISK = "The Docker Engine's disk is full: `aml environment prune` or `docker system prune`."
_INDEX = (
    "A package index could not be reached from a container: check the network, HTTPS_PROXY and the index's address; "
    "certificates of your own belong into the base image."
)


def explained(
    error: Exception,
    lines: Iterable[str],
    *,
    doing: str,
    places: Mapping[str, str],
    host: str,
    build: str,
    disk: str = _DISK,
    index: str = _INDEX,
) -> EnvironmentFailed:
    """`doing`: the step at work; `lines`: the end of the log; `places`: where specs and pip's lines are written.

    `disk`, `index`: what to do about a full disk, and about an index that is not reached.
    """
    said = list(lines)
    message = masked(error.message if isinstance(error, AmlError) else str(error))
    status = _STATUS.search(message)
    if status is not None:
        # The whole command is in the log.
        message = f"it ended with status {status[1]}"
    found = _blamed(said, places)
    about = "".join(f"\n  {place}: {masked(text)}" for text, place in found)
    last = "".join(f"\n  {line}" for line in said[-LAST_LINES:])
    return EnvironmentFailed(
        f"the environment could not be built ({doing}): {message}"
        + (f"\nIt is about:{about}" if about else "")
        + (f"\nThe last lines:{last}" if last else "")
        # What to do is a line of its own after so much.
        + "\n",
        where=found[0][1] if found else host,
        remedy=_remedy(error, said, disk, index) or f"The whole log: `aml environment log -n {build}`.",
    )


def _remedy(error: Exception, lines: list[str], disk: str, index: str) -> str:
    if isinstance(error, AmlError) and error.remedy:
        return error.remedy
    end = "\n".join(lines[-5 * LAST_LINES :])
    if _FULL.search(end):
        return disk
    return index if _UNREACHED.search(end) else ""


def _blamed(lines: list[str], places: Mapping[str, str]) -> list[tuple[str, str]]:
    """(spec or line, its place) of what the complaint names; Python only when it names nothing else."""
    begin = next((number for number, line in enumerate(lines) if _COMPLAINT.search(line)), len(lines))
    complaint = "\n".join(lines[begin:])
    found = [(text, place) for text, place in places.items() if text != "python" and _names(complaint, text)]
    if not found and "python" in places and _names(complaint, "python"):
        found = [("python", places["python"])]
    return found


def _names(complaint: str, text: str) -> bool:
    if text.startswith("-"):
        return False
    file = text.startswith("./sent/") or ("://" in text and " @ " not in text)
    name = text.rpartition("/")[2] if file else name_of(text)
    # "scikit_learn" and "scikit-learn" are the same to pip.
    pattern = re.sub(r"[-_.]+", "[-_.]+", re.escape(name).replace("\\-", "-").replace("\\.", "."))
    return re.search(rf"(?<![\w.\-]){pattern}(?![\w\-])", complaint, re.IGNORECASE) is not None
