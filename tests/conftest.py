"""Fixtures everyone uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import paths

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> paths.Paths:
    """An installation of its own: store, blobs, socket and settings under the test's folder."""
    monkeypatch.setenv("AML_TUI_HOME", str(tmp_path / "home"))
    where = paths.current()
    where.make()
    return where
