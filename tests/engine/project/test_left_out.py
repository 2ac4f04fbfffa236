"""A script that no run takes along is told of where it is named, with the rule; and which names hold secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import ProjectError
from engine.project.check import check
from engine.project.resolve import resolve
from engine.project.snapshot import take_snapshot
from engine.runs.request import RunRequest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "repo" / "iris"
    (folder / "aml_config").mkdir(parents=True)
    (folder / "aml_config" / "local.compute").write_text("type: local\n")
    (folder / "aml_config" / "local.runconfig").write_text(
        "ArgumentVector: [$file]\nTarget: local\nFramework: Python\n"
    )
    return folder


def fill(project: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)


def refused(project: Path, script: str) -> ProjectError:
    with pytest.raises(ProjectError) as caught:
        resolve(RunRequest(str(project), "local", "t", script=script, environ={"PATH": "/usr/bin:/bin"}))
    return caught.value


@pytest.mark.parametrize(
    ("files", "script", "rule", "where"),
    [
        ({".amlignore": "# data\n\n*.csv\n*.py\n!keep.py\n"}, "train.py", "*.py", ".amlignore:4"),
        ({".gitignore": "\r\ntrain*\r\n"}, "train.py", "train*", ".gitignore:2"),
        ({".gitignore": "sub/\n!sub/train.py\n"}, "sub/train.py", "sub/", ".gitignore:1"),
        ({"sub/.amlignore": "\x0c\n/train.py\n"}, "sub/train.py", "/train.py", "sub/.amlignore:2"),
        ({"../.gitignore": "\n\nold\niris/old\n"}, "old/train.py", "iris/old", "{repo}/.gitignore:4"),
    ],
)
def test_the_rule_is_named(project: Path, files: dict[str, str], script: str, rule: str, where: str) -> None:
    (project.parent / ".git").mkdir()
    fill(project, {**files, script: "print(1)\n"})
    error = refused(project, script)
    assert error.message == f"no run takes the script {script!r} along: the rule `{rule}` leaves it out."
    assert error.where == where.format(repo=project.parent)
    assert error.remedy == "Change the rule, or move the script."


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("outputs/train.py", "`.git`, `outputs` and .compute files stay behind"),
        (".git/hooks/x.py", "`.git`, `outputs` and .compute files stay behind"),
        ("sub/.ssh/x.py", "files of this name hold secrets"),
        (".env", "files of this name hold secrets"),
    ],
)
def test_what_is_never_taken_is_no_script(project: Path, script: str, why: str) -> None:
    fill(project, {script: ""})
    error = refused(project, script)
    assert error.message == f"no run takes the script {script!r} along: {why}."
    assert (error.where, error.remedy) == ("", "Move the script.")


def test_a_link_to_what_is_left_out(project: Path) -> None:
    fill(project, {".amlignore": "hidden/\n", "hidden/real.py": ""})
    (project / "train.py").symlink_to("hidden/real.py")
    assert refused(project, "train.py").where == ".amlignore:1"


def test_what_is_taken_is_not_refused(project: Path) -> None:
    fill(project, {".amlignore": "*.py\n!train.py\n!sub\n", "train.py": "", "outputs.py": "", "sub/train.py": ""})
    for script in ("train.py", "sub/train.py", str(project / "train.py")):
        resolve(RunRequest(str(project), "local", "t", script=script, environ={"PATH": "/usr/bin:/bin"}))


def test_check_tells_it_too(project: Path) -> None:
    fill(project, {".amlignore": "*.py\n", "train.py": ""})
    (project / "aml_config" / "local.runconfig").write_text("Target: local\nArgumentVector: [train.py]\n")
    assert [str(one) for one in check(project)] == [
        "aml_config/local.runconfig:2:17: no run takes the script 'train.py' along: the rule `*.py` leaves it out"
        " (.amlignore:1). Change the rule, or move the script."
    ]


SECRETS = [
    *(".pgpass", "pgpass.conf", ".my.cnf", ".dockercfg", "a.p12", "a.pfx", "a.jks", "a.kdbx", "kubeconfig"),
    *("prod.kubeconfig", "kubeconfig.yaml", "credentials.json", "kaggle.json", ".s3cfg", ".boto", ".vault-token"),
    *("client_secret_12-ab.apps.googleusercontent.com.json", "application_default_credentials.json"),
    *("a/.docker/config.json", ".cargo/credentials.toml", ".gem/credentials", ".streamlit/secrets.toml"),
]
ORDINARY = [
    *("credentials.py", "test_credentials.json", "config.json", "docker/config.json", ".docker/Dockerfile"),
    *(".npmrc", "package.json", ".dockerignore", "secrets.py", "client.json", "p12", "my.cnf", ".env.example"),
    *("id_rsa.pub", "sub/credentials", "cargo/credentials.toml", "kubeconfig.py", "kube.yaml", "keys.json"),
    *(".streamlit/config.toml", ".yarnrc.yml", "pip.conf"),
]


def test_secrets_stay_and_ordinary_files_travel(project: Path) -> None:
    fill(project, dict.fromkeys((*SECRETS, *ORDINARY, ".kube/config"), "{}"))
    taken = take_snapshot(project, project.parent / "blobs", project.parent / "cache")
    found = {entry.path for entry in taken.entries if entry.kind == "file"}
    assert found == {*ORDINARY, "aml_config/local.runconfig"}
    assert sorted(taken.warnings) == sorted(
        f"{name} was left out: files of this name hold secrets." for name in (*SECRETS, ".kube")
    )


TOKEN = "//registry.example.org/:_authToken=npm_0123456789\n"
SERVICE = '{\n "type": "service_account",\n "project_id": "p",\n "private_key_id": "%s",\n "private_key": "-----BEGIN '


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        (".npmrc", "registry=https://registry.example.org/\n" * 40 + TOKEN, "a token"),
        (".npmrc", "_auth = aGk6aG8=\n", "a token"),
        (".npmrc", "//x/:_password=aGk=\n", "a token"),
        (".npmrc", "# //x/:_authToken=old\nregistry=https://x/\n//x/:_authToken=${NPM_TOKEN}\nsave-exact=true\n", ""),
        (".yarnrc.yml", 'npmAuthToken: "abc"\n', "a token"),
        (".yarnrc.yml", "nodeLinker: node-modules\n", ""),
        ("pip.conf", "[global]\nindex-url = https://ann:pw@example.org/simple\n", "a token"),
        ("pip.conf", "[global]\nindex-url = https://example.org/simple\n", ""),
        ("notes.txt", TOKEN, ""),
        ("p-0123.json", SERVICE % ("0" * 40) + 'PRIVATE KEY-----\\nabc"}', "a private key"),
        ("doc.json", '{"text": "a private_key"}', ""),
    ],
)
def test_what_a_file_holds_counts_too(project: Path, name: str, text: str, why: str) -> None:
    fill(project, {name: text})
    taken = take_snapshot(project, project.parent / "blobs", project.parent / "cache")
    assert (name in {entry.path for entry in taken.entries}) is not bool(why)
    assert taken.warnings == ((f"{name} was left out: it holds {why}.",) if why else ())
