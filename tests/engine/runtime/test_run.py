"""The methods of a run that scripts of the original call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.runtime.conftest import Script


def test_logging(script: Script) -> None:
    assert script.record(
        """
        run.log("loss", 0.5)
        run.log_list("precision", (0.5, 1))
        run.log_row("sizes", "of things", width=3, height=float("nan"))
        run.log_table("table", {"x": [1, 2], "y": (3, 4), "z": 5})
        run.log_confusion_matrix("matrix", {"data": {"classes": ["a"]}})
        logger.log("rate", 0.01).wait()
        run.flush()
        """
    ) == [
        ("scalar", "loss", 0.5),
        ("list", "precision", [0.5, 1]),
        ("row", "sizes", {"width": 3, "height": "NaN"}),
        ("table", "table", {"x": [1, 2], "y": [3, 4], "z": [5]}),
        ("text", "matrix", '{"data":{"classes":["a"]}}'),
        ("scalar", "rate", 0.01),
    ]
    assert script.said == ""
    assert script.printed == ""


def test_a_table_that_is_none(script: Script) -> None:
    assert script.record("run.log_table('x', [1, 2])\nrun.log_row('y')") == [("list", "x", [1, 2]), ("row", "y", {})]


def test_tags_and_properties(script: Script) -> None:
    found = script.record(
        """
        run.tag("best")
        run.tag("stage", 1)
        run.set_tags({"stage": 2})
        run.add_properties({"CommitId": "abc"})
        print(run.get_tags(), run.get_properties())
        """
    )
    assert found == [("tag", "best", ""), ("tag", "stage", "1"), ("tag", "stage", "2"), ("property", "CommitId", "abc")]
    assert script.printed == "{'best': '', 'stage': '2'} {'CommitId': 'abc'}\n"


def test_what_a_run_knows_of_itself(script: Script) -> None:
    script.environ["AZUREML_TARGET_TYPE"] = "local"
    script.record(
        """
        from azureml.core.run import Run as Same
        assert Same.get_submitted_run() is run is Run.get_context(allow_offline=False)
        print(run.id, run.number, run.get_status(), run.get_details()["target"])
        run.complete()
        print(run.get_status())
        """
    )
    assert script.printed == "iris_1500000000000 7 Running local\nCompleted\n"


def test_the_end_as_the_script_says_it(script: Script) -> None:
    assert script.record("run.fail('no data', 'E1')") == [("status", "", "Failed")]
    assert script.records()[0].description == "E1: no data"
    assert script.record("with run:\n    pass") == [("status", "", "Completed")]
    assert script.record("run.cancel()") == [("status", "", "Canceled")]


def test_metrics_so_far(script: Script) -> None:
    script.record(
        """
        import json
        run.log("loss", 2)
        run.log("loss", float("inf"))
        run.log("once", 1)
        run.log_list("list", [1, 2])
        run.log_row("row", a=1, b=2)
        run.log_row("row", a=3, b=4)
        run.tag("not a metric", 1)
        open(__import__("os").environ["AML_METRICS_FILE"], "ab").write(b'{"k": []}\\n[]\\n')
        print(run.get_metrics())
        print(run.get_metrics("once"))
        import os
        os.truncate(os.environ["AML_METRICS_FILE"], 0)
        """
    )
    assert script.printed == (
        "{'loss': [2, inf], 'once': 1, 'list': [1, 2], 'row': {'a': [1, 3], 'b': [2, 4]}}\n{'once': 1}\n"
    )


def test_child_runs(script: Script) -> None:
    found = script.record(
        """
        for rate in (0.1, 0.2):
            with run.child_run("rate %s" % rate) as child:
                child.log("loss", rate)
        inner = run.child_run().child_run("inner")
        inner.tag("deep", "yes")
        print(inner.parent.parent is run, child.id, child.number, child.get_metrics(), inner.get_tags(), run.get_tags())
        try:
            with run.child_run("bad"):
                raise ValueError("no")
        except ValueError:
            pass
        """
    )
    assert ("scalar", "rate 0.1/loss", 0.1) in found
    assert ("scalar", "rate 0.2/loss", 0.2) in found
    assert ("tag", "child_3/inner/deep", "yes") in found
    assert found[-1] == ("status", "bad/", "Failed")
    assert script.printed == (
        "True iris_1500000000000_2 None {'loss': 0.2} {'deep': 'yes'} {'child_3/inner/deep': 'yes'}\n"
    )


def test_uploads(script: Script) -> None:
    project = script.folder / "project"
    (project / "plots" / "more").mkdir(parents=True)
    (project / "plots" / "a.txt").write_text("A")
    (project / "plots" / "more" / "b.txt").write_text("B")
    found = script.record(
        """
        import io, pathlib
        pathlib.Path("model.pkl").write_bytes(bytes(range(256)))
        run.upload_file("outputs/models/model.pkl", "model.pkl").wait()
        run.upload_file("by path.pkl", pathlib.Path("model.pkl"))
        run.upload_file("stream.txt", io.StringIO("caf\\u00e9"))
        run.upload_folder("plots", "plots")
        logger.upload("outputs/note.txt", "hello").wait()
        logger.upload("note.bin", b"\\x00\\xff")
        print(run.get_file_names())
        run.download_file("outputs/models/model.pkl", "back.pkl")
        """
    )
    assert found == [
        ("upload", "outputs/models/model.pkl", "models/model.pkl"),
        ("upload", "by path.pkl", "by path.pkl"),
        ("upload", "stream.txt", "stream.txt"),
        ("upload", "plots/a.txt", "plots/a.txt"),
        ("upload", "plots/more/b.txt", "plots/more/b.txt"),
        ("upload", "outputs/note.txt", "note.txt"),
        ("upload", "note.bin", "note.bin"),
    ]
    assert (script.outputs / "models" / "model.pkl").read_bytes() == bytes(range(256))
    assert (project / "back.pkl").read_bytes() == bytes(range(256))
    assert (script.outputs / "stream.txt").read_text() == "café"
    assert (script.outputs / "plots" / "more" / "b.txt").read_text() == "B"
    assert (script.outputs / "note.bin").read_bytes() == b"\x00\xff"
    names = sorted(
        f"outputs/{path.relative_to(script.outputs)}" for path in script.outputs.rglob("*") if path.is_file()
    )
    assert script.printed == f"{names}\n"


def test_a_file_that_is_among_the_outputs_already(script: Script) -> None:
    (script.outputs / "model.pkl").write_text("weights")
    assert script.record("run.upload_file('model.pkl', '../outputs/model.pkl')") == [
        ("upload", "model.pkl", "model.pkl")
    ]
    assert (script.outputs / "model.pkl").read_text() == "weights"


@pytest.mark.parametrize("name", ["../escape", "outputs/../../escape", "/../escape", ".", ".."])
def test_no_upload_leaves_the_outputs(script: Script, name: str) -> None:
    (script.folder / "project" / "a").write_text("x")
    assert script.record(f"run.upload_file({name!r}, 'a')\nlogger.upload({name!r}, 'x')") == []
    assert script.said.count("is not a name below outputs") == 2
    assert {path.name for path in script.folder.iterdir()} == {"project", "outputs"}
    assert list(script.outputs.iterdir()) == []


def test_an_upload_of_nothing(script: Script) -> None:
    assert script.record("run.upload_file('a', 'missing')\nrun.upload_file('b', 5)") == []
    assert "cannot upload a: FileNotFoundError" in script.said
    assert list(script.outputs.iterdir()) == []


def test_images(script: Script) -> None:
    (script.outputs / "kept.png").write_bytes(b"PNG1")
    (script.folder / "project" / "fig.jpg").write_bytes(b"JPG")
    found = script.record(
        """
        class Figure:
            def savefig(self, path, **options):
                assert options["format"] == "png"
                open(path, "wb").write(b"drawn")
        run.log_image("in place", path="../outputs/kept.png")
        run.log_image("ROC: a/b", path="fig.jpg")
        run.log_image("curve", plot=Figure())
        run.log_image("curve", plot=Figure())
        """
    )
    assert found == [
        ("image", "in place", "kept.png"),
        ("image", "ROC: a/b", "ROC_ a_b.jpg"),
        ("image", "curve", "curve.png"),
        ("image", "curve", "curve_2.png"),
    ]
    assert (script.outputs / "ROC_ a_b.jpg").read_bytes() == b"JPG"
    assert (script.outputs / "curve_2.png").read_bytes() == b"drawn"


@pytest.mark.parametrize("given", ["", "path='missing.png'", "path='a', plot=1", "plot='not a figure'"])
def test_an_image_that_is_none(script: Script, given: str) -> None:
    assert script.record(f"run.log_image('picture', {given})") == []
    assert "cannot log the image picture" in script.said
    assert list(script.outputs.iterdir()) == []


def test_outside_a_run_it_only_prints(script: Script) -> None:
    done = script.run(
        """
        from azureml.core import Run
        from azureml.core.run import RunEnvironmentException
        from azureml.logging import get_azureml_logger
        run = Run.get_context()
        run.log("loss", 0.5)
        run.log_list("list", [1])
        run.log_row("row", a=1)
        run.log_table("table", {"a": [1]})
        run.log_image("image", path="a.png")
        run.upload_file("model", "model.pkl")
        run.upload_folder("folder", "plots")
        run.tag("stage", "x")
        with run.child_run("kid") as child:
            child.log("loss", 1)
        run.complete()
        print(run.id[:11], run.number, run.get_metrics(), run.get_tags(), run.get_file_names(), run.get_status())
        get_azureml_logger().log("x", 1).wait()
        get_azureml_logger().upload("x", "y").wait()
        Run.get_submitted_run().flush()
        try:
            Run.get_context(allow_offline=False)
        except RunEnvironmentException as error:
            print(error)
        """,
        in_run=False,
    )
    assert done.stderr == ""
    assert done.stdout == (
        "Attempted to log scalar metric loss:\n0.5\n"
        "Attempted to log list metric list:\n[1]\n"
        "Attempted to log row metric row:\n{'a': 1}\n"
        "Attempted to log table metric table:\n{'a': [1]}\n"
        "Attempted to log image metric image:\na.png\n"
        "Attempted to track file model at model.pkl\n"
        "Attempted to track folder folder at plots\n"
        "Attempted to log tag stage:\nx\n"
        "Attempted to log scalar metric kid/loss:\n1\n"
        "OfflineRun_ None {} {} [] Completed\n"
        "this process belongs to no run: AML_METRICS_FILE is not set\n"
    )
    assert list((script.folder / "project").iterdir()) == []
