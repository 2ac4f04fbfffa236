"""A driver log as something to look at: any size, growing, read by offset; no Textual in here."""
