"""The engine killed at random moments while runs are submitted, print, end and are canceled: the bench, in small.

Of runs in containers, the Docker Engine is killed as well; of those over SSH, networks are cut and servers killed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def kill(where: str, *options: str, times: int, runs: int) -> str:
    """What the bench told, if it found no fault."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.killing", "--in", where, "--times", str(times), "--runs", str(runs), *options],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=230,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"engines killed {times}" in " ".join(done.stdout.replace("|", " ").split())
    return done.stdout


@pytest.mark.timeout(240)
def test_no_run_is_lost_doubled_or_wrongly_ended() -> None:
    kill("local", "--longest", "100", times=8, runs=6)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("where", ["docker", "copied"])
@pytest.mark.usefixtures("docker_engine")
def test_no_run_in_a_container_is_either(where: str) -> None:
    kill(where, "--longest", "100", times=8, runs=6)


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("networks_needed")
def test_no_run_over_ssh_is_either() -> None:
    told = kill("remote", "--longest", "200", "--hosts", "2", "--cut", "1.5", times=5, runs=10)
    assert "networks cut" in told
    assert "SSH servers killed" in told
