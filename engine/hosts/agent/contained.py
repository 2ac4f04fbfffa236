"""The runner as the first program of a container: starts the script, waits for it, writes down how it ended.

The container's life is the run's: when this ends, whatever the script left behind ends with it. A signal sent to the
container (`docker stop`, a cancel) reaches every process of the run, not only the script.

The script begins before most of the runner is loaded, so what comes until then imports next to nothing. It is told by
the container itself: the command's arguments, and the variables AML_CONTAINED_*. The rest stands in spec.json.
"""

import os
import sys
import time

from .held import DriverLog, HeldScript
from .identities import identity
from .whole import encode, put, reserve

MYPY = False
if MYPY:
    import signal as _signal
    from typing import Any
else:
    # Without the enumerations of `signal`, which take longer to load than all the rest.
    import _signal

# Of the container's variables, those that are for this program and not for the script.
OWN = (b"AML_CONTAINED_", b"AML_TUI_ROLE")
FOLDER, CWD, UMASK = "AML_CONTAINED_FOLDER", "AML_CONTAINED_CWD", "AML_CONTAINED_UMASK"
SIGNALS = (
    _signal.SIGCHLD,
    _signal.SIGINT,
    _signal.SIGTERM,
    _signal.SIGHUP,
    _signal.SIGQUIT,
    _signal.SIGUSR1,
    _signal.SIGUSR2,
)


def record_of(script: "dict[str, Any]", runner: "dict[str, Any]") -> bytes:
    """process.json as the `status` module would write it, which needs `json` for it."""
    plain = '"boot_id": "%(boot_id)s", "pid": %(pid)d, '
    start = '"start": %(start)d'
    began = ', "started": %r}\n' % script["started"]
    inner = '"runner": {' + plain % runner + start % runner + "}, "
    return ("{" + plain % script + inner + start % script + began).encode("ascii")


def main() -> None:
    """See the run of this container through; exit as its script did."""
    folder = os.environ[FOLDER]
    # What comes before the first wait stays pending until then.
    _signal.pthread_sigmask(_signal.SIG_BLOCK, SIGNALS)
    status = os.path.join(encode(folder), b"status")
    try:
        os.stat(os.path.join(status, b"spec.json"))
        log = DriverLog(encode(folder))
    except OSError as error:
        sys.stderr.write("%s: there is no run directory here that can be written: %s\n" % (folder, error))
        sys.exit(125)
    env = dict((name, value) for name, value in os.environb.items() if not name.startswith(OWN))
    argv = [os.fsencode(item) for item in sys.argv[1:]]
    held = HeldScript(argv, os.path.join(folder, os.environ[CWD]), int(os.environ[UMASK], 8), env, log)
    me = identity(os.getpid())
    script = dict(held.process, started=time.time())
    # Another container of this run may be about it as well, with the same pids.
    part = ".process.json.%s" % os.urandom(6).hex()
    if not put(status, "process.json", record_of(script, me), part, exclusive=True):
        held.drop()
        sys.stderr.write("the script of this run has begun before\n")
        sys.exit(125)
    try:
        # The script may fill the disk before the rest of the runner is loaded.
        reserve(status, "exit.json", sync=False)
    except OSError as error:
        sys.stderr.write("%s\n" % error)
    said = held.let_go()

    from . import contained_rest

    sys.exit(contained_rest.see_through(folder, me, script, said, log))
