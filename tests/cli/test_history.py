"""The history as the original told it: keys, tables, queries; read without an engine."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.lock import is_held
from engine.runs.model import State
from tests.tui.history import History, make_run, scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Shell

ODD = "\x1b[31mred"
KEYS = [
    "arguments",
    "attachments",
    "created_utc",
    "description",
    "duration",
    "end_time_utc",
    "heartbeat_enabled",
    "hidden",
    "name",
    "parent_run_id",
    "properties",
    "run_id",
    "run_number",
    "script_name",
    "start_time_utc",
    "status",
    "target",
    "user_id",
]


def put(history: History, shell: Shell, number: int, metrics: dict[str, list[float]], **changes: Any) -> str:
    """A run with everything it logged."""
    run = make_run(number, **{"project": str(shell.project), **changes})
    history.put(run)
    history.put_series(run.id, [scalar(name, tuple(values)) for name, values in metrics.items()])
    for name, values in metrics.items():
        (series,) = history.connection.execute(
            "SELECT id FROM series WHERE run_id = ? AND name = ?", (run.id, name)
        ).fetchone()
        if values[-1] != values[-1]:
            history.connection.execute("UPDATE series SET last = 'NaN' WHERE id = ?", (series,))
        history.connection.executemany(
            "INSERT INTO points VALUES (?, ?, ?, 0, ?, ?)",
            [
                (series, place, place, str(value) if value != value else None, None if value != value else value)
                for place, value in enumerate(values)
            ],
        )
    return run.id


@pytest.fixture
def runs(shell: Shell) -> Iterator[list[str]]:
    """Three runs of the project: complete, failed with an odd name and NaN, at work."""
    history = History(shell.paths.store)
    ids = [
        put(
            history,
            shell,
            1,
            {"Accuracy": [0.5], "loss": [1.0, 0.25]},
            ended=1_699_996_445.892389,
            commit="c0ffee",
            arguments=("--rate", "0.1", "a b"),
        ),
        put(history, shell, 2, {"Accuracy": [0.75], "status": [7.0], ODD: [float("nan")]}, state=State.FAILED),
        put(history, shell, 3, {}, state=State.RUNNING, script="\x1b]0;title\x07train.py"),
    ]
    history.close()
    yield ids
    assert not is_held(shell.paths.engine_lock), "reading the history needs no engine"


def test_a_record_has_the_keys_of_the_original(shell: Shell, runs: list[str]) -> None:
    record = json.loads(shell.aml("history", "info", "-r", "1").out)
    assert list(record) == ["Accuracy", "loss", *KEYS]
    assert record == {
        "Accuracy": 0.5,
        "loss": [1.0, 0.25],
        "arguments": ["--rate", "0.1", "a b"],
        "attachments": "control_log,driver_log",
        "created_utc": "2023-11-14T21:13:50.000000+00:00",
        "description": None,
        "duration": "0:00:14.892389",
        "end_time_utc": "2023-11-14T21:14:05.892389+00:00",
        "heartbeat_enabled": True,
        "hidden": False,
        "name": "iris-001",
        "parent_run_id": None,
        "properties": {"CommitId": "c0ffee"},
        "run_id": runs[0],
        "run_number": 1,
        "script_name": "train.py",
        "start_time_utc": "2023-11-14T21:13:51.000000+00:00",
        "status": "Completed",
        "target": "local",
        "user_id": "",
    }


def test_a_record_says_why_it_is_in_its_state(shell: Shell) -> None:
    history = History(shell.paths.store)
    put(history, shell, 1, {}, state=State.FAILED, reason="KeyError: 'petal'", exit_code=1)
    put(history, shell, 2, {}, state=State.QUEUED, reason="waits for a free slot")
    put(history, shell, 3, {}, exit_code=0)
    history.close()
    told = [json.loads(shell.aml("history", "info", "-r", run).out)["properties"] for run in "123"]
    assert told == [{"ExitCode": "1", "Reason": "KeyError: 'petal'"}, {"Reason": "waits for a free slot"}, {}]


def test_a_metric_never_hides_a_key_of_the_record(shell: Shell, runs: list[str]) -> None:
    record = json.loads(shell.aml("history", "info", "-r", runs[1]).out)
    assert (record["status"], record["metric:status"]) == ("Failed", 7.0)


def test_json_is_strict_and_draws_nothing(shell: Shell, runs: list[str]) -> None:
    out = shell.aml("history", "list", "-o", "json").out
    data = json.loads(out, parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
    assert [record["run_number"] for record in data] == [3, 2, 1]
    assert data[1][ODD] == "NaN"
    assert b"\x1b" not in out


def test_the_table(shell: Shell, runs: list[str]) -> None:
    done = shell.aml("history", "list")
    lines = done.text.splitlines()
    assert lines[0].split() == [
        "Accuracy", "status", "red", "loss", "Duration", "Run_id", "Script_name", "Start_time_utc", "Status",
    ]  # fmt: skip
    assert set(lines[1]) == {"-", " "}
    assert lines[2].split()[1:] == [runs[2], "train.py", "2023-11-14T21:14:51Z", "Running"]
    assert lines[3].split() == [
        "0.75", "7", "nan", "0:00:09.000", runs[1], "train.py", "2023-11-14T21:14:21Z", "Failed",
    ]  # fmt: skip
    assert lines[4].split()[:2] == ["0.5", "0.25"]
    assert "\x1b" not in done.text and "\x07" not in done.text
    assert shell.aml("history", "list", "--top", "1").text.count("\n") == 3


def test_on_a_terminal_no_line_is_wider_than_it(shell: Shell) -> None:
    history = History(shell.paths.store)
    put(history, shell, 1, {f"metric number {number}": [0.123456789] for number in range(20)})
    history.close()
    for columns in (60, 80, 140):
        shown = shell.on_terminal("history", "list", columns=columns)
        table, _, told = shown.partition("not shown: ")
        assert max(map(len, table.splitlines())) <= columns
        assert told.startswith("metric number ") and "(-o json" in told
        assert "Status" in table or columns == 60
    assert "metric number 1 " in shell.on_terminal("history", "list", columns=140)


def test_queries_and_formats(shell: Shell, runs: list[str]) -> None:
    best = shell.aml("history", "list", "--query", "[?Accuracy] | sort_by(@, &Accuracy)[-1].run_id", "-o", "tsv")
    assert best.text == f"{runs[1]}\n"
    table = shell.aml("history", "list", "--query", "[].{id: run_id, accuracy: Accuracy}", "-o", "table").text
    assert table.splitlines()[0].split() == ["Id", "Accuracy"]
    assert table.splitlines()[3].split() == [runs[1], "0.75"]
    assert yaml.safe_load(shell.aml("history", "info", "-r", "1", "-o", "yaml").out)["loss"] == [1.0, 0.25]
    lists = shell.aml("history", "list", "--query", "[].[run_number, status]", "-o", "tsv").text
    assert lists == "3\tRunning\n2\tFailed\n1\tCompleted\n"
    wrong = shell.aml("history", "list", "--query", "[?")
    assert (wrong.code, wrong.out) == (2, b"")
    assert "error: the query cannot be used" in wrong.err


def test_last_and_compare(shell: Shell, runs: list[str]) -> None:
    assert json.loads(shell.aml("history", "last").out)["run_id"] == runs[2]
    table = shell.aml("history", "compare", "-r", "1", "iris-002").text
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines()}
    assert rows["Name"] == ["iris-001", "iris-002"]
    assert table.splitlines()[0] == table.splitlines()[0].strip()
    assert rows["argument"] == ["1", "a", "b"]
    assert "Accuracy last " in table and "0.5" in table and "0.75" in table
    assert "target" not in rows, "what is the same is not shown"
    assert "target" in shell.aml("history", "compare", "-r", "1", "2", "--all").text
    data = json.loads(shell.aml("history", "compare", "-r", "1", "2", "-o", "json").out)
    by_name = {row["name"]: row for row in data["summary"]}
    assert by_name["target"]["values"] == {"iris-001": "local (local)", "iris-002": "local (local)"}
    assert not by_name["target"]["differs"] and by_name["argument 1"]["differs"]
    metrics = {one["name"]: one for one in data["metrics"]}
    assert metrics["Accuracy"]["values"]["iris-002"]["last"] == 0.75
    assert metrics["Accuracy"]["partings"] == {
        "iris-001": None,
        "iris-002": {"compared": 1, "at": metrics["Accuracy"]["partings"]["iris-002"]["at"]},
    }
    assert data["first_parting"]["iris-002"]["metric"] == "Accuracy"
    assert shell.aml("history", "compare", "-r", "1", "iris-001").code == 2
    assert shell.aml("history", "compare", "-r", "1", "2", "--tolerance", "2").code == 2
    assert shell.aml("history", "compare", "-r", "1", "2", "--tolerance", "0.9").text.count("Accuracy") == 0


def test_a_comparison_into_a_file(shell: Shell, runs: list[str]) -> None:
    compare = ["history", "compare", "-r", "1", "2", "--export"]
    assert shell.aml(*compare, "what.txt").code == 2
    assert "written to compared.md" in shell.aml(*compare, "compared.md").err
    text = (shell.project / "compared.md").read_text()
    assert "| | iris-001 | iris-002 |" in text and "| **Accuracy last** | 0.5 | 0.75 |" in text
    refused = shell.aml(*compare, "compared.md")
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert shell.aml(*compare, "compared.md", "--yes").code == 0
    assert shell.aml(*compare, "compared.csv").code == 0
    assert "summary,argument 1,yes,a b," in (shell.project / "compared.csv").read_text()
    assert shell.aml(*compare, "compared.json").code == 0
    data = json.loads((shell.project / "compared.json").read_text())
    assert [one["label"] for one in data["runs"]] == ["iris-001", "iris-002"]


def test_runs_are_named_as_people_do(shell: Shell, runs: list[str]) -> None:
    for name in (runs[0], "iris-001", "iris-1", "1"):
        done = shell.aml("history", "info", "-r", name, "--query", "run_id", "-o", "tsv")
        assert done.text == f"{runs[0]}\n", name
    assert shell.aml("history", "info", "-r", "iris_16", cwd=shell.project).code == 3
    outside = shell.aml(
        "history", "info", "-r", "iris-002", "--query", "run_number", "-o", "tsv", cwd=shell.paths.state
    )
    assert outside.text == "2\n"


def test_of_which_project(shell: Shell, runs: list[str]) -> None:
    below = shell.project / "data"
    below.mkdir()
    assert json.loads(shell.aml("history", "last", cwd=below).out)["run_id"] == runs[2]
    crooked = str(shell.project / ".." / shell.project.name)
    count = ["history", "list", "--query", "length(@)", "-o", "json"]
    assert shell.aml(*count, "-p", crooked, cwd=shell.paths.state).text == "3\n"
    outside = shell.aml("history", "list", cwd=shell.paths.state)
    assert (outside.code, outside.out) == (1, b"")
    assert "do: " in outside.err and "-p" in outside.err
    assert shell.aml(*count, "--all-projects", cwd=shell.paths.state).text == "3\n"


def test_nothing_yet(shell: Shell) -> None:
    done = shell.aml("history", "list")
    assert (done.code, done.out) == (0, b"")
    assert "no runs yet" in done.err
    assert shell.aml("history", "list", "-o", "json").text == "[]\n"
    last = shell.aml("history", "last")
    assert (last.code, last.out) == (3, b"")


def test_hidden_runs_are_not_listed(shell: Shell, runs: list[str]) -> None:
    history = History(shell.paths.store)
    history.put(dataclasses.replace(make_run(3), project=str(shell.project), hidden=True))
    history.close()
    for output in ("table", "json"):
        assert runs[2] not in shell.aml("history", "list", "-o", output).text
    assert runs[2] in shell.aml("history", "info", "-r", "3").text


def test_a_store_that_cannot_be_read(shell: Shell) -> None:
    shell.paths.store.write_bytes(b"SQLite format 3\0" + b"nonsense" * 1000)
    done = shell.aml("history", "list")
    assert done.code == 1
    assert "the run history cannot be read" in done.err
    assert f"where: {shell.paths.store}" in done.err


def test_a_long_list_is_json_too(shell: Shell) -> None:
    history = History(shell.paths.store)
    history.put(*(make_run(number, project=str(shell.project)) for number in range(1, 601)))
    history.close()
    data = json.loads(shell.aml("history", "list", "-o", "json").out)
    assert [record["run_number"] for record in data] == list(range(600, 0, -1))


def test_integers_that_a_script_logs(shell: Shell) -> None:
    shell.script(
        "train.py",
        """
        from azureml.core import Run
        run = Run.get_context()
        run.log("count", 7)
        run.log("large", 2**64 - 1)
        for step in (1, 2.0, 3):
            run.log("mixed", step)
        """,
    )
    assert shell.aml("experiment", "submit", "-c", "local", "train.py").code == 0
    text = shell.aml("history", "last", "--query", "[count, large, mixed]").text
    assert "".join(text.split()) == "[7,18446744073709551615,[1,2.0,3]]"


@pytest.mark.parametrize("way", ["-u", "TrackedRun", "outputCollection"])
def test_outputs_that_are_not_kept(shell: Shell, way: str) -> None:
    text = "ArgumentVector: [train.py]\nTarget: local\nFramework: Python\nTrackedRun: false\n"
    if way == "outputCollection":
        text = "script: train.py\nhistory: {outputCollection: false}\n"
    (shell.project / "aml_config" / "loose.runconfig").write_text(text)
    shell.script(
        "train.py",
        """
        from azureml.core import Run
        open("outputs/model.bin", "w").write("model")
        Run.get_context().log("loss", 0.5)
        print("done")
        """,
    )
    options = ["-u", "-c", "local", "train.py"] if way == "-u" else ["-c", "loose"]
    assert shell.aml("experiment", "submit", *options).code == 0
    why = "the run is untracked" if way != "outputCollection" else "its configuration has `outputCollection: false`"
    done = shell.aml("history", "download", "-r", "1", "-d", "results")
    assert (done.code, json.loads(done.out)["files"]) == (0, 1)
    assert done.err.startswith(f"only the driver log: {why}")
    assert [path.name for path in (shell.project / "results").iterdir()] == ["driver_log"]
    for asked in (
        ["info", "-r", "1", "-a", "outputs/model.bin"],
        ["download", "-r", "1", "-d", "r", "--path", "model.bin"],
    ):
        refused = shell.aml("history", *asked)
        assert (refused.code, refused.out) == (3, b"")
        assert "iris-001 has no output" in refused.err and why in refused.err
    record = json.loads(shell.aml("history", "last").out)
    assert record.get("loss") == (0.5 if way == "outputCollection" else None)


def test_outputs_come_home_and_runs_go(shell: Shell) -> None:
    shell.script(
        "train.py",
        """
        import os
        os.makedirs("outputs/sub dir")
        open("outputs/model.bin", "wb").write(bytes(range(256)))
        open("outputs/sub dir/note.txt", "w").write("deep")
        print("done")
        """,
    )
    assert shell.aml("experiment", "submit", "-c", "local", "train.py").code == 0
    done = shell.aml("history", "download", "-r", "1", "-d", "results")
    assert json.loads(done.out)["files"] == 3
    results = shell.project / "results"
    assert (results / "model.bin").read_bytes() == bytes(range(256))
    assert (results / "sub dir" / "note.txt").read_text() == "deep"
    assert (results / "driver_log").read_text() == "done\n"
    assert shell.aml("history", "info", "-a", "outputs/sub dir/note.txt").out == b"deep"
    assert shell.aml("history", "info", "-a", "model.bin").out == bytes(range(256))
    control = shell.aml("history", "info", "-a", "control_log").text
    assert "Running -> Finalizing" in control and "train.py" in control
    missing = shell.aml("history", "info", "-a", "nothing.txt")
    assert missing.code == 3, missing.err
    asked = shell.aml("history", "delete", "-r", "1")
    assert asked.code == 2 and shell.store.count() == 1
    assert "iris-001 deleted\n" in shell.aml("history", "delete", "-r", "1", "--yes").err
    assert shell.store.count() == 0
    gone = shell.aml("history", "info", "-r", "1")
    assert (gone.code, "do: `aml history restore -r 1` brings it back." in gone.err) == (3, True)
    (kept,) = json.loads(shell.aml("history", "bin", "-o", "json").out)
    assert (kept["name"], kept["status"], kept["bytes"] > 0) == ("iris-001", "Completed", True)
    (head, _, row) = shell.aml("history", "bin").text.splitlines()
    assert head.split() == ["Run", "Status", "Script", "Deleted", "Kept", "for", "Size"]
    assert row.split()[:3] == ["iris-001", "Completed", "train.py"]
    assert "6 d 23 h" in row
    assert "iris-001 is back\n" in shell.aml("history", "restore", "-r", "iris-001").err
    assert "the bin is empty" in shell.aml("history", "bin").err
    again = shell.aml("history", "restore", "-r", "1")
    assert (again.code, again.err) == (1, "iris-001: the run is not in the bin.\n")
    assert json.loads(shell.aml("history", "last").out)["run_id"] == kept["run_id"]
    assert shell.aml("history", "delete", "-r", "1", "--yes").code == 0
    assert "iris-001 deleted for good\n" in shell.aml("history", "delete", "--now", "-r", "1", "--yes").err
    assert not list((shell.paths.data / "runs").iterdir())
    assert shell.aml("history", "restore", "-r", "1").code == 3


def test_tags_are_put_on_and_taken_away(shell: Shell) -> None:
    shell.script("train.py", "print('done')")
    for _ in range(2):
        done = shell.aml("experiment", "submit", "-c", "local", "--tag", "old", "--tag", "who=ann b", "train.py")
        assert done.code == 0, done.err
    done = shell.aml("history", "tag", "-r", "1", "2", "--add", "best", "stage=prod", "--remove", "old")
    assert (done.code, done.err) == (0, "iris-001 tagged\niris-002 tagged\n")
    assert shell.store.run("iris-002").tags == {"who": "ann b", "best": "", "stage": "prod"}
    assert shell.aml("history", "tag", "-r", "2", "--add", "stage=test").code == 0
    assert shell.store.run("iris-002").tags == {"who": "ann b", "best": "", "stage": "test"}
    assert shell.store.run("iris-001").tags["stage"] == "prod"
    wrong = shell.aml("history", "tag", "-r", "1", "--add", "two words")
    assert wrong.code == 2 and "'two words' is no tag: its name is one word" in wrong.err
    assert shell.aml("history", "tag", "-r", "1").code == 2
