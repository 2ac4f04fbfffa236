"""A run whose driver is on the cluster once more, for who has its `reproduce.sh` on the head node.

In the foreground: what the driver prints is printed here when it does, its metrics and outputs come into the folder,
and this ends as the driver did. Whoever wants it to end, or does not look any more, ends the application with it.
"""

import errno
import json
import os
import shutil
import signal
import sys
import time

from . import relay

MYPY = False
if MYPY:
    from typing import Any

# Each asks for the end. A terminal that goes says so twice: that is no second request.
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
# A pipe without a reader, a terminal that went.
UNREAD = (errno.EPIPE, errno.EIO)


class Again(relay.Relay):
    """What this prints is the log. `ends`: which of ENDS ask for it; what it began with ignored (`nohup`) does not."""

    def __init__(self, folder: bytes, order: "dict[str, Any]", ends: "list[signal.Signals]") -> None:
        relay.Relay.__init__(self, folder, order)
        self.ends = ends
        self.over = False

    def open(self, name: bytes) -> int:
        return 2 if name == b"logs/driver.log" else relay.Relay.open(self, name)

    def own(self, number: int) -> int:
        return number

    def root(self) -> bytes:
        return self.status

    def pause(self, seconds: float) -> None:
        """Asked once to end, it ends the application first; asked twice, it ends."""
        info = signal.sigtimedwait([*self.ends, signal.SIGCHLD], max(0.0, seconds))
        if info is None or info.si_signo == signal.SIGCHLD:
            return
        if not self.asked and not self.over:
            self.ask()
        elif info.si_signo != signal.SIGHUP:
            raise relay.Ended(INTERRUPTED)

    def end(self, application: "dict[str, Any]") -> int:
        """It is over. Whoever asks for the end now does not wait for what it left."""
        self.over = True
        hasty = [one for one in self.ends if one != signal.SIGHUP]
        for one in hasty:
            signal.signal(one, leave)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, hasty)
        try:
            return relay.Relay.end(self, application)
        except relay.Ended:
            self.say("not waited for: outputs of %s, if it has any at %s." % (application["id"], self.outputs()))
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, hasty)

    def ask(self) -> None:
        # By this, what YARN gathers later is not waited for.
        self.asked = signal.SIGTERM
        self.say("the application is being ended; once more leaves it.")

    def append(self, name: str, data: bytes) -> None:
        try:
            relay.Relay.append(self, name, data)
        except OSError as error:
            if name not in relay.LOGS or error.errno not in UNREAD:
                raise
            nowhere(self.files[name])
            if not self.asked and not self.over:
                self.ask()

    def say(self, words: str) -> None:
        try:
            relay.Relay.say(self, words)
        except OSError as error:
            # On a full disk this line is what is lost, and no more.
            if error.errno in UNREAD:
                nowhere(self.log)


def leave(number: int, _: object) -> None:
    raise relay.Ended(INTERRUPTED)


def nowhere(file: int) -> None:
    """What is printed there is read by nobody: it goes nowhere from now on."""
    null = os.open(os.devnull, os.O_WRONLY)
    if null != file:
        os.dup2(null, file)
        os.close(null)


def order(told: "dict[str, Any]", words: "list[str]", folder: str) -> "dict[str, Any]":
    """What a relay is to do. `told`: run, tag, how many words are the script's, names of its variables.

    `words`: spark-submit, its options and, last, the script's. Tag and run are this one's own: another one's
    application, or outputs, are never taken for them.
    """
    own = "%d-%d" % (time.time(), os.getpid())
    tag = "aml-again-%s" % own
    length = len(words) - told["script"]
    submit = [
        word[: -len(told["tag"])] + tag if word.startswith("spark.yarn.tags=") and word.endswith(told["tag"]) else word
        for word in words[: length - 1]
    ]
    here = os.path.dirname(os.path.abspath(__file__))
    return {
        "run": "%s_again_%s" % (told["run"], own),
        "tag": tag,
        "submit": [*submit, os.path.join(here, "cluster_driver.py"), *words[length:]],
        "environment": {},
        "archive": os.path.join(folder, told["archive"]),
        "script": words[length:],
        "variables": dict((name, os.environ[name]) for name in told["variables"] if name in os.environ),
        "adopt": False,
    }


def main() -> None:
    """Words of spark-submit are arguments, the rest is JSON on standard input."""
    for file in (1, 2):
        try:
            os.fstat(file)
        except OSError:
            # Or one of its own files would be what is printed to.
            nowhere(file)
    told = json.loads(sys.stdin.read())
    folder = os.path.dirname(os.environb[b"AZUREML_OUTPUT_DIRECTORY"])
    status = os.path.join(folder, b"status")
    os.mkdir(status, 0o700)
    ends = [one for one in ENDS if signal.getsignal(one) is not signal.SIG_IGN]
    signal.pthread_sigmask(signal.SIG_BLOCK, [*ends, signal.SIGCHLD])
    again = Again(folder, order(told, sys.argv[1:], os.fsdecode(folder)), ends)
    try:
        code = again.run()
    except relay.Ended as error:
        code = error.code
    finally:
        shutil.rmtree(os.fsdecode(status), ignore_errors=True)
        try:
            # With the variables in it: where it was not submitted, nobody else removes it.
            os.unlink(os.path.join(folder, os.fsencode(told["archive"])))
        except FileNotFoundError:
            pass
    sys.exit(INTERRUPTED if again.asked else code)


if __name__ == "__main__":
    main()
