"""Asking the person at the terminal. Where nobody is, nothing is asked: a script must not stop at a question."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.plain import plain, plain_lines

if TYPE_CHECKING:
    from typing import TextIO

TERMINAL = Path("/dev/tty")


class Person:
    """`there` is whether somebody can be asked. `stdin_taken`: data comes by stdin, questions go to the terminal."""

    def __init__(self, *, stdin_taken: bool = False) -> None:
        self.there = sys.stderr.isatty() and (_terminal() if stdin_taken else sys.stdin.isatty())
        self._stdin_taken = stdin_taken

    def say(self, text: str) -> None:
        """A paragraph beside the question. What is in it came from outside."""
        sys.stderr.write(plain_lines(text) + "\n")

    def secret(self, title: str) -> str | None:
        """What is typed without being shown; None when they end the input instead."""
        import getpass

        try:
            return getpass.getpass(f"{plain(title).rstrip(': ')}: ")
        except EOFError:
            return None

    def line(self, title: str) -> str | None:
        """What is typed, without its line end; None when they end the input instead."""
        sys.stderr.write(f"{plain(title).rstrip()} ")
        sys.stderr.flush()
        if not self._stdin_taken:
            return _without_end(sys.stdin)
        with TERMINAL.open(encoding=sys.stdin.encoding) as terminal:
            return _without_end(terminal)

    def agrees(self, question: str, *, default: bool) -> bool:
        """yes or no, with a default for an empty answer."""
        answer = (self.line(f"{question} [{'Y/n' if default else 'y/N'}]") or "").strip().lower()
        return default if not answer else answer in ("y", "yes")

    def confirms(self, question: str) -> bool:
        """The same for what should be read first: the word has to be written out. No answer is no."""
        while True:
            answer = self.line(f"{question} (yes/no)")
            word = (answer or "no").strip().lower()
            if word in ("yes", "no"):
                return word == "yes"
            self.say("Please write yes or no.")


def _terminal() -> bool:
    try:
        with TERMINAL.open():
            return True
    except OSError:
        return False


def _without_end(file: TextIO) -> str | None:
    line = file.readline()
    return line.rstrip("\r\n") if line else None
