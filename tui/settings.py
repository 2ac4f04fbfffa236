"""A person's settings: `config.yaml` in the settings folder, and the one table of what there is to set.

The table feeds the reading with its checks, the settings screen and the documentation. Blocking: read in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui.actions import ACTIONS, BY_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

THEMES = ("auto", "dark", "light", "contrast-dark", "contrast-light", "ansi", "ansi-light", "mono")
NOTICES = ("bell", "desktop", "both", "none")
PROTOCOLS = ("auto", "osc9", "osc777", "osc99")
# Keys that move the cursor in every list, which would never reach an action.
MOVING = frozenset({"up", "k", "down", "j", "pageup", "pagedown", "ctrl+b", "ctrl+f", "home", "g", "end", "G"})


@dataclass(frozen=True)
class Setting:
    """One thing to set. `kind`: choice, flag, number, names, command or keys; `default` in words where it is none.

    `later`: it counts from the next start on.
    """

    name: str
    kind: str
    default: Any
    example: str
    words: str
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    later: bool = False

    @property
    def allowed(self) -> str:
        """What may be set, in a few words."""
        if self.kind == "choice":
            return ", ".join(self.choices)
        return {
            "flag": "true or false",
            "number": f"a number from {self.least} to {self.most}",
            "names": "a list of names, as [loss, acc]",
            "command": "a command with its arguments, as [notify-send, aml-tui]",
            "keys": "actions with keys, as `submit: S`",
        }[self.kind]


SETTINGS: tuple[Setting, ...] = (
    Setting("theme", "choice", "auto", "dark", "Colours; auto is what suits the terminal.", THEMES),
    Setting(
        "ascii", "flag", None, "false", "Draw with ASCII signs only; else Unicode, unless TERM is dumb.", later=True
    ),
    Setting(
        "mouse",
        "flag",
        None,
        "true",
        "Take the mouse; false leaves it to the terminal for selecting. Else taken, unless TERM is linux or dumb.",
        later=True,
    ),
    Setting(
        "frames",
        "number",
        None,
        "30",
        "Frames a second at most; else 10 over SSH and 60 elsewhere.",
        least=1,
        most=120,
        later=True,
    ),
    Setting(
        "tick",
        "number",
        None,
        "1",
        "Ages in lists move every so many seconds; else 5 over SSH and 1 elsewhere.",
        least=1,
        most=60,
    ),
    Setting("metrics", "names", None, "[loss, acc]", "Metrics in the list, in order; else those of the newest runs."),
    Setting(
        "notice",
        "choice",
        "both",
        "both",
        "When a run ends while one looks elsewhere: the bell, a desktop notice, both or none.",
        NOTICES,
    ),
    Setting(
        "notice_after",
        "number",
        0,
        "60",
        "Seconds that a run has to take for a notice; the hook is told of shorter ones too.",
        most=86_400,
    ),
    Setting(
        "desktop",
        "choice",
        "auto",
        "auto",
        "How the terminal is asked for a desktop notice; auto is what it is known to take.",
        PROTOCOLS,
    ),
    Setting(
        "hook",
        "command",
        None,
        '[notify-send, "a run has ended"]',
        "Run for each run that ends while the console is open; AML_RUN, AML_STATE and others tell which.",
    ),
    Setting(
        "memory_above",
        "number",
        95,
        "95",
        "Percent of a machine's memory in use above which its line in the targets is a warning.",
        least=1,
        most=100,
    ),
    Setting(
        "disk_above",
        "number",
        90,
        "90",
        "Percent of the disk in use above which a machine's line in the targets is a warning.",
        least=1,
        most=100,
    ),
    Setting("keys", "keys", None, "", "A key, or a list of keys, by the action's name."),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Settings:
    """What was set, None where nothing was; `problems` tells, with the file and line, what could not be used."""

    theme: str | None = None
    ascii: bool | None = None
    mouse: bool | None = None
    frames: int | None = None
    tick: int | None = None
    metrics: tuple[str, ...] | None = None
    notice: str = "both"
    notice_after: int = 0
    desktop: str = "auto"
    hook: tuple[str, ...] = ()
    memory_above: int = 95
    disk_above: int = 90
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_settings(folder: Path, names: Iterable[str] = ()) -> Settings:
    """The settings of this folder, all or those of these names. What is wrong is left out and told; no file is none."""
    file = folder / "config.yaml"
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        return Settings(problems=(f"{file}: the settings cannot be read: {error}.",))
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return Settings(problems=(f"{file}: this is not YAML: {' '.join(str(error).split())}.",))
    if data is None:
        return Settings()
    if not isinstance(data, dict):
        return Settings(problems=(f"{file}:1:1: settings are names with values, as `theme: dark`.",))
    lines = {pair[0].value: pair[0].start_mark.line + 1 for pair in node.value} if node is not None else {}
    if names:
        data = {name: data[name] for name in names if name in data}
    return _checked(data, lambda name: f"{file}:{lines.get(name, 1)}:1")


def _checked(data: dict[str, Any], place: Callable[[str], str]) -> Settings:
    known = ", ".join(BY_NAME)
    problems = [
        f"{place(name)}: there is no setting {name!r}; there are {known}." for name in data if name not in BY_NAME
    ]
    found: dict[str, Any] = {}
    for setting in SETTINGS:
        given = data.get(setting.name)
        if given is None:
            continue
        if setting.kind == "keys":
            found["keys"], wrong = _keys(given)
            problems += [f"{place('keys')}: {one}" for one in wrong]
            continue
        value, why = taken(setting, given)
        if why:
            problems.append(f"{place(setting.name)}: {why}")
        else:
            found[setting.name] = value
    return Settings(**found, problems=tuple(problems))


def taken(setting: Setting, given: Any) -> tuple[Any, str]:
    """A value as the console has it, and what is wrong with it ("" when nothing is)."""
    wrong = f"{setting.name} is {'one of ' if setting.kind == 'choice' else ''}{setting.allowed}."
    if setting.kind == "choice":
        return (given, "") if given in setting.choices else (None, wrong)
    if setting.kind == "flag":
        return (given, "") if isinstance(given, bool) else (None, wrong)
    if setting.kind == "number":
        fits = isinstance(given, int) and not isinstance(given, bool) and setting.least <= given <= setting.most
        return (given, "") if fits else (None, wrong)
    if setting.kind == "command" and isinstance(given, str):
        return _words(given)
    if not (isinstance(given, list) and all(isinstance(one, str) for one in given)):
        return None, wrong
    return tuple(given) or None if setting.kind == "names" else tuple(given), ""


def _words(given: str) -> tuple[tuple[str, ...] | None, str]:
    """A command's words, quoted as for a shell; no shell sees them."""
    import shlex

    try:
        return tuple(shlex.split(given)), ""
    except ValueError as error:
        return None, f"hook: the quotes do not match: {error}."


def typed(setting: Setting, text: str) -> tuple[Any, str]:
    """The same for what a person typed in a line: names and words of a command with spaces between them."""
    text = text.strip()
    if not text:
        return None, ""
    if setting.kind == "number":
        return taken(setting, int(text) if text.isdecimal() else text)
    if setting.kind == "names":
        return taken(setting, [one for one in text.replace(",", " ").split() if one])
    return taken(setting, text)


def shown(setting: Setting, settings: Settings) -> str:
    """A setting's value as the settings screen has it, "" where none was set."""
    value = getattr(settings, setting.name)
    if setting.kind == "keys":
        return f"{len(value)} changed" if value else ""
    if value is None or value == getattr(Settings(), setting.name):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if setting.kind == "command":
        import shlex

        return shlex.join(value)
    return " ".join(value) if isinstance(value, tuple) else str(value)


def unset(setting: Setting, environ: Mapping[str, str]) -> str:
    """What holds where nothing was set, in this environment."""
    if setting.default is not None:
        return str(setting.default)
    terminal = environ.get("TERM", "")
    far = bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))
    return {
        "ascii": "true" if terminal == "dumb" else "false",
        "mouse": "false" if terminal in ("linux", "dumb") else "true",
        "frames": "10" if far else "60",
        "tick": "5" if environ.get("SSH_CONNECTION") else "1",
        "metrics": "those of the newest runs",
        "hook": "none",
        "keys": "none changed",
    }[setting.name]


def _keys(given: Any) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Keys by action, and what is wrong with them: unknown actions, and one key for two things."""
    if not isinstance(given, dict):
        return {}, ["keys are actions with keys, as `submit: S`."]
    keys: dict[str, tuple[str, ...]] = {}
    wrong: list[str] = []
    for action, value in given.items():
        chosen = value if isinstance(value, list) else [value]
        if action not in BY_ID:
            wrong.append(f"there is no action {action!r}; there are {', '.join(BY_ID)}.")
        elif not chosen or not all(isinstance(one, str) and one.strip() and "," not in one for one in chosen):
            wrong.append(f"the keys of {action} are a key or a list of keys, as [c, ctrl+x].")
        else:
            mine = tuple(named(one.strip()) for one in chosen)
            moving = [one for one in mine if one in MOVING]
            wrong += [f"the key {one!r} moves in lists: {action} would never get it." for one in moving]
            if not moving:
                keys[action] = mine
    while (clash := _clash(keys)) is not None:
        key, both = clash
        wrong.append(f"the key {key!r} would do both {' and '.join(both)}.")
        # What was set gives way to what was there, so that no action loses its key.
        for action in both:
            keys.pop(action, None)
    return keys, wrong


def _clash(keys: dict[str, tuple[str, ...]]) -> tuple[str, tuple[str, str]] | None:
    """A key that stands for two actions, and the two."""
    taken: dict[str, str] = {}
    for action in ACTIONS:
        for key in keys.get(action.id, action.keys):
            if key in taken:
                return key, (taken[key], action.id)
            taken[key] = action.id
    return None


def why_not(key: str, action: str, keys: dict[str, tuple[str, ...]]) -> str:
    """Why an action cannot have this key beside those that are set; "" when it can."""
    if key in MOVING:
        return "it moves in lists, and would never get there"
    other = next((one for one in ACTIONS if one.id != action and key in keys.get(one.id, one.keys)), None)
    return f"it is that of: {other.description}" if other is not None else ""


def named(key: str) -> str:
    """A key as Textual names it: "/" is slash."""
    from textual.keys import _character_to_key

    return _character_to_key(key) if len(key) == 1 else key
