"""A conda with a real solver, and a channel for it, made without any channel of the internet.

py-rattler, which PyPI has, solves and installs; a small program gives it the command line of conda that environments
are created with. Python is a package made from the base image's own, so that it runs there; the others are made here.
"""

from __future__ import annotations

import base64
import bz2
import hashlib
import io
import json
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.docker import DockerEngine, python_image
from tests.services.rootfs import cache, made, python_tar

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBDIR = {"x86_64": "linux-64", "aarch64": "linux-aarch64"}.get(platform.machine(), "linux-64")
# Where the channel is in the image.
CHANNEL = "file:///opt/channel"
RATTLER = "py-rattler==0.28.0"
# Files that are small, and many, and never used here.
_LEFT_OUT = ("/test/", "/idlelib/", "/tkinter/", "/__pycache__/", "EXTERNALLY-MANAGED", "sitecustomize.py")

PROGRAM = '''\
#!/opt/rattler/bin/python
"""conda create -y -q -p PREFIX [--override-channels] -c CHANNEL ... SPEC ..., by py-rattler."""
import argparse, asyncio, os, sys
import rattler

parser = argparse.ArgumentParser(prog="conda")
parser.add_argument("--version", action="version", version="conda-rattler " + rattler.__version__)
commands = parser.add_subparsers(dest="command", required=True)
create = commands.add_parser("create")
create.add_argument("-y", action="store_true", required=True)
create.add_argument("-q", action="store_true")
create.add_argument("-p", dest="prefix", required=True)
create.add_argument("--override-channels", action="store_true")
create.add_argument("-c", dest="channels", action="append", default=[])
create.add_argument("specs", nargs="+")
asked = parser.parse_args()

async def main():
    print("Solving environment", flush=True)
    channels = [rattler.Channel(one) for one in asked.channels]
    found = await rattler.solve(channels, asked.specs, platforms=["SUBDIR", "noarch"])
    for one in found:
        print("Installing", one.name.normalized, one.version, flush=True)
    await rattler.install(found, asked.prefix)

status = 0
try:
    asyncio.run(main())
except Exception as error:
    print("%s: %s" % (type(error).__name__, error), file=sys.stderr)
    status = 1
sys.stdout.flush()
sys.stderr.flush()
# The library's own threads do not always outlive the interpreter's end unharmed.
os._exit(status)
'''.replace("SUBDIR", SUBDIR)


@dataclass(frozen=True)
class Package:
    """A conda package: `files` by their path in the environment."""

    name: str
    version: str
    files: Mapping[str, str]
    depends: tuple[str, ...] = ()


PACKAGES = (
    Package("aml-data", "1.0", {"share/aml-data.txt": "data\n"}),
    Package("aml-hello", "1.0", {"site-packages/aml_hello.py": "VERSION = '1.0'\n"}, ("python", "aml-data")),
    Package("aml-hello", "2.0", {"site-packages/aml_hello.py": "VERSION = '2.0'\n"}, ("python", "aml-data")),
    Package("aml-torn", "1.0", {"share/aml-torn.txt": ""}, ("aml-data >=5",)),
)


def conda_image(engine: DockerEngine) -> str:
    """The image of Python with `/opt/conda/bin/conda` and the channel at CHANNEL; what is slow is kept."""
    tag = "aml-test/conda:1"
    if not engine.has(tag):
        base = python_image(engine)
        wheel, channel = rattler_wheel(), made("conda-channel-1.tar", _make_channel)
        dockerfile = (
            f"FROM {base}\nCOPY {wheel.name} /tmp/\nRUN python3 -m venv --without-pip /opt/rattler"
            f" && cd /opt/rattler/lib/python3*/site-packages && python3 -m zipfile -e /tmp/{wheel.name} ."
            f" && rm /tmp/{wheel.name}\nCOPY conda /opt/conda/bin/conda\nRUN chmod 755 /opt/conda/bin/conda\n"
            f"ADD {channel.name} /opt/channel/\n"
        )
        engine.build_from(
            tag,
            {
                "Dockerfile": dockerfile.encode(),
                "conda": PROGRAM.encode(),
                wheel.name: wheel.read_bytes(),
                channel.name: channel.read_bytes(),
            },
        )
    return tag


def conda_in(folder: Path) -> tuple[str, str]:
    """The same conda and channel in a folder of this machine: the script that is `conda`, the channel's address."""
    with zipfile.ZipFile(rattler_wheel()) as wheel:
        wheel.extractall(folder / "rattler")
    with tarfile.open(made("conda-channel-1.tar", _make_channel)) as channel:
        channel.extractall(folder / "channel", filter="data")
    (folder / "conda.py").write_text(PROGRAM)
    script = f'#!/bin/sh\nPYTHONPATH={folder}/rattler exec /usr/bin/python3 {folder}/conda.py "$@"\n'
    return script, f"file://{folder}/channel"


def rattler_wheel() -> Path:
    """py-rattler for the base image, whose platform is this machine's; its wheel is for every Python from 3.10 on."""
    folder = cache() / RATTLER.replace("==", "-")
    made(f"{folder.name}.fetched", lambda marker: _download(folder, marker))
    return next(folder.glob("*.whl"))


def _download(folder: Path, marker: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*command, "--dest", str(folder), RATTLER], check=True, capture_output=True)
    marker.touch()


def _make_channel(tar: Path) -> None:
    """The channel's folder: packages and their index."""
    with tempfile.TemporaryDirectory(prefix="aml-channel") as name:
        folder = Path(name)
        index: dict[str, dict[str, object]] = {}
        (folder / SUBDIR).mkdir()
        (folder / "noarch").mkdir()
        python, version = _python()
        short = ".".join(version.split(".")[:2])
        site = f"lib/python{short}/site-packages"
        _add(folder / SUBDIR, index, "python", version, python, ())
        _add(folder / SUBDIR, index, "pip", *_pip(site), ("python",))
        for one in PACKAGES:
            files = {path.replace("site-packages", site): text.encode() for path, text in one.files.items()}
            content = {path: (data, 0o644) for path, data in files.items()}
            _add(folder / SUBDIR, index, one.name, one.version, content, one.depends)
        for subdir, packages in ((SUBDIR, index), ("noarch", {})):
            data = {"info": {"subdir": subdir}, "packages": packages, "packages.conda": {}, "repodata_version": 1}
            (folder / subdir / "repodata.json").write_text(json.dumps(data))
        with tarfile.open(tar, "w") as file:
            file.add(folder, ".")


def _add(
    folder: Path,
    index: dict[str, dict[str, object]],
    name: str,
    version: str,
    content: Mapping[str, tuple[bytes, int] | str],
    depends: tuple[str, ...],
) -> None:
    """A package of files (bytes and mode) and symbolic links (where they lead)."""
    about: dict[str, object] = {
        "name": name, "version": version, "build": "0", "build_number": 0, "depends": list(depends), "subdir": SUBDIR,
    }  # fmt: skip
    paths = [
        {"_path": path, "path_type": "softlink", "sha256": hashlib.sha256(b"").hexdigest(), "size_in_bytes": 0}
        if isinstance(one, str)
        else {
            "_path": path,
            "path_type": "hardlink",
            "sha256": hashlib.sha256(one[0]).hexdigest(),
            "size_in_bytes": len(one[0]),
        }
        for path, one in content.items()
    ]
    information = {
        "info/index.json": about,
        "info/paths.json": {"paths": paths, "paths_version": 1},
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, data in information.items():
            _put(tar, path, json.dumps(data).encode(), 0o644)
        _put(tar, "info/files", "".join(f"{path}\n" for path in content).encode(), 0o644)
        for path, one in content.items():
            if isinstance(one, str):
                link = tarfile.TarInfo(path)
                link.type, link.linkname = tarfile.SYMTYPE, one
                tar.addfile(link)
            else:
                _put(tar, path, *one)
    data = bz2.compress(buffer.getvalue(), 1)
    file = f"{name}-{version}-0.tar.bz2"
    (folder / file).write_bytes(data)
    index[file] = {**about, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _put(tar: tarfile.TarFile, path: str, data: bytes, mode: int) -> None:
    info = tarfile.TarInfo(path)
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))


def _python() -> tuple[dict[str, tuple[bytes, int] | str], str]:
    """The base image's Python as a package's files, and its version."""
    found: dict[str, tuple[bytes, int] | str] = {}
    short = ""
    with tarfile.open(python_tar()) as tar:
        for member in tar:
            path = member.name.removeprefix("./").removeprefix("usr/")
            if path.startswith("bin/python3.") and member.isfile():
                short = path.removeprefix("bin/python")
            wanted = path.startswith(("bin/python3.", "lib/python3.")) and not any(one in path for one in _LEFT_OUT)
            if wanted and member.isfile():
                file = tar.extractfile(member)
                assert file is not None
                found[path] = (file.read(), member.mode & 0o777)
            elif wanted and member.issym() and not member.linkname.startswith("/"):
                found[path] = member.linkname
    found["bin/python"] = found["bin/python3"] = f"python{short}"
    # Debian's Python looks into folders of its own; this leads it to where conda puts packages.
    found["lib/python3/dist-packages/site.pth"] = (f"../../python{short}/site-packages\n".encode(), 0o644)
    return found, f"{short}.0"


def _pip(site: str) -> tuple[str, dict[str, tuple[bytes, int] | str]]:
    """pip's version and files, from the wheel that Debian keeps for new environments."""
    with tarfile.open(python_tar()) as tar:
        member = next(one for one in tar if "/python-wheels/pip-" in one.name)
        file = tar.extractfile(member)
        assert file is not None
        with zipfile.ZipFile(io.BytesIO(file.read())) as wheel:
            names = [name for name in wheel.namelist() if not name.endswith("/")]
            return member.name.split("-")[-4], {f"{site}/{name}": (wheel.read(name), 0o644) for name in names}


def stand_in_for_conda(engine: DockerEngine, image: str, name: str, script: str, program: str = "conda") -> str:
    """An image whose conda (mamba, micromamba) is a script of the shell that is asked to create an environment."""
    text = f'#!/bin/sh\nif [ "$*" = --version ]; then exit 0; fi\n{script}\n'
    coded = base64.b64encode(text.encode()).decode()
    path = f"/opt/conda/bin/{program}"
    return engine.build(
        f"aml-test/{name}:1",
        f"FROM {image}\nRUN mkdir -p /opt/conda/bin && echo {coded} | base64 -d > {path} && chmod 755 {path}\n",
    )
