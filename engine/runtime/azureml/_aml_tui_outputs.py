"""Files of a run: into its outputs folder, which is kept whatever the script does to its working directory."""

import os
import shutil

MYPY = False
if MYPY:
    from typing import IO, Any, Union


def folder() -> str:
    """The run's outputs; outside a run `outputs` in the working directory, as it was with the original."""
    return os.environ.get("AZUREML_OUTPUT_DIRECTORY") or os.path.abspath("outputs")


def inside(name: str) -> str:
    """The path below outputs that a run's file of this name has. "outputs/model.pkl" and "model.pkl" are the same file.

    Raises ValueError for a name that leads out.
    """
    path = os.path.normpath(name.replace("\\", "/").lstrip("/"))
    if path.split("/")[0] == "outputs" and "/" in path:
        path = path.split("/", 1)[1]
    if path in (".", "..", "outputs") or path.startswith("../") or "\0" in path:
        raise ValueError("%r is not a name below outputs" % name)
    return path


def path_of(given: "Any") -> str:
    """The path that a text, bytes or path object means."""
    fspath = getattr(given, "__fspath__", None)
    plain = fspath() if callable(fspath) else given
    return os.fsdecode(plain if isinstance(plain, bytes) else str(plain))


def relative(path: str) -> str:
    """The path below outputs of an existing file, or "" when it lies elsewhere."""
    root = os.path.realpath(folder())
    real = os.path.realpath(path)
    return os.path.relpath(real, root) if real.startswith(root + os.sep) else ""


def put(name: str, source: "Union[str, bytes, IO[Any]]") -> str:
    """Copy a file or the rest of a stream to `name` below outputs, whole or not at all; returns the path below it."""
    path = inside(name)
    target = os.path.join(folder(), path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if not hasattr(source, "read"):
        found = path_of(source)
        if os.path.exists(target) and os.path.samefile(found, target):
            return path
    partial = "%s.part-%d" % (target, os.getpid())
    try:
        if hasattr(source, "read"):
            _copy_stream(source, partial)
        else:
            shutil.copyfile(found, partial)
        os.replace(partial, target)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
    return path


def _copy_stream(source: "Any", path: str) -> None:
    with open(path, "wb") as target:
        while True:
            piece = source.read(1024 * 1024)
            if not piece:
                return
            target.write(piece.encode("utf-8", "surrogateescape") if isinstance(piece, str) else piece)


def put_folder(name: str, source: str) -> "list[tuple[str, str]]":
    """Copy every file below the folder `source` to below `name`. Returns (name, path below outputs) of each."""
    done = []
    for parent, _, files in os.walk(source):
        for file in sorted(files):
            path = os.path.join(parent, file)
            below = "%s/%s" % (name.rstrip("/"), os.path.relpath(path, source))
            done.append((below, put(below, path)))
    return done


def take(name: str, path: str) -> None:
    """Copy a file of the outputs to `path`; "" means its own name in the working directory."""
    shutil.copyfile(os.path.join(folder(), inside(name)), path or os.path.basename(inside(name)))


def names() -> "list[str]":
    """Every file in outputs, as "outputs/...", sorted."""
    root = folder()
    found = []  # type: list[str]
    for parent, _, files in os.walk(root):
        found.extend("outputs/" + os.path.relpath(os.path.join(parent, file), root) for file in files)
    return sorted(found)


def new_image(name: str, ending: str = ".png") -> str:
    """A name below outputs that nobody has yet, for a picture called `name`; the file is made, empty."""
    stem = "".join(char if char.isalnum() or char in "-_. " else "_" for char in name).strip(". ")[:100] or "image"
    os.makedirs(folder(), exist_ok=True)
    number = 1
    while True:
        path = stem + ending if number == 1 else "%s_%d%s" % (stem, number, ending)
        try:
            os.close(os.open(os.path.join(folder(), path), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            number += 1
        else:
            return path
