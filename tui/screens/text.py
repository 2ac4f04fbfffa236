"""Something to read: the help, what was said, what is wrong in the project, the details of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.actions import ACTIONS, PANE_TITLES, Situation, shown_key
from tui.plain import plain
from tui.screens.dialog import Dialog, Scrolling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from tui.actions import Action
    from tui.model import Change

    KeyRows = Sequence[tuple[str, str, str]]


class TextScreen(Scrolling, Dialog[None]):
    """A text that scrolls, closed by esc, q or enter. One that is given as a function is asked for again with news."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *Scrolling.MOVES,
        Binding("q,enter", "close", show=False),
    ]
    CSS_PATH = "../styles/dialog.tcss"
    AUTO_FOCUS = ""

    def __init__(self, title: str, text: Content | Callable[[], Content]) -> None:
        super().__init__()
        self.heading = title
        self.source = text if callable(text) else None
        self.text = text() if callable(text) else text

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog reading") as box:
            box.border_title = Content(plain(self.heading))
            box.border_subtitle = Content("esc")
            yield Static(self.text)

    def on_mount(self) -> None:
        if self.source is not None:
            self.app.model.listeners.append(self._again)

    def on_unmount(self) -> None:
        if self.source is not None:
            self.app.model.listeners.remove(self._again)

    def _again(self, _: Change) -> None:
        text = self.source() if self.source is not None else self.text
        if text != self.text:
            self.text = text
            self.query_one(Static).update(text)

    @property
    def read(self) -> Widget:
        return self.query_one(VerticalScroll)


def help_text(
    now: Situation,
    keys: Mapping[str, tuple[str, ...]],
    here: Sequence[KeyRows] = (),
    wanted: str = "",
    taken: frozenset[str] = frozenset(),
) -> Content:
    """Every key: those of the place one is in first, then the actions, what cannot be done now dim with the reason.

    `here`: the keys that what has the focus answers itself; `wanted`: words that a line must have to be shown;
    `taken`: keys that do what `here` says and not what an action says.
    """
    words = wanted.casefold().split()
    sections = _pane_keys()
    own = [(title, rows) for title, rows in sections if any(rows is one for one in here)]
    own += [("Here", rows) for rows in here if not any(rows is one for _, one in sections)]
    parts = keys_text(own, words)
    mine = [one for one in ACTIONS if now.pane in one.panes]
    groups: dict[str, list[Action]] = {f"In {PANE_TITLES.get(now.pane, now.pane)}": mine}
    for action in ACTIONS:
        if action not in mine:
            groups.setdefault(action.group, []).append(action)
    for title, actions in groups.items():
        parts += _section(title, [_action_line(one, now, keys, taken) for one in actions], words, bool(parts))
        if actions is mine:
            lists = keys_text([("In lists", LIST_KEYS)], words)
            parts += [Content("\n"), *lists] if lists and parts else lists
    parts += _section("Filter", [Content(f"{line}\n") for line in FILTER_HELP.splitlines()], words, bool(parts))
    rest = keys_text([(title, rows) for title, rows in sections if (title, rows) not in own], words)
    if parts and rest:
        parts.append(Content("\n"))
    return Content("").join([*parts, *rest]) if parts or rest else Content.styled("Nothing of that name.", "dim")


def _section(title: str, lines: Sequence[Content], words: Sequence[str], again: bool) -> list[Content]:
    """A heading and the lines that have all the words; without such a line nothing. `again`: others are before it."""
    shown = [line for line in lines if all(word in line.plain.casefold() for word in words)]
    return [Content.assemble(("\n" if again else "", ""), (title, "bold $primary"), "\n"), *shown] if shown else []


def _action_line(action: Action, now: Situation, keys: Mapping[str, tuple[str, ...]], taken: frozenset[str]) -> Content:
    mine = keys.get(action.id, action.keys)
    free = [key for key in mine if key not in taken]
    shown = " ".join(shown_key(key) for key in free or mine)
    elsewhere = bool(action.panes) and now.pane not in action.panes
    reason = f"in {' or '.join(PANE_TITLES[p] for p in action.panes)}" if elsewhere else action.reason(now)
    if not free and not reason:
        reason = "the key does something else here"
    return Content.assemble(
        (f"  {shown:<16}", "dim" if reason else "bold $primary"),
        (action.description, "dim" if reason else ""),
        (f"  {reason}" if reason else "", "italic dim"),
        "\n",
    )


# In every list; no action can have one of these keys.
LIST_KEYS = (
    ("up,k", "", "A line up"),
    ("down,j", "", "A line down"),
    ("pageup,ctrl+b", "", "A page up"),
    ("pagedown,ctrl+f", "", "A page down"),
    ("home,g", "", "To the beginning"),
    ("end,G", "", "To the end"),
)


def _pane_keys() -> tuple[tuple[str, KeyRows], ...]:
    """The keys that widgets answer themselves."""
    from tui.screens.build import BUILD_KEYS
    from tui.screens.logs import LOGS_KEYS
    from tui.widgets.chart_view import ChartView
    from tui.widgets.facts_pane import FactsPane
    from tui.widgets.log_pane import LogPane
    from tui.widgets.logged_view import LoggedView
    from tui.widgets.metrics_browser import MetricsBrowser
    from tui.widgets.outputs_pane import OutputsPane
    from tui.widgets.overview_pane import OverviewPane
    from tui.widgets.run_view import TAB_KEYS
    from tui.widgets.runs_table import RunsTable

    return (
        ("In the runs", RunsTable.KEYS),
        ("A run's tabs", TAB_KEYS),
        ("In the log", LogPane.KEYS),
        ("At the logs of several runs", LOGS_KEYS),
        ("In the overview", OverviewPane.KEYS),
        ("In the outputs", OutputsPane.KEYS),
        ("In the environment and the commands", FactsPane.KEYS),
        ("In the metrics", MetricsBrowser.KEYS),
        ("In a chart", ChartView.KEYS),
        ("In a table or image that was logged", LoggedView.KEYS),
        ("At a build of an environment", BUILD_KEYS),
    )


def keys_text(sections: Iterable[tuple[str, KeyRows]], words: Sequence[str] = ()) -> list[Content]:
    """Keys as widgets have them (keys, action, description), by section; with words those lines that have them."""
    parts: list[Content] = []
    for title, rows in sections:
        lines = []
        for keys, _, description in rows:
            shown = " ".join(shown_key(key) for key in keys.split(","))
            lines.append(Content.assemble((f"  {shown:<16}", "bold $primary"), (description, ""), "\n"))
        parts += _section(title, lines, words, bool(parts))
    return parts


FILTER_HELP = """\
  petal             runs with that word in name, id, script, arguments, reason, tags
  "two words"       the same for a phrase
  state:failed,run  in one of these states; unfinished, ended, unreachable too
  target: config: script: arg: name: reason: branch: commit: framework: id:
  tag:best          with that tag; tag:best=yes with that value
  acc>0.9           last value of a metric; "Regularization Rate"<=0.1, loss=nan
  exit=1  age<2h (or since<2h)  duration>10m (or took>10m)  number>40
  @name             the filter that was saved as @name
  not, and, or, ( )"""


def filter_text() -> Content:
    """The language of filters, and the keys of the line it is typed in."""
    from tui.widgets.filter_bar import FILTER_KEYS

    return Content("").join([Content(f"{FILTER_HELP}\n\n"), *keys_text((("While typing", FILTER_KEYS),))])


def rows_text(rows: Iterable[tuple[str, str]]) -> Content:
    """Names and values, aligned."""
    listed = [(plain(name), plain(value)) for name, value in rows]
    wide = max((len(name) for name, _ in listed), default=0)
    return Content("\n").join([Content.assemble((name.ljust(wide + 2), "dim"), value) for name, value in listed])
