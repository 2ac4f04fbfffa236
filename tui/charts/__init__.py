"""Metrics as charts: read from the store as they grow, reduced to what the columns can show, drawn with plotext."""
