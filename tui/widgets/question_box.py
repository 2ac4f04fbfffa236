"""A question that only a person can answer on the way to a machine: a host key, a password, a server's own prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui.attempts import HOST_KEY
from tui.plain import plain, plain_lines
from tui.secret import Secret
from tui.widgets.choice import Tick
from tui.widgets.line_input import LineInput
from tui.widgets.secret_input import SecretInput

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widgets import Input

    from tui.attempts import Asked

# What one would want kept; a server's own prompt is most often for a code that counts once.
KEPT = ("password", "passphrase")


class QuestionBox(Vertical, can_focus=True):
    """Out of sight until `ask`. A host key is answered with y or n, all else is typed and sent with enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "say('yes')", show=False),
        Binding("n", "say('no')", show=False),
        Binding("enter", "send", show=False),
    ]

    class Answered(Message):
        """The answer to `question`; `keep`: it may be kept in the key store."""

        def __init__(self, question: Asked, answer: Secret, keep: bool) -> None:
            super().__init__()
            self.question = question
            self.answer = answer
            self.keep = keep

    def __init__(self) -> None:
        super().__init__(id="question")
        self.question: Asked | None = None
        self.where = "the key store"

    def compose(self) -> ComposeResult:
        self.heading = Static(classes="heading")
        self.body = Static()
        self.secret_line = SecretInput(id="answer-secret")
        self.plain_line = LineInput(id="answer")
        self.keep = Tick("", id="keep")
        self.keys_line = Static(classes="answers")
        yield self.heading
        with VerticalScroll(classes="body", can_focus=False):
            yield self.body
        yield self.secret_line
        yield self.plain_line
        yield self.keep
        yield self.keys_line

    @property
    def typed(self) -> bool:
        """Whether there is something in it that would be lost."""
        return self.question is not None and bool(self.secret_line.value or self.plain_line.value)

    def ask(self, question: Asked | None) -> None:
        """Show this question, or none; one that is shown already stays as it is."""
        if question == self.question:
            return
        self.question = question
        self._empty()
        self.set_class(question is not None, "-asked")
        if question is None:
            return
        is_key = question.kind == HOST_KEY
        masked = not is_key and question.secret
        self.secret_line.display, self.plain_line.display, self.keep.display = masked, not is_key and not masked, masked
        self.keep.say(f"keep it in {plain(self.where)}", question.kind in KEPT)
        self.heading.update(Content(plain(question.title)))
        self.body.update(Content(plain_lines(question.text.strip())))
        self.body.parent.display = bool(question.text.strip())  # type: ignore[union-attr]
        self.keys_line.update(self._keys(is_key))
        self.can_focus = is_key
        (self if is_key else self.secret_line if masked else self.plain_line).focus()

    def say_where(self, where: str) -> None:
        """What the key store is called."""
        self.where = where
        self.keep.say(f"keep it in {plain(where)}", self.keep.on)

    def _keys(self, is_key: bool) -> Content:
        if is_key:
            return Content.assemble(
                (" y ", "bold $warning"),
                "it is the right one    ",
                (" n ", "bold $primary"),
                "it is not, or I am not sure",
            )
        return Content.assemble((" enter ", "bold $primary"), "answer    ", (" esc ", "bold $primary"), "stop the test")

    def action_say(self, answer: str) -> None:
        if self.question is not None and self.question.kind == HOST_KEY:
            self._answer(Secret(answer), keep=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_send()

    def action_send(self) -> None:
        question = self.question
        if question is None or question.kind == HOST_KEY:
            return
        if question.secret:
            self._answer(self.secret_line.secret, keep=self.keep.on)
        else:
            self._answer(Secret(self.plain_line.value), keep=False)

    def _answer(self, answer: Secret, keep: bool) -> None:
        question = self.question
        if question is not None:
            self.ask(None)
            self.post_message(self.Answered(question, answer, keep))

    def _empty(self) -> None:
        self.secret_line.value = ""
        self.plain_line.value = ""
