"""A script as a process on a host, in the Python the person named: `local` now, `remote` over the same agent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from engine.runs.model import Command

if TYPE_CHECKING:
    from engine.hosts.host import Host
    from engine.runs.model import Run, RunPlan

# What a cancelled or timed-out script gets before the next, harder signal: after SIGINT and after SIGTERM, seconds.
GRACE = (10.0, 5.0)


def argv_of(plan: RunPlan) -> tuple[str, ...]:
    """The whole command: interpreter (or spark-submit with its options), script, arguments."""
    before = tuple(str(item) for item in plan.options.get("spark_submit", ()))
    return before + plan.argv if before else (plan.interpreter, *plan.argv)


def run_environment(run: Run, plan: RunPlan, folder: str) -> dict[str, str]:
    """The variables a script finds, beyond those of its host: the original's AZUREML_* and the configuration's own.

    `folder` is the run directory on the host. AZUREML_NATIVE_SHARE_DIRECTORY ends with a slash because scripts
    append a file name to it.
    """
    found = dict(plan.environ)
    found.update(plan.environment_variables)
    found.update(
        {
            "AZUREML_RUN_ID": run.id,
            "AZUREML_TARGET_TYPE": plan.target_type,
            "AZUREML_OUTPUT_DIRECTORY": f"{folder}/outputs",
            "AML_METRICS_FILE": f"{folder}/metrics.jsonl",
            "AML_RUN_NUMBER": str(run.number),
            "AML_PROJECT_NAME": plan.project_name,
        }
    )
    if plan.native_shared_directory:
        found["AZUREML_NATIVE_SHARE_DIRECTORY"] = plan.native_shared_directory.rstrip("/") + "/"
    return found


class ProcessLauncher:
    """Starts the script through the host's agent and runner; it then depends on neither."""

    def command(self, host: Host, run: Run, plan: RunPlan) -> Command:
        return Command(time.time(), host.name, argv_of(plan), f"{host.info.root}/runs/{run.id}/project")

    async def launch(self, host: Host, run: Run, plan: RunPlan) -> dict[str, Any]:
        spec = {
            "argv": list(argv_of(plan)),
            "cwd": "project",
            "env": run_environment(run, plan, f"{host.info.root}/runs/{run.id}"),
            "max_duration": plan.max_duration,
            "grace": list(GRACE),
        }
        return await host.start(run.id, spec)
