"""A way in for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.hosts.ssh.door import Door

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths


@pytest.fixture
async def door(tmp_path: Path, home: Paths) -> AsyncIterator[Door]:
    one = Door(tmp_path, home)
    yield one
    await one.close()
