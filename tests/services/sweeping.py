"""Removing what test processes left on the machine that were killed."""

from __future__ import annotations

from tests.services import network, ownership, people


def sweep() -> None:
    """Remove networks, users and folders of test processes that are no more.

    One process at a time: who removes a folder has it open, and what has it open is ended.
    """
    with ownership.alone("sweep"):
        network.sweep_namespaces()
        people.sweep_users()
        ownership.sweep_folders()
