"""A port of a run at an address of this machine: asked for by its number, shown, copied, ended."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Label, Static

from engine.errors import AmlError
from tui.plain import plain
from tui.screens.dialog import Dialog
from tui.widgets.forwards_list import ForwardsList
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.runs.model import Run

# What servers in runs usually listen at.
USUAL = {6006: "TensorBoard's", 8888: "Jupyter's"}
# Of a cluster's drivers the engine has it at this port, wherever it is.
OF_SPARK = {4040: "Spark's UI"}
# A server says where it listens at its start, or was asked lately: so much of each end of a log is looked through.
LOOKED = 256 << 10
# How often it is asked how the forwards stand (s).
AGAIN = 2.0
# Those of YARN's own pages, which tell of an application, are no run's.
_ADDRESS = re.compile(
    rb"https?://[^\s/:]*(?:\[[0-9a-fA-F:]+\])?:(\d{2,5})\b"
    rb"(?!/(?:proxy/(?:redirect/)?application_|cluster/app/|node/containerlogs/))"
)


def ports_in(log: Path) -> list[int]:
    """Ports of addresses that a log names ("http://box:6006/"), the last named first. Blocking."""
    try:
        with log.open("rb") as file:
            data = file.read(LOOKED)
            size = file.seek(0, 2)
            if size > len(data):
                file.seek(max(len(data), size - LOOKED))
                data += b"\n" + file.read(LOOKED)
    except OSError:
        return []
    named = [int(port) for port in _ADDRESS.findall(data)]
    return list(dict.fromkeys(port for port in reversed(named) if 0 < port < 65536))


class ForwardScreen(Dialog[None]):
    """For this run; below, the forwards of all runs that there are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", show=False),
        Binding("x,delete", "end", show=False),
        Binding("tab,down", "app.focus_next", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
    ]
    CSS_PATH = "../styles/dialog.tcss"

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run_ = run
        self._busy = False
        # What was told last, until one moves on to another.
        self._address = ""

    def compose(self) -> ComposeResult:
        self.port = LineInput(placeholder="6006", restrict=r"\d{0,5}", id="port")
        self.said = Static(id="said")
        self.listed = ForwardsList(self.app.glyphs.ellipsis, id="forwards")
        with Vertical(classes="dialog forward") as box:
            box.border_title = Content(f"Forward a port of {plain(self.run_.name)}")
            box.border_subtitle = Content("enter forward   tab list   y copy address   x end it   esc close")
            with Horizontal(classes="field"):
                yield Label(Content("Port of the run"))
                yield self.port
            yield self.said
            yield self.listed

    def on_mount(self) -> None:
        self.port.focus()
        self.app.start(self._suggest, group="forward-ports", description="looking for ports")
        self._look()
        self.set_interval(AGAIN, self._look)

    async def _suggest(self) -> None:
        """The port that the log named last; the usual ones are said."""
        found = await asyncio.to_thread(ports_in, self.app.model.paths.driver_log(self.run_.id))
        if found and not self.port.value:
            self.port.value = str(found[0])
            self.port.action_end()
        named = f"the log names {', '.join(map(str, found[:5]))}; " if found else ""
        known = {**(OF_SPARK if self.run_.framework == "PySpark" else {}), **USUAL}
        usual = ", ".join(f"{port} is {name}" for port, name in known.items())
        if not self._busy:
            self._tell(f"{named}{usual}", "dim")

    def _tell(self, text: str, ink: str) -> None:
        self.said.update(Content.styled(plain(text), ink))

    def _look(self) -> None:
        self.app.start(self._show, group="forwards", description="asking for forwards", exclusive=True)

    async def _show(self) -> None:
        try:
            told = await self.app.link.forwards()
        except (AmlError, OSError):
            # Forwards are the engine's: without one there are none.
            told = []
        self.listed.show(told)

    def on_input_submitted(self) -> None:
        if self.port.value and not self._busy:
            self._busy = True
            self._tell(f"forwarding port {self.port.value}", "$accent")
            work = partial(self._begin, int(self.port.value))
            self.app.start(work, group="forward", description="forwarding a port")

    async def _begin(self, port: int) -> None:
        try:
            told = await self.app.link.attempt("forward", id=self.run_.id, port=port)
        except AmlError as error:
            self._tell(str(error), "$error")
            return
        finally:
            self._busy = False
        self._address = str(told["address"])
        if told["forward"] is None:
            self._tell(f"{self._address}   the run is on this machine, nothing is in between; y copies it", "$success")
        else:
            self._tell(f"{self._address}   until the run ends; y copies it", "$success")
            await self._show()
            self.listed.move_to(str(told["forward"]["id"]))
        self.listed.focus()

    @property
    def _chosen(self) -> dict[str, Any]:
        return dict(self.listed.chosen or {})

    def on_line_list_moved(self) -> None:
        """`y` copies this one now. What is wrong with it may be longer than its line."""
        self._address = ""
        if self._chosen.get("trouble") and self.listed.has_focus:
            self._tell(self._chosen["trouble"], "$warning")

    def action_copy(self) -> None:
        address = self._address or self._chosen.get("address", "")
        if address:
            self.app.copy_text(str(address))

    def action_end(self) -> None:
        if self._chosen:
            work = partial(self._end, self._chosen)
            self.app.start(work, group="forward", description="ending a forward")

    async def _end(self, forward: dict[str, Any]) -> None:
        await self.app.link.attempt("unforward", forward=forward["id"])
        self._tell(f"{forward['address']} is no more", "dim")
        await self._show()
