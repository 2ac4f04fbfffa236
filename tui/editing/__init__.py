"""Changing the project's files in the console: what is edited, its rows, its colours. No widgets, no disk."""
