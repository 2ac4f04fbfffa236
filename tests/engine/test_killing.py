"""The engine killed at random moments while runs are submitted, print, end and are canceled: the bench, in small.

Of runs in containers, the Docker Engine is killed as well.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def kill(where: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.killing", "--times", "8", "--runs", "6", "--longest", "100", "--in", where],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=230,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "engines killed" in done.stdout


@pytest.mark.timeout(240)
def test_no_run_is_lost_doubled_or_wrongly_ended() -> None:
    kill("local")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("where", ["docker", "copied"])
@pytest.mark.usefixtures("docker_engine")
def test_no_run_in_a_container_is_either(where: str) -> None:
    kill(where)
