"""Attaching a real machine in the console: OpenSSH's own server, the real engine, every answer by keyboard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.tui.driving import driven
from tests.tui.reaching import at, compute, fill, kept, open_form
from tui.screens.attach_steps import StepsScreen
from tui.screens.public_key import PublicKeyScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.services.people import Person
    from tests.services.spark_fixtures import HeadNode
    from tests.services.sshd import Sshd
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


@pytest.fixture(autouse=True)
def known_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person whose SSH configuration knows no host and has no key."""
    known = tmp_path / "known_hosts"
    config = tmp_path / "ssh_config"
    config.write_text(
        f"Host *\n  UserKnownHostsFile {known}\n  GlobalKnownHostsFile none\n  IdentityFile none\n"
        "  IdentitiesOnly yes\n  StrictHostKeyChecking ask\n"
    )
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(config))
    monkeypatch.setenv("AML_TUI_KEYRING", "off")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return known


@pytest.mark.timeout(120)
async def test_a_new_key_is_installed_and_the_machine_is_linked(
    console: Console, engine_home: Paths, project: Path, sshd: Sshd, alice: Person, known_hosts: Path
) -> None:
    async with driven(console()) as d:
        await open_form(d)
        await fill(d, address=f"{sshd.address}:{sshd.port}", name="vm", user=alice.name)
        await fill(d, authentication="new key", password=alice.password)
        await d.press("enter")
        await at(d, PublicKeyScreen)
        await d.press("enter")
        await at(d, StepsScreen)
        await d.until_shown_within(30, sshd.fingerprint)
        await d.press("y")
        await d.until_shown_within(60, "vm can be used")
        assert sshd.host_keys[0].public.split()[1] in known_hosts.read_text()
        await d.press("enter")
        await d.until(lambda: d.app.screen is d.main and "vm" in d.main.targets.keys)
        target = compute(project, "vm")
        assert list(kept(engine_home)) == [target.private_key]
        assert alice.password not in json.dumps(kept(engine_home))
        # The engine stays with it: the pane shows its load, since it is linked now.
        await d.until(lambda: d.app.model.targets[target.host].state == "connected")
        await d.until(lambda: d.app.model.targets[target.host].sample)
        # What was answered once is asked no more.
        await d.press("t")
        await at(d, StepsScreen)
        await d.until_shown_within(60, "vm can be used")
        await d.press("enter")
        await d.until(lambda: d.app.screen is d.main)


@pytest.mark.timeout(120)
async def test_a_password_that_is_asked_for_is_kept(
    console: Console, engine_home: Paths, sshd: Sshd, alice: Person
) -> None:
    async with driven(console()) as d:
        await open_form(d)
        await fill(d, address=f"{sshd.address}:{sshd.port}", name="vm", user=alice.name)
        await d.press("enter")
        await at(d, StepsScreen)
        await d.until_shown_within(30, sshd.fingerprint)
        await d.press("y")
        await d.until_shown_within(30, "[x] keep it in")
        await d.type("wrong one")
        await d.press("enter")
        await d.until_shown_within(30, "[x] keep it in")
        assert alice.password not in d.text()
        await d.type(alice.password)
        await d.press("enter")
        await d.until_shown_within(60, "vm can be used")
        await d.press("enter")
        await d.until(lambda: d.app.screen is d.main and "vm" in d.main.targets.keys)
        assert list(kept(engine_home).values()) == [alice.password]


@pytest.mark.timeout(240)
async def test_a_cluster_is_tested_and_then_shown_live(
    console: Console, engine_home: Paths, project: Path, head_node: HeadNode
) -> None:
    sshd, person = head_node.sshd, head_node.person
    async with driven(console()) as d:
        await open_form(d, "cluster")
        await fill(d, address=f"{sshd.address}:{sshd.port}", name="hdi", user=person.name)
        await fill(d, authentication="key file", key_file=str(head_node.key.path))
        await d.press("enter")
        await at(d, StepsScreen)
        await d.until_shown_within(30, sshd.fingerprint)
        await d.press("y")
        await d.until_shown_within(90, "hdi can be used")
        assert "(HDFS)" in d.text()
        await d.press("enter")
        # The project's conda file is for clusters too.
        await d.until_shown("Prepare its environment now?")
        await d.press("n")
        await d.until(lambda: d.app.screen is d.main and "hdi" in d.main.targets.keys)
        assert compute(project, "hdi").type == "cluster"
        await d.press("1")
        await d.until_shown_within(30, "mem 0% 0 running")
        await d.press("enter")
        await d.until_shown_within(30, f"{head_node.yarn.url.partition('//')[2]} active")
