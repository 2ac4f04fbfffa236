"""PySpark scripts by spark-submit in a container with a real Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.runs.model import State
from tests.services import spark

if TYPE_CHECKING:
    from tests.engine.launchers.conftest import ContainerBench
    from tests.services.docker import DockerEngine

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(600)]

CONFIG = """\
ArgumentVector:
  - "$file"
Target: {target}
Framework: PySpark
SparkDependenciesFile: aml_config/spark_dependencies.yml
PrepareEnvironment: true
"""
DEPENDENCIES = """\
configuration:
  spark.app.name: It's counted
  spark.ui.enabled: "false"
  spark.sql.shuffle.partitions: 2
repositories: []
packages: []
"""


@pytest.fixture(scope="session")
def spark_image(docker_engine: DockerEngine) -> str:
    return spark.spark_image(docker_engine)


@pytest.mark.parametrize("lines", [(), ("sharedVolumes: false",)], ids=["docker", "copied"])
async def test_a_pyspark_script(bench: ContainerBench, spark_image: str, lines: tuple[str, ...]) -> None:
    bench.target("spark", *lines, image=spark_image, config=CONFIG)
    (bench.project / "aml_config" / "spark_dependencies.yml").write_text(DEPENDENCIES)
    (bench.project / "words.txt").write_text("to be or not to be")
    bench.script(
        "count words.py",
        """
        import sys
        from azureml.logging import get_azureml_logger
        from pyspark.sql import SparkSession
        spark = SparkSession.builder.getOrCreate()
        words = spark.sparkContext.textFile("words.txt").flatMap(str.split)
        get_azureml_logger().log("words", words.distinct().count())
        conf = spark.sparkContext.getConf()
        print("SAYS", conf.get("spark.app.name"), conf.get("spark.sql.shuffle.partitions"), sys.argv[1:])
        words.saveAsTextFile("outputs/words")
        spark.stop()
        """,
    )
    done = await bench.end(await bench.submit("count words.py", "a b", config="spark"), 180)
    log = bench.log(done)
    assert done.state is State.COMPLETED, log.decode()[-2000:]
    assert b"SAYS It's counted 2 ['a b']\n" in log
    assert [value for _, _, value in bench.store.points(done.id, "words")] == [4.0]
    assert "words/_SUCCESS" in [one.path for one in await bench.engine.outputs(done.id)]
    (command,) = bench.store.commands(done.id)
    assert command.argv[0].endswith("/spark-submit")
    assert command.argv[-2:] == ("count words.py", "a b")


async def test_an_image_without_spark_is_told_at_once(bench: ContainerBench) -> None:
    bench.target("spark", config=CONFIG)
    (bench.project / "aml_config" / "spark_dependencies.yml").write_text(DEPENDENCIES)
    bench.script("count.py", "print('began')\n")
    done = await bench.end(await bench.submit("count.py", config="spark"), 60)
    assert done.state is State.FAILED
    assert "has no spark-submit" in done.reason
    assert bench.log(done) == b""
