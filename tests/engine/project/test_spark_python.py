"""Which Python spark-submit is told, beside what the person's settings say."""

from __future__ import annotations

from engine.project.spark_python import python_arguments

PREPARED = {"interpreter": "/home/ann/e/prefix/bin/python", "archive": "hdfs://n/user/ann/e.tar.gz"}
SENT = ("--archives", "hdfs://n/user/ann/e.tar.gz#environment")


def conf(*settings: str) -> tuple[str, ...]:
    return tuple(word for one in settings for word in ("--conf", one))


def test_the_driver_has_the_folder_and_executors_the_archive() -> None:
    assert python_arguments((), PREPARED, "") == (
        *SENT,
        *conf(
            "spark.pyspark.python=./environment/bin/python",
            "spark.pyspark.driver.python=/home/ann/e/prefix/bin/python",
        ),
    )


def test_a_driver_on_the_cluster_has_the_archive_too() -> None:
    assert python_arguments((), PREPARED, "", driver_on_cluster=True) == (
        *SENT,
        *conf("spark.pyspark.python=./environment/bin/python", "spark.pyspark.driver.python=./environment/bin/python"),
    )


def test_a_python_that_is_named_is_for_both() -> None:
    both = conf("spark.pyspark.python=/usr/bin/python3", "spark.pyspark.driver.python=/usr/bin/python3")
    assert python_arguments((), None, "/usr/bin/python3") == both
    assert python_arguments((), None, "") == ()


def test_what_the_settings_say_holds() -> None:
    own = conf("spark.pyspark.python=/opt/py")
    assert python_arguments(own, PREPARED, "") == SENT
    assert python_arguments(own, None, "/usr/bin/python3") == ()
    driver = conf("spark.pyspark.driver.python=/opt/py")
    assert python_arguments(driver, PREPARED, "") == (*SENT, *conf("spark.pyspark.python=./environment/bin/python"))


def test_archives_of_the_settings_go_too() -> None:
    """The option takes the place of the setting."""
    own = conf("spark.yarn.dist.archives=hdfs://n/data.zip#data", "spark.pyspark.python=a=b")
    assert python_arguments(own, PREPARED, "") == ("--archives", f"hdfs://n/data.zip#data,{SENT[1]}")
