"""Attempts to reach a host while somebody looks: the steps as they go, questions and their answers.

A face begins one, looks again and again, and answers; what it leaves ends by itself. A password that is handed over
here stays in memory and goes no further than the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import logging
import time
from typing import TYPE_CHECKING, Any

from engine.errors import AmlError, NotFound, NotNow
from engine.hosts.asking import Answer, NeedsPerson, Question
from engine.hosts.ssh.doctor import Checkup
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.hosts.ssh.doctor import Say
    from engine.hosts.ssh.host import SshHost
    from engine.hosts.ssh.login import Login
    from engine.machines import Machines
    from engine.project.machine import Machine

log = logging.getLogger(__name__)

# How long a look waits for news, and how long an attempt goes on, or is remembered, that nobody looks at (s).
LOOK, FORGOTTEN = 10.0, 60.0


class Attempt:
    """One attempt. It is the Asker of its checkup: what was handed over is the first answer, people give the others."""

    def __init__(self, number: str, machines: Machines, machine: Machine, args: Mapping[str, Any]) -> None:
        self.id = number
        self.looked = time.monotonic()
        self._machines = machines
        self._secrets = {kind: text for kind, text in (args.get("secrets") or {}).items() if text}
        self._serial = 1
        self._state = "working"
        self._news = asyncio.Event()
        self._question: tuple[int, Question] | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._numbers = itertools.count(1)
        python = str(args.get("python") or "")
        queues = [str(one) for one in args.get("queues") or ()]
        spark_submit = str(args.get("spark_submit") or "spark-submit")

        async def look_at_cluster(host: SshHost, say: Say) -> None:
            from engine.clusters.checkup import ClusterCheckup

            await ClusterCheckup(host, say, spark_submit=spark_submit, queues=queues, python=python).run()

        self._checkup = Checkup(
            machine,
            str(args.get("kind") or "remote"),
            python=python,
            install=str(args.get("install") or ""),
            keys=machines.keys,
            log_in=self._log_in,
            make_host=lambda at, login: machines.over_ssh(at, login=login),
            look_at_cluster=look_at_cluster,
            told=self._changed,
        )
        self._task: asyncio.Task[None] | None = None

    def begin(self, reached: Callable[[Machine, SshHost], None]) -> None:
        self._task = asyncio.create_task(self._run(reached), name=f"attempt {self.id}")

    async def _run(self, reached: Callable[[Machine, SshHost], None]) -> None:
        state = "failed"
        try:
            host = await self._checkup.run()
            if host is not None:
                reached(self._checkup.machine, host)
                state = "ok"
        except asyncio.CancelledError:
            state = "stopped"
            raise
        except Exception:
            log.exception("attempt %s failed", self.id)
            self._checkup.give_up(
                AmlError("a mistake of ours.", remedy="The engine's log has more (`aml engine status` names the file).")
            )
        finally:
            self._secrets.clear()
            self._question = None
            self._state = state
            self._changed()

    async def _log_in(self, machine: Machine, say: Callable[[str, str, str], None]) -> Login:
        from engine.hosts.ssh.login import log_in

        machines = self._machines
        return await log_in(
            machine,
            keys=machines.keys,
            ask=self,
            answers=machines.answers,
            say=say,
            environ=machines.environ,
            password=self._secrets.pop("password", ""),
        )

    async def ask(self, question: Question) -> Answer:
        """The answer of who looks; what was handed over, once. A password is none of it: the machine's login has it."""
        handed = self._secrets.pop(question.kind, None) if question.kind != "password" else None
        if handed is not None:
            return Answer(handed)
        self._answer = asyncio.get_running_loop().create_future()
        self._question = (next(self._numbers), question)
        self._state = "asking"
        self._changed()
        try:
            return await self._answer
        finally:
            self._question = self._answer = None
            self._state = "working"
            self._changed()

    def answer(self, number: int, text: str | None, keep: bool) -> None:
        """`text` None: they do not want to answer. Raises NotNow when this is not asked now."""
        if self._question is None or self._question[0] != number or self._answer is None or self._answer.done():
            raise NotNow("this is not asked any more.")
        if text is None:
            self._answer.set_exception(NeedsPerson("it was not answered."))
        else:
            self._answer.set_result(Answer(text, keep))

    def _changed(self) -> None:
        self._serial += 1
        self._news.set()

    async def look(self, seen: int) -> dict[str, Any]:
        """How it stands, once there is something newer than `seen`, or after `LOOK`."""
        self.looked = time.monotonic()
        if self._serial <= seen:
            self._news.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                async with timeout(LOOK):
                    await self._news.wait()
        self.looked = time.monotonic()
        question = None
        if self._question is not None:
            number, asked = self._question
            question = {"id": number, **dataclasses.asdict(asked)}
        return {
            "serial": self._serial,
            "state": self._state,
            "steps": [dataclasses.asdict(step) for step in self._checkup.steps],
            "question": question,
        }

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


class Attempts:
    """All of one engine. `reached(machine, connected host)` is called when one has come to its end."""

    def __init__(self, machines: Machines, reached: Callable[[Machine, SshHost], None]) -> None:
        self._machines = machines
        self._reached = reached
        self._attempts: dict[str, Attempt] = {}
        self._numbers = itertools.count(1)
        self._sweeper: asyncio.Task[None] | None = None

    def begin(self, machine: Machine, args: Mapping[str, Any]) -> str:
        attempt = Attempt(f"a{next(self._numbers)}", self._machines, machine, args)
        self._attempts[attempt.id] = attempt
        attempt.begin(self._reached)
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep(), name="attempts nobody looks at")
        return attempt.id

    def named(self, number: str) -> Attempt:
        """Raises NotFound."""
        found = self._attempts.get(number)
        if found is None:
            raise NotFound("there is no such attempt (any more).", remedy="Begin again.")
        return found

    async def stop(self, number: str) -> None:
        attempt = self._attempts.pop(number, None)
        if attempt is not None:
            await attempt.stop()

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for number in list(self._attempts):
            await self.stop(number)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(FORGOTTEN / 10)
            for number, attempt in list(self._attempts.items()):
                if time.monotonic() - attempt.looked > FORGOTTEN:
                    await self.stop(number)
