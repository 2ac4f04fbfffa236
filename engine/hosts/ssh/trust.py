"""Whether a host is the one it was: its key compared with what OpenSSH's files hold, and with what a person says."""

from __future__ import annotations

import base64
import logging
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.hosts.asking import KEY_CHANGED, KEY_UNKNOWN, NeedsPerson, Question
from engine.hosts.ssh import known_hosts
from engine.hosts.ssh.aside import aside
from engine.hosts.ssh.known_hosts import Entry, Key
from engine.plain import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.hosts.asking import Asker
    from engine.hosts.ssh.answers import Answers
    from engine.hosts.ssh.effective import Effective

# Where a key stands that was accepted and could be written nowhere.
HERE = "accepted since this engine runs"
# A key of one kind signs under several names; all others under the kind's own.
SIGNS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")}
CERTIFICATE = "-cert-v0"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trust:
    """What is known of one host. `name`: as its lines are written.

    `known`: lines for exactly this name. `bare`: lines without the port, which are good for every port as long as there
    are none with it, but never say that a key has changed. `whole`: every line of every file.
    """

    name: str
    effective: Effective
    known: tuple[Entry, ...] = ()
    bare: tuple[Entry, ...] = ()
    authorities: tuple[Entry, ...] = ()
    revoked: tuple[Entry, ...] = ()
    whole: tuple[Entry, ...] = field(default=(), repr=False)

    def place_of(self, key: Key) -> str:
        """Where it is known from; "" for a key that is not known."""
        return next((entry.place for entry in (*self.known, *self.bare) if entry.key == key), "")

    def is_revoked(self, key: Key) -> bool:
        return any(entry.key == key for entry in self.revoked)

    def is_authority(self, key: Key) -> bool:
        """Whether a certificate that this key signed is as good as a known key."""
        return any(entry.key == key for entry in self.authorities) and not self.is_revoked(key)

    def accepts(self, key: Key) -> bool:
        """Whether nobody needs to be asked."""
        return bool(self.place_of(key)) and not self.is_revoked(key)

    def algorithms(self, supported: Sequence[str], certificates: bool = True) -> list[str]:
        """Which host keys to ask for, best first: those that can be verified before others, as OpenSSH does.

        A host whose ED25519 key is known must not look changed because it has an RSA key as well. `certificates`:
        False once a certificate turned out to be of an authority that is not known.
        """
        wanted = [one for one in self.effective.host_key_algorithms if one in supported] or list(supported)
        signed = {alg for entry in (*self.known, *self.bare) for alg in SIGNS.get(entry.key.kind, (entry.key.kind,))}
        certified = [one for one in wanted if CERTIFICATE in one and certificates and self.authorities]
        plain_ones = [one for one in wanted if CERTIFICATE not in one]
        return certified + sorted(plain_ones, key=lambda one: one not in signed)


def look(effective: Effective, answers: Answers) -> Trust:
    """Read the files. Blocks. Raises HostError when the list of revoked keys cannot be used."""
    entries = known_hosts.read((*effective.user_known_hosts, *effective.global_known_hosts))
    name, bare = known_hosts.host_name(effective.host, effective.port), known_hosts.host_name(effective.host, 22)
    if effective.host_key_alias:
        name = bare = effective.host_key_alias.lower()
    kept = answers.get(_about(name))
    if kept is not None:
        kind, _, text = kept.partition(" ")
        entries.append(Entry(HERE, 0, "", name, Key(kind, base64.b64decode(text))))
    exact = [entry for entry in entries if entry.matches(name)]
    without = [entry for entry in entries if bare != name and entry.matches(bare)]
    revoked = [entry for entry in (*exact, *without) if entry.marker == known_hosts.REVOKED]
    if effective.revoked_host_keys:
        revoked += known_hosts.revoked_keys(effective.revoked_host_keys)
    if any(entry.marker != known_hosts.REVOKED for entry in exact):
        without = []
    return Trust(
        name,
        effective,
        known=tuple(entry for entry in exact if not entry.marker),
        bare=tuple(entry for entry in without if not entry.marker),
        authorities=tuple(entry for entry in (*exact, *without) if entry.marker == known_hosts.CA),
        revoked=tuple(revoked),
        whole=tuple(entries),
    )


async def settle(trust: Trust, key: Key, ask: Asker, answers: Answers) -> str:
    """Decide about a key that nothing accepts by itself. Returns in words why it is accepted now.

    Raises NeedsPerson for one that is revoked or changed, and when nobody says that an unknown one is right.
    """
    if trust.is_revoked(key):
        raise NeedsPerson(
            f"the host key of {trust.name} is revoked: {key.title} {key.fingerprint}.",
            remedy="Somebody holds a copy of it. Ask who runs the host for a new key before anything is sent there.",
            state=KEY_CHANGED,
        )
    if trust.known:
        raise _changed(trust, key)
    strict = trust.effective.strict
    if strict == "yes":
        raise NeedsPerson(
            f"the host key of {trust.name} is not known, and StrictHostKeyChecking of your SSH configuration "
            f"forbids to ask: {key.title} {key.fingerprint}.",
            remedy="Once you are sure that it is the right one, add it to your known_hosts (see `man ssh-keyscan`).",
            state=KEY_UNKNOWN,
        )
    if strict == "ask":
        answer = await ask.ask(_question(trust, key))
        if answer.text.strip().lower() != "yes":
            raise NeedsPerson(
                f"the host key of {trust.name} was not accepted: {key.title} {key.fingerprint}.",
                remedy=f"Compare it on the host itself: {_compare(key)}.",
                state=KEY_UNKNOWN,
            )
    place = await aside(_keep, trust, key, answers)
    logger.info("%s: host key %s %s accepted, %s", trust.name, key.title, key.fingerprint, place)
    return f"accepted now, {place}"


def _keep(trust: Trust, key: Key, answers: Answers) -> str:
    """Write it where OpenSSH would, or keep it in memory where there is no such place."""
    files = trust.effective.user_known_hosts
    if files:
        try:
            return f"in {known_hosts.add(files[0], trust.name, key, trust.effective.hash_known_hosts)}"
        except OSError as error:
            logger.warning("%s cannot be written (%s): the host key is kept in memory", files[0], error.strerror)
    answers.put(_about(trust.name), key.text)
    return "for as long as this engine runs"


def _about(name: str) -> str:
    return f"host key {name}"


def _question(trust: Trust, key: Key) -> Question:
    text = f"It is {key.title} {key.fingerprint}; on the host itself, {_compare(key)} shows it."
    same = [entry for entry in trust.whole if entry.key == key and not entry.marker]
    if same:
        names = [
            f"a host of {entry.place}" if entry.names.startswith(known_hosts.HASHED) else plain(entry.names)
            for entry in same[:5]
        ]
        more = f" and {len(same) - 5} more" if len(same) > 5 else ""
        text += f" You know the same key as that of {', '.join(names)}{more}."
    return Question(
        "host key", f"The host key of {trust.name} is not known yet.", text, _about(trust.name), secret=False
    )


def _changed(trust: Trust, key: Key) -> NeedsPerson:
    old = next((entry for entry in trust.known if entry.key.kind == key.kind), trust.known[0])
    if old.file == HERE:
        todo = "type `aml engine restart`"
    else:
        todo = f"type: ssh-keygen -f {shlex.quote(old.file)} -R {shlex.quote(trust.name)}"
    return NeedsPerson(
        f"the host key of {trust.name} has changed. It was {old.key.title} {old.key.fingerprint} ({old.place}); "
        f"now it is {key.title} {key.fingerprint}. Either the host was installed anew, or somebody is in between.",
        remedy=f"Compare it on the host itself ({_compare(key)}), or ask who runs it. Only once you are sure, {todo}",
        state=KEY_CHANGED,
    )


def _compare(key: Key) -> str:
    return f"`ssh-keygen -lf /etc/ssh/ssh_host_{key.title.lower()}_key.pub`"
