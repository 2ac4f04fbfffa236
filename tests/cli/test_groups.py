"""Projects, targets, configurations, the engine; help and usage."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from engine import __version__
from engine.lock import holder, is_held

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Shell


def test_a_new_project_runs(shell: Shell, tmp_path: Path) -> None:
    done = shell.aml("project", "create", "-n", "flowers", cwd=tmp_path)
    assert done.code == 0
    folder = tmp_path / "flowers"
    assert json.loads(done.out) == {"name": "flowers", "path": str(folder)}
    checked = shell.aml("project", "check", cwd=folder)
    assert (checked.code, checked.out) == (0, b"")
    assert shell.aml("experiment", "submit", "-c", "local", "train.py", cwd=folder).code == 0
    (project,) = json.loads(shell.aml("project", "list", "-o", "json", cwd=tmp_path).out)
    assert (project["name"], project["runs"], project["path"]) == ("flowers", 1, str(folder))
    again = shell.aml("project", "create", "-n", "flowers", cwd=tmp_path)
    assert (again.code, again.out) == (1, b"")


def test_check_names_every_place(shell: Shell) -> None:
    (shell.project / "aml_config" / "b.compute").write_text("type: quantum\n")
    (shell.project / "aml_config" / "c.runconfig").write_text("ArgumentVector: [$file]\nTarget: nowhere\n")
    done = shell.aml("project", "check")
    assert done.code == 1
    lines = done.text.splitlines()
    assert any(line.startswith("error: aml_config/b.compute:1:") for line in lines)
    assert any(line.startswith("error: aml_config/c.runconfig:2:") and "nowhere" in line for line in lines)
    data = json.loads(shell.aml("project", "check", "-o", "json").out)
    assert {"severity", "file", "line", "column", "message", "remedy"} == data[0].keys()


def test_targets(shell: Shell) -> None:
    (shell.project / "aml_config" / "vm.compute").write_text(
        "type: remote\naddress: 10.0.0.4\nusername: ann\npassword: hunter2\n"
    )
    (shell.project / "aml_config" / "bad.compute").write_text("type: quantum\n")
    done = shell.aml("computetarget", "list", "-o", "json")
    assert [(one["name"], one["type"], one["address"]) for one in json.loads(done.out)] == [
        ("local", "local", "local"),
        ("vm", "remote", "ann@10.0.0.4"),
    ]
    assert "left out: aml_config/bad.compute:1:" in done.err
    shown = shell.aml("computetarget", "show", "-n", "vm.compute")
    assert "hunter2" not in shown.text
    assert json.loads(shown.out)["password"] == "(set)"
    assert shell.aml("computetarget", "show", "-n", "bad").code == 1
    assert shell.aml("computetarget", "show", "-n", "none").code == 3


def test_configurations(shell: Shell) -> None:
    assert json.loads(shell.aml("runconfigurations", "list", "-o", "json").out)[0]["name"] == "local"
    assert shell.aml("runconfiguration", "create", "-n", "quick", "-t", "local").code == 0
    shown = json.loads(shell.aml("runconfiguration", "show", "-n", "quick").out)
    assert (shown["target"], shown["script"], shown["arguments"]) == ("local", "$file", [])
    assert shell.aml("runconfiguration", "create", "-n", "quick", "-t", "local").code == 1
    assert shell.aml("runconfiguration", "create", "-n", "other", "-t", "nowhere").code == 3
    assert shell.aml("runconfiguration", "delete", "-n", "quick").code == 0
    assert not (shell.project / "aml_config" / "quick.runconfig").exists()
    assert shell.aml("runconfiguration", "delete", "-n", "quick").code == 3


def test_a_configuration_of_the_second_generation(shell: Shell) -> None:
    (shell.project / "aml_config" / "docker.compute").write_text("type: docker\nsharedVolumes: false\n")
    (shell.project / "aml_config" / "sdk.runconfig").write_text(
        "script: train.py\ntarget: docker\nmpi: {processCountPerNode: 3}\nlater: {since: 2018-09-24}\nenvironment:\n"
        "  docker: {baseImageRegistry: {username: ann, password: hunter2}}\n"
    )
    done = shell.aml("runconfiguration", "show", "-n", "sdk")
    shown = json.loads(done.out)
    assert "hunter2" not in done.text
    assert shown["docker"] == {
        "enabled": False,
        "base_image": "",
        "shared_volumes": False,
        "gpu_support": False,
        "arguments": [],
        "base_image_registry": {"address": "", "username": "ann", "password": "(set)"},
    }
    assert (shown["mpi"], shown["tensorflow"]) == (
        {"process_count_per_node": 3},
        {"worker_count": 1, "parameter_server_count": 1},
    )
    assert shown["history"] == {"output_collection": True, "snapshot_project": True}
    assert shown["container_instance"] == {"cpu_cores": 1, "memory_gb": 4, "region": ""}
    assert (shown["node_count"], shown["data_references"], shown["interpreter_path"]) == (1, {}, "python")
    assert shown["extra"] == {"later": {"since": "2018-09-24"}}
    assert "data_preparation" not in shown


def test_keys_of_the_data_preparation(shell: Shell) -> None:
    """They are kept and shown; that nothing acts on them is said by `check`, and with the first run."""
    path = shell.project / "aml_config" / "old.runconfig"
    path.write_text("ArgumentVector: [say.py]\nTarget: local\nFramework: Python\nDataSourceSettings: {a: 1}\n")
    shell.script("say.py", "")
    shown = json.loads(shell.aml("runconfiguration", "show", "-n", "old").out)
    assert shown["data_preparation"] == {"DataSourceSettings": {"a": 1}}
    assert "docker" not in shown
    told = "DataSourceSettings belongs to the data preparation of the Workbench: not acted on."
    checked = shell.aml("project", "check")
    assert (checked.code, checked.text) == (
        0,
        f"warning: aml_config/old.runconfig:4:21: {told} Nothing has to be done.\n",
    )
    assert f"notice: {told}\n" in shell.aml("experiment", "submit", "-c", "old").err
    assert "notice" not in shell.aml("experiment", "submit", "-c", "old").err
    assert "notice" not in shell.aml("experiment", "submit", "-c", "local", "say.py").err


def test_the_engine(shell: Shell) -> None:
    stopped = shell.aml("engine", "status", "-o", "json")
    assert stopped.code == 4
    assert json.loads(stopped.out)["running"] is False
    assert shell.aml("engine", "start").code == 0
    status = json.loads(shell.aml("engine", "status", "-o", "json").out)
    assert (status["running"], status["version"], status["runs"]) == (True, __version__, 0)
    assert status["pid"] == holder(shell.paths.engine_lock)["pid"]
    assert 0 <= status["uptime"] < 60
    assert shell.aml("engine", "restart").code == 0
    assert json.loads(shell.aml("engine", "status", "-o", "json").out)["pid"] != status["pid"]
    assert shell.aml("engine", "stop").err == "the engine has ended\n"
    assert not is_held(shell.paths.engine_lock)
    assert shell.aml("engine", "stop").err == "no engine is running\n"


def test_an_engine_that_hangs_is_ended_by_force(shell: Shell) -> None:
    shell.aml("engine", "start")
    os.kill(holder(shell.paths.engine_lock)["pid"], signal.SIGSTOP)
    done = shell.aml("engine", "stop", "--force")
    assert done.code == 0, done.err
    assert "runs go on" in done.err
    assert not is_held(shell.paths.engine_lock)


def test_in_the_foreground_it_stays(shell: Shell) -> None:
    process = shell.begin("engine", "start", "--foreground")
    assert process.stdout is not None and process.stderr is not None
    assert json.loads(process.stdout.readline())["ok"]["pid"] == process.pid
    assert shell.aml("engine", "status", "--query", "pid").text == f"{process.pid}\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert b"left" in err


def test_version_and_help(shell: Shell) -> None:
    assert shell.aml("--version").text == f"aml {__version__}\n"
    for nothing in ([], ["-h"], ["--help"]):
        assert "experiment" in shell.aml(*nothing).text
    listed = shell.aml("experiment", "-h").text
    assert "submit" in listed and "cancel" in listed


def every_command() -> list[tuple[str, str]]:
    from importlib import import_module

    from cli.main import GROUPS

    return [(group, name) for group in GROUPS for name in import_module(f"cli.groups.{group}").COMMANDS]


@pytest.mark.parametrize(("group", "name"), every_command())
def test_every_command_explains_itself(group: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from cli.main import main

    with pytest.raises(SystemExit) as left:
        main([group, name, "-h"])
    out = capsys.readouterr().out
    assert left.value.code == 0
    assert out.startswith(f"usage: aml {group} {name}")
    assert "--debug" in out
    assert max(map(len, out.splitlines())) <= 120


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["experimant", "submit"], "Did you mean `aml experiment`?"),
        (["history", "lst"], "Did you mean `aml history list`?"),
        (["zzz"], "`aml -h` lists what there is."),
        (["history", "list", "--nonsense"], "`aml history list -h` explains it."),
        (["history", "list", "-o", "xml"], "`aml history list -h` explains it."),
        (["history", "info", "stray"], "stray"),
    ],
)
def test_usage(shell: Shell, arguments: list[str], words: str) -> None:
    done = shell.aml(*arguments)
    assert (done.code, done.out) == (2, b"")
    assert done.err.startswith("error: ")
    assert words in done.err
    assert "Traceback" not in done.err


def test_what_comes_later_is_said(shell: Shell) -> None:
    done = shell.aml("project", "restore", "--run-id", "iris_1")
    assert done.code == 1
    assert "is not in this release" in done.err


def test_a_terminal_without_unicode(shell: Shell) -> None:
    (shell.project / "aml_config" / "grün.runconfig").write_text("ArgumentVector: [$file]\nTarget: local\n")
    done = shell.aml("runconfiguration", "list", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.code == 0, done.err
    assert "gr\\xfcn" in done.text
