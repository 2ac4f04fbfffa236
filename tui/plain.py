"""Drawable text, as the command line has it too."""

from engine.plain import plain, plain_lines

__all__ = ["plain", "plain_lines"]
