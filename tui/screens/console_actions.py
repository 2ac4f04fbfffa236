"""What the actions on the console itself do: settings, themes, help, palette, messages, leaving."""

from __future__ import annotations

from tui.screens.main_actions import MainActions


class ConsoleActions(MainActions):
    """One method an action, named after its id."""

    def do(self, action_id: str) -> None:
        raise NotImplementedError

    def projects(self) -> None:
        self.app.open_projects()

    def messages(self) -> None:
        from tui.screens.messages import MessagesScreen

        # Before it is there: notices are those of the screen on top.
        self.app.read_all()
        self.app.push_screen(MessagesScreen())

    def jump(self) -> None:
        from tui.screens.jump import JumpScreen

        screen = JumpScreen(self.screen)

        def chosen(letter: str | None) -> None:
            if letter is not None:
                screen.places[letter].go()

        self.app.push_screen(screen, chosen)

    def wider(self) -> None:
        self.screen.layout_kept.widen(1)

    def narrower(self) -> None:
        self.screen.layout_kept.widen(-1)

    def settings(self) -> None:
        from tui.screens.settings import SettingsScreen

        self.app.push_screen(SettingsScreen())

    def theme(self) -> None:
        from tui.screens.themes import ThemesScreen

        def chosen(name: str | None) -> None:
            if name is not None:
                self._set_theme(name)

        self.app.push_screen(ThemesScreen(), chosen)

    def _set_theme(self, name: str) -> None:
        changes = {"theme": None if name == "auto" else name}
        self.app.start(lambda: self.app.change_settings(changes), group="settings", description="setting the theme")

    def palette(self) -> None:
        from tui.screens.palette import PaletteScreen

        def chosen(thing: tuple[str, str] | None) -> None:
            if thing is not None:
                self._go(*thing)

        self.app.push_screen(PaletteScreen(self.screen), chosen)

    def _go(self, kind: str, name: str) -> None:
        """Do an action, or go to where something is."""
        screen = self.screen
        if kind == "action":
            self.do(name)
        elif kind == "run":
            screen.set_pane("runs")
            if name not in screen.table.keys and not screen.listing.filter.empty:
                # It is behind the filter.
                screen.clear_filter()
            screen.expect(name)
        elif kind in ("target", "config"):
            screen.set_pane("targets" if kind == "target" else "configs")
            (screen.targets if kind == "target" else screen.configs).move_to(name)
        elif kind == "metric":
            from tui.screens.palette import chosen_names

            screen.listing.choose(chosen_names(screen.table.metrics, name) or None)
        elif kind == "theme":
            self._set_theme(name)
        else:
            self.app.start(
                lambda: self._open_project(name), group="projects", description="opening a project", exclusive=True
            )

    async def _open_project(self, folder: str) -> None:
        from pathlib import Path

        await self.app.model.open(Path(folder))
        if self.app.model.project.missing:
            self.app.open_projects()

    def help(self) -> None:
        from tui.screens.help import main_help

        self.app.push_screen(main_help(self.screen))

    def redraw(self) -> None:
        self.app.action_redraw()

    def quit(self) -> None:
        self.app.leave()
