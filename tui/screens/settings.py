"""A person's settings, from the table of settings: each with its value, changed at once and kept in `config.yaml`."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.segment import Segment
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui import settings as schema
from tui.plain import plain
from tui.screens.dialog import Dialog
from tui.settings import BY_NAME, SETTINGS, Setting, Settings
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult
    from textual.binding import BindingType

NAMES = max(len(setting.name) for setting in SETTINGS) + 2


def shown_path(file: Path) -> str:
    """Where it is, as a person writes it."""
    home = Path.home()
    return f"~/{file.relative_to(home)}" if file.is_relative_to(home) else str(file)


class SettingLines(LineList):
    """Each setting with its value; what was set is marked, the others show what they come with."""

    def __init__(self, marked: str, ellipsis: str) -> None:
        super().__init__(id="settings")
        self.settings = Settings()
        self.marked = marked
        self.dots = ellipsis

    def draw(self, key: str, width: int) -> list[Segment]:
        setting = BY_NAME[key]
        value = schema.shown(setting, self.settings)
        said = plain(value) or schema.unset(setting, os.environ)
        return [
            Segment(f" {self.marked if value else ' '} ", self.ink("mark")),
            Segment(cut(key, NAMES, self.dots), self.ink("")),
            Segment(cut(said, max(0, width - NAMES - 3), self.dots), self.ink("" if value else "dim")),
        ]


class SettingsScreen(Dialog[None]):
    """Changes what is under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "change", show=False),
        Binding("right,l,space", "turn(1)", show=False),
        Binding("left,h", "turn(-1)", show=False),
        Binding("delete,backspace", "reset", show=False),
        Binding("q,comma", "close", show=False),
    ]
    CSS_PATH = ["../styles/dialog.tcss", "../styles/console.tcss"]  # noqa: RUF012 - as Textual declares it
    KEYS = (
        ("enter", "", "Change the setting"),
        ("right,left", "", "Its next value, the one before"),
        ("delete", "", "Its default again"),
    )

    def compose(self) -> ComposeResult:
        glyphs = self.app.glyphs
        self.lines = SettingLines(glyphs.marked, glyphs.ellipsis)
        self.about = Static(id="about")
        with Vertical(classes="dialog settings") as box:
            box.border_title = Content("Settings")
            box.border_subtitle = Content("enter change   left right values   del default   esc close")
            yield self.lines
            yield self.about

    def on_mount(self) -> None:
        self.app.settings_listeners.append(self._use)
        self._use(self.app.settings or Settings())
        self.lines.set_keys(BY_NAME)
        self.lines.focus()
        self._tell()
        # The file may have been edited meanwhile.
        self.app.start(self.app.use_settings, group="settings", description="reading the settings")

    def on_unmount(self) -> None:
        self.app.settings_listeners.remove(self._use)

    def _use(self, settings: Settings) -> None:
        self.lines.settings = settings
        self.lines.refresh()
        self._tell()

    @property
    def _setting(self) -> Setting:
        return BY_NAME[self.lines.cursor or "theme"]

    def on_line_list_moved(self) -> None:
        self._tell()

    def _tell(self) -> None:
        setting = self._setting
        said = f"{setting.name}: {setting.allowed}." + (" It counts from the next start on." if setting.later else "")
        file = shown_path(self.app.model.paths.config / "config.yaml")
        self.about.update(
            Content.assemble(setting.words, "\n", (plain(said), "dim"), "\n", (plain(f"kept in {file}"), "dim"))
        )

    # Changing

    def on_line_list_opened(self) -> None:
        self.action_change()

    def action_change(self) -> None:
        setting = self._setting
        if setting.kind == "keys":
            from tui.screens.keys import KeysScreen

            self.app.push_screen(KeysScreen())
        elif values := self._values(setting):
            from tui.screens.choose import ChooseScreen

            def chosen(name: str | None) -> None:
                if name is not None:
                    self._set(setting, values[name])

            self.app.push_screen(ChooseScreen(setting.name, list(values), self.app.glyphs.ellipsis), chosen)
        else:
            from tui.screens.name import NameScreen

            value = schema.shown(setting, self.lines.settings)
            self.app.push_screen(NameScreen(f"{setting.name}: {setting.allowed}", value, partial(self._take, setting)))

    def _values(self, setting: Setting) -> dict[str, Any]:
        """What it may be, by how that is shown; none where it is typed."""
        if setting.kind == "choice":
            return {name: None if name == setting.default else name for name in setting.choices}
        unset = f"as it comes: {schema.unset(setting, os.environ)}"
        return {unset: None, "true": True, "false": False} if setting.kind == "flag" else {}

    def action_turn(self, by: int) -> None:
        setting = self._setting
        values = list(self._values(setting).values())
        if not values:
            self.action_change()
            return
        now = getattr(self.lines.settings, setting.name)
        place = values.index(None if now == setting.default else now)
        self._set(setting, values[(place + by) % len(values)])

    def action_reset(self) -> None:
        setting = self._setting
        if setting.kind == "keys" and self.lines.settings.keys:
            from tui.screens.confirm import ConfirmScreen

            def answered(yes: bool | None) -> None:
                if yes:
                    self._set(setting, None)

            hit = [f"{action}: {' '.join(keys)}" for action, keys in self.lines.settings.keys.items()]
            self.app.push_screen(
                ConfirmScreen("All keys back to their defaults?", hit, "", "back", "keep these"), answered
            )
        else:
            self._set(setting, None)

    def _set(self, setting: Setting, value: Any) -> None:
        changes = {setting.name: value}
        self.app.start(
            lambda: self.app.change_settings(changes), group="settings", description=f"setting {setting.name}"
        )

    async def _take(self, setting: Setting, text: str) -> None:
        from engine.errors import UsageError

        value, why = schema.typed(setting, text)
        if why:
            raise UsageError(why)
        changes: Mapping[str, Any] = {setting.name: value}
        await self.app.change_settings(changes)
