"""One command: its options, its help, what it does. A parser is built for the command that runs, and for no other."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NoReturn

from cli import failing

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = ("table", "json", "yaml", "tsv")


class Parser(argparse.ArgumentParser):
    """Errors are raised as UsageError, in the same form as every other error."""

    def error(self, message: str) -> NoReturn:
        raise failing.usage_error(message, self.prog)


class Command:
    """`options` adds to the parser; `do` gets what was parsed and returns the exit code.

    `output` is the format when none is asked for, "" when that is a form of its own; None for a command without data.
    `split` divides the arguments where they stop being ours (the script's own); its rest is in `rest`.
    """

    def __init__(
        self,
        summary: str,
        do: Callable[[argparse.Namespace], int],
        *,
        options: Callable[[Parser], None] | None = None,
        examples: str = "",
        about: str = "",
        output: str | None = "json",
        project: bool = True,
        split: Callable[[Parser, list[str]], tuple[list[str], list[str]]] | None = None,
    ) -> None:
        self.summary = summary
        self._do = do
        self._options = options
        self._examples = examples
        self._about = about
        self._output = output
        self._project = project
        self._split = split

    def parser(self, program: str) -> Parser:
        parser = Parser(
            prog=program,
            description=self._about or f"{self.summary[:1].upper()}{self.summary[1:]}.",
            epilog=f"examples:\n{self._examples}" if self._examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            add_help=False,
        )
        if self._options is not None:
            self._options(parser)
        common = parser.add_argument_group("common options")
        if self._project:
            common.add_argument(
                "-p", "--project", metavar="PATH", default=".", help="the project folder, or one in it (default: here)"
            )
        if self._output is not None:
            common.add_argument(
                "-o",
                "--output",
                choices=FORMATS,
                default=self._output,
                metavar="FORMAT",
                help=f"{', '.join(FORMATS)}" + (f" (default: {self._output})" if self._output else ""),
            )
            common.add_argument("--query", metavar="JMESPATH", help="what to show of it; see https://jmespath.org")
        common.add_argument("--debug", action="store_true", help="show a traceback when it fails")
        common.add_argument("-h", "--help", action="help", help="show this help and leave")
        return parser

    def run(self, program: str, arguments: list[str]) -> int:
        parser = self.parser(program)
        rest: list[str] = []
        if self._split is not None:
            arguments, rest = self._split(parser, arguments)
        options = parser.parse_args(arguments)
        options.rest = rest
        options.program = program
        failing.debug = options.debug
        return self._do(options)
