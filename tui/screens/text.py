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

    from tui.app import Said
    from tui.model import Change

MARKS = {"information": ("  ", ""), "warning": ("! ", "$warning"), "error": ("x ", "$error")}


class TextScreen(Scrolling, Dialog[None]):
    """A text that scrolls, closed by esc, q or enter. One that is given as a function is asked for again with news."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *Scrolling.KEYS,
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


def help_text(now: Situation, keys: Mapping[str, tuple[str, ...]]) -> Content:
    """Every action by group with its keys; what cannot be done now is dim and says why."""
    parts: list[Content] = []
    group = ""
    for action in ACTIONS:
        if action.group != group:
            group = action.group
            parts.append(Content.assemble(("\n" if parts else "", ""), (group, "bold $primary"), "\n"))
        shown = " ".join(shown_key(key) for key in keys.get(action.id, action.keys))
        elsewhere = bool(action.panes) and now.pane not in action.panes
        reason = f"in {' or '.join(PANE_TITLES[p] for p in action.panes)}" if elsewhere else action.reason(now)
        parts.append(
            Content.assemble(
                (f"  {shown:<12}", "dim" if reason else "bold $primary"),
                (action.description, "dim" if reason else ""),
                (f"  {reason}" if reason else "", "italic dim"),
                "\n",
            )
        )
    parts.append(Content.assemble(("\nFilter", "bold $primary"), "\n", FILTER_HELP))
    own = _pane_keys()
    if now.pane == "run":
        # Help for where one is comes first.
        return Content("").join([*own, Content("\n"), *parts])
    return Content("").join([*parts, Content("\n"), *own])


def _pane_keys() -> list[Content]:
    """The keys of a run's tabs, which their widgets answer themselves."""
    from tui.screens.build import BUILD_KEYS
    from tui.widgets.log_pane import LogPane
    from tui.widgets.metrics_pane import ChartView
    from tui.widgets.outputs_pane import OutputsPane
    from tui.widgets.overview_pane import OverviewPane
    from tui.widgets.run_view import TAB_KEYS

    return keys_text(
        (
            ("A run's tabs", TAB_KEYS),
            ("In the log", LogPane.KEYS),
            ("In the overview", OverviewPane.KEYS),
            ("In the outputs", OutputsPane.KEYS),
            ("In a chart", ChartView.KEYS),
            ("At a build of an environment", BUILD_KEYS),
        )
    )


def keys_text(sections: Iterable[tuple[str, Sequence[tuple[str, str, str]]]]) -> list[Content]:
    """Keys as widgets have them (keys, action, description), by section."""
    parts: list[Content] = []
    for title, rows in sections:
        parts.append(Content.assemble(("\n" if parts else "", ""), (title, "bold $primary"), "\n"))
        for keys, _, description in rows:
            shown = " ".join(shown_key(key) for key in keys.split(","))
            parts.append(Content.assemble((f"  {shown:<16}", "bold $primary"), (description, ""), "\n"))
    return parts


FILTER_HELP = """\
  petal             runs with that word in name, id, script, arguments, reason, tags
  "two words"       the same for a phrase
  state:failed,run  in one of these states; unfinished, ended, unreachable too
  target: config: script: arg: name: reason: branch: commit: framework: id:
  tag:best          with that tag; tag:best=yes with that value
  acc>0.9           last value of a metric; "Regularization Rate"<=0.1
  exit=1  age<2h  duration>10m  number>40
  not, and, or, ( )"""


def rows_text(rows: Iterable[tuple[str, str]]) -> Content:
    """Names and values, aligned."""
    listed = [(plain(name), plain(value)) for name, value in rows]
    wide = max((len(name) for name, _ in listed), default=0)
    return Content("\n").join([Content.assemble((name.ljust(wide + 2), "dim"), value) for name, value in listed])


def lines_text(lines: Iterable[str], none: str) -> Content:
    shown = [plain(line) for line in lines]
    return Content("\n\n".join(shown)) if shown else Content.styled(none, "dim")


def said_text(said: Sequence[Said], now: float) -> Content:
    """What was said, newest first, with how long ago."""
    if not said:
        return Content.styled("Nothing was said yet.", "dim")
    from tui.wording import span

    lines = []
    for one in reversed(said):
        mark, style = MARKS.get(one.severity, MARKS["information"])
        ago = f"{span(now - one.at):>6} ago  "
        body = one.text.replace("\n", "\n" + " " * (len(ago) + 2))
        lines.append(Content.assemble((ago, "dim"), (mark, style), (body, style)))
    return Content("\n").join(lines)
