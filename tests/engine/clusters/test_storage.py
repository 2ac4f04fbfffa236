"""What is said of a storage that does not work: recorded answers of Hadoop's program."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from engine.clusters.storage import is_shared, try_out, words_of
from engine.errors import HostError
from engine.hosts.head import Head, Said
from engine.hosts.host import HostInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.hosts.host import Host

LOGGED = "2026-11-26 03:54:47,088 WARN util.NativeCodeLoader: Unable to load native-hadoop library\n"
BLOB = (
    "put: com.microsoft.azure.storage.StorageException: Server failed to authenticate the request. Make sure the value"
    " of Authorization header is formed correctly including the signature.\n"
)
NO_NODE = (
    "2026-11-26 04:28:01,512 WARN hdfs.DataStreamer: Exception in createBlockOutputStream"
    " java.net.ConnectException: Connection refused\n"
)
FULL = (
    "put: File /user/ann/.aml-tui-test-1._COPYING_ could only be written to 0 of the 1 minReplication nodes. There are"
    " 0 datanode(s) running and 0 node(s) are excluded in this operation.\n"
)
HUNG = (
    "put: Fatal internal error\norg.apache.hadoop.fs.shell.Command$CommandInterruptException\n"
    "\tat org.apache.hadoop.fs.shell.Command.runAll(Command.java:374)\n"
)
SAFE = "put: Cannot create file/user/ann/.aml-tui-test-1._COPYING_. Name node is in safe mode.\n"
NO_CLASS = "-put: No FileSystem for scheme: abfss\nUsage: hadoop fs [generic options]\n"
DF = "Filesystem                    Size  Used  Available  Use%\n"


class Scripted:
    """A head node on which Hadoop's program says what it said elsewhere."""

    info = HostInfo("3.8", "", "hn0", "/home/ann", "", "ann")

    def __init__(self, written: Said, room: str = "") -> None:
        self.written, self.room = written, room

    async def program(self, argv: Sequence[str], text: str = "", seconds: float = 60.0) -> Said:
        return Said(0, DF + self.room, LOGGED, 1.0) if "-df" in argv else self.written


def at(said: Said, room: str = "") -> Host:
    return cast("Host", Scripted(said, room))


@pytest.mark.parametrize(
    ("status", "err", "message", "remedy"),
    [
        (3, BLOB, "cannot be written to: com.microsoft.azure.storage.StorageException: Server failed", "key"),
        (3, LOGGED + NO_NODE + FULL, "cannot be written to: File /user/ann/", "DataNodes"),
        (3, SAFE, "Name node is in safe mode.", "hdfs dfsadmin -safemode get"),
        (3, NO_CLASS, "cannot be written to: No FileSystem for scheme: abfss", "library"),
        (3, LOGGED + HUNG, "cannot be written to: nothing answers in time", "NameNode"),
        (4, LOGGED + "ls: Permission denied: user=ann\n", "cannot be listed: Permission denied", "-chown` it to ann"),
        (5, LOGGED + "rm: odd \x1b[2J\n", "does not remove the file that was written: odd", "/usr/bin/hadoop fs -ls"),
        (127, "sh: hadoop: not found\n", "cannot be used: sh: hadoop: not found", "Type on the head node"),
        (None, LOGGED, "was not written to within 60 s", "dfsadmin -report"),
    ],
)
@pytest.mark.asyncio
async def test_why_it_cannot_be_used(status: int | None, err: str, message: str, remedy: str) -> None:
    head = Head(storage="wasbs://c@a.blob.core.windows.net", files=["/usr/bin/hadoop", "fs"])
    with pytest.raises(HostError) as raised:
        await try_out(at(Said(status, "", err, 1.0)), head)
    assert raised.value.message.startswith("wasbs://c@a.blob.core.windows.net (Azure Blob Storage) ")
    assert message in raised.value.message
    assert "\x1b" not in str(raised.value)
    assert remedy in raised.value.remedy


@pytest.mark.parametrize(
    ("line", "free"),
    [
        ("hdfs://hn0:8020  270553174016  24576  80351883264    0%\n", 80351883264),
        ("wasbs://c@a.blob.core.windows.net  9223372036854775807  0  9223372036854775807  0%\n", None),
        ("hdfs://hn0:8020  0  0  0  NaN%\n", None),
        ("", None),
    ],
)
@pytest.mark.asyncio
async def test_the_room_there(line: str, free: int | None) -> None:
    room = await try_out(at(Said(0, "", "", 1.0), line), Head(files=["hdfs", "dfs"]))
    assert (room.free if room else None) == free


@pytest.mark.parametrize(
    ("storage", "words", "shared"),
    [
        ("hdfs://mycluster", "hdfs://mycluster (HDFS)", True),
        ("wasb://c@a.blob.core.windows.net", "wasb://c@a.blob.core.windows.net (Azure Blob Storage)", True),
        ("abfs://c@a.dfs.core.windows.net", "abfs://c@a.dfs.core.windows.net (Azure Data Lake Storage Gen2)", True),
        ("adl://home", "adl://home (Azure Data Lake Storage Gen1)", True),
        ("s3a://bucket", "s3a://bucket", True),
        ("file:///", "file:///", False),
        ("", "", False),
    ],
)
def test_what_it_is_called(storage: str, words: str, shared: bool) -> None:
    assert (words_of(storage), is_shared(storage)) == (words, shared)
