"""The storage of a cluster, tried out: a file is written there, listed and removed, by Hadoop's own program."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import HostError
from engine.plain import plain

if TYPE_CHECKING:
    from engine.hosts.head import Head, Said
    from engine.hosts.host import Host

# What people call it, by the scheme of fs.defaultFS.
KINDS = {
    "hdfs": "HDFS",
    "viewfs": "HDFS",
    "wasb": "Azure Blob Storage",
    "wasbs": "Azure Blob Storage",
    "abfs": "Azure Data Lake Storage Gen2",
    "abfss": "Azure Data Lake Storage Gen2",
    "adl": "Azure Data Lake Storage Gen1",
}
HDFS = ("hdfs", "viewfs")
# One that is down is told as such, and not waited for as a job would that runs for days.
IMPATIENT = (
    "ipc.client.connect.max.retries=2",
    "ipc.client.connect.max.retries.on.timeouts=1",
    "ipc.client.connect.timeout=5000",
    "ipc.client.rpc-timeout.ms=15000",
    "dfs.client.failover.max.attempts=4",
    "fs.azure.io.retry.max.retries=2",
)
# Three programs of a slow Java, one after the other (s).
PATIENCE = 60.0
# `$1` is the file, the rest the program. Removed whatever became of it, also when nobody waits for this any more.
_SCRIPT = r"""
file=$1
shift
trap '' HUP
echo "Written by a test of aml-tui." | "$@" -put - "$file" || exit 3
"$@" -ls "$file" || status=4
"$@" -rm -skipTrash "$file" >/dev/null || exit 5
exit ${status:-0}
"""
FAILED = {3: "cannot be written to", 4: "cannot be listed", 5: "does not remove the file that was written"}
# Words of what Hadoop says, and what to do about it; the first that is found.
_REMEDIES = (
    ("safe mode", "Wait until HDFS leaves it (`hdfs dfsadmin -safemode get` on the head node), or have it leave."),
    (
        "connection refused|connectexception|unknownhost|timed out|timeout|in time|failover",
        "See whether its NameNode runs (`hdfs dfsadmin -report` on the head node).",
    ),
    (
        "could only be (replicated|written)|no datanode",
        "See whether its DataNodes run and have room (`hdfs dfsadmin -report` on the head node).",
    ),
    ("quota|no space", "Make room there, or have the quota raised."),
    (
        "permission denied|accesscontrol",
        "Have an administrator make your folder: `hdfs dfs -mkdir /user/{user}`, then `hdfs dfs -chown` it to {user}.",
    ),
    ("no filesystem for scheme|classnotfound", "Hadoop on this machine lacks the library of this storage."),
    (
        r"authenticat|authoriz|credentials|account key|\b403\b",
        "See the storage account's key or identity in core-site.xml: keys are renewed now and then.",
    ),
)
# What Hadoop says where nothing is known of the size (bytes).
BOUNDLESS = 1 << 60


@dataclass(frozen=True)
class Room:
    """Bytes free and in all."""

    free: int
    total: int


def words_of(storage: str) -> str:
    """fs.defaultFS and what that is."""
    kind = KINDS.get(storage.partition(":")[0].lower())
    return f"{plain(storage)} ({kind})" if kind else plain(storage)


def is_shared(storage: str) -> bool:
    """Whether all nodes see the same there."""
    return bool(storage) and not storage.lower().startswith("file:")


async def try_out(host: Host, head: Head) -> Room | None:
    """Write, list, remove; the room there, None where it has no bounds or does not tell. Raises HostError, HostLost."""
    program = [*head.files, *(word for one in IMPATIENT for word in ("-D", one))]
    name = f".aml-tui-test-{secrets.token_hex(4)}"
    writing = host.program(["/bin/sh", "-c", _SCRIPT, "sh", name, *program], seconds=PATIENCE)
    said, room = await asyncio.gather(writing, host.program([*program, "-df", "/"], seconds=PATIENCE))
    if said.status != 0:
        raise _refused(head, host.info.user, said)
    return _room(room.out)


def _refused(head: Head, user: str, said: Said) -> HostError:
    where = words_of(head.storage)
    if said.status is None:
        return HostError(
            f"{where} was not written to within {PATIENCE:.0f} s.",
            remedy="See how it stands: `hdfs dfsadmin -report` on the head node, or the storage account in the portal.",
        )
    why = _reason(said.err)
    # The reason may be a wrapper, and what it wraps be in what was logged before it.
    remedy = _remedy(why) or _remedy(said.err) or f"Type on the head node: {plain(' '.join(head.files))} -ls"
    return HostError(f"{where} {FAILED.get(said.status, 'cannot be used')}: {why}", remedy=remedy.format(user=user))


def _remedy(text: str) -> str:
    return next((todo for words, todo in _REMEDIES if re.search(words, text, re.IGNORECASE)), "")


def _reason(err: str) -> str:
    """The line of the program itself, between those of what it logs; what was thrown where that says no more."""
    lines = [plain(line).strip() for line in err.splitlines() if line.strip()]
    places = [place for place, line in enumerate(lines) if re.match(r"-?(put|ls|rm): ", line)]
    own = lines[places[0] :] if places else lines[-1:]
    if not own:
        return "it does not say why"
    line = own[0]
    if line.endswith("Fatal internal error") and len(own) > 1:
        line = "nothing answers in time" if "CommandInterruptException" in own[1] else own[1]
    return re.sub(r"^-?(put|ls|rm): ", "", line).split("; For more details see")[0][:300]


def _room(out: str) -> Room | None:
    for line in out.splitlines():
        words = line.split()
        if len(words) >= 4 and all(word.isdigit() for word in words[1:4]):
            total, free = int(words[1]), int(words[3])
            return Room(free, total) if 0 < total < BOUNDLESS else None
    return None
