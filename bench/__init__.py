"""Measurements. Each is a command, `python -m bench.NAME`, that prints a table with its baseline from the same run."""
