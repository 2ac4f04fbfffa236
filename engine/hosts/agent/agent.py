"""The agent: answers one engine over one channel, and leaves when the channel closes. Runs do not notice.

Requests are frames with `id` and `op`; each gets one answer with the same `id` and `ok` or `error`. Small ones are
answered in order by the thread that reads; whatever touches the disk at length has a thread of its own.
"""

import os
import pwd
import socket
import sys
import threading
import time
import traceback

from . import (
    arriving,
    channel,
    clusters,
    dockers,
    follows,
    heads,
    identities,
    prefixes,
    processes,
    programs,
    rundir,
    samples,
    starting,
    whole,
)

MYPY = False
if MYPY:
    from typing import Any, BinaryIO, Callable


class Agent(object):
    """One channel. `quick` operations answer at once, `slow` ones in a thread."""

    def __init__(self, reader: "BinaryIO", sender: channel.Sender, bundle: "dict[str, Any]", umask: int) -> None:
        self.reader = reader
        self.sender = sender
        self.incoming = {}  # type: dict[int, rundir.Incoming]
        self.credits = {}  # type: dict[int, int]
        self.credit_change = threading.Condition()
        self.heard = time.monotonic()
        self.root = rundir.Root(whole.encode(os.path.expanduser(bundle["root"])))
        self.starter = starting.Starter(self.root, bundle, umask)
        self.poller = follows.Poller(self.root, sender)
        self.sampler = samples.Sampler(self.root.path, lambda sample: sender.send({"sample": sample}))
        self.quick = {
            "hello": self.hello,
            "ping": self.ping,
            "follow": self.follow,
            "unfollow": lambda head, body: self.poller.drop(head["follow"]),
            "pace": lambda head, body: self.poller.pace(head["follow"], head.get("interval"), head.get("look", 0)),
            "seek": lambda head, body: self.poller.seek(head["follow"], head["offset"]),
            "watch": lambda head, body: self.poller.watch(head["runs"]),
            "unwatch": lambda head, body: self.poller.unwatch(head["runs"]),
            "samples": lambda head, body: self.sampler.pace(head["interval"]),
        }  # type: dict[str, Callable[[dict[str, Any], bytes], Any]]
        self.slow = {
            "missing": lambda head, body: self.root.missing(head["blobs"]),
            "put": self.put,
            "pack": lambda head, body: rundir.unpack(self.root, head["blobs"], body),
            "bring": self.bring,
            "lay": lambda head, body: self.root.lay(head["run"], head["entries"]),
            "runtime": self.runtime,
            "start": lambda head, body: self.starter.start(head["run"], head["spec"]),
            "contain": lambda head, body: starting.contain(self.root, head["run"], head["spec"]),
            "anew": lambda head, body: self.starter.anew(head["run"], head["process"]),
            "forbid": lambda head, body: starting.forbid(self.root, head["run"]),
            "inspect": lambda head, body: dict((run, starting.inspect(self.root, run)) for run in head["runs"]),
            "signal": self.signal,
            "processes": self.processes,
            "outputs": self.outputs,
            "read": self.read,
            "fetch": self.fetch,
            "remove": self.remove,
            "disk": lambda head, body: samples.disk(self.root.path),
            "yarn": lambda head, body: clusters.yarn(),
            "web": lambda head, body: clusters.ask(head["method"], head["url"], head["text"]),
            "head": lambda head, body: heads.head(head["spark_submit"]),
            "program": lambda head, body: programs.run(head["argv"], head["text"], head["seconds"]),
            "prepared": lambda head, body: prefixes.look(self.root),
            "stored": lambda head, body: prefixes.stored(head["address"], head["size"]),
            "unprepare": lambda head, body: prefixes.remove(self.root, head["fingerprint"], head["unfinished"]),
            "dockers": lambda head, body: dockers.addresses(),
            "takes": lambda head, body: dockers.takes(head["url"]),
        }  # type: dict[str, Callable[[dict[str, Any], bytes], Any]]

    def serve(self) -> None:
        """Answer until the channel closes."""
        while True:
            frame = channel.read_frame(self.reader)
            if frame is None:
                return
            head, body = frame
            self.heard = time.monotonic()
            op = head.get("op")
            if op == "data":
                incoming = self.incoming.get(head["id"])
                if incoming:
                    incoming.add(body)
            elif op == "credit":
                self.credit(head)
            elif op == "forget":
                self.forget(head["id"])
            elif op in self.quick:
                self.answer(self.quick[op], head, body)
            elif op in self.slow:
                if op == "put" or (op == "bring" and head["kind"] == "file"):
                    self.expect(head, body)
                thread = threading.Thread(target=self.answer, args=(self.slow[op], head, body))
                thread.daemon = True
                try:
                    thread.start()
                except RuntimeError:
                    # The host's limit of threads: one request fails, the agent stays.
                    self.incoming.pop(head["id"], None)
                    self.sender.send({"id": head["id"], "error": {"message": "this host allows no more threads"}})
            else:
                self.sender.send({"id": head.get("id"), "error": {"message": "the agent does not know %r" % op}})

    def answer(self, work: "Callable[[dict[str, Any], bytes], Any]", head: "dict[str, Any]", body: bytes) -> None:
        try:
            result = work(head, body)
        except rundir.Refused as error:
            told = {"message": error.message, "remedy": error.remedy}  # type: dict[str, Any]
        except OSError as error:
            told = {"message": words_of(error), "errno": error.errno}
        except Exception as error:
            told = {"message": "%s in the agent: %s" % (type(error).__name__, error)}
            traceback.print_exc()
            sys.stderr.flush()
        else:
            if isinstance(result, bytes):
                self.sender.send({"id": head["id"], "ok": True}, result, bulk=True)
            elif head.get("id") is not None:
                self.sender.send({"id": head["id"], "ok": result}, bulk=head["op"] in ("outputs", "fetch"))
            return
        self.sender.send({"id": head.get("id"), "error": told})

    def hello(self, head: "dict[str, Any]", body: bytes) -> "dict[str, Any]":
        try:
            user = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            user = str(os.getuid())
        return {
            "version": channel.VERSION,
            "python": "%d.%d.%d" % sys.version_info[:3],
            "boot_id": identities.boot_id(),
            "hostname": socket.gethostname(),
            "home": os.path.expanduser("~"),
            "root": whole.decode(self.root.path),
            "user": user,
            "uid": os.getuid(),
            "gid": os.getgid(),
            "groups": os.getgroups(),
            "pid": os.getpid(),
            "executable": sys.executable,
            "time": time.time(),
        }

    def ping(self, head: "dict[str, Any]", body: bytes) -> "dict[str, Any]":
        return {"time": time.time()}

    def credit(self, head: "dict[str, Any]") -> None:
        if "follow" in head:
            self.poller.grant(head["follow"], head["credit"])
            return
        with self.credit_change:
            if self.credits.get(head["id"], -1) >= 0:
                self.credits[head["id"]] += head["credit"]
                self.credit_change.notify_all()

    def forget(self, number: int) -> None:
        """Nobody waits for this request any more: end its transfer."""
        incoming = self.incoming.get(number)
        if incoming:
            incoming.stop()
        with self.credit_change:
            if number in self.credits:
                self.credits[number] = -1
                self.credit_change.notify_all()

    def follow(self, head: "dict[str, Any]", body: bytes) -> None:
        path = self.root.followed(head["run"], head["name"])
        self.poller.add(head["follow"], follows.Follow(path, head["offset"], head["credit"], head["interval"]))

    def expect(self, head: "dict[str, Any]", body: bytes) -> None:
        """Make room for a blob before its next piece is read."""
        number = head["id"]

        def consumed(size: int) -> None:
            self.sender.send({"id": number, "credit": size})

        try:
            if head["op"] == "put":
                path = self.root.blob(head["sha"])
            else:
                path = arriving.place_of(self.root, head["run"], head["path"])
        except (rundir.Refused, OSError):
            # `put` and `bring` say so.
            return
        incoming = rundir.Incoming(path, head.get("sha"), head["size"], consumed)
        if body:
            incoming.add(body)
        self.incoming[number] = incoming

    def put(self, head: "dict[str, Any]", body: bytes) -> None:
        self.root.blob(head["sha"])
        try:
            self.incoming[head["id"]].receive()
        finally:
            del self.incoming[head["id"]]

    def bring(self, head: "dict[str, Any]", body: bytes) -> None:
        """Something of an ended run that was elsewhere until now."""
        if head["kind"] != "file":
            arriving.arrive(self.root, head)
            return
        full = arriving.place_of(self.root, head["run"], head["path"])
        try:
            arriving.clear(full)
            self.incoming[head["id"]].receive()
            arriving.finish(full, head)
        finally:
            del self.incoming[head["id"]]

    def runtime(self, head: "dict[str, Any]", body: bytes) -> "dict[str, Any]":
        """Use the run-side package of this name; asks for its files when they are not here."""
        folder = os.path.join(self.root.path, b"agent", whole.encode(head["name"]))
        if "files" not in head and not os.path.isdir(folder):
            return {"missing": True}
        self.starter.runtime = self.root.runtime(head["name"], head.get("files", {}))
        return {"missing": False, "path": self.starter.runtime}

    def signal(self, head: "dict[str, Any]", body: bytes) -> "list[dict[str, Any]]":
        script, runner, left = starting.parts_of(self.root.status(head["run"]))
        folder = self.root.run(head["run"])
        return processes.signal_run(whole.encode(head["run"]), folder, head["number"], script, runner, left)

    def processes(self, head: "dict[str, Any]", body: bytes) -> "list[dict[str, Any]]":
        script, runner, left = starting.parts_of(self.root.status(head["run"]))
        found = processes.of_run(whole.encode(head["run"]), self.root.run(head["run"]), script, runner, left)
        return [processes.describe(item) for item in found]

    def outputs(self, head: "dict[str, Any]", body: bytes) -> None:
        """The list goes in parts, so that a folder of a hundred thousand files delays nobody."""
        part = []  # type: list[dict[str, Any]]
        for item in self.root.outputs(head["run"], head.get("path", "")):
            part.append(item)
            if len(part) == 500:
                self.sender.send({"id": head["id"], "part": part}, bulk=True)
                part = []
        if part:
            self.sender.send({"id": head["id"], "part": part}, bulk=True)

    def read(self, head: "dict[str, Any]", body: bytes) -> bytes:
        return self.root.read(head["run"], head["path"], head["offset"], min(head["length"], 16 * 1024 * 1024))

    def fetch(self, head: "dict[str, Any]", body: bytes) -> None:
        """Outputs as parts: one for each name, then the bytes of files as far as there is credit."""
        number = head["id"]
        with self.credit_change:
            self.credits[number] = head["credit"]
        try:
            for item in self.root.outputs(head["run"], head.get("path", "")):
                if item["kind"] == "file" and item["size"] > head.get("most", item["size"]):
                    self.sender.send({"id": number, "part": [dict(item, kind="large")]}, bulk=True)
                elif item["kind"] == "file":
                    self.send_file(number, os.path.join(self.root.run(head["run"]), b"outputs"), item)
                else:
                    self.sender.send({"id": number, "part": [item]}, bulk=True)
        finally:
            with self.credit_change:
                del self.credits[number]

    def send_file(self, number: int, folder: bytes, item: "dict[str, Any]") -> None:
        """One file as it was when it was opened: what a script still appends is not waited for."""
        path = os.path.join(folder, whole.encode(item["path"]))
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            item.update(kind="unreadable", target=os.strerror(error.errno or 0))
            self.sender.send({"id": number, "part": [item]}, bulk=True)
            return
        with os.fdopen(handle, "rb", 0) as file:
            left = item["size"] = os.fstat(handle).st_size
            self.sender.send({"id": number, "part": [item]}, bulk=True)
            while left > 0:
                data = file.read(min(channel.PIECE, left, self.allowed(number)))
                if not data:
                    return
                left -= len(data)
                with self.credit_change:
                    self.credits[number] -= len(data)
                self.sender.send({"id": number, "bytes": len(data)}, data, bulk=True)

    def allowed(self, number: int) -> int:
        """Wait for credit; returns how much there is."""
        with self.credit_change:
            while self.credits[number] == 0:
                self.credit_change.wait()
            if self.credits[number] < 0:
                raise rundir.Refused("nobody waits for this any more")
            return self.credits[number]

    def remove(self, head: "dict[str, Any]", body: bytes) -> None:
        if starting.inspect(self.root, head["run"])["phase"] in ("starting", "running"):
            raise rundir.Refused("run %s is still running" % head["run"], "Cancel it first.")
        self.root.remove(head["run"])


def words_of(error: OSError) -> str:
    """An error of the system for people: what happened, to which file."""
    name = error.filename
    if isinstance(name, bytes):
        name = whole.decode(name)
    text = os.strerror(error.errno) if error.errno else str(error)
    return "%s: %s" % (name, text) if name else text


def leave_when_deserted(agent: Agent, seconds: float) -> None:
    """A line whose other end is gone without a word may stay open for hours: do not stay with it."""
    while time.monotonic() - agent.heard < seconds:
        time.sleep(seconds / 10)
    os._exit(0)


def main(reader: "BinaryIO", bundle: "dict[str, Any]") -> None:
    """Serve the channel on standard input and output. Anything printed goes to standard error from here on."""
    umask = os.umask(0o077)
    handle = os.dup(1)
    os.dup2(2, 1)
    sender = channel.Sender(handle)
    try:
        agent = Agent(reader, sender, bundle, umask)
    except Exception as error:
        told = words_of(error) if isinstance(error, OSError) else "%s: %s" % (type(error).__name__, error)
        sender.send({"fatal": told})
        sender.flush()
        os._exit(1)
    if bundle.get("keep"):
        keeper = threading.Thread(target=agent.root.tidy, args=(bundle["keep"],))
        keeper.daemon = True
        keeper.start()
    if bundle.get("deserted"):
        guard = threading.Thread(target=leave_when_deserted, args=(agent, bundle["deserted"]))
        guard.daemon = True
        guard.start()
    agent.serve()
    # Threads may be in the middle of something; all of it can be done again.
    os._exit(0)
