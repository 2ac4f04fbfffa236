"""What to do after a run failed: told by what its log, its reason and its end say it died of. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tui import wording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.runs.model import Run

# What a script dies of, as its log or its host tells, and what one does then. The first that fits is told.
_REMEDIES: tuple[tuple[str, str], ...] = (
    (
        r"CUDA (?:error: )?out of memory|CUDA_ERROR_OUT_OF_MEMORY",
        "The GPU's memory was not enough: make batches or the model smaller, or look who else is on that GPU"
        " (enter on the target shows it).",
    ),
    (
        r"\bMemoryError\b|OutOfMemory|out of memory|memory limits|OOM",
        "It had not enough memory: take less data at once, give the container or executors more, or another target.",
    ),
    (
        r"No module named|ModuleNotFoundError|ImportError|PackageNotFound",
        "The environment lacks a package: name it in the configuration's dependency file; {prepare} prepares it again.",
    ),
    (
        r"No space left|[Dd]isk (?:is )?full|Errno 28|Disk quota",
        "The disk is full: {delete} deletes runs with their outputs, `aml environment prune` old environments.",
    ),
    (
        r"No such file or directory|FileNotFoundError|does not exist|Input path",
        "A file is missing: paths begin at the project's folder, and what its ignore file names is not taken along"
        " (the overview tells how many files were).",
    ),
    (
        r"Permission denied|PermissionError|Access denied",
        "It may not read or write something there: look whose file it is; a run belongs to the user one logs in as.",
    ),
    (
        r"maxRunDurationSeconds",
        "The configuration limits how long it may run: `maxRunDurationSeconds` sets more, or takes the limit away.",
    ),
    (
        r"unknown queue",
        "The cluster has no such queue: `spark.yarn.queue` in the configuration names another.",
    ),
    (
        r"rebooted|heartbeat|vanished|runner",
        "Its machine or the process that watched it went away; what had come home by then is kept. {rerun} runs it"
        " again.",
    ),
    (
        r"could not be started|not found|cannot execute|Exec format",
        "The program was not there to start: the target's Python (`pythonLocation`) or the script's first line.",
    ),
    (
        r"SyntaxError|IndentationError|TabError",
        "The script cannot be read by that Python: look whether its version is the one it was written for.",
    ),
    (
        r"Connection (?:refused|reset)|timed? ?out|Name or service not known|ConnectionError|Temporary failure in name",
        "Something it asked over the network did not answer, from where it ran: try it from a shell on the target.",
    ),
    (
        r"authentication|[Hh]ost key|Permission denied \(publickey",
        "The machine asks for a person: {test} on the target shows for what.",
    ),
)
_KILLED = {
    "SIGKILL": "Something killed it without warning, most often the kernel when its machine or container has no memory"
    " left. It used {memory} at most.",
    "SIGTERM": "It was asked to end by something else than this console: a shutdown, a scheduler, a person.",
    "SIGSEGV": "A library it uses touched memory that is not its own: a bug in native code, or one that does not fit"
    " this machine.",
    "SIGILL": "A library uses instructions that this machine's processor does not have: install one built for it.",
    "SIGBUS": "It reached beyond what it had mapped: often /dev/shm of a container is too small (`--shm-size`).",
    "SIGABRT": "A library gave up by itself; the log says which check failed.",
    "SIGINT": "It was interrupted, as by ctrl+c, by something else than this console.",
    "SIGHUP": "Its terminal or session went away.",
}


def after(run: Run, texts: Iterable[str], key: Callable[[str], str]) -> list[str]:
    """What one does next, the likeliest first. `texts`: what was said of its end, what counts most first."""
    keys = {name: key(name) for name in ("prepare", "delete", "rerun", "test")}
    signal = wording.signal_name(run.exit_signal) if run.exit_signal else ""
    if not signal and run.exit_code is not None and run.exit_code > 128:
        # What a shell makes of a signal.
        signal = wording.signal_name(run.exit_code - 128)
    said = []
    for text in texts:
        fits = next((words for pattern, words in _REMEDIES if re.search(pattern, text)), None)
        if fits is not None:
            said.append(fits.format(**keys))
            break
    if signal in _KILLED:
        peak = run.properties.get("PeakMemoryBytes")
        used = f"{wording.size(float(peak))} of memory" if peak else "an unknown amount of memory"
        said.insert(0, _KILLED[signal].format(memory=used))
    said.append(
        f"{key('open')} shows the whole log; {key('rerun_changed')} runs it again with other arguments,"
        f" {key('rerun')} as it was."
    )
    return said
