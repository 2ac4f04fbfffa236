"""PySpark runs on a cluster beside spark-submit by hand on its head node, in the same run, on the same YARN.

`python -m bench.cluster`, or some of it: `--parts submit environment follow many`. The cluster is a YARN with HDFS and
Spark, behind an sshd in a network namespace (root; Debian's openssh-server, iproute2, maven, openjdk-17-jre-headless).
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
from typing import TYPE_CHECKING

from bench import machine
from bench.far_cluster import Cluster
from bench.first_line import asked, compare
from bench.installation import Installation, wait_for
from bench.report import median, megabytes, progress, seconds, show, verdict
from tests.services.wheels import make_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping

PARTS = ("submit", "environment", "follow", "many")
# How much later a first line may come than by hand (s), as on a machine without Spark.
MOST_LATER = 0.3
# The driver's first line, then an application with a job.
HELLO = """\
print("first line", flush=True)
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
assert spark.sparkContext.parallelize(range(100), 2).sum() == 4950
spark.stop()
"""
TALK = """\
import sys, time
from pathlib import Path
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
end, number = Path(sys.argv[1]), 0
while not end.exists():
    print(f"epoch {number:06d} loss={1 / (number + 1):.6f}", flush=True)
    number += 1
    time.sleep(1.0)
"""
# A package that neither driver nor executors have otherwise.
NEEDS = "dependencies:\n  - python>=3\n  - pip:\n    - ./bench_leaf-{version}-py3-none-any.whl\n"
USES = 'import bench_leaf\nassert bench_leaf.VERSION == "{version}"\n'
# What just happened is at work for a moment (s).
SETTLE = 5.0


def submit(times: int) -> None:
    """To the driver's first line, by hand over an open connection and submitted."""
    with Cluster() as cluster, Installation() as place:
        cluster.serve(place)
        place.script("hello.py", HELLO)
        cluster.head.person.write("hello.py", HELLO)
        place.run("engine", "start")
        with cluster.master() as master:
            by_hand = master.command("spark-submit", "--master", "yarn", "--deploy-mode", "client", "hello.py")
            compare(place, "hello.py", by_hand, "ssh head spark-submit", times, most=MOST_LATER, later=True)


def environment(times: int) -> None:
    """To the driver's first line when the environment is made first, and when it is there."""
    with Cluster() as cluster, Installation() as place:
        cluster.serve(place, prepare=True)
        place.run("engine", "start")
        first: list[float] = []
        second: list[float] = []
        for turn in range(times + 1):
            progress(f"environment, turn {turn} of {times}")
            version = f"{turn + 1}.0"
            make_wheel(place.project, "bench_leaf", version)
            needs = NEEDS.format(version=version)
            (place.project / "aml_config" / "conda_dependencies.yml").write_text(needs, encoding="utf-8")
            place.script("hello.py", USES.format(version=version) + HELLO)
            for taken in (first, second):
                came = asked(place, "hello.py")
                if turn:  # the first connects the host and fills the caches
                    taken.append(came)
    show(
        "A run with an environment of its own on a cluster, asked of the engine",
        ["driver's first line", "median", "slowest"],
        [
            ["environment made, packed and kept", seconds(median(first)), seconds(max(first))],
            ["environment there", seconds(median(second)), seconds(max(second))],
            ["less", seconds(median(first) - median(second)), ""],
        ],
        [
            f"{times} environments, each a venv with one small wheel that is sent along; nothing is downloaded."
            f" Load {machine.load():.1f}."
        ],
    )


class Following:
    """What the engine takes, and asks of the ResourceManager, over stretches of `length` seconds."""

    def __init__(self, cluster: Cluster, place: Installation, length: float) -> None:
        self.cluster = cluster
        self.place = place
        self.length = length
        self.engine = int(place.engine()["pid"])
        self.rows: list[list[str]] = []

    def measure(self, name: str) -> None:
        progress(f"{name}, {self.length:.0f} s")
        time.sleep(SETTLE)
        who: Mapping[str, list[int]] = {"engine": [self.engine], "agents": self.cluster.head.agents()}
        before = len(self.cluster.asked())
        used = machine.Used(who)
        time.sleep(self.length)
        shares = used.shares()
        queries = self.cluster.asked()[before:]
        kinds = ", ".join(f"{count} {path}" for path, count in collections.Counter(queries).most_common(4))
        self.rows.append(
            [
                name,
                f"{shares['engine']:.1%}",
                megabytes(machine.resident(self.engine)),
                f"{shares['agents']:.1%}",
                f"{len(queries) * 60 / self.length:.1f}",
                kinds,
            ]
        )


def follow(runs: int, length: float, config: str, what: str) -> bool:
    """Whether every run of a configuration completed and no application was left."""
    with Cluster(runs + 1) as cluster, Installation() as place:
        cluster.serve(place, slots=runs)
        place.script("talk.py", TALK)
        place.script("hello.py", HELLO)
        place.run("engine", "start")
        place.until_ended([place.ask("hello.py")], 120)
        it = Following(cluster, place, length)
        it.measure("no run")
        end = cluster.hosts.folder / "end"
        begun = time.monotonic()
        ids = [place.ask("talk.py", str(end), config=config) for _ in range(runs)]
        wait_for(lambda: cluster.running() == runs, 120 + 60 * runs, f"{runs} applications")
        wait_for(lambda: all("epoch" in _log(place, one) for one in ids), 120, "a line of each")
        started = time.monotonic() - begun
        it.measure(f"{runs} runs, nobody looks")
        with place.console() as console:
            console.until(lambda screen: screen.shows("epoch"))
            it.measure(f"{runs} runs, a console looks")
            console.close()
        end.touch()
        ended = place.until_ended(ids, 120 + 30 * runs)
        completed = sum(str(run.state) == "Completed" for run in ended.values())
        left = cluster.running()
        same = int(place.engine()["pid"]) == it.engine
    held = completed == runs and not left and same
    show(
        f"{runs} PySpark runs on a cluster, {what}, each a line a second, one engine",
        ["", "engine, CPU of a core", "memory", "agent, CPU of a core", "ResourceManager, queries a minute", "which"],
        it.rows,
        [
            f"{length:.0f} s each; drivers, executors and YARN share the cores. All ran after {started:.0f} s;"
            f" {completed} completed, {left} applications were left: {verdict(held)}. Load {machine.load():.1f}."
        ],
    )
    return held


def _log(place: Installation, run_id: str) -> str:
    path = place.paths.driver_log(run_id)
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options.add_argument("--times", type=int, default=9, help="first lines are measured")
    options.add_argument("--environments", type=int, default=3, help="that are made")
    options.add_argument("--runs", type=int, default=10, help="that are followed, with an executor each: about 1 GB")
    options.add_argument("--many", type=int, default=50, help="that are followed, without executors: about 0.4 GB each")
    options.add_argument("--length", type=float, default=60.0, help="seconds that following is measured")
    chosen = options.parse_args()
    held = True
    for number, part in enumerate(chosen.parts):
        if number:
            print()
        if part == "submit":
            submit(chosen.times)
        elif part == "environment":
            environment(chosen.environments)
        elif part == "follow":
            held = follow(chosen.runs, chosen.length, "far", "drivers on the head node, an executor each") and held
        else:
            held = follow(chosen.many, chosen.length, "far-small", "drivers on its nodes, no executors") and held
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
