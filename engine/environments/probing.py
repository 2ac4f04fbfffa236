"""What a base image has: Python, conda, uv, Spark. Asked by starting what it might have, without a shell."""

from __future__ import annotations

import contextlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import HostLost
from engine.hosts.docker.trouble import DockerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.hosts.docker.api import DockerApi

# In the order in which they are taken.
CONDAS = ("mamba", "micromamba", "conda")
_FOLDERS = ("/opt/conda/bin", "/opt/miniconda/bin", "/opt/miniconda3/bin", "/opt/micromamba/bin", "/usr/local/bin")
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
    """What is in an image; absolute paths, "" for what is not. `version` of its Python."""

    python: str = ""
    version: tuple[int, ...] = ()
    conda: str = ""
    uv: str = ""
    spark_submit: str = ""


async def probe(docker: DockerApi, image: str, interpreter: str = "") -> Probe:
    """Look into an image by its id. `interpreter`: the Python that the person names, asked first."""
    arguments = ["-c", _ASK, json.dumps(CONDAS), json.dumps(_FOLDERS), json.dumps(_SPARKS)]
    named = [interpreter] if interpreter else []
    for python in (*named, "python", "python3", *(f"{folder}/python" for folder in _FOLDERS)):
        said = await _run(docker, image, [python, *arguments])
        if said is None:
            continue
        try:
            told = json.loads(said.splitlines()[-1])
        except (ValueError, IndexError):
            continue
        return Probe(told["python"] or python, tuple(told["version"]), told["conda"], told["uv"], told["spark"])
    for folder in ("", *(f"{folder}/" for folder in _FOLDERS), "/bin/"):
        for conda in CONDAS:
            if await _run(docker, image, [folder + conda, "--version"]) is not None:
                return Probe(conda=folder + conda)
    return Probe()


async def _run(docker: DockerApi, image: str, command: Sequence[str]) -> str | None:
    """What a command in a container of its own says; None when it cannot be started or fails."""
    name = f"aml-probe-{uuid.uuid4().hex[:12]}"
    config = {
        "Image": image,
        "Entrypoint": [command[0]],
        "Cmd": list(command[1:]),
        "User": "0:0",
        "Labels": {"aml-tui.probe": "1"},
        "NetworkDisabled": True,
        "HostConfig": {"NetworkMode": "none"},
    }
    await docker.create(name, config)
    try:
        await docker.start(name)
        if await docker.wait(name) != 0:
            return None
        return (await docker.output(name)).decode("utf-8", "replace")
    except HostLost:
        raise
    except DockerError:
        return None
    finally:
        with contextlib.suppress(DockerError, HostLost):
            await docker.remove(name, force=True)
