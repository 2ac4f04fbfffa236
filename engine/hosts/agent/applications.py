"""What YARN says of the applications that this user's relays follow: asked once for all of them, by whoever is first.

Each relay has a file named by its tag in `<root>/cluster/following/`, and the last answer is in
`<root>/cluster/answer.json`. However many applications there are, the ResourceManager gets one query in POLL seconds.
"""

import fcntl
import json
import os
import time

from . import clusters
from .whole import encode, put

MYPY = False
if MYPY:
    from typing import Any, Optional

# Between two queries (s); after so long without a sign of life a relay is dead.
POLL = 3.0
DEAD = 600.0
# An answer that is older says nothing of now: whoever should have asked stands still (s).
OLD = 30.0
# So many tags in a query: its line has a limit at the other end.
TAGS = 60
# What is told of an application, as YARN names it.
KEPT = ("id", "state", "finalStatus", "diagnostics", "amContainerLogs", "applicationTags")


class Applications(object):
    """The applications of one tag, as one of several who ask together."""

    def __init__(self, root: bytes, tag: str) -> None:
        self.folder = os.path.join(root, b"cluster")
        self.following = os.path.join(self.folder, b"following")
        self.tag = tag
        self.addresses = []  # type: list[str]
        self.touched = 0.0
        os.makedirs(self.following, mode=0o700, exist_ok=True)
        self.touch()

    def close(self) -> None:
        try:
            os.unlink(os.path.join(self.following, encode(self.tag)))
        except OSError:
            pass

    def touch(self) -> None:
        """Say that this one lives: who does not for long is asked for no more."""
        self.touched = time.monotonic()
        path = os.path.join(self.following, encode(self.tag))
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        os.utime(path)

    def now(self) -> "tuple[Optional[list[dict[str, Any]]], str]":
        """The applications of this tag, in the order of their start, and ""; None and why when YARN does not say."""
        if time.monotonic() - self.touched > DEAD / 10:
            self.touch()
        known = self.read()
        age = time.time() - known["at"] if known else OLD
        if known is not None and 0 <= age < POLL:
            answer = known
        else:
            answer = self.refresh() or (known if known and 0 <= age < OLD else self.query([self.tag]))
        if answer["error"] or self.tag not in answer["tags"]:
            return None, str(answer["error"])
        mine = [one for one in answer["apps"] if self.tag in one["applicationTags"].split(",")]
        return sorted(mine, key=lambda one: clusters.number(one["id"])), ""

    def ask(self, method: str, path: str, body: "Optional[str]" = None) -> "tuple[Optional[dict[str, Any]], str]":
        """What the active ResourceManager answers, and ""; None and why otherwise."""
        said = ""
        for address in list(self.addresses) or clusters.yarn():
            told = clusters.ask(method, address + path, body)
            if told["status"] in (200, 202):
                try:
                    content = json.loads(told["body"]) if told["body"].strip() else {}
                except ValueError:
                    said = "%s answered what cannot be read" % address
                    continue
                self.addresses = [address]
                return content, ""
            said = "%s: %s" % (address, told["body"][:200] or told["status"])
        self.addresses = []
        return None, said or "there is no yarn-site.xml on this machine"

    def read(self) -> "Optional[dict[str, Any]]":
        try:
            with open(os.path.join(self.folder, b"answer.json"), "rb") as file:
                return dict(json.loads(file.read().decode("utf-8")))
        except (OSError, ValueError):
            return None

    def refresh(self) -> "Optional[dict[str, Any]]":
        """Ask for everybody, unless somebody is about to; None then."""
        lock = os.open(os.path.join(self.folder, b"lock"), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return None
            answer = self.query(self.tags())
            part = ".answer.%d" % os.getpid()
            put(self.folder, "answer.json", json.dumps(answer).encode("utf-8"), part)
            return answer
        finally:
            os.close(lock)

    def query(self, tags: "list[str]") -> "dict[str, Any]":
        apps = []  # type: list[dict[str, Any]]
        error = ""
        for first in range(0, len(tags), TAGS):
            path = "/ws/v1/cluster/apps?deSelects=resourceRequests&applicationTags="
            told, error = self.ask("GET", path + ",".join(tags[first : first + TAGS]))
            if told is None:
                break
            for one in (told.get("apps") or {}).get("app") or ():
                apps.append(dict((name, str(one.get(name) or "")) for name in KEPT))
        return {"at": time.time(), "tags": tags, "apps": apps, "error": error}

    def tags(self) -> "list[str]":
        found = []
        for name in sorted(os.listdir(self.following)):
            path = os.path.join(self.following, name)
            try:
                if name == encode(self.tag) or time.time() - os.stat(path).st_mtime < DEAD:
                    found.append(name.decode("utf-8", "replace"))
                else:
                    os.unlink(path)
            except OSError:
                pass
        return found
