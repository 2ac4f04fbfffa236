"""Base images: those of 2018 that are gone, and what takes their place.

The original's files name images of Microsoft's that Docker Hub no longer has, or that hold a Python nobody supports.
What stands in for them has conda, which the dependency files are written for, and can be pulled by everybody.
"""

from __future__ import annotations

# conda, mamba and Python on Debian or Ubuntu; the same with Java and Spark.
PYTHON, SPARK = "condaforge/miniforge3:latest", "quay.io/jupyter/pyspark-notebook:latest"
_GONE = ("microsoft/mmlspark", "microsoft/azureml", "microsoft/mlserver", "microsoft/cntk")


def stand_in(image: str, spark: bool) -> str:
    """The image to use where `image` cannot be had any more, or none is named; "" for one that should be there."""
    name = image.removeprefix("docker.io/").partition(":")[0].partition("@")[0]
    if not name or name.startswith(_GONE):
        return SPARK if spark else PYTHON
    return ""
