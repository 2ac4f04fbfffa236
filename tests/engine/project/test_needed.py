"""Which environments a project's configurations need now: its files tell, not what was run before."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from engine.project.folder import open_project
from engine.project.needed import needs_on
from engine.project.resolve import needed_environment, resolve
from engine.runs.model import ImageUse
from engine.runs.request import RunRequest

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "ArgumentVector:\n  - train.py\nTarget: {}\nFramework: Python\nPrepareEnvironment: true\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "iris" / "aml_config"
    folder.mkdir(parents=True)
    for target, image in (("box", "python:1"), ("other", "python:2")):
        (folder / f"{target}.compute").write_text(f"type: docker\nbaseDockerImage: {image}\n")
        (folder / f"{target}.runconfig").write_text(CONFIG.format(target))
    (folder / "far.compute").write_text("type: remotedocker\naddress: far.example\nbaseDockerImage: python:3\n")
    (folder / "far.runconfig").write_text(CONFIG.format("far"))
    (folder / "here.compute").write_text("type: local\n")
    (folder / "here.runconfig").write_text(CONFIG.format("here"))
    return folder.parent.resolve()


def used(project: Path, config: str, target: str, current: bool = True) -> ImageUse:
    return ImageUse("local", "f" * 16, "sha256:1", str(project), "iris", config, target, 1.0, current=current)


def needed(project: Path, *uses: ImageUse, host: str = "local") -> list[tuple[str, str | None]]:
    """Configurations and the base image each needs."""
    return [(one.name, one.spec and one.spec.base_image) for one in needs_on(host, [str(project)], uses)]


def test_every_configuration_on_a_host_counts_also_one_that_never_ran(project: Path) -> None:
    assert needed(project) == [("iris/box", "python:1"), ("iris/other", "python:2")]
    assert needed(project, used(project, "box", "box")) == needed(project)
    (far,) = needs_on(open_project(project).target("far").host, [str(project)], [])
    assert (far.config, far.project) == ("far", str(project))


def test_it_is_what_a_run_would_resolve_to(project: Path) -> None:
    opened = open_project(project)
    for name in ("box", "far"):
        plan = resolve(RunRequest(project=str(project), token="t", config=name), scripted=False)
        spec = needed_environment(opened, opened.config(name), opened.target(name))
        assert spec is not None
        assert spec.to_json() == plan.options["environment"]
    assert needed_environment(opened, opened.config("here"), opened.target("here")) is None


def test_what_is_needed_on_a_head_node_is_no_image(project: Path) -> None:
    folder = project / "aml_config"
    (folder / "conda_dependencies.yml").write_text("dependencies: [{pip: [six]}]\n")
    (folder / "hdi.compute").write_text("type: cluster\naddress: far.example\n")
    (folder / "hdi.runconfig").write_text(CONFIG.format("hdi"))
    opened = open_project(project)
    host = opened.target("hdi").host
    found = {
        one.config: (one.head_node, one.spec and one.spec.base_image) for one in needs_on(host, [str(project)], [])
    }
    assert found == {"far": (False, "python:3"), "hdi": (True, "")}
    plan = resolve(RunRequest(project=str(project), token="t", config="hdi"), scripted=False)
    spec = needed_environment(opened, opened.config("hdi"), opened.target("hdi"))
    assert spec is not None
    assert spec.to_json() == plan.options["environment"]
    # What cannot be read needs what it used last, which was an archive.
    (folder / "hdi.runconfig").write_text("Target: [\n")
    use = ImageUse(host, "f" * 16, "hdfs://x/y.tar.gz", str(project), "iris", "hdi", "hdi", 1.0, current=True)
    (broken,) = [one for one in needs_on(host, [str(project)], [use]) if one.config == "hdi"]
    assert (broken.spec, broken.head_node) == (None, True)


def test_what_is_gone_needs_nothing(project: Path) -> None:
    folder = project / "aml_config"
    uses = [used(project, "box", "box"), used(project, "other", "other")]
    (folder / "box.runconfig").unlink()
    assert needed(project, *uses) == [("iris/other", "python:2")]
    (folder / "other.compute").unlink()
    assert needed(project, *uses) == []
    shutil.rmtree(project)
    assert needed(project, *uses) == []


def test_a_folder_inside_another_project_is_not_that_project(project: Path) -> None:
    inside = project / "inside"
    inside.mkdir()
    assert needed(inside, used(inside, "box", "box")) == []


def test_a_target_that_took_the_place_of_the_configured_one(project: Path) -> None:
    assert needed(project, used(project, "box", "other")) == [
        ("iris/box", "python:1"),
        ("iris/box", "python:2"),
        ("iris/other", "python:2"),
    ]
    assert needed(project, used(project, "box", "other", current=False)) == needed(project)


@pytest.mark.parametrize("file", ["box.runconfig", "box.compute", "conda_dependencies.yml"])
def test_files_that_cannot_be_read_leave_what_was_used_last(project: Path, file: str) -> None:
    (project / "aml_config" / file).write_text("a: [")
    found = needed(project, used(project, "box", "box"))
    assert ("iris/box", None) in found
    assert ("iris/box", "python:1") not in found


def test_a_folder_that_cannot_be_read_leaves_what_was_used_last(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("engine.project.needed.os.stat", refused)
    uses = [used(project, "box", "box"), used(project, "old", "box", current=False)]
    assert needed(project, *uses) == [("iris/box", None)]
