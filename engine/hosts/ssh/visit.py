"""One connection to one host while it is made: what asyncssh asks of its user, from the host's key to prompts."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING

from engine.hosts.asking import NeedsPerson, Question
from engine.hosts.ssh.effective import KEY, KEYBOARD, PASSWORD
from engine.hosts.ssh.known_hosts import Key
from engine.hosts.ssh.remembered import TRIES
from engine.plain import plain, plain_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import asyncssh

    from engine.hosts.asking import Answer
    from engine.hosts.ssh.identities import Identities
    from engine.hosts.ssh.remembered import Remembered
    from engine.hosts.ssh.trust import Trust

# How many keys a server is asked about when there is a password as well: it ends the connection after six misses.
KEYS_BEFORE_PASSWORD = 4
# A hidden prompt that a password is the answer to, and those that want something else.
IS_PASSWORD = re.compile(r"password|passwort|mot de passe|contrase|senha|wachtwoord", re.IGNORECASE)
IS_NEW = re.compile(r"\b(new|neues|nouveau|nueva)\b", re.IGNORECASE)
IS_OTHER = re.compile(r"new|re-?type|re-?enter|again|current|old|one.?time|\botp\b|token|verification", re.IGNORECASE)

logger = logging.getLogger(__name__)


class Visit:
    """Called by asyncssh in the place of an SSHClient. `say`: as `log_in`'s; `arrived`: called when bytes can pass.

    `moved`: when the host last did something. `offered`: the key it showed, once it showed one that is not accepted as
    it is. `begun`: whether its key was accepted. `methods`: how one may log in there, as far as it has said.
    `sent`: the method of what was sent last, and `how` in words.
    """

    def __init__(
        self,
        label: str,
        trust: Trust,
        identities: Identities,
        passwords: Passwords,
        say: Callable[[str, str, str], None],
        arrived: Callable[[], None],
    ) -> None:
        self.label = label
        self.trust = trust
        self.identities = identities
        self.passwords = passwords
        self.moved = time.monotonic()
        self.connected = self.begun = False
        self.offered: Key | None = None
        self.stranger = False
        self.methods: list[str] = []
        self.sent = ""
        self.how = "without authentication"
        self.note = ""
        self._say = say
        self._arrived = arrived
        self._connection: asyncssh.SSHClientConnection | None = None
        self._instructions = ""

    # What asyncssh only tells.

    def connection_made(self, connection: asyncssh.SSHClientConnection) -> None:
        self._connection = connection
        self.connected = True
        self._moved()
        self._arrived()
        self._say("host key", "working", "")

    def connection_lost(self, error: Exception | None) -> None:
        self._moved()

    @property
    def version(self) -> str:
        """What the server calls itself; "" when it has not said."""
        return str((self._connection and self._connection.get_extra_info("server_version")) or "")

    def debug_msg_received(self, text: str, lang: str, always_display: bool) -> None:
        self._moved()

    def auth_banner_received(self, text: str, lang: str) -> None:
        self._moved()
        logger.debug("%s says: %s", self.label, plain_lines(text[:4000]))

    def begin_auth(self, username: str) -> None:
        self._moved()
        self.begun = True
        key = self._connection.get_server_host_key() if self._connection else None
        if key is not None and not self.note:
            shown = _key(key)
            place = self.trust.place_of(shown) or "by its certificate"
            self.note = f"{shown.title} {shown.fingerprint}, {place}"
        self._say("host key", "ok", self.note)
        self._say("authenticate", "working", "")

    def auth_completed(self) -> None:
        self._moved()

    # Its key.

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self._moved()
        shown = _key(key)
        if self.trust.accepts(shown):
            return True
        self.offered = shown
        return False

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self._moved()
        self.stranger = not self.trust.is_authority(_key(key))
        return not self.stranger

    # Ways to log in.

    async def public_key_auth_requested(self) -> asyncssh.SSHKeyPair | None:
        await self._next()
        pair = await self.identities.next(KEYS_BEFORE_PASSWORD if self.passwords.expected else None)
        if pair is not None:
            self._sends(KEY, f"by {self.identities.tried[-1]}")
        return pair

    async def password_auth_requested(self) -> str | None:
        await self._next()
        # Who was refused a password may have to answer more than that: then the host asks for it by itself.
        if self.passwords.refused and KEYBOARD in self.methods and not await self.passwords.at_hand():
            return None
        text = await self.passwords.next()
        if text is not None:
            self._sends(PASSWORD, "by password")
        return text

    async def password_change_requested(self, prompt: str, lang: str) -> tuple[str, str]:
        self._moved()
        old = self.passwords.pending or ""
        return old, (await self._prompted(prompt, secret=True, new=True)).text

    def password_changed(self) -> None:
        self._moved()

    def password_change_failed(self) -> None:
        self._moved()

    async def kbdint_auth_requested(self) -> str | None:
        await self._next()
        self._instructions = ""
        return "" if await self.passwords.more() else None

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        self._moved()
        self._instructions = "\n".join(filter(None, (self._instructions, plain_lines(name), plain_lines(instructions))))
        given = []
        for text, echo in prompts:
            self._sends(KEYBOARD, "by keyboard-interactive")
            # PAM puts what it has to tell before the prompt itself.
            *told, prompt = plain_lines(text).strip().splitlines() or [""]
            self._instructions = "\n".join(filter(None, (self._instructions, *told)))
            if len(prompts) == 1 and not echo and IS_PASSWORD.search(prompt) and not IS_OTHER.search(prompt):
                password = await self.passwords.next()
                if password is None:
                    return None
                given.append(password)
            else:
                new = not echo and bool(IS_NEW.search(prompt))
                given.append((await self._prompted(prompt, secret=not echo, new=new)).text)
        if prompts:
            self._instructions = ""
        return given

    async def _prompted(self, prompt: str, secret: bool, new: bool) -> Answer:
        """`new`: the answer is going to be the password."""
        title = plain(prompt).strip() or "The host asks"
        text = "\n".join(filter(None, (f"{self.passwords.whom} asks this.", self._instructions)))
        question = Question("prompt", title, text, f"prompt {title} {self.passwords.whom}", secret=secret)
        try:
            answer = await self.passwords.remembered.ask(question)
        except NeedsPerson as error:
            if not self.passwords.remembered.nobody:
                raise
            raise NeedsPerson(f"{self.passwords.whom} asks: {title}", remedy=error.remedy) from None
        self._moved()
        if new:
            self.passwords.renewed = answer
        return answer

    async def _next(self) -> None:
        """Another way is tried: what was sent last did not do, or was not all."""
        self._moved()
        offered = list(self._connection.get_server_auth_methods()) if self._connection else []
        self.methods += [one for one in offered if one not in self.methods]
        # What was right, but not enough, is no longer offered.
        await self.passwords.settle(wrong=self.sent in offered)

    def _sends(self, method: str, how: str) -> None:
        self._moved()
        self.sent, self.how = method, how

    def _moved(self) -> None:
        self.moved = time.monotonic()


class Passwords:
    """The passwords for one person at one host. `whom`: "alice@gpu-box". `refused`: whether one was, in this login.

    `pending`: the one that was sent last, as long as it is not known whether it is right.
    """

    def __init__(self, whom: str, reference: str, remembered: Remembered, on_the_way: str, given: str = "") -> None:
        self.whom = whom
        self.about = f"password {whom}"
        self.remembered = remembered
        self.refused = False
        self.pending: str | None = None
        self.renewed: Answer | None = None
        self._keep = False
        self._asked = 0
        self._reference = reference
        self._on_the_way = on_the_way
        # What somebody has just typed is tried alone: what let in must be what they meant.
        self._stored: list[str] | None = [given] if given else None

    @property
    def expected(self) -> bool:
        """Whether one seems to be known. The key store is not asked: it may have to be opened by hand."""
        return bool(self._stored or self._reference) or self.remembered.answers.get(self.about) is not None

    async def at_hand(self) -> bool:
        """Whether one is known that was not refused yet."""
        if self._stored is None:
            self._stored = await self.remembered.stored(self.about, self._reference)
        return bool(self._stored)

    async def more(self) -> bool:
        """Whether there is another try, with one that is known or by asking."""
        return await self.at_hand() or (self._asked < TRIES and not self.remembered.nobody)

    async def next(self) -> str | None:
        """The next one to send, asked for when none is known; None when there is none more. Raises NeedsPerson."""
        if not await self.more():
            return None
        if self._stored:
            self.pending, self._keep = self._stored.pop(0), False
            return self.pending
        answer = await self.remembered.ask(self._question())
        self._asked += 1
        if not answer.text:
            self._asked = TRIES
            return None
        self.pending, self._keep = answer.text, answer.keep
        return answer.text

    def _question(self) -> Question:
        text = " ".join(filter(None, (self._on_the_way, "It was refused." if self.refused else "")))
        return Question("password", f"The password of {self.whom}", text, self.about)

    async def blocked(self) -> NeedsPerson | None:
        """What is wrong where the known ones were refused, and nobody is there to type another."""
        refused = self.refused or self.remembered.answers.blocked(self.about)
        return await self.needed() if refused and self.remembered.nobody and not await self.at_hand() else None

    async def needed(self) -> NeedsPerson:
        """What is wrong where only a password would let in."""
        remedy = ""
        if self.remembered.nobody:
            try:
                await self.remembered.ask(self._question())
            except NeedsPerson as error:
                remedy = error.remedy
        if self.refused or self.remembered.answers.blocked(self.about):
            return NeedsPerson(f"the password of {self.whom} was refused.", remedy=remedy)
        trouble = f" The key store could not be read: {self.remembered.trouble}" if self.remembered.trouble else ""
        return NeedsPerson(f"the password of {self.whom} is needed.{trouble}", remedy=remedy)

    async def settle(self, wrong: bool) -> None:
        """It is known now whether the one that was sent is right."""
        text, self.pending = self.pending, None
        if text is None:
            return
        if wrong:
            self.refused = True
            await self.remembered.wrong(self.about, text)
        else:
            await self.remembered.right(self.about, text, self._keep)

    async def accepted(self) -> None:
        """Somebody is logged in with what was sent last."""
        renewed, self.renewed = self.renewed, None
        if renewed is not None:
            self.pending = None
            await self.remembered.right(self.about, renewed.text, renewed.keep, self._reference)
        await self.settle(wrong=False)
        self.remembered.answers.unblock(self.about)


def _key(key: asyncssh.SSHKey) -> Key:
    return Key(key.algorithm.decode("ascii", "replace"), key.public_data)
