"""What a submission would meet: files to ship, environment, slots, disk, and whether it ran like this before."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.runs.request import known_fields
from engine.spans import span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Names that are told of a longer list.
NAMED = 3


@dataclass(frozen=True)
class Forecast:
    """`state` is what the engine knows of the host ("connected", "not connected", ...). Sizes in bytes, times in s.

    `new_files` and `new_bytes` are what the host's content store lacks; None: not known now. `largest` are (path,
    size). Paths that stay behind: `ignored` (the first of `ignored_count`, a folder counts once) and `secret`.
    `environment`: "own" (the Python there is, `environment_words` names it), "ready", "missing", "building" or
    "unknown", with words on it; `took`: how long the last build for this configuration took, None when there was none;
    `fails`: it is missing, and the configuration does not let a run prepare it. `ahead`: runs that would start before
    it; None: it starts at once. `disk_at`: when the disk was looked at, epoch seconds, None for just now.
    `same`: the newest run that was the same in everything; `alike`: the newest with the same files, and in `differs`
    what is not the same of it. Each is {"run_id", "name", "state", "metrics": [(name, last value)]}.
    """

    config: str
    target: str
    host: str
    state: str
    argv: tuple[str, ...] = ()
    files: int = 0
    bytes: int = 0
    new_files: int | None = None
    new_bytes: int | None = None
    largest: tuple[tuple[str, int], ...] = ()
    ignored: tuple[str, ...] = ()
    ignored_count: int = 0
    secret: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    environment: str = "own"
    environment_words: str = ""
    took: float | None = None
    fails: bool = False
    slots: int = 1
    busy: int = 0
    ahead: int | None = None
    disk_free: int | None = None
    disk_total: int | None = None
    disk_at: float | None = None
    same: dict[str, Any] | None = None
    alike: dict[str, Any] | None = None
    differs: tuple[str, ...] = ()
    notices: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Forecast:
        known = known_fields(cls, data)
        for name in ("argv", "ignored", "secret", "warnings", "differs", "notices"):
            known[name] = tuple(known.get(name, ()))
        known["largest"] = tuple((str(path), int(size)) for path, size in known.get("largest", ()))
        return cls(**known)


class Line(NamedTuple):
    """One fact of a forecast in words; `wrong` where one should look twice."""

    label: str
    text: str
    wrong: bool = False


def lines(forecast: Forecast, now: float) -> list[Line]:
    """The facts as a face shows them, from the most to the least of interest. `now`: epoch seconds."""
    return [*_same(forecast), *_ships(forecast), _environment(forecast), _queue(forecast), _disk(forecast, now)]


def _ships(it: Forecast) -> Iterator[Line]:
    whole = f"{_count(it.files, 'file')}, {size(it.bytes)}"
    if it.new_files is None or it.new_bytes is None:
        told = f"{whole}; what {it.target} has of it is not known"
    elif not it.new_files:
        told = f"{whole}; all of it is on {it.target}"
    elif it.new_files == it.files:
        told = f"{whole}, all new to {it.target}"
    else:
        told = f"{size(it.new_bytes)} in {_count(it.new_files, 'file')} new to {it.target}, of {whole}"
    yield Line("ships", told)
    if it.largest:
        yield Line("largest", ", ".join(f"{path} {size(count)}" for path, count in it.largest))
    if it.secret:
        yield Line("kept back", f"{_names(it.secret, len(it.secret))}: secrets stay here", wrong=True)
    if it.ignored_count:
        yield Line("left out", f"{_names(it.ignored, it.ignored_count)} by the ignore files")
    for warning in it.warnings:
        yield Line("", warning, wrong=True)


def _environment(it: Forecast) -> Line:
    took = f"; the last build took {span(it.took)}" if it.took is not None else ""
    words = f": {it.environment_words}" if it.environment_words else ""
    if it.fails:
        told = "not prepared, and PrepareEnvironment is false: the run would fail"
        return Line("environment", told + took, wrong=True)
    if it.environment == "own":
        return Line("environment", f"what is there{words}")
    if it.environment == "ready":
        return Line("environment", f"ready{words}")
    if it.environment == "missing":
        return Line("environment", "has to be built" + (took or ", for the first time"))
    if it.environment == "building":
        return Line("environment", f"being built{words}{took}")
    return Line("environment", f"not known{words}{took}", wrong=it.state == "connected")


def _queue(it: Forecast) -> Line:
    busy = f"{it.busy} of {_count(it.slots, 'slot')} busy"
    if it.ahead is None:
        return Line("starts", f"at once: {busy}")
    before = f"{_count(it.ahead, 'run')} ahead of it" if it.ahead else "next in line"
    return Line("starts", f"when a slot is free: {busy}, {before}", wrong=True)


def _disk(it: Forecast, now: float) -> Line:
    if it.disk_free is None:
        return Line("disk left", f"not known: {it.target} is {it.state}")
    of = f" of {size(it.disk_total)}" if it.disk_total else ""
    when = f", {span(now - it.disk_at)} ago" if it.disk_at is not None else ""
    short = it.disk_free < (it.bytes if it.new_bytes is None else it.new_bytes)
    return Line("disk left", f"{size(it.disk_free)}{of}{when}" + (": too little" if short else ""), wrong=short)


def _same(it: Forecast) -> Iterator[Line]:
    if it.same is not None:
        yield Line("the same", f"as {_run(it.same)}")
    elif it.alike is not None:
        yield Line("the files", f"of {_run(it.alike)}; other {' and '.join(it.differs)}")


def _run(told: dict[str, Any]) -> str:
    values = [f"{name} {value:.4g}" for name, value in told.get("metrics") or () if value is not None]
    return ", ".join([str(told["name"]), str(told["state"]).lower(), *values])


def _names(paths: Sequence[str], count: int) -> str:
    more = f" and {count - NAMED} more" if count > NAMED else ""
    return ", ".join(paths[:NAMED]) + more


def _count(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def size(count: float | None) -> str:
    """Bytes: "812 B", "3.1 KB", "24 MB", in powers of 1024 as the limits of a snapshot have them."""
    count = count or 0
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            return f"{count:.1f} {unit}" if unit != "B" and count < 10 else f"{count:.0f} {unit}"
        count /= 1024
    return ""
