"""Targets over SSH: how their files are read, written, and taken away with their secrets."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from engine.errors import NotFound, NotNow, ProjectError
from engine.project import attaching
from engine.project.attaching import Attachment, attach, check_attachment, detach, secrets_of
from engine.project.check import check
from engine.project.create import create_project
from engine.project.folder import Project, open_project
from engine.project.machine import Machine
from engine.secrets import KeyStore, new_reference

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths

PLAIN = Machine("10.0.0.5", username="ann")
# Each of these means something to YAML, to a shell, or to a terminal.
AWKWARD = "a: b #c \"d\" 'e' \\f {g} [h] %i &j *k !l |m >n \t é \u2028 😀\x1b[2J"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return create_project(tmp_path / "iris", "iris")


@pytest.fixture
def keys(home: Paths) -> KeyStore:
    return KeyStore(home, {"AML_TUI_KEYRING": "off"})


def put(project: Path, name: str, text: str) -> Path:
    path = project / "aml_config" / name
    path.write_text(text)
    return path


def read_back(project: Path, name: str = "vm") -> attaching.Attachment:
    """A target's file as the attachment that it comes from."""
    target = open_project(project).target(name)
    return Attachment(
        target.name,
        target.type,
        target.machine if target.type != "docker" else None,
        target.python_location,
        target.base_docker_image if target.type in attaching.CONTAINERS else "",
        target.shared_volumes,
        target.nvidia_docker,
        target.native_shared_directory or "",
        target.slots,
    )


@pytest.mark.parametrize(
    ("address", "expected", "name"),
    [
        ("gpu-box", ("gpu-box", None), "ann@gpu-box"),
        ("gpu-box:2222", ("gpu-box", 2222), "ann@gpu-box:2222"),
        ("10.0.0.5:22", ("10.0.0.5", 22), "ann@10.0.0.5:22"),
        ("'[fe80::1%eth0]:2222'", ("fe80::1%eth0", 2222), "ann@[fe80::1%eth0]:2222"),
        ("fe80::1", ("fe80::1", None), "ann@fe80::1"),
        ("'[fe80::1]'", ("fe80::1", None), "ann@fe80::1"),
    ],
)
def test_where_a_machine_is(project: Path, address: str, expected: tuple[str, int | None], name: str) -> None:
    put(project, "vm.compute", f"type: remote\naddress: {address}\nusername: ann\n")
    target = open_project(project).target("vm")
    assert (target.address, target.port) == expected
    assert target.machine == Machine(*expected, username="ann")
    assert target.host == target.machine.name == name


def test_everything_of_a_machine(project: Path) -> None:
    put(
        project,
        "vm.compute",
        "type: cluster\naddress: head-ssh.azurehdinsight.net\nusername: CORP\\ann\npassword: AzureMlSecret=vm#ann#1\n"
        "privateKey: AzureMlSecret=vm#ann#2\nprivateKeyFile: keys/id\njumphost: bob@jump:2200,[fe80::1]\n",
    )
    opened = open_project(project)
    target = opened.target("vm")
    assert target.machine == Machine(
        "head-ssh.azurehdinsight.net",
        None,
        "CORP\\ann",
        "AzureMlSecret=vm#ann#1",
        "AzureMlSecret=vm#ann#2",
        str(project / "keys" / "id"),
        "bob@jump:2200,[fe80::1]",
    )
    assert target.host == "CORP\\ann@head-ssh.azurehdinsight.net via bob@jump:2200,[fe80::1]"
    assert target.extra == {}
    assert [problem.message for problem in opened.problems] == ["the key 'jumphost' is written 'jumpHost'."]
    assert "AzureMlSecret" not in repr(target)


def test_a_key_file_is_found_from_anywhere(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "ann"))
    put(project, "a.compute", "type: remote\naddress: a\nprivateKeyFile: ~/.ssh/id_gpu\n")
    put(project, "b.compute", "type: remote\naddress: a\nprivateKeyFile: ../id\n")
    targets = open_project(project).targets
    assert targets["a"].private_key_file == str(tmp_path / "ann" / ".ssh" / "id_gpu")
    assert targets["b"].private_key_file == str(tmp_path / "id")


def test_what_is_here_has_no_machine(project: Path) -> None:
    target = open_project(project).target("docker")
    assert target.host == "local"
    with pytest.raises(ProjectError, match="nothing connects to it"):
        _ = target.machine


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("address: gpu-box:ssh\n", "vm.compute:2:10: 'ssh' in 'gpu-box:ssh' is no port. Write a number"),
        ("slots: 2\naddress: gpu-box:70000\n", "vm.compute:3:10: '70000' in 'gpu-box:70000' is no port."),
        ("address: ann@gpu-box\n", "vm.compute:2:10: 'ann@gpu-box' is no address of a machine."),
        (
            "address: https://my.net/x\n",
            "vm.compute:2:10: 'https://my.net/x' is the address of a page. Write the machine's name: my.net.",
        ),
        ("address: -oProxyCommand=id\n", "vm.compute:2:10: '-oProxyCommand=id' is no address of a machine."),
        ('address: ""\n', "vm.compute:1:1: the key `address` is missing."),
        ("address: a\nusername: -l\n", "vm.compute:3:11: '-l' is no name of a user."),
        ('address: a\nusername: "a\\nb"\n', "vm.compute:3:11: 'a\\nb' is no name of a user."),
        ("address: a\njumpHost: -J\n", "vm.compute:3:11: '-J' is no jump host. Correct `jumpHost`."),
        ("address: a\njumpHost: a,,b\n", "vm.compute:3:11: 'a,,b' is no jump host."),
        ("address: a\njumpHost: '@b'\n", "vm.compute:3:11: '@b' is no jump host."),
    ],
)
def test_what_cannot_be_has_its_place(project: Path, lines: str, message: str) -> None:
    put(project, "vm.compute", f"type: remote\n{lines}")
    found = [str(problem) for problem in check(project)]
    assert any(message in one for one in found), found
    with pytest.raises(ProjectError):
        open_project(project).target("vm")


def test_a_cluster_named_without_ssh_is_told_of(project: Path) -> None:
    put(project, "hdi.compute", "type: cluster\naddress: mine.azurehdinsight.net:22\n")
    (problem,) = check(project)
    assert (problem.severity, problem.line) == ("warning", 2)
    assert "mine-ssh.azurehdinsight.net" in problem.remedy
    with pytest.raises(ProjectError, match=r"Use mine-ssh\.azurehdinsight\.net"):
        attach(
            open_project(project), Attachment("new", "cluster", Machine("mine.azurehdinsight.net", username="sshuser"))
        )


@pytest.mark.parametrize(
    "attachment",
    [
        Attachment("vm", "remote", PLAIN, "python", slots=4),
        Attachment("vm", "remote", Machine("fe80::1", 2222), "/opt/py 3/bin/python", slots=1),
        Attachment("vm", "remote", Machine("vm"), AWKWARD, native_shared_directory=AWKWARD, slots=16),
        Attachment("vm", "remotedocker", PLAIN, base_image="me/img:1", nvidia_docker=True, slots=4),
        Attachment("vm", "remotedocker", PLAIN, base_image=AWKWARD, shared_volumes=False, slots=4),
        Attachment("vm", "docker", None, base_image="me/img", native_shared_directory="~/.azureml/share/", slots=4),
        Attachment("vm", "cluster", Machine("head-ssh.azurehdinsight.net", username="CORP\\ann"), slots=4),
        Attachment(
            "vm",
            "remote",
            Machine(
                "gpu-box",
                22,
                "ann@corp",
                new_reference("vm", "ann@corp"),
                new_reference("vm", "ann@corp"),
                f"/home/ann/{AWKWARD}",
                "bob@jump:2200,other",
            ),
            slots=4,
        ),
    ],
)
def test_what_is_attached_is_read_back(project: Path, attachment: Attachment) -> None:
    compute, config = attach(open_project(project), attachment)
    assert (compute.name, config.name) == ("vm.compute", "vm.runconfig")
    assert read_back(project) == attachment
    opened = open_project(project)
    assert check(project) == []
    known = opened.config("vm")
    framework = "PySpark" if attachment.kind == "cluster" else "Python"
    assert (known.target, known.framework, known.prepare_environment, known.tracked) == ("vm", framework, False, True)
    assert known.argument_vector == ("$file",)
    assert opened.target("vm").user_managed_environment == (attachment.kind == "remote")


def test_the_files_are_as_the_originals(project: Path) -> None:
    attachment = Attachment("vm", "remotedocker", Machine("10.0.0.5", 2222, "ann", "AzureMlSecret=vm#ann#1"))
    compute, config = attach(open_project(project), attachment)
    assert compute.read_text().splitlines()[1:] == [
        'type: "remotedocker"',
        'address: "10.0.0.5:2222"',
        'username: "ann"',
        'password: "AzureMlSecret=vm#ann#1"',
        'baseDockerImage: "microsoft/mmlspark:plus-0.7.91"',
        "sharedVolumes: true",
        "nvidiaDocker: false",
    ]
    assert compute.read_text().startswith("# ")
    lines = config.read_text().splitlines()
    assert 'Target: "vm"' in lines
    assert 'Framework: "Python"' in lines
    assert "PrepareEnvironment: false" in lines
    assert 'CondaDependenciesFile: "aml_config/conda_dependencies.yml"' in lines


def test_a_configuration_names_no_file_that_is_not_there(project: Path) -> None:
    (project / "aml_config" / "conda_dependencies.yml").unlink()
    attach(open_project(project), Attachment("vm", "remote", PLAIN))
    config = open_project(project).config("vm")
    assert config.conda_file is None
    assert config.spark_file == "aml_config/spark_dependencies.yml"
    assert not [problem for problem in check(project) if problem.file.endswith("vm.runconfig")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "a/b"}, "cannot be the name"),
        ({"name": "../vm"}, "cannot be the name"),
        ({"name": ""}, "cannot be the name"),
        ({"kind": "local"}, "type 'local' cannot be attached"),
        ({"machine": None}, "needs the address"),
        ({"kind": "docker"}, "has no address"),
        ({"machine": Machine("a b")}, "'a b' is no address"),
        ({"machine": Machine("a:22")}, "no address"),
        ({"machine": Machine("[::1]")}, "no address"),
        ({"machine": Machine("a", 70000)}, "no port"),
        ({"machine": Machine("a", username="-x")}, "no name of a user"),
        ({"machine": Machine("a", jump_host="b c")}, "no jump host"),
        ({"machine": Machine("a", password="hunter2")}, "a file has its reference alone"),
        ({"machine": Machine("a", private_key="-----BEGIN")}, "a file has its reference alone"),
        ({"machine": Machine("a", private_key_file="/k\udcff")}, "no file keeps"),
        ({"python_location": "/p\udcff"}, "no file keeps"),
        ({"slots": 0}, "at least one run"),
        ({"kind": "cluster", "native_shared_directory": "~/x"}, "no shared directory"),
        ({"kind": "remotedocker", "native_shared_directory": "~/x", "shared_volumes": False}, "needs shared volumes"),
    ],
)
def test_what_cannot_be_attached(project: Path, changes: dict[str, object], message: str) -> None:
    before = sorted(path.name for path in (project / "aml_config").iterdir())
    wrong = dataclasses.replace(Attachment("vm", "remote", PLAIN), **changes)  # type: ignore[arg-type]
    with pytest.raises(ProjectError, match=message) as error:
        attach(open_project(project), wrong)
    assert "hunter2" not in f"{error.value!r} {error.value}"
    assert sorted(path.name for path in (project / "aml_config").iterdir()) == before


@pytest.mark.parametrize("taken", ["vm.compute", "vm.runconfig"])
def test_a_name_that_is_taken(project: Path, taken: str) -> None:
    path = put(project, taken, "# mine\n")
    with pytest.raises(NotNow, match="taken") as error:
        check_attachment(open_project(project), Attachment("vm", "remote", PLAIN))
    assert error.value.where == str(path)
    with pytest.raises(NotNow):
        attach(open_project(project), Attachment("vm", "remote", PLAIN))
    assert path.read_text() == "# mine\n"
    assert len(list((project / "aml_config").glob("vm.*"))) == 1


def test_both_files_or_none(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path, text: str) -> None:
        if path.suffix == ".runconfig":
            raise ProjectError("the file cannot be written: No space left on device.", where=str(path))
        path.write_text(text)

    monkeypatch.setattr(attaching, "write_text", write)
    (project / "aml_config" / "spark_dependencies.yml").unlink()
    for kind in ("remote", "cluster"):
        with pytest.raises(ProjectError, match="No space left"):
            attach(open_project(project), Attachment("vm", kind, PLAIN))
    assert list((project / "aml_config").glob("vm.*")) == []
    assert not (project / "aml_config" / "spark_dependencies.yml").exists()


def attached(project: Path, name: str, **machine: str) -> None:
    attach(open_project(project), Attachment(name, "remote", Machine(name, **machine)))


def test_a_cluster_gets_its_spark_settings(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spark = project / "aml_config" / "spark_dependencies.yml"
    cluster = Attachment("hdi", "cluster", Machine("hn0"))
    before = spark.read_text()
    written = attach(open_project(project), cluster)
    assert ([path.name for path in written], spark.read_text()) == (["hdi.compute", "hdi.runconfig"], before)
    detach(open_project(project), "hdi", None)
    spark.unlink()
    written = attach(open_project(project), cluster)
    assert [path.name for path in written] == ["hdi.compute", "hdi.runconfig", "spark_dependencies.yml"]
    assert open_project(project).config("hdi").spark_file == "aml_config/spark_dependencies.yml"
    assert check(project) == []
    detach(open_project(project), "hdi", None)
    spark.unlink()
    attach(open_project(project), Attachment("vm", "remote", PLAIN))
    assert not spark.exists()


def test_what_others_had_in_a_cluster_file_is_kept(project: Path) -> None:
    text = "type: cluster\naddress: hn0\nyarnDeployMode: cluster # as it was\n"
    path = put(project, "hdi.compute", text)
    assert open_project(project).target("hdi").yarn_deploy_mode == "cluster"
    put(project, "hdi.runconfig", "Target: hdi\nFramework: PySpark\nArgumentVector: [train.py]\n")
    assert check(project) == []
    assert path.read_text() == text


def test_detaching_takes_the_secrets_along(project: Path, keys: KeyStore) -> None:
    password, key = new_reference("vm", "ann"), keys.make_key("vm")
    keys.put(password, "s3cret")
    attached(project, "vm", password=password, private_key=key)
    assert secrets_of(open_project(project), "vm") == [password, key]
    removed = detach(open_project(project), "vm", keys)
    assert sorted(path.name for path in removed) == ["vm.compute", "vm.runconfig"]
    assert not list((project / "aml_config").glob("vm.*"))
    assert (keys.get(password), keys.get(key)) == (None, None)
    with pytest.raises(NotFound, match="no compute target 'vm'"):
        detach(open_project(project), "vm", keys)


def test_what_others_need_stays(project: Path, keys: KeyStore) -> None:
    shared, own, named = new_reference("a", "x"), new_reference("a", "y"), new_reference("b", "z")
    for reference in (shared, own, named):
        keys.put(reference, "s3cret")
    attached(project, "vm", password=shared, private_key=own)
    attached(project, "other", password=shared)
    # Cannot be read today; its secret is not gone for that.
    put(project, "broken.compute", f"type: remote\n\taddress: [\npassword: {named}\n")
    attached(project, "third", password=named)
    detach(open_project(project), "vm", keys)
    detach(open_project(project), "third", keys)
    assert (keys.get(shared), keys.get(own), keys.get(named)) == ("s3cret", None, "s3cret")


def test_a_configuration_for_something_else_stays(project: Path) -> None:
    attached(project, "vm")
    put(project, "vm.runconfig", "Target: local\nFramework: Python\n")
    assert [path.name for path in detach(open_project(project), "vm", None)] == ["vm.compute"]
    assert (project / "aml_config" / "vm.runconfig").exists()


def test_what_cannot_be_read_can_be_detached(project: Path, keys: KeyStore) -> None:
    reference = new_reference("vm", "ann")
    keys.put(reference, "s3cret")
    path = put(project, "vm.compute", f"type: quantum\npassword: {reference}\n")
    assert detach(open_project(project), "vm", keys) == [path]
    assert not path.exists()
    assert keys.get(reference) is None


def test_nothing_outside_is_detached(project: Path) -> None:
    outside = project / "vm.compute"
    outside.write_text("type: local\n")
    with pytest.raises(NotFound):
        detach(open_project(project), "../vm", None)
    assert outside.exists()


def test_a_password_in_a_file_is_no_reference(project: Path, keys: KeyStore) -> None:
    put(project, "vm.compute", "type: remote\naddress: a\npassword: hunter2\n")
    assert secrets_of(open_project(project), "vm") == []
    detach(open_project(project), "vm", keys)


def test_a_project_is_what_it_was_read_as(project: Path) -> None:
    """One that was read before the file went: nothing is removed twice, nothing else instead."""
    attached(project, "vm")
    stale: Project = open_project(project)
    detach(open_project(project), "vm", None)
    with pytest.raises(NotFound):
        detach(stale, "vm", None)
