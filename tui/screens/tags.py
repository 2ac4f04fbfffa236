"""The tags of a run, or of several: which all of them have, which some have; put on and taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding

from engine.runs.tags import tag_problem, written
from tui import wording
from tui.screens.pick import PickScreen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from textual.binding import BindingType

    from engine.runs.model import Run
    from tui.screens.pick import Row

    Changes = Mapping[str, bool]

ON, PART, OFF = "[x]", "[~]", "[ ]"


class TagsScreen(PickScreen["dict[str, bool]"]):
    """Gives the changes: a tag as it is written -> whether the runs are to have it. What was not touched is not there.

    `known`: tags that other runs have.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "turn", show=False, priority=True)]
    KEYS_TEXT = "type a new one   space on or off   enter done   esc close"
    PLACEHOLDER = "best, or stage=prod"
    NONE = "a tag is one word, or a word with a text: stage=prod"

    def __init__(self, runs: Sequence[Run], known: Iterable[str], ellipsis: str) -> None:
        super().__init__(ellipsis)
        self.TITLE_TEXT = f"Tags of {runs[0].name if len(runs) == 1 else wording.count_of(len(runs), 'run')}"
        self._count = len(runs)
        self._having: dict[str, int] = {}
        for run in runs:
            for name, value in run.tags.items():
                tag = written(name, value)
                self._having[tag] = self._having.get(tag, 0) + 1
        self._listed = [*sorted(self._having), *(tag for tag in sorted(known) if tag not in self._having)]
        self.changes: dict[str, bool] = {}

    def names(self) -> Sequence[str]:
        return self._listed

    def row(self, key: str) -> Row:
        having = self._having.get(key, 0)
        on = self.changes.get(key)
        if on is not None:
            return ON if on else OFF, key, "will be put on" if on else "will be taken away"
        if key not in self._listed:
            return "", key, "a new tag"
        sign = ON if having == self._count else PART if having else OFF
        return sign, key, f"{having:,} of {self._count:,}" if 0 < having < self._count else ""

    def matching(self, typed: str) -> list[str]:
        new = typed.strip()
        found = super().matching(typed)
        name, _, value = new.partition("=")
        if new and new not in self._listed and not tag_problem(name, value):
            # What one typed in full is meant, unless one goes to another.
            return [new, *found]
        return found

    def action_turn(self) -> None:
        self._turn(self.lines.cursor)
        self.lines.refresh()

    def _turn(self, key: str | None) -> None:
        if key is None:
            return
        if key in self.changes:
            del self.changes[key]
            return
        if key not in self._listed:
            self._listed.insert(0, key)
            self.changes[key] = True
            self.input.value = ""
        else:
            self.changes[key] = self._having.get(key, 0) < self._count
        # A tag has one text.
        name = key.partition("=")[0]
        for other in [one for one, on in self.changes.items() if on and one != key and one.partition("=")[0] == name]:
            del self.changes[other]

    def done(self, key: str | None) -> None:
        if self.input.value.strip():
            if key is None:
                self.app.tell(self.NONE, "warning")
                return
            self._turn(key)
        self.dismiss(self.changes)


def changes_of(run: Run, changes: Changes) -> dict[str, str | None]:
    """What these changes mean for a run: tag -> text to set, or None to remove; nothing that is so already."""
    found: dict[str, str | None] = {}
    for tag, on in changes.items():
        name, _, value = tag.partition("=")
        if on and run.tags.get(name) != value:
            found[name] = value
        elif not on and run.tags.get(name) == value:
            found.setdefault(name, None)
    return found
