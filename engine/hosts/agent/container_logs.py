"""Log files of a container: from its NodeManager while that has them, then from where YARN put them together.

Both tell them in one form: some lines about a file, of which the last is "LogContents:", then its bytes, then a line
that begins with "End of LogType:". NodeManagers before Hadoop 2.9 send the bytes alone.
"""

import http.client
import json
import subprocess
import tempfile
import threading
import urllib.parse
import urllib.request

from . import clusters

MYPY = False
if MYPY:
    from typing import IO, Any, Callable, Optional, Union

    Sink = Callable[[str, bytes], None]
    Stream = Union[IO[bytes], "Answer"]

PATIENCE = 30.0
PIECE = 256 << 10
# More is asked for than is known to be there: the file grows meanwhile.
GROWTH = 1 << 20
# `yarn logs` of what a driver printed has ended within this, or it hangs (s).
LONGEST = 1800.0
NEVER = 1 << 62


class Gone(Exception):
    """The NodeManager does not have the container's logs (any more), or does not answer."""


class Container(object):
    """One container, by the address of its logs ("http://node:8042/node/containerlogs/<id>/<user>")."""

    def __init__(self, address: str) -> None:
        split = urllib.parse.urlsplit(address)
        parts = [part for part in split.path.split("/") if part]
        if not split.netloc or len(parts) < 3 or not parts[2].startswith("container_"):
            raise Gone("%r is no address of a container's logs" % address)
        self.id = parts[2]
        self.node = "%s://%s" % (split.scheme, split.netloc)

    @property
    def application(self) -> str:
        """The id of its application: "container_[e<epoch>_]<cluster>_<number>_<attempt>_<container>"."""
        parts = [part for part in self.id.split("_")[1:] if not part.startswith("e")]
        return "application_%s_%s" % (parts[0], parts[1])

    @property
    def attempt(self) -> int:
        """The attempt of its application, from 1."""
        parts = [part for part in self.id.split("_")[1:] if not part.startswith("e")]
        return int(parts[2])

    def sizes(self) -> "dict[str, int]":
        """Bytes of each log file; NEVER for those that an old NodeManager does not tell of. Raises Gone."""
        told = clusters.ask("GET", "%s/ws/v1/node/containers/%s/logs" % (self.node, self.id), None)
        if told["status"] != 200:
            raise Gone(told["body"][:200])
        try:
            infos = json.loads(told["body"])["containerLogsInfo"]
            found = {}
            for info in infos if isinstance(infos, list) else [infos]:
                for one in listed(info.get("containerLogInfo")):
                    found[str(one["fileName"])] = int(one["fileSize"])
            return found
        except (ValueError, KeyError, TypeError, AttributeError):
            return {"stdout": NEVER, "stderr": NEVER, "metrics.jsonl": NEVER}

    def read(self, name: str, position: int, size: int, sink: "Sink", growth: int = 0) -> bool:
        """Hand what comes after `position` to the sink; whether that is all there will be. Raises Gone.

        `size` is what `sizes` told.
        """
        growth = growth or GROWTH
        wanted = NEVER if size == NEVER else size - position + growth
        url = "%s/ws/v1/node/containerlogs/%s/%s" % (self.node, self.id, urllib.parse.quote(name))
        if wanted != NEVER:
            url += "?size=-%d" % wanted
        try:
            answer = clusters.opened("GET", url, None, "text/plain", PATIENCE)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Gone(str(error))
        with answer:
            return self.take(Answer(answer), name, position, wanted, sink, growth)

    def take(self, answer: "Answer", name: str, position: int, wanted: int, sink: "Sink", growth: int) -> bool:
        line = answer.readline(4096)
        if not line.startswith(b"Container: "):
            # Of a container that it does not know, it says so with status 200.
            if line.startswith(b"java.lang.Exception:"):
                raise Gone(line.decode("utf-8", "replace").strip()[:200])
            self.rest(answer, line, position, name, sink)
            return False
        length = header(answer)
        if length is None:
            raise Gone("the NodeManager %s told nothing of %s" % (self.node, name))
        there = min(wanted, length)
        skip = position - (length - there)
        if skip < 0:
            # It grew by more than was allowed for.
            return self.read(name, position, length, sink, growth * 8)
        copy(answer, there, skip, name, sink)
        end = answer.read(4096)
        return b"End of LogType:" in end and b"running container" not in end

    def rest(self, answer: "Answer", begun: bytes, position: int, name: str, sink: "Sink") -> None:
        while begun:
            if position < len(begun):
                sink(name, begun[position:])
            position = max(0, position - len(begun))
            begun = answer.read(PIECE)

    def gathered(self, positions: "dict[str, int]", sink: "Sink") -> "list[str]":
        """After the end: hand the rest of these files to the sink, from where YARN gathered the logs of an application.

        The names of the files that were there. Takes a JVM's start. Raises Gone when they are not there yet.
        """
        command = [clusters.program("yarn") or "yarn", "logs", "-applicationId", self.application]
        # An old one does not know these options; without them it tells the logs of all containers.
        for more in (["-containerId", self.id, "-log_files"] + sorted(positions), []):
            with tempfile.TemporaryFile() as errors:
                found = self.told(command + more, errors, positions, sink)
                errors.seek(0)
                said = errors.read()
            if found:
                return found
            if b"nrecognized" not in said:
                break
        raise Gone(said.decode("utf-8", "replace").strip()[-200:] or "the logs are not gathered yet")

    def told(self, command: "list[str]", errors: "IO[bytes]", positions: "dict[str, int]", sink: "Sink") -> "list[str]":
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, preexec_fn=clusters.unblock
            )
        except OSError as error:
            raise Gone(str(error))
        watchdog = threading.Timer(LONGEST, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            assert process.stdout is not None
            with process.stdout:
                return self.several(process.stdout, positions, sink)
        finally:
            # Before its output has ended only where something went wrong here.
            watchdog.cancel()
            process.kill()
            process.wait()

    def several(self, stream: "IO[bytes]", positions: "dict[str, int]", sink: "Sink") -> "list[str]":
        found = []  # type: list[str]
        container = name = b""
        while True:
            line = stream.readline(65536)
            if not line:
                return found
            if line.startswith(b"Container: "):
                container = line.split()[1]
            elif line.startswith(b"LogType:"):
                name = line[8:].strip()
                length = header(stream)
                if length is None:
                    continue
                known = name.decode("utf-8", "replace")
                mine = container == self.id.encode() and known in positions
                if not copy(stream, length, positions[known] if mine else length, known, sink):
                    raise Gone("`yarn logs` ended in the middle of %s" % known)
                if mine:
                    found.append(known)


def listed(items: "Any") -> "list[Any]":
    """A list of one comes as the one."""
    return items if isinstance(items, list) else [items] if items else []


def header(stream: "Stream") -> "Optional[int]":
    """Read the lines before a file's bytes; how many bytes it has, or None when nothing of the kind comes."""
    length = None
    while True:
        line = stream.readline(4096)
        if not line:
            return None
        if line.startswith((b"LogLength:", b"Log Length:")):
            length = int(line.split(b":", 1)[1])
        if line.startswith((b"LogContents:", b"Log Contents:")):
            return length


class Answer(object):
    """What a web service sends, until it ends or is cut off; which of the two is for the reader to see. Raises Gone."""

    def __init__(self, answer: "IO[bytes]") -> None:
        self.answer = answer

    def read(self, size: int) -> bytes:
        try:
            return self.answer.read(size)
        except (OSError, http.client.HTTPException) as error:
            raise Gone(str(error))

    def readline(self, size: int) -> bytes:
        try:
            return self.answer.readline(size)
        except (OSError, http.client.HTTPException) as error:
            raise Gone(str(error))


def copy(stream: "Stream", length: int, skip: int, name: str, sink: "Sink") -> bool:
    """Hand `length` bytes to the sink, but for the first `skip`; whether so many came."""
    while length > 0:
        data = stream.read(min(PIECE, length))
        if not data:
            return False
        length -= len(data)
        if skip < len(data):
            sink(name, data[skip:])
        skip = max(0, skip - len(data))
    return True
