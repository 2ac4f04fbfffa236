"""File systems for images, from Debian's packages: made once, kept between test runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
BUSYBOX = "busybox-static"
# Python's packages by the role of each: what a name was called in another release of Debian or Ubuntu is found by apt.
ROOTS = ("python3-minimal", "libpython3-stdlib", "python3-pip-whl", "python3-setuptools-whl", "media-types")
# What the packages above depend on and an image does not need.
UNNEEDED = ("debconf", "debconf-2.0", "dpkg", "perl-base", "tar", "gcc-12-base", "python3-distutils")


def cache() -> Path:
    """Where what takes long to make is kept."""
    folder = Path(os.environ.get("AML_TEST_CACHE") or Path.home() / ".cache" / "aml-tui-tests")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def made(name: str, make: Callable[[Path], None]) -> Path:
    """A file of the cache, made by the first who needs it, at whichever moment that is cut off."""
    path = cache() / name
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            part = path.with_suffix(".part")
            make(part)
            part.rename(path)
    return path


def bare_tar() -> Path:
    return made("bare-1.tar", _make_bare)


def empty_tar() -> Path:
    return made("empty-4.tar", _make_empty)


def python_tar() -> Path:
    return made("python-2.tar", _make_python)


def _make_bare(tar: Path) -> None:
    with folder() as root:
        _unpack([BUSYBOX], root)
        _furnish(root)
        pack(root, tar)


def _make_empty(tar: Path) -> None:
    with folder() as root:
        _unpack([BUSYBOX], root)
        busybox = next(path for path in (root / "usr/bin/busybox", root / "bin/busybox") if path.is_file())
        with tarfile.open(tar, "w") as file:
            file.add(busybox, "busybox")


def _make_python(tar: Path) -> None:
    with folder() as root:
        furnish_python(root)
        pack(root, tar)


def furnish_python(root: Path, more: tuple[str, ...] = ()) -> None:
    """Debian's Python, a shell, the certificates of this machine; `more` packages, without what they depend on."""
    _unpack([BUSYBOX, *more, *_closure(ROOTS)], root)
    _furnish(root)
    link = root / "usr/bin/python"
    if not link.exists():
        link.symlink_to("python3")
    source = Path(f"/{CERTIFICATES}")
    target = root / CERTIFICATES
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.exists():
        shutil.copyfile(source, target)
    # The packages' own scripts would have done that; without it every start reads the library's source.
    compiled = ["chroot", str(root), "/usr/bin/python3", "-m", "compileall", "-q", "/usr/lib"]
    subprocess.run(compiled, check=True, capture_output=True)


def _closure(packages: tuple[str, ...]) -> list[str]:
    """The packages with all they depend on, as apt sees it, and the venv module of the default Python."""
    version = subprocess.run(["apt-cache", "depends", "python3"], capture_output=True, text=True, check=True).stdout
    named = next((word for word in version.split() if word.startswith("python3.")), "")
    wanted = [*packages, *([f"{named}-venv"] if named else ["python3-venv"])]
    if not named:
        raise RuntimeError("apt knows no python3: apt-get update")
    options = [f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
    told = subprocess.run(
        ["apt-cache", "depends", "--recurse", *options, *wanted], capture_output=True, text=True, check=True
    ).stdout
    found = {line for line in told.splitlines() if line and line[0].isalnum()}
    return sorted(one for one in found if one.partition(":")[0] not in UNNEEDED)


def _unpack(packages: list[str], root: Path) -> None:
    """Their files, without running their scripts."""
    with folder() as downloads:
        command = ["apt-get", "download", "-o", "APT::Sandbox::User=root", *packages]
        result = subprocess.run(command, cwd=downloads, capture_output=True, text=True)
        if result.returncode:
            update = subprocess.run(["apt-get", "update"], capture_output=True, text=True)
            result = subprocess.run(command, cwd=downloads, capture_output=True, text=True)
            if result.returncode:
                raise RuntimeError(f"{' '.join(command)}:\n{result.stderr}\n{update.stderr}")
        for package in sorted(downloads.glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", package, root], check=True, capture_output=True)


def _furnish(root: Path) -> None:
    """The shell and its commands, the folders and files that programs expect."""
    for name in ("bin", "sbin", "lib", "lib64"):
        # Packages of before the merge of /usr put their files beside it.
        _merge(root / name, root / "usr" / name)
    folder = root / "usr/bin"
    busybox = folder / "busybox"
    names = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        with contextlib.suppress(FileExistsError):
            (folder / name).symlink_to("busybox")
    (root / "tmp").mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    for name in ("root", "etc", "proc", "sys", "dev", "var/tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
    (root / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")


def _merge(outer: Path, inner: Path) -> None:
    inner.mkdir(parents=True, exist_ok=True)
    if outer.is_symlink():
        return
    if outer.is_dir():
        shutil.copytree(outer, inner, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(outer)
    outer.symlink_to(inner.relative_to(outer.parent))


def pack(root: Path, tar: Path) -> None:
    def owned(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        return info

    with tarfile.open(tar, "w") as file:
        file.add(root, ".", filter=owned)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="aml-rootfs") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
