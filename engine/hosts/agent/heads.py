"""What a cluster's head node has, as far as that is to be seen without starting a Java: programs and settings."""

import glob
import grp
import os
import re
import shutil

from . import clusters

MYPY = False
if MYPY:
    from typing import Any

# What lists and writes files of the cluster's storage.
FILE_PROGRAMS = (("hadoop", "fs"), ("hdfs", "dfs"))
# After what the environment names.
SPARK_FOLDERS = ("/etc/spark3/conf", "/etc/spark2/conf", "/etc/spark/conf", "/usr/hdp/current/spark*-client/conf")
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


def head(spark_submit: str) -> "dict[str, Any]":
    """Paths are absolute, "" for what is not there.

    `spark`: the spark-submit of this name. `storage`: fs.defaultFS. `files`: the program that lists and writes there.
    `queue`: the one that applications go to which name none, `queue_from` the file that says so. `groups`: names of
    the user's.
    """
    settings = clusters.settings("core-site.xml") or {}
    spark = shutil.which(os.path.expanduser(spark_submit)) or ""
    queue, queue_from = default_queue(spark)
    files = [[shutil.which(one[0]) or "", one[1]] for one in FILE_PROGRAMS]
    return {
        "spark": spark,
        "storage": settings.get("fs.defaultFS") or settings.get("fs.default.name", ""),
        "files": next((one for one in files if one[0]), []),
        "queue": queue,
        "queue_from": queue_from,
        "conda": conda(),
        "groups": groups(),
    }


def default_queue(spark: str) -> "tuple[str, str]":
    """What Spark's own settings say, and which file that is."""
    home = os.environ.get("SPARK_HOME", "")
    beside = os.path.dirname(os.path.dirname(os.path.realpath(spark))) if spark else ""
    folders = [os.environ.get("SPARK_CONF_DIR", "")]
    folders += [os.path.join(one, "conf") for one in (home, beside) if one]
    for pattern in SPARK_FOLDERS:
        folders += sorted(glob.glob(pattern))
    for folder in folders:
        file = os.path.join(folder, "spark-defaults.conf")
        if folder and os.path.isfile(file):
            return of_properties(file, "spark.yarn.queue"), file
    return "", ""


def of_properties(file: str, key: str) -> str:
    """A value of Java's properties, where the key ends with a blank, `=` or `:`."""
    found = ""
    try:
        with open(file, encoding="utf-8", errors="replace") as opened:
            for line in opened:
                match = re.match(r"\s*%s(?:\s*[=:]|\s)\s*(.*)" % re.escape(key), line)
                if match:
                    found = match.group(1).strip()
    except OSError:
        pass
    return found


def conda() -> str:
    """The program that makes conda's environments."""
    named = os.environ.get("CONDA_EXE", "")
    places = [CONDAS[0], CONDAS[1]] + [shutil.which(name) or "" for name in CONDA_NAMES] + [named]
    for place in places + list(CONDAS[2:]):
        path = os.path.expanduser(place)
        if path and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return ""


def groups() -> "list[str]":
    found = []
    for number in os.getgroups():
        try:
            found.append(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return found
