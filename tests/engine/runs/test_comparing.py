"""Runs beside each other, from a store as the engine leaves it."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from typing import TYPE_CHECKING

import pytest

from engine.errors import NotFound, NotNow
from engine.masking import STARS
from engine.project.snapshot import Entry, Snapshot, save
from engine.runs import points
from engine.runs.comparing import Comparer, rows_of
from engine.runs.comparison_files import document, format_of, written
from engine.runs.figures import Compared, Parting, distance
from engine.runs.ledger import Ledger
from engine.runs.metrics import MetricRecord
from engine.runs.model import Run, RunPlan, State
from engine.runs.request import RunRequest
from engine.runs.sides import Fact, parse_arguments
from engine.runs.store import StoreReader
from tests.engine.project.test_differing import put

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.paths import Paths

PLAN = RunPlan(
    project="/p/iris",
    project_name="iris",
    config="local",
    target="local",
    target_type="local",
    host="local",
    launcher="process",
    framework="Python",
    script="train.py",
    argv=("train.py",),
    interpreter="/usr/bin/python3",
)


class Bench:
    """Runs in a store, and what compares them."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.ledger = Ledger(paths.store)
        self.store = StoreReader(paths.store)
        self.comparer = Comparer(paths)
        self._consumed: dict[str, int] = {}

    def run(self, *arguments: str, **changes: object) -> Run:
        plan = dataclasses.replace(PLAN, argv=("train.py", *arguments), **changes)  # type: ignore[arg-type]
        count = len(self.store.runs())
        return self.ledger.create(RunRequest("/p/iris", "local", token=f"t{count}"), plan)

    def log(self, run: Run, name: str, values: Sequence[float], step: int | None = None) -> None:
        at = self._consumed.get(run.id, 0)
        self._consumed[run.id] = at + 1
        records = [MetricRecord(at=1.0, kind="scalar", name=name, value=value, step=step) for value in values]
        assert points.add(self.ledger, run.id, records, at, at + 1, 0)

    def code(self, run: Run, **files: bytes) -> None:
        entries = tuple(put(self.paths.blobs, content, name.replace("_", ".")) for name, content in files.items())
        identity = f"{run.number}".rjust(64, "0")
        save(Snapshot(identity, entries, len(entries), 0), self.paths.snapshots)
        self.ledger.change(run.id, snapshot=identity)

    def close(self) -> None:
        self.store.close()
        self.ledger.close()


@pytest.fixture
def bench(home: Paths) -> Iterator[Bench]:
    one = Bench(home)
    yield one
    one.close()


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ((), {}),
        (("--rate", "0.1"), {"--rate": ["0.1"]}),
        (("--rate=0.1", "-n", "5"), {"--rate": ["0.1"], "-n": ["5"]}),
        (("--shift", "-0.5", "--wide"), {"--shift": ["-0.5"], "--wide": ["yes"]}),
        (("data.csv", "--fast", "--", "--not-an-option"), {"argument 1": ["data.csv"], "--fast": ["yes"],
                                                             "argument 2": ["--not-an-option"]}),
        (("--layer", "3", "--layer", "4"), {"--layer": ["3", "4"]}),
        (("--empty", "", "--a=b=c"), {"--empty": [""], "--a": ["b=c"]}),
    ],
)  # fmt: skip
def test_arguments_by_name(arguments: tuple[str, ...], found: dict[str, list[str]]) -> None:
    assert parse_arguments(arguments) == found


def test_what_differs_comes_first(bench: Bench) -> None:
    one = bench.run("--rate", "0.1", "--layers", "3")
    other = bench.run("--rate", "0.2", "--layers", "3", config="gpu")
    found = bench.comparer.read([one.id, other.id])
    assert [row.name for row in found.summary if row.differs] == ["configuration", "--rate"]
    assert [row.differs for row in found.summary] == sorted((row.differs for row in found.summary), reverse=True)
    rows = {row.name: row.cells for row in found.summary}
    assert rows["--rate"] == ("0.1", "0.2")
    assert rows["--layers"] == ("3", "3")
    assert found.labels == ("iris-001", "iris-002")
    turned = bench.comparer.read([other.id, one.id])
    assert {row.name: row.cells for row in turned.summary}["--rate"] == ("0.2", "0.1")


def test_secrets_are_stars_and_still_compared(bench: Bench) -> None:
    secret = {"API_TOKEN": "one-secret", "MODE": "fast", "DB_PWD": "p-secret", "accessKey": "a-secret"}
    one = bench.run("--api-key", "abc", "--index=https://ann:pw@host/x", environment_variables=secret)
    other = bench.run("--api-key", "xyz", "--index=https://ann:pw@host/x", environment_variables=secret)
    assigned = ("-e", "DB_PASSWORD=e-secret", "HF_TOKEN=h-secret", "--env=API_KEY=k-secret", "-D", "rate=0.5")
    found = bench.comparer.read([bench.run(*assigned).id, bench.run("-D", "rate=0.7").id])
    cells = {row.name: row.cells for row in found.summary}
    assert (cells["-D"], cells["-e"]) == (("rate=0.5", "rate=0.7"), (f"DB_PASSWORD={STARS}", ""))
    assert (cells["argument 1"], cells["--env"]) == ((f"HF_TOKEN={STARS}", ""), (f"API_KEY={STARS}", ""))
    assert "-secret" not in written(found, {}, "json")
    others = bench.comparer.read([bench.run("-e", "TOKEN=one").id, bench.run("-e", "TOKEN=two").id]).summary
    assert others[0].cells == (f"TOKEN={STARS}", f"TOKEN={STARS} (another)")
    third = bench.run("--api-key", "abc", environment_variables={**secret, "API_TOKEN": "another-secret"})
    found = bench.comparer.read([one.id, other.id, third.id])
    rows = {row.name: row for row in found.summary}
    assert rows["--api-key"].cells == (STARS, f"{STARS} (another)", STARS)
    assert rows["--api-key"].differs
    assert rows["$API_TOKEN"].cells == (STARS, STARS, f"{STARS} (another)")
    assert rows["$MODE"].cells == ("fast",) * 3 and not rows["$MODE"].differs
    assert rows["--index"].cells == (f"https://{STARS}@host/x",) * 2 + ("",)
    for kind in ("md", "csv", "json"):
        text = written(found, {}, kind)
        assert not [word for word in ("-secret", "abc", "xyz", "pw@") if word in text]


def test_environments_package_by_package(bench: Bench) -> None:
    def spec(*pip: str, **more: object) -> dict[str, object]:
        return {
            "environment": {"base_image": "a:1", "conda": ["numpy=1.2"], "pip": list(pip), "python": "=3.9", **more}
        }

    one = bench.run(launcher="container", options=spec("torch==2.0", "--index-url https://x"))
    other = bench.run(launcher="container", options=spec("torch==2.1", "tqdm", base_image="a:2"))
    found = bench.comparer.read([one.id, other.id])
    assert [(row.name, row.cells) for row in found.environment if row.differs] == [
        ("base image", ("a:1", "a:2")),
        ("pip torch", ("==2.0", "==2.1")),
        ("pip options", ("--index-url https://x", "")),
        ("pip tqdm", ("", "any version")),
    ]
    assert ("conda numpy", ("=1.2", "=1.2")) in [(row.name, row.cells) for row in found.environment]


def test_the_first_value_at_which_runs_part(bench: Bench) -> None:
    one, other, third = bench.run(), bench.run(), bench.run()
    curve = [1 / (n + 1) for n in range(1000)]
    bench.log(one, "loss", curve)
    bench.log(other, "loss", [*curve[:700], *(value * 1.01 for value in curve[700:])])
    bench.log(third, "loss", [value * (1 + 1e-12) for value in curve[:300]])
    for run in (one, other, third):
        bench.log(run, "accuracy", [0.5, 0.6])
    bench.log(one, "only here", [1.0])
    found = bench.comparer.read([one.id, other.id, third.id])
    metrics = {metric.name: metric for metric in found.metrics}
    assert [metric.name for metric in found.metrics] == ["loss", "only here", "accuracy"], "by relative difference"
    parting = metrics["loss"].partings[1]
    assert parting == Compared(1000, Parting(700, 700, curve[700], 700, curve[700] * 1.01))
    assert metrics["loss"].partings[2] == Compared(300)
    assert metrics["only here"].partings == (None, None, None)
    assert metrics["accuracy"].partings[1:] == (Compared(2), Compared(2)) and not metrics["accuracy"].differs
    first = found.firsts[1]
    assert first is not None and (first.metric, first.parting.step) == ("loss", 700)
    assert found.firsts[0] is found.firsts[2] is None
    exact = bench.comparer.read([one.id, third.id], 0.0)
    assert exact.firsts[1] is not None and exact.firsts[1].parting.position == 0
    loose = bench.comparer.read([one.id, other.id], 0.05)
    assert loose.firsts[1] is None
    assert metrics["loss"].change(1) == pytest.approx(0.01)
    assert metrics["loss"].change(0) is metrics["only here"].change(1) is None


def test_what_is_not_finite_and_integers(bench: Bench) -> None:
    one, other = bench.run(), bench.run()
    bench.log(one, "loss", [1, math.nan, math.inf, 2.0])
    bench.log(other, "loss", [1.0, math.nan, -math.inf, 2.0])
    bench.log(one, "big", [2**64 - 1, 5])
    bench.log(other, "big", [2**64 - 1, math.nan])
    found = bench.comparer.read([one.id, other.id])
    metrics = {metric.name: metric for metric in found.metrics}
    assert metrics["loss"].partings[1] == Compared(4, Parting(2, 2, math.inf, 2, -math.inf))
    parting = metrics["big"].partings[1]
    assert parting is not None and parting.parting is not None and parting.parting.position == 1
    assert metrics["big"].difference == math.inf
    data = json.loads(written(found, {}, "json"), parse_constant=lambda word: pytest.fail(word))
    assert data["metrics"][0]["partings"]["iris-002"]["at"]["other"] == "NaN"
    assert [distance(*pair) for pair in ((1.0, 1.0), (math.nan, math.nan), (0.0, 0.0), (1e308, -1e308))] == [0, 0, 0, 2]


def test_what_is_logged_once_is_not_where_runs_part(bench: Bench) -> None:
    one, other, third = bench.run(), bench.run(), bench.run()
    for run, rate, loss in ((one, 0.1, [1.0, 0.5, 0.2]), (other, 0.2, [1.0, 0.4, 0.2]), (third, 0.3, [])):
        bench.log(run, "rate", [rate])
        bench.log(run, "loss", loss)
        bench.log(run, "error", [1.0, loss[1] + 1] if loss else [])
    found = bench.comparer.read([one.id, other.id, third.id])
    assert found.firsts[1] is not None and (found.firsts[1].metric, found.firsts[1].parting.step) == ("loss", 1)
    assert found.firsts[2] is not None and found.firsts[2].metric == "rate", "there is nothing else"


def test_steps_of_their_own(bench: Bench) -> None:
    one, other = bench.run(), bench.run()
    bench.log(one, "loss", [1.0], step=10)
    bench.log(other, "loss", [2.0], step=20)
    found = bench.comparer.read([one.id, other.id])
    assert found.metrics[0].partings[1] == Compared(1, Parting(0, 10, 1.0, 20, 2.0))
    assert "step 10 and 20: 1 / 2" in written(found, {}, "csv")


def test_only_what_came_since_is_looked_at(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = bench.run(), bench.run()
    asked: list[tuple[int, int]] = []
    parting = StoreReader.parting

    def counted(self: StoreReader, a: str, b: str, name: str, start: int, end: int, tolerance: float) -> object:
        asked.append((start, end))
        return parting(self, a, b, name, start, end, tolerance)

    monkeypatch.setattr(StoreReader, "parting", counted)
    for values in ([1.0, 2.0], [3.0], [], [4.0, 5.0], [6.0]):
        bench.log(one, "loss", values)
        bench.log(other, "loss", [value if value < 5 else 0 for value in values])
        found = bench.comparer.read([one.id, other.id])
    assert asked == [(0, 2), (2, 3), (3, 5)], "once they part nothing is looked for any more"
    assert found.metrics[0].partings[1] == Compared(5, Parting(4, 4, 5.0, 4, 0.0))


def test_code_file_by_file(bench: Bench) -> None:
    one, other, third = bench.run(), bench.run(), bench.run()
    bench.code(one, train_py=b"a = 1\nb = 2\n", data_bin=b"\0\1", same_py=b"x\n", gone_py=b"g\n")
    bench.code(other, train_py=b"a = 1\nb = 3\n", data_bin=b"\0\2\2", same_py=b"x\n", new_py=b"n\n")
    found = bench.comparer.read([one.id, other.id, third.id])
    assert found.no_code == ("", "", "it has not taken its code along yet")
    pair = bench.comparer.read([one.id, other.id])
    assert [(file.path, file.differs) for file in pair.files] == [
        ("data.bin", True), ("gone.py", True), ("new.py", True), ("train.py", True), ("same.py", False)
    ]  # fmt: skip
    diffs = bench.comparer.diffs(pair)
    assert diffs["train.py", 1].lines[-2:] == ("-b = 2", "+b = 3")
    assert diffs["data.bin", 1].note == "binary: 2 bytes, then 3 bytes"
    assert ("same.py", 1) not in diffs
    assert bench.comparer.diffs(found).keys() == {(path, 1) for path in ("data.bin", "gone.py", "new.py", "train.py")}


def test_a_snapshot_that_is_gone_is_said(bench: Bench) -> None:
    one, other = bench.run(), bench.run()
    bench.code(one, train_py=b"a\n")
    bench.ledger.change(other.id, snapshot="f" * 64)
    found = bench.comparer.read([one.id, other.id])
    assert found.no_code[0] == "" and "the snapshot ffffffffffff cannot be read" in found.no_code[1]
    assert "not known" in written(found, {}, "csv")


def test_how_many_can_be_compared(bench: Bench) -> None:
    runs = [bench.run().id for _ in range(9)]
    with pytest.raises(NotNow, match="at most 8"):
        bench.comparer.read(runs)
    with pytest.raises(NotNow, match="two are needed"):
        bench.comparer.read([runs[0], runs[0]])
    assert len(bench.comparer.read(runs[:8]).runs) == 8
    bench.ledger.put_in_bin(runs[:1], 1.0)
    with pytest.raises(NotFound, match="was deleted"):
        bench.comparer.read(runs[:2])


def test_files_have_the_whole_comparison(bench: Bench) -> None:
    one, other = bench.run("--rate", "0.1 | `x`\n*y*"), bench.run("--rate", "0.2")
    for run, rate in ((one, 1.0), (other, 2.0)):
        bench.log(run, "loss [/x]\x1b[2J", [0.5, rate])
        bench.code(run, train_py=b"```\n\tprint(%f)\n" % rate, **{"odd\udcff_py": b"%f" % rate})
    bench.ledger.move(bench.store.run(other.id), State.FAILED, "x", "", {"exit_code": 3})
    found = bench.comparer.read([one.id, other.id])
    diffs = bench.comparer.diffs(found)
    text = written(found, diffs, "md")
    assert r"| **--rate** | 0.1 \| \`x\` \*y\* | 0.2 |" in text
    assert r"| **loss \[/x\] last** | 1 | 2 |" in text
    assert "| **parts first** |  | step 1, loss \\[/x\\]: 1 / 2 |" in text
    assert "| **state** | NotStarted | Failed, exit code 3 |" in text
    assert "````diff\n--- train.py (iris-001)" in text and "-\tprint(1.000000)\n+\tprint(2.000000)" in text
    assert "\x1b" not in text
    text.encode()
    rows = list(csv.reader(io.StringIO(written(found, diffs, "csv"))))
    assert rows[0] == ["section", "name", "differs", "iris-001", "iris-002"]
    assert {len(row) for row in rows} == {5}
    assert ["summary", "--rate", "yes", "0.1 | `x` *y*", "0.2"] in rows
    (changed,) = [row for row in rows if row[:2] == ["diff", "train.py"]]
    assert changed[4].endswith("-\tprint(1.000000)\n+\tprint(2.000000)")
    data = json.loads(written(found, diffs, "json"))
    assert data == json.loads(json.dumps(document(found, diffs)))
    assert data["baseline"] == "iris-001"
    code = {entry["path"]: entry for entry in data["code"]}
    assert code["train.py"]["diffs"]["iris-002"]["lines"][-1] == "+\tprint(2.000000)"
    assert code["odd\udcff.py"]["differs"]


def test_two_runs_of_one_name_have_their_ids(bench: Bench) -> None:
    one, other = bench.run(), bench.run()
    same = dataclasses.replace(PLAN, project="/elsewhere/iris")
    third = bench.ledger.create(RunRequest("/elsewhere/iris", "local", token="t"), same)
    assert bench.comparer.read([one.id, other.id, third.id]).labels == (one.id, "iris-002", third.id)


def test_rows_without_anything() -> None:
    assert rows_of([{}, {}]) == ()
    (row,) = rows_of([{"a": Fact("1", "1")}, {}])
    assert (row.cells, row.differs) == (("1", ""), True)


def test_formats_by_their_endings() -> None:
    assert [format_of(name) for name in ("a.md", "a.markdown", "A.CSV", "x/a.json", "a.txt", "md")] == [
        "md", "md", "csv", "json", "", ""
    ]  # fmt: skip


def test_entries_that_are_folders_are_left_out(bench: Bench) -> None:
    one, other = bench.run(), bench.run()
    for run in (one, other):
        save(Snapshot(f"{run.number}" * 64, (Entry("data", "dir", 0o755),), 0, 0), bench.paths.snapshots)
        bench.ledger.change(run.id, snapshot=f"{run.number}" * 64)
    assert bench.comparer.read([one.id, other.id]).files == ()
