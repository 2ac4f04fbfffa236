"""What can go wrong, told to a person: what, where, and what to do.

Every error that reaches a face is an `AmlError`. It crosses the engine's socket as `to_json` and
comes back as the same class by its `code`.
"""

from __future__ import annotations

import errno
from typing import Any, ClassVar


class AmlError(Exception):
    """Something did not work.

    `message` says what, `remedy` what to do, `where` names the place as "file:line:column" or a target.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    _by_code: ClassVar[dict[str, type[AmlError]]] = {}

    def __init__(self, message: str, *, remedy: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.where = where

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        AmlError._by_code[cls.code] = cls

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        todo = f" {self.remedy}" if self.remedy else ""
        return f"{place}{self.message}{todo}"

    def to_json(self) -> dict[str, Any]:
        """The error as it crosses the socket: code, message, remedy, where."""
        return {"code": self.code, "message": self.message, "remedy": self.remedy, "where": self.where}

    @staticmethod
    def from_json(data: dict[str, Any]) -> AmlError:
        """The same error on the other side of the socket; an unknown code becomes a plain `AmlError`."""
        kind = AmlError._by_code.get(str(data.get("code")), AmlError)
        return kind(str(data.get("message", "")), remedy=str(data.get("remedy", "")), where=str(data.get("where", "")))


class UsageError(AmlError):
    """The command line asks for something that does not exist."""

    code = "usage"
    exit_code = 2


class ProjectError(AmlError):
    """A file of the project cannot be used as it is."""

    code = "project"


class NotFound(AmlError):
    """A run, target, configuration or file that was named does not exist."""

    code = "not-found"
    exit_code = 3


class NotNow(AmlError):
    """The thing exists, but its state does not allow this (cancel a run that has ended)."""

    code = "not-now"


class StoreError(AmlError):
    """The run history cannot be read or written."""

    code = "store"


class EngineUnavailable(AmlError):
    """The engine is not running and could not be started, or does not answer."""

    code = "engine-unavailable"
    exit_code = 4


def is_full(error: OSError | HostError) -> bool:
    """Whether what was refused would be done if there were room on the disk."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


class HostError(AmlError):
    """A host, or the agent on it, refused or failed. `errno`: the system's number there, where it had one.

    `step`: at which step of logging in, where it was one ("resolve", "tcp", "host key", "authenticate").
    """

    code = "host"
    errno: int | None = None
    step: str = ""

    @property
    def disk_full(self) -> bool:
        """Whether it would do what was asked if there were room."""
        return is_full(self)


class HostLost(HostError):
    """Contact with a host was lost. Says nothing about the runs on it."""

    code = "host-lost"


class NothingThere(HostError):
    """A host reaches this address, and nothing answers at this port of it."""

    code = "nothing-there"


class LaunchError(AmlError):
    """A script could not be started on its target."""

    code = "launch"


class Unsupported(AmlError):
    """A documented thing of the original that this release does not do yet."""

    code = "unsupported"


class EnvironmentFailed(AmlError):
    """The environment of a run cannot be made as its files ask for it."""

    code = "environment"
