"""A daemon that dies in the middle of a build."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.errors import HostLost
from tests.engine.environments.conftest import spec, workshop_on
from tests.services.conda import stand_in_for_conda
from tests.services.docker import DockerEngine, bare_image
from tests.waiting import until_async

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.wheels import Index

# Made at the second attempt, which finds what the first one looks for in vain.
SCRIPT = """\
echo begun
wget -q -O /dev/null {url}/go 2>/dev/null || sleep 600
mkdir -p /opt/aml-env
"""


@pytest.mark.timeout(150)
async def test_the_next_attempt_succeeds_and_nothing_is_left(
    docker_engine: DockerEngine, tmp_path: Path, wheels: Index
) -> None:
    engine = DockerEngine()
    try:
        await asyncio.to_thread(engine.start)
        image = await asyncio.to_thread(bare_image, engine)
        image = stand_in_for_conda(engine, image, "dying", SCRIPT.format(url=wheels.url))
        asked = spec(image, conda=("numpy",))
        async with workshop_on(engine, tmp_path / "builds") as workshop:
            building = asyncio.create_task(workshop.ensure(asked))
            await until_async(lambda: any("(begun)" in words for words in workshop.said), 60, "the step")
            await asyncio.to_thread(engine.kill)
            with pytest.raises(HostLost):
                await building
            assert workshop.last.state == "canceled"
            assert "broke" in workshop.last.error
            assert "begun" in workshop.log()
            with pytest.raises(HostLost, match="not running"):
                await workshop.ensure(asked)

            await asyncio.to_thread(engine.start)
            # Its containers run on: nobody else would end this one.
            assert len(await asyncio.to_thread(engine.containers)) == 1
            (wheels.folder / "simple" / "go").write_text("go")
            await workshop.docker.open()
            ready = await workshop.ensure(asked)
            assert ready.built
            assert await workshop.leftovers() == ([], 0)
            assert await workshop.environments() == [ready.fingerprint]
    finally:
        await asyncio.to_thread(engine.close)
