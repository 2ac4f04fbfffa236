"""One thing wrong in one file: where, what, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import ProjectError


@dataclass(frozen=True)
class Problem:
    """`file` relative to the project; `line` and `column` from 1, 0 when the whole file is meant.

    `severity` is "error" (the file cannot be used) or "warning" (it can).
    """

    file: str
    line: int
    column: int
    message: str
    remedy: str = ""
    severity: str = "error"

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" + (f" {self.remedy}" if self.remedy else "")

    def error(self) -> ProjectError:
        """The same as something to raise."""
        return ProjectError(self.message, remedy=self.remedy, where=self.where)
