"""Runs in containers beside the `docker` command: a first line, a prepared environment, twenty at once, a long log.

`python -m bench.containers`. Starts a Docker Engine of its own (root, Debian's docker.io); the image holds Python.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import machine
from bench.first_line import HELLO, compare
from bench.installation import AML, Installation, same_bytes, wait_for
from bench.report import median, progress, seconds, show
from tests.services import docker

if TYPE_CHECKING:
    from collections.abc import Sequence

FLOOD = """\
import sys
line = b"x" * 99 + b"\\n"
for _ in range(int(sys.argv[1]) // 100):
    sys.stdout.buffer.write(line)
"""
# What a first line may take beside `docker run`.
MOST = 1.3
DEPENDENCIES = "dependencies:\n  - python>=3\n  - pip\n"


class Beside:
    """The installation and the `docker` command, on one Docker Engine."""

    def __init__(self, place: Installation, engine: docker.DockerEngine, image: str) -> None:
        self.place = place
        self.engine = engine
        self.image = image
        # With each call as a person's shell does it: no wrapper in between.
        self.docker = [shutil.which("docker") or "docker", "-H", engine.url]

    def run_by_hand(self, script: str, *arguments: str) -> list[str]:
        folder = f"{self.place.project}:/here"
        options = ["--rm", "--init", "--network", "host", "-v", folder, "-w", "/here"]
        return [*self.docker, "run", *options, self.image, "python", script, *arguments]


def preparing(beside: Beside, times: int) -> None:
    """An environment that is there, and a build whose every layer is cached."""
    config = beside.place.project / "aml_config"
    (config / "conda_dependencies.yml").write_text(DEPENDENCIES, encoding="utf-8")
    (config / "built.compute").write_text(f"type: docker\nbaseDockerImage: {beside.image}\n", encoding="utf-8")
    (config / "built.runconfig").write_text(
        'ArgumentVector:\n  - "$file"\nTarget: built\nFramework: Python\n', encoding="utf-8"
    )
    progress("the first build")
    prepare = [AML, "experiment", "prepare", "-c", "built"]
    first = beside.place.took(prepare)
    dockerfile = beside.place.folder / "by hand"
    dockerfile.mkdir()
    (dockerfile / "Dockerfile").write_text(
        f'FROM {beside.image}\nUSER root\nRUN ["/usr/bin/python3", "-m", "venv", "/opt/aml-env"]\n', encoding="utf-8"
    )
    build = [*beside.docker, "build", "--network", "host", "-q", str(dockerfile)]
    by_hand = beside.place.took(build)
    ours, hand = [], []
    for turn in range(times):
        progress(f"prepare, turn {turn + 1} of {times}")
        ours.append(beside.place.took(prepare))
        hand.append(beside.place.took(build))
    show(
        "aml experiment prepare",
        ["", "docker build", "prepare", "against it"],
        [
            ["the first time", seconds(by_hand), seconds(first), f"{first / by_hand:.2f} times"],
            [
                "everything cached",
                seconds(median(hand)),
                seconds(median(ours)),
                f"{median(ours) / median(hand):.2f} times",
            ],
        ],
        [f"A venv without packages. Cached: {times} times each, turn by turn, medians; load {machine.load():.1f}."],
    )


def twenty(beside: Beside, count: int, slots: int) -> None:
    """Many runs on few slots, beside `docker run`; both come from xargs, one command a slot at once."""

    def together(command: Sequence[str]) -> list[str]:
        quoted = " ".join(f"'{part}'" for part in command)
        return ["sh", "-c", f"seq {count} | xargs -P {slots} -I% {quoted}"]

    progress(f"{count} at once by hand")
    by_hand = beside.place.took(together(beside.run_by_hand("hello.py")))
    progress(f"{count} at once")
    before = {run.id for run in beside.place.runs()}
    begun = time.monotonic()
    beside.place.took(together([AML, "experiment", "submit", "--async", "-c", "docker", "hello.py"]))
    submitted = time.monotonic() - begun
    ids = [run.id for run in beside.place.runs() if run.id not in before]
    runs = beside.place.until_ended(ids, 300)
    took = time.monotonic() - begun
    completed = sum(str(run.state) == "Completed" for run in runs.values())
    equal = sum(beside.place.same_bytes(one) for one in ids)
    show(
        f"{count} runs at once on {slots} slots",
        ["", "docker run", "submitted", "against it"],
        [
            ["every command back", seconds(by_hand), seconds(submitted), f"{submitted / by_hand:.2f} times"],
            ["the last one ended", seconds(by_hand), seconds(took), f"{took / by_hand:.2f} times"],
            ["completed, mirrors byte-equal", "", f"{completed}, {equal} of {count}", ""],
        ],
        [f"Commands from xargs, {slots} at a time; load {machine.load():.1f}."],
    )


def throughput(beside: Beside, size: int) -> None:
    """A script that prints as fast as it can: until every byte is in the mirror, beside `docker logs -f`."""
    progress("a long log by hand")
    name = "bench-flood"
    by_hand = [one if one != "--rm" else "-d" for one in beside.run_by_hand("flood.py", str(size))]
    by_hand[by_hand.index("-d") + 1 : by_hand.index("-d") + 1] = ["--name", name]
    begun = time.monotonic()
    beside.place.took(by_hand)
    with (beside.place.folder / "by hand.log").open("wb") as out:
        subprocess.run([*beside.docker, "logs", "-f", name], stdout=out, check=True)
    hand = time.monotonic() - begun
    beside.place.took([*beside.docker, "rm", "-f", name])
    rows = [["docker logs -f", f"{size / hand / 1e6:.0f} MB/s", ""]]
    for shared in (True, False):
        progress(f"a long log, sharedVolumes {shared}")
        beside.place.use_docker(beside.engine.url, beside.image, shared=shared)
        begun = time.monotonic()
        run_id = beside.place.submit("flood.py", str(size))
        mirror = beside.place.paths.driver_log(run_id)
        wait_for(lambda mirror=mirror: mirror.exists() and mirror.stat().st_size >= size, 600, "every byte")  # type: ignore[misc]
        took = time.monotonic() - begun
        beside.place.until_ended([run_id], 60)
        same = same_bytes(mirror, beside.place.paths.host_run(run_id) / "logs" / "driver.log")
        what = "the mirror of a run" + ("" if shared else ", sharedVolumes: false")
        rows.append([what, f"{size / took / 1e6:.0f} MB/s", "yes" if same else "NO"])
    show(
        f"A log of {size / 1e6:.0f} MB from one container",
        ["", "from the command to the last byte here", "byte-equal"],
        rows,
        [f"Load {machine.load():.1f}."],
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=15, help="first lines and prepares are measured")
    options.add_argument("--runs", type=int, default=20)
    options.add_argument("--slots", type=int, default=4)
    options.add_argument("--bytes", type=int, default=200_000_000, help="of the long log")
    chosen = options.parse_args()
    with contextlib.closing(docker.DockerEngine()) as engine, Installation() as place:
        engine.start()
        image = docker.python_image(engine)
        place.use_docker(engine.url, image, slots=chosen.slots)
        Path(place.project / "hello.py").write_text(HELLO, encoding="utf-8")
        Path(place.project / "flood.py").write_text(FLOOD, encoding="utf-8")
        place.run("engine", "start")
        beside = Beside(place, engine, image)
        compare(place, "hello.py", beside.run_by_hand("hello.py"), "docker run", chosen.times, most=MOST)
        print()
        preparing(beside, chosen.times)
        print()
        twenty(beside, chosen.runs, chosen.slots)
        print()
        throughput(beside, chosen.bytes)


if __name__ == "__main__":
    main()
