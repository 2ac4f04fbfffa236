"""The cluster of the tests is one: applications come from people on a head node, over SSH."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.waiting import until

if TYPE_CHECKING:
    from tests.services.spark_fixtures import HeadNode, MakeHeadNode, MakeYarn
    from tests.services.ssh_fixtures import MakeMachine
    from tests.services.yarn import Yarn

SCRIPT = """\
import os, pwd, sys, time
from pyspark.sql import SparkSession

def name(_):
    return pwd.getpwuid(os.getuid()).pw_name

context = SparkSession.builder.appName("hello").getOrCreate().sparkContext
print("driver", name(0), sys.argv[1:], flush=True)
print("sum", context.parallelize(range(1000), 2).sum(), flush=True)
print("executor", context.parallelize([0], 1).map(name).first(), flush=True)
if sys.argv[1:] == ["stay"]:
    time.sleep(300)
if sys.argv[1:] == ["fail"]:
    raise ValueError("by hand")
"""


def submit(head: HeadNode, *options: str, argument: str) -> tuple[int, str, str]:
    head.person.write("hello.py", SCRIPT)
    done = head.ssh("spark-submit", "--master", "yarn", *options, "hello.py", argument)
    return done.returncode, done.stdout, done.stderr


def told(head: HeadNode, *command: str) -> str:
    done = head.ssh(*command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def text_of(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        return str(answer.read().decode())


def name_told_by_spark(yarn: Yarn, ident: str) -> str:
    """By the driver's own pages, through the ResourceManager."""
    (about,) = json.loads(text_of(f"{yarn.url}/proxy/{ident}/api/v1/applications"))
    return str(about["name"])


@pytest.mark.timeout(240)
def test_a_driver_on_the_head_node_has_executors_on_the_cluster(head_node: HeadNode) -> None:
    status, output, errors = submit(head_node, "--conf", "spark.yarn.tags=aml-client", argument="a b")
    assert status == 0, errors
    yarn, person = head_node.yarn, head_node.person
    assert output.splitlines() == [
        f"driver {person.name} ['a b']",
        "sum 499500",
        f"executor {yarn.user.name}",
    ]
    (application,) = yarn.applications(applicationTags="aml-client")
    assert application["finalStatus"] == "SUCCEEDED"
    assert (application["name"], application["user"], application["queue"]) == ("hello", person.name, "default")
    assert yarn.applications(applicationTags="aml-other") == []


@pytest.mark.timeout(240)
def test_a_driver_on_the_cluster_fails_and_its_log_says_why(head_node: HeadNode) -> None:
    options = ("--deploy-mode", "cluster", "--conf", "spark.yarn.tags=aml-fails")
    status, _, errors = submit(head_node, *options, "--conf", "spark.yarn.maxAppAttempts=1", argument="fail")
    assert status == 1
    assert "User application exited with status 1" in errors
    yarn = head_node.yarn
    (application,) = yarn.applications(applicationTags="aml-fails")
    assert (application["state"], application["finalStatus"]) == ("FINISHED", "FAILED")
    yarn.wait_for_logs(application["id"])
    log = told(head_node, "yarn", "logs", "-applicationId", application["id"], "-log_files", "stdout", "-am", "1")
    assert f"driver {yarn.user.name} ['fail']\nsum 499500\nexecutor {yarn.user.name}\nTraceback " in log
    assert "\nValueError: by hand\n" in log


@pytest.mark.timeout(240)
def test_an_application_is_seen_read_and_killed_from_the_head_node(head_node: HeadNode) -> None:
    options = ("--deploy-mode", "cluster", "--conf", "spark.yarn.submit.waitAppCompletion=false")
    status, _, errors = submit(head_node, *options, "--conf", "spark.yarn.tags=aml-stays", argument="stay")
    assert status == 0, errors
    yarn = head_node.yarn
    application = yarn.wait_for_application("aml-stays", "RUNNING")
    ident = application["id"]
    assert ident in told(head_node, "yarn", "application", "-list", "-appTags", "aml-stays")
    assert ident not in told(head_node, "yarn", "application", "-list", "-appTags", "aml-other")
    log = f"{application['amContainerLogs']}/stdout?start=0"
    until(lambda: "executor" in text_of(log), 60, "the driver has printed")
    assert f"driver {yarn.user.name} " in text_of(log)
    assert name_told_by_spark(yarn, ident) == "hello"
    assert yarn.containers()
    told(head_node, "yarn", "application", "-kill", ident)
    assert yarn.wait_for_application("aml-stays", "KILLED")["finalStatus"] == "KILLED"
    until(lambda: not yarn.containers(), 30, "nothing of it runs")
    yarn.wait_for_logs(ident)
    assert "sum 499500" in told(head_node, "yarn", "logs", "-applicationId", ident, "-log_files", "stdout")


@pytest.mark.timeout(120)
def test_files_of_the_cluster_from_the_head_node(head_node: HeadNode) -> None:
    head_node.person.write("some.txt", "some\n")
    told(head_node, "hdfs", "dfs", "-put", "some.txt", "/tmp/some.txt")
    assert told(head_node, "hadoop", "fs", "-cat", "/tmp/some.txt") == "some\n"
    assert told(head_node, "hdfs", "getconf", "-confKey", "fs.defaultFS").strip() == head_node.yarn.file_system


@pytest.mark.timeout(120)
@pytest.mark.leaves("the ResourceManager that the session goes on with")
def test_the_resource_manager_comes_back(yarn: Yarn) -> None:
    yarn.resource_manager.kill()
    with pytest.raises(OSError, match="refused"):
        yarn.applications()
    yarn.resource_manager.start()
    yarn.wait()
    assert yarn.applications(states="RUNNING") == []


@pytest.mark.timeout(120)
def test_a_cluster_on_a_machine_of_its_own(
    make_machine: MakeMachine, make_yarn: MakeYarn, make_head_node: MakeHeadNode
) -> None:
    machine = make_machine("hn0")
    yarn = make_yarn(machine=machine, memory=2048, cores=2, queues={"default": 50, "thriftsvr": 50})
    head = make_head_node(yarn, machine=machine)
    assert "Capacity : 50.00%" in told(head, "yarn", "queue", "-status", "thriftsvr")
    status, _, errors = submit(head, "--deploy-mode", "cluster", "--queue", "thriftsvr", argument="")
    assert status == 0, errors
    (application,) = yarn.applications(user=head.person.name)
    assert (application["finalStatus"], application["queue"]) == ("SUCCEEDED", "thriftsvr")
    metrics = yarn.get("/ws/v1/cluster/metrics")["clusterMetrics"]
    assert (metrics["totalMB"], metrics["totalVirtualCores"]) == (2048, 2)
    yarn.close()
    assert not yarn.layout.root.exists()
    assert f"{yarn.user.name}:" not in Path("/etc/passwd").read_text()


@pytest.mark.timeout(240)
def test_an_application_goes_on_when_the_other_resource_manager_takes_over(
    make_yarn: MakeYarn, make_head_node: MakeHeadNode
) -> None:
    yarn = make_yarn(pair=True)
    head = make_head_node(yarn)
    options = ("--deploy-mode", "cluster", "--conf", "spark.yarn.submit.waitAppCompletion=false")
    status, _, errors = submit(head, *options, "--conf", "spark.yarn.tags=aml-stays", argument="stay")
    assert status == 0, errors
    before = yarn.wait_for_application("aml-stays", "RUNNING")
    yarn.fail_over()
    after = yarn.wait_for_application("aml-stays", "RUNNING")
    assert (after["id"], after["amContainerLogs"]) == (before["id"], before["amContainerLogs"])
    assert name_told_by_spark(yarn, after["id"]) == "hello"
    assert before["id"] in told(head, "yarn", "application", "-list")
    told(head, "yarn", "application", "-kill", before["id"])
    assert yarn.wait_for_application("aml-stays", "KILLED")["finalStatus"] == "KILLED"


def test_what_the_resource_manager_is_asked_is_known(yarn: Yarn) -> None:
    before = len(yarn.requests())
    yarn.applications(applicationTags="aml-asked")
    query = "GET /ws/v1/cluster/apps?applicationTags=aml-asked"
    until(lambda: query in yarn.requests()[before:], 30, "the request is in its log")
