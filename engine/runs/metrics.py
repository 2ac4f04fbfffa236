"""The metrics wire, `metrics.jsonl`: one JSON object a line, written by the run-side `azureml` package.

Keys: `t` epoch seconds, `k` kind ("scalar", "list", "row", "table", "image", "text", "tag", "property", "upload",
"status"; the runner's are "resource"), `n` name, `v` value, `d` description (optional), `s` step (optional). NaN and
infinities are the strings "NaN", "Infinity", "-Infinity". What a script writes is data: a line that does not fit is
counted and passed over.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from engine.runs.model import RESOURCE

KINDS = frozenset({"scalar", "list", "row", "table", "image", "text", "tag", "property", "upload", "status", RESOURCE})

# A longer line is not a metric; it is passed over without being held. Bytes.
LONGEST_LINE = 8 << 20

# Steps the store can hold.
_STEPS = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True)
class MetricRecord:
    """One logged value. `at` in epoch seconds; `value` a float or an integer for scalars, else what JSON can hold.

    Of a resource it is what the run uses then, by name (see engine/hosts/agent/usage.py: Usage).
    """

    at: float
    kind: str
    name: str
    value: Any
    description: str = ""
    step: int | None = None


def parse(data: bytes) -> tuple[list[MetricRecord], int, int]:
    """The whole lines in `data`: (records, bytes used, bad lines). The rest, without a line end, is for next time.

    A rest longer than `LONGEST_LINE` is used up as one bad line.
    """
    end = data.rfind(b"\n") + 1
    records: list[MetricRecord] = []
    bad = 0
    for line in data[:end].splitlines():
        if not line.strip():
            continue
        record = _record(line)
        if record is None:
            bad += 1
        else:
            records.append(record)
    if len(data) - end > LONGEST_LINE:
        return records, len(data), bad + 1
    return records, end, bad


def _record(line: bytes) -> MetricRecord | None:
    if len(line) > LONGEST_LINE:
        return None
    try:
        found = json.loads(line)
        kind, name, value = found["k"], str(found["n"]), found.get("v")
        if kind not in KINDS:
            return None
        if kind == "scalar":
            # An integer stays one; one that no float can stand for is no metric.
            number = float(value)
            value = value if type(value) is int else number
        if kind == RESOURCE:
            value = {str(part): float(used) for part, used in value.items()}
            if not all(map(math.isfinite, value.values())):
                return None
        at = float(found["t"])
        step = None if found.get("s") is None else int(found["s"])
        if not math.isfinite(at) or (step is not None and step not in _STEPS):
            return None
        return MetricRecord(
            at=at,
            kind=kind,
            # A lone surrogate is valid in JSON and in no database.
            name=name.encode("utf-8", "backslashreplace").decode("utf-8"),
            value=value,
            description=str(found.get("d", "")),
            step=step,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
