"""What a host keeps of environments: who may change it, what is there, what goes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine.hosts.agent import condas, prefixes, storage
from engine.hosts.agent.rundir import Refused, Root

SITE = "<configuration><property><name>fs.defaultFS</name><value>{}</value></property></configuration>"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(os.fsencode(tmp_path))


def put(root: Root, digest: str, **told: object) -> Path:
    folder = Path(os.fsdecode(prefixes.place(root, digest)))
    (folder / "prefix/bin").mkdir(parents=True)
    if told:
        (folder / "ready.json").write_text(json.dumps({"fingerprint": digest, "archive": "", "stored": False, **told}))
    return folder


def test_what_is_there(root: Root, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put(root, "aa", archive=str(tmp_path / "gone.tar.gz"))
    put(root, "bb", archive="hdfs://n/b.tar.gz", stored=True)
    put(root, "cc")
    for name in ("environment-cc", "iris_1"):
        (tmp_path / "runs" / name).mkdir()
    conda = tmp_path / "hdi/conda"
    conda.parent.mkdir()
    conda.write_text("#!/bin/sh\n")
    conda.chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    for name in ("CONDA_EXE", "MAMBA_EXE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(condas, "CONDAS", (str(conda),))
    told = prefixes.look(root)
    assert (told["tools"]["conda"], told["tools"]["uv"]) == (str(conda), "")
    # An archive that is gone from the host is none.
    there = [(one["fingerprint"], one["archive"]) for one in told["environments"]]
    assert there == [("aa", ""), ("bb", "hdfs://n/b.tar.gz")]
    assert (told["unfinished"], told["builds"]) == (["cc"], ["environment-cc"])


def test_nothing_goes_that_somebody_works_on(root: Root) -> None:
    folder = put(root, "aa")
    lock = prefixes.hold(os.fsencode(folder), wait=False)
    assert lock is not None
    assert prefixes.hold(os.fsencode(folder), wait=False) is None
    assert prefixes.remove(root, "aa") is False
    os.close(lock)
    assert prefixes.remove(root, "aa") is True
    assert not folder.exists()
    assert prefixes.remove(root, "aa") is True


def test_what_got_ready_is_not_unfinished(root: Root) -> None:
    folder = put(root, "aa", size=1)
    assert prefixes.remove(root, "aa", unfinished=True) is False
    assert folder.exists()


def test_an_archive_that_cannot_be_removed_keeps_its_environment(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_where: str) -> None:
        raise storage.Trouble("Permission denied")

    folder = put(root, "aa", archive="hdfs://n/a.tar.gz", stored=True)
    monkeypatch.setattr(storage, "remove", refuse)
    with pytest.raises(Refused, match=r"hdfs://n/a\.tar\.gz cannot be removed: Permission denied"):
        prefixes.remove(root, "aa")
    assert (folder / "ready.json").exists()


@pytest.mark.parametrize("name", ["", "../runs", "a/b", ".."])
def test_a_name_that_leads_elsewhere_is_refused(root: Root, name: str) -> None:
    with pytest.raises(Refused):
        prefixes.remove(root, name)


@pytest.mark.parametrize(
    ("named", "address"),
    [
        ("hdfs://mycluster", "hdfs://mycluster/user/ann/.aml-tui/environments/a.tar.gz"),
        ("wasbs://box@acct.example/", "wasbs://box@acct.example/user/ann/.aml-tui/environments/a.tar.gz"),
    ],
)
def test_the_address_in_the_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, address: str) -> None:
    (tmp_path / "core-site.xml").write_text(SITE.format(named))
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    monkeypatch.setenv("YARN_CONF_DIR", "")
    monkeypatch.setenv("HADOOP_USER_NAME", "ann")
    assert storage.address("a.tar.gz") == address
    (tmp_path / "core-site.xml").write_text(SITE.format("file:///"))
    with pytest.raises(storage.Trouble, match=r"fs\.defaultFS"):
        storage.address("a.tar.gz")
