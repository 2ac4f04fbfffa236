"""What the actions on environments do: prepare one, look at a build."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tui import wording
from tui.screens.main_actions import MainActions

if TYPE_CHECKING:
    from textual.timer import Timer

    from tui.environments import BuildView
    from tui.reading import ConfigView

# Looking at a base image takes a moment; an answer that takes longer is waited for with a word, seconds.
SOON = 0.2


class EnvironmentActions(MainActions):
    """One method an action, named after its id."""

    def prepare(self) -> None:
        configs = self.screen.situation.prepares
        if len(configs) == 1:
            self._prepare(configs[0].name)
            return
        from tui.screens.choose import ChooseScreen

        def chosen(name: str | None) -> None:
            if name is not None:
                self._prepare(name)

        names = [config.name for config in configs]
        self.app.push_screen(ChooseScreen("Prepare the environment of", names, self.app.glyphs.ellipsis), chosen)

    def _prepare(self, config: str) -> None:
        self.app.start(
            partial(self._ask_to_prepare, config),
            group="prepare",
            description=f"preparing {config}",
            exclusive=True,
        )

    async def _ask_to_prepare(self, config: str) -> None:
        from tui.requests import to_prepare

        app = self.app
        slow: Timer = app.set_timer(SOON, partial(app.tell, f"{config}: looking for its environment"))
        try:
            request = await app.model.ask(to_prepare, app.model.project.path, config)
            answer = await app.link.prepare(request)
        finally:
            slow.stop()
        for notice in answer["notices"]:
            app.tell(f"{config}: {notice}", "warning")
        if answer["state"] == "building":
            self._show_build(await app.model.build(str(answer["build"])), config)
        elif answer["state"] == "ready":
            app.tell(f"{config} is prepared: {wording.environment(str(answer['image']))}")
        else:
            app.tell(f"{config}: nothing to prepare, its target runs scripts in what is there")

    def build(self) -> None:
        self.app.start(self._find_build, group="build", description="looking for the build", exclusive=True, opens=True)

    async def _find_build(self) -> None:
        now, model = self.screen.situation, self.app.model
        found: BuildView | None = None
        if now.pane in ("runs", "run") and now.run is not None:
            found = await model.build_of_run(now.run)
        configs: tuple[ConfigView, ...] = now.prepares
        builds = model.builds_for(*(config.name for config in configs))
        if found is None and builds:
            found = builds[0]
        if found is None:
            names = ", ".join(config.name for config in configs)
            self.app.tell(f"no build of an environment is known for {names or 'it'}")
        else:
            self._show_build(found)

    def _show_build(self, build: BuildView, config: str = "") -> None:
        """Over the main screen only: whoever went on to something else is not interrupted."""
        from tui.screens.build import BuildScreen

        if self.app.screen is self.screen:
            self.app.push_screen(BuildScreen(build))
        else:
            self.app.tell(f"{config or 'the environment'} is being prepared; b shows how far it is")
