"""A comparison as a file: Markdown to read, CSV for a spreadsheet, JSON for a program. Each has all of it."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from typing import TYPE_CHECKING, Any

from engine.plain import plain
from engine.runs.sides import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.project.differing import Diff
    from engine.project.snapshot import Entry
    from engine.runs.comparing import Comparison, First
    from engine.runs.figures import Compared, Metric, Parting
    from engine.runs.model import Run, Series

    Diffs = Mapping[tuple[str, int], Diff]

FORMATS = ("md", "csv", "json")
# Of a number, significant.
DIGITS = 9
# A lone surrogate stands for a byte of a name that is not UTF-8; no encoding has it.
_SURROGATE = re.compile("[\ud800-\udfff]")


def format_of(name: str) -> str:
    """The format that a file name asks for by its ending; "" when it asks for none of them."""
    ending = name.lower().rpartition("/")[2].rpartition(".")
    return {"md": "md", "markdown": "md", "csv": "csv", "json": "json"}.get(ending[2], "") if ending[0] else ""


def written(comparison: Comparison, diffs: Diffs, kind: str) -> str:
    """The whole comparison in one of `FORMATS`."""
    if kind == "json":
        return json.dumps(_finite(document(comparison, diffs)), indent=2, ensure_ascii=True, allow_nan=False) + "\n"
    text = _as_csv(comparison, diffs) if kind == "csv" else _as_markdown(comparison, diffs)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def document(comparison: Comparison, diffs: Diffs) -> dict[str, Any]:
    """The comparison as JSON has it. What is of a run stands under its label; the first run is the baseline."""
    labels = comparison.labels

    def each(values: Sequence[Any]) -> dict[str, Any]:
        return dict(zip(labels, values, strict=True))

    def rows(section: str) -> list[dict[str, Any]]:
        return [
            {"name": row.name, "differs": row.differs, "values": each([cell or None for cell in row.cells])}
            for row in getattr(comparison, section)
        ]

    return {
        "baseline": labels[0],
        "runs": [_run(label, run) for label, run in zip(labels, comparison.runs, strict=True)],
        "first_parting": each([_first(one) for one in comparison.firsts]),
        "summary": rows("summary"),
        "environment": rows("environment"),
        "code": [
            {
                "path": file.path,
                "differs": file.differs,
                "files": each([_entry(one) for one in file.entries]),
                "diffs": {
                    label: {"note": diff.note, "lines": list(diff.lines)}
                    for place, label in enumerate(labels)
                    if (diff := diffs.get((file.path, place))) is not None
                },
            }
            for file in comparison.files
        ],
        "no_code": {label: why for label, why in each(comparison.no_code).items() if why},
        "metrics": [
            {
                "name": one.name,
                "kind": one.kind,
                "differs": one.differs,
                "values": each([_figures(series) for series in one.series]),
                "partings": each([_parting(compared) for compared in one.partings]),
            }
            for one in comparison.metrics
        ],
        "tolerance": comparison.tolerance,
    }


def _run(label: str, run: Run) -> dict[str, Any]:
    return {"label": label, "run_id": run.id, "project": run.project, "created": run.created, "state": run.state.value}


def _first(one: First | None) -> dict[str, Any] | None:
    return None if one is None else {"metric": one.metric, **vars(one.parting)}


def _entry(entry: Entry | None) -> dict[str, Any] | None:
    return None if entry is None else {key: value for key, value in entry.to_json().items() if key != "path"}


def _figures(series: Series | None) -> dict[str, Any] | None:
    if series is None:
        return None
    found: dict[str, Any] = {"count": series.count, "last_step": series.last_step}
    if series.numeric:
        return {"last": series.last, "min": series.low, "max": series.high, **found}
    return {"last": series.value, **found}


def _parting(compared: Compared | None) -> dict[str, Any] | None:
    if compared is None:
        return None
    return {"compared": compared.count, "at": None if compared.parting is None else vars(compared.parting)}


def _finite(value: Any) -> Any:
    """Strict JSON: NaN and infinities as the metrics stream has them."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list) else value


# Rows, as CSV and Markdown have them


def metric_rows(one: Metric) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Last, least, greatest value, how many, and where each run parts from the baseline: a row each."""

    def cells(get: Any) -> tuple[str, ...]:
        return tuple("" if series is None else _number(get(series)) for series in one.series)

    if any(series is not None and series.numeric for series in one.series):
        yield "last", cells(lambda series: series.last)
        yield "min", cells(lambda series: series.low)
        yield "max", cells(lambda series: series.high)
    else:
        yield "last", cells(lambda series: json.dumps(_finite(series.value), ensure_ascii=False))
    yield "values", cells(lambda series: series.count)
    if any(one.partings):
        yield "parts (baseline / here)", tuple(parting_words(compared) for compared in one.partings)


def parting_words(compared: Compared | None, digits: int = DIGITS) -> str:
    """Where a run parts from the baseline, whose value is first: "step 3: 0.91 / 0.95".

    "" where there is nothing to compare.
    """
    if compared is None:
        return ""
    if compared.parting is None:
        return f"nowhere in {compared.count:,} value{'s' if compared.count != 1 else ''}"
    one = compared.parting
    steps = f"step {one.step}" if one.step == one.other_step else f"step {one.step} and {one.other_step}"
    return f"{steps}: {_pair(one, digits)}"


def file_words(entries: Sequence[Entry | None], place: int, no_code: Sequence[str] = ()) -> str:
    """What a file is in the run at this place, beside the baseline's: "1,234 bytes", "same", "changed, 1,300 bytes"."""
    from engine.project.differing import same

    entry, first = entries[place], entries[0]
    if no_code and no_code[place]:
        return "not known"
    if entry is None:
        return "absent"
    what = f"link to {entry.link}" if entry.kind == "link" else f"{entry.size:,} bytes"
    if not place or (no_code and no_code[0]):
        return what
    if same(first, entry):
        return "same"
    if first is None:
        return f"new, {what}"
    return f"changed, {what}" if (first.sha256, first.link) != (entry.sha256, entry.link) else f"mode {entry.mode:o}"


def first_words(one: First | None, digits: int = DIGITS) -> str:
    """Where a run parts from the baseline in any metric."""
    if one is None:
        return ""
    at = one.parting
    return f"step {at.step}, {one.metric}: {_pair(at, digits)}"


def _pair(one: Parting, digits: int) -> str:
    """The baseline's value and the other's: `digits`, and as many more as it takes to tell them apart."""
    enough = next((more for more in range(digits, 17) if f"{one.value:.{more}g}" != f"{one.other:.{more}g}"), 17)
    return f"{one.value:.{enough}g} / {one.other:.{enough}g}"


def rows(comparison: Comparison) -> Iterator[tuple[str, str, bool, tuple[str, ...]]]:
    """Every row: section, name, whether it differs, a cell a run."""
    if any(comparison.firsts):
        yield "summary", "parts first", True, tuple(first_words(one) for one in comparison.firsts)
    for section in ("summary", "environment"):
        for row in getattr(comparison, section):
            yield section, row.name, row.differs, row.cells
    for file in comparison.files:
        places = range(len(comparison.runs))
        cells = tuple(file_words(file.entries, place, comparison.no_code) for place in places)
        yield "code", file.path, file.differs, cells
    for one in comparison.metrics:
        for name, cells in metric_rows(one):
            parts = any(compared is not None and compared.parting is not None for compared in one.partings)
            differs = parts if name.startswith("parts") else one.differs and len(set(cells)) > 1
            yield "metrics", f"{one.name} {name}", differs, cells


def _number(value: float | str | None) -> str:
    if value is None:
        return ""
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)


def _as_csv(comparison: Comparison, diffs: Diffs) -> str:
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["section", "name", "differs", *map(plain, comparison.labels)])
    for section, name, differs, cells in rows(comparison):
        table.writerow([section, plain(name), "yes" if differs else "no", *map(plain, cells)])
    for path in dict.fromkeys(path for path, _ in diffs):
        known = [diffs.get((path, place)) for place in range(len(comparison.runs))]
        texts = ["" if one is None else one.note or "\n".join(map(_line, one.lines)) for one in known]
        table.writerow(["diff", plain(path), "yes", *texts])
    return out.getvalue()


def _as_markdown(comparison: Comparison, diffs: Diffs) -> str:
    labels = comparison.labels
    parts = [f"# {_cell(' and '.join(labels))}", f"The baseline is {_cell(labels[0])}."]
    for place, (label, run) in enumerate(zip(labels, comparison.runs, strict=True)):
        took = f", {seconds(run.ended - run.started)}" if run.started is not None and run.ended is not None else ""
        parts.append(f"{place + 1}. {_cell(label)}: {_cell(run.id)}, {run.state.value}{took}")
    every = list(rows(comparison))
    for section in ("summary", "environment", "code", "metrics"):
        found = [row[1:] for row in every if row[0] == section]
        parts.append(f"## {section.capitalize()}")
        if section == "code":
            parts += [f"{_cell(labels[place])}: {why}." for place, why in enumerate(comparison.no_code) if why]
        parts.append(_table(labels, found) if found else "Nothing.")
    if diffs:
        parts.append("## Changes")
    for (path, place), diff in diffs.items():
        parts.append(f"### {_cell(path)}: {_cell(labels[0])}, {_cell(labels[place])}")
        parts.append(f"{_cell(diff.note)}." if diff.note else _fenced(diff.lines))
    return "\n\n".join(parts) + "\n"


def _table(labels: Sequence[str], found: Sequence[tuple[str, bool, tuple[str, ...]]]) -> str:
    lines = ["| | " + " | ".join(map(_cell, labels)) + " |", "|---" * (len(labels) + 1) + "|"]
    for name, differs, cells in found:
        shown = f"**{_cell(name)}**" if differs else _cell(name)
        lines.append(f"| {shown} | " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Text as it is: nothing in it is Markdown's."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", plain(text))


def _fenced(lines: Sequence[str]) -> str:
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}diff", *map(_line, lines), fence])


def _line(text: str) -> str:
    """A line of a file, with its tabs."""
    return "\t".join(map(plain, text.split("\t")))
