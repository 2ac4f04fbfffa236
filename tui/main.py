"""`aml-tui`: options, the environment Textual reads when it is imported, then the console."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tui.settings import Settings

# Over SSH a frame costs what the line costs: ten a second are enough for a person.
SSH_FRAMES = "10"
# What is read before Textual is imported, which reads its part of it then.
EARLY = ("ascii", "mouse", "frames")
# Terminals that tell nothing of a mouse, or take what asks them for it as text.
NO_MOUSE = ("linux", "dumb")


@dataclass
class Given:
    """The command line's options."""

    folder: str | None = None
    project: str | None = None
    readonly: bool = False
    no_mouse: bool = False
    ascii: bool = False
    version: bool = False


def read_options(arguments: Sequence[str]) -> Given:
    """The options; a start without any does not pay for the parser."""
    given = Given()
    if arguments:
        parser().parse_args(arguments, namespace=given)
    return given


def parser() -> argparse.ArgumentParser:
    """What the command line understands."""
    import argparse

    made = argparse.ArgumentParser(
        prog="aml-tui",
        description="A console for training runs: compute targets, run configurations and run history.",
        epilog="Runs and queued work go on when the console is closed.",
    )
    made.add_argument("folder", nargs="?", help="the project folder (default: this folder, or one above it)")
    made.add_argument("-p", "--project", metavar="PATH", help="the project folder, as the other commands spell it")
    made.add_argument("--readonly", action="store_true", help="look, but refuse everything that changes something")
    made.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal (selecting, pasting)")
    made.add_argument("--ascii", action="store_true", help="draw with ASCII signs only")
    made.add_argument("--version", action="store_true", help="print the version and leave")
    return made


def prepare_environment(environ: dict[str, str] | os._Environ[str], frames: int | None = None) -> None:
    """Set what Textual reads when it is imported. What a person set stays. `frames`: a second, as set."""
    environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    if frames is not None:
        environ.setdefault("TEXTUAL_FPS", str(frames))
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        environ.setdefault("TEXTUAL_FPS", SSH_FRAMES)


def find_project(start: Path) -> Path | None:
    """The folder with `aml_config/` (or `.azureml/`) at `start` or above it; None when there is none."""
    here = start.absolute()
    for folder in (here, *here.parents):
        if (folder / "aml_config").is_dir() or (folder / ".azureml").is_dir():
            return folder
    return None


def read_early() -> Settings | None:
    """The settings that count before the first frame; what is wrong in them is told when all are read.

    Without one of them in the file nothing more is read or imported: that takes longer than the frame.
    """
    from engine.paths import current

    folder = current().config
    try:
        data = (folder / "config.yaml").read_bytes()
    except OSError:
        return None
    if not any(name.encode() in data for name in EARLY):
        return None
    from tui.settings import read_settings

    return read_settings(folder, EARLY)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console; the exit code of the program."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    options = read_options(arguments)
    if options.version:
        from importlib.metadata import version

        sys.stdout.write(f"aml-tui {version('aml-tui')}\n")
        return 0
    named = options.project or options.folder
    start = Path(named or ".").expanduser()
    if named and not start.is_dir():
        sys.stderr.write(f"aml-tui: {start}: there is no such folder. Give the folder that holds aml_config.\n")
        return 2
    # Textual reads standard input and draws on standard error.
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        sys.stderr.write("aml-tui: this is not a terminal. `aml` does the same work without one.\n")
        return 2
    early, terminal = read_early(), os.environ.get("TERM", "")
    prepare_environment(os.environ, early.frames if early else None)

    from tui.app import ConsoleApp, Options

    ascii_only = options.ascii or (early.ascii if early and early.ascii is not None else terminal == "dumb")
    mouse = not options.no_mouse and (early.mouse if early and early.mouse is not None else terminal not in NO_MOUSE)

    app = ConsoleApp(
        None,
        find_project(start),
        Options(readonly=options.readonly, ascii=ascii_only, folder=start.absolute()),
    )
    left = app.run(mouse=mouse)
    if left and not (app.terminal is not None and app.terminal.stuck):
        sys.stdout.write(f"{left}\n")
    return app.return_code or 0
