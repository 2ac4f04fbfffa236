"""The shell that something is submitted from. Apart from the rest, so that asking costs no reading of YAML."""

from __future__ import annotations

import os

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
