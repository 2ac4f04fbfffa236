"""What a person does by hand with runs of an engine inside the test's own process: a shell, a port, once more."""

from __future__ import annotations

import asyncio
import urllib.request
from typing import TYPE_CHECKING, Any

from engine.hosts.terminal import Window
from engine.runs.reproducing import write_script
from engine.terminals import HEAD

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from engine.runs.model import Run
    from tests.engine.ssh_bench import SshBench
    from tests.services.spark_fixtures import HeadNode


async def typed(bench: SshBench, run: Run, text: str) -> tuple[str, str]:
    """Where a shell of the run is said to be, and what it shows until it has ended, once this was typed into it."""
    answer: dict[str, Any] = await bench.engine.hands.shell(run.id, Window(columns=1000))
    reader, writer = await asyncio.open_unix_connection(answer["socket"])
    try:
        data = text.encode()
        writer.write(HEAD.pack(b"d", len(data)) + data)
        shown = b""
        while True:
            kind, length = HEAD.unpack(await reader.readexactly(HEAD.size))
            data = await reader.readexactly(length)
            if kind != b"d":
                return answer["where"], shown.decode(errors="replace")
            shown += data
    finally:
        writer.close()


async def got(address: str) -> str:
    """What a browser is given there."""

    def get() -> str:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return str(answer.read().decode(errors="replace"))

    return await asyncio.to_thread(get)


async def run_again(bench: SshBench, run: Run, head: HeadNode, *, code: int = 0, before: str = "") -> tuple[Path, str]:
    """The folder in which `reproduce.sh` ran this run again on the head node where it had run, and what that said.

    It ends with exit code `code`. `before`: assignments of variables, as a shell reads them.
    """
    script = bench.project.parent / "reproduce.sh"
    await asyncio.to_thread(write_script, bench.paths, run.id, script, replace=True)
    head.person.write("reproduce.sh", script.read_text())
    name = f"again-{run.number}"
    # What it prints may be bytes of any kind.
    command = ("sh", "-c", f'rm -rf "$1"; {before} sh reproduce.sh "$1" > said 2>&1', "sh", name)
    done: subprocess.CompletedProcess[str] = await asyncio.to_thread(head.ssh, *command)
    said = (head.person.home / "said").read_text(errors="replace")
    assert done.returncode == code, f"{done.returncode}: {said[-3000:]}{done.stderr[-3000:]}"
    return head.person.home / name, said
