"""Editing a file of the project by keys: form and text, checks, saving, somebody else's changes, secrets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from textual.events import AppFocus

from tests.tui.driving import driven
from tui.screens.confirm import ConfirmScreen
from tui.screens.edit import EditScreen
from tui.screens.edit_dialogs import ConflictScreen, SaveScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.driving import Driver
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

# All that people's files have in them, in one.
ODD = (
    b"\xef\xbb\xbf# who made this: Andr\xe9\t\r\n"
    b"ArgumentVector:   \r\n"
    b'      - "$file"   # the script\r\n'
    b"      - '--rate'\n"
    b"\"Target\":  'local'\t# a tab before this\r\n"
    b"Framework:    Python\r\n"
    b"Framework: Python # twice\r\n"
    b"EnvironmentVariables: &vars\r\n"
    b'   EXAMPLE: "Example Value"   \r\n'
    b"   # kept \x0b\r\n"
    b"   CODE: 0123\r\n"
    b"\r\n"
    b"Mine: *vars\r\n"
    b"PrepareEnvironment: no\r\n"
    b"# the end"
)


def editor(d: Driver) -> EditScreen:
    """The uppermost one."""
    return next(screen for screen in reversed(d.app.screen_stack) if isinstance(screen, EditScreen))


async def opened(d: Driver, config: str = "local", pane: str = "2") -> EditScreen:
    """The editor on the file of a configuration (or, in pane 1, of a target), by `e`."""
    await d.press(pane)
    lines = d.main.configs if pane == "2" else d.main.targets
    await d.until(lambda: config in lines.keys)
    lines.move_to(config)
    await d.press("e")
    await d.until(lambda: any(isinstance(screen, EditScreen) for screen in d.app.screen_stack))
    return editor(d)


async def test_what_is_no_form_begins_at_what_is_wrong(console: Console, project: Path) -> None:
    (project / "aml_config" / "local.runconfig").write_text(
        "Target: local\nFramework: Python\nArgumentVector: [a\nX: 1\n"
    )
    async with driven(console()) as d:
        screen = await opened(d)
        await d.until(lambda: screen.view == "text" and screen.area.cursor_location[0] >= 2)
        assert screen.found


async def test_no_key_of_the_last_line_is_cut(console: Console) -> None:
    async with driven(console(), (80, 24)) as d:
        await opened(d)
        await d.until(lambda: d.text().splitlines()[-1].rstrip().endswith("? help"))
        await d.press("ctrl+t")
        await d.until(lambda: d.text().splitlines()[-1].rstrip().endswith("f3 secrets"))


async def to_row(d: Driver, name: str) -> None:
    screen = editor(d)
    await d.until(lambda: name in screen.lines.rows)
    screen.lines.move_to(name)
    await d.pilot.pause()


async def saved(d: Driver) -> None:
    await d.press("ctrl+s")
    await d.until(lambda: isinstance(d.app.screen, SaveScreen))
    await d.press("y")
    await d.until(lambda: isinstance(d.app.screen, EditScreen) and not editor(d).changed)


@pytest.fixture
def file(project: Path) -> Path:
    return project / "aml_config" / "local.runconfig"


async def test_a_value_is_typed_in_its_row_and_saved(console: Console, file: Path) -> None:
    before = file.read_bytes()
    async with driven(console()) as d:
        screen = await opened(d)
        assert "ArgumentVector" in d.text()
        assert "(none)" in d.text()
        await to_row(d, "PrepareEnvironment")
        await d.until_shown("Takes effect in containers and on clusters.")
        await to_row(d, "MaxRunDurationSeconds")
        await d.press("enter")
        await d.until(lambda: screen.inline is not None and screen.inline.has_focus)
        await d.type("soon")
        await d.until_shown("Write a number.")
        await d.press("enter")
        assert screen.inline is not None
        await d.press(*["backspace"] * 4)
        await d.type("60")
        await d.press("enter")
        await d.until(lambda: screen.lines.has_focus and screen.changed)
        assert file.read_bytes() == before
        await d.press("ctrl+s")
        await d.until_shown("+ MaxRunDurationSeconds: 60")
        await d.press("y")
        await d.until(lambda: file.read_bytes() == before + b"MaxRunDurationSeconds: 60\n")
        await d.until(lambda: not screen.changed)
        await d.press("escape")
        await d.until(lambda: d.app.screen is d.main)


async def test_a_file_survives_to_the_byte_whatever_is_in_it(console: Console, file: Path) -> None:
    file.write_bytes(ODD)
    async with driven(console()) as d:
        screen = await opened(d)
        await to_row(d, "Target")
        await d.press("right")
        await d.until(lambda: "'docker'" in screen.area.text)
        await d.press("ctrl+t", "ctrl+t")
        await saved(d)
    assert file.read_bytes() == ODD.replace(b"'local'", b"'docker'")


async def test_form_and_text_are_one(console: Console, file: Path) -> None:
    async with driven(console()) as d:
        screen = await opened(d)
        await to_row(d, "ArgumentVector/+")
        await d.press("enter")
        await d.type("--rate")
        await d.press("ctrl+t")
        await d.until(lambda: screen.area.has_focus)
        assert '- "--rate"' in screen.area.text
        screen.area.move_cursor(screen.area.document.end)
        await d.type("TrackedRun: false")
        await d.press("ctrl+t")
        await d.until(lambda: screen.lines.has_focus)
        assert screen.lines.rows["TrackedRun"].value == "false"
        assert screen.lines.cursor == "TrackedRun"
        await d.press("delete")
        await d.until(lambda: not screen.lines.rows["TrackedRun"].given)
        await to_row(d, "ArgumentVector/1")
        await d.press("x")
        await d.until(lambda: "ArgumentVector/1" not in screen.lines.rows)
        await d.press("ctrl+z")
        await d.until(lambda: screen.lines.rows["ArgumentVector/1"].value == "--rate")
        await d.press("ctrl+z")
        await d.until(lambda: screen.lines.rows["TrackedRun"].given)
        await d.press("ctrl+y")
        await d.until(lambda: not screen.lines.rows["TrackedRun"].given)


async def test_what_a_submission_would_refuse_is_said_as_one_types(console: Console, file: Path) -> None:
    async with driven(console()) as d:
        screen = await opened(d)
        await d.press("ctrl+t")
        await d.until(lambda: screen.area.has_focus)
        screen.area.move_cursor((2, len("Target: local")))
        await d.type("x")
        await d.until_shown("line 3: there is no compute target 'localx'")
        await d.until_shown("1 error")
        screen.area.move_cursor((0, 0))
        await d.press("ctrl+n")
        assert screen.area.cursor_location == (2, 8)
        await d.press("ctrl+t")
        await d.until(lambda: screen.lines.has_focus)
        await d.until_shown("✖ Target")
        await d.press("ctrl+s")
        await d.until_shown("It has 1 error, and may be saved all the same")
        await d.press("n")
        await d.until(lambda: d.app.screen is screen)
        assert "localx" not in file.read_text()
        await saved(d)
        assert "localx" in file.read_text()


async def test_what_is_typed_in_a_row_is_checked_before_it_is_taken(console: Console, file: Path) -> None:
    async with driven(console()) as d:
        screen = await opened(d)
        await to_row(d, "Target")
        await d.press("enter")
        await d.until(lambda: screen.inline is not None and screen.inline.has_focus)
        await d.type("x")
        await d.until_shown("there is no compute target 'localx'")
        await d.press("escape")
        await d.until(lambda: screen.lines.has_focus and not screen.found)
        assert not screen.changed


async def test_a_text_that_is_no_yaml_has_no_form_and_may_be_saved(console: Console, file: Path) -> None:
    file.write_text("Target: [local\n")
    async with driven(console()) as d:
        screen = await opened(d)
        await d.until(lambda: screen.area.has_focus)
        await d.until_shown("this is not YAML")
        await d.press("ctrl+t")
        await d.until_shown("The text (ctrl+t) is where to correct that.")
        await d.press("ctrl+t")
        screen.area.move_cursor((0, 14))
        await d.type("#")
        await saved(d)
        assert file.read_text() == "Target: [local#\n"


async def test_leaving_asks_when_something_was_changed(console: Console, file: Path) -> None:
    before = file.read_bytes()
    async with driven(console()) as d:
        screen = await opened(d)
        await to_row(d, "Framework")
        await d.press("right")
        await d.until(lambda: screen.changed)
        for key in ("escape", "ctrl+q"):
            await d.press(key)
            await d.until(lambda: isinstance(d.app.screen, ConfirmScreen))
            assert "aml_config/local.runconfig" in d.text()
            await d.press("n")
            await d.until(lambda: d.app.screen is screen)
        await d.press("escape")
        await d.until(lambda: isinstance(d.app.screen, ConfirmScreen))
        await d.press("y")
        await d.until(lambda: d.app.screen is d.main)
    assert file.read_bytes() == before


async def test_a_change_on_disk_is_taken_where_nothing_was_changed_here(console: Console, file: Path) -> None:
    async with driven(console()) as d:
        screen = await opened(d)
        file.write_text("Target: docker\n")
        d.app.post_message(AppFocus())
        await d.until(lambda: screen.lines.rows["Target"].value == "docker")
        assert any("was changed on disk, and is shown as it is now" in said for said in d.said())
        assert not screen.changed
        # There is nothing of one's own to undo.
        await d.press("ctrl+t", "ctrl+z")
        await d.until(lambda: screen.area.has_focus)
        assert not screen.changed
        assert screen.area.text == "Target: docker\n"


async def conflicted(d: Driver, file: Path) -> EditScreen:
    """The editor with a change of its own, and another one on disk that was noticed."""
    screen = await opened(d)
    await to_row(d, "Framework")
    await d.press("right")
    await d.until(lambda: screen.changed)
    file.write_text("Target: docker\n")
    await d.until_shown("It was changed on disk meanwhile: ctrl+r")
    return screen


async def test_a_conflict_shows_the_difference_and_keeps_mine(console: Console, file: Path) -> None:
    async with driven(console()) as d:
        screen = await conflicted(d, file)
        await d.press("ctrl+r")
        await d.until(lambda: isinstance(d.app.screen, ConflictScreen))
        await d.press("d")
        await d.until_shown("- Target: docker")
        await d.until_shown("+ Target: local")
        await d.press("escape", "escape")
        await d.until(lambda: d.app.screen is screen)
        assert screen.conflict
        await d.press("ctrl+s")
        await d.until(lambda: isinstance(d.app.screen, ConflictScreen))
        assert file.read_text() == "Target: docker\n"
        await d.press("k")
        await d.until(lambda: isinstance(d.app.screen, SaveScreen))
        assert "- Target: docker" in d.text()
        await d.press("y")
        await d.until(lambda: "Framework: PySpark" in file.read_text())
        await d.until(lambda: not screen.conflict)


async def test_a_conflict_takes_theirs_and_can_take_that_back(console: Console, file: Path) -> None:
    async with driven(console()) as d:
        screen = await conflicted(d, file)
        await d.press("ctrl+r")
        await d.until(lambda: isinstance(d.app.screen, ConflictScreen))
        await d.press("t")
        await d.until(lambda: d.app.screen is screen and not screen.changed)
        assert screen.area.text == "Target: docker\n"
        await d.press("ctrl+z")
        await d.until(lambda: "Framework: PySpark" in screen.area.text and screen.changed)


async def test_a_change_in_the_moment_of_saving_is_not_overwritten(console: Console, file: Path) -> None:
    async with driven(console()) as d:
        screen = await opened(d)
        await to_row(d, "Framework")
        await d.press("right")
        await d.press("ctrl+s")
        await d.until(lambda: isinstance(d.app.screen, SaveScreen))
        file.write_text("Target: docker\n")
        await d.press("y")
        await d.until(lambda: isinstance(d.app.screen, ConflictScreen))
        assert file.read_text() == "Target: docker\n"
        await d.press("escape")
        await d.until(lambda: d.app.screen is screen)
        assert screen.changed


async def test_a_file_that_is_gone_is_made_again_or_left(console: Console, file: Path) -> None:
    async with driven(console()) as d:
        screen = await opened(d)
        file.unlink()
        await d.until_shown("It was removed from disk meanwhile")
        await d.press("ctrl+r")
        await d.until(lambda: isinstance(d.app.screen, ConflictScreen))
        await d.press("k")
        await d.until(lambda: d.app.screen is screen and screen.changed)
        await saved(d)
        assert file.read_text().startswith("ArgumentVector:")
        file.unlink()
        await d.until_shown("It was removed from disk meanwhile")
        await d.press("ctrl+r")
        await d.until(lambda: isinstance(d.app.screen, ConflictScreen))
        await d.press("t")
        await d.until(lambda: d.app.screen is d.main)


async def test_read_only_shows_and_changes_nothing(console: Console, file: Path) -> None:
    before = file.read_bytes()
    async with driven(console(readonly=True)) as d:
        screen = await opened(d)
        await d.until_shown("read-only")
        await to_row(d, "Framework")
        await d.press("right", "enter", "delete", "a", "E", "ctrl+s", "ctrl+t")
        await d.until(lambda: screen.area.has_focus)
        await d.press("x", "enter", "ctrl+o", "ctrl+s")
        assert not screen.changed
        assert screen.inline is None
        await d.press("escape")
        await d.until(lambda: d.app.screen is d.main)
    assert file.read_bytes() == before


async def test_secrets_are_stars_until_a_key_shows_them(console: Console, file: Path) -> None:
    text = file.read_text() + "EnvironmentVariables:\n  DB_PASSWORD: hunter2\n  PLAIN: seen\n"
    file.write_text(text)
    async with driven(console()) as d:
        screen = await opened(d)
        await d.until_shown("DB_PASSWORD")
        assert "seen" in d.text()
        assert "hunter2" not in d.text()
        await d.press("v")
        await d.until_shown("hunter2")
        await d.press("v", "ctrl+t")
        await d.until(lambda: screen.area.has_focus)
        assert "hunter2" not in d.text()
        await d.press("f3")
        await d.until_shown("hunter2")
        await d.press("f3", "ctrl+t")
        await to_row(d, "EnvironmentVariables/DB_PASSWORD")
        await d.press("enter")
        await d.until(lambda: screen.inline is not None and screen.inline.has_focus)
        await d.press(*["backspace"] * 7)
        await d.type("other")
        await d.press("enter")
        await d.until(lambda: screen.changed)
        await d.press("ctrl+s")
        await d.until_shown("- " + "  DB_PASSWORD: ********")
        assert "hunter2" not in d.text()
        assert "other" not in d.text()
        await d.press("y")
        await d.until(lambda: file.read_text() == text.replace("hunter2", "other"))


REMOTE = "type: remote\naddress: gpu-box\nusername: ann\n"


async def test_a_typed_password_goes_to_the_key_store(
    console: Console, project: Path, person: Path, home: Paths
) -> None:
    file = project / "aml_config" / "vm.compute"
    file.write_text(REMOTE)
    from engine.secrets import KeyStore

    async with driven(console()) as d:
        screen = await opened(d, "vm", "1")
        await to_row(d, "password")
        await d.press("enter")
        await d.until(lambda: screen.inline is not None and screen.inline.has_focus)
        await d.type("hunter2")
        assert "hunter2" not in d.text()
        await d.press("enter")
        await d.until_shown("in the key store")
        assert "hunter2" not in screen.area.text
        reference = screen.lines.rows["password"].value
        keys = KeyStore(home)
        assert keys.get(reference) is None
        await saved(d)
        assert keys.get(reference) == "hunter2"
        assert file.read_text() == REMOTE + f'password: "{reference}"\n'
        # Another one takes its place, there too.
        await d.press("enter")
        await d.until(lambda: screen.inline is not None and screen.inline.has_focus)
        await d.type("other")
        await d.press("enter")
        await d.until(lambda: screen.changed)
        await saved(d)
        assert keys.get(reference) is None
        assert keys.get(screen.lines.rows["password"].value) == "other"


async def test_a_password_in_the_text_is_moved_by_saving(
    console: Console, project: Path, person: Path, home: Paths
) -> None:
    file = project / "aml_config" / "vm.compute"
    file.write_text(REMOTE)
    from engine.secrets import KeyStore

    async with driven(console()) as d:
        screen = await opened(d, "vm", "1")
        await d.press("ctrl+t")
        await d.until(lambda: screen.area.has_focus)
        screen.area.move_cursor(screen.area.document.end)
        await d.type("password: hunter2")
        assert "hunter2" not in d.text()
        await d.press("ctrl+s")
        await d.until_shown("The password in it goes to the key store")
        assert "hunter2" not in d.text()
        await d.press("y")
        await d.until(lambda: "AzureMlSecret=vm#ann#" in file.read_text())
        assert "hunter2" not in file.read_text()
        assert KeyStore(home).get(file.read_text().split('"')[1]) == "hunter2"


async def test_dependency_files_open_from_the_row_that_names_them(console: Console, project: Path, file: Path) -> None:
    conda = project / "aml_config" / "conda_dependencies.yml"
    async with driven(console()) as d:
        first = await opened(d)
        await to_row(d, "CondaDependenciesFile")
        await d.press("o")
        await d.until(lambda: isinstance(d.app.screen, EditScreen) and d.app.screen is not first)
        screen = editor(d)
        await d.until_shown("aml_config/conda_dependencies.yml  form  new")
        for name, value in (
            ("dependencies/+", "python=3.11"),
            ("dependencies.pip/+", "numpy=1"),
            ("channels/+", "conda-forge"),
        ):
            await to_row(d, name)
            await d.press("enter")
            await d.until(lambda: screen.inline is not None and screen.inline.has_focus)
            await d.type(value)
            await d.press("enter")
            await d.until(lambda: screen.inline is None)
        await d.until_shown("'numpy=1' has one `=`: pip wants two of them.")
        await to_row(d, "dependencies.pip/0")
        await d.press("enter")
        await d.until(lambda: screen.inline is not None and screen.inline.has_focus)
        await d.press("backspace")
        await d.type("=1.2")
        await d.press("enter")
        await d.until(lambda: not screen.found)
        await saved(d)
        await d.press("escape")
        await d.until(lambda: d.app.screen is first)
    assert conda.read_text() == "dependencies:\n- python=3.11\n- pip:\n  - numpy==1.2\nchannels:\n- conda-forge\n"


async def test_spark_settings_are_edited_as_a_table(console: Console, project: Path) -> None:
    file = project / "aml_config" / "spark_dependencies.yml"
    file.write_text(
        "# ours\nconfiguration:\n  spark.app.name: iris # kept\npackages:\n- {group: g, artifact: a, version: 1}\n"
    )
    async with driven(console()) as d:
        await d.press("f6")
        await d.until(lambda: isinstance(d.app.screen, EditScreen))
        screen = editor(d)
        await d.until_shown("g:a:1")
        await to_row(d, "packages/0")
        await d.press("enter")
        await d.until(lambda: screen.inline is not None and screen.inline.has_focus)
        await d.press("backspace")
        await d.type("2")
        await d.press("enter")
        await d.until(lambda: screen.lines.rows["packages/0"].value == "g:a:2")
        await to_row(d, "configuration")
        await d.press("a")
        await d.until(lambda: screen.inline is not None and screen.inline.has_focus)
        await d.type("spark.executor.memory=2g")
        await d.press("enter")
        await d.until(lambda: screen.inline is None)
        await saved(d)
    assert file.read_text() == (
        "# ours\nconfiguration:\n  spark.app.name: iris # kept\n  spark.executor.memory: 2g\n"
        'packages:\n- {group: g, artifact: a, version: "2"}\n'
    )


async def test_the_palette_knows_the_dependency_files(console: Console) -> None:
    async with driven(console()) as d:
        await d.press("colon")
        await d.type("conda dep")
        await d.press("enter")
        await d.until_shown("aml_config/conda_dependencies.yml")
        assert isinstance(d.app.screen, EditScreen)
        await d.press("question_mark")
        await d.until_shown("Undo, in either view")


async def test_problems_are_gone_to(console: Console, file: Path) -> None:
    file.write_text(file.read_text().replace("local", "gone"))
    async with driven(console()) as d:
        await d.until(lambda: d.app.model.project.problems)
        await d.press("P")
        await d.until_shown("aml_config/local.runconfig:3:9: there is no compute target 'gone'")
        await d.press("enter")
        await d.until(lambda: isinstance(d.app.screen, EditScreen))
        await d.until(lambda: editor(d).area.has_focus)
        assert editor(d).area.cursor_location == (2, 0)


async def test_a_file_too_large_is_left_to_other_editors(console: Console, file: Path) -> None:
    file.write_text(file.read_text() + "# long\n" * 10_000)
    async with driven(console()) as d:
        await d.press("2")
        await d.until(lambda: "local" in d.main.configs.keys)
        d.main.configs.move_to("local")
        await d.press("e")
        await d.until(lambda: any("too large for this editor" in said for said in d.said()))
        assert d.app.screen is d.main


async def test_a_link_and_a_mode_stay(console: Console, project: Path, file: Path) -> None:
    real = project / "shared.runconfig"
    file.rename(real)
    real.chmod(0o600)
    file.symlink_to(os.path.join("..", "shared.runconfig"))
    async with driven(console()) as d:
        await opened(d)
        await to_row(d, "Framework")
        await d.press("right")
        await saved(d)
    assert file.is_symlink()
    assert "PySpark" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o600


async def test_what_is_being_typed_is_saved_too_and_stays_when_it_cannot_be(console: Console, file: Path) -> None:
    async with driven(console()) as d:
        screen = await opened(d)
        await to_row(d, "MaxRunDurationSeconds")
        await d.press("enter")
        await d.until(lambda: screen.inline is not None and screen.inline.has_focus)
        await d.type("x")
        await d.press("ctrl+s", "ctrl+t")
        assert screen.inline is not None
        assert screen.inline.value == "x"
        assert screen.view == "form"
        await d.press("backspace")
        await d.type("9")
        await saved(d)
        assert screen.inline is None
    assert "MaxRunDurationSeconds: 9\n" in file.read_text()


async def test_enter_turns_and_an_alias_is_left_to_the_text(console: Console, file: Path) -> None:
    file.write_text("Target: local\nEnvironmentVariables: &x {A: b}\nMine: *x\nTrackedRun: yes\n")
    async with driven(console()) as d:
        screen = await opened(d)
        await to_row(d, "TrackedRun")
        await d.press("enter")
        await d.until(lambda: screen.lines.rows["TrackedRun"].value == "false")
        await to_row(d, "? Mine")
        await d.press("enter")
        await d.until(lambda: any("change it in the text" in said for said in d.said()))
        await d.press("delete")
        await d.until(lambda: any("remove it in the text" in said for said in d.said()))
        assert "Mine: *x" in screen.area.text


def drafts(home: Paths) -> list[bytes]:
    return [one.read_bytes() for one in (home.state / "unsaved").glob("*")]


async def test_what_was_not_saved_when_the_console_ended_is_taken_up(console: Console, file: Path, home: Paths) -> None:
    before = file.read_bytes()
    async with driven(console()) as d:
        await opened(d)
        await to_row(d, "Framework")
        await d.press("right")
        await d.until(lambda: any(b"PySpark" in one for one in drafts(home)))
        assert [one.stat().st_mode & 0o777 for one in (home.state / "unsaved").iterdir()] == [0o600]
        d.app.leave()
    assert file.read_bytes() == before
    async with driven(console()) as d:
        screen = await opened(d)
        await d.until_shown("Take up what was not saved?")
        await d.press("y")
        await d.until(lambda: d.app.screen is screen and screen.lines.rows["Framework"].value == "PySpark")
        await saved(d)
        await d.until(lambda: not drafts(home))
        await to_row(d, "Framework")
        await d.press("left")
        await d.until(lambda: drafts(home))
        await d.press("escape")
        await d.until(lambda: isinstance(d.app.screen, ConfirmScreen))
        await d.press("y")
        await d.until(lambda: d.app.screen is d.main)
        await d.until(lambda: not drafts(home))
    assert b"PySpark" in file.read_bytes()


async def test_what_was_not_saved_can_be_forgotten(console: Console, file: Path, home: Paths) -> None:
    async with driven(console()) as d:
        await opened(d)
        await to_row(d, "Framework")
        await d.press("right")
        await d.until(lambda: drafts(home))
    async with driven(console()) as d:
        screen = await opened(d)
        await d.until_shown("Take up what was not saved?")
        await d.press("n")
        await d.until(lambda: d.app.screen is screen and not drafts(home))
        assert not screen.changed


async def test_no_password_is_kept_with_what_is_not_saved(
    console: Console, project: Path, person: Path, home: Paths
) -> None:
    (project / "aml_config" / "vm.compute").write_text(REMOTE)
    async with driven(console()) as d:
        screen = await opened(d, "vm", "1")
        await d.press("ctrl+t")
        await d.until(lambda: screen.area.has_focus)
        screen.area.move_cursor(screen.area.document.end)
        await d.type("# x")
        await d.until(lambda: drafts(home) == [REMOTE.encode() + b"# x"])
        await d.press("enter")
        await d.type("password: hunter2")
        await d.until(lambda: not drafts(home))
    assert not drafts(home)


async def test_items_change_places(console: Console, file: Path) -> None:
    file.write_text("ArgumentVector:\n- train.py # the script\n- 'a'\n- b\nTarget: local\nFramework: Python\n")
    async with driven(console()) as d:
        screen = await opened(d)
        await to_row(d, "ArgumentVector/1")
        await d.press("J")
        await d.until(lambda: screen.lines.rows["ArgumentVector/2"].value == "a")
        assert screen.lines.cursor == "ArgumentVector/2"
        await d.press("J", "shift+up")
        await d.until(lambda: screen.lines.rows["ArgumentVector/1"].value == "a")
        await d.press("K", "K")
        await d.until(lambda: screen.lines.rows["ArgumentVector/0"].value == "a")
        await saved(d)
    assert file.read_text().startswith("ArgumentVector:\n- a # the script\n- 'train.py'\n- b\n")


async def test_a_new_secret_is_not_seen_while_it_is_typed(console: Console, file: Path) -> None:
    async with driven(console()) as d:
        screen = await opened(d)
        await to_row(d, "EnvironmentVariables")
        await d.press("a")
        await d.until(lambda: screen.inline is not None and screen.inline.has_focus)
        await d.type("API_KEY=abc")
        await d.until_shown("API_KEY=•••")
        await d.press("enter")
        await d.until_shown("API_KEY                ********")
        assert "abc" not in d.text()
        await saved(d)
    assert "API_KEY: abc\n" in file.read_text()
