"""A key that the attach form made goes with the form, unless a target has it: also when one leaves the console."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.tui.driving import driven
from tests.tui.reaching import at, compute, fill, kept, open_form
from tests.waiting import until_async
from tui import targets
from tui.screens.attach import AttachScreen
from tui.screens.public_key import PublicKeyScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

pytestmark = pytest.mark.usefixtures("person")


@pytest.mark.parametrize("at_the_key", [True, False])
async def test_a_key_of_a_form_that_is_left_with_the_console(console: Console, home: Paths, at_the_key: bool) -> None:
    async with driven(console()) as d:
        await open_form(d)
        await fill(d, address="gpu-box", authentication="new key")
        await d.press("enter")
        await at(d, PublicKeyScreen)
        assert len(kept(home)) == 1
        if not at_the_key:
            await d.press("escape")
            await at(d, AttachScreen)
        await d.press("ctrl+q")
    assert kept(home) == {}


async def test_a_key_that_a_target_has_stays_however_the_console_is_left(
    console: Console, home: Paths, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saving, go_on = threading.Event(), threading.Event()
    save = targets.save

    def slowly(*given: Any) -> Any:
        saving.set()
        assert go_on.wait(15)
        return save(*given)

    monkeypatch.setattr(targets, "save", slowly)
    async with driven(console()) as d:
        await open_form(d)
        await fill(d, address="gpu-box", authentication="new key")
        await d.press("ctrl+s")
        await d.until_shown("Save without a test?")
        await d.press("y")
        await at(d, PublicKeyScreen)
        await d.press("enter")
        await d.until(saving.is_set)
        await d.press("ctrl+q")
    go_on.set()
    await until_async(lambda: (project / "aml_config" / "gpu-box.compute").exists())
    assert set(kept(home)) == {compute(project).private_key}
