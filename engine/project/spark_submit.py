"""The command that submits a PySpark run to a cluster, for the run itself and for whoever runs it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.project.spark_python import given_settings, python_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.runs.model import RunPlan

# What the driver in cluster mode finds as its run directory, as it is unpacked.
UNPACKED = "aml_run"
# The same, packed, on its way there.
ARCHIVE = "cluster.tar.gz"


def in_cluster_mode(plan: RunPlan) -> bool:
    """Whether the driver is in a container of YARN's, and not a process of the head node."""
    return plan.launcher == "spark" and plan.options.get("deploy_mode") == "cluster"


def submit_words(
    plan: RunPlan,
    handle: Mapping[str, Any],
    *,
    name: str,
    tag: str,
    interpreter: str,
    archive: str,
    driver: str,
) -> tuple[str, ...]:
    """spark-submit and its words, to the end of the script's.

    `handle`: what was prepared, {"modules", "environment"}. `interpreter`: the Python of all nodes that the person
    names, or "". In cluster mode `archive` is the run directory for the driver, `driver` the file that it begins as,
    and spark-submit does not wait for its end: what stands for it looks at the application itself.
    """
    submit, *settings = (str(item) for item in plan.options["spark_submit"])
    away = in_cluster_mode(plan)
    given = given_settings(settings)
    ours = [] if "spark.master" in given else ["--master", "yarn"]
    ours += ["--deploy-mode", "cluster" if away else "client"]
    # What the person's settings name stays: an option of ours would take its place.
    tags = filter(None, (given.get("spark.yarn.tags"), tag))
    ours += ["--conf", f"spark.yarn.tags={','.join(tags)}"]
    if "spark.app.name" not in given:
        ours += ["--name", name]
    along = [f"{archive}#{UNPACKED}"] if away else []
    environment = dict(handle.get("environment") or {})
    ours += python_arguments(settings, environment, interpreter, driver_on_cluster=away, along=along)
    code = ",".join(filter(None, (given.get("spark.submit.pyFiles"), *handle.get("modules", ()))))
    if code:
        ours += ["--py-files", code]
    script = plan.argv
    if away:
        ours += ["--conf", "spark.yarn.submit.waitAppCompletion=false"]
        if "spark.yarn.maxAppAttempts" not in given:
            # A script that failed is not run again unasked.
            ours += ["--conf", "spark.yarn.maxAppAttempts=1"]
        script = (driver, *script)
    return (submit, *settings, *ours, *script)
