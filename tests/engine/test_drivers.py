"""Where the ports of a PySpark run are: looked up again when they may have moved, never asked what they are."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine import drivers
from engine.drivers import SPARK_UI, SparkWay, ui_ports
from engine.errors import HostError, NothingThere
from engine.launchers.yarn import Application
from tests.engine.runs.test_store import PLAN
from tests.tui.history import make_run

if TYPE_CHECKING:
    from pathlib import Path

    from engine.hosts.host import Host

SPARK = dataclasses.replace(PLAN, launcher="spark", target="far", options={"deploy_mode": "cluster"})
FIRST = Application("application_1_1", "RUNNING", node="wn0", tracking="http://rm0:8088/proxy/application_1_1/")
SECOND = dataclasses.replace(FIRST, node="wn1", tracking="http://rm1:8088/proxy/application_1_1/")


class Network:
    """A host from which some addresses do not answer; what YARN says of the application now."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.application: Application | None = FIRST
        self.hangs = False
        self.silent: set[str] = set()
        self.dialled: list[tuple[str, int]] = []
        monkeypatch.setattr(drivers, "application_of", self.application_of)

    async def application_of(self, *_: Any) -> Application | None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.application is None:
            raise HostError("YARN does not answer.")
        return self.application

    async def dial(self, address: str, port: int) -> str:
        self.dialled.append((address, port))
        if address in self.silent:
            await asyncio.Event().wait()
        return address

    async def host(self) -> Host:
        return cast("Host", self)

    def way(self, port: int, log: Path) -> SparkWay:
        return SparkWay(make_run(1), SPARK, port, self.host, log)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    return Network(monkeypatch)


@pytest.mark.parametrize(("port", "before", "after"), [(6006, "wn0", "wn1"), (SPARK_UI, "rm0", "rm1")])
async def test_a_node_that_is_silent_is_left_for_where_it_is_now(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: int, before: str, after: str
) -> None:
    monkeypatch.setattr(drivers, "DIAL_WITHIN", 0.01)
    way = network.way(port, tmp_path / "none")
    assert (await way.place()).address == before
    assert network.dialled == []
    network.silent = {before}
    with pytest.raises(NothingThere):
        await way.dial()
    network.application = SECOND
    assert await way.dial() == after


async def test_a_server_of_somebody_else_on_the_node_before_is_not_reached(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = network.way(6006, tmp_path / "none")
    await way.place()
    assert await way.dial() == "wn0"
    monkeypatch.setattr(drivers, "FRESH", 0.0)
    network.application = SECOND
    assert await way.dial() == "wn1"
    # What it last said holds while it says nothing.
    network.application = None
    assert await way.dial() == "wn1"
    monkeypatch.setattr(drivers, "LOOK_WITHIN", 0.01)
    network.hangs = True
    assert await way.dial() == "wn1"


async def test_spark_says_where_its_pages_are(network: Network, tmp_path: Path) -> None:
    log = tmp_path / "driver.log"
    assert ui_ports(log) == set()
    log.write_text(
        "WARN Utils: Service 'SparkUI' could not bind on port 4040. Attempting port 4041.\n"
        "INFO Utils: Successfully started service 'sparkDriver' on port 43210.\n"
        "INFO Utils: Successfully started service 'SparkUI' on port 40415.\n"
    )
    assert ui_ports(log) == {4041, 40415}
    assert (await network.way(40415, log).place()).path == "/proxy/application_1_1/"
    assert (await network.way(43210, log).place()).path == ""
