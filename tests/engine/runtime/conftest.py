"""Scripts as people write them, in processes of their own with the run-side package on PYTHONPATH."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.runs.metrics import MetricRecord, parse

RUNTIME = Path(engine.__file__).parent / "runtime"


@dataclass
class Script:
    """Runs Python text in `folder/project` as part of a run (or outside one), and reads what it recorded."""

    folder: Path
    bad: int = 0
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"

    def environment(self, in_run: bool) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AZUREML_", "AML_"))}
        clean["PYTHONPATH"] = str(RUNTIME)
        if in_run:
            clean["AZUREML_RUN_ID"] = "iris_1500000000000"
            clean["AZUREML_OUTPUT_DIRECTORY"] = str(self.outputs)
            clean["AML_METRICS_FILE"] = str(self.file)
            clean["AML_RUN_NUMBER"] = "7"
        return {**clean, **self.environ}

    def run(self, text: str, in_run: bool = True, fails: bool = False) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(text)],
            cwd=self.folder / "project",
            env=self.environment(in_run),
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert fails or done.returncode == 0, done.stderr
        return done

    def records(self) -> list[MetricRecord]:
        data = self.file.read_bytes()
        records, used, self.bad = parse(data)
        assert used == len(data)
        return records

    def record(self, text: str) -> list[tuple[str, str, Any]]:
        """Run the text with `run` and `logger` made for it; the (kind, name, value) of each record."""
        head = (
            "from azureml.core import Run\nfrom azureml.logging import get_azureml_logger\n"
            "run = Run.get_context()\nlogger = get_azureml_logger()\n"
        )
        self.file.unlink(missing_ok=True)
        done = self.run(head + textwrap.dedent(text))
        self.said = done.stderr
        self.printed = done.stdout
        found = [(one.kind, one.name, one.value) for one in self.records()] if self.file.exists() else []
        assert self.bad == 0
        return found


@pytest.fixture
def script(tmp_path: Path) -> Script:
    (tmp_path / "project").mkdir()
    (tmp_path / "outputs").mkdir()
    return Script(tmp_path)
