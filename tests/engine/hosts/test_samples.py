"""What a host is busy with."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING, Any

import pytest

from engine.hosts.agent import samples
from tests.engine.hosts.bench import R
from tests.waiting import until_async

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.hosts.bench import Bench

GPUS = """\
0, GPU-aaaa, Tesla V100-SXM2-16GB, 87, 10240, 16160
1, GPU-bbbb, NVIDIA A100 80GB PCIe, [N/A], 0, 81920
2, GPU-cccc, Odd, with comma, 0, [Not Supported], [Not Supported]
No devices were found
"""
APPS = "GPU-aaaa, 4242\nGPU-aaaa, 17\nGPU-bbbb, [N/A]\n"


def test_recorded_answers_of_nvidia_smi() -> None:
    first, second, third = samples.parse_gpus(GPUS, APPS)
    assert first == {
        "index": 0,
        "name": "Tesla V100-SXM2-16GB",
        "util": 0.87,
        "mem_used": 10240 << 20,
        "mem_total": 16160 << 20,
        "holders": [17, 4242],
    }
    assert (second["util"], second["mem_used"], second["holders"]) == (None, 0, [])
    assert (third["name"], third["mem_total"]) == ("Odd, with comma", None)


async def test_samples_come_while_they_are_wanted(bench: Bench) -> None:
    taken: list[dict[str, Any]] = []
    bench.host.on_sample(taken.append)
    await bench.host.samples(0.05)
    await until_async(lambda: len(taken) >= 3)
    sample = taken[-1]
    assert 0 <= sample["cpu"] <= 1
    assert 0 < sample["cores"] <= (os.cpu_count() or 1)
    assert 0 < sample["mem_used"] < sample["mem_total"]
    assert 0 < sample["disk_free"] <= sample["disk_total"]
    assert sample["load1"] >= 0
    assert sample["gpus"] == []
    assert taken[0]["at"] < taken[1]["at"]
    await bench.host.samples(0)
    await bench.host.free_disk()
    count = len(taken)
    await bench.host.samples(30)
    await until_async(lambda: len(taken) > count)


async def test_a_busy_processor_is_seen(bench: Bench) -> None:
    taken: list[dict[str, Any]] = []
    await bench.run(R, "while True: pass")
    bench.host.on_sample(taken.append)
    await bench.host.samples(0.2)
    await until_async(lambda: [sample for sample in taken if sample["cpu"] * sample["cores"] > 0.5])


@pytest.mark.parametrize("broken", [False, True])
async def test_gpus_as_the_program_tells_them(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    body = "exit 9" if broken else f"case $1 in --query-gpu=*) cat <<E\n{GPUS}E\n;; *) cat <<E\n{APPS}E\n;; esac"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    await bench.host.reconnect()
    taken: list[dict[str, object]] = []
    bench.host.on_sample(taken.append)
    await bench.host.samples(0.05)
    if broken:
        await until_async(lambda: [s for s in taken if "exit status 9" in str(s.get("gpu_error"))])
    else:
        await until_async(lambda: [s for s in taken if s["gpus"]])
        assert taken[-1]["gpus_asked"] is True
        told = [
            {**gpu, "held_by": [samples.holder(pid) for pid in gpu["holders"]]}
            for gpu in samples.parse_gpus(GPUS, APPS)
        ]
        assert taken[-1]["gpus"] == told


def test_who_holds_a_gpu() -> None:
    user = pwd.getpwuid(os.getuid()).pw_name
    assert samples.holder(os.getpid()).startswith(f"{user}, ")
    assert samples.holder(2**22 + 1) == f"process {2**22 + 1}"
