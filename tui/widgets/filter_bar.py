"""The line one types a filter in: how many runs it lets through, what may come next, or what is wrong and where."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Label, Static

from engine.errors import UsageError
from tui.completing import Offer, Vocabulary, offers
from tui.filter import Filter, FilterError, parse, saved_name_problem
from tui.plain import plain
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from tui.app import ConsoleApp

# Ten thousand runs are filtered in tens of milliseconds: not at every key of a quick typist.
PAUSE = 0.12
HISTORY_KEPT = 50
# Of them, those that an empty line offers.
RECENT = 3
# What is remembered by project: {name: text}, and the texts that were used, newest first.
SAVED, HISTORY = "filters", "filter history"
FILTER_KEYS: tuple[tuple[str, str, str], ...] = (
    ("tab", "take", "Take the marked word"),
    ("down", "pick(1)", "Go through what may come next; enter takes it"),
    ("up", "pick(-1)", "The other way; above the first: earlier filters"),
    ("ctrl+r", "history", "Earlier filters that hold what was typed"),
    ("ctrl+s", "save", "Save the filter under a name: @name means it"),
    ("f1", "language", "What one can write (? in an empty line)"),
    ("enter", "", "Use the filter and go to the runs"),
    ("escape", "leave(False)", "Back to the filter from before"),
)


class OfferLines(LineList):
    """What may come next, a line each. The line that was gone to with an arrow has a sign."""

    can_focus = False

    def __init__(self, cursor: str, ellipsis: str) -> None:
        super().__init__(id="filter-offers")
        self.offers: tuple[Offer, ...] = ()
        self.picked = False
        self._sign = cursor
        self._dots = ellipsis

    def show(self, found: tuple[Offer, ...]) -> None:
        self.picked = False
        if found == self.offers:
            return
        self.offers = found
        self.display = bool(found)
        self.cursor = None
        self.scroll_home(animate=False)
        self.set_keys([str(place) for place in range(len(found))])

    @property
    def chosen(self) -> Offer | None:
        return self.offers[int(self.cursor)] if self.cursor is not None and self.offers else None

    def pick(self, by: int) -> None:
        """The first of all, or from there on."""
        if self.picked:
            self.action_step(by)
        self.picked = True
        self.paint((self.cursor,))

    def draw(self, key: str, width: int) -> list[Segment]:
        offer = self.offers[int(key)]
        here = key == self.cursor
        sign = self._sign if self.picked and here else " "
        hint = "tab  " if here and not self.picked else ""
        wide = min(36, max(len(one.text) for one in self.offers)) if width > 50 else width - 4
        return [
            Segment(f" {sign} ", self.ink("mark")),
            Segment(cut(plain(offer.text), wide, self._dots), self.ink("")),
            Segment("  " + cut(hint + plain(offer.words), max(0, width - wide - 6), self._dots), self.ink("dim")),
        ]


class FilterBar(Vertical):
    """Sends `Typed` for each filter that can be understood, and `Closed` when one is done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, show=False) for keys, action, _ in FILTER_KEYS if action
    ]
    app: ConsoleApp

    class Typed(Message):
        def __init__(self, wanted: Filter) -> None:
            super().__init__()
            self.wanted = wanted

    class Closed(Message):
        """`kept`: the filter, which is this text, stays; otherwise the one from before comes back."""

        def __init__(self, kept: bool, text: str) -> None:
            super().__init__()
            self.kept = kept
            self.text = text

    def __init__(self, cursor: str, ellipsis: str) -> None:
        super().__init__(id="filter-bar")
        self.known = Vocabulary()
        self._pause: Timer | None = None
        self._lines = OfferLines(cursor, ellipsis)
        # Where the offered words begin in the text; all of it is replaced by an earlier filter.
        self._at = 0
        self._earlier = False
        self._counted = ""
        self.input = LineInput(placeholder='state:running acc>0.9 not tag:old "two words" @saved   ? helps')
        self.said = Static(id="filter-said")
        self.wrong = Static(id="filter-wrong")
        self.wrong.display = self._lines.display = False
        # Set when it is on the screen: it cannot be opened before.
        self.there = asyncio.Event()

    def compose(self) -> ComposeResult:
        with Horizontal(id="filter-line"):
            yield Label(Content(" / "))
            yield self.input
            yield self.said
        yield self.wrong
        yield self._lines

    def open(self, text: str, known: Vocabulary) -> None:
        """Begin with this text. `known` are the words there are."""
        self.known = known
        self.display = True
        self.input.value = text
        self.input.cursor_position = len(text)
        self.input.focus()
        self._offer()

    def on_mount(self) -> None:
        self.there.set()

    def count(self, shown: int, total: int) -> None:
        self._counted = f" {shown:,} of {total:,} "
        self.said.update(Content.styled(self._counted, "dim"))

    # Typing

    def on_input_changed(self) -> None:
        if self.input.value == "?":
            self.input.value = ""
            self.action_language()
            return
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE, self._read)
        self._offer()

    def _read(self, *, done: bool = False) -> bool:
        """Whether the line can be understood; `done`: it is to be used, so that nothing more comes."""
        try:
            wanted = parse(self.input.value, self.known.saved)
        except FilterError as error:
            self._say_wrong(error, done)
            return False
        self.wrong.display = False
        self.post_message(self.Typed(wanted))
        return True

    def _say_wrong(self, error: FilterError, done: bool) -> None:
        """The message below the place it is about."""
        text = self.input.value
        self.said.update(Content.styled(" ? ", "$warning"))
        if not done and error.position >= len(text.rstrip()) and self._lines.offers:
            # It only goes on, and how is offered.
            self.wrong.display = False
            return
        column = 3 + cell_len(text[: error.position]) - round(self.input.scroll_offset.x)
        width = max(20, self.size.width)
        column = min(max(3, column), width - 2)
        message = plain(error.message)
        if column + 2 + cell_len(message) <= width:
            shown = f"{' ' * column}^ {message}"
        elif cell_len(message) + 1 <= column:
            shown = f"{' ' * (column - cell_len(message) - 1)}{message} ^"
        else:
            shown = f"{' ' * column}^\n {message}"
        self.wrong.update(Content.styled(shown, "$warning"))
        self.wrong.display = True

    # What may come next

    def _offer(self) -> None:
        self._earlier = False
        text = self.input.value
        self._at, found = offers(text, self.input.cursor_position, self.known)
        if not text.strip():
            saved = tuple(one for one in found if one.text.startswith("@"))
            found = (*saved, *self._history("")[:RECENT], *(one for one in found if one not in saved))
        elif text[: self._at].strip() and self._at == len(text) and text.endswith(" "):
            # What stands there may be all one wants.
            found = ()
        self._lines.show(found)

    def _history(self, held: str) -> tuple[Offer, ...]:
        earlier = self.app.recall(HISTORY, list) or []
        held = held.strip().casefold()
        return tuple(
            Offer(one, "used before")
            for one in earlier
            if isinstance(one, str) and held in one.casefold() and one != held
        )

    def action_history(self) -> None:
        found = self._history(self.input.value)
        if not found:
            self.app.tell("no earlier filter holds that" if self.input.value else "no filter was used here yet")
            return
        self._at, self._earlier = 0, True
        self._lines.show(found)
        self._lines.pick(0)

    def action_pick(self, by: int) -> None:
        lines = self._lines
        if not lines.offers:
            if by > 0:
                self.action_leave(True)
            else:
                self.action_history()
        elif by < 0 and not self._earlier and (not lines.picked or lines.place == 0):
            self.action_history()
        else:
            lines.pick(by)

    def action_take(self) -> None:
        """Put the offer in the place of the word at the cursor."""
        offer = self._lines.chosen
        if offer is None:
            return
        value, cursor = self.input.value, self.input.cursor_position
        if self._earlier:
            before, after = "", ""
        else:
            before, after = value[: self._at], value[cursor:]
        # A field waits for its value; anything else is a whole word.
        gap = "" if offer.text.endswith(":") or after.startswith(" ") or offer.words.startswith("metric") else " "
        self.input.value = f"{before}{offer.text}{gap}{after}"
        self.input.cursor_position = len(before) + len(offer.text) + len(gap)
        self._offer()

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        event.stop()

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        event.stop()
        self.action_take()

    # Saved filters and the help

    def action_save(self) -> None:
        from tui.screens.name import NameScreen

        text = self.input.value.strip()
        if not text:
            self.app.tell("there is no filter to save", "warning")
            return
        if not self._read(done=True):
            return
        self.app.push_screen(NameScreen("Save the filter under a name", "", partial(self._save, text)))

    async def _save(self, text: str, name: str) -> None:
        save_filter(self.app, name, text)
        self.known = Vocabulary(self.known.values, self.known.metrics, self.known.tags, saved_filters(self.app))

    def action_language(self) -> None:
        from tui.screens.text import TextScreen, filter_text

        self.app.push_screen(TextScreen("The language of filters", filter_text()))

    # Done

    def on_input_submitted(self) -> None:
        if self._lines.picked and self._lines.chosen is not None:
            self.action_take()
            return
        self.action_leave(True)

    def action_leave(self, kept: bool) -> None:
        if self._pause is not None:
            self._pause.stop()
        if kept and not self._read(done=True):
            return
        text = self.input.value.strip()
        if kept and text:
            earlier = [one for one in self.app.recall(HISTORY, list) or [] if one != text]
            self.app.remember(HISTORY, [text, *earlier][:HISTORY_KEPT])
        self.wrong.display = False
        self.display = False
        self.post_message(self.Closed(kept, text))


def saved_filters(app: ConsoleApp) -> dict[str, str]:
    """The project's saved filters: name -> text."""
    found = app.recall(SAVED, dict) or {}
    return {name: text for name, text in sorted(found.items()) if isinstance(text, str)}


def save_filter(app: ConsoleApp, name: str, text: str) -> None:
    """Have `@name` mean this text. Raises UsageError for a name that cannot be one, or a text that means itself."""
    name = name.removeprefix("@")
    problem = saved_name_problem(name)
    if problem:
        raise UsageError(problem)
    known = {**saved_filters(app), name: text}
    try:
        parse(f"@{name}", known)
    except FilterError as error:
        raise UsageError(error.message) from error
    app.remember(SAVED, known)
    app.tell(f"saved: @{name} means {text}")


def forget_filter(app: ConsoleApp, name: str) -> None:
    known = saved_filters(app)
    known.pop(name, None)
    app.remember(SAVED, known or None)
