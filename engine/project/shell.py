"""The shell that something is submitted from. Apart from the rest, so that asking costs no reading of YAML."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a script on this machine must see of the shell it was submitted from; the rest is the engine's environment.
# Only names that say where programs are: nothing here is a secret.
SHELL_NAMES = (
    "PATH",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV",
    "CONDA_SHLVL",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONHASHSEED",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_HOME",
    "JAVA_HOME",
    "SPARK_HOME",
    "HADOOP_CONF_DIR",
    "OMP_NUM_THREADS",
)
_SHELL_PREFIXES = ("LC_", "PYENV_")


def shell_environ() -> dict[str, str]:
    """The variables of this process that a local script must see."""
    return {
        name: value for name, value in os.environ.items() if name in SHELL_NAMES or name.startswith(_SHELL_PREFIXES)
    }


def surrounded(environ: Mapping[str, str], found: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a shell that is begun where a run is: `found` as `engine.hosts.terminal.Surroundings` has it."""
    made = {**environ, **found["env"], "PWD": found["cwd"]}
    for name in (*found["before"], *found["after"]):
        items = [*found["before"].get(name, ()), made.get(name, ""), *found["after"].get(name, ())]
        made[name] = os.pathsep.join(item for item in items if item)
    return made
