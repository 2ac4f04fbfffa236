"""The part of `reproduce.sh` that submits a PySpark run to a cluster again, as its run was, on a head node."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from engine.project import modules
from engine.project.spark_python import python_arguments
from engine.project.spark_submit import ARCHIVE, in_cluster_mode, submit_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine.project.snapshot import Snapshot
    from engine.runs.model import Run, RunPlan

# What submits it where its driver is on the cluster, and brings what comes of it: beside the `azureml` package there.
PACKAGE = "_aml_tui_cluster"
AGAIN = f"{PACKAGE}/again.py"
_PACK_MODULES = """\
python3 -I -c '
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as packed:
    for name, path in json.load(sys.stdin):
        packed.write(path, name)
' {packed} <<'END'
{names}
END"""
_AWAY = """\
cd ..
exec python3 -m {package}.again "$submit" {words} <<'END'
{order}
END"""


def submission(
    run: Run, plan: RunPlan, taken: Snapshot, quoted: Callable[[Sequence[str]], str], names: Sequence[str]
) -> Iterator[str]:
    """Lines, from the folder of the project on; `$submit` and `$runtime` are set.

    `quoted`: words of a command as the script has them, to be asked once a word. `names`: variables of the run.
    """
    tag = f"{run.handle.get('tag') or 'aml'}-again"
    if modules.PACKED in run.handle.get("modules", ()):
        packages = modules.of_packages(taken, plan.script.removeprefix("./"))
        pairs = [(name, entry.path) for name, entry in packages.items()]
        yield "# The packages of the project, for executors."
        yield _PACK_MODULES.format(packed=modules.PACKED, names=json.dumps(pairs))

    away = in_cluster_mode(plan)
    # Which Python, and which master, is for whoever runs it to say where the driver is not on the cluster.
    found = submit_words(
        plan,
        run.handle if away else {**run.handle, "environment": None},
        name=f"{run.name}-again",
        tag=tag,
        interpreter=plan.interpreter if away else "",
        archive=f"../{ARCHIVE}",
        driver="cluster_driver.py",
    )[1:]
    if away:
        words = f"{_at_home(plan, quoted(found[: -len(plan.argv)]))} {quoted(plan.argv)}"
        order = {"run": run.id, "tag": tag, "script": len(plan.argv), "archive": ARCHIVE, "variables": list(names)}
        yield "# The driver runs on the cluster: what it prints, its metrics and its outputs come from there."
        yield _AWAY.format(package=PACKAGE, words=words, order=json.dumps(order))
        return
    settings = [str(word) for word in plan.options["spark_submit"]][1:]
    python = python_arguments(settings, run.handle.get("environment"), plan.interpreter)
    ours = found[len(settings) : -len(plan.argv)]
    master = ours[:2] if ours[:1] == ("--master",) else ()
    ours = ours[len(master) :]
    yield "# Another master (`local[*]`) needs no cluster, and takes the Python that there is."
    yield 'if [ -z "${AML_TUI_SPARK_MASTER:-}" ]; then'
    yield f"    set -- {_at_home(plan, quoted(master + python))}".rstrip()
    yield "else"
    yield '    set -- --master "$AML_TUI_SPARK_MASTER"'
    yield "    export PYSPARK_PYTHON=${PYTHON:-python3} PYSPARK_DRIVER_PYTHON=${PYTHON:-python3}"
    yield "fi"
    parts = ('exec "$submit"', quoted(settings), '"$@"', quoted(ours), quoted(plan.argv))
    yield " ".join(filter(None, parts))


def _at_home(plan: RunPlan, words: str) -> str:
    """Words in which the Python of the plan, where it is of the person's home, is found from there."""
    # Between the quotes that a "~" always has around it.
    python = shlex.quote(plan.interpreter)[1:-1]
    home = plan.interpreter.startswith("~/")
    return words.replace(f"={python}", f"='\"$HOME\"'{python[1:]}") if home else words
