"""How long a chart of a metric takes, by how many points it has: the first one, closer, a value more; and the keys.

Each is read from a store as the engine wrote it and drawn as in a pane of 118 x 36 cells, in a thread as in the
console, while a loop counts how late it is at most.
"""

from __future__ import annotations

import asyncio
import math
import random
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.report import progress, seconds, show
from engine.runs import points
from engine.runs.ledger import Ledger
from engine.runs.metrics import MetricRecord
from engine.runs.model import RunPlan
from engine.runs.request import RunRequest
from tui.charts.curves import CurveReader, Source
from tui.charts.look import ChartLook
from tui.charts.reading import read_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.charts.reading import Change, Frame

SIZES = (10_000, 100_000, 1_000_000)
PANE = (118, 36)
BATCH = 20_000
# Of each measurement the middle of so many.
TIMES = 5
# A key is to be answered within this (s); the loop is not to be later than that.
ANSWER = 0.05


def fill(ledger: Ledger, count: int) -> str:
    """A run with a noisy curve of so many points, some of them NaN; its id."""
    plan = RunPlan(
        project="/bench", project_name="bench", config="local", target="local", target_type="local", host="local",
        launcher="process", framework="Python", script="train.py", argv=("train.py",), interpreter="python3",
    )  # fmt: skip
    run = ledger.create(RunRequest("/bench", "local", f"token-{count}"), plan)
    chance = random.Random(count)
    for start in range(0, count, BATCH):
        records = [record(n, count, chance) for n in range(start, min(start + BATCH, count))]
        points.add(ledger, run.id, records, start, start + len(records), 0)
    return run.id


def record(n: int, count: int, chance: random.Random) -> MetricRecord:
    value = math.nan if n % 9973 == 5 else math.exp(-5 * n / count) + chance.gauss(0, 0.05)
    return MetricRecord(1.7e9 + n, "scalar", "loss", value)


async def beside(work: Callable[[], Frame]) -> tuple[float, float, Frame]:
    """Seconds it takes in a thread, and how late the loop was at most meanwhile."""
    late = 0.0
    done = asyncio.Event()

    async def beat() -> None:
        nonlocal late
        while not done.is_set():
            due = time.perf_counter() + 0.002
            await asyncio.sleep(0.002)
            late = max(late, time.perf_counter() - due)

    beating = asyncio.ensure_future(beat())
    await asyncio.sleep(0.02)
    begun = time.perf_counter()
    frame = await asyncio.to_thread(work)
    taken = time.perf_counter() - begun
    done.set()
    await beating
    return taken, late, frame


def middle(values: list[tuple[float, float]]) -> tuple[float, float]:
    return sorted(taken for taken, _ in values)[len(values) // 2], max(late for _, late in values)


async def measure(store: Path, ledger: Ledger, run: str, count: int) -> list[str]:
    """A row of the table."""
    first: list[tuple[float, float]] = []
    closer: list[tuple[float, float]] = []
    again: list[tuple[float, float]] = []
    chance = random.Random(1)
    look = ChartLook(smooth=0.9)

    def draw(reader: CurveReader, change: Change | None = None, seen: ChartLook = look) -> Frame:
        return read_frame(store, [reader], [0], seen, [change] if change else [], PANE, ascii=False)

    def near(look: ChartLook, whole: tuple[float, float], _: object) -> ChartLook:
        for _step in range(12):
            look = look.zoomed(True, whole, at=whole[1] * 0.4)
        return look

    for turn in range(TIMES):
        reader = CurveReader(Source(run, "loss", "bench-001", 1.7e9))
        taken, late, _ = await beside(partial(draw, reader))
        first.append((taken, late))
        taken, late, frame = await beside(partial(draw, reader, near))
        closer.append((taken, late))
        shown = frame.picture.window
        assert shown[1] - shown[0] < count
        at = count + turn
        await asyncio.to_thread(points.add, ledger, run, [record(at, count, chance)], at, at + 1, 0)
        taken, late, _ = await beside(partial(draw, reader))
        again.append((taken, late))
    cells = [middle(one) for one in (first, closer, again)]
    late = max(late for _, late in cells)
    return [f"{count:,}", *(seconds(taken) for taken, _ in cells), seconds(late), "yes" if late < ANSWER else "NO"]


def main() -> None:
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.sqlite"
        ledger = Ledger(store)
        for count in SIZES:
            progress(f"{count:,} points")
            run = fill(ledger, count)
            rows.append(asyncio.run(measure(store, ledger, run, count)))
        ledger.close()
    show(
        "A chart of a metric",
        [
            "points",
            "first",
            "4,096 times closer",
            "one value more",
            "loop late by",
            f"within {seconds(ANSWER)}",
        ],
        rows,
        ["Smoothed, of one curve, read and drawn; the median of five. The first chart ever loads plotext as well."],
    )


if __name__ == "__main__":
    main()
