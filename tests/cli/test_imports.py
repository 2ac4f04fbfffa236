"""What a headless command loads, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Shell

PROBE = """
import sys
before = set(sys.modules)
from cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
sys.stderr.write("\\nLOADED " + " ".join(sorted(set(sys.modules) - before)))
"""
NEVER = {"textual", "rich", "tui", "asyncssh", "aiodocker", "plotext"}
HEAVY = NEVER | {"asyncio", "ruamel", "yaml", "pathspec", "subprocess", "jmespath", "logging", "engine.engine"}


def loaded(shell: Shell, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=shell.project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    names = done.stderr.rpartition("LOADED ")[2].split()
    return {*names, *(name.partition(".")[0] for name in names)}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["-h"],
        ["history", "-h"],
        ["history", "list"],
        ["history", "list", "-o", "json"],
        ["history", "last"],
    ],
)
def test_looking_loads_next_to_nothing(shell: Shell, arguments: list[str]) -> None:
    assert not loaded(shell, *arguments) & HEAVY


def test_the_version_loads_less(shell: Shell) -> None:
    assert not loaded(shell, "--version") & {"argparse", "sqlite3", "json", "socket", "dataclasses", "engine.paths"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["project", "check"],
        ["computetarget", "list"],
        ["computetarget", "attach", "remote", "-n", "vm", "-a", "gpu-box", "--no-test"],
        ["computetarget", "detach", "-n", "local", "--yes"],
        ["runconfiguration", "list"],
        ["experiment", "submit", "-c", "local", "say.py"],
        ["experiment", "status"],
        ["experiment", "logs"],
        ["experiment", "prepare", "-c", "local"],
        ["environment", "builds"],
        ["engine", "status"],
    ],
)
def test_headless_is_headless(shell: Shell, arguments: list[str]) -> None:
    shell.script("say.py", "print(1)\n")
    assert not loaded(shell, *arguments) & (NEVER | {"asyncio", "ruamel", "engine.engine"})


def test_the_blocking_client_does_without_a_loop() -> None:
    code = "import engine.client, sys; sys.exit('asyncio' in sys.modules or 'subprocess' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
