"""The console's themes: colours, and where there are none, what is left without them.

It is imported before the first frame: nothing but Textual's own here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual.filter import Monochrome, NoColor
from textual.theme import BUILTIN_THEMES, Theme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.filter import LineFilter

DARK = Theme(
    name="aml-dark",
    primary="#7aa2d6",
    secondary="#5d7ea8",
    accent="#6cb6d9",
    foreground="#d4d7dd",
    background="#15171c",
    surface="#1b1e24",
    panel="#22262e",
    success="#83b87a",
    warning="#d8ad62",
    error="#e68c87",
    dark=True,
    variables={"border": "#5a7ea8", "border-blurred": "#3a404b", "block-cursor-background": "#2c3a4f"},
)
LIGHT = Theme(
    name="aml-light",
    primary="#2a5d99",
    secondary="#4b759f",
    accent="#0f627e",
    foreground="#24292f",
    background="#fbfbfa",
    surface="#f3f3f1",
    panel="#e9e9e6",
    success="#246b28",
    warning="#845700",
    error="#b3312c",
    dark=False,
    variables={
        "border": "#4b759f",
        "border-blurred": "#c3c6ca",
        "block-cursor-background": "#d6e3f3",
        "text-disabled": "auto 50%",
    },
)
CONTRAST_DARK = Theme(
    name="aml-contrast-dark",
    primary="#9fd0ff",
    secondary="#9fd0ff",
    accent="#6fe3ff",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#141414",
    success="#7df07d",
    warning="#ffd75f",
    error="#ffaca6",
    dark=True,
    variables={
        "border": "#ffffff",
        "border-blurred": "#9a9a9a",
        "block-cursor-background": "#12306b",
        "text-muted": "#e0e0e0",
        "text-disabled": "#b0b0b0",
        "input-cursor-background": "#ffffff",
        "input-cursor-foreground": "#000000",
    },
)
CONTRAST_LIGHT = Theme(
    name="aml-contrast-light",
    primary="#00327a",
    secondary="#00327a",
    accent="#00405c",
    foreground="#000000",
    background="#ffffff",
    surface="#ffffff",
    panel="#f0f0f0",
    success="#00450a",
    warning="#553200",
    error="#820000",
    dark=False,
    variables={
        "border": "#000000",
        "border-blurred": "#606060",
        "block-cursor-background": "#ffe27a",
        "text-muted": "#262626",
        "text-disabled": "#4a4a4a",
        "input-cursor-background": "#000000",
        "input-cursor-foreground": "#ffffff",
    },
)
# A theme of its own, so that Textual draws everything anew when it is chosen or left.
MONO = replace(BUILTIN_THEMES["ansi-dark"], name="aml-mono")
OURS = (DARK, LIGHT, CONTRAST_DARK, CONTRAST_LIGHT, MONO)


@dataclass(frozen=True)
class Look:
    """A theme as a person chooses it. `theme`: Textual's name for it; `plain`: no colours are written at all."""

    name: str
    theme: str
    words: str
    plain: bool = False


LOOKS = (
    Look("dark", DARK.name, "light on dark"),
    Look("light", LIGHT.name, "dark on light"),
    Look("contrast-dark", CONTRAST_DARK.name, "strong contrast, white on black"),
    Look("contrast-light", CONTRAST_LIGHT.name, "strong contrast, black on white"),
    Look("ansi", "ansi-dark", "the terminal's own 16 colours, dark"),
    Look("ansi-light", "ansi-light", "the terminal's own 16 colours, light"),
    Look("mono", MONO.name, "no colours: bold, dim, reversed", plain=True),
)
BY_NAME = {look.name: look for look in LOOKS}
# Terminals without colours of their own.
NO_COLOURS = NoColor()
COLOURLESS = ("dumb", "vt100", "vt102", "vt220")


def suitable(environ: Mapping[str, str], colours: str | None) -> Look:
    """The look for this terminal when none was chosen.

    `colours`: what Rich found, "standard" for sixteen. Without colours where `NO_COLOR` is set (to anything but
    nothing, as no-color.org has it) or the terminal has none; light where the terminal says that it is.
    """
    if environ.get("NO_COLOR") or environ.get("TERM") in COLOURLESS:
        return BY_NAME["mono"]
    light = environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")
    if colours == "standard":
        return BY_NAME["ansi-light" if light else "ansi"]
    return BY_NAME["light" if light else "dark"]


def without_colours(filters: Sequence[LineFilter]) -> list[LineFilter]:
    """Textual's filters, and one that takes all colours out.

    Its own for `NO_COLOR` is made for greys: with that a terminal would still be told colours.
    """
    return [*(one for one in filters if not isinstance(one, (Monochrome, NoColor))), NO_COLOURS]
