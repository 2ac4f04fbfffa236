"""Over which hosts the way to a machine leads, each as its own SSH configuration has it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from engine.errors import AmlError, HostError
from engine.hosts.ssh.effective import effective
from engine.hosts.ssh.trouble import RESOLVE, Hop
from engine.project.machine import Machine, split_address

if TYPE_CHECKING:
    from collections.abc import Mapping

# Nobody jumps so often, except in a circle.
MOST = 8


def route(machine: Machine, environ: Mapping[str, str]) -> list[Hop]:
    """The hops, the machine itself last. Blocks. Raises HostError, with its step."""
    try:
        return _route(machine, machine.name, environ, MOST)
    except HostError as error:
        error.where = machine.name
        error.__dict__["step"] = RESOLVE
        raise


def _route(machine: Machine, target: str, environ: Mapping[str, str], most: int) -> list[Hop]:
    if not most:
        raise HostError(
            "the jump hosts lead in a circle.", remedy="Except the jump host itself from its own ProxyJump."
        )
    way = effective(machine, environ)
    hops: list[Hop] = []
    for text in way.proxy_jump:
        jump = _machine(text)
        if hops:
            # What comes after the first is reached through the one before it, whatever its own configuration says.
            own = effective(jump, environ)
            hops.append(Hop(jump, dataclasses.replace(own, proxy_jump=(), proxy_command=""), target, last=False))
        else:
            hops = [dataclasses.replace(hop, last=False) for hop in _route(jump, target, environ, most - 1)]
    return [*hops, Hop(machine, way, target, last=True)]


def _machine(text: str) -> Machine:
    """A hop as OpenSSH writes it: `user@host:port`, or that behind `ssh://`."""
    user, _, address = text.removeprefix("ssh://").rpartition("@")
    try:
        host, port = split_address(address)
    except AmlError as error:
        raise HostError(f"the jump host {text!r} is none: {error.message}", remedy=error.remedy) from None
    return Machine(address=host, port=port, username=user)
