"""The test of a cluster's head node: a real YARN and HDFS behind OpenSSH's server, well and not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until

if TYPE_CHECKING:
    from tests.engine.clusters.conftest import Tested
    from tests.services.spark_fixtures import HeadNode, MakeHeadNode, MakeYarn
    from tests.services.yarn import Yarn

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240)]

OF_CLUSTERS = ("spark", "yarn", "queue", "storage", "conda")
CAPACITY = "yarn.scheduler.capacity.root"


def state(told: dict[str, Any], step: str) -> tuple[str, str, str]:
    one = told["by"][step]
    return one["state"], one["detail"], one["remedy"]


def left(head: HeadNode) -> str:
    """What is in the person's folder of HDFS."""
    return head.ssh("hadoop", "fs", "-ls", "-R", f"/user/{head.person.name}").stdout


async def test_a_cluster_that_is_well(head_node: HeadNode, tested: Tested) -> None:
    told = await tested(head_node)
    assert told["state"] == "ok", told
    assert [step["name"] for step in told["steps"]][-6:] == [*OF_CLUSTERS, "gpus"]
    assert re.fullmatch(r"3\.5\.\d+, /\S+/spark-submit", state(told, "spark")[1])
    assert re.fullmatch(
        r"3\.3\.\d+ at 127\.0\.0\.1:\d+; 1 node, \S+ of 16\.0 GB and \d of 8 vcores in use", state(told, "yarn")[1]
    )
    assert state(told, "queue")[1].startswith("root.default has ")
    assert state(told, "queue")[1].endswith(" of the cluster (its share 80%, up to 100%)")
    storage = state(told, "storage")[1]
    assert storage.startswith(f"{head_node.yarn.file_system} (HDFS): a file was written, listed and removed; ")
    assert storage.endswith(" GB free")
    assert ".aml-tui-test" not in left(head_node)
    assert state(told, "conda")[0] == "ok"


async def test_what_the_project_names(head_node: HeadNode, tested: Tested) -> None:
    head_node.put("conda", "#!/bin/sh\necho conda 4.9.2\n")
    told = await tested(head_node, queues=["thriftsvr", "root.default"])
    assert state(told, "queue")[1].startswith("root.thriftsvr has 0% of the cluster (its share 20%, up to 100%); root.")
    assert state(told, "conda")[1] == f"4.9.2, {head_node.bin}/conda"
    told = await tested(head_node, queues=["default", "nope"])
    assert state(told, "queue") == (
        "failed",
        "there is no queue nope; the project names it. There are: default, thriftsvr.",
        "Name another with `spark.yarn.queue` in spark_dependencies.yml.",
    )
    assert [told["by"][step]["state"] for step in ("storage", "conda", "gpus")] == ["skipped"] * 3


async def test_a_queue_of_the_head_nodes_own_settings(
    yarn: Yarn, make_head_node: MakeHeadNode, tested: Tested, head_node: HeadNode
) -> None:
    head_node.person.write("conf/spark-defaults.conf", "spark.master yarn\n spark.yarn.queue = gone\n")
    script = f'#!/bin/sh\nexec "{yarn.layout.bin}/spark-submit" "$@"\n'
    head_node.person.write("bin/spark-submit", script, 0o755)
    head_node.person.set_bashrc(f"export SPARK_CONF_DIR={head_node.person.home}/conf\n")
    told = await tested(head_node, spark_submit="~/bin/spark-submit")
    assert state(told, "spark")[1].endswith(f", {head_node.person.home}/bin/spark-submit")
    assert state(told, "queue")[1].startswith(
        f"there is no queue gone; {head_node.person.home}/conf/spark-defaults.conf names it."
    )


async def test_no_spark_and_one_that_does_not_work(head_node: HeadNode, tested: Tested) -> None:
    told = await tested(head_node, spark_submit="spark-submit-9")
    assert state(told, "spark")[:2] == ("failed", "there is no spark-submit-9 on the PATH of this machine.")
    assert "sparkSubmitLocation" in state(told, "spark")[2]
    head_node.put("spark-submit", "#!/bin/sh\necho JAVA_HOME is not set >&2\nexit 1\n")
    told = await tested(head_node)
    assert (
        state(told, "spark")[1] == f"{head_node.bin}/spark-submit --version ended with status 1: JAVA_HOME is not set"
    )


async def test_storage_that_is_none(head_node: HeadNode, tested: Tested) -> None:
    conf = head_node.person.home / "hadoop"
    names = ("core-site.xml", "yarn-site.xml")
    for name in names:
        text = (head_node.yarn.layout.hadoop_conf / name).read_text()
        head_node.person.write(f"hadoop/{name}", text.replace(head_node.yarn.file_system, "file:///"))
    head_node.person.set_bashrc(f"export HADOOP_CONF_DIR={conf} YARN_CONF_DIR={conf}\n")
    told = await tested(head_node)
    assert told["state"] == "ok"
    assert state(told, "storage") == (
        "warning",
        "fs.defaultFS is file:///: nodes see no common files",
        "Executors find only what is sent with a run.",
    )
    for name in names:
        (conf / name).unlink()
    told = await tested(head_node)
    assert state(told, "yarn")[:2] == ("failed", "there is no yarn-site.xml on this machine.")


async def test_a_folder_of_somebody_else(head_node: HeadNode, tested: Tested) -> None:
    yarn, name = head_node.yarn, head_node.person.name
    made = f"/webhdfs/v1/user/{name}?op=MKDIRS&permission=700&user.name={yarn.user.name}"
    yarn._ask("nn-web", made, "PUT")
    told = await tested(head_node)
    assert state(told, "storage")[0] == "failed"
    assert f"(HDFS) cannot be written to: Permission denied: user={name}" in state(told, "storage")[1]
    assert f"`hdfs dfs -mkdir /user/{name}`" in state(told, "storage")[2]


async def test_lists_of_who_may_submit(make_yarn: MakeYarn, make_head_node: MakeHeadNode, tested: Tested) -> None:
    yarn = make_yarn(
        properties={
            "yarn.acl.enable": True,
            "yarn.admin.acl": "nobody-else",
            f"{CAPACITY}.acl_submit_applications": " ",
            f"{CAPACITY}.acl_administer_queue": " ",
            f"{CAPACITY}.default.acl_submit_applications": "ann,bob",
            f"{CAPACITY}.default.acl_administer_queue": " ",
            f"{CAPACITY}.open.acl_submit_applications": "ann sshusers,users",
            f"{CAPACITY}.shut.state": "STOPPED",
        },
        queues={"default": 50, "open": 30, "shut": 20},
    )
    head = make_head_node(yarn)
    name = head.person.name
    told = await tested(head)
    assert state(told, "queue") == (
        "failed",
        f"{name} may not submit to the queue root.default; nothing names another.",
        "Name another with `spark.yarn.queue` in spark_dependencies.yml."
        " Or have yourself added to its list of submitters.",
    )
    told = await tested(head, queues=["shut"])
    assert state(told, "queue")[:2] == (
        "failed",
        "the queue root.shut is STOPPED and takes nothing; the project names it.",
    )
    told = await tested(head, queues=["open"])
    assert state(told, "queue")[0] == "failed"


async def test_what_is_down(make_yarn: MakeYarn, make_head_node: MakeHeadNode, tested: Tested) -> None:
    yarn = make_yarn(pair=True)
    head = make_head_node(yarn)
    told = await tested(head)
    first, second = (url.partition("//")[2] for url in (yarn.url, f"http://127.0.0.1:{yarn._ports['rm-web.rm2']}"))
    assert state(told, "yarn")[0] == "ok"
    assert f" at {first}, {second} stands by; 1 node, " in state(told, "yarn")[1]
    # The one that stands by takes over.
    yarn.fail_over()
    told = await tested(head)
    assert told["state"] == "ok"
    assert state(told, "yarn")[0] == "warning"
    assert f" at {second}, {first} does not answer; 1 node, " in state(told, "yarn")[1]
    assert state(told, "yarn")[2].startswith(f"Start {first} again (<urlopen error [Errno 111] Connection refused>): ")
    # The file system goes.
    yarn.data_node.kill()
    told = await tested(head)
    assert "could only be written to 0 of the 1" in state(told, "storage")[1]
    assert "DataNodes" in state(told, "storage")[2]
    yarn.name_node.freeze()
    told = await tested(head)
    assert "nothing answers in time" in state(told, "storage")[1]
    assert "NameNode" in state(told, "storage")[2]
    yarn.name_node.kill()
    told = await tested(head)
    assert state(told, "storage")[0] == "failed"
    assert "Connection refused" in state(told, "storage")[1] or "connection exception" in state(told, "storage")[1]
    assert "NameNode" in state(told, "storage")[2]
    # Nobody is active, then nobody answers.
    yarn.resource_managers[0].start()
    until(lambda: _answers(yarn, "rm-web.rm1"), 60)
    yarn.resource_managers[1].kill()
    told = await tested(head)
    assert state(told, "yarn")[:2] == (
        "failed",
        f"no ResourceManager is active: {first} stands by; {second} does not answer (<urlopen error [Errno 111]"
        " Connection refused>).",
    )
    yarn.resource_managers[0].kill()
    told = await tested(head)
    assert state(told, "yarn")[1].startswith(f"no ResourceManager answers: {first} does not answer (")
    assert [told["by"][step]["state"] for step in OF_CLUSTERS[2:]] == ["skipped"] * 3


async def test_a_cluster_without_nodes(make_yarn: MakeYarn, make_head_node: MakeHeadNode, tested: Tested) -> None:
    yarn = make_yarn(properties={"yarn.nm.liveness-monitor.expiry-interval-ms": 3000})
    head = make_head_node(yarn)
    yarn.node_manager.kill()
    until(lambda: yarn.get("/ws/v1/cluster/metrics")["clusterMetrics"]["lostNodes"], 60)
    told = await tested(head)
    assert state(told, "yarn")[0] == "failed"
    assert "no node of the cluster is" in state(told, "yarn")[1]


async def test_a_scheduler_of_another_kind(make_yarn: MakeYarn, make_head_node: MakeHeadNode, tested: Tested) -> None:
    scheduler = "org.apache.hadoop.yarn.server.resourcemanager.scheduler.fair.FairScheduler"
    head = make_head_node(make_yarn(properties={"yarn.resourcemanager.scheduler.class": scheduler}))
    told = await tested(head)
    assert told["state"] == "ok", told
    assert re.fullmatch(
        r"root\.default has 0% of the cluster \(its share \d+%(, up to 100%)?\)", state(told, "queue")[1]
    )
    told = await tested(head, queues=["nope"])
    assert state(told, "queue")[1] == "there is no queue nope; the project names it. There are: default."


def _answers(yarn: Yarn, port: str) -> bool:
    try:
        return bool(yarn._ask(port, "/ws/v1/cluster/info"))
    except OSError:
        return False
