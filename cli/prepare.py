"""`aml experiment prepare`: have an environment there, and follow its build: the log to stdout, progress to stderr.

The build belongs to the engine; whoever follows it only reads its log and the store.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.failing import INTERRUPTED
from cli.follow import POLL, STORE_POLL, Tail, say
from cli.output import emit
from cli.places import Place
from cli.wording import size
from engine.client import ContactLost, open_connection
from engine.errors import AmlError, UsageError
from engine.plain import plain
from engine.runs.builds import CUT_OFF
from engine.runs.model import environment_words
from engine.runs.request import RunRequest
from engine.spans import span

if TYPE_CHECKING:
    import argparse

    from cli.command import Parser
    from engine.client import Connection
    from engine.paths import Paths
    from engine.runs.model import BuildRecord
    from engine.runs.store import StoreReader

# A step that takes long is told of again after so many seconds.
TELL_AGAIN = 30.0
# An engine that leaves while it builds is asked this often; each time a new one takes the build up.
ATTEMPTS = 5


def options(parser: Parser) -> None:
    parser.add_argument("-c", "--run-configuration", metavar="NAME", required=True, help="with or without .runconfig")
    parser.add_argument("-t", "--target", metavar="NAME", help="another compute target than the configuration's")
    parser.add_argument("-d", "--conda-dependencies", metavar="FILE", help="another conda environment file")
    parser.add_argument("-s", "--spark-dependencies", metavar="FILE", help="another Spark dependencies file")
    parser.add_argument(
        "-a", "--async", "--no-wait", dest="no_wait", action="store_true", help="begin, and return at once"
    )


def prepare(options: argparse.Namespace) -> int:
    """Prepare and follow. Raises AmlError when it fails."""
    if (options.output or options.query) and not options.no_wait:
        raise UsageError(
            "a build that is followed has its log on stdout; there is no room for -o and --query.",
            remedy="Add --async.",
        )
    place = Place(options)
    asking = Asking(place.paths, _request(options, place.the_project()))
    try:
        answer = asking.ask()
    except KeyboardInterrupt:
        say("\ninterrupted before a build began")
        return INTERRUPTED
    with place.store as store:
        try:
            for notice in answer["notices"]:
                say(f"notice: {notice}")
            if options.no_wait:
                if options.output or options.query:
                    emit(options, answer)
                else:
                    sys.stdout.write(f"{answer['build'] or answer['state']}\n")
                return 0
            _end(Following(place.paths, store, asking, answer).follow(), options.run_configuration)
            return 0
        except KeyboardInterrupt:
            name = options.run_configuration
            again = f"aml experiment prepare -c {name}" + (f" -t {options.target}" if options.target else "")
            short = asking.build[:12]
            say(f"\nthe build goes on. Come back: {again}   end it: aml environment cancel -n {short}")
            return INTERRUPTED
        finally:
            asking.close()


def _request(options: argparse.Namespace, project: str) -> RunRequest:
    from engine.project.shell import shell_environ

    return RunRequest(
        project=project,
        config=options.run_configuration,
        token=os.urandom(16).hex(),
        target=options.target,
        conda_file=options.conda_dependencies,
        spark_file=options.spark_dependencies,
        environ=shell_environ(),
    )


class Asking:
    """The request; asked again after the engine went away, it joins a build at work or begins it anew."""

    def __init__(self, paths: Paths, request: RunRequest) -> None:
        self._paths = paths
        self._request = request
        self.line: Connection | None = None
        self.build = ""

    def ask(self) -> dict[str, Any]:
        for _ in range(ATTEMPTS):
            self.close()
            self.line = open_connection(self._paths)
            try:
                answer = self.line.ask("prepare", {"request": self._request.to_json()})
                self.line.ask("subscribe")
            except ContactLost:
                continue
            self.build = str(answer["build"] or "")
            return answer
        raise ContactLost("the engine went away while it was asked.", remedy="Ask again.")

    def close(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None


class Following:
    """From the answer of the engine to the end of the build."""

    def __init__(self, paths: Paths, store: StoreReader, asking: Asking, answer: dict[str, Any]) -> None:
        self._paths = paths
        self._store = store
        self._asking = asking
        self._answer = answer
        self._said: tuple[int, str] = (0, "")
        self._said_at = 0.0

    def follow(self) -> BuildRecord | None:
        """The build as it ended; None when there was nothing to build."""
        while self._answer["state"] == "building":
            record = self._one(str(self._answer["build"]))
            if record is not None:
                return record
            say("the engine went away; asking the next one")
            self._answer = self._asking.ask()
        if self._answer["state"] == "nothing":
            say("scripts run there in what is there; nothing needs to be prepared")
        else:
            say(f"the environment is ready: {_short(self._answer['image'])}")
        return None

    def _one(self, build: str) -> BuildRecord | None:
        """Until this build has ended; None when the engine left it."""
        record = self._store.build(build)
        log = Tail(Path(record.log)) if record.log else None
        version, looked = -1, 0.0
        try:
            while True:
                moved = log.pass_on() if log else False
                now = time.monotonic()
                if now - looked >= STORE_POLL or self._store.data_version() != version:
                    version, looked = self._store.data_version(), now
                    record = self._store.build(build)
                    if record.over:
                        if record.error == CUT_OFF:
                            return None
                        while log and log.pass_on():
                            pass
                        return record
                self._tell(record)
                if not moved and not self._wait():
                    return None
        finally:
            if log:
                log.close()

    def _wait(self) -> bool:
        """A moment, or until something changed; False when the engine is gone."""
        try:
            assert self._asking.line is not None
            self._asking.line.events(POLL)
        except ContactLost:
            return False
        return True

    def _tell(self, record: BuildRecord) -> None:
        now = time.monotonic()
        what = (record.step, record.words)
        if what == self._said and now - self._said_at < TELL_AGAIN:
            return
        self._said, self._said_at = what, now
        say(progress(record, time.time()))


def progress(record: BuildRecord, now: float) -> str:
    """How far a build is, in one line: "step 2 of 4 (12 s of about 1 min 40 s): conda packages"."""
    took = span((record.ended or now) - record.started)
    if record.estimate is not None and not record.over:
        took = f"{took} of about {span(record.estimate)}"
    step = f"step {record.step} of {record.steps}" if record.steps else "preparing"
    return f"{step} ({took})" + (f": {plain(record.words)}" if record.words else "")


def _end(record: BuildRecord | None, config: str) -> None:
    if record is None:
        return
    took = span((record.ended or record.started) - record.started)
    if record.state == "ready":
        weight = f", {size(record.size)}" if record.size else ""
        say(f"the environment of {config} is ready after {took}: {_short(record.image)}{weight}")
        return
    if record.state == "canceled":
        raise AmlError(f"the build was canceled after {took}: {record.error or 'somebody asked for it.'}")
    command = f"aml environment log -n {record.id[:12]}"
    raise AmlError(
        f"the environment of {config} could not be prepared: {record.error}",
        where=record.log,
        # The error of a failed step says so itself.
        remedy="" if command in record.error else f"`{command}` shows the whole log.",
    )


def _short(image: str) -> str:
    """ "image 0123456789ab", or an archive or a folder of a head node with its address."""
    return plain(" ".join(environment_words(image)))
