"""What makes conda's environments on this host."""

import os
import shutil

# HDInsight's own first: every node has it. Then what people have put where its installer says.
CONDAS = (
    "/usr/bin/anaconda/bin/conda",
    "/usr/bin/miniforge/bin/conda",
    "~/miniforge3/bin/conda",
    "~/mambaforge/bin/conda",
    "~/miniconda3/bin/conda",
    "~/anaconda3/bin/conda",
    "/opt/conda/bin/conda",
    "~/.local/bin/micromamba",
    "~/bin/micromamba",
)
CONDA_NAMES = ("mamba", "conda", "micromamba")


def conda() -> str:
    """The program that makes conda's environments."""
    named = [os.environ.get(name, "") for name in ("MAMBA_EXE", "CONDA_EXE")]
    places = list(CONDAS[:2]) + [shutil.which(name) or "" for name in CONDA_NAMES] + named
    for place in places + list(CONDAS[2:]):
        path = os.path.expanduser(place)
        if path and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return ""
