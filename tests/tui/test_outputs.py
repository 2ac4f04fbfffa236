"""The Outputs tab: looked into, copied where one wants it, opened in a pager; of this machine and of others."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.terminal import Terminal
from engine.client import call
from engine.runs.model import State
from engine.runs.store import StoreReader
from tests.engine.ssh_bench import COMPUTE, CONFIG, ssh_config
from tests.tui.driving import Driver, driven
from tests.tui.history import make_run
from tests.tui.snapshots import check_snapshot
from tests.waiting import until
from tui import requests
from tui.log.pager import pager
from tui.reading import ConfigView

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.services.people import KeyPair, Person
    from tests.services.sshd import Sshd
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

WRITES = """
import os, time
os.makedirs("outputs/plots")
open("outputs/report.txt", "w").write("accuracy 0.9\\x1b[2J\\n" + "x" * 3000000)
open("outputs/plots/loss.csv", "w").write("1,2\\n")
# Larger than what is brought home by itself; it takes no room.
open("outputs/big.bin", "wb").truncate(513 << 20)
print("written", flush=True)
while not os.path.exists("outputs/go"): time.sleep(0.05)
"""


@pytest.fixture
def run(home: Paths, history: History) -> Run:
    """A completed run of this machine with a few outputs."""
    done = make_run(1)
    history.put(done)
    folder = home.host_run(done.id) / "outputs"
    (folder / "plots").mkdir(parents=True)
    (folder / "model.json").write_text('{"weights": "[/markup]"}\n')
    (folder / "plots" / "loss.csv").write_text("1,2\n")
    (folder / "plots" / "loss.png").write_bytes(b"\x89PNG\0" * 700)
    (folder / "latest").symlink_to("model.json")
    return done


async def outputs(d: Driver) -> None:
    await d.press("4")
    await d.until(lambda: d.main.run_view is not None and d.main.run_view.has_focus_within)
    view = d.main.run_view
    assert view is not None
    await d.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
    await d.until(lambda: view.open_tab == 3 and view.pane is not None and view.has_focus_within)


async def test_copies_go_where_one_wants_them(
    console: Console, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with driven(console()) as d:
        await outputs(d)
        await d.until_shown("model.json")
        await d.press("W")
        await d.until_shown("Copy the outputs of iris-001 to the folder")
        await d.press("enter")
        await d.until(lambda: any("3 files copied to" in text for text in d.said()))
        assert (tmp_path / "iris-001-outputs/plots/loss.csv").read_text() == "1,2\n"
        assert (tmp_path / "iris-001-outputs/latest").is_symlink()

        # What is there already is named, and stays without a yes.
        await d.press("W")
        await d.until_shown("Copy the outputs")
        await d.press("enter")
        await d.until_shown("Copy over what is there?")
        await d.press("n")
        await d.until_shown("stays as it is")
        await d.press("escape")

        await d.press("home", "down")
        await d.until(lambda: "model.json" in str(d.main.run_view.pane.chosen))  # type: ignore[union-attr]
        await d.press("w")
        await d.until_shown("Copy model.json to the folder")
        await d.press("end", *"/kept", "enter")
        await d.until(lambda: (tmp_path / "kept/model.json").exists())
        copied: list[str] = []
        d.app.copy_text = copied.append  # type: ignore[method-assign,assignment]
        await d.press("Y")
        assert copied == [str(d.app.model.paths.host_run(run.id) / "outputs/model.json")]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_pictures(console: Console, run: Run, tmp_path: Path, size: tuple[int, int], home: Paths) -> None:
    async with driven(console(), size) as d:
        await d.press("enter")
        await outputs(d)
        await d.until_shown("model.json")
        await d.press("home", "down", "enter")
        await d.until_shown('{"weights": "[/markup]"}')
        await check_snapshot(d.app, f"output-{size[0]}x{size[1]}", tmp_path)


@pytest.mark.parametrize(("key", "variable"), [("v", "PAGER"), ("E", "EDITOR")])
def test_opened_in_a_program_of_ones_own(
    home: Paths, project: Path, run: Run, tmp_path: Path, key: str, variable: str
) -> None:
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\necho "OPENED $(basename "$1") $(cat "$1")"\necho changed > "$1"\nread line\n')
    program.chmod(0o755)
    environ = {name: value for name, value in os.environ.items() if name != "VISUAL"}
    command = [str(Path(sys.executable).parent / "aml-tui"), str(project)]
    with Terminal(command, {**environ, variable: str(program)}) as terminal:
        terminal.until(lambda screen: screen.shows("the run printed nothing"), 20)
        terminal.send("4", lambda screen: screen.shows("& lines"))
        terminal.send("]", lambda screen: not screen.shows("& lines"))
        terminal.send("]", lambda screen: screen.shows("run id"))
        terminal.send("]", lambda screen: screen.shows("model.json"))
        terminal.press("j")
        terminal.send(key, lambda screen: screen.shows("OPENED model.json {"), 20)
        terminal.send("\r", lambda screen: screen.shows("loss.csv"), 20)
        assert terminal.close("q") == 0
    kept = (home.host_run(run.id) / "outputs/model.json").read_text()
    # What is edited is a copy: the outputs are a record.
    assert kept == ('{"weights": "[/markup]"}\n' if key == "E" else "changed\n")


def test_the_pager_is_given_no_options_that_bring_controls_back() -> None:
    environ = {"PAGER": "less -i", "LESS": "-r", "LESSOPEN": "|filter %s", "LESSCLOSE": "x", "HOME": "/h"}
    assert pager(environ, secure=False) == (["less", "-i"], {"PAGER": "less -i", "HOME": "/h"})
    assert pager(environ, secure=True)[1]["LESSSECURE"] == "1"
    with pytest.raises(ValueError, match="quotation"):
        pager({"PAGER": "'less"}, secure=False)


@pytest.mark.timeout(120)
async def test_of_a_run_that_goes_on_elsewhere(
    console: Console,
    home: Paths,
    engine_home: Paths,
    project: Path,
    tmp_path: Path,
    sshd: Sshd,
    alice: Person,
    alice_key: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(ssh_config(project.parent, sshd)))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.chdir(tmp_path)
    place = COMPUTE.format(address=f"{sshd.address}:{sshd.port}", user=alice.name, key=alice_key.path)
    (project / "aml_config/far.compute").write_text(place)
    (project / "aml_config/far.runconfig").write_text(CONFIG)
    (project / "train.py").write_text(WRITES)
    app = console()
    app.start_engine = True
    async with driven(app) as d:
        request = requests.new_request(str(project), ConfigView("far"), "train.py", (), {}, token="one")
        await d.app.link.submit(request)
        await d.until(lambda: d.app.model.order and d.app.model.runs[d.app.model.order[0]].state is State.RUNNING)
        run_id = d.app.model.order[0]
        log = home.driver_log(run_id)
        await d.until(lambda: log.exists() and "written" in log.read_text())
        await outputs(d)
        await d.until_shown("report.txt  on its host")
        await d.until_shown("in the outputs of iris-001 on far")
        await d.press("end", "v")
        assert any("there is no file under the cursor" in text for text in d.said())
        await d.press("up", "enter")
        await d.until_shown("accuracy 0.9")
        await d.until_shown("report.txt  2.9M")
        await d.press("w")
        await d.until_shown("Copy report.txt to the folder")
        await d.press("enter")
        await d.until(lambda: (tmp_path / "report.txt").exists())
        assert (tmp_path / "report.txt").stat().st_size > 3_000_000
        (alice.home / f".local/share/aml-tui/runs/{run_id}/outputs/go").touch()
        await d.until(lambda: d.app.model.runs[run_id].state.ended)
        await d.press("escape")
        # They are here now.
        await d.until(lambda: "report.txt" in d.text() and "report.txt  on its host" not in d.text())
        # What was too large stays there, and can be looked into all the same.
        await d.until_shown("big.bin  on its host")
        await d.press("home", "enter")
        await d.until_shown("big.bin  513M")
        await d.until_shown("this is not text")


def test_the_command_line_has_them_as_well(home: Paths, engine_home: Paths, project: Path) -> None:
    (project / "train.py").write_text("open('outputs/a.txt', 'w').write('abc')\n")
    request = requests.new_request(str(project), ConfigView("local"), "train.py", (), {}, token="one")
    answer = call("submit", {"request": request.to_json()}, paths=home)
    with StoreReader(home.store) as store:
        until(lambda: store.run(answer["run_id"]).state.ended, 30)
    told = call("outputs", {"id": answer["run_id"], "path": "a.txt", "most": 2}, paths=home)
    assert told == {"data": "YWI=", "length": 2}
