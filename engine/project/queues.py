"""Which of a cluster's queues a project submits to, by its files."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from engine.errors import AmlError
from engine.project.dependencies import SPARK_FILE, read_spark
from engine.project.environment import spark_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.project.folder import Project

QUEUE = "spark.yarn.queue"


def queues_for(project: Project, target: str) -> list[str]:
    """Those that the configurations of this target name, each once; for one that has none yet, the project's own.

    What cannot be read names none: that is told elsewhere. Blocking.
    """
    return [queue for queue in dict.fromkeys(_named(project, target)) if queue]


def _named(project: Project, target: str) -> Iterator[str]:
    own = project.config_folder / SPARK_FILE
    mine = [one for one in project.configs.values() if one.target == target and one.framework == "PySpark"]
    if not mine and own.is_file():
        found, _ = read_spark(own, SPARK_FILE)
        yield found.configuration.get(QUEUE, "") if found is not None else ""
    for config in mine:
        file = config.spark_file
        if file is None and own.is_file():
            file = f"{project.config_folder.name}/{SPARK_FILE}"
        with suppress(AmlError, OSError):
            yield spark_settings(project, config, file).configuration.get(QUEUE, "")
