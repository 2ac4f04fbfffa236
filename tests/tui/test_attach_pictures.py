"""What attaching looks like, compared with the pictures in snapshots/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tui.driving import Driver, driven
from tests.tui.history import busy_history
from tests.tui.reaching import ASKS_PASSWORD, HOST_KEY, PASSWORD, Machines, fill, open_form, steps
from tests.tui.snapshots import check_snapshot
from tui import targets
from tui.screens.attach_steps import StepsScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOYAIf6PFEXYHp7MrRgcM+XT4YMan2cS9Nh3gNIru1oF aml-tui gpu-box"
FAILED: dict[str, Any] = {
    "detail": "alice is not in the group `docker` there",
    "remedy": "On gpu-box: `sudo usermod -aG docker alice`. Then test again: a login has the groups of its beginning.",
}


@pytest.fixture(autouse=True)
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyring, as far as one sees it, and a key that is the same each time."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(targets, "where_kept", lambda _: "the keyring (Secret Service)")
    monkeypatch.setattr(targets, "new_key", lambda *_: ("AzureMlSecret=1", KEY))
    monkeypatch.setattr(targets, "forget", lambda *_: None)


async def filled(d: Driver, way: str = "password") -> None:
    screen = await open_form(d, "remotedocker")
    await d.until(lambda: screen.known.where.startswith("the keyring"))
    await fill(d, address="gpu-box.example.com:2222", user="alice", authentication=way, password=PASSWORD, slots="2")
    await fill(d, jump_host="bob@gate")


async def kind(d: Driver) -> None:
    await d.press("a")
    await d.until_shown("Attach a compute target")
    await d.press("down")


async def form(d: Driver) -> None:
    await filled(d)
    await fill(d, slots="none", password=PASSWORD)


async def gateway(d: Driver) -> None:
    await open_form(d, "cluster")
    await d.type("mine.azurehdinsight.net")
    await d.until_shown("ctrl+t takes it")


async def cluster(d: Driver) -> None:
    machines = Machines(d.app)
    await open_form(d, "cluster")
    await fill(d, address="mine-ssh.azurehdinsight.net", user="sshuser")
    await d.press("enter")
    await d.until(lambda: machines.begun and isinstance(d.app.screen, StepsScreen))
    why = "there is no queue night; the project names it. There are: default, thriftsvr."
    todo = "Name another with `spark.yarn.queue` in spark_dependencies.yml."
    machines.show("failed", steps("queue", "failed", kind="cluster", detail=why, remedy=todo))
    await d.until_shown("It stopped at: queue.")


async def form_key(d: Driver) -> None:
    await filled(d, "new key")
    screen = d.app.screen
    screen.query_one("#key_kind").focus()
    await d.until_shown("A pair is made here")


async def key(d: Driver) -> None:
    await filled(d, "new key")
    await d.press("enter")
    await d.until_shown("Public key of gpu-box")


async def at_work(d: Driver) -> Machines:
    machines = Machines(d.app)
    await filled(d)
    await d.press("enter")
    await d.until(lambda: machines.begun and isinstance(d.app.screen, StepsScreen))
    machines.show("working", steps("shell", kind="remotedocker"))
    await d.until_shown("by password")
    return machines


async def question(d: Driver) -> None:
    machines = await at_work(d)
    machines.show("asking", steps("host key", kind="remotedocker"), HOST_KEY)
    await d.until_shown("is not known yet")


async def password(d: Driver) -> None:
    machines = await at_work(d)
    machines.show("asking", steps("authenticate", kind="remotedocker"), ASKS_PASSWORD)
    await d.until_shown("The password of alice")
    await d.type("abcd")


async def failed(d: Driver) -> None:
    machines = await at_work(d)
    machines.show("failed", steps("docker", "failed", kind="remotedocker", **FAILED))
    await d.until_shown("It stopped at: Docker.")


async def done(d: Driver) -> None:
    machines = await at_work(d)
    machines.show("ok", steps(kind="remotedocker"))
    await d.until_shown("gpu-box can be used.")


PICTURES = {
    "kind": kind,
    "form": form,
    "form-key": form_key,
    "gateway": gateway,
    "cluster": cluster,
    "key": key,
    "test": at_work,
    "question": question,
    "password": password,
    "failed": failed,
    "done": done,
}


@SIZES
@pytest.mark.parametrize("name", sorted(PICTURES))
async def test_what_it_looks_like(
    console: Console, history: History, tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    busy_history(history)
    async with driven(console(), size) as d:
        await PICTURES[name](d)
        # How dark it is behind dialogs depends on which of them was drawn when: so all are, from the lowest on.
        for screen in d.app.screen_stack:
            screen.refresh()
            await d.pilot.pause()
        await check_snapshot(d.app, f"attach-{name}-{size[0]}x{size[1]}", tmp_path)
