"""An engine that tries to reach machines, as far as a test says it has come; and the keys of the attach form."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import TYPE_CHECKING, Any

from textual.widgets import Input

from engine.errors import AmlError, NotFound
from engine.hosts.ssh.doctor import TITLES, steps_of
from engine.project.compute import read_compute
from tui.screens.attach import AttachScreen
from tui.widgets.choice import Choice

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.driving import Driver
    from tui.app import ConsoleApp

KINDS = ["docker", "remote", "remotedocker", "cluster"]

PASSWORD = "hunter2-Zq9"
FINGERPRINT = "SHA256:2Nd0Z8yYBkPWz3bq1pPZpCZvtj0GQ1mC3Sxb8j5u9gE"
FOUND = {
    "resolve": "10.0.0.5",
    "tcp": "port 22 answers",
    "host key": "ED25519, in ~/.ssh/known_hosts",
    "authenticate": "by password",
    "install key": "put into ~/.ssh/authorized_keys",
    "shell": "bash; its start-up files take 0.04 s",
    "python": "3.10.12, /usr/bin/python3",
    "agent": "started",
    "disk": "212 GB free",
    "clock": "0.1 s apart",
    "linger": "processes stay after a logout",
    "docker": "20.10.24",
    "spark": "3.1.2, /usr/bin/spark-submit",
    "yarn": "3.1.1 at hn0:8088, hn1:8088 stands by; 4 nodes, 12.0 of 64.0 GB and 3 of 32 vcores in use",
    "queue": "root.default has 18% of the cluster (its share 96%, up to 100%)",
    "storage": "wasbs://mine@store.blob.core.windows.net (Azure Blob Storage): a file was written, listed and removed",
    "conda": "4.9.2, /usr/bin/anaconda/bin/conda",
    "gpus": "2 Tesla T4, nobody on them",
}
HOST_KEY = {
    "id": 1,
    "kind": "host key",
    "title": "The host key of gpu-box is not known yet.",
    "text": f"It is ED25519 {FINGERPRINT}; on the host itself,"
    " `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` shows it.",
    "about": "host key gpu-box",
    "secret": False,
}
ASKS_PASSWORD = {
    "id": 2,
    "kind": "password",
    "title": "The password of alice on gpu-box",
    "text": "",
    "about": "password alice@gpu-box",
    "secret": True,
}
ASKS_CODE = {
    "id": 3,
    "kind": "prompt",
    "title": "Verification code:",
    "text": "Duo two-factor login",
    "about": "prompt alice@gpu-box",
    "secret": True,
}
ASKS_NAME = {**ASKS_CODE, "id": 4, "title": "Project to be billed:", "secret": False}


def steps(until: str = "", state: str = "working", kind: str = "remote", **of_it: Any) -> list[dict[str, Any]]:
    """All of a kind of target, ok up to this one, which is in `state`; ok altogether without one.

    `of_it`: more about it, `detail` and `remedy`. `install=True`: a key is put there as well.
    """
    found: list[dict[str, Any]] = []
    reached = False
    for one in steps_of(kind, bool(of_it.pop("install", False))):
        step = dataclasses.asdict(one)
        if one.name == until:
            reached = True
            step |= {"state": state, **of_it}
            if state != "working":
                step["seconds"] = 1.5
        elif not reached:
            step |= {"state": "ok", "detail": FOUND[one.name], "seconds": 0.04 * (list(TITLES).index(one.name) + 1)}
        found.append(step)
    return found


class Machines:
    """In the place of the line to the engine: `begun` has what was asked for, `show` says how it stands.

    It stands still until then; a look waits, as the engine's does, and an attempt that is stopped lets it go.
    """

    def __init__(self, app: ConsoleApp, *, refuses: AmlError | None = None) -> None:
        self.begun: list[dict[str, Any]] = []
        self.answers: list[tuple[int, str, bool]] = []
        self.stopped: list[str] = []
        self.now: list[str] = []
        self.refuses = refuses
        self._serial = 1
        self._state: dict[str, Any] = {"state": "working", "steps": steps("resolve"), "question": None}
        self._news = asyncio.Event()
        app.link.attempt = self.attempt  # type: ignore[method-assign]

    def show(
        self, state: str = "working", listed: list[dict[str, Any]] | None = None, question: dict[str, Any] | None = None
    ) -> None:
        self._serial += 1
        self._state = {"state": state, "steps": listed or self._state["steps"], "question": question}
        self._news.set()

    async def attempt(self, op: str, **args: Any) -> dict[str, Any]:
        if self.refuses is not None:
            raise self.refuses
        if op == "begin":
            self.begun.append(args)
            self.show("working", steps("resolve", kind=args["kind"], install=bool(args["install"])))
            return {"attempt": f"a{len(self.begun)}"}
        if op == "now":
            self.now.append(args["target"])
            return {}
        if args["attempt"] in self.stopped or args["attempt"] != f"a{len(self.begun)}":
            raise NotFound("there is no such attempt (any more).", remedy="Begin again.")
        if op == "look":
            while self._serial <= args["seen"] and args["attempt"] not in self.stopped:
                self._news.clear()
                await self._news.wait()
            if args["attempt"] in self.stopped:
                return {"serial": self._serial, "steps": self._state["steps"], "state": "stopped", "question": None}
            return {"serial": self._serial, **self._state}
        if op == "answer":
            self.answers.append((args["question"], args["answer"], args["keep"]))
            return {}
        assert op == "stop"
        self.stopped.append(args["attempt"])
        self._news.set()
        return {}


async def open_form(d: Driver, kind: str = "remote") -> AttachScreen:
    await d.press("a", *["down"] * KINDS.index(kind), "enter")
    await d.until(lambda: isinstance(d.app.screen, AttachScreen) and d.app.screen.focused is not None)
    assert isinstance(d.app.screen, AttachScreen)
    return d.app.screen


async def fill(d: Driver, **values: str) -> None:
    """As if it were typed, field by field."""
    screen = d.app.screen
    for name, value in values.items():
        entry = screen.query_one(f"#{name}")
        entry.focus()
        await d.until(lambda entry=entry: entry.has_focus)  # type: ignore[misc]
        if isinstance(entry, Choice):
            while entry.chosen != value:
                await d.press("right")
        else:
            assert isinstance(entry, Input)
            entry.value = value
        await d.pilot.pause()


def field(d: Driver, name: str) -> str:
    return d.app.screen.query_one(f"#{name}", Input).value


def reason(d: Driver, name: str) -> str:
    """What is said below a field."""
    assert isinstance(d.app.screen, AttachScreen)
    shown = d.app.screen._fields[name]
    return str(shown.reason.content) if shown.reason.display else ""


async def at(d: Driver, kind: type) -> Any:
    """Wait for a screen of this kind."""
    await d.until(lambda: isinstance(d.app.screen, kind), f"{kind.__name__}:\n{d.text()}")
    return d.app.screen


def kept(home: Paths) -> dict[str, str]:
    """All that is in the key store."""
    file = home.data / "keys" / "secrets.json"
    return dict(json.loads(file.read_text())["secrets"]) if file.exists() else {}


def compute(project: Path, name: str = "gpu-box") -> Any:
    path = project / "aml_config" / f"{name}.compute"
    target, problems = read_compute(path, path.name)
    assert problems == []
    return target


async def started(d: Driver) -> Machines:
    """A test that is at work, of a machine that asks for what it needs."""
    machines = Machines(d.app)
    await open_form(d)
    await fill(d, address="gpu-box")
    await d.press("enter")
    await d.until(lambda: machines.begun)
    assert machines.begun[0]["secrets"] == {}
    return machines
