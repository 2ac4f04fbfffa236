"""What a cluster's head node has, as far as that is to be seen without starting a Java: programs and settings."""

import glob
import grp
import os
import re
import shutil

from . import clusters, condas, storage

MYPY = False
if MYPY:
    from typing import Any

# After what the environment names.
SPARK_FOLDERS = ("/etc/spark3/conf", "/etc/spark2/conf", "/etc/spark/conf", "/usr/hdp/current/spark*-client/conf")


def head(spark_submit: str) -> "dict[str, Any]":
    """Paths are absolute, "" for what is not there.

    `spark`: the spark-submit of this name. `storage`: fs.defaultFS. `files`: the program that lists and writes there.
    `queue`: the one that applications go to which name none, `queue_from` the file that says so. `groups`: names of
    the user's.
    """
    settings = clusters.settings("core-site.xml") or {}
    spark = shutil.which(os.path.expanduser(spark_submit)) or ""
    queue, queue_from = default_queue(spark)
    return {
        "spark": spark,
        "storage": settings.get("fs.defaultFS") or settings.get("fs.default.name", ""),
        "files": storage.command(),
        "queue": queue,
        "queue_from": queue_from,
        "conda": condas.conda(),
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


def groups() -> "list[str]":
    found = []
    for number in os.getgroups():
        try:
            found.append(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return found
