"""Attaching a compute target: one form, checked as one types, tested live, saved as files of the project."""

from __future__ import annotations

import asyncio
import dataclasses
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from engine.errors import AmlError
from tui import targets, wording
from tui.attaching import KINDS, NEW_KEY, SPECS, TICKS, Form, Known, Spec, hint, problems, stands_for, suggested_name
from tui.plain import plain
from tui.screens.attach_steps import SAVE, StepsScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.dialog import Dialog, Result
from tui.screens.public_key import PublicKeyScreen
from tui.secret import Secret
from tui.widgets.choice import Choice, Tick
from tui.widgets.field import Field
from tui.widgets.line_input import LineInput
from tui.widgets.secret_input import SecretInput

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.screen import Screen
    from textual.timer import Timer
    from textual.widget import Widget

# Looking at a key's file reads the disk: not at every key.
PAUSE = 0.25
# Lines of the dialog that are no fields: its border, what is said below them.
AROUND = 6


class AttachScreen(Dialog[str]):
    """Gives the name of the target that was attached. What is typed stays until then, or until one lets it go."""

    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("enter", "", "Test it step by step; docker: save it"),
        ("ctrl+s", "", "Save it"),
        ("ctrl+t", "", "Take the head node that is offered for a cluster's gateway"),
        ("tab,down", "", "The next field"),
        ("shift+tab,up", "", "The field before"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "test", show=False),
        Binding("ctrl+s", "save", show=False),
        Binding("ctrl+t", "take_head_node", show=False),
        # Before the field sees it: what comes with it in one piece, over a slow line, is for the next one.
        Binding("tab,down", "app.focus_next", show=False, priority=True),
        Binding("shift+tab,up", "app.focus_previous", show=False, priority=True),
    ]
    CSS_PATH = ["../styles/dialog.tcss", "../styles/attach.tcss"]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]  # noqa: RUF012 - as Textual declares it

    def __init__(self, kind: str, folder: Path, taken: frozenset[str]) -> None:
        """`taken`: the names of the project's targets and run configurations."""
        super().__init__()
        name = suggested_name(kind, "", taken) if kind == "docker" else ""
        self.form = self.before = Form(kind, name=name)
        self.known = Known(names=taken)
        self.folder = folder
        self._fields: dict[str, Field] = {}
        self._touched: set[str] = set()
        # Whether the name is one's own, and no longer follows the address.
        self._named = False
        self._pause: Timer | None = None
        # The reference and the public line of the key that was made for this form, and its kind.
        self._key: tuple[str, str, str] | None = None
        self._installed = False
        # The way that was tested well.
        self._tested: object = None
        self._busy = False

    def compose(self) -> ComposeResult:
        title = next(kind.title for kind in KINDS if kind.type == self.form.kind)
        self.said = Static(id="said")
        with Vertical(classes="dialog attaching") as box:
            box.border_title = Content(f"Attach: {title}")
            first = "enter test   ctrl+s save" if self.form.remote else "enter save"
            box.border_subtitle = Content(f"{first}   tab next   esc close")
            with VerticalScroll(id="fields", can_focus=False):
                for name in self.form.fields():
                    self._fields[name] = Field(SPECS[name].label, self._entry(SPECS[name]))
                    yield self._fields[name]
            yield self.said

    def _entry(self, spec: Spec) -> Widget:
        value = getattr(self.form, spec.name)
        if spec.kind == "choice":
            return Choice(spec.choices, value, id=spec.name)
        if spec.kind == "tick":
            return Tick(TICKS[spec.name], value, id=spec.name)
        if spec.kind == "secret":
            return SecretInput(placeholder=spec.empty, id=spec.name)
        return LineInput(value, placeholder=spec.empty, id=spec.name)

    @property
    def focus_chain(self) -> list[Widget]:
        """The order of the form. Textual's is that of the last layout, where a field that has just come is not yet."""
        return [field.entry for field in self._fields.values() if field.display]

    def on_resize(self) -> None:
        # What is said below the fields stays on the screen, however many there are.
        self.query_one("#fields").styles.max_height = max(4, self.size.height * 92 // 100 - AROUND)

    def on_mount(self) -> None:
        self._show()
        self._fields["address" if self.form.remote else "name"].entry.focus()
        self.app.start(self._look_around, group="attach-known", description="looking for hosts and the key store")

    async def _look_around(self) -> None:
        """Hosts of the SSH configuration, and what the key store is called: a keyring may take a while to say."""
        hosts = await asyncio.to_thread(targets.ssh_hosts)
        self.known = dataclasses.replace(self.known, hosts=hosts)
        if self.form.remote and self.is_attached:
            address = self._fields["address"].entry
            assert isinstance(address, LineInput)
            address.suggester = SuggestFromList(hosts, case_sensitive=True)
        where = await asyncio.to_thread(targets.where_kept, self.app.model.paths)
        self.known = dataclasses.replace(self.known, where=where)
        self._show_hint()

    # What is typed

    def on_input_changed(self, event: Input.Changed) -> None:
        entry = event.input
        typed = entry.secret if isinstance(entry, SecretInput) else entry.value
        self._take(entry.id or "", typed, by_hand=entry.has_focus)

    def on_choice_changed(self, event: Choice.Changed) -> None:
        self._take(event.choice.id or "", event.choice.chosen)

    def on_tick_changed(self, event: Tick.Changed) -> None:
        self._take(event.tick.id or "", event.tick.on)

    def _take(self, name: str, value: str | bool | Secret, *, by_hand: bool = True) -> None:
        if getattr(self.form, name) == value:
            return
        self.form = self.form.having(name, value)
        if by_hand:
            self._touched.add(name)
            if not self._busy:
                self._say("")
        if name == "name" and by_hand:
            self._named = bool(value)
        elif name == "address" and not self._named:
            self._put("name", suggested_name(self.form.kind, str(value), self.known.names))
            self._touched.add("name")
        elif name == "key_file":
            self._look_at_key_soon()
        self._show()

    def _put(self, name: str, value: str) -> None:
        """Fill in a field that is typed."""
        secret = SPECS[name].kind == "secret"
        self.form = self.form.having(name, Secret(value) if secret else value)
        entry = self._fields[name].entry
        assert isinstance(entry, Input)
        entry.value = value
        entry.cursor_position = len(value)

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        if event.widget.id == "address":
            self._tidy()

    def _tidy(self) -> None:
        tidy = self.form.tidy()
        if tidy != self.form:
            self._put("user", tidy.user)
            self._put("address", tidy.address)

    def action_take_head_node(self) -> None:
        """What is offered where a cluster's web gateway was typed."""
        self._tidy()
        head = self.form.head_node() if self.form.remote else ""
        if head:
            self._put("address", head)
            self._show()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._show_hint()
        field = self._fields.get(event.widget.id or "")
        if field is not None:
            field.scroll_visible(animate=False)

    def _look_at_key_soon(self) -> None:
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE, self._look_at_key)

    def _look_at_key(self) -> None:
        self.app.start(self._check_key, group="attach-key", description="looking at the key file", exclusive=True)

    async def _check_key(self) -> None:
        file = self.form.key_file.strip()
        if file:
            # Each time: what was wrong with it may have been put right meanwhile.
            problem = await asyncio.to_thread(targets.key_file_problem, file)
            self.known = dataclasses.replace(self.known, key_files={file: problem})
        self._show()

    # What is shown

    def _show(self) -> None:
        """Which fields count, and what is wrong with those that were filled in."""
        shown = self.form.shown()
        wrong = problems(self.form, self.known)
        for name, field in self._fields.items():
            field.display = name in shown
            if isinstance(field.entry, Input):
                field.entry.placeholder = stands_for(name, self.form)
            field.say(wrong.get(name, "") if name in self._touched else "")
        self._show_hint()

    def _show_hint(self) -> None:
        if self.focused is not None and self.focused.id in self._fields and not self.said.has_class("-told"):
            text = plain(hint(self.focused.id, self.form, self.known))
            if text != str(self.said.content):
                self.said.update(Content.styled(text, "dim"))

    def _say(self, text: str, ink: str = "$error") -> None:
        """What went wrong, or goes on; "" shows the hints again."""
        self.said.set_class(bool(text), "-told")
        if text:
            self.said.update(Content.styled(plain(text), ink))
        else:
            self._show_hint()

    # Testing and saving

    def on_input_submitted(self) -> None:
        self.action_test()

    def action_test(self) -> None:
        self._begin(self._test if self.form.remote else self._save)

    def action_save(self) -> None:
        self._begin(self._save)

    def _begin(self, work: Callable[[], Awaitable[None]]) -> None:
        if not self._busy:
            self._busy = True
            self.app.start(partial(self._guarded, work), group="attach", description="attaching")

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """What is refused is said in the form, where everything stays as it was typed."""
        try:
            await self._check_key()
            if self._all_right():
                await work()
        except AmlError as error:
            self._say(str(error))
        finally:
            self._busy = False

    def _all_right(self) -> bool:
        """Whether it can go on; otherwise one is taken to the first field that is wrong."""
        self._tidy()
        wrong = problems(self.form, self.known)
        self._touched.update(self._fields)
        self._show()
        for name in self.form.shown():
            if name in wrong:
                self._fields[name].entry.focus()
                return False
        return True

    async def _test(self) -> None:
        if self.form.authentication == NEW_KEY and not await self._show_key("test"):
            return
        name, wanted = self.form.name.strip(), self.form.wanted(self._reference())
        if self.form.kind == "cluster":
            queues = await asyncio.to_thread(targets.queues, self.folder, name)
            wanted = dataclasses.replace(wanted, queues=queues)
        steps = StepsScreen(name, wanted, self.known.where, attaches=True)
        result = await self._over(steps)
        if steps.reached:
            self._tested = self._way()
            if steps.wanted.install:
                # It has done what it was for.
                self._installed = True
                self._put("password", "")
        if result is not None:
            await self._write() if result == SAVE else await self._save()

    async def _over(self, screen: Screen[Result]) -> Result | None:
        """What this screen gives, which takes the place of the form meanwhile."""
        self.add_class("-under")
        try:
            return await self.app.push_screen_wait(screen)
        finally:
            self.remove_class("-under")

    async def _show_key(self, then: str) -> bool:
        """Have a key and show its public half; whether one goes on, to `then`."""
        form, machine = self.form, self.form.machine()
        if self._key is None or self._key[2] != form.key_kind:
            self._say("making a key", "$accent")
            await self._forget_key()
            comment = f"aml-tui {form.name.strip()}"
            made = await asyncio.to_thread(targets.new_key, self.app.model.paths, comment, form.key_kind)
            self._key, self._installed = (*made, form.key_kind), False
            self._say("")
        place = f"~/.ssh/authorized_keys of {form.text('user') or 'your user'} on {machine.address}"
        if then == "test" and form.password:
            todo = f"The test puts it into {place} by the password, which is then forgotten."
        elif self._installed:
            todo = f"It was put into {place}."
        else:
            todo = f"Add this line to {place}. Or go back, give a password and test: then that is done for you."
        notes = (f"The private key is kept in {self.known.where}.", todo)
        screen = PublicKeyScreen(form.name.strip(), self._key[1], notes, then)
        return await self._over(screen) is True

    async def _save(self) -> None:
        if self.form.remote and self._tested != self._way():
            note = "It was not tested as it is now. Whether it can be reached shows when the first run needs it."
            hit = [f"{self.form.name.strip()}  {self.form.machine().name}"]
            question = ConfirmScreen("Save without a test?", hit, note, "save", "not yet", harmless=True)
            if not await self.app.push_screen_wait(question):
                return
            if self.form.authentication == NEW_KEY and not await self._show_key("save"):
                return
        await self._write()

    async def _write(self) -> None:
        form, name = self.form, self.form.name.strip()
        self._say("saving", "$accent")
        reference = self._reference()
        # From here on it belongs to the target, also when the console is left meanwhile.
        key, self._key = self._key, None if reference else self._key
        try:
            saved = await asyncio.to_thread(targets.save, self.app.model.paths, self.folder, form, reference)
        except Exception:
            self._key = key
            raise
        said = f"{name} is attached: {wording.listed(saved.files)}."
        if saved.password_in:
            said += f" Its password is in {saved.password_in}."
        if reference:
            said += f" Its key is in {self.known.where}."
            said += " The password that installed it was not kept." if self._installed else ""
        self.app.tell(said)
        self.dismiss(name)

    def _reference(self) -> str:
        """That of the made key, when it is the one to be used."""
        return self._key[0] if self._key is not None and self.form.authentication == NEW_KEY else ""

    def _way(self) -> object:
        """What a test tests: another name or more slots need no other one."""
        wanted = self.form.wanted(self._reference())
        return dataclasses.replace(wanted, password=Secret(), install="") if wanted.install else wanted

    async def _forget_key(self) -> None:
        """A key that was made and is not used."""
        if self._key is not None:
            reference, self._key = self._key[0], None
            await asyncio.to_thread(targets.forget, self.app.model.paths, reference)

    def action_close(self) -> None:
        if self._busy:
            self.app.tell("attach: it is at work, in a moment", "warning")
            return
        if dataclasses.replace(self.form, name="") == dataclasses.replace(self.before, name="") and not self._named:
            self.dismiss(None)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.dismiss(None)

        hit = [" ".join(part for part in (self.form.name, self.form.text("address")) if part)]
        note = "What was typed is not kept."
        self.app.push_screen(ConfirmScreen("Leave without attaching?", hit, note, "leave", "go on"), answered)

    async def on_unmount(self) -> None:
        """However the form is left, the whole console with it: a key that no target has is of no use."""
        try:
            await self._forget_key()
        except AmlError as error:
            self.app.tell_error(error)
