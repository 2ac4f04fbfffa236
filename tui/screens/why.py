"""Why the run under the cursor waits, failed or ended. While it goes on, what is shown goes on too."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui import why
from tui.actions import BY_ID, shown_key
from tui.plain import plain
from tui.screens.dialog import Dialog, Scrolling

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from engine.runs.model import BuildRecord, Run
    from tui.model import Change

STYLES = {"head": "bold", "bad": "$error", "text": "", "next": "$accent"}
# Times are told anew this often while it goes on, seconds.
EVERY = 1.0


class WhyScreen(Scrolling, Dialog[None]):
    """About one run; it stays when the run changes, and says what is then so."""

    BINDINGS: ClassVar[list[BindingType]] = [*Scrolling.MOVES, Binding("q,enter,i", "close", show=False)]
    CSS_PATH = "../styles/dialog.tcss"
    AUTO_FOCUS = ""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self._found = why.Read()
        self._build: BuildRecord | None = None
        self._shown: list[why.Line] = []

    def compose(self) -> ComposeResult:
        self.said = Static("")
        # A line of a log is cut, not broken: how it goes on says little.
        self.log_end = Static("", classes="log-end")
        with VerticalScroll(classes="dialog reading why") as box:
            box.border_title = Content(plain(self.run.name))
            box.border_subtitle = Content("esc")
            yield self.said
            yield self.log_end

    def on_mount(self) -> None:
        self.app.model.listeners.append(self._changed)
        self._read()
        self.set_interval(EVERY, self._tick)

    def on_unmount(self) -> None:
        self.app.model.listeners.remove(self._changed)

    @property
    def read(self) -> Widget:
        return self.query_one(VerticalScroll)

    def _changed(self, change: Change) -> None:
        self.run = self.app.model.runs.get(self.run.id, self.run)
        if self.run.id in change.runs or change.builds or change.targets:
            self._read()
        elif change.runs or change.series:
            self._show()

    def _tick(self) -> None:
        # The log goes on without any change of the run.
        if not self.run.state.ended and self.app.screen is self:
            self._read()

    def _read(self) -> None:
        self.app.start(self._load, group="why", description="reading the run", exclusive=True)

    async def _load(self) -> None:
        model = self.app.model
        build = await model.build_of_run(self.run)
        self._build = build.record if build is not None else None
        self._found = await model.ask(why.read, model.paths, self.run, self._build)
        self._show()

    def _show(self) -> None:
        model, run = self.app.model, self.run
        target = model.project.target(run.target)
        beside = why.around(
            run,
            model.runs,
            model.order,
            target=model.targets.get(target.host) if target is not None else None,
            build=self._build,
            metrics=tuple(model.metrics(run.id).items()),
        )
        lines = why.told(run, beside, self._found, self.app.clock(), self._key)
        if lines != self._shown:
            self._shown = lines
            self.said.update(_text([line for line in lines if line.kind != "log"], self.app.glyphs.cursor))
            self.log_end.update(
                Content("\n").join(Content.styled(one.text, "dim") for one in lines if one.kind == "log")
            )

    def _key(self, action: str) -> str:
        return shown_key(self.app.keys.get(action, BY_ID[action].keys)[0])


def _text(lines: list[why.Line], sign: str) -> Content:
    parts: list[Content] = []
    before = ""
    for line in lines:
        if parts and line.kind != before and line.kind in ("head", "next"):
            parts.append(Content(""))
        lead = f"{sign} " if line.kind == "next" else ""
        parts.append(Content.assemble((lead, "bold $primary"), (line.text, STYLES[line.kind])))
        before = line.kind
    return Content("\n").join(parts)
