"""Looking at a host step by step, from its name to its GPUs: what works, what does not, and what to do about it."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import AmlError, HostError, HostLost
from engine.hosts.ssh.aside import aside
from engine.hosts.ssh.channel import PYTHONS, not_linux
from engine.hosts.ssh.probe import install_key, probe
from engine.plain import plain
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.hosts.ssh.host import SshHost
    from engine.hosts.ssh.login import Login
    from engine.hosts.ssh.probe import Probe
    from engine.project.machine import Machine
    from engine.secrets import KeyStore

    LogIn = Callable[[Machine, Callable[[str, str, str], None]], Awaitable[Login]]
    MakeHost = Callable[[Machine, Login], SshHost]
    Say = Callable[[str, str, str, str], None]
    """Takes a step's name, its state, a detail and a remedy."""
    LookAtCluster = Callable[[SshHost, Say], Awaitable[None]]

TITLES = {
    "resolve": "name",
    "tcp": "TCP",
    "host key": "host key",
    "authenticate": "authenticate",
    "install key": "install the key",
    "shell": "shell",
    "python": "Python",
    "agent": "agent",
    "disk": "disk",
    "clock": "clock",
    "linger": "runs outlive a logout",
    "docker": "Docker",
    "spark": "spark-submit",
    "yarn": "YARN",
    "queue": "queue",
    "storage": "storage",
    "conda": "conda",
    "gpus": "GPUs",
}
# What only a cluster has.
OF_CLUSTERS = frozenset({"spark", "yarn", "queue", "storage", "conda"})
# Start-up files that cost more than this are worth a word (s).
SLOW_SHELL = 0.5
# Less room than this is worth a word (bytes); a clock further off than this makes times confusing (s).
LITTLE_DISK = 2 << 30
SKEWED = 2.0
# A first sample comes within this, or there is none (s).
FIRST_SAMPLE = 20.0


@dataclass
class Step:
    """`state`: "waiting", "working", "ok", "warning", "failed" or "skipped"."""

    name: str
    title: str
    state: str = "waiting"
    detail: str = ""
    remedy: str = ""
    seconds: float | None = None


def steps_of(kind: str, installing: bool) -> list[Step]:
    """Those of a kind of target ("remote", "remotedocker", "cluster"), in their order."""
    left_out = OF_CLUSTERS if kind != "cluster" else frozenset()
    left_out |= {"install key"} if not installing else frozenset()
    return [Step(name, title) for name, title in TITLES.items() if name not in left_out]


class Checkup:
    """One look at one host. `told` is called after each change of `steps`.

    `look_at_cluster` goes through the steps that are a cluster's, saying each.
    """

    def __init__(
        self,
        machine: Machine,
        kind: str,
        *,
        python: str,
        install: str,
        keys: KeyStore,
        log_in: LogIn,
        make_host: MakeHost,
        look_at_cluster: LookAtCluster,
        told: Callable[[], None],
    ) -> None:
        self.machine = machine
        self.kind = kind
        self.steps = steps_of(kind, bool(install))
        self._python = python
        self._install = install
        self._keys = keys
        self._log_in = log_in
        self._make_host = make_host
        self._look_at_cluster = look_at_cluster
        self._told = told
        self._begun = 0.0

    async def run(self) -> SshHost | None:
        """Every step in turn. Returns the connected host; None when a step failed, which says why."""
        host: SshHost | None = None
        through = False
        login: Login | None = None
        try:
            login = await self._log_in(self.machine, self._say)
            self._say("authenticate", "ok", "")
            if self._install:
                login = await self._with_key(login)
            facts = await self._shell(login)
            self._look_at_python(facts)
            host = self._make_host(self.machine, login)
            login = None
            await self._agent(host)
            await self._look_at_disk(host)
            self._look_at_clock(host)
            self._look_at_linger(facts)
            await self._look_at_docker(host)
            if self.kind == "cluster":
                await self._look_at_cluster(host, self._say)
            await self._look_at_gpus(host)
            through = True
        except AmlError as error:
            self.give_up(error)
        finally:
            if login is not None:
                await login.close()
            # Also where somebody stopped it: nobody else knows of this connection yet.
            if host is not None and not through:
                await host.close()
        return host if through else None

    def _say(self, name: str, state: str, detail: str, remedy: str = "") -> None:
        step = next(one for one in self.steps if one.name == name)
        now = time.monotonic()
        if state == "working":
            # A person's time to answer is not the host's: a step that works on begins anew with each word.
            self._begun = now
            for earlier in self.steps[: self.steps.index(step)]:
                if earlier.state == "working":
                    earlier.state = "ok"
        else:
            step.seconds = round(now - self._begun, 3)
        step.state, step.detail, step.remedy = state, detail or step.detail, remedy
        self._told()

    def give_up(self, error: AmlError) -> None:
        """The step at work has failed, for this reason; what would come after it is skipped."""
        name = getattr(error, "step", "")
        at_work = [step.name for step in self.steps if step.state == "working"]
        waiting = [step.name for step in self.steps if step.state == "waiting"]
        name = name or (at_work or waiting or [self.steps[-1].name])[0]
        for step in self.steps:
            if step.state == "waiting" and step.name != name:
                step.state = "skipped"
        self._say(name, "failed", error.message, error.remedy)

    async def _with_key(self, login: Login) -> Login:
        """Install the made key, then come back with it: nothing else may be needed from now on."""
        self._say("install key", "working", "")
        try:
            public = await aside(self._keys.public_key, self._install)
            added = await install_key(login.connection, self.machine.name, public)
        finally:
            await login.close()
        self.machine = dataclasses.replace(self.machine, private_key=self._install, password="", private_key_file="")
        again = await self._log_in(self.machine, _quiet)
        if again.how != "by the made key":
            await again.close()
            raise HostError(
                "the key was installed, but the server does not take it.",
                where=self.machine.name,
                remedy="See PubkeyAuthentication, AuthorizedKeysFile and StrictModes in its sshd_config.",
            )
        self._say("install key", "ok", "added, and logged in with it" if added else "was there; logged in with it")
        return again

    async def _shell(self, login: Login) -> Probe:
        self._say("shell", "working", "")
        version = str(login.connection.get_extra_info("server_version") or "")
        if "windows" in version.lower():
            raise not_linux(self.machine.name, "Windows")
        found = await probe(login.connection, self.machine.name, self._python or PYTHONS[0])
        system = found.facts.get("system", "")
        if system != "Linux":
            raise not_linux(self.machine.name, system)
        shell = found.facts.get("shell", "").rpartition("/")[2] or "sh"
        detail = f"{shell} on Linux {found.facts.get('release', '')}, ready after {found.startup:.2f} s"
        if found.noise:
            detail += f"; its start-up files print {found.noise} bytes, which are skipped"
        if found.startup > SLOW_SHELL:
            self._say("shell", "warning", detail, "Shorten what ~/.bashrc does when it is not interactive.")
        else:
            self._say("shell", "ok", detail)
        return found

    def _look_at_python(self, found: Probe) -> None:
        self._say("python", "working", "")
        name, path = self._python or PYTHONS[0], found.facts.get("python", "")
        version = found.facts.get("version", "")
        if path:
            self._say("python", "ok", f"{version or 'version not told'}, {path}")
        elif self.kind == "remote" and self._python:
            raise HostError(
                f"there is no {name} on this machine.", remedy="Correct `pythonLocation`, or install that Python."
            )
        elif self.kind == "remote":
            raise HostError(
                "there is no python3 on the PATH of this machine.",
                remedy="Install it (Debian, Ubuntu: sudo apt-get install python3), or name one with `pythonLocation`.",
            )
        else:
            self._say("python", "warning", f"no {name}; the agent looks for another")

    async def _agent(self, host: SshHost) -> None:
        self._say("agent", "working", "")
        await host.connect()
        info = host.info
        self._say("agent", "ok", f"{info.user} on {info.hostname}, in Python {info.python}; files in {info.root}")

    async def _look_at_disk(self, host: SshHost) -> None:
        self._say("disk", "working", "")
        disk = await host.free_disk()
        detail = f"{_size(disk.free)} of {_size(disk.total)} free at {host.info.root}"
        if disk.free < LITTLE_DISK:
            self._say("disk", "warning", detail, "Make room there: runs and their outputs need it.")
        else:
            self._say("disk", "ok", detail)

    def _look_at_clock(self, host: SshHost) -> None:
        self._say("clock", "working", "")
        skew = host.info.clock_skew
        if abs(skew) > SKEWED:
            way = "ahead" if skew > 0 else "behind"
            detail = f"{abs(skew):.0f} s {way} of this machine's"
            self._say("clock", "warning", detail, "Set it by NTP (timedatectl set-ntp true); times of runs are off.")
        else:
            self._say("clock", "ok", f"within {max(abs(skew), 0.1):.1f} s of this machine's")

    def _look_at_linger(self, found: Probe) -> None:
        self._say("linger", "working", "")
        lingers = found.facts.get("linger", "").endswith("yes")
        kills = found.facts.get("kills", "").replace(" ", "").lower().endswith(("=yes", "=true", "=1", "=on"))
        if kills and not lingers:
            self._say(
                "linger",
                "warning",
                "logind ends the processes of who logs out (KillUserProcesses=yes)",
                "Type there: loginctl enable-linger",
            )
        else:
            self._say("linger", "ok", "linger is on" if lingers else "logind ends nothing at logout")

    async def _look_at_docker(self, host: SshHost) -> None:
        self._say("docker", "working", "")
        try:
            told = await (await host.docker()).counts()
        except HostLost:
            raise
        except HostError as error:
            if self.kind == "remotedocker":
                raise
            # Nothing here needs it.
            self._say("docker", "ok", f"none for us: {error.message}")
            return
        detail = f"version {told['version']}, {told['images']} images, {told['running']} containers running"
        self._say("docker", "ok", detail)

    async def _look_at_gpus(self, host: SshHost) -> None:
        self._say("gpus", "working", "")
        came: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

        def take(sample: dict[str, Any]) -> None:
            # The driver is asked beside the first samples.
            if sample.get("gpus_asked") and not came.done():
                came.set_result(sample)

        host.on_sample(take)
        await host.samples(0.5)
        try:
            async with timeout(FIRST_SAMPLE):
                sample = await came
        except asyncio.TimeoutError as error:
            raise HostLost("the agent sent no sample of the host's use.", where=host.name) from error
        await host.samples(0.0)
        gpus = sample.get("gpus") or []
        if sample.get("gpu_error"):
            self._say("gpus", "warning", sample["gpu_error"], "See whether the driver works there: type nvidia-smi.")
        else:
            self._say("gpus", "ok", "; ".join(_gpu(one) for one in gpus) or "none")


def _gpu(gpu: dict[str, Any]) -> str:
    holders = ", ".join(plain(one) for one in gpu.get("held_by") or ())
    held = f", held by {holders}" if holders else ", free"
    return f"{gpu.get('index')} {gpu.get('name')}: {_size(gpu.get('mem_total') or 0)}{held}"


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _quiet(step: str, state: str, detail: str) -> None:
    """The same steps a second time are not worth a line each."""
