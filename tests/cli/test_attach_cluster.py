"""Attaching a cluster: the name that takes no SSH, the queue that the project names, and a real head node."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine.project.folder import open_project
from tests.cli.talking import talking

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.bench import Bench
    from tests.cli.conftest import Shell
    from tests.services.spark_fixtures import HeadNode

GATEWAY, HEAD = "mine.azurehdinsight.net", "mine-ssh.azurehdinsight.net"
ATTACH = ("computetarget", "attach", "cluster", "-n", "hdi", "-u", "sshuser", "-a", f"{GATEWAY}:22")
NOTE = f"{GATEWAY} is the cluster's web gateway, which takes no SSH. Its head node is {HEAD}."


def test_the_head_node_is_offered(bench: Bench) -> None:
    with talking(bench.shell.project, *ATTACH) as talk:
        talk.until(NOTE)
        talk.until("Attach that one? [y/N] ")
        talk.type("y")
        assert talk.end() == 0, talk.text
    assert bench.begun()["machine"]["address"] == HEAD
    target = bench.target("hdi")
    assert (target.address, target.port, target.username) == (HEAD, 22, "sshuser")


@pytest.mark.parametrize("answer", ["", "n"])
def test_what_was_not_agreed_to_is_refused(bench: Bench, answer: str) -> None:
    with talking(bench.shell.project, *ATTACH) as talk:
        talk.until("[y/N] ")
        talk.type(answer)
        assert talk.end() == 1
        assert f"Use {HEAD}, its head node." in talk.text
    assert (bench.files(), bench.engine.asked) == (set(), [])


def test_nothing_is_changed_where_nobody_is_asked(bench: Bench) -> None:
    done = bench.aml(*ATTACH[1:])
    assert done.code == 1
    assert f"{GATEWAY} takes no SSH: it is the cluster's web gateway.\n  do: Use {HEAD}, its head node." in done.err
    assert (bench.files(), bench.engine.asked) == (set(), [])


def test_the_queue_that_the_project_names_is_tested(bench: Bench) -> None:
    spark = bench.config / "spark_dependencies.yml"
    spark.write_text("configuration:\n  spark.yarn.queue: thriftsvr\n")
    done = bench.aml("attach", "cluster", "-n", "hdi", "-a", HEAD, "-u", "sshuser")
    assert done.code == 0, done.err
    assert bench.begun()["queues"] == ["thriftsvr"]
    spark.write_text("configuration:\n  spark.yarn.queue: other\n")
    assert bench.aml("test", "-n", "hdi").code == 0
    assert [one["queues"] for one in bench.engine.of("begin")] == [["thriftsvr"], ["other"]]


def test_spark_settings_are_there_afterwards(bench: Bench) -> None:
    spark = bench.config / "spark_dependencies.yml"
    spark.unlink(missing_ok=True)
    done = bench.aml("attach", "cluster", "-n", "hdi", "-a", HEAD, "-u", "sshuser", "--no-test")
    assert done.code == 0, done.err
    named = "aml_config/hdi.compute, aml_config/hdi.runconfig and aml_config/spark_dependencies.yml"
    assert f"Attached hdi: {named}. Next: " in done.err
    assert spark.read_text().endswith("configuration: {}\nrepositories: []\npackages: []\n")
    config = open_project(bench.shell.project).config("hdi")
    assert (config.framework, config.spark_file) == ("PySpark", "aml_config/spark_dependencies.yml")


@pytest.mark.timeout(240)
def test_a_real_head_node(shell: Shell, head_node: HeadNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "ssh_config"
    (tmp_path / "known_hosts").write_text(head_node.sshd.known_hosts())
    config.write_text(
        f"Host *\n  UserKnownHostsFile {tmp_path / 'known_hosts'}\n  GlobalKnownHostsFile none\n  IdentityFile none\n"
    )
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(config))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    sshd, person = head_node.sshd, head_node.person
    place = ("-a", f"{sshd.address}:{sshd.port}", "-u", person.name, "--password-stdin")
    spark = shell.project / "aml_config" / "spark_dependencies.yml"
    spark.write_text("configuration:\n  spark.yarn.queue: nope\n")
    attach = ("computetarget", "attach", "cluster", "-n", "hdi", *place)
    refused = shell.aml(*attach, stdin=f"{person.password}\n")
    assert refused.code == 1
    assert "failed   queue " in refused.err
    assert "there is no queue nope; the project names it. There are: default, thriftsvr." in refused.err
    assert not (shell.project / "aml_config" / "hdi.compute").exists()
    spark.write_text("configuration:\n  spark.yarn.queue: thriftsvr\n")
    done = shell.aml(*attach, stdin=f"{person.password}\n")
    assert done.code == 0, done.err
    for words in ("spark-submit", f"{head_node.yarn.file_system} (HDFS): a file was written, listed", "root.thriftsvr"):
        assert words in done.err
    target = open_project(shell.project).target("hdi")
    assert (target.type, target.address, target.port) == ("cluster", sshd.address, sshd.port)
    assert open_project(shell.project).config("hdi").framework == "PySpark"
    tested = shell.aml("computetarget", "test", "-n", "hdi", "-o", "json")
    assert tested.code == 0, tested.err
    states = {step["name"]: step["state"] for step in json.loads(tested.out)["steps"]}
    assert {states[name] for name in ("spark", "yarn", "queue", "storage", "conda")} <= {"ok", "warning"}
