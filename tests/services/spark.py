"""An image with Spark, laid out as those that people pull: SPARK_HOME, a Java, `spark-submit` on the path."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.services import rootfs
from tests.services.docker import CERTIFICATES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.docker import DockerEngine

# Spark 3.5 runs on Java 17, which Debian 12 and Ubuntu have.
PYSPARK = "pyspark==3.5.*"
# Of what Java depends on, what it needs to run without a screen; Spark's scripts are bash's.
PACKAGES = ("openjdk-17-jre-headless", "libstdc++6", "libgcc-s1", "bash")
HOME = "/opt/spark"


def spark_image(engine: DockerEngine) -> str:
    """Made once from PyPI's pyspark and Debian's Java, in a minute or two; kept between test runs."""
    return engine.load(
        "aml-test/spark:1",
        rootfs.made("spark-1.tar", _make),
        f"ENV PATH={HOME}/bin:/usr/local/bin:/usr/bin:/bin SPARK_HOME={HOME} JAVA_HOME=/usr/lib/jvm/java",
        f"ENV SSL_CERT_FILE={CERTIFICATES} PIP_CERT={CERTIFICATES}",
    )


def spark_home() -> Path:
    """A folder that SPARK_HOME can be: what `pip install pyspark` brings. Kept between test runs."""
    return rootfs.made("spark-home-1", _fetch)


def _fetch(folder: Path) -> None:
    with rootfs.folder() as site:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), PYSPARK]
        subprocess.run(command, check=True)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(site / "pyspark", folder, symlinks=True)


def _make(tar: Path) -> None:
    with rootfs.folder() as root:
        rootfs.furnish_python(root, PACKAGES)
        machine = next(path for path in (root / "usr/lib/jvm").iterdir() if path.is_dir() and not path.is_symlink())
        (root / "usr/lib/jvm/java").symlink_to(machine.name)
        shutil.copytree(spark_home(), root / HOME.lstrip("/"), symlinks=True)
        rootfs.pack(root, tar)
