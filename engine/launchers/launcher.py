"""What a way of starting scripts has to offer. A sixth type of target is one new file beside this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.hosts.host import Follow, Host, Proc, RunStatus, Sink
    from engine.project.snapshot import Snapshot
    from engine.runs.model import Command, Run, RunPlan

    Say = Callable[[str], Awaitable[None]]
    """Takes the step at work, in words."""


@dataclass(frozen=True)
class Home:
    """What was brought home. `moved`: log and metrics are in another place now, and are to be followed from there.

    `left`: what could not be brought, each with its reason.
    """

    moved: bool = False
    left: tuple[str, ...] = ()


class PlacedRun(Protocol):
    """One run on its host, whatever started it. Every method can be repeated: it is idempotent by run id.

    Methods raise HostLost when the host, or what the launcher needs there, cannot be reached now.
    """

    async def prepare(self, say: Say) -> dict[str, Any]:
        """Make ready what the script runs in. Returns what `launch` of a later engine needs to know of it."""
        ...

    async def lay(self, snapshot: Snapshot) -> None:
        """Make the run directory from contents that are on the host."""
        ...

    def command(self) -> Command:
        """The exact command that `launch` will run, secrets masked, for the record."""
        ...

    async def launch(self) -> dict[str, Any]:
        """Start the script, or find the one already started. Returns the handle that finds it again."""
        ...

    async def inspect(self) -> RunStatus:
        """How it stands."""
        ...

    async def take_up(self, status: RunStatus) -> bool:
        """Whether a script that looks ended goes on all the same: what stood for it here was lost, and stands again."""
        ...

    async def watch(self, nudge: Callable[[], None]) -> None:
        """Call `nudge` when it may have ended."""
        ...

    async def unwatch(self) -> None: ...

    async def follow(
        self, name: str, offset: int, sink: Sink, interval: float, on_cut: Callable[[int], None]
    ) -> Follow:
        """Hand the bytes of "driver.log", "metrics.jsonl" or "driver.streams" to `sink`, as `Host.follow` does."""
        ...

    async def forbid(self) -> bool:
        """Make sure that a script which has not begun never will; False when it has."""
        ...

    async def signal(self, name: str) -> None:
        """Signal ("INT", "TERM", "KILL") every process of the run."""
        ...

    async def processes(self) -> list[Proc]:
        """What is alive of the run; empty is the proof of its death."""
        ...

    async def bring_home(self) -> Home:
        """After the end: outputs, log and metrics into the run directory on the host, whatever else it left removed."""
        ...

    async def reach(self) -> None:
        """Return once what it needs on the host beside the agent answers, however long that takes."""
        ...


class Launcher(Protocol):
    """One way of starting scripts."""

    def place(self, host: Host, run: Run, plan: RunPlan) -> PlacedRun:
        """The run on this host. `run.handle` holds what `prepare` and `launch` returned earlier."""
        ...

    def look(self, run_id: str, seen: bool) -> None:
        """Whether a person looks at this run now: only then is more to be known of it than how it stands."""
        ...

    async def close(self) -> None:
        """Let go of everything. Runs do not notice."""
        ...
