"""Makes an environment on a head node, as a supervised process whose output is the build's log.

It is told what to do in `order.json` beside it: {root, fingerprint, mark, tool, making: [{argv, words}], environ,
archive}. A step begins with a line "Step 2/4 : pip packages: 3 lines". What fails or is ended leaves nothing behind; an
environment that is ready stays when only its archive cannot be made.
"""

import json
import os
import signal
import subprocess
import sys
import time

from .. import prefixes, status, storage
from ..rundir import remove_tree
from . import packing

MYPY = False
if MYPY:
    from typing import Any

# What the build's tools must not find: it would lead them out of the environment.
UNWANTED = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
)
ARCHIVE = "environment.tar.gz"


class Failed(Exception):
    """A command of the build failed; it has said why."""

    def __init__(self, code: int) -> None:
        Exception.__init__(self, "it ended with status %d" % code)


class Building(object):
    """One environment: made, then if that is asked for packed and copied to the cluster's storage.

    `folder` is locked by whoever makes this.
    """

    def __init__(self, order: "dict[str, Any]", folder: str) -> None:
        self.order = order
        self.folder = folder
        self.place = os.fsencode(folder)
        self.prefix = os.path.join(folder, "prefix")
        self.ready = status.read(self.place, prefixes.READY)
        self.step = 0
        self.steps = 0

    def run(self) -> None:
        pack = self.order["archive"]
        self.steps = (0 if self.ready else len(self.order["making"])) + (2 if pack else 0)
        if self.ready is None:
            self.make()
        if pack:
            self.send(self.pack())

    def say(self, words: str) -> None:
        sys.stdout.write(words + "\n")
        sys.stdout.flush()

    def begin(self, words: str) -> None:
        self.step += 1
        self.say("Step %d/%d : %s" % (self.step, self.steps, words))

    def make(self) -> None:
        for name in os.listdir(self.folder):
            path = os.path.join(self.place, os.fsencode(name))
            remove_tree(path) if os.path.isdir(path) else os.unlink(path)
        try:
            for one in self.order["making"]:
                self.begin(one["words"])
                self.do(one["argv"])
            self.write({"archive": "", "stored": False, "archive_size": 0, "size": size_of(self.prefix)})
        except BaseException:
            remove_tree(self.place)
            raise

    def write(self, changes: "dict[str, Any]") -> None:
        told = dict(self.ready or {"created": time.time(), "owner": self.order["mark"], "tool": self.order["tool"]})
        told.update(changes, fingerprint=self.order["fingerprint"], prefix=self.prefix)
        status.write(self.place, prefixes.READY, told)
        self.ready = told

    def do(self, argv: "list[str]") -> None:
        environ = dict((name, value) for name, value in os.environ.items() if name not in UNWANTED)
        for name, value in self.order["environ"].items():
            # What the head node says itself is right there.
            environ.setdefault(name, value)
        self.say(" ".join(argv))
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, env=environ)
        try:
            code = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if code:
            raise Failed(code)

    def pack(self) -> str:
        self.begin("packing it for the cluster")
        archive = os.path.join(self.folder, ARCHIVE)
        if not os.path.exists(archive):
            size = packing.pack(self.prefix, archive, self.say)
            self.say("%d MB in an archive of %d MB" % (size >> 20, os.path.getsize(archive) >> 20))
        return archive

    def send(self, archive: str) -> None:
        """To the cluster's storage, where it stays and every node finds it; else it is sent with each run."""
        self.begin("copying it to the cluster's storage")
        size = os.path.getsize(archive)
        try:
            where = storage.address("%s.tar.gz" % self.order["fingerprint"])
            there = storage.size(where)
            if there is None:
                storage.put(archive, where)
            else:
                # The same, from another head node perhaps: what runs use is not replaced.
                size = there
        except storage.Trouble as error:
            self.say("%s\nThe archive stays on the head node, and is sent with each run." % error)
            self.write({"archive": archive, "stored": False, "archive_size": size})
            return
        self.say(where)
        self.write({"archive": where, "stored": True, "archive_size": size})
        os.unlink(archive)


def size_of(folder: str) -> int:
    """Bytes that a folder takes on the disk, as far as it can be seen."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(base, name)).st_blocks * 512
            except OSError:
                continue
    return total


def end(number: int, frame: "Any") -> None:
    raise SystemExit(128 + number)


def main() -> int:
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with open("order.json", encoding="utf-8") as file:
        order = json.load(file)
    folder = os.path.join(order["root"], "environments", order["fingerprint"])
    # Whoever is at work on it elsewhere, on a home that two head nodes share, finishes first.
    lock = prefixes.hold(os.fsencode(folder), wait=True)
    try:
        Building(order, folder).run()
    except Failed as error:
        sys.stdout.write("%s\n" % error)
        return 1
    finally:
        if lock is not None:
            os.close(lock)
    return 0


if __name__ == "__main__":
    sys.exit(main())
