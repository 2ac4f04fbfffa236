"""What the actions on the console itself do: settings, themes, help, palette, messages, leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.app import ConsoleApp
    from tui.screens.main import MainScreen


class ConsoleActions:
    """One method an action, named after its id."""

    screen: MainScreen

    @property
    def app(self) -> ConsoleApp:
        return self.screen.app

    def do(self, action_id: str) -> None:
        raise NotImplementedError

    def projects(self) -> None:
        self.app.open_projects()

    def messages(self) -> None:
        from tui.screens.messages import MessagesScreen

        # Before it is there: notices are those of the screen on top.
        self.app.read_all()
        self.app.push_screen(MessagesScreen())

    def settings(self) -> None:
        from tui.screens.settings import SettingsScreen

        self.app.push_screen(SettingsScreen())

    def theme(self) -> None:
        from tui.screens.themes import ThemesScreen

        def chosen(name: str | None) -> None:
            if name is not None:
                changes = {"theme": None if name == "auto" else name}
                self.app.start(
                    lambda: self.app.change_settings(changes), group="settings", description="setting the theme"
                )

        self.app.push_screen(ThemesScreen(), chosen)

    def palette(self) -> None:
        from tui.screens.palette import PaletteScreen

        def chosen(action_id: str | None) -> None:
            if action_id is not None:
                self.do(action_id)

        self.app.push_screen(PaletteScreen(self.screen.situation, self.app.keys, self.app.glyphs.ellipsis), chosen)

    def help(self) -> None:
        from tui.screens.text import TextScreen, help_text

        self.app.push_screen(TextScreen("Keys", help_text(self.screen.situation, self.app.keys)))

    def quit(self) -> None:
        self.app.leave()
