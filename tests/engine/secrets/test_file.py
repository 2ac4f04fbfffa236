"""The file with the secrets: whole after everything, and nobody else's business."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import traceback
from pathlib import Path

import pytest

from engine.secrets.errors import SecretsError
from engine.secrets.file import SecretsFile

ROOT = Path(__file__).parents[3]
SECRET = "s3cret-Käse\n\"'\\$(x)\udce9"


@pytest.fixture
def file(tmp_path: Path) -> SecretsFile:
    return SecretsFile(tmp_path / "data" / "keys" / "secrets.json")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_what_is_put_is_there_until_it_is_deleted(file: SecretsFile) -> None:
    assert file.get("a") is None
    file.delete("a")
    assert not file.path.parent.parent.exists()
    file.put("a", SECRET)
    file.put("b", "")
    assert SecretsFile(file.path).get("a") == SECRET
    assert SecretsFile(file.path).get("b") == ""
    file.put("a", "other")
    file.delete("b")
    assert (file.get("a"), file.get("b")) == ("other", None)
    assert json.loads(file.path.read_bytes()) == {"version": 1, "secrets": {"a": "other"}}


def test_what_is_the_same_is_not_written(file: SecretsFile) -> None:
    file.put("a", "1")
    before = file.path.stat()
    file.put("a", "1")
    file.delete("b")
    assert file.path.stat() == before


def test_the_person_alone_can_read_it(file: SecretsFile) -> None:
    before = os.umask(0)
    try:
        file.put("a", "1")
    finally:
        os.umask(before)
    assert [mode(one) for one in (file.path, file.path.parent, file.path.parent.parent)] == [0o600, 0o700, 0o700]
    assert {mode(one) for one in file.path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize("act", ["get", "put", "delete"])
def test_permissions_are_repaired(file: SecretsFile, act: str) -> None:
    file.put("a", "1")
    file.path.chmod(0o644)
    file.path.parent.chmod(0o755)
    {"get": lambda: file.get("a"), "put": lambda: file.put("b", "2"), "delete": lambda: file.delete("b")}[act]()
    assert (mode(file.path), mode(file.path.parent)) == (0o600, 0o700)
    assert file.get("a") == "1"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"version": 1, "secrets": {"a": "hunter2',
        b'{"version": 2, "secrets": {"a": "hunter2"}}',
        b'{"version": 1, "secrets": {"a": ["hunter2"]}}',
        b'{"version": 1, "secrets": "hunter2"}',
        b'["hunter2"]',
        b'"hunter2\xff"',
        b"[" * 200_000 + b'"hunter2"',
    ],
)
def test_a_damaged_file_is_named_and_left_alone(file: SecretsFile, content: bytes) -> None:
    file.path.parent.mkdir(parents=True)
    file.path.write_bytes(content)
    for act in (lambda: file.get("a"), lambda: file.put("b", "2"), lambda: file.delete("a")):
        with pytest.raises(SecretsError, match=r"secrets\.json: .* damaged") as caught:
            act()
        assert_silent(caught.value, "hunter2")
    assert file.path.read_bytes() == content


def test_a_link_is_not_followed(file: SecretsFile, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text('{"version": 1, "secrets": {"a": "1"}}')
    file.path.parent.mkdir(parents=True)
    file.path.symlink_to(elsewhere)
    with pytest.raises(SecretsError, match="cannot be read: Too many levels of symbolic links"):
        file.get("a")


_WRITER = """
import sys
from pathlib import Path
from engine.secrets.file import SecretsFile
sys.stdin.read(1)
file = SecretsFile(Path(sys.argv[1]))
for number in range(40):
    file.put(f"{sys.argv[2]} {number}", "x" * 2000)
    file.delete(f"{sys.argv[2]} {number - 1}" if number % 2 else "none")
"""


def test_processes_and_threads_that_write_at_once_lose_nothing(file: SecretsFile) -> None:
    writers = [start(_WRITER, str(file.path), name) for name in ("one", "two")]
    failed: list[SecretsError] = []

    def work(name: str) -> None:
        try:
            for number in range(40):
                file.put(f"{name} {number}", "y")
        except SecretsError as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("three", "four")]
    for thread in threads:
        thread.start()
    for writer in writers:
        writer.communicate(".")
        assert writer.returncode == 0
    for thread in threads:
        thread.join()
    assert failed == []
    odd = [number for number in range(40) if number % 2]
    wanted = {f"{name} {number}" for name in ("one", "two") for number in odd}
    wanted |= {f"{name} {number}" for name in ("three", "four") for number in range(40)}
    assert set(json.loads(file.path.read_bytes())["secrets"]) == wanted


_KILLED = """
import os, signal, sys
from pathlib import Path
from engine.secrets.file import SecretsFile
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "rename":
    Path.replace = die
elif sys.argv[2] == "file on its way to the disk":
    os.fsync = die
else:
    os.fsync = lambda file: die() if os.path.isdir(f"/proc/self/fd/{file}") else None
SecretsFile(Path(sys.argv[1])).put("new", "n3w-secret")
"""


@pytest.mark.parametrize("moment", ["rename", "file on its way to the disk", "folder on its way to the disk"])
def test_killed_while_writing(file: SecretsFile, moment: str) -> None:
    file.put("old", "0ld-secret")
    killed = start(_KILLED, str(file.path), moment)
    killed.communicate()
    assert killed.returncode == -9
    assert {mode(one) for one in file.path.parent.iterdir()} == {0o600}
    assert file.get("old") == "0ld-secret"
    assert file.get("new") == ("n3w-secret" if moment.startswith("folder") else None)
    file.put("next", "1")
    # What the killed one left is gone, and with it the secret it held.
    assert {one.name for one in file.path.parent.iterdir()} == {"secrets.json", "lock"}
    assert file.get("old") == "0ld-secret"


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_full_disk(file: SecretsFile, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    file.put("old", "0ld-secret")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*((os, "fsync") if fails == "fsync" else (Path, "replace")), full)
        with pytest.raises(SecretsError, match=r"secrets\.json: .* cannot be written: No space left") as caught:
            file.put("new", SECRET)
    assert_silent(caught.value, SECRET, locals_too=False)
    # What shows variables with a traceback, as a console that crashes does, shows no secret but the one in the call.
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    assert "0ld-secret" not in "".join(shown)
    assert {one.name for one in file.path.parent.iterdir()} == {"secrets.json", "lock"}
    assert (file.get("old"), file.get("new")) == ("0ld-secret", None)


def test_a_file_that_cannot_be_opened(file: SecretsFile, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root, as which tests may run, opens every file: the refusal is made here.
    def refused(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(SecretsError, match=r"secrets\.json: .* cannot be read: Permission denied. Check permissions"):
        file.get("a")


def assert_silent(error: BaseException, secret: str, *, locals_too: bool = True) -> None:
    """Neither the error nor one behind it tells the secret; nor do the variables on the way to where it was raised."""
    told = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
    assert secret not in told
    behind: BaseException | None = error
    while behind is not None:
        assert secret not in str(vars(behind)) + str(behind.args)
        behind = behind.__context__
    if locals_too:
        frames = [repr(frame.f_locals) for frame, _ in traceback.walk_tb(error.__traceback__)][1:]
        assert not [one for one in frames if secret in one]
