"""A run's environment as launchers ask for it, whoever makes it: found, or built if that is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.errors import LaunchError

if TYPE_CHECKING:
    from engine.launchers.launcher import Say
    from engine.runs.model import Run, RunPlan


class Ready(Protocol):
    """An environment that is there: its image or archive, what runs scripts in it."""

    @property
    def image(self) -> str: ...
    @property
    def interpreter(self) -> str: ...
    @property
    def spark_submit(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def passwd(self) -> str: ...


class Environments(Protocol):
    """Where environments come from."""

    async def find(self, plan: RunPlan) -> Ready | None: ...
    async def ensure(self, plan: RunPlan, say: Say, run_id: str) -> Ready: ...


async def prepared(environments: Environments, run: Run, plan: RunPlan, say: Say) -> Ready:
    """The environment of a run. Raises LaunchError when it is not there and may not be built, and as `ensure` does."""
    await say("looking for the environment")
    if not plan.prepare and await environments.find(plan) is None:
        raise LaunchError(
            f"the environment of {plan.config!r} is not prepared, or not any more, and PrepareEnvironment is false.",
            where=plan.host,
            remedy=f"Type `aml experiment prepare -c {plan.config}`, press p in the console, or set "
            "`PrepareEnvironment: true`.",
        )
    return await environments.ensure(plan, say, run.id)
