"""The part of `reproduce.sh` that submits a PySpark run to a cluster again, as its run was, on a head node."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from engine.project import modules
from engine.project.spark_submit import in_cluster_mode, submit_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine.project.snapshot import Snapshot
    from engine.runs.model import Run, RunPlan

# What the driver on the cluster finds, made of what is beside the `azureml` package on the head node.
PACKAGE = "_aml_tui_cluster"
_PACK_MODULES = """\
python3 -c '
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as packed:
    for name, path in json.load(sys.stdin):
        packed.write(path, name)
' {packed} <<'END'
{names}
END"""
_PACK_RUN = """\
# Variables are in it.
trap 'rm -f ../cluster.tar.gz' EXIT
trap 'exit 130' INT TERM
cp "$runtime/{package}/cluster_driver.py" ..
PYTHONPATH="$runtime" python3 -c '
import json, os, sys
from {package} import luggage
order = json.load(sys.stdin)
order["variables"] = {{name: os.environ[name] for name in order["variables"] if name in os.environ}}
luggage.pack(b"..", dict(order, archive="../cluster.tar.gz", script=sys.argv[1:]))
' {script} <<'END'
{order}
END"""
# What it prints, its metrics and its outputs come by way of the cluster. Logs are gathered after the end.
_AWAY = """\
code=0
{{ "$submit" {words} 2>&1 || echo "$?" > ../code; }} | tee ../submit.log
if [ -f ../code ]; then code=$(cat ../code); fi
application=$(sed -n 's/.*\\(application_[0-9]*_[0-9]*\\).*/\\1/p' ../submit.log | head -n 1)
if [ -z "$application" ]; then exit "$code"; fi
tries=0
until yarn logs -applicationId "$application" -log_files stdout > ../driver.log 2> ../logs.err; do
    tries=$((tries + 1))
    if [ "$tries" -gt 20 ]; then cat ../logs.err >&2; break; fi
    sleep 3
done
LC_ALL=C awk '/^End of LogType/ {{ on = 0 }} on; /^Log ?Contents:$/ {{ on = 1 }}' ../driver.log
yarn logs -applicationId "$application" -log_files metrics.jsonl 2> ../logs.err | grep '^{{' > ../metrics.jsonl || :
if hadoop fs -test -e {left}; then
    hadoop fs -cat {left} | tar -xf - -C ../outputs
    hadoop fs -rm -skipTrash {left} > ../logs.err
fi
rm -f ../logs.err
exit "$code\""""


def submission(
    run: Run, plan: RunPlan, taken: Snapshot, quoted: Callable[[Sequence[str]], str], names: Sequence[str]
) -> Iterator[str]:
    """Lines, from the folder of the project on; `$submit` and `$runtime` are set.

    `quoted`: words of a command as the script has them, to be asked once a word. `names`: variables of the run.
    """
    away = in_cluster_mode(plan)
    tag = f"{run.handle.get('tag') or 'aml'}-again"
    _, *words = submit_words(
        plan,
        run.handle,
        name=f"{run.name}-again",
        tag=tag,
        interpreter=plan.interpreter,
        archive="../cluster.tar.gz",
        driver="../cluster_driver.py",
        waits=True,
    )
    script = quoted(plan.argv)
    before = quoted(words[: -len(plan.argv)])
    if plan.interpreter.startswith("~/"):
        before = before.replace(f"={plan.interpreter}", f"='\"$HOME\"'{plan.interpreter[1:]}")
    if not away:
        # Whoever wants no cluster names another master (`local[*]`).
        yield "master=${SPARK_MASTER:-yarn}"
        before = before.replace("--master yarn ", '--master "$master" ', 1)
    if modules.PACKED in run.handle.get("modules", ()):
        packages = modules.of_packages(taken, plan.script.removeprefix("./"))
        pairs = [(name, entry.path) for name, entry in packages.items()]
        yield "# The packages of the project, for executors."
        yield _PACK_MODULES.format(packed=modules.PACKED, names=json.dumps(pairs))
    if not away:
        yield f'exec "$submit" {before} {script}'
        return
    yield "# The driver runs on the cluster: the project, its arguments and variables go along in a file."
    again = f"{run.id}_again"
    order = json.dumps({"run": again, "variables": list(names)})
    yield _PACK_RUN.format(package=PACKAGE, script=script, order=order)
    left = shlex.quote(f".aml-tui/runs/{again}/outputs.tar")
    yield _AWAY.format(words=f"{before} {script}", left=left)
