"""What a PySpark script died of, in logs of Spark 3.5 on a YARN, and of 4.0 (`spark_logs/`, stacks shortened)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from engine.runs.spark_words import TAIL, WIDTH, root, why

LOGS = Path(__file__).parent / "spark_logs"
PYSPARK = '  File "/usr/hdp/current/spark3-client/python/lib/pyspark.zip/pyspark/rdd.py", line 2291, in sum\n'
DRIVER = f'Traceback (most recent call last):\n  File "/home/me/job.py", line 4, in <module>\n{PYSPARK}'
CALL = "py4j.protocol.Py4JJavaError: An error occurred while calling o43.collectToPython.\n: "
STACK = "\tat org.apache.spark.A.b(A.scala:1)\n"
LOST = (
    "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times, most recent"
    " failure: Lost task 0.3 in stage 0.0 (TID 3) (wn0.x.net executor 4): "
)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("executor", "in an executor: ZeroDivisionError: division by zero (executor.py:4)"),
        ("executor_chain", "in an executor: BadRow: row 7 is bad: a second line of it (executor_chain.py:9)"),
        ("udf", "in an executor: ZeroDivisionError: float division by zero (executor_udf.py:6)"),
        ("module", "in an executor: ModuleNotFoundError: No module named 'gone'"),
        ("local_executor", "in an executor: ZeroDivisionError: division by zero (local_executor.py:4)"),
        ("worker_dies", "in an executor: Python worker exited unexpectedly (crashed)"),
        ("no_python", "in an executor: cannot run ./environment/bin/python: No such file or directory"),
        ("executor_killed", "an executor was killed by SIGKILL, as happens when its machine runs out of memory"),
        (
            "executor_out_of_memory",
            "an executor was killed by SIGTERM, as happens when its Java runs out of memory (spark.executor.memory)",
        ),
        ("driver_out_of_memory", "in the driver: OutOfMemoryError: Java heap space (spark.driver.memory)"),
        ("caught", "KeyError: 'petal'"),
        (
            "driver_chain",
            "RuntimeError: could not train (in an executor: ZeroDivisionError: division by zero (driver_chain.py:4))",
        ),
        ("stream", "KeyError: 'petal' (stream.py:4)"),
        ("path", "AnalysisException: [PATH_NOT_FOUND] Path does not exist: hdfs://127.0.0.1:58459/data/none.csv."),
        ("text_file", "Input path does not exist: hdfs:/data/none.txt"),
        (
            "package",
            "package org.nowhere:nothing:1.0 not found: repos.spark-packages.org cannot be reached"
            " (more `repositories`: spark_dependencies.yml)",
        ),
        (
            "package_malformed",
            "IllegalArgumentException: requirement failed: Provided Maven Coordinates must be in the form"
            " 'groupId:artifactId:version'. The coordinate provided is: nothing",
        ),
        ("queue", "YARN has no queue nightly (spark.yarn.queue)"),
        ("no_resource_manager", "nothing answers at localhost:1"),
        ("exit", ""),
        ("spark4_executor_chain", "in an executor: BadRow: row 7 is bad: a second line of it (executor_chain.py:9)"),
        ("spark4_udf", "in an executor: ZeroDivisionError: float division by zero (executor_udf.py:6)"),
        (
            "spark4_column",
            "AnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with name"
            " `petal` cannot be resolved. Did you mean one of the following? [`id`]. SQLSTATE: 42703",
        ),
    ],
)
def test_the_root_of_a_failure(name: str, words: str) -> None:
    assert why(LOGS / f"{name}.log") == words


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        ("column", "AnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column or function parameter with name"),
        ("too_large", "IllegalArgumentException: Required executor memory (65536 MB), offHeap memory (0) MB"),
        ("pickling", "_pickle.PicklingError: Could not serialize object: PySparkRuntimeError: [CONTEXT_ONLY_VALID"),
    ],
)
def test_a_long_message_is_cut(name: str, beginning: str) -> None:
    told = why(LOGS / f"{name}.log")
    assert told.startswith(beginning)
    assert len(told) <= WIDTH


@pytest.mark.parametrize(
    ("log", "words"),
    [
        # Spark 3's words for what YARN does to an executor, and Spark 2.4's.
        (
            "ExecutorLostFailure (executor 4 exited caused by one of the running tasks) Reason: Container killed by"
            " YARN for exceeding physical memory limits. 1.5 GB of 1.4 GB physical memory used. Consider boosting x.",
            "an executor was killed by YARN for exceeding its memory: 1.5 GB of 1.4 GB physical memory"
            " (spark.executor.memoryOverhead)",
        ),
        (
            "ExecutorLostFailure (executor 4 exited caused by one of the running tasks) Reason: Container killed by"
            " YARN for exceeding memory limits.  5.5 GB of 5.5 GB physical memory used. Consider boosting x.",
            "an executor was killed by YARN for exceeding its memory: 5.5 GB of 5.5 GB physical memory"
            " (spark.executor.memoryOverhead)",
        ),
        (
            "ExecutorLostFailure (executor 4 exited unrelated to the running tasks) Reason: Slave lost",
            "an executor was lost",
        ),
        (
            "java.lang.OutOfMemoryError: GC overhead limit exceeded",
            "in an executor: OutOfMemoryError: GC overhead limit exceeded (spark.executor.memory)",
        ),
        (
            "java.io.FileNotFoundException: File does not exist: hdfs://x/data/a.parquet",
            "in an executor: File does not exist: hdfs://x/data/a.parquet",
        ),
        ("java.lang.ArithmeticException: / by zero", "in an executor: ArithmeticException: / by zero"),
    ],
)
def test_what_ended_a_task(log: str, words: str) -> None:
    assert root(f"{DRIVER}{CALL}{LOST}{log}\n\tat org.apache.spark.A.b(A.scala:1)\n\nDriver stacktrace:\n") == words


def test_two_packages_that_are_not_there() -> None:
    log = "[unresolved dependency: a.b#c;1.0: not found, unresolved dependency: d#e_2.12;2-x: not found]"
    told = root(f'Exception in thread "main" java.lang.RuntimeException: {log}\n\tat org.apache.spark.A.b(A.scala:1)\n')
    assert told == "package a.b:c:1.0 not found, d:e_2.12:2-x not found (spark_dependencies.yml names the packages)"


def test_a_package_that_could_not_be_looked_for() -> None:
    log = "\t\tHost repo.example not found. url=https://repo.example/a/b.pom\n" * 2
    log += "\t\tServer access error at url https://two.example/a/b.pom (java.net.ConnectException: refused)\n"
    told = root(
        f'{log}Exception in thread "main" java.lang.RuntimeException: [unresolved dependency: a.b#c;1.0: not found]\n'
        "\tat org.apache.spark.A.b(A.scala:1)\n"
    )
    assert told.startswith("package a.b:c:1.0 not found: repo.example, two.example cannot be reached (more `repo")


def test_lines_of_the_log_between_those_of_a_traceback() -> None:
    lines = f"{DRIVER}KeyError: 'petal'\n".splitlines()
    info = "2026-11-26 03:54:16,123 INFO  [main] SparkContext: Invoking stop() from shutdown hook"
    assert root("\n".join(f"{line}\n{info}" for line in lines)) == "KeyError: 'petal'"


@pytest.mark.parametrize(
    "logged",
    [
        f"ERROR Utils: Uncaught exception in thread shutdown-hook-0\njava.lang.A: b\n{STACK}"
        f"Caused by: java.lang.InterruptedException\n{STACK}",
        f"WARN TaskSetManager: {LOST}org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n"
        f'  File "/opt/spark/pyspark/worker.py", line 1, in main\nValueError: late\n\n{STACK}',
    ],
)
def test_what_is_logged_at_the_end_is_no_cause(logged: str) -> None:
    error = f"{DRIVER}{CALL}java.lang.ArithmeticException: / by zero\n{STACK}\n"
    assert root(f"{error}26/11/26 03:54:16 {logged}") == "ArithmeticException: / by zero"


def test_an_error_of_spark_submit_that_only_tells_of_the_driver_is_not_the_reason() -> None:
    driver = f"{DRIVER}KeyError: 'petal'\n"
    main = 'Exception in thread "main" org.apache.spark.SparkException: Application {} finished with failed status\n'
    assert root(driver + main.format("application_1_0001")) == "KeyError: 'petal'"
    assert root(driver + 'Exception in thread "main" java.io.IOException: no\n') == "IOException: no"
    assert root(main.format("a")) == "SparkException: Application a finished with failed status"


def test_a_log_that_is_none_of_sparks(tmp_path: Path) -> None:
    log = tmp_path / "driver.log"
    assert why(log) == ""
    log.write_text("Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nKeyError: 'petal'\n")
    assert why(log) == ""


def test_controls_are_no_part_of_it(tmp_path: Path) -> None:
    log = tmp_path / "driver.log"
    log.write_bytes(DRIVER.encode() + b"ValueError: \x1b[31mred\x1b[0m \x07bell \xff\r\n")
    assert why(log) == "ValueError: red bell \ufffd"


@pytest.mark.parametrize(
    "piece",
    [
        "Traceback (most recent call last):\n",
        '  File "a", line 1 Traceback (most recent call last):\n',
        'Traceback (most recent call last):\n  File "a", line 1\nE: x\n',
        "Traceback (most recent call last):\nE\nThe above exception was the direct cause of the following exception:\n",
        "Traceback (most recent call last):\nPy4JJavaError:\n: ",
        'Exception in thread "main" Lost task 0 in stage 0 (TID 1) (',
        'Exception in thread "main" container killed by YARN for exceeding memory limits.',
        'Exception in thread "main" unresolved dependency: a#a',
        'Exception in thread "main" Call From a to',
        "26-11-26 12:00:00 [",
        "a.",
        ": \n",
        "\n",
    ],
)
@pytest.mark.parametrize("before", ["", 'Exception in thread "main" ', f"{DRIVER}{CALL}", f"{DRIVER}KeyError: "])
def test_a_hostile_log_takes_no_time(before: str, piece: str) -> None:
    begun = time.process_time()
    root((before + piece * TAIL)[:TAIL])
    assert time.process_time() - begun < 2
