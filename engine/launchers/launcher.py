"""What a way of starting scripts has to offer. A sixth type of target is one new file beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from engine.hosts.host import Host
    from engine.runs.model import Command, Run, RunPlan


class Launcher(Protocol):
    """Turns a plan into a running script on a host. Every method can be repeated: it is idempotent by run id."""

    def command(self, host: Host, run: Run, plan: RunPlan) -> Command:
        """The exact command that `launch` will run, secrets masked, for the record."""
        ...

    async def launch(self, host: Host, run: Run, plan: RunPlan) -> dict[str, Any]:
        """Start the script, or find the one already started. Returns the handle that finds it again."""
        ...
