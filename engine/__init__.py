"""The engine of aml-tui: runs, targets, history. It prints nothing and knows no terminal."""

__version__ = "0.2.0"
