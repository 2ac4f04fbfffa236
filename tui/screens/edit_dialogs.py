"""What an editor asks: whether to save, with what changed; what to do when the file has changed on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.editing.saving import diff_lines
from tui.plain import plain
from tui.screens.dialog import Dialog, Scrolling

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

INKS = {"@": "$warning", "-": "$error", "+": "$success"}
THEIRS, MINE, GO_ON = "theirs", "mine", "go on"


def diff_text(lines: Iterable[tuple[str, str]]) -> Content:
    """The lines of a difference, each in the ink of its sign."""
    parts = [Content.styled(f"{sign} {plain(line)}", INKS.get(sign, "")) for sign, line in lines]
    return Content("\n").join(parts) if parts else Content.styled("Nothing but line breaks or their like.", "dim")


class SaveScreen(Scrolling, Dialog[bool]):
    """Gives True on `y`: what is on disk is to become what is edited."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *Scrolling.MOVES,
        Binding("y,enter", "yes", show=False),
        Binding("n", "close", show=False),
    ]
    CSS_PATH = ["../styles/dialog.tcss", "../styles/edit.tcss"]  # noqa: RUF012 - as Textual declares it
    AUTO_FOCUS = ""
    KEYS = (("y,enter", "", "Save"), ("n,escape", "", "Go on editing"))

    def __init__(self, file: str, before: str, after: str, notes: Sequence[tuple[str, str]]) -> None:
        """`notes`: (text, ink) of what is to be known before."""
        super().__init__()
        self.file = file
        self.lines = tuple(diff_lines(before, after))
        self.notes = notes

    def compose(self) -> ComposeResult:
        came, went = (sum(sign == one for sign, _ in self.lines) for one in "+-")
        with Vertical(classes="dialog difference") as box:
            box.border_title = Content(f"Save {plain(self.file)}?")
            box.border_subtitle = Content(f"+{came} -{went}")
            with VerticalScroll(classes="lines", can_focus=False):
                yield Static(diff_text(self.lines))
            for text, ink in self.notes:
                yield Static(Content.styled(plain(text), ink), classes="note")
            yield Static(
                Content.assemble((" y ", "bold $primary"), "save    ", (" n ", "bold $primary"), "go on editing"),
                classes="answers",
            )

    @property
    def read(self) -> Widget:
        return self.query_one(VerticalScroll)

    def action_yes(self) -> None:
        self.dismiss(True)


class ConflictScreen(Dialog[str]):
    """The file is not what it was: gives THEIRS, MINE, or None to go on editing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "difference", show=False),
        Binding("t", "answer('theirs')", show=False),
        Binding("k", "answer('mine')", show=False),
    ]
    CSS_PATH = ["../styles/dialog.tcss", "../styles/edit.tcss"]  # noqa: RUF012 - as Textual declares it
    AUTO_FOCUS = ""
    KEYS = (
        ("d", "", "Show the difference"),
        ("t", "", "Take theirs"),
        ("k", "", "Keep yours"),
        ("escape", "", "Go on editing, and decide later"),
    )

    def __init__(self, file: str, theirs: str | None, mine: str) -> None:
        """`theirs` None: the file is gone."""
        super().__init__()
        self.file = file
        self.theirs = theirs
        self.mine = mine

    def compose(self) -> ComposeResult:
        gone = self.theirs is None
        what = "was removed from the disk" if gone else "was changed on disk"
        answers = (
            ("d", "show the difference"),
            ("t", "leave the editor: what was typed here is lost" if gone else "take theirs; ctrl+z brings yours back"),
            ("k", "keep yours: the next save makes the file again" if gone else "keep yours: the next save overwrites"),
            ("esc", "go on editing, and decide later"),
        )
        with Vertical(classes="dialog question") as box:
            box.border_title = Content(f"{plain(self.file)} {what}")
            yield Static(Content("Somebody else did that since it was read here."), classes="note")
            yield Static(
                Content("\n").join([Content.assemble((f"{key:>4}  ", "bold $primary"), said) for key, said in answers]),
                classes="answers",
            )

    def action_answer(self, answer: str) -> None:
        self.dismiss(answer)

    def action_difference(self) -> None:
        from tui.screens.text import TextScreen

        lines = diff_lines(self.theirs or "", self.mine)
        self.app.push_screen(TextScreen(f"{self.file}: - theirs, + yours", diff_text(lines)))
