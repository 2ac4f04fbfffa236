"""What stands on the head node for a driver that runs on the cluster: submits it, tails its log, brings it home.

It is the script of the run as far as the runner knows: what it writes to the driver log is followed like any other, and
its exit code is the driver's. Killed at any moment, it can be started again: it finds the application by its tag,
submits none twice, and goes on with log and metrics where it was.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback

from . import clusters, identities, luggage, status, storage
from .applications import Applications
from .container_logs import Container, Gone
from .whole import encode

MYPY = False
if MYPY:
    from typing import Any

# An application shows up within this after its submission (s), as Livy has it; after a failed one, within LOST.
SHOWS_UP, LOST = 120.0, 5.0
# One that YARN knew and does not know any more is given up after so long (s).
FORGOTTEN = 60.0
# Between two looks at the driver's log: soon after something came, seldom when it is quiet (s).
SOON, SELDOM = 1.0, 6.0
# YARN gathers logs after the end: so long they are waited for (s).
GATHERED = 90.0
# So often it is started again; what ends it more often will not cease to.
BEGUN = 50
# Between two tries of what this machine refuses (s); tries to have the outputs.
REFUSED = 5.0
FETCHES = 3
OVER = ("FINISHED", "FAILED", "KILLED")
# What is tailed, and the mark that the driver leaves when its outputs are in the cluster's storage.
LOGS, METRICS, OUTPUTS = ("stdout", "stderr"), "metrics.jsonl", "aml-outputs"
# Parts of lines wait for their rest while another stream has something to say, up to so many bytes.
PART = 64 << 10
_STATUS = re.compile(r"User application exited with (?:status )?(\d+)")


class Ended(Exception):
    """The relay ends with this exit code."""

    def __init__(self, code: int) -> None:
        Exception.__init__(self, code)
        self.code = code


class Relay(object):
    """One run. `order`: run (its id), tag, submit (argv of spark-submit), environment (more variables for that),
    archive (the path to make it at), script (argv) and variables of the driver, adopt (it is submitted already).
    """

    def __init__(self, folder: bytes, order: "dict[str, Any]") -> None:
        self.folder = folder
        self.order = order
        self.status = os.path.join(folder, b"status")
        self.applications = Applications(self.root(), order["tag"])
        self.log = self.open(b"logs/driver.log")
        self.files = {"stdout": self.own(1), "stderr": self.own(2)}
        self.files[METRICS] = self.open(b"metrics.jsonl")
        self.state = status.read(self.status, "relay.json") or {}
        self.state.setdefault("at", {})
        self.asked = 0
        self.mark = b""
        self.trouble = ""

    def root(self) -> bytes:
        """Where it meets the relays of other runs."""
        return os.path.dirname(os.path.dirname(self.folder))

    def open(self, name: bytes) -> int:
        return os.open(os.path.join(self.folder, name), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def own(self, number: int) -> int:
        """What the runner gave this as its output or errors: who looks can tell by it which the driver wrote to."""
        mine, log = os.fstat(number), os.fstat(self.log)
        return number if (mine.st_dev, mine.st_ino) == (log.st_dev, log.st_ino) else self.log

    # What is written, and from where it goes on.

    def save(self) -> None:
        """Without fsync: it must outlive this process; who writes so often cannot wait for the disk each time."""
        part = os.path.join(self.status, b".relay.part")
        with open(part, "wb") as file:
            file.write(json.dumps(self.state).encode("utf-8"))
        os.rename(part, os.path.join(self.status, b"relay.json"))

    def resume(self) -> None:
        """Of the piece that was being written when an earlier relay died, see how much is there."""
        name, length, before = self.state.pop("piece", ("", 0, 0))
        if name:
            there = os.fstat(self.files[name]).st_size - before
            self.state["at"][name] = self.at(name) + max(0, min(length, there))
            self.save()

    def at(self, name: str) -> int:
        return int(self.state["at"].get(name, 0))

    def append(self, name: str, data: bytes) -> None:
        """The next bytes of one of the driver's files."""
        file = self.files[name]
        self.state["piece"] = [name, len(data), os.fstat(file).st_size]
        self.save()
        rest = data
        while rest:
            rest = rest[os.write(file, rest) :]
        del self.state["piece"]
        self.state["at"][name] = self.at(name) + len(data)

    def say(self, words: str) -> None:
        os.write(self.log, ("aml: %s\n" % words).encode("utf-8", "replace"))

    # Its way.

    def run(self) -> int:
        """To the end; the exit code. What this machine refuses (a full disk) is tried again until it does not."""
        self.state["begun"] = self.state.get("begun", 0) + 1
        while True:
            try:
                self.resume()
                self.save()
                if self.state["begun"] > BEGUN:
                    self.say("what follows the driver was ended %d times and is not started again." % BEGUN)
                    return 1
                if not self.state.get("submitted"):
                    if not self.order["adopt"]:
                        self.submit()
                    self.state["submitted"] = True
                    self.save()
                code = self.end(self.follow())
            except Ended as error:
                code = error.code
            except OSError as error:
                sys.stderr.write("%s\n" % error)
                self.pause(REFUSED)
                continue
            self.applications.close()
            return code

    def pause(self, seconds: float) -> None:
        """Wait so long, or until somebody wants this to end, or a child has ended."""
        info = signal.sigtimedwait([signal.SIGINT, signal.SIGTERM, signal.SIGCHLD], max(0.0, seconds))
        if info is None or info.si_signo == signal.SIGCHLD:
            return
        if info.si_signo == signal.SIGTERM and not self.asked:
            # Who cancels says INT first. This is the machine that goes down, and the driver is not on it.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            clusters.unblock()
            os.kill(os.getpid(), signal.SIGTERM)
        self.asked = info.si_signo

    def submit(self) -> None:
        """Have exactly one application: start spark-submit, unless an earlier relay has."""
        process = self.state.get("submitting")
        code = 0
        if process is None:
            luggage.pack(self.folder, self.order)
            # From here on there may be an application: it is looked for, not submitted again.
            self.state["submitting"] = {"pid": 0}
            self.save()
            child = self.begin()
            self.state["submitting"] = identities.identity(child.pid)
            self.save()
            while child.poll() is None:
                self.pause(60.0)
                if self.asked:
                    child.send_signal(self.asked)
            code = child.returncode
        else:
            while process["pid"] and identities.alive(process):
                self.pause(0.5)
        try:
            # Variables of the run are in it.
            os.unlink(encode(self.order["archive"]))
        except FileNotFoundError:
            pass
        if not self.appears(LOST if code or self.asked else SHOWS_UP):
            if not code:
                self.say("spark-submit ended, and YARN has no application of its tag.")
            raise Ended(code or 1)

    def begin(self) -> "subprocess.Popen[bytes]":
        environment = dict(os.environb.items())
        environment.update((encode(name), encode(value)) for name, value in self.order["environment"].items())
        try:
            return subprocess.Popen(
                [encode(word) for word in self.order["submit"]],
                stdin=subprocess.DEVNULL,
                stdout=self.files["stdout"],
                stderr=self.files["stderr"],
                cwd=os.path.join(self.folder, b"project"),
                env=environment,
                preexec_fn=clusters.unblock,
            )
        except OSError as error:
            self.say("%s cannot be started: %s" % (self.order["submit"][0], error.strerror))
            raise Ended(127)

    def appears(self, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while True:
            found, _ = self.applications.now()
            if found:
                return True
            # While YARN does not answer nothing can be said, so that time does not count.
            if found is not None and time.monotonic() > deadline:
                return False
            self.pause(0.5)

    def follow(self) -> "dict[str, Any]":
        """Until the application is over; what YARN tells of it then."""
        wait = SOON
        seen = time.monotonic()
        while True:
            found, error = self.applications.now()
            if error != self.trouble and (error or found is not None):
                self.trouble = error
                self.say("YARN does not answer: %s" % error if error else "YARN answers again.")
            if found:
                seen = time.monotonic()
                last = found[-1]
                if last["state"] in OVER:
                    return last
                if self.asked:
                    self.kill(found)
                wait = SOON if self.pull(last) else min(wait * 1.5, SELDOM)
            elif found is not None and time.monotonic() - seen > FORGOTTEN:
                self.say("YARN knows nothing of the application any more.")
                raise Ended(1)
            self.pause(min(wait, SOON) if self.asked else wait)

    def kill(self, found: "list[dict[str, Any]]") -> None:
        for one in found:
            if one["state"] not in OVER:
                self.applications.ask(
                    "PUT", "/ws/v1/cluster/apps/%s/state" % one["id"], json.dumps({"state": "KILLED"})
                )

    def pull(self, application: "dict[str, Any]") -> bool:
        """Append what is new of the driver's files; whether anything was. The node may not answer: then later."""
        try:
            container = Container(application["amContainerLogs"])
            self.turn_to(container, application["amContainerLogs"])
            return self.take(container)[0]
        except Gone:
            return False

    def turn_to(self, container: Container, address: str) -> None:
        """Another container than before is another attempt: what it prints comes after what the one before did."""
        before = self.state.get("container")
        if before == address:
            return
        if before:
            try:
                self.take(Container(before), to_the_end=True)
            except Gone as error:
                self.say("what the attempt before printed last cannot be had: %s" % error)
            self.say("YARN started the driver again: attempt %d." % container.attempt)
            self.state["at"] = {}
        self.state["container"] = address
        self.save()

    def take(self, container: Container, to_the_end: bool = False) -> "tuple[bool, bool, dict[str, int]]":
        """Whether something came, whether there will be no more, and the sizes of all files. Raises Gone."""
        sizes = container.sizes()
        if to_the_end:
            if "stdout" not in sizes:
                raise Gone("its logs are not there")
            new = [name for name in self.files if name in sizes]
        else:
            new = [name for name in self.files if sizes.get(name, 0) > self.at(name)]
        whole = to_the_end or not set(LOGS) <= set(new)
        came = False
        ended = True
        for name in new:
            lines = Lines(self, name, whole or name == METRICS)
            ended = container.read(name, self.at(name), sizes[name], lines.take) and ended
            came = came or lines.came
        return came, ended, sizes

    # Its end.

    def end(self, application: "dict[str, Any]") -> int:
        self.rest(application)
        self.bring_outputs()
        if application["state"] != "FINISHED":
            # Who is killed does not clear away what it was started from: the project, and the run's variables.
            storage.forget(".sparkStaging/%s" % application["id"])
        final, why = application["finalStatus"], " ".join(application["diagnostics"].split())
        if application["state"] == "KILLED":
            self.say("the application %s was killed. %s" % (application["id"], why))
            return 1
        if final == "SUCCEEDED":
            return 0
        match = _STATUS.search(why)
        if match is None:
            self.say("the application %s failed. %s" % (application["id"], why))
        return int(match.group(1)) or 1 if match else 1

    def rest(self, application: "dict[str, Any]") -> None:
        """The end of log and metrics, and what the driver wrote down of its outputs."""
        try:
            container = Container(application["amContainerLogs"])
        except Gone:
            # It was never given a container.
            self.mark = b"{}"
            return
        self.turn_to(container, application["amContainerLogs"])
        deadline = time.monotonic() + GATHERED
        wait = 0.5
        while True:
            self.mark = b""
            try:
                _, ended, sizes = self.take(container, to_the_end=True)
                if OUTPUTS in sizes:
                    container.read(OUTPUTS, 0, sizes[OUTPUTS], self.gathered)
                if ended or time.monotonic() > deadline:
                    return
            except Gone:
                wanted = dict((name, self.at(name)) for name in self.files)
                wanted[OUTPUTS] = 0
                try:
                    container.gathered(wanted, self.gathered)
                    return
                except Gone as error:
                    if time.monotonic() > deadline or self.asked == signal.SIGTERM:
                        self.leave("the end of the driver's log: %s" % error)
                        return
            self.pause(wait)
            wait = min(wait * 1.5, SELDOM)

    def gathered(self, name: str, data: bytes) -> None:
        if name == OUTPUTS:
            self.mark += data
        else:
            self.append(name, data)

    def bring_outputs(self) -> None:
        """The outputs from the cluster's storage into the run directory, and away from there."""
        try:
            told = json.loads(self.mark.decode("utf-8"))
        except ValueError:
            self.leave("what was in outputs: its driver did not come to its end, and they went with its container")
            return
        for words in told.get("left", ()):
            self.leave(words)
        if not told.get("stored"):
            return
        path = self.outputs()
        reading = (storage.command() or ["hadoop", "fs"]) + ["-cat", path]
        target = os.path.join(self.folder, b"outputs")
        if not self.state.get("fetched"):
            for _ in range(FETCHES):
                if luggage.unpack(reading, target, self.log):
                    break
                self.pause(SELDOM)
            else:
                self.leave("the outputs: they stay at %s in the cluster's storage" % path)
                return
            self.state["fetched"] = True
            self.save()
        storage.forget(os.path.dirname(path))

    def outputs(self) -> str:
        """Where the driver puts them in the cluster's storage."""
        return ".aml-tui/runs/%s/outputs.tar" % self.order["run"]

    def leave(self, words: str) -> None:
        """Say what does not come home, in the log and where the engine looks for it."""
        self.say(words)
        self.state.setdefault("left", []).append(words)
        status.write(self.status, "left.json", {"left": self.state["left"]})


class Lines(object):
    """Takes pieces of one file; with `whole` False a line that is not finished waits for the next look."""

    def __init__(self, relay: Relay, name: str, whole: bool) -> None:
        self.relay = relay
        self.name = name
        self.whole = whole
        self.part = b""
        self.came = False

    def take(self, name: str, data: bytes) -> None:
        data = self.part + data
        end = len(data) if self.whole or len(data) > PART else data.rfind(b"\n") + 1
        self.part = data[end:]
        if end:
            self.came = True
            self.relay.append(self.name, data[:end])


def main() -> None:
    folder = os.path.dirname(os.environb[b"AZUREML_OUTPUT_DIRECTORY"])
    order = luggage.order_of(os.environb)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM, signal.SIGCHLD])
    try:
        code = Relay(folder, order).run()
    except Exception:
        # A mistake of ours is no end of the driver: by a signal, this is started again and goes on.
        traceback.print_exc()
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)
        raise
    sys.exit(code)


if __name__ == "__main__":
    main()
