"""The driver of a run in cluster mode: what spark-submit starts in a container of YARN's, in place of the script.

It makes the container what a run directory is: the project as working directory, variables, `outputs`, a file for
metrics among the container's logs, where they can be read while it runs. Then it is the script. At the end what lies
in `outputs` goes to the cluster's storage. Depends on nothing beside the standard library and Spark.
"""

import atexit
import json
import os
import shutil
import sys
import tarfile
import traceback
import types
import warnings

MYPY = False
if MYPY:
    from typing import Any

# The archive that comes along, unpacked, and what becomes of its project.
ARCHIVE, PROJECT = "aml_run", "aml_project"
MARK = "aml-outputs"


def main() -> None:
    archive = os.path.realpath(ARCHIVE)
    with open(os.path.join(archive, "run.json"), encoding="utf-8") as file:
        order = json.load(file)
    packed = os.path.abspath("outputs.tar")
    # What is unpacked is shared with another attempt on this node: the script works on files of its own.
    project = os.path.abspath(PROJECT)
    shutil.copytree(os.path.join(archive, "project"), project, symlinks=True, copy_function=copy)
    for base, folders, _ in os.walk(project):
        for name in folders:
            if not os.path.islink(os.path.join(base, name)):
                os.chmod(os.path.join(base, name), 0o700)
    os.chmod(project, 0o700)
    logs = os.environ.get("LOG_DIRS", "").split(",")[0] or os.getcwd()
    outputs = os.path.join(project, "outputs")
    if not os.path.isdir(outputs):
        os.makedirs(outputs)
    for name, value in order["variables"].items():
        os.environ[native(name)] = native(value)
    os.environ["AML_METRICS_FILE"] = os.path.join(logs, "metrics.jsonl")
    os.environ["AZUREML_OUTPUT_DIRECTORY"] = outputs
    os.environ["PWD"] = project
    os.chdir(project)
    script = [native(word) for word in order["script"]]
    sys.argv[:] = script
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != own]
    sys.path.insert(0, os.path.join(project, os.path.dirname(script[0])))
    sys.path.append(os.path.join(archive, "runtime"))
    # Of each of the project's modules Spark tells that its path on the head node is not here; it is here all the same.
    warnings.filterwarnings("ignore", "Failed to add file", RuntimeWarning)
    # What is registered first runs last: after the script's own functions for its end, and after its threads.
    atexit.register(finish, outputs, packed, order["run"], os.path.join(logs, MARK))
    sys.exit(run(script[0]))


def native(text: str) -> str:
    """What came as UTF-8 as this Python has names and arguments, whatever the container's locale is."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def copy(source: str, target: str) -> None:
    """What YARN unpacks cannot be written; a project's files can, and those that can be started stay so."""
    shutil.copyfile(source, target)
    os.chmod(target, os.stat(source).st_mode & 0o777 | 0o600)


def run(script: str) -> int:
    """Be the script; its exit code. Its traceback is its own."""
    module = types.ModuleType("__main__")
    module.__file__ = script
    module.__dict__["__builtins__"] = __builtins__
    # Executors get what is defined in it by value, as from any script.
    sys.modules["__main__"] = module
    try:
        with open(script, "rb") as file:
            code = compile(file.read(), script, "exec")
        exec(code, module.__dict__)  # noqa: S102 - it is the script
    except SystemExit as error:
        return exit_code(error.code)
    except BaseException as error:
        trace = error.__traceback__
        traceback.print_exception(type(error), error, trace.tb_next if trace is not None else None)
        return 1
    return 0


def exit_code(said: "Any") -> int:
    if said is None:
        return 0
    if isinstance(said, int):
        return said & 0xFF
    sys.stderr.write("%s\n" % (said,))
    return 1


def finish(outputs: str, packed: str, run_id: str, mark: str) -> None:
    """Store the outputs, and leave among the container's logs what became of them: {"stored", "left": [words]}."""
    left = []  # type: list[str]
    stored = False
    try:
        if os.listdir(outputs):
            pack(outputs, packed, left)
            store(packed, run_id)
            stored = True
    except Exception as error:
        left.append("the outputs could not be stored: %s" % (str(error).splitlines() or ["?"])[0])
    with open(mark + ".part", "w") as file:
        json.dump({"stored": stored, "left": left}, file)
    os.rename(mark + ".part", mark)


def pack(outputs: str, packed: str, left: "list[str]") -> None:
    """One file of all that can be read."""
    with tarfile.open(packed, "w", encoding="utf-8", errors="surrogateescape") as tar:
        for base, folders, names in os.walk(outputs):
            for name in sorted(folders) + sorted(names):
                path = os.path.join(base, name)
                try:
                    tar.add(path, os.path.relpath(path, outputs), recursive=False)
                except OSError as error:
                    left.append("outputs/%s: %s" % (os.path.relpath(path, outputs), error.strerror))


def store(packed: str, run_id: str) -> None:
    """Into the home of the cluster's storage, through the Java of this driver."""
    from pyspark import SparkContext
    from pyspark.java_gateway import launch_gateway

    jvm = (SparkContext._gateway or launch_gateway()).jvm
    target = jvm.org.apache.hadoop.fs.Path(".aml-tui/runs/%s/outputs.tar" % run_id)
    storage = target.getFileSystem(jvm.org.apache.hadoop.conf.Configuration())
    storage.mkdirs(target.getParent(), jvm.org.apache.hadoop.fs.permission.FsPermission("700"))
    storage.copyFromLocalFile(True, True, jvm.org.apache.hadoop.fs.Path("file://" + packed), target)


if __name__ == "__main__":
    main()
