"""`reproduce.sh`: a script that puts the exact files of a run into a folder and runs them again as they were run.

It is for reading as well: its head says which commit, environment, arguments and variables the run had. What is secret
is not in it, by the names of options and variables; the script asks for it by a variable that must be set.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import engine
from engine import masking
from engine.errors import AmlError, NotFound
from engine.plain import plain
from engine.project import snapshot as snapshots
from engine.project.environment import EnvironmentSpec
from engine.project.spark_submit import in_cluster_mode
from engine.runs.model import environment_words
from engine.runs.reproducing_spark import AGAIN, submission
from engine.runs.store import StoreReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.paths import Paths
    from engine.project.snapshot import Snapshot
    from engine.runs.model import Run, RunPlan

# What a script finds beside it: the `azureml` package.
RUNTIME = Path(engine.__file__).parent / "runtime"
# Where machines over SSH have what their runs are made of.
THERE = "$HOME/.local/share/aml-tui"
# Metrics that the head names, for comparing.
METRICS = 8
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Variables that a shell sets by itself: they would never be missed.
_OF_SHELLS = ("PWD", "OLDPWD")
# Options of `docker run` that a container of ours can have been given, by their names in a plan.
_DOCKER = {
    "network": "--network",
    "gpus": "--gpus",
    "shm_size": "--shm-size",
    "memory": "--memory",
    "cpus": "--cpus",
    "ipc": "--ipc",
    "volumes": "--volume",
    "devices": "--device",
    "ulimits": "--ulimit",
    "cap_add": "--cap-add",
    "extra_hosts": "--add-host",
    "tmpfs": "--tmpfs",
}


def write_script(paths: Paths, run_id: str, file: Path, *, replace: bool = False) -> None:
    """Write the script of a run to `file`. Blocking.

    Raises NotFound when the run has no snapshot or its files are gone, FileExistsError when there is such a file that
    may not be replaced, OSError.
    """
    with StoreReader(paths.store) as store:
        run = store.run(run_id)
        plan = store.plan(run.id)
        environment = store.environment_of(run.id)
        results = [one for one in store.series(run.id) if one.kind == "scalar" and one.last is not None]
    if plan is None or run.snapshot is None:
        raise NotFound(f"{run.name} took no files along: it ended before that.", remedy="Submit it again.")
    taken = snapshots.load(paths.snapshots, run.snapshot)
    gone = [
        one.path for one in taken.entries if one.sha256 and not snapshots.blob_path(paths.blobs, one.sha256).exists()
    ]
    if gone:
        raise NotFound(
            f"{gone[0]} of {run.name} is not kept any more.", where=str(paths.blobs), remedy="Submit it again."
        )
    told = [(one.name, one.last) for one in results[:METRICS]]
    text = "\n".join(_Script(paths, run, plan, taken, environment, told).lines()) + "\n"
    _write(file, os.fsencode(text), replace)


def _write(file: Path, data: bytes, replace: bool) -> None:
    """Whole or not at all."""
    if not replace and os.path.lexists(file):
        raise FileExistsError(17, "there is a file of this name already", str(file))
    part = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        if replace:
            part.replace(file)
        else:
            # Fails where another one has come between.
            os.link(part, file)
            part.unlink()
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        raise


class _Script:
    """The parts of one script. Every word that came from outside is quoted, or made plain in a comment."""

    def __init__(
        self,
        paths: Paths,
        run: Run,
        plan: RunPlan,
        taken: Snapshot,
        environment: tuple[str, str] | None,
        results: Sequence[tuple[str, float | None]],
    ) -> None:
        self.paths = paths
        self.run = run
        self.plan = plan
        self.taken = taken
        self.environment = environment
        self.results = results
        # Variables that must be set by whoever runs it, with what they stand for.
        self.asked: dict[str, str] = {}

    def lines(self) -> Iterator[str]:
        command = list(self._command())
        variables = list(self._variables())
        yield "#!/bin/sh"
        yield from (f"# {plain(line)}".rstrip() for line in self._head())
        yield "set -eu"
        yield from _chosen("folder", "1", f"./{self.run.name}-again")
        yield from _chosen("store", "AML_TUI_BLOBS", str(self.paths.blobs))
        yield from _chosen("runtime", "AML_TUI_RUNTIME", str(RUNTIME))
        yield from self._there()
        for name, what in self.asked.items():
            said = _quoted(f"{name} must be set: it stands for {what}")
            yield f"if [ -z \"${{{name}:-}}\" ]; then printf '%s\\n' {said} >&2; exit 1; fi"
        yield 'if [ -e "$folder" ]; then echo "$folder is there already: name another folder" >&2; exit 1; fi'
        yield 'mkdir -p -- "$folder"'
        yield 'folder=$(cd -- "$folder" && pwd)'
        yield ""
        yield "# The files of the snapshot, out of the content store."
        yield 'mkdir "$folder/project" "$folder/outputs"'
        yield 'cd "$folder/project"'
        yield "take() {"
        yield '    if ! [ -f "$store/$1" ]; then echo "$3 is not kept in $store any more" >&2; exit 1; fi'
        yield '    cp "$store/$1" "./$3"; chmod "$2" "./$3"'
        yield "}"
        yield from self._files()
        yield "ln -s ../outputs outputs"
        yield ""
        yield "# What the script finds."
        yield from variables
        yield ""
        yield from command

    @property
    def _away(self) -> bool:
        """Whether it ran on a machine over SSH, as a process or by spark-submit."""
        return "ssh" in self.plan.options and self.plan.launcher != "container"

    def _there(self) -> Iterator[str]:
        """What to take on the machine where it ran, which has the same contents as this one."""
        if not self._away:
            return
        away = in_cluster_mode(self.plan)
        needed = AGAIN if away else "azureml"
        yield f'if ! [ -d "$store" ]; then store={THERE}/blobs; fi'
        yield f'if ! [ -e "$runtime/{needed}" ]; then'
        # Of several versions, the one that came last.
        yield "    newest="
        yield f"    for one in {THERE}/agent/runtime-*; do"
        yield f'        if ! [ -e "$one/{needed}" ]; then continue; fi'
        yield '        if [ -z "$newest" ] || [ "$(find "$one" -prune -newer "$newest")" ]; then newest=$one; fi'
        yield "    done"
        yield "    runtime=${newest:-$runtime}"
        yield "fi"
        if away:
            said = "the driver runs on the cluster: copy this script to the head node, and run it there"
            yield f"if ! [ -e \"$runtime/{needed}\" ]; then printf '%s\\n' {_quoted(said)} >&2; exit 1; fi"

    def _head(self) -> Iterator[str]:
        run, plan = self.run, self.plan
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(run.started or run.created))
        code = "" if run.exit_code is None else f", exit code {run.exit_code}"
        yield f"What {run.name} ({run.id}) ran: {masking.command(plan.argv)}"
        yield f"on {plan.target} ({plan.target_type}, {plan.host}), {when}: {run.state}{code}."
        there = f" or, copied there, that of {plan.host}" if self._away else ""
        yield f"Written by aml-tui {engine.__version__}; it needs the content store of this machine (below){there}."
        yield ""
        yield "usage: sh reproduce.sh [FOLDER]    makes FOLDER, puts the files there and runs them"
        yield ""
        yield f"files        snapshot {self.taken.id}: {self.taken.files} files, {self.taken.bytes} bytes"
        git = self.taken.git
        if git is not None:
            changed = ", with changes that are in the snapshot" if git.dirty else ""
            yield f"git          commit {git.commit} on {git.branch or 'no branch'}{changed}"
        yield f"configuration {plan.config}, framework {plan.framework}"
        yield from self._environment()
        names = [f"{name} (not here)" if self._hidden(name, value) else name for name, value in self._configured()]
        if names:
            yield f"variables    {', '.join(names)}"
        for name, value in self.results:
            yield f"result       {name} {value:.6g}"

    def _environment(self) -> Iterator[str]:
        if self.environment is not None:
            fingerprint, image = self.environment
            yield f"environment  {fingerprint}: {' '.join(environment_words(image))}"
        asked = self.plan.options.get("environment")
        if not asked:
            yield f"environment  the Python there was: {self.plan.interpreter or 'the first one of the host'}"
            return
        spec = EnvironmentSpec.from_json(asked)
        if spec.base_image:
            yield f"  image      {spec.base_image}"
        for label, values in (
            ("channels", spec.channels),
            ("conda", ((f"python{spec.python}",) if spec.python else ()) + spec.conda),
            ("pip", spec.pip),
        ):
            for value in values:
                yield f"  {label:<10} {masking.address(value)}"

    def _files(self) -> Iterator[str]:
        kinds = ("dir", "file", "link")
        for entry in sorted(self.taken.entries, key=lambda one: (kinds.index(one.kind), one.path)):
            if entry.path.split("/")[0] == "outputs":
                continue
            path = _quoted(entry.path)
            if entry.kind == "dir":
                yield f"mkdir -p ./{path}"
            elif entry.kind == "link":
                yield f"ln -s -- {_quoted(entry.link or '')} ./{path}"
            elif entry.sha256:
                yield f"take {entry.sha256[:2]}/{entry.sha256[2:]} {entry.mode & 0o777:o} {path}"

    # Variables and words

    def _configured(self) -> list[tuple[str, str]]:
        """What the configuration sets, and what a container was given."""
        found = dict(self.plan.environment_variables)
        for item in (self.plan.options.get("container") or {}).get("variables", ()):
            name, equals, value = str(item).partition("=")
            found.setdefault(name, value if equals else "")
        return [(name, value) for name, value in found.items() if _NAME.fullmatch(name)]

    def _hidden(self, name: str, value: str) -> bool:
        return masking.is_secret_variable(name) or masking.CREDENTIALS.search(value) is not None

    def _variables(self) -> Iterator[str]:
        if self.plan.launcher != "container":
            # Of the shell it was submitted from: where its programs are, and what its numbers depend on.
            for name, value in self.plan.environ.items():
                yield f"export {name}={_quoted(value)}"
        for name, value in self._configured():
            if self._hidden(name, value):
                self.asked.setdefault(name, "a variable of the configuration")
                yield f"export {name}"
            else:
                yield f"export {name}={_quoted(value)}"
        inside = self._inside
        yield f"export AZUREML_RUN_ID={_quoted(self.run.id + '_again')} AZUREML_TARGET_TYPE={self.plan.target_type}"
        yield f"export AZUREML_OUTPUT_DIRECTORY={inside}/outputs AML_METRICS_FILE={inside}/metrics.jsonl"
        yield f"export AML_RUN_NUMBER={self.run.number} AML_PROJECT_NAME={_quoted(self.plan.project_name)}"
        yield "export PYTHONUNBUFFERED=1"

    @property
    def _inside(self) -> str:
        """The folder as the script sees it, in words of a shell."""
        return "/azureml-run" if self.plan.launcher == "container" else '"$folder"'

    def _words(self, words: Sequence[str]) -> str:
        """Words of a command; a secret one becomes a variable that must be set."""
        told: list[str] = []
        for word, shown in zip(words, masking.words(words), strict=True):
            if shown == shlex.quote(word):
                told.append(_quoted(word))
                continue
            before = words[len(told) - 1] if told else ""
            # What is no option may be a secret itself.
            before = before if before.startswith("-") and "=" not in before else ""
            option, equals, _ = word.partition("=")
            if masking.CREDENTIALS.search(option):
                # An address whose password comes before any "=": all of it is asked for.
                equals = ""
            name = _NOT_A_NAME.sub("_", option if equals else before).strip("_").upper() or "ARGUMENT"
            name = name if _NAME.fullmatch(name) else f"ARGUMENT_{name}"
            taken = {*_OF_SHELLS, *self.plan.environ, *(name for name, _ in self._configured()), *self.asked}
            while name in taken:
                name += "_"
            self.asked[name] = f"the value of {plain(option if equals else before) or 'an argument'}"
            told.append(f'{_quoted(option)}="${name}"' if equals else f'"${name}"')
        return " ".join(told)

    def _command(self) -> Iterator[str]:
        if self.plan.launcher == "container":
            yield from self._container(self._words(self.plan.argv))
            return
        yield 'export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}$runtime"'
        submit = [str(word) for word in self.plan.options.get("spark_submit", ())]
        if self.plan.launcher == "spark":
            yield from _chosen("submit", "SPARK_SUBMIT", submit[0])
            names = [name for name, _ in self._configured()]
            names += ["AZUREML_RUN_ID", "AZUREML_TARGET_TYPE", "AML_RUN_NUMBER", "AML_PROJECT_NAME"]
            names += ["PYTHONUNBUFFERED"]
            yield from submission(self.run, self.plan, self.taken, self._words, names)
            return
        argv = self._words(self.plan.argv)
        if submit:
            words = " ".join(part for part in (self._words(submit[1:]), argv) if part)
            yield from _chosen("submit", "SPARK_SUBMIT", submit[0])
            yield f'exec "$submit" {words}'
            return
        made: dict[str, Any] = dict((self.run.handle or {}).get("environment") or {})
        python = str(made.get("interpreter") or self.plan.interpreter or "python3")
        yield from _chosen("python", "PYTHON", python)
        if self._away:
            yield f"# It is one of {plain(self.plan.host)}: elsewhere PYTHON names one that has what it needs."
            yield 'if ! command -v "$python" > /dev/null; then python=python3; fi'
        yield f'exec "$python" {argv}'

    def _container(self, argv: str) -> Iterator[str]:
        handle: dict[str, Any] = dict(self.run.handle or {})
        image = (self.environment or ("", ""))[1] or str(handle.get("image") or "")
        interpreter = str(handle.get("interpreter") or "python")
        options = dict(self.plan.options.get("container") or {})
        words: list[str] = []
        for key, option in _DOCKER.items():
            given = options.get(key)
            for value in given if isinstance(given, (list, tuple)) else [] if given in (None, False) else [given]:
                words += [option, str(value)]
        if options.get("gpu") and "gpus" not in options:
            words += ["--gpus", "all"]
        path = str((handle.get("image_env") or {}).get("PATH") or os.defpath)
        folder = interpreter.rpartition("/")[0]
        path = f"{folder}:{path}" if folder and folder not in path.split(":") else path
        passed = [name for name, _ in self._configured()]
        passed += ["AZUREML_RUN_ID", "AZUREML_TARGET_TYPE", "AZUREML_OUTPUT_DIRECTORY", "AML_METRICS_FILE"]
        passed += ["AML_RUN_NUMBER", "AML_PROJECT_NAME", "PYTHONUNBUFFERED"]
        yield f"# Its image, {plain(image)}, is where it was made: on {plain(self.plan.host)}."
        yield "# DOCKER_OPTIONS: more words for `docker run`."
        yield "# shellcheck disable=SC2086"
        yield 'exec docker run --rm --user "$(id -u):$(id -g)" ${DOCKER_OPTIONS:-} \\'
        if words:
            yield f"    {self._words(words)} \\"
        yield f"    {' '.join(f'--env {name}' for name in passed)} \\"
        yield f"    --env HOME=/azureml-run --env PATH={_quoted(path)} --env PYTHONPATH=/azureml-runtime \\"
        yield '    --volume "$folder:/azureml-run" --volume "$runtime:/azureml-runtime:ro" \\'
        submit = [str(word) for word in handle.get("spark_submit") or ()]
        before = [*submit] if submit else [interpreter]
        yield f"    --workdir /azureml-run/project --entrypoint {_quoted(before[0])} {_quoted(image)} \\"
        yield f"    {' '.join(part for part in (self._words(before[1:]), argv) if part)}"


def _quoted(text: str) -> str:
    return shlex.quote(text)


def _chosen(name: str, variable: str, otherwise: str) -> Iterator[str]:
    """A word of the script that one may name. In two lines: inside `"${...:-}"` quotes would be a part of it."""
    home = '"$HOME"' if otherwise.startswith("~/") else ""
    yield f"{name}={home}{_quoted(otherwise[1:] if home else otherwise)}"
    yield f"{name}=${{{variable}:-${name}}}"


def refused(error: OSError) -> AmlError:
    """Why the script could not be written, in our words."""
    return AmlError(
        f"the script was not written: {(error.strerror or str(error)).rstrip('.')}.", where=str(error.filename or "")
    )
