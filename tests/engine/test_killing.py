"""The engine killed at random moments while runs are submitted, print, end and are canceled: the bench, in small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(180)
def test_no_run_is_lost_doubled_or_wrongly_ended() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.killing", "--times", "8", "--runs", "6", "--longest", "100"],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "engines killed" in done.stdout
