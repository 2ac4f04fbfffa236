"""Preparing environments from the console: asked by a key, followed live, canceled, told when it ends elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import HostError
from engine.runs.model import BuildRecord, State, TargetState
from tests.tui.driving import Driver, driven
from tests.tui.history import NOW, make_build, make_run, make_spec
from tests.tui.snapshots import check_snapshot
from tui.screens.build import BuildScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.request import RunRequest
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

NASTY = "[/foo] [bold]x\x1b[2J\x1b]52;c;aGk=\x07"
FACTS = {"version": "20.10.24", "api": "1.41", "images": 5, "running": 2, "containers": 3, "environments": 1}


class Answers:
    """In the place of the line to the engine: keeps what was asked, answers what it was given."""

    def __init__(self, app: ConsoleApp, answer: dict[str, Any] | None = None, error: Exception | None = None) -> None:
        self.prepared: list[RunRequest] = []
        self.stopped: list[str] = []
        self.refused: dict[str, str] = {}
        self._answer = {"state": "nothing", "build": None, "fingerprint": "", "image": "", "notices": []}
        self._answer |= answer or {}
        self._error = error
        app.link.prepare = self.prepare  # type: ignore[method-assign]
        app.link.stop_builds = self.stop_builds  # type: ignore[method-assign]

    async def prepare(self, request: RunRequest) -> dict[str, Any]:
        self.prepared.append(request)
        if self._error is not None:
            raise self._error
        return self._answer

    async def stop_builds(self, ids: list[str]) -> dict[str, str]:
        self.stopped += ids
        return self.refused


def building(d: Driver, record: BuildRecord) -> Answers:
    return Answers(d.app, {"state": "building", "build": record.id})


def logged(tmp_path: Path, text: str = "") -> str:
    """The path of a build's log with this in it."""
    file = tmp_path / "build.log"
    file.write_text(text)
    return str(file)


async def test_prepare_asks_for_the_configuration_under_the_cursor(console: Console, project: Path) -> None:
    async with driven(console()) as d:
        answers = Answers(d.app, {"notices": [NASTY]})
        await d.press("2", "down", "p")
        await d.until(lambda: any("nothing to prepare" in text for text in d.said()))
        assert [(one.project, one.config) for one in answers.prepared] == [(str(project), "docker")]
        assert "docker: [/foo] [bold]x" in d.said()


async def test_prepare_on_a_target_chooses_among_its_configurations(console: Console) -> None:
    async with driven(console()) as d:
        answers = Answers(d.app, {"state": "ready", "image": "sha256:" + "ab" * 32})
        await d.press("1", "p")
        await d.until_shown("Prepare the environment of")
        await d.press("down", "enter")
        await d.until(lambda: "sweep is prepared: image abababababab" in d.said())
        await d.press("down", "p")
        await d.until(lambda: len(answers.prepared) == 2)
        assert [one.config for one in answers.prepared] == ["sweep", "docker"]


async def test_prepare_on_the_runs_takes_the_runs_configuration(console: Console, history: History) -> None:
    history.put(make_run(1, config="docker"), make_run(2, config="gone"))
    async with driven(console()) as d:
        answers = Answers(d.app)
        await d.press("p")
        assert d.said() == ["prepare: the run's configuration is not in this project any more"]
        await d.press("down", "p")
        await d.until(lambda: [one.config for one in answers.prepared] == ["docker"])


async def test_what_the_engine_refuses_is_told(console: Console) -> None:
    async with driven(console()) as d:
        Answers(d.app, error=HostError(f"there is no Docker Engine {NASTY}.", remedy="Start it."))
        await d.press("2", "down", "p")
        await d.until(lambda: "there is no Docker Engine [/foo] [bold]x. Start it." in d.said())
        assert d.app.screen is d.main


async def test_readonly_refuses_to_prepare(console: Console) -> None:
    async with driven(console(readonly=True)) as d:
        answers = Answers(d.app)
        await d.press("2", "down", "p")
        assert "read-only" in d.said()[-1]
        assert answers.prepared == []


async def test_a_build_is_followed(console: Console, history: History, tmp_path: Path) -> None:
    record = make_build(log=logged(tmp_path, "one\n"), words=f"step 4 of 7: {NASTY}")
    history.put_build(record)
    async with driven(console()) as d:
        building(d, record)
        await d.press("2", "down", "p")
        await d.until(lambda: isinstance(d.app.screen, BuildScreen))
        await d.until_shown("step 4 of 7")
        await d.until_shown("1m11 of about 1m35")
        assert "[/foo] [bold]x" in d.text()
        await d.until_shown("one")
        (tmp_path / "build.log").write_text(f"one\ntwo {NASTY} end\n")
        await d.until_shown("two [/foo] [bold]x end")
        assert "\x1b" not in d.text()
        history.put_build(make_build(log=record.log, step=6, words="step 6 of 7: LABEL", estimate=30.0))
        await d.until_shown("step 6 of 7")
        await d.until_shown("longer than the usual 0m30")
        history.put_build(make_build(1, "ready", log=record.log))
        await d.until_shown("ready after 0m42   image 000000000000, 130 MB")
        await d.until_shown("end")
        assert d.said() == []
        await d.press("escape")
        await d.until(lambda: d.app.screen is d.main)


async def test_a_failed_build_says_why(console: Console, history: History, tmp_path: Path) -> None:
    error = f"the environment could not be built: {NASTY}\n  ERROR: no such package\n Correct the line."
    record = make_build(1, "failed", log=logged(tmp_path, "Collecting no-such\n"), error=error)
    history.put_build(record)
    async with driven(console()) as d:
        await d.press("2", "down", "b")
        await d.until_shown("failed at step 4 of 7 after 0m42")
        await d.until_shown("could not be built: [/foo] [bold]x")
        await d.until_shown("ERROR: no such package")
        await d.until_shown("Collecting no-such")
        assert "\x1b" not in d.text()
        await d.press("c")
        assert d.said() == ["cancel: it has ended"]
        await d.press("question_mark")
        await d.until_shown("Cancel the build")
        await d.press("escape", "escape")
        await d.until(lambda: d.app.screen is d.main)


async def test_cancel_asks_first(console: Console, history: History) -> None:
    record = make_build()
    history.put_build(record)
    async with driven(console()) as d:
        answers = building(d, record)
        await d.press("2", "down", "p")
        await d.until(lambda: isinstance(d.app.screen, BuildScreen))
        await d.press("c")
        await d.until_shown("Cancel the build?")
        await d.press("n")
        await d.until(lambda: isinstance(d.app.screen, BuildScreen))
        assert answers.stopped == []
        answers.refused = {record.id: f"no `prepare` waits for it. {NASTY}"}
        await d.press("c")
        await d.until_shown("Cancel the build?")
        await d.press("y")
        await d.until(lambda: answers.stopped == [record.id])
        await d.until(lambda: "cancel: no `prepare` waits for it. [/foo] [bold]x" in d.said())
        history.put_build(make_build(1, "canceled", error="canceled"))
        await d.until_shown("canceled at step 4 of 7 after 0m42")


async def test_readonly_looks_and_does_not_cancel(console: Console, history: History) -> None:
    history.put_build(make_build())
    async with driven(console(readonly=True)) as d:
        await d.press("2", "down", "b")
        await d.until_shown("step 4 of 7")
        await d.press("c")
        assert d.said() == ["cancel: the console was opened read-only"]


async def test_rows_say_that_something_is_being_prepared(console: Console, history: History) -> None:
    history.put_build(make_build())
    async with driven(console()) as d:
        await d.until(lambda: d.text().count("preparing 4/7") == 2)
        await d.press("2", "down", "enter")
        await d.until_shown("environment being prepared: step 4 of 7, 1m11")
        history.put_build(make_build(1, "ready"))
        await d.until_shown("environment ready after 0m42")
        await d.press("escape")
        await d.until(lambda: "preparing" not in d.text())


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (make_build(1, "ready"), "environment of docker: ready after 0m42"),
        (
            make_build(1, "failed", error=f"not built: {NASTY}\nmore"),
            "environment of docker: failed after 0m42: not built: [/foo] [bold]x; b shows its log",
        ),
    ],
)
async def test_a_build_that_ends_elsewhere_is_told(
    console: Console, history: History, record: BuildRecord, told: str
) -> None:
    history.put_build(make_build(), make_build(2, "failed"))
    async with driven(console()) as d:
        rung: list[bool] = []
        d.app.bell = lambda: rung.append(True)  # type: ignore[method-assign]
        d.app.looking_away = True
        history.put_build(record)
        await d.until(lambda: d.said() == [told])
        assert rung == [True]


async def test_without_any_build_there_is_nothing_to_show(console: Console, history: History) -> None:
    history.put(make_run(1))
    async with driven(console()) as d:
        await d.press("b")
        assert d.said() == ["build log: no environment was built for this project yet"]
        history.put_build(make_build(), config="sweep")
        await d.until(lambda: d.app.model.builds)
        await d.press("b")
        await d.until(lambda: d.said()[-1] == "no build of an environment is known for local")


async def test_b_on_a_run_opens_the_build_it_failed_with(console: Console, history: History, tmp_path: Path) -> None:
    failed = make_build(1, "failed", log=logged(tmp_path, "the first\n"), error="not built")
    run = make_run(
        1, State.FAILED, config="docker", target_type="docker", created=NOW - 80, started=None, ended=NOW - 20
    )
    history.put_build(failed, make_build(2, "ready", started=NOW - 15, ended=NOW - 10))
    history.put_container(run, make_spec("no-such"))
    async with driven(console()) as d:
        await d.press("b")
        await d.until_shown("failed at step 4 of 7")
        await d.until_shown("the first")


# Targets


def docker(history: History, facts: dict[str, object] | None) -> None:
    sample: dict[str, object] = {"cpu": 0.12, "mem_used": 2**30} | ({"docker": facts} if facts is not None else {})
    history.put_target(TargetState("local", "connected", NOW - 500, sample=sample))


async def test_a_docker_target_shows_its_engine(console: Console, history: History) -> None:
    docker(history, dict(FACTS))
    async with driven(console(), (80, 24)) as d:
        await d.press("1")
        await d.until_shown("5 images 2 running 1 environment Docker 20.10.24")
        await d.press("down", "enter")
        await d.until_shown("20.10.24, API 1.41")
        assert "2 of 3 running" in d.text()
        docker(history, dict(FACTS, running=0))
        await d.until_shown("0 of 3 running")


async def test_in_a_narrow_pane_what_has_room(console: Console, history: History) -> None:
    docker(history, dict(FACTS))
    async with driven(console()) as d:
        await d.until_shown("docker 5 images 2 running│")


async def test_without_a_docker_engine_it_says_why(console: Console, history: History) -> None:
    docker(history, {"error": f"no Docker Engine answers {NASTY}", "remedy": "Start it: `systemctl start docker`."})
    async with driven(console()) as d:
        await d.until_shown("▲ docker no Docker Engine")
        await d.press("1", "down", "enter")
        await d.until_shown("none: no Docker Engine answers [/foo] [bold]x")
        assert "systemctl start docker" in d.text()
        assert "\x1b" not in d.text()


async def test_what_was_not_asked_is_not_made_up(console: Console, history: History) -> None:
    docker(history, None)
    async with driven(console()) as d:
        await d.until_shown("● docker docker")
        await d.press("1", "down", "enter")
        await d.until_shown("not asked yet")


class Looks:
    """What the engine is told of what is on the screen: hosts, and those whose Docker Engine is shown."""

    def __init__(self, app: ConsoleApp) -> None:
        self.asked: list[tuple[set[str], set[str]]] = []
        app.link.look_at = self.look_at  # type: ignore[method-assign,assignment]

    async def look_at(self, _runs: list[str], hosts: set[str], docker: set[str], _yarn: set[str]) -> None:
        self.asked.append((hosts, docker))


@pytest.mark.parametrize("there", [True, False])
async def test_the_engine_is_asked_for_docker_only_where_a_target_has_it(
    console: Console, project: Path, there: bool
) -> None:
    if not there:
        (project / "aml_config" / "docker.compute").unlink()
    async with driven(console()) as d:
        looks = Looks(d.app)
        await d.press("1")
        await d.until(lambda: looks.asked)
        assert looks.asked[-1] == ({"local"}, {"local"} if there else set())


async def test_only_what_is_on_the_screen_is_asked_for(console: Console) -> None:
    async with driven(console(), (80, 24)) as d:
        looks = Looks(d.app)
        await d.press("1")
        await d.until(lambda: looks.asked[-1:] == [({"local"}, {"local"})])
        await d.press("3")
        await d.until(lambda: looks.asked[-1] == (set(), set()))


# Pictures


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("state", ["building", "failed"])
async def test_what_it_looks_like(
    console: Console, history: History, tmp_path: Path, size: tuple[int, int], state: str
) -> None:
    words = 'step 4 of 7: RUN ["/opt/aml-env/bin/python", "-m", "pip", "install", "-r", "requirements.txt"]'
    lines = [
        "Step 3/7 : COPY . /opt/aml-build",
        " ---> 5d3c6e1f77aa",
        "Step 4/7 : " + words[13:],
        " ---> Running in 9b1c0ffee123",
        "Collecting six==1.17.0",
        "  Downloading six-1.17.0-py2.py3-none-any.whl (11 kB)",
    ]
    error = ""
    if state == "failed":
        lines.append("ERROR: No matching distribution found for sixx")
        error = (
            "aml_config/conda_dependencies.yml:7:14: the environment could not be built: it ended with status 1\n"
            "  Collecting sixx\n  ERROR: No matching distribution found for sixx\n"
            " The whole log: `aml environment log -n 000000000001`."
        )
    log = logged(tmp_path, "".join(f"{line}\n" for line in lines))
    history.put_build(make_build(1, state, log=log, words=words, error=error))
    async with driven(console(), size) as d:
        await d.press("2", "down", "b")
        await d.until_shown("requirements.txt" if state == "building" else "No matching distribution")
        await d.until_shown("Downloading six")
        await d.until_shown("end ─╯" if state == "failed" else "following ─╯")
        name = "build" if state == "building" else "build-failed"
        await check_snapshot(d.app, f"{name}-{size[0]}x{size[1]}", tmp_path)


# For real


@pytest.mark.timeout(180)
async def test_prepared_for_real(
    console: Console, engine_home: Paths, project: Path, docker_host: str, python_image: str
) -> None:
    (project / "aml_config" / "docker.compute").write_text(f"type: docker\nbaseDockerImage: {python_image}\n")
    (project / "aml_config" / "conda_dependencies.yml").write_text("dependencies:\n- python\n- pip\n")
    with (project / "aml_config" / "docker.runconfig").open("a") as file:
        file.write("CondaDependenciesFile: aml_config/conda_dependencies.yml\n")
    assert docker_host
    async with driven(console()) as d:
        await d.press("2", "down", "p")
        await d.until(lambda: isinstance(d.app.screen, BuildScreen) or d.said())
        await d.until_shown_within(120, "ready after")
        await d.press("escape", "p")
        await d.until(lambda: any("docker is prepared: image" in text for text in d.said()))
