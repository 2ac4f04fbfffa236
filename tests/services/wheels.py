"""Tiny wheels, and an index that has them, on loopback."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def make_wheel(folder: Path, name: str, version: str = "1.0", requires: tuple[str, ...] = ()) -> Path:
    """A wheel of one module `name` that tells its VERSION."""
    information = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    content = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{one},,\n" for one in (*content, f"{information}/RECORD"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        for one, data in {**content, f"{information}/RECORD": record}.items():
            file.writestr(one, data)
    return path


class _Handler(http.server.SimpleHTTPRequestHandler):
    asked: list[tuple[str, str]]
    gate: threading.Event

    def do_GET(self) -> None:
        self.gate.wait()
        self.asked.append((self.path, self.headers.get("Authorization", "")))
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Index:
    """Serves a folder: `simple/NAME/` are folders with wheels in them. `asked`: (path, Authorization) of requests.

    While `gate` is not set, it lets them wait.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str]] = []
        self.gate = threading.Event()
        self.gate.set()
        handler = type("Handler", (_Handler,), {"asked": self.asked, "gate": self.gate})
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
        )
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://{self.address}/simple"

    def add(self, name: str, version: str = "1.0", requires: tuple[str, ...] = ()) -> Path:
        """Have a wheel in it."""
        return make_wheel(self.folder / "simple" / name.replace("_", "-"), name, version, requires)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextlib.contextmanager
def index(folder: Path) -> Iterator[Index]:
    """An index over a folder, as long as it is needed."""
    (folder / "simple").mkdir(parents=True, exist_ok=True)
    one = Index(folder)
    one.start()
    try:
        yield one
    finally:
        one.close()
