"""An app that draws as fast as its terminal reads, and ends in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.color import ColorSystem
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.binding import Binding

from tui.painting import Painter
from tui.terminal import TerminalDriver
from tui.turns import TurnApp

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual import events
    from textual.binding import BindingType
    from textual.driver import Driver
    from textual.screen import Screen

# How soon it is noticed that there is no terminal any more, where no signal says so (s).
LOOK_AT_TERMINAL = 1.0


class TerminalApp(TurnApp):
    """Frames that a terminal has no time for are left out: when it has taken one, it gets what differs by then."""

    # Over a dialog too.
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+l", "redraw", show=False, priority=True)]

    def __init__(self) -> None:
        self.painter = Painter()
        super().__init__()

    def get_driver_class(self) -> type[Driver]:
        return TerminalDriver

    @property
    def terminal(self) -> TerminalDriver | None:
        """None before the start, and where nothing is shown."""
        return self._driver if isinstance(self._driver, TerminalDriver) else None

    def leave(self) -> None:
        """End, as a person does who leaves."""
        self.exit()

    def watch_terminal(self) -> None:
        """Leave when the terminal is gone; to be called once."""
        if self.terminal is not None:
            self.set_interval(LOOK_AT_TERMINAL, self._look_at_terminal)

    def _look_at_terminal(self) -> None:
        if self.terminal is not None and self.terminal.hung_up:
            self.leave()

    # Painting

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if isinstance(renderable, (LayoutUpdate, ChopsUpdate)) and not self._batch_count and self.terminal:
            self.painter.take(renderable)
            self.repaint()
        self.post_display_hook()

    def repaint(self) -> None:
        """Write what the terminal does not show yet, unless it is busy with what came before."""
        driver = self.terminal
        if driver is None or driver.behind or not self.is_running or self._closed or not self._screen_stack:
            return
        column, row = self.screen.outer_size.clamp_offset(self.cursor_position)
        painted = self.painter.paint((column, row), self.console._color_system or ColorSystem.TRUECOLOR)
        if painted:
            driver.write(f"{SYNC_START}{painted}{SYNC_END}" if self._sync_available else painted)

    def on_resize(self, event: events.Resize) -> None:
        # A terminal that is resized may show anything, also when it comes back to the size it had.
        self.action_redraw()

    def action_redraw(self) -> None:
        """Write everything again, after another program wrote on the terminal."""
        self.painter.forget()
        self.repaint()

    # Ending

    def _fatal_error(self) -> None:
        """Textual's own shows what every variable held, passwords and sequences for the terminal among it."""
        import sys
        import traceback

        from rich.text import Text

        from tui.plain import plain_lines

        kind, error, trace = sys.exc_info()
        said = "".join(traceback.format_exception(kind, error, trace))
        self.panic(Text(f"{plain_lines(said)}\naml-tui ended by an error of its own, which is above. Runs go on."))
