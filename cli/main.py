"""`aml`: picks the command and runs it. Everything a command needs is imported when it is picked, not before."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.command import Command

GROUPS = {
    "project": "make, check and list projects",
    "computetarget": "where scripts run",
    "runconfiguration": "how scripts run",
    "experiment": "submit scripts, watch and cancel their runs",
    "environment": "what scripts on Docker targets run in: prepared once, used by many",
    "history": "what ran, with its metrics and outputs",
    "engine": "the process that keeps runs in hand",
}
ALIASES = {f"{group}s": group for group in ("runconfiguration", "computetarget", "experiment", "environment")}

EXAMPLES = """\
examples:
  aml project create -n iris --path iris
  aml experiment submit -c local train.py --epochs 3
  aml experiment logs -r iris-042 -f
  aml history list -o table

`aml GROUP -h` lists the commands of a group, `aml GROUP COMMAND -h` explains one.
The console with all of it is `aml-tui`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. The exit code: 0, the run's own for `experiment submit`, or 1 to 4 as errors have it."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in ("--version", "-V"):
        from engine import __version__

        sys.stdout.write(f"aml {__version__}\n")
        return 0
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        _list("usage: aml GROUP COMMAND ...", "groups", GROUPS, EXAMPLES)
        return 0
    from cli.failing import guarded

    return guarded(_run, arguments)


def _run(arguments: list[str]) -> int:
    from importlib import import_module

    from engine.errors import Unsupported, UsageError

    group = ALIASES.get(arguments[0], arguments[0])
    if group not in GROUPS:
        raise UsageError(f"there is no command group {arguments[0]!r}.", remedy=_closest(arguments[0], GROUPS, "aml"))
    module = import_module(f"cli.groups.{group}")
    commands: dict[str, Command] = module.COMMANDS
    if len(arguments) == 1 or arguments[1] in ("-h", "--help"):
        summaries = {name: command.summary for name, command in commands.items()}
        _list(f"usage: aml {group} COMMAND ...", "commands", summaries, f"`aml {group} COMMAND -h` explains one.")
        return 0
    command = commands.get(arguments[1])
    if command is None:
        later: dict[str, str] = getattr(module, "LATER", {})
        if arguments[1] in later:
            raise Unsupported(f"`aml {group} {arguments[1]}` is not in this release.", remedy=later[arguments[1]])
        raise UsageError(
            f"there is no command `aml {group} {arguments[1]}`.",
            remedy=_closest(arguments[1], commands, f"aml {group}"),
        )
    return command.run(f"aml {group} {arguments[1]}", arguments[2:])


def _closest(word: str, known: dict[str, str] | dict[str, Command], program: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1)
    return f"Did you mean `{program} {close[0]}`?" if close else f"`{program} -h` lists what there is."


def _list(usage: str, title: str, entries: dict[str, str], end: str) -> None:
    width = max(map(len, entries))
    lines = "".join(f"  {name:<{width}}  {summary}\n" for name, summary in entries.items())
    sys.stdout.write(f"{usage}\n\n{title}:\n{lines}\n{end}\n")


if __name__ == "__main__":
    sys.exit(main())
