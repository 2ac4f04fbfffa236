"""The keys of the edit screen, as its last line and its help show them."""

from __future__ import annotations

from textual.content import Content

from tui.screens.text import keys_text

FORM_KEYS = (
    ("enter", "Change the value; enter takes it, esc leaves it as it was"),
    ("right,l,space", "Turn a choice"),
    ("left,h", "Turn it the other way"),
    ("a,plus", "One more item of the list"),
    ("delete,x", "Remove the item, or the key: its default holds then"),
    ("K,J", "Move the item up or down (shift with an arrow too)"),
    ("o", "Open the dependency file that is named"),
    ("v", "Show or hide secrets"),
    ("n", "To the next problem"),
    ("E", "A copy in $EDITOR"),
    ("q", "Back"),
)
BOTH_KEYS = (
    ("ctrl+t,f2", "Form or text"),
    ("ctrl+s", "Save, after the difference is seen"),
    ("ctrl+z", "Undo, in either view"),
    ("ctrl+y", "Redo"),
    ("ctrl+n", "To the next problem"),
    ("ctrl+o", "A copy in $EDITOR; what comes back is not saved yet"),
    ("f3", "Show or hide secrets"),
    ("tab", "From the form to what is wrong, and back"),
    ("ctrl+r", "What to do when the file was changed on disk"),
    ("escape", "Back"),
)


def hints(*, form: bool, typing: bool, names: bool) -> list[tuple[str, str]]:
    """(key, label) of what can be done now. `typing`: in a row. `names`: the row names a file."""
    if typing:
        return [("enter", "take it"), ("right", "what is suggested"), ("esc", "leave it as it was")]
    if not form:
        first = [("ctrl+t", "form"), ("ctrl+s", "save"), ("ctrl+n", "next problem"), ("esc", "back"), ("f1", "help")]
        return [*first, ("f3", "secrets"), ("ctrl+o", "$EDITOR")]
    keys = [("enter", "change"), ("a", "add"), ("del", "default")]
    keys += [("o", "open file")] if names else []
    keys += [("ctrl+t", "text"), ("ctrl+s", "save"), ("esc", "back"), ("?", "help")]
    return [*keys, ("v", "secrets"), ("E", "$EDITOR")]


def help_of_keys() -> Content:
    sections = (("In the form", FORM_KEYS), ("In the form and in the text", BOTH_KEYS))
    return Content("").join(keys_text((title, [(keys, "", said) for keys, said in rows]) for title, rows in sections))
