"""A script that is forked and held before exec, until somebody lets it go; it leaves when its runner is gone.

Imports next to nothing: in a container the script waits for it.
"""

import os

from . import identities
from .whole import decode, encode

MYPY = False
if MYPY:
    import signal as _signal
else:
    # Without the enumerations of `signal`, which take longer to load than all the rest.
    import _signal


# The other name of a driver log while its script runs.
SECOND = b".driver.log.stderr"


class DriverLog(object):
    """The file that takes a script's output (`out`) and errors (`err`), in the order in which they are written.

    It is opened once for each, so that it can be told which of the two was written to last; and by two names, where
    that can be (`named`), so that who watches the folder is told in which order they were. `size`: bytes in it before.
    """

    def __init__(self, folder: bytes) -> None:
        """`folder`: the run directory. Raises OSError when there is no log to be written."""
        path, second = os.path.join(folder, b"logs", b"driver.log"), os.path.join(folder, b"logs", SECOND)
        self.out = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.size = os.fstat(self.out).st_size
        self.second = second
        self.named = True
        try:
            try:
                os.link(path, second)
            except FileExistsError:
                os.unlink(second)
                os.link(path, second)
            self.err = os.open(second, os.O_WRONLY | os.O_APPEND)
        except OSError:
            self.named = False
            try:
                self.err = os.open(path, os.O_WRONLY | os.O_APPEND)
            except OSError:
                self.err = os.dup(self.out)

    def end(self) -> None:
        """The script has ended: one name is enough."""
        try:
            os.unlink(self.second)
        except OSError:
            pass


class HeldScript(object):
    """The process in which a script will be. `process` is its identity; it is the first of a session of its own."""

    def __init__(self, argv: "list[bytes]", cwd: str, umask: int, env: "dict[bytes, bytes]", log: DriverLog) -> None:
        """Fork."""
        go_in, self.go = os.pipe()
        self.words, word_out = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(self.go)
                os.close(self.words)
                become(argv, cwd, umask, env, log, go_in, word_out)
            finally:
                os._exit(127)
        os.close(go_in)
        os.close(word_out)
        os.read(self.words, 1)
        self.process = identities.identity(pid)

    def let_go(self) -> bytes:
        """Let it become the script; "" when it did, otherwise what went wrong, as JSON."""
        os.write(self.go, b"g")
        os.close(self.go)
        said = []
        while True:
            data = os.read(self.words, 4096)
            if not data:
                break
            said.append(data)
        os.close(self.words)
        return b"".join(said)

    def drop(self) -> None:
        """It leaves without having begun."""
        os.close(self.go)
        os.close(self.words)
        os.waitpid(self.process["pid"], 0)


def become(
    argv: "list[bytes]", cwd: str, umask: int, env: "dict[bytes, bytes]", log: DriverLog, go: int, word: int
) -> None:
    """In the forked process: wait for the word, then become the script, or say why not."""
    os.setsid()
    os.write(word, b"r")
    if os.read(go, 1) != b"g":
        return
    what = cwd
    try:
        os.chdir(encode(cwd))
        what = decode(argv[0])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log.out, 1)
        os.dup2(log.err, 2)
        os.umask(umask)
        for number in range(1, _signal.NSIG):
            try:
                _signal.signal(number, _signal.SIG_DFL)
            except (OSError, ValueError):
                # KILL, STOP, and those the C library keeps for itself.
                pass
        _signal.pthread_sigmask(_signal.SIG_SETMASK, [])
        os.execvpe(argv[0], argv, env)
    except Exception as error:
        import errno
        import json

        code = getattr(error, "errno", None)
        said = {
            "what": what,
            "errno": code,
            "name": errno.errorcode.get(code, "") if code else type(error).__name__,
            "text": os.strerror(code) if code else str(error),
        }
        os.write(word, json.dumps(said).encode())
