"""Twenty machines followed by one engine: few connections, nothing lost, and who is cut off disturbs nobody."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from engine.runs.model import State
from tests.engine.conftest import Bench
from tests.engine.far_bench import at_work
from tests.engine.ssh_bench import COMPUTE, CONFIG, ssh_config
from tests.services.people import make_key
from tests.services.ssh_fixtures import PASSWORD
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.services.network import FarMachine
    from tests.services.people import Person
    from tests.services.ssh_fixtures import MakeMachine, MakePerson, MakeSshd
    from tests.services.sshd import Sshd

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

HOSTS, RUNS = 20, 3
TALKER = """
import os, sys, time
from azureml.core import Run
run = Run.get_context()
number = 0
while not os.path.exists(sys.argv[1]):
    print("line", number, "of", sys.argv[2], flush=True)
    if number % 10 == 0:
        run.log("number", number)
    number += 1
    time.sleep(0.1)
open("outputs/end.txt", "w").write(sys.argv[2])
print("the end after", number, flush=True)
"""


@dataclass
class Box:
    """One machine: its own network, server and user. `name`: that of its configuration."""

    name: str
    machine: FarMachine
    sshd: Sshd
    person: Person

    @property
    def host(self) -> str:
        return f"{self.person.name}@{self.sshd.address}:{self.sshd.port}"

    def log(self, run: Run) -> bytes:
        return (self.person.home / ".local/share/aml-tui/runs" / run.id / "logs/driver.log").read_bytes()

    def let_go(self) -> None:
        """Its scripts may end."""
        self.person.write("go", "")


class Many(Bench):
    """As `Bench`; `boxes` are the machines, each with a configuration of its name."""

    boxes: list[Box]

    async def submit_all(self) -> dict[str, tuple[Box, Run]]:
        """`RUNS` on each machine, by run id."""
        found = {}
        for number in range(RUNS):
            for box in self.boxes:
                label = f"{box.name}-{number}"
                run = await self.submit("talk.py", str(box.person.home / "go"), label, config=box.name)
                found[run.id] = (box, run)
        return found


@pytest_asyncio.fixture
async def many(
    project: Path,
    home: Paths,
    make_machine: MakeMachine,
    make_sshd: MakeSshd,
    make_person: MakePerson,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Many]:
    key = make_key(project.parent / "key")
    boxes = []
    for number in range(HOSTS):
        machine = make_machine(f"box{number}")
        person = make_person("alice", PASSWORD)
        person.authorize(key)
        boxes.append(Box(f"box{number}", machine, make_sshd(machine=machine), person))
    config = ssh_config(project.parent, boxes[0].sshd)
    (project.parent / "known_hosts").write_text("".join(box.sshd.known_hosts() for box in boxes))
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(config))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    bench = Many(project, home)
    bench.boxes = boxes
    for box in boxes:
        address = f"{box.sshd.address}:{box.sshd.port}"
        (project / f"aml_config/{box.name}.compute").write_text(
            COMPUTE.format(address=address, user=box.person.name, key=key.path)
        )
        (project / f"aml_config/{box.name}.runconfig").write_text(CONFIG.replace("Target: far", f"Target: {box.name}"))
    bench.script("talk.py", TALKER)
    async with at_work(bench):
        yield bench
        for box in bench.boxes:
            box.machine.mend()


async def test_sixty_runs_on_twenty_hosts_one_of_which_is_cut_off(many: Many) -> None:
    runs = await many.submit_all()
    for _, run in runs.values():
        await until_async(lambda run=run: b"line 3 " in many.log(run), 30, f"{run.id} to talk")
    assert all(box.sshd.open_connections == 1 for box in many.boxes)
    away = many.boxes[7]
    away.machine.cut()
    for box in many.boxes:
        box.let_go()
    begun = time.time()
    there = [run for box, run in runs.values() if box is not away]
    cut_off = [run for box, run in runs.values() if box is away]
    for run in there:
        done = await many.end(run, 30)
        assert (done.state, done.exit_code, done.reason) == (State.COMPLETED, 0, "")
    took = {run.id: (many.run(run).ended or 0.0) - begun for run in there}
    assert max(took.values()) < 12, took
    assert all(not many.run(run).state.ended for run in cut_off)
    away.machine.mend()
    for run in cut_off:
        assert (await many.end(run, 60)).state is State.COMPLETED
    for box, run in runs.values():
        log = many.log(run)
        assert log == box.log(run)
        numbers = [int(line.split()[1]) for line in log.splitlines() if line.startswith(b"line ")]
        assert numbers == list(range(len(numbers)))
        assert [value for _, _, value in many.store.points(run.id, "number")] == numbers[::10]
        assert (many.paths.host_run(run.id) / "outputs/end.txt").read_text().startswith(f"{box.name}-")
    assert sorted(run.id for run in many.store.runs(limit=1000)) == sorted(runs)
    for box in many.boxes:
        most = 2 if box is away else 1
        assert len(box.sshd.logins) <= most, box.sshd.logins
        assert box.sshd.connections <= most
        assert len(box.sshd.sessions) <= 3, box.sshd.sessions
        assert box.sshd.refusals == []


async def test_all_hosts_at_once_go_away_and_come_back(many: Many) -> None:
    """No storm of logins: each host sees a new connection or two, and every run goes on."""
    runs = await many.submit_all()
    for _, run in runs.values():
        await until_async(lambda run=run: b"line 3 " in many.log(run), 30, f"{run.id} to talk")
    for box in many.boxes:
        box.sshd.drop()
    await until_async(lambda: all(len(box.sshd.logins) == 2 for box in many.boxes), 30)
    for box in many.boxes:
        box.let_go()
    for box, run in runs.values():
        done = await many.end(run, 40)
        assert (done.state, done.exit_code) == (State.COMPLETED, 0)
        assert many.log(run) == box.log(run)
    assert [box.sshd.connections for box in many.boxes] == [2] * HOSTS
    assert all(box.sshd.open_connections == 1 for box in many.boxes)
