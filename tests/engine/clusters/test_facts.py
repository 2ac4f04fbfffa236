"""What a head node's samples have of its YARN: asked through the one connection, and only while somebody looks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from engine.engine import LOOK_EVERY
from engine.runs.store import StoreReader
from tests.engine.clusters.conftest import machine_of
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.engine import Engine
    from tests.engine.clusters.conftest import Tested
    from tests.services.spark_fixtures import HeadNode, MakeHeadNode, MakeYarn

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240)]

GIB = 1 << 30
STAYS = """\
import time
from pyspark.sql import SparkSession
context = SparkSession.builder.getOrCreate().sparkContext
context.parallelize([0], 1).count()
time.sleep(300)
"""


class Looker:
    """A face that looks at one head node's YARN, and reads what comes into the store."""

    def __init__(self, engine: Engine, head: HeadNode) -> None:
        self.engine = engine
        self.host = machine_of(head).name
        self.store = StoreReader(engine.paths.store)

    async def look(self, *, at_yarn: bool = True) -> None:
        await self.engine.sample("face", [self.host], yarn=[self.host] if at_yarn else [])

    def facts(self) -> dict[str, Any]:
        target = self.store.targets().get(self.host)
        return dict(target.sample.get("yarn") or {}) if target else {}

    async def until(self, condition: Callable[[dict[str, Any]], Any], seconds: float = 60) -> dict[str, Any]:
        await until_async(lambda: condition(self.facts()), seconds, f"{self.facts()}")
        return self.facts()


async def test_what_runs_and_what_is_lent_out(head_node: HeadNode, engine: Engine, tested: Tested) -> None:
    assert (await tested(head_node))["state"] == "ok"
    looker = Looker(engine, head_node)
    await looker.look()
    name = head_node.yarn.url.partition("//")[2]
    idle = await looker.until(lambda facts: facts)
    assert {key: value for key, value in idle.items() if key not in ("queues", "version")} == {
        "managers": [{"name": name, "state": "active"}],
        "memory": 16 * GIB,
        "memory_used": 0,
        "vcores": 8,
        "vcores_used": 0,
        "nodes": 1,
        "unhealthy": 0,
        "lost": 0,
        "running": 0,
        "pending": 0,
        "ours": 0,
    }
    assert idle["version"].startswith("3.3.")
    nothing = {"state": "RUNNING", "used": 0.0, "most": 1.0, "running": 0, "waiting": 0}
    assert idle["queues"] == [
        {"name": "default", "share": 0.8, **nothing},
        {"name": "thriftsvr", "share": 0.2, **nothing},
    ]
    head_node.person.write("stays.py", STAYS)
    submit = ["spark-submit", "--deploy-mode", "cluster", "--conf", "spark.yarn.submit.waitAppCompletion=false"]
    for tag in ("aml-0a1b", "others"):
        done = head_node.ssh(*submit, "--conf", f"spark.yarn.tags={tag}", "stays.py")
        assert done.returncode == 0, done.stderr
    busy = await looker.until(lambda facts: facts.get("running") == 2 and facts["queues"][0]["used"])
    assert (busy["ours"], busy["pending"]) == (1, 0)
    assert 0 < busy["memory_used"] < busy["memory"]
    assert 2 <= busy["vcores_used"] <= 4
    await looker.look(at_yarn=False)
    await until_async(lambda: not looker.facts())


async def test_who_looks_costs_few_questions(
    head_node: HeadNode, engine: Engine, tested: Tested, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LOOK_EVERY, "yarn", 0.2)
    assert (await tested(head_node))["state"] == "ok"
    link = engine._links[machine_of(head_node).name]
    host = await link.ready()
    asked: list[str] = []
    real = host.web

    async def web(method: str, url: str, body: str | None = None) -> tuple[int, str]:
        asked.append(url.partition("?")[0].rpartition("/")[2])
        return await real(method, url, body)

    monkeypatch.setattr(host, "web", web)
    logins = len(head_node.sshd.logins)
    looker = Looker(engine, head_node)
    await looker.look()
    await until_async(lambda: asked.count("metrics") == 4, 30)
    await looker.look(at_yarn=False)
    assert asked.count("apps") in (3, 4)
    assert (asked.count("scheduler"), asked.count("info")) == (1, 1)
    assert len(head_node.sshd.logins) == logins


async def test_the_other_takes_over_and_nobody_does(
    make_yarn: MakeYarn, make_head_node: MakeHeadNode, engine: Engine, tested: Tested
) -> None:
    yarn = make_yarn(pair=True)
    head = make_head_node(yarn)
    assert (await tested(head))["state"] == "ok"
    looker = Looker(engine, head)
    await looker.look()
    first = yarn.url.partition("//")[2]
    facts = await looker.until(lambda facts: facts)
    assert [one["state"] for one in facts["managers"]] == ["active", "standby"]
    yarn.fail_over()
    second = yarn.url.partition("//")[2]
    facts = await looker.until(lambda facts: "managers" in facts and facts["managers"][0]["state"] != "active")
    assert facts["managers"] == [{"name": first, "state": ""}, {"name": second, "state": "active"}]
    assert facts["nodes"] == 1
    yarn.resource_manager.kill()
    facts = await looker.until(lambda facts: "error" in facts)
    assert "ResourceManager" in facts["error"]
    assert facts["remedy"]
    # It disturbs nothing else: the host stays connected, and its own use comes as before.
    target = looker.store.targets()[looker.host]
    assert target.state == "connected"
    since = time.time()
    await until_async(lambda: looker.store.targets()[looker.host].sample["at"] > since, 20)
    yarn.resource_manager.start()
    yarn._activate(1)
    yarn.wait()
    await looker.until(lambda facts: facts.get("nodes") == 1)
