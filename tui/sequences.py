"""What a terminal is told beside what it draws: through tmux and screen, and desktop notices as each knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

# screen cuts device control strings longer than this into nothing.
SCREEN_PIECE = 240
# A notice is a line or two on a desktop: characters.
LONGEST = 200
# By what a terminal says of itself: the environment's variable, how its value begins, the protocol it takes.
KNOWN = (
    ("KITTY_WINDOW_ID", "", "osc99"),
    ("TERM", "xterm-kitty", "osc99"),
    ("VTE_VERSION", "", "osc777"),
    ("KONSOLE_VERSION", "", "osc777"),
    ("TERM", "foot", "osc777"),
    ("TERM", "rxvt", "osc777"),
    ("TERM_PROGRAM", "ghostty", "osc777"),
    ("TERM_PROGRAM", "WezTerm", "osc777"),
    ("LC_TERMINAL", "iTerm2", "osc9"),
)
# These would show such a sequence as text.
DEAF = ("linux", "dumb", "vt")


def through(sequence: str, environ: Mapping[str, str]) -> str:
    """The sequence so that the terminal one sits at gets it, whatever is between: tmux, screen, nothing."""
    if environ.get("TMUX"):
        # tmux passes on what is inside, with every escape doubled.
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environ.get("TERM", "").startswith("screen"):
        pieces = [sequence[i : i + SCREEN_PIECE] for i in range(0, len(sequence), SCREEN_PIECE)]
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return sequence


def protocol(environ: Mapping[str, str]) -> str:
    """What this terminal takes for a desktop notice: osc9, osc777 or osc99; "" where it would be shown as text.

    One that is not known gets OSC 9, which those that do not know it swallow.
    """
    if environ.get("TERM", "").startswith(DEAF):
        return ""
    for name, begins, known in KNOWN:
        if environ.get(name, "").startswith(begins or "\0") or (not begins and environ.get(name)):
            return known
    return "osc9"


def desktop_notice(text: str, chosen: str, environ: Mapping[str, str]) -> str:
    """The sequence for a desktop notice, "" when there is none for this terminal. `chosen`: auto or a protocol."""
    # Text from outside: without control characters, and without what separates the parts of a sequence.
    said = plain(text)[:LONGEST]
    made = {
        "osc9": f"\x1b]9;{said}\x07",
        "osc777": f"\x1b]777;notify;aml-tui;{said.replace(';', ',')}\x07",
        "osc99": f"\x1b]99;;{said}\x1b\\",
    }.get(protocol(environ) if chosen == "auto" else chosen, "")
    return through(made, environ) if made else ""
