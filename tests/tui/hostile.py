"""A history and a project in which every text that can come from outside is hostile."""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.color import ColorSystem
from textual._compositor import LayoutUpdate
from textual.geometry import Region

from engine.runs.model import State, TargetState
from tests.tui.history import NOW, falling, make_build, make_run, make_spec, scalar
from tui.painting import Painter

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.tui.driving import Driver
    from tests.tui.history import History

TEXTS = {
    "everything": " ".join(
        (
            "[bold]x[/bold][/no] [@click=app.quit]y[/]",
            "\x1b[2J\x1b]0;title\x07\x1b[31mred\x9b31m\x1bP\x1b\\\x1b(0\x00\x07\x85",
            "a\u202egnp.exe\u2066\u200f שלום مرحبا z\u200be\u200dr\ufefft\u00adh e" + "\u0301\u0323" * 50,
            "漢字かな한글 👩\u200d👩\u200d👧❤\ufe0f👍🏽🇩🇪🏴\U000e0067\U000e007f",
            "one\ntwo\tthree\r\nfour\u2028five {0} %s $x \\",
            "x" * 5_000 + "漢" * 5_000,
        )
    ),
    "nothing to see": "\u0301\u0302\u200b\u202e",
}


def file_name(text: str) -> str:
    """As much of it as a file may be called."""
    return text.replace("/", "_").replace("\0", "").encode()[:200].decode("utf-8", "ignore")


def fill(text: str, home: Paths, project: Path, history: History) -> None:
    """Runs in each state, builds, targets, files, outputs, logs and metrics, with this text wherever one can be."""
    for number, state in enumerate(State, start=1):
        run = hostile_run(number, state, text, project)
        history.put_prepared(run, make_spec(text, base_image=text, channels=[text], interpreter=text))
        history.put_series(run.id, [scalar(text, falling(30)), scalar("loss", falling(30))])
        history.connection.execute(
            "INSERT INTO commands VALUES (?, ?, ?, ?, ?, ?)", (run.id, NOW, text, json.dumps([text, text]), text, text)
        )
        plan = {"environment_variables": {text: text}, "interpreter": text, "argv": [text, text]}
        known = json.loads(history.connection.execute("SELECT plan FROM runs WHERE id = ?", (run.id,)).fetchone()[0])
        history.connection.execute("UPDATE runs SET plan = ? WHERE id = ?", (json.dumps({**known, **plan}), run.id))
        log = home.driver_log(run.id)
        log.parent.mkdir(parents=True)
        log.write_text("\n".join(f"{n} {text}" for n in range(12)) + f"\nTraceback\nValueError: {text}\n")
        outputs = home.host_run(run.id) / "outputs" / file_name(text)
        outputs.mkdir(parents=True)
        (outputs / file_name(text)).write_text(text)
    history.put_build(make_build(1, "failed", words=text, error=text), make_build(2, words=text))
    sample = {"cpu": 0.5, "gpus": [{"name": text, "util": 0.5, "mem_used": 1, "mem_total": 2, "holders": [text]}]}
    history.put_target(TargetState("local", "connected", NOW, text, {**sample, "docker": {"error": text}}))
    history.put_target(TargetState("docker", text, NOW, text))
    settings = project / "aml_config"
    quoted = json.dumps(text)
    (settings / f"{file_name(text)}.runconfig").write_text(
        f'ArgumentVector: ["train.py", {quoted}]\nTarget: local\nFramework: Python\n'
        f"EnvironmentVariables:\n  {quoted}: {quoted}\n"
    )
    (settings / "wrong.runconfig").write_text(f"Target: {quoted}\nFramework: {quoted}\n{quoted}: 1\n")
    (settings / f"{file_name(text)}.compute").write_text(f"type: remote\naddress: {quoted}\n")
    (settings / "far.compute").write_text(f"type: remote\naddress: far\nusername: {quoted}\n")
    (project / file_name(text)).write_text(text)
    home.config.mkdir(parents=True, exist_ok=True)
    (home.config / "config.yaml").write_text(f"{quoted}: {quoted}\nmetrics: [{quoted}, loss]\n")


def hostile_run(number: int, state: State, text: str, project: Path) -> Run:
    run = make_run(number, state, project=str(project))
    return dataclasses.replace(
        run,
        project_name=text,
        config=text,
        target=text if number % 2 else "local",
        script=text,
        arguments=(text, f"--password={text}"),
        reason=text,
        progress=text,
        commit=text,
        branch=text,
        description=text,
        tags={text: text, "kind": text},
    )


_OWN = re.compile(r"\x1b\[[0-9;]*[mHG]")


class Look:
    """Looks at what a terminal would get of each screen."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.painter = Painter()

    def check(self) -> None:
        """Everything on it is drawable, and every line has its width: nothing stands beside its column."""
        app = self.driver.app
        width, height = app.size
        strips = app.screen._compositor.render_strips()[:height]
        for y, strip in enumerate(strips):
            text = "".join(segment.text for segment in strip)
            assert cell_len(text) == width, f"line {y} has {cell_len(text)} cells of {width}: {text!r}"
        self.painter.take(LayoutUpdate([[strip] for strip in strips], Region(0, 0, width, height)))
        self.painter.forget()
        written = _OWN.sub("", self.painter.paint((0, 0), ColorSystem.TRUECOLOR))
        found = {char for char in set(written) if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
        assert not found, f"{found} is written to the terminal:\n{self.driver.text()}"
