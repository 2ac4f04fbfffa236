"""What a base image has: Python, conda, uv, Spark. Asked by starting what is found in it, without a shell."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import HostLost
from engine.hosts.docker.trouble import DockerError
from engine.plain import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.hosts.docker.api import DockerApi

# Label of the containers that this makes.
PROBE = "aml-tui.probe"
# A program that is asked what it is and has not answered within this hangs, seconds.
LONGEST = 60.0
# Of what a program said that failed, so many characters are told.
MOST_SAID = 500
# What the Docker Engine says of a start when the file is there and is no program for this machine.
_NO_PROGRAM = re.compile(r"no such file|not found|permission denied|exec format|is a directory", re.IGNORECASE)
# What Docker takes when an image says nothing.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# In the order in which they are taken.
CONDAS = ("mamba", "micromamba", "conda")
FOLDERS = ("/opt/conda/bin", "/opt/miniconda/bin", "/opt/miniconda3/bin", "/opt/micromamba/bin", "/usr/local/bin")
_SPARKS = ("/usr/local/spark/bin", "/opt/spark/bin", "/usr/hdp/current/spark2-client/bin")
_ASK = """\
import json,os,shutil,sys
path=os.environ.get("PATH",os.defpath).split(":")
condas,folders,sparks=[json.loads(item) for item in sys.argv[1:]]
def find(names,more):
    for name in names:
        found=shutil.which(name,path=":".join(path+more))
        if found: return found
    return ""
for name in ("CONDA_EXE","MAMBA_EXE"):
    if os.environ.get(name): folders.append(os.path.dirname(os.environ[name]))
if os.environ.get("SPARK_HOME"): sparks.insert(0,os.environ["SPARK_HOME"]+"/bin")
print(json.dumps({"python":sys.executable,"version":list(sys.version_info[:3]),"conda":find(condas,folders),
    "uv":find(["uv"],[]),"spark":find(["spark-submit"],sparks)}))
"""


@dataclass(frozen=True)
class Probe:
    """What is in an image; absolute paths, "" for what is not. `version` of its Python, `passwd` its /etc/passwd.

    `trouble`: how what it has of Python or conda failed, in words, when none of it works.
    """

    python: str = ""
    version: tuple[int, ...] = ()
    conda: str = ""
    uv: str = ""
    spark_submit: str = ""
    passwd: str = ""
    trouble: str = ""


async def probe(docker: DockerApi, image: str, interpreter: str = "", *, mark: str = "") -> Probe:
    """Look into an image by its id. `interpreter`: the Python that the person names; a path is asked alone.

    `mark` is the label's value of the containers that this makes, by which those are found that a dead daemon left.
    """
    look = _Look(docker, image, mark)
    await look.begin()
    try:
        return dataclasses.replace(await _programs(look, interpreter), passwd=await look.passwd())
    finally:
        await look.end()


async def _programs(look: _Look, interpreter: str) -> Probe:
    named = [interpreter] if interpreter else []
    if not interpreter.startswith("/"):
        named += ["python", "python3", *(f"{folder}/python" for folder in FOLDERS)]
    arguments = ["-c", _ASK, json.dumps(CONDAS), json.dumps(FOLDERS), json.dumps(_SPARKS)]
    troubles: list[str] = []
    for python in named:
        for path in await look.places(python):
            said = await look.run([path, *arguments])
            told = _told(said)
            if told is None:
                troubles += [] if said is None else [f"{path} {said}"]
            else:
                version = tuple(told["version"])
                return Probe(told["python"] or path, version, told["conda"], told["uv"], told["spark"])
    for conda in CONDAS:
        for name in (conda, *(f"{folder}/{conda}" for folder in (*FOLDERS, "/bin"))):
            for path in await look.places(name):
                said = await look.run([path, "--version"])
                if said is not None and not said.code:
                    return Probe(conda=path)
                troubles += [] if said is None else [f"{path} {said}"]
    return Probe(trouble=troubles[0] if troubles else "")


@dataclass(frozen=True)
class _Said:
    """How a program ended, and what it said."""

    code: int
    text: str

    def __str__(self) -> str:
        said = plain(self.text).strip()[-MOST_SAID:]
        return f"ended with exit status {self.code}" + (f": {said}" if said else "")


def _told(said: _Said | None) -> dict[str, Any] | None:
    """The answer of a Python; what it printed before (a sitecustomize's words) is passed over."""
    if said is None or said.code:
        return None
    try:
        told = json.loads(said.text.splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return told if isinstance(told, dict) else None


class _Look:
    """Containers of an image: one that is never started shows which files there are, others run what was found."""

    def __init__(self, docker: DockerApi, image: str, mark: str) -> None:
        self._docker = docker
        self._image = image
        self._mark = mark
        self._still = ""
        self._path: list[str] = []

    async def begin(self) -> None:
        there = await self._docker.image(self._image)
        self._path = ((there.env.get("PATH") if there else "") or _PATH).split(":")
        self._still = await self._create(["nothing"])

    async def end(self) -> None:
        with contextlib.suppress(DockerError, HostLost):
            await self._docker.remove(self._still, force=True)

    async def places(self, program: str) -> list[str]:
        """The program's path when it is there: itself, or where PATH has it first."""
        for path in [program] if "/" in program else [f"{folder}/{program}" for folder in self._path if folder]:
            if await self._docker.has(self._still, path):
                return [path]
        return []

    async def passwd(self) -> str:
        """Its table of users; "" when it has none."""
        return (await self._docker.read_file(self._still, "/etc/passwd") or b"").decode("utf-8", "replace")

    async def run(self, command: Sequence[str]) -> _Said | None:
        """What a command in a container of its own says; None when it is no program.

        Raises what else goes wrong: that says nothing about the image.
        """
        name = await self._create(command)
        try:
            await self._docker.start(name)
            code = await self._docker.wait(name, LONGEST)
            return _Said(code, (await self._docker.output(name)).decode("utf-8", "replace"))
        except DockerError as error:
            if _NO_PROGRAM.search(error.message):
                return None
            raise
        finally:
            with contextlib.suppress(DockerError, HostLost):
                await self._docker.remove(name, force=True)

    async def _create(self, command: Sequence[str]) -> str:
        name = f"aml-probe-{uuid.uuid4().hex[:12]}"
        config = {
            "Image": self._image,
            "Entrypoint": [command[0]],
            "Cmd": list(command[1:]),
            "User": "0:0",
            "Labels": {PROBE: self._mark},
            "NetworkDisabled": True,
            "HostConfig": {"NetworkMode": "none"},
        }
        await self._docker.create(name, config)
        return name
