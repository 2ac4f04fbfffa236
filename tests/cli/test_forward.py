"""`aml experiment forward`: a server in a run, reached from this machine."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.engine.ssh_bench import COMPUTE, CONFIG, ssh_config
from tests.engine.test_forwards import SERVER
from tests.waiting import until

if TYPE_CHECKING:
    from engine.runs.model import Run
    from tests.cli.conftest import Shell
    from tests.services.people import KeyPair, Person
    from tests.services.sshd import Sshd


def served(shell: Shell, config: str) -> tuple[Run, int]:
    """A run with a server in it, and the server's port."""
    shell.script("serve.py", SERVER)
    assert shell.aml("experiment", "submit", "-a", "-c", config, "serve.py").code == 0
    run = shell.the_run("Running")
    log = shell.paths.driver_log(run.id)
    until(lambda: log.exists() and "/\n" in log.read_text(), 30)
    return run, int(log.read_text().partition("localhost:")[2].partition("/")[0])


def got(address: str) -> str:
    with urllib.request.urlopen(f"{address}/x", timeout=20) as answer:
        return str(answer.read().decode())


def test_of_this_machine_it_is_where_it_is(shell: Shell) -> None:
    none = shell.aml("experiment", "forward")
    assert (none.code, none.text, none.err) == (0, "", "no port is forwarded\n")
    run, port = served(shell, "local")
    done = shell.aml("experiment", "forward", "-r", run.name, "--port", str(port))
    assert (done.code, done.text) == (0, f"http://127.0.0.1:{port}\n"), done.err
    assert got(done.text.strip()).startswith(run.id)
    wrong = shell.aml("experiment", "forward", "--port", "0")
    assert wrong.code != 0 and "from 1 to 65535" in wrong.err
    shell.aml("experiment", "cancel", "-r", "last")
    over = shell.aml("experiment", "forward", "--port", str(port))
    assert over.code != 0 and "does not run (Canceled)" in over.err


@pytest.mark.timeout(120)
def test_of_another_machine_until_it_is_ended(
    shell: Shell, sshd: Sshd, alice: Person, alice_key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(ssh_config(shell.project.parent, sshd)))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    place = COMPUTE.format(address=f"{sshd.address}:{sshd.port}", user=alice.name, key=alice_key.path)
    (shell.project / "aml_config/far.compute").write_text(place)
    (shell.project / "aml_config/far.runconfig").write_text(CONFIG)
    run, port = served(shell, "far")
    done = shell.aml("experiment", "forward", "--port", str(port))
    address = done.text.strip()
    # The server has that port of this machine itself here, so another one is taken.
    assert address.startswith("http://127.0.0.1:") and not address.endswith(f":{port}"), done.err
    assert got(address).startswith(run.id)
    (one,) = json.loads(shell.aml("experiment", "forward", "-o", "json").text)
    assert (one["address"], one["port"], one["run_id"], one["served"]) == (address, port, run.id, 1)
    assert f"{address}" in shell.aml("experiment", "forward").text
    assert shell.aml("experiment", "forward", "--stop", one["id"]).code == 0
    with pytest.raises(OSError):
        got(address)
    gone = shell.aml("experiment", "forward", "--stop", one["id"])
    assert gone.code != 0 and "nothing is forwarded" in gone.err
    assert shell.aml("experiment", "cancel", "-r", "last").code == 0
