"""No secret is anywhere but in the key store: a whole story, and then its secrets are looked for everywhere."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from engine.engine import Engine
from engine.errors import AmlError
from engine.hosts.asking import Answer, NeedsPerson, Nobody
from engine.hosts.ssh.answers import Answers
from engine.hosts.ssh.host import SshHost
from engine.hosts.ssh.login import log_in
from engine.lock import holder, is_held
from engine.project.folder import open_project
from engine.project.machine import Machine
from engine.secrets import KeyStore, new_reference
from tests.engine.ssh_bench import CONFIG, ssh_config
from tests.services.people import make_key
from tests.services.sshd import keyboard_interactive
from tests.waiting import until, until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from engine.paths import Paths
    from tests.services.people import Person
    from tests.services.ssh_fixtures import MakePerson, MakeSshd
    from tests.services.sshd import Sshd

pytestmark = pytest.mark.timeout(120)

# The part of each by which it is found, however the rest of it is escaped.
SECRETS = {
    name: f"{name} pä$$ \"w\\o'rd Zq7x{number:04}"
    for number, name in enumerate(("kept", "forgotten", "phrase", "plain", "asked", "wrong"))
}
MARKS = {name: secret.split()[-1].encode() for name, secret in SECRETS.items()}

SCRIPT = """
import os, sys, time
from azureml.core import Run
run = Run.get_context()
print(sorted(os.environ.items()), sys.argv, flush=True)
run.log("loss", 0.5)
open("outputs/environ.txt", "w").write(repr(dict(os.environ)))
if "stay" in sys.argv:
    time.sleep(600)
"""


class Story:
    """A project, `aml` in it, and somebody who looks at every process meanwhile. `said`: all that `aml` printed."""

    def __init__(self, project: Path, paths: Paths) -> None:
        self.project = project
        self.paths = paths
        self.keys = KeyStore(paths)
        self.said: list[bytes] = []
        self.marks = dict(MARKS)

    def aml(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=self.project,
            input=f"{stdin}\n".encode() if stdin else b"",
            capture_output=True,
            timeout=50,
            check=False,
        )
        self.said += [done.stdout, done.stderr]
        assert done.returncode == code, (arguments, done.stdout.decode(), done.stderr.decode())
        return done.stdout.decode()

    def attach(self, name: str, sshd: Sshd, person: Person, *more: str, stdin: str, code: int = 0) -> None:
        address = f"{sshd.address}:{sshd.port}"
        asked = ("computetarget", "attach", "remote", "-n", name, "-a", address, "-u", person.name, *more)
        self.aml(*asked, stdin=stdin, code=code)

    def hold(self, what: str, data: bytes) -> None:
        """Fails when there is a secret in these bytes."""
        found = [name for name, mark in self.marks.items() if mark in data]
        assert not found, f"{found} in {what}"

    def everywhere(self, *folders: Path) -> list[Path]:
        """Every file below these but the key store's own; none of them has a secret in it or in its name."""
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
        files = [path for path in files if path.parent != self.paths.data / "keys" or path.name == "lock"]
        for path in files:
            self.hold(str(path), path.read_bytes() + os.fsencode(path))
        return files

    def stored(self) -> bytes:
        """The store as SQL, which has in plain text what its pages may have in pieces."""
        with contextlib.closing(sqlite3.connect(f"file:{self.paths.store}?mode=ro", uri=True)) as store:
            return "\n".join(store.iterdump()).encode()


class Watcher(threading.Thread):
    """Looks at argv and environment of every process, again and again. `found`: where there was a secret."""

    def __init__(self, marks: dict[str, bytes]) -> None:
        super().__init__(name="looks at every process")
        self.found: set[str] = set()
        self.seen: set[str] = set()
        self._marks = marks
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.005):
            for entry in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError):
                    argv = Path("/proc", entry, "cmdline").read_bytes()
                    self.seen.add(argv.replace(b"\0", b" ").decode(errors="replace")[:300])
                    both = argv + Path("/proc", entry, "environ").read_bytes()
                    self.found |= {f"{name}: {argv!r}" for name, mark in dict(self._marks).items() if mark in both}

    def end(self) -> None:
        self._over.set()
        self.join()


@pytest.fixture
def story(project: Path, home: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(tmp_path / "ssh_config"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    yield Story(project, home)
    if is_held(home.engine_lock):
        os.kill(holder(home.engine_lock)["pid"], signal.SIGTERM)
        until(lambda: not is_held(home.engine_lock), what="the engine to leave")


@pytest.fixture
def watcher(story: Story) -> Iterator[Watcher]:
    one = Watcher(story.marks)
    one.start()
    yield one
    one.end()


def test_a_whole_story(
    story: Story, watcher: Watcher, sshd: Sshd, make_sshd: MakeSshd, make_person: MakePerson, tmp_path: Path
) -> None:
    asking = make_sshd(**keyboard_interactive())
    ssh_config(tmp_path, sshd)
    (tmp_path / "known_hosts").write_text(sshd.known_hosts() + asking.known_hosts())
    people = {name: make_person(name, SECRETS[name]) for name in ("kept", "forgotten", "plain", "asked", "wrong")}
    people["phrase"] = make_person("phrase", "none of these")
    key = make_key(tmp_path / "with_phrase", passphrase=SECRETS["phrase"])
    people["phrase"].authorize(key)
    phrase = ("--private-key-file", str(key.path), "--private-key-passphrase-stdin")

    story.attach("kept", sshd, people["kept"], "--password-stdin", stdin=SECRETS["kept"])
    story.attach("forgotten", sshd, people["forgotten"], "-k", "--password-stdin", stdin=SECRETS["forgotten"])
    story.attach("phrase", sshd, people["phrase"], *phrase, stdin=SECRETS["phrase"])
    story.attach("asked", asking, people["asked"], "--password-stdin", stdin=SECRETS["asked"])
    story.attach("failed", sshd, people["kept"], "--password-stdin", stdin=SECRETS["wrong"], code=1)
    made = story.keys.get(open_project(story.project).target("forgotten").private_key)
    assert made is not None
    story.marks["made key"] = made.splitlines()[2].encode()
    compute = story.project / "aml_config/plain.compute"
    quoted = SECRETS["plain"].replace("'", "''")
    compute.write_text(
        f"type: remote\naddress: {sshd.address}:{sshd.port}\nusername: {people['plain'].name}\npassword: '{quoted}'\n"
    )
    (story.project / "aml_config/plain.runconfig").write_text(CONFIG.replace("Target: far", "Target: plain"))
    for kind in (("list",), ("show", "-n", "plain")):
        story.aml("computetarget", *kind, "-o", "json")
    (story.project / "train.py").write_text(SCRIPT)
    for name in ("kept", "forgotten", "phrase", "plain", "asked"):
        story.aml("experiment", "submit", "-c", name, "train.py")
    # Once more after the engine was ended: nothing is asked that was answered, and a run is canceled.
    story.aml("engine", "restart")
    for name in ("kept", "phrase", "plain", "asked"):
        story.aml("computetarget", "test", "-n", name, "-o", "json")
    run = story.aml("experiment", "submit", "-c", "plain", "--async", "train.py", "stay").strip()
    story.aml("experiment", "cancel", "-r", run)
    for command in (
        ("computetarget", "list"),
        *(("computetarget", "show", "-n", name) for name in ("kept", "forgotten", "phrase", "plain", "asked")),
        ("runconfiguration", "list"),
        ("history", "list"),
        ("history", "info", "-r", run),
        ("engine", "status"),
    ):
        story.aml(*command, "-o", "json")
    watcher.end()
    assert any("cli.main" in one for one in watcher.seen)
    assert any("b64decode" in one for one in watcher.seen)
    assert watcher.found == set()
    for said in story.said:
        story.hold(f"what aml printed: {said.decode(errors='replace')}", said)
    paths = story.paths
    files = story.everywhere(paths.state, paths.data, paths.runtime, paths.cache, paths.config, story.project)
    names = {path.name for path in files}
    assert {"store.db", "engine.log", "driver.log", "plain.compute", "lock"} <= names
    assert any(path.parent.parent == paths.blobs for path in files) or any("blobs" in path.parts for path in files)
    story.hold("the store", story.stored())
    for person in people.values():
        files = story.everywhere(person.home)
        assert person is people["wrong"] or any(path.name == "driver.log" for path in files), person.name
    kept = (paths.data / "keys/secrets.json").read_bytes()
    assert [name for name in MARKS if MARKS[name] in kept] == ["kept", "phrase", "plain", "asked"]
    assert sshd.refusals == [f"password {people['kept'].name}"]


@pytest_asyncio.fixture
async def engine(home: Paths, tmp_path: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(ssh_config(tmp_path, sshd)))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    one = Engine(home)
    await one.start()
    yield one
    await one.stop()


def hold(what: str, *texts: str) -> None:
    for text in texts:
        found = [name for name, mark in MARKS.items() if mark.decode() in text]
        assert not found, f"{found} in {what}: {text}"


def words_of(error: BaseException) -> list[str]:
    """All that could be shown of an error, and of those before it."""
    chain: list[BaseException] = [error]
    while chain[-1].__context__ is not None:
        chain.append(chain[-1].__context__)
    shown = [text for one in chain for text in (str(one), repr(one), repr(one.args), repr(vars(one)))]
    return [*shown, "".join(traceback.format_exception(error))]


async def test_errors_hold_no_secret(
    engine: Engine, sshd: Sshd, make_sshd: MakeSshd, make_person: MakePerson, tmp_path: Path, project: Path
) -> None:
    person = make_person("alice", SECRETS["kept"])
    asking = make_sshd(**keyboard_interactive())
    (tmp_path / "known_hosts").write_text(sshd.known_hosts() + asking.known_hosts())
    keys = KeyStore(engine.paths)
    wrong = new_reference("box", person.name)
    keys.put(wrong, SECRETS["wrong"])
    phrase = make_key(tmp_path / "with_phrase", passphrase=SECRETS["phrase"])
    person.authorize(phrase)

    class Somebody:
        async def ask(self, question: Any) -> Answer:
            return Answer(SECRETS["wrong"], True)

    cases: list[tuple[Sshd, dict[str, Any], Any]] = [
        (sshd, {"password": wrong}, Nobody()),
        (asking, {"password": wrong}, Nobody()),
        (asking, {}, Somebody()),
        (sshd, {"private_key_file": str(phrase.path)}, Somebody()),
    ]
    for server, more, ask in cases:
        machine = Machine(server.address, server.port, person.name, **more)
        with pytest.raises(NeedsPerson) as caught:
            await log_in(machine, keys=keys, ask=ask, answers=Answers(), say=lambda *_: None, environ=dict(os.environ))
        hold(f"{machine}", *words_of(caught.value))
    # The file of the key store is broken after that: what is said of it repeats nothing of it.
    file = engine.paths.data / "keys/secrets.json"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(AmlError) as broken:
        keys.get(wrong)
    hold("the key store", *words_of(broken.value))
    # A .compute that cannot be read is quoted by its reader, but not its password.
    compute = project / "aml_config/bad.compute"
    for text in (f"password: {SECRETS['plain']}\n  x: [", f"type: remote\naddress: [x\npassword: {SECRETS['plain']}\n"):
        compute.write_text(text)
        with pytest.raises(AmlError) as unread:
            open_project(project).target("bad")
        hold("a broken file", *words_of(unread.value))


async def test_nothing_shows_a_secret_of_its_own(
    engine: Engine, sshd: Sshd, make_person: MakePerson, project: Path
) -> None:
    person = make_person("alice", SECRETS["kept"])
    compute = project / "aml_config/plain.compute"
    compute.write_text(f"type: remote\naddress: gpu\nusername: ann\npassword: {MARKS['plain'].decode()}\n")
    target = open_project(project).target("plain")
    assert target.password == MARKS["plain"].decode()
    machine = Machine(sshd.address, sshd.port, person.name, SECRETS["kept"], SECRETS["plain"])
    answers = Answers()
    answers.put(f"password {machine.name}", SECRETS["kept"])
    answers.refuse(f"password {machine.name}", SECRETS["wrong"])
    keys = KeyStore(engine.paths)
    reference = new_reference("box", person.name)
    keys.put(reference, SECRETS["kept"])
    there = Machine(sshd.address, sshd.port, person.name, reference)
    host = SshHost(there, paths=engine.paths, keys=keys, answers=answers, environ={})
    login = await log_in(there, keys=keys, ask=Nobody(), answers=answers, say=lambda *_: None, environ=dict(os.environ))
    try:
        for one in (target, machine, keys, host, login, login.connection, answers, Answer(SECRETS["asked"], True)):
            hold(type(one).__name__, repr(one), str(one))
        hold("what these hold", *(repr(vars(one)) for one in (host, login, engine._machines)))
    finally:
        await login.close()
    asked = {"kind": "remote", "secrets": {"password": SECRETS["wrong"], "passphrase": SECRETS["phrase"]}}
    attempt = engine.attempt(Machine(sshd.address, sshd.port, person.name), asked)
    told = await engine.look(attempt, 0)
    while told["state"] in ("working", "asking"):
        hold("what is told of an attempt", repr(told), repr(engine._attempts.named(attempt)))
        if told["question"]:
            engine.answer(attempt, told["question"]["id"], SECRETS["asked"], False)
        told = await engine.look(attempt, told["serial"])
    assert told["state"] == "failed"
    hold("what is told of an attempt", repr(told))
    await until_async(lambda: len(sshd.refusals) >= 2)
    # Nothing of what was handed over is left in it.
    hold("an attempt that is over", repr(vars(engine._attempts.named(attempt))))
