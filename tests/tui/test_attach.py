"""Attaching by keyboard alone: the form, its test against an engine that says what a test wants, what is saved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import Input

from engine.errors import EngineUnavailable
from engine.secrets import KeyStore
from tests.tui.driving import driven, packet
from tests.tui.reaching import (
    ASKS_CODE,
    ASKS_NAME,
    ASKS_PASSWORD,
    FINGERPRINT,
    HOST_KEY,
    PASSWORD,
    Machines,
    at,
    compute,
    field,
    fill,
    kept,
    open_form,
    started,
    steps,
)
from tui.screens.attach import AttachScreen
from tui.screens.attach_kind import KindScreen
from tui.screens.attach_steps import StepsScreen
from tui.screens.public_key import PublicKeyScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.driving import Driver
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

NASTY = "[/foo] [bold]x\x1b[2J\x1b]52;c;aGk=\x07"
pytestmark = pytest.mark.usefixtures("person")


# From the key to the files


async def test_a_field_that_comes_is_where_the_next_keys_go(console: Console, home: Paths, project: Path) -> None:
    """A password typed right behind its choice must not show up in the field after it."""
    async with driven(console(), (80, 24)) as d:
        await d.press("a")
        await d.until_shown("Attach a compute target")
        await d.press("down", "enter")
        await at(d, AttachScreen)
        await d.type("gpu-box")
        packet(d, f"\t\t→\t{PASSWORD}\tgate")
        await d.until(lambda: field(d, "jump_host") == "gate")
        assert PASSWORD not in d.text()


async def test_a_machine_with_a_password(console: Console, home: Paths, project: Path) -> None:
    async with driven(console(), (80, 24)) as d:
        machines = Machines(d.app)
        await d.press("a")
        await d.until_shown("Attach a compute target")
        await d.press("down", "enter")
        await at(d, AttachScreen)
        await d.type("alice@gpu-box.example.com:2222")
        await d.press("tab", "tab", "right", "tab")
        assert (field(d, "name"), field(d, "address"), field(d, "user")) == (
            "gpu-box",
            "gpu-box.example.com:2222",
            "alice",
        )
        await d.type(PASSWORD)
        await d.until_shown("Kept in the file")
        await d.press("enter")
        await at(d, StepsScreen)
        await d.until(lambda: machines.begun)
        assert machines.begun[0]["secrets"] == {"password": PASSWORD}
        assert machines.begun[0]["kind"] == "remote"
        assert machines.begun[0]["machine"] == {
            "address": "gpu-box.example.com",
            "port": 2222,
            "username": "alice",
            "password": "",
            "private_key": "",
            "private_key_file": "",
            "jump_host": "",
        }
        machines.show("working", steps("tcp"))
        await d.until_shown("10.0.0.5")
        machines.show("asking", steps("host key"), HOST_KEY)
        await d.until_shown(FINGERPRINT)
        await d.press("enter", "y")
        await d.until(lambda: machines.answers == [(1, "yes", False)])
        machines.show("ok", steps())
        await d.until_shown("gpu-box can be used.")
        await d.press("enter")
        await d.until(lambda: d.app.screen is d.main and d.main.targets.cursor == "gpu-box")
        target = compute(project)
        assert (target.type, target.address, target.port, target.username) == (
            "remote",
            "gpu-box.example.com",
            2222,
            "alice",
        )
        assert kept(home) == {target.password: PASSWORD}
        files = "aml_config/gpu-box.compute and aml_config/gpu-box.runconfig"
        assert d.said() == [f"gpu-box is attached: {files}. Its password is in {KeyStore(home).where}."]
        assert (project / "aml_config" / "gpu-box.runconfig").exists()
        assert d.main.pane == "targets"
        assert machines.stopped == []


async def test_docker_here_is_saved_and_prepared(console: Console, project: Path) -> None:
    async with driven(console()) as d:
        asked: list[str] = []

        async def prepare(request: Any) -> dict[str, Any]:
            asked.append(request.config)
            return {"state": "nothing", "build": None, "fingerprint": "", "image": "", "notices": []}

        d.app.link.prepare = prepare  # type: ignore[method-assign]
        await open_form(d, "docker")
        assert field(d, "name") == "docker-2"
        await fill(d, base_image="python:3.11", slots="2")
        await d.press("shift+tab", "shift+tab")
        assert d.app.focused is d.app.screen.query_one("#gpu")
        await d.press("space", "enter")
        await d.until_shown("Prepare its environment now?")
        target = compute(project, "docker-2")
        assert (target.type, target.base_docker_image, target.slots) == ("docker", "python:3.11", 2)
        assert (target.shared_volumes, target.nvidia_docker) == (True, True)
        await d.press("y")
        await d.until(lambda: asked == ["docker-2"])


async def attached(d: Driver, kind: str, address: str) -> None:
    """A machine of this kind is attached by hand, and found well."""
    machines = Machines(d.app)
    await open_form(d, kind)
    await d.type(address)
    await d.press("enter")
    await d.until(lambda: machines.begun)
    machines.show("ok", steps(kind=kind))
    await d.until_shown("can be used.")
    await d.press("enter")


async def test_what_is_for_a_process_is_not_prepared(console: Console, project: Path) -> None:
    async with driven(console()) as d:
        await attached(d, "remote", "mine.example")
        await d.until(lambda: d.app.screen is d.main and d.said())
        assert compute(project, "mine").type == "remote"


async def test_a_cluster_is_prepared(console: Console, project: Path) -> None:
    async with driven(console()) as d:
        await attached(d, "cluster", "mine-ssh.azurehdinsight.net")
        await d.until_shown("Prepare its environment now?")
        assert compute(project, "mine").type == "cluster"
        await d.press("escape")
        await d.until(lambda: d.app.screen is d.main)


# A new key


async def test_a_new_key_is_shown_copied_installed_and_the_password_forgotten(
    console: Console, home: Paths, project: Path
) -> None:
    async with driven(console()) as d:
        machines = Machines(d.app)
        copied: list[str] = []
        d.app.copy_text = copied.append  # type: ignore[method-assign]
        screen = await open_form(d)
        await fill(d, address="gpu-box", user="alice", authentication="new key", password=PASSWORD)
        await d.press("enter")
        await at(d, PublicKeyScreen)
        await d.until_shown("by the password")
        (reference,) = kept(home)
        await d.press("y")
        assert copied == [KeyStore(home).public_key(reference)]
        assert copied[0].split()[1] in d.text()
        await d.press("enter")
        await at(d, StepsScreen)
        await d.until_shown("install the key")
        assert machines.begun[0]["install"] == reference
        assert machines.begun[0]["machine"]["private_key"] == reference
        assert machines.begun[0]["secrets"] == {"password": PASSWORD}
        machines.show("ok", steps(install=True))
        await d.until_shown("gpu-box can be used.")
        await d.press("escape")
        await at(d, AttachScreen)
        await d.until(lambda: not screen.form.password and field(d, "password") == "")
        await d.press("enter")
        await at(d, PublicKeyScreen)
        await d.until_shown("It was put into")
        await d.press("escape")
        await at(d, AttachScreen)
        # It was tested as it is: nothing is asked.
        await d.press("ctrl+s")
        await d.until(lambda: d.app.screen is d.main)
        assert list(kept(home)) == [reference]
        assert PASSWORD not in json.dumps(kept(home))
        target = compute(project)
        assert (target.private_key, target.password) == (reference, "")
        assert d.said()[-1].endswith("The password that installed it was not kept.")


async def test_a_key_that_nobody_needs_is_removed(console: Console, home: Paths) -> None:
    async with driven(console()) as d:
        await open_form(d)
        await fill(d, address="gpu-box", authentication="new key")
        await d.press("enter")
        await at(d, PublicKeyScreen)
        await d.until_shown("Add this line to")
        assert len(kept(home)) == 1
        await d.press("escape")
        await at(d, AttachScreen)
        await fill(d, key_kind="rsa")
        await d.press("enter")
        await at(d, PublicKeyScreen)
        await d.until_shown("ssh-rsa")
        (reference,) = kept(home)
        assert KeyStore(home).public_key(reference).startswith("ssh-rsa ")
        await d.press("escape")
        await at(d, AttachScreen)
        await d.press("escape")
        await d.until_shown("Leave without attaching?")
        await d.press("y")
        await d.until(lambda: isinstance(d.app.screen, KindScreen))
        await d.until(lambda: kept(home) == {})


# Questions


async def test_a_password_is_asked_for_masked_and_kept_if_one_likes(console: Console) -> None:
    async with driven(console(), (80, 24)) as d:
        machines = await started(d)
        machines.show("asking", steps("authenticate"), ASKS_PASSWORD)
        await d.until_shown("The password of alice on gpu-box")
        await d.until_shown("[x] keep it in")
        await d.type("abc")
        assert "abc" not in d.text()
        assert "•••" in d.text()
        await d.press("enter")
        await d.until(lambda: machines.answers == [(2, "abc", True)])
        # The same question, until the answer has arrived, is not asked again.
        machines.show("asking", steps("authenticate", detail="trying"), ASKS_PASSWORD)
        await d.until_shown("trying")
        assert "The password of alice" not in d.text()
        machines.show("asking", steps("authenticate"), {**ASKS_PASSWORD, "id": 7})
        await d.until_shown("The password of alice on gpu-box")
        assert d.app.screen.query_one("#answer-secret", Input).value == ""
        await d.type("wxyz")
        await d.press("tab", "space", "enter")
        await d.until(lambda: machines.answers[1:] == [(7, "wxyz", False)])


async def test_a_code_is_not_kept_and_a_name_is_seen(console: Console) -> None:
    async with driven(console()) as d:
        machines = await started(d)
        machines.show("asking", steps("authenticate"), ASKS_CODE)
        await d.until_shown("Duo two-factor login")
        await d.until_shown("[ ] keep it in")
        await d.type("123456")
        await d.press("enter")
        await d.until(lambda: machines.answers == [(3, "123456", False)])
        machines.show("asking", steps("authenticate"), ASKS_NAME)
        await d.until_shown("Project to be billed")
        assert "keep it in" not in d.text()
        await d.type("lab 7")
        assert "lab 7" in d.text()
        await d.press("enter")
        await d.until(lambda: machines.answers[1:] == [(4, "lab 7", False)])


async def test_a_host_key_that_is_not_the_right_one(console: Console) -> None:
    async with driven(console()) as d:
        machines = await started(d)
        machines.show("asking", steps("host key"), HOST_KEY)
        await d.until_shown(FINGERPRINT)
        await d.press("x", "enter", "space", "n")
        await d.until(lambda: machines.answers == [(1, "no", False)])


async def test_what_was_typed_for_an_answer_is_not_lost_by_a_key(console: Console) -> None:
    async with driven(console()) as d:
        machines = await started(d)
        machines.show("asking", steps("authenticate"), ASKS_PASSWORD)
        await d.until_shown("The password of alice on gpu-box")
        await d.type("abc")
        await d.press("escape")
        await d.until_shown("Stop the test?")
        await d.press("n")
        await at(d, StepsScreen)
        assert d.app.screen.query_one("#answer-secret", Input).value == "abc"
        await d.press("escape")
        await d.until_shown("Stop the test?")
        await d.press("y")
        await at(d, AttachScreen)
        await d.until(lambda: machines.stopped == ["a1"])


# What does not go well


async def test_a_step_that_fails_says_what_to_do(console: Console, project: Path) -> None:
    async with driven(console(), (80, 24)) as d:
        machines = await started(d)
        failed = steps("python", "failed", detail=f"no python3 {NASTY}", remedy=f"Install it: `apt install` {NASTY}")
        machines.show("failed", failed)
        await d.until_shown("It stopped at: Python.")
        assert "failed: no python3 [/foo] [bold]x" in d.text()
        assert "Install it: `apt install`" in d.text()
        assert "\x1b" not in d.text()
        await d.press("r")
        await d.until(lambda: len(machines.begun) == 2)
        machines.show("ok", steps("linger", "warning", detail="they end", remedy="loginctl enable-linger"))
        await d.until_shown("can be used, with a warning.")
        assert "loginctl enable-linger" in d.text()
        await d.press("escape")
        await at(d, AttachScreen)
        assert not (project / "aml_config" / "gpu-box.compute").exists()


async def test_what_failed_can_be_saved_after_a_question(console: Console, project: Path) -> None:
    async with driven(console()) as d:
        machines = await started(d)
        machines.show("failed", steps("tcp", "failed", detail="no answer"))
        await d.until_shown("ctrl+s save anyway")
        await d.press("enter")
        assert isinstance(d.app.screen, StepsScreen)
        await d.press("ctrl+s")
        await d.until_shown("Save without a test?")
        await d.press("n")
        await at(d, AttachScreen)
        await d.press("ctrl+s")
        await d.until_shown("Save without a test?")
        await d.press("y")
        await d.until(lambda: d.app.screen is d.main)
        assert compute(project).address == "gpu-box"


async def test_a_test_counts_for_what_was_tested(console: Console) -> None:
    async with driven(console()) as d:
        machines = await started(d)
        machines.show("ok", steps())
        await d.until_shown("can be used")
        await d.press("escape")
        await at(d, AttachScreen)
        await fill(d, user="bob", name="other", slots="2")
        await d.press("ctrl+s")
        await d.until_shown("Save without a test?")
        await d.press("n")
        await at(d, AttachScreen)
        await fill(d, user="")
        await d.press("ctrl+s")
        await d.until(lambda: d.app.screen is d.main)


async def test_without_an_engine_it_says_so(console: Console) -> None:
    async with driven(console()) as d:
        machines = Machines(d.app, refuses=EngineUnavailable(f"the engine does not answer {NASTY}", remedy="Look."))
        await open_form(d)
        await fill(d, address="gpu-box")
        await d.press("enter")
        await d.until_shown("the engine does not answer [/foo] [bold]x Look.")
        machines.refuses = None
        await d.press("r")
        await d.until(lambda: machines.begun)
        # The engine goes in the middle of it: the next one knows nothing of the attempt.
        machines.refuses = EngineUnavailable("contact was lost.")
        machines.show("working", steps("tcp"))
        await d.until_shown("contact was lost.")


async def test_what_cannot_be_saved_stays_in_the_form(console: Console, home: Paths, project: Path) -> None:
    async with driven(console()) as d:
        machines = Machines(d.app)
        await open_form(d)
        await fill(d, address="gpu-box", authentication="password", password=PASSWORD)
        (project / "aml_config" / "gpu-box.compute").write_text("type: local\n")
        await d.press("enter")
        await d.until(lambda: machines.begun)
        machines.show("ok", steps())
        await d.until_shown("can be used")
        await d.press("enter")
        await d.until_shown("the name 'gpu-box' is taken")
        assert field(d, "password") == PASSWORD
        assert kept(home) == {}
        await fill(d, name="gpu-box-2")
        await d.press("ctrl+s")
        await d.until(lambda: d.app.screen is d.main)
        assert list(kept(home).values()) == [PASSWORD]


async def test_a_key_store_that_cannot_be_written_is_told_in_the_form(
    console: Console, home: Paths, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AML_TUI_KEYRING", "nonsense")
    async with driven(console()) as d:
        await open_form(d)
        await fill(d, address="gpu-box", authentication="new key")
        await d.press("enter")
        await d.until_shown("AML_TUI_KEYRING is 'nonsense'")
        assert isinstance(d.app.screen, AttachScreen)


# A cluster's web gateway


async def test_the_head_node_is_taken_by_a_key(console: Console, project: Path) -> None:
    spark = project / "aml_config" / "spark_dependencies.yml"
    spark.write_text("configuration:\n  spark.yarn.queue: night\n")
    async with driven(console(), (80, 24)) as d:
        machines = Machines(d.app)
        await open_form(d, "cluster")
        await d.press("ctrl+t")
        await d.type("sshuser@mine.azurehdinsight.net:22")
        await d.until_shown("web gateway")
        await d.until_shown("ctrl+t takes it")
        # Not by itself, and not when one goes on either.
        await d.press("enter")
        await d.pilot.pause()
        assert isinstance(d.app.screen, AttachScreen)
        assert field(d, "address") == "mine.azurehdinsight.net:22"
        await d.press("ctrl+t")
        assert (field(d, "address"), field(d, "user")) == ("mine-ssh.azurehdinsight.net:22", "sshuser")
        assert "web gateway" not in d.text()
        assert field(d, "name") == "mine"
        await d.press("enter")
        await d.until(lambda: machines.begun)
        assert machines.begun[0]["machine"]["address"] == "mine-ssh.azurehdinsight.net"
        assert machines.begun[0]["queues"] == ["night"]
