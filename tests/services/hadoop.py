"""Hadoop's servers and Spark as folders: fetched once from Maven Central and PyPI, kept between test runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services import rootfs

if TYPE_CHECKING:
    from collections.abc import Iterator

# Spark 3.5 brings the client of 3.3.
VERSION = "3.3.6"
SERVERS = (
    "common",
    "hdfs",
    "yarn-client",
    "yarn-server-nodemanager",
    "yarn-server-resourcemanager",
    # The ResourceManager does not start without it, and does not ask for it.
    "yarn-server-timelineservice",
)
# A second binding of the log, which an old ZooKeeper asks for.
UNWANTED = ("log4j", "slf4j-log4j12")
# Spark 3.5 runs on none newer, and this one is what all of it was tried with.
JAVA = 17
INSTALL = "apt-get install maven openjdk-17-jre-headless"
PROJECT = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tests</groupId><artifactId>hadoop</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{}</dependencies>
</project>
"""
DEPENDENCY = """
    <dependency>
      <groupId>org.apache.hadoop</groupId><artifactId>hadoop-{}</artifactId><version>{}</version>
    </dependency>"""


def hadoop_jars() -> Path:
    """A folder of the jars of YARN's and HDFS's servers and clients; 10 s the first time."""
    return rootfs.made("hadoop-1", _fetch)


def _fetch(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with rootfs.folder() as work:
        dependencies = "".join(DEPENDENCY.format(name, VERSION) for name in SERVERS)
        (work / "pom.xml").write_text(PROJECT.format(dependencies))
        options = {"maven.repo.local": work / "repository", "outputDirectory": folder, "includeScope": "runtime"}
        options["excludeArtifactIds"] = ",".join(UNWANTED)
        command = ["mvn", "-q", "-B", *(f"-D{name}={value}" for name, value in options.items())]
        done = subprocess.run(
            [*command, "dependency:copy-dependencies"], cwd=work, capture_output=True, text=True, errors="replace"
        )
        if done.returncode:
            raise RuntimeError(f"mvn: {(done.stdout + done.stderr).strip()[-2000:]}")


def java_home() -> Path | None:
    """A Java of the right age that every user may start."""
    return next((home for home in _javas() if _age(home) == JAVA and _is_everyones(home)), None)


def _javas() -> Iterator[Path]:
    named, found = os.environ.get("JAVA_HOME"), shutil.which("java")
    if named:
        yield Path(named)
    if found:
        yield Path(found).resolve().parents[1]
    yield from sorted(Path("/usr/lib/jvm").glob("*"))


def _age(home: Path) -> int:
    try:
        found = re.search(r'^JAVA_VERSION="(\d+)', (home / "release").read_text(), re.M)
    except OSError:
        return 0
    return int(found[1]) if found and (home / "bin/java").exists() else 0


def _is_everyones(home: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (home / "bin/java").resolve().parents)


def copy(source: Path, target: Path) -> None:
    """A folder of the cache for other users to read: it may lie where they do not get. Links, where links can be."""

    def link(one: str, other: str) -> None:
        try:
            os.link(one, other)
        except OSError:
            shutil.copyfile(one, other)
            shutil.copymode(one, other)

    shutil.copytree(source, target, copy_function=link)


def missing() -> str:
    """Why there can be no YARN here, or ""."""
    lacking = [] if java_home() else [f"Java {JAVA}"]
    cached = (rootfs.cache() / "hadoop-1").exists()
    lacking += [] if cached or shutil.which("mvn") else ["mvn"]
    lacking += [] if shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") else ["python3"]
    return f"not installed: {', '.join(lacking)} ({INSTALL})" if lacking else ""
