"""An engine that answers as a test tells it to, at the place where faces look for one."""

from __future__ import annotations

import socketserver
import threading
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.errors import AmlError, UsageError
from engine.wire import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths

NAMES = ("resolve", "tcp", "host key", "authenticate", "shell", "python", "agent")
# Nothing in a test takes longer; then it fails, and does not hang.
LONGEST = 20.0

Json = dict[str, Any]


def frame(state: str = "working", *, question: Json | None = None, **states: str | Json) -> Json:
    """How an attempt stands: its steps are those of `states`, each a state or more of it; others wait."""
    names = dict.fromkeys((*NAMES, *(name.replace("_", " ") for name in states)))
    steps = []
    for name in names:
        told = states.get(name.replace(" ", "_"), "waiting")
        more = told if isinstance(told, dict) else {"state": told}
        steps.append({"name": name, "title": name, "detail": "", "remedy": "", "seconds": 0.01, **more})
    return {"state": state, "steps": steps, "question": question}


def question(kind: str, title: str = "", text: str = "", number: int = 1, whom: str = "ann@gpu-box") -> Json:
    """One that an attempt asks."""
    title = title or f"The {kind} of {whom}"
    about = f"{kind} {whom}"
    return {"id": number, "kind": kind, "title": title, "text": text, "about": about, "secret": kind != "host key"}


DONE = frame("ok", **dict.fromkeys(("resolve", "tcp", "host_key", "authenticate", "shell", "python", "agent"), "ok"))


class FakeEngine:
    """`frames`: what an attempt shows, one after the other; a question has to be answered before the next one comes.

    After the last frame nothing comes until the attempt is stopped. `asked` has every request but `hello`. `answers`
    are of other verbs: what they answer, or raise. `dies`: who looks at an attempt loses contact.
    """

    def __init__(self, paths: Paths) -> None:
        self.frames: list[Json] = [DONE]
        self.asked: list[tuple[str, Json]] = []
        self.answers: dict[str, Json | AmlError] = {}
        self.dies = False
        self._answered = threading.Event()
        self._stopped = threading.Event()
        self._server = _Server(paths.socket, self.answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="fake engine")
        self._thread.start()

    def close(self) -> None:
        self._stopped.set()
        self._answered.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def operations(self) -> list[str]:
        """What was done with attempts, without the looks."""
        found = [args["op"] for verb, args in self.asked if verb == "connect"]
        return [operation for operation in found if operation != "look"]

    def of(self, operation: str) -> list[Json]:
        """The requests of one kind about attempts."""
        return [args for verb, args in self.asked if verb == "connect" and args["op"] == operation]

    def answer(self, verb: str, args: Json) -> Json:
        if verb == "hello":
            return {"version": __version__}
        self.asked.append((verb, args))
        if verb in self.answers:
            known = self.answers[verb]
            if isinstance(known, AmlError):
                raise known
            return known
        if verb != "connect":
            raise UsageError(f"the fake engine does not know {verb!r}.")
        return self._connect(args)

    def _connect(self, args: Json) -> Json:
        operation = args["op"]
        if operation == "begin":
            self._answered.clear()
            return {"attempt": "a1"}
        if operation == "look":
            if self.dies:
                raise ConnectionAbortedError
            return self._look(args["seen"])
        if operation == "answer":
            self._answered.set()
        if operation == "stop":
            self._stopped.set()
        return {}

    def _look(self, seen: int) -> Json:
        if seen and self.frames[seen - 1]["question"] is not None:
            if not self._answered.wait(LONGEST):
                raise UsageError("nobody answered.")
            self._answered.clear()
        if seen >= len(self.frames):
            self._stopped.wait(LONGEST)
            return {"serial": seen, **frame("stopped")}
        return {"serial": seen + 1, **self.frames[seen]}


class _Server(socketserver.ThreadingUnixStreamServer):
    def __init__(self, place: Path, answer: Callable[[str, Json], Json]) -> None:
        self.answer = answer
        super().__init__(str(place), _Line)


class _Line(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        for line in self.rfile:
            message = decode(line)
            try:
                answer: Json = {"ok": self.server.answer(message["verb"], message["args"])}
            except AmlError as error:
                answer = {"error": error.to_json()}
            except ConnectionAbortedError:
                return
            try:
                self.wfile.write(encode({"id": message["id"], **answer}))
            except OSError:
                return
