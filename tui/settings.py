"""A person's settings, `config.yaml` in the settings folder. Blocking: read in a thread.

theme: dark            # dark, light, or ansi for the terminal's own sixteen colours; default: what the terminal says
metrics: [loss, acc]   # shown in the run list, in this order; default: those of the newest runs
notice: bell           # when a run ends while one looks elsewhere: bell, desktop, both or none; default: both
keys:                  # a key, or a list of keys, by the action's name as the documentation lists it
  submit: S
  cancel: [c, ctrl+x]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui.actions import ACTIONS, BY_ID

if TYPE_CHECKING:
    from pathlib import Path

THEMES = {"dark": "aml-dark", "light": "aml-light", "ansi": "ansi-dark"}
NOTICES = ("bell", "desktop", "both", "none")


@dataclass(frozen=True)
class Settings:
    """What was set; `problems` tells, with the file and line, what could not be used."""

    theme: str | None = None
    metrics: tuple[str, ...] | None = None
    notice: str = "both"
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_settings(folder: Path) -> Settings:
    """The settings of this folder. What is wrong is left out and told; no file is no settings."""
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
    return _checked(data, lambda name: f"{file}:{lines.get(name, 1)}:1")


def _checked(data: dict[str, Any], place: Any) -> Settings:
    problems: list[str] = []
    known = ("theme", "metrics", "notice", "keys")
    problems += [
        f"{place(name)}: there is no setting {name!r}; there are {', '.join(known)}."
        for name in data
        if name not in known
    ]
    theme = data.get("theme")
    if theme is not None and theme not in THEMES:
        problems.append(f"{place('theme')}: the theme is one of {', '.join(THEMES)}.")
        theme = None
    notice = data.get("notice", "both")
    if notice not in NOTICES:
        problems.append(f"{place('notice')}: notice is one of {', '.join(NOTICES)}.")
        notice = "both"
    metrics = data.get("metrics")
    if metrics is not None and not (isinstance(metrics, list) and all(isinstance(one, str) for one in metrics)):
        problems.append(f"{place('metrics')}: metrics is a list of names, as [loss, acc].")
        metrics = None
    keys, wrong = _keys(data.get("keys"))
    problems += [f"{place('keys')}: {one}" for one in wrong]
    return Settings(
        THEMES.get(theme) if theme else None,
        tuple(metrics) if metrics else None,
        notice,
        keys,
        tuple(problems),
    )


def _keys(given: Any) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Keys by action, and what is wrong with them: unknown actions, and one key for two things."""
    if given is None:
        return {}, []
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
            keys[action] = tuple(named(one.strip()) for one in chosen)
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


def named(key: str) -> str:
    """A key as Textual names it: "/" is slash."""
    from textual.keys import _character_to_key

    return _character_to_key(key) if len(key) == 1 else key
