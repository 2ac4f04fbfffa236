"""The filter language of the run list: pure, no widgets, no store.

    filter     := either
    either     := both ("or" both)*
    both       := one ("and"? one)*
    one        := "not" one | "(" either ")" | "@" name | test
    test       := word | "a phrase" | field:value[,value...] | tag:key[=value] | name op number
    op         := > >= < <= = == !=

A word is looked for in the run's name, id, configuration, target, script, arguments, reason, tags and description.
A name before an operator is a number of the run (exit, number, priority), a time (age or since, duration or took, with
10s, 5m, 2h, 1d) or the last value of a metric; one that is not a number is `nan`. `@name` is a filter that was saved
under that name.
"""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.runs.model import Run, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Test = Callable[["Subject"], bool]

FIELDS = ("state", "target", "config", "tag", "script", "arg", "name", "reason", "branch", "commit", "framework", "id")
GROUPS: dict[str, Callable[[State], bool]] = {
    "unfinished": lambda state: not state.ended,
    "active": lambda state: not state.ended,
    "ended": lambda state: state.ended,
}


def _same(value: float, wanted: float) -> bool:
    """Who asks for nan asks for runs that diverged."""
    return value == wanted or (math.isnan(value) and math.isnan(wanted))


_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": lambda value, wanted: not _same(value, wanted),
    "==": _same,
    ">": operator.gt,
    "<": operator.lt,
    "=": _same,
}
# Well below Python's own recursion limit, far above what a person types.
_DEEPEST = 50
SAVED_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_TIMES = frozenset({"age", "since", "duration", "took"})
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<open>\() | (?P<close>\))
      | (?P<op>>=|<=|!=|==|>|<|=)
      | (?P<colon>:)
      | (?P<comma>,)
      | (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<broken>["'])
      | (?P<word>[^\s()<>=!:,"']+|!)
    """,
    re.VERBOSE,
)


class FilterError(ValueError):
    """The filter cannot be understood. `position` is the offset of the trouble in the text."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True)
class Subject:
    """What a filter looks at: a run, the last values of its scalar metrics, and what time it is (epoch seconds)."""

    run: Run
    metrics: Mapping[str, float]
    now: float

    @property
    def haystack(self) -> str:
        run = self.run
        parts = [run.name, run.id, run.config, run.target, run.script, *run.arguments, run.reason, run.description]
        parts += [f"{key}={value}" for key, value in run.tags.items()]
        return "\n".join(parts).casefold()


@dataclass(frozen=True)
class Filter:
    """A filter that was understood. `metrics` are the names whose last values it needs.

    `timed`: what it lets through may differ a moment later, without any news of a run.
    """

    text: str
    test: Test
    metrics: frozenset[str] = frozenset()
    timed: bool = False

    def matches(self, run: Run, metrics: Mapping[str, float], now: float) -> bool:
        return self.test(Subject(run, metrics, now))

    @property
    def empty(self) -> bool:
        return not self.text.strip()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int
    end: int


def parse(text: str, saved: Mapping[str, str] | None = None) -> Filter:
    """The filter that `text` means; an empty text matches every run. Raises FilterError.

    `saved`: the texts of those that `@name` stands for.
    """
    return _parse(text, saved or {}, ())


def saved_name_problem(name: str) -> str:
    """Why a filter cannot be saved under this name, in words; "" when it can."""
    return "" if SAVED_NAME.fullmatch(name) else "a name is letters, digits, - and _, as in @bad-runs"


def _parse(text: str, saved: Mapping[str, str], within: tuple[str, ...]) -> Filter:
    """`within`: the saved filters whose text this is, outermost first."""
    reader = _Reader(list(_tokens(text)), len(text), saved=saved, within=within)
    if reader.peek() is None:
        return Filter(text, lambda _: True)
    test = reader.either()
    left = reader.peek()
    if left is not None:
        raise FilterError(f"{left.text!r} is one too many", left.at)
    return Filter(text, test, frozenset(reader.metrics), reader.timed)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise FilterError(f"{text[position]!r} has no meaning here", position)
        kind = match.lastgroup or ""
        if kind == "broken":
            raise FilterError("the quote is not closed", position)
        if kind != "space":
            found.append(_Token(kind, match.group(), position, match.end()))
        position = match.end()
    return found


@dataclass
class _Reader:
    tokens: list[_Token]
    length: int
    place: int = 0
    depth: int = 0
    metrics: set[str] = field(default_factory=set)
    timed: bool = False
    saved: Mapping[str, str] = field(default_factory=dict)
    within: tuple[str, ...] = ()

    def peek(self, ahead: int = 0) -> _Token | None:
        index = self.place + ahead
        return self.tokens[index] if index < len(self.tokens) else None

    def take(self) -> _Token:
        token = self.peek()
        if token is None:
            raise FilterError("something is missing at the end", self.length)
        self.place += 1
        return token

    def keyword(self, word: str) -> bool:
        token = self.peek()
        return token is not None and token.kind == "word" and token.text.lower() == word and not self._named()

    def _named(self) -> bool:
        """Whether the word here is a name before `:` or an operator ("not=3" is a metric called "not")."""
        after = self.peek(1)
        here = self.peek()
        return after is not None and here is not None and after.kind in ("op", "colon") and after.at == here.end

    def either(self) -> Test:
        tests = [self.both()]
        while self.keyword("or"):
            self.take()
            tests.append(self.both())
        if len(tests) == 1:
            return tests[0]
        return lambda subject: any(test(subject) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while True:
            if self.keyword("and"):
                self.take()
            elif self.peek() is None or self.keyword("or") or self._is("close"):
                break
            tests.append(self.one())
        if len(tests) == 1:
            return tests[0]
        return lambda subject: all(test(subject) for test in tests)

    def _is(self, kind: str) -> bool:
        token = self.peek()
        return token is not None and token.kind == kind

    def one(self) -> Test:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise FilterError("this is nested too deeply", self.peek_at())
        try:
            return self._one()
        finally:
            self.depth -= 1

    def peek_at(self) -> int:
        token = self.peek()
        return token.at if token else self.length

    def _one(self) -> Test:
        if self.keyword("not"):
            self.take()
            inner = self.one()
            return lambda subject: not inner(subject)
        for word in ("and", "or"):
            if self.keyword(word):
                token = self.take()
                raise FilterError(f"{word!r} needs something on both sides", token.at)
        token = self.take()
        if token.kind == "open":
            inner = self.either()
            if not self._is("close"):
                raise FilterError("the bracket is not closed", token.at)
            self.take()
            return inner
        if token.kind not in ("word", "quoted"):
            raise FilterError(f"{token.text!r} needs a name before it", token.at)
        if token.kind == "word" and token.text.startswith("@"):
            return self.saved_one(token)
        after = self.peek()
        if after is not None and after.kind == "colon" and token.kind == "word" and after.at == token.end:
            self.take()
            return self.field(token)
        if after is not None and after.kind == "op":
            return self.comparison(token)
        return _word(_text(token))

    def saved_one(self, token: _Token) -> Test:
        name = token.text[1:]
        if name not in self.saved:
            known = ", ".join(f"@{one}" for one in sorted(self.saved)) or "none yet"
            raise FilterError(f"no filter is saved as {token.text}; there is {known}", token.at)
        if name in self.within:
            raise FilterError(f"{token.text} stands in itself", token.at)
        try:
            found = _parse(self.saved[name], self.saved, (*self.within, name))
        except FilterError as error:
            raise FilterError(f"in {token.text}: {error.message}", token.at) from error
        self.metrics |= found.metrics
        self.timed = self.timed or found.timed
        return found.test

    def field(self, name: _Token) -> Test:
        key = name.text.lower()
        if key not in FIELDS:
            raise FilterError(
                f"there is no field {name.text!r}; there are {', '.join(FIELDS)}. Quote it to look for the text",
                name.at,
            )
        if key == "tag":
            return self.tag()
        values = [self.value(key)]
        while self._is("comma"):
            self.take()
            values.append(self.value(key))
        tests = [_field_test(key, token) for token in values]
        return lambda subject: any(test(subject) for test in tests)

    def value(self, key: str) -> _Token:
        token = self.peek()
        if token is None or token.kind not in ("word", "quoted"):
            raise FilterError(f"{key}: needs a value", token.at if token else self.length)
        return self.take()

    def tag(self) -> Test:
        key = _text(self.value("tag")).casefold()
        after = self.peek()
        if after is None or after.kind != "op":
            return lambda subject: any(key in name.casefold() for name in subject.run.tags)
        sign = self.take()
        if sign.text not in ("=", "==", "!="):
            raise FilterError("a tag is compared with = or !=", sign.at)
        wanted = _text(self.value("tag")).casefold()
        equal = sign.text != "!="
        return lambda subject: (
            equal
            == any(name.casefold() == key and value.casefold() == wanted for name, value in subject.run.tags.items())
        )

    def comparison(self, name: _Token) -> Test:
        sign = self.take()
        token = self.peek()
        if token is None or token.kind not in ("word", "quoted"):
            raise FilterError(f"{name.text} {sign.text} needs a number", token.at if token else self.length)
        self.take()
        compare = _OPERATORS[sign.text]
        key = _text(name)
        wanted = _quantity(token, time=key.lower() in _TIMES)
        measure = MEASURES.get(key.lower()) if name.kind == "word" else None
        if measure is None:
            self.metrics.add(key)
            return lambda subject: key in subject.metrics and compare(subject.metrics[key], wanted)
        self.timed = self.timed or key.lower() in _TIMES

        def test(subject: Subject) -> bool:
            value = measure(subject)
            return value is not None and compare(value, wanted)

        return test


def _text(token: _Token) -> str:
    if token.kind == "quoted":
        return re.sub(r"\\(.)", r"\1", token.text[1:-1])
    return token.text


def _word(text: str) -> Test:
    wanted = text.casefold()
    return lambda subject: wanted in subject.haystack


def _quantity(token: _Token, *, time: bool) -> float:
    text = _text(token)
    if time and text[-1:].lower() in _UNITS:
        factor, text = _UNITS[text[-1].lower()], text[:-1]
    else:
        factor = 1.0
    try:
        return float(text) * factor
    except ValueError:
        kind = "a time (10s, 5m, 2h, 1d)" if time else "a number"
        raise FilterError(f"{_text(token)!r} is not {kind}", token.at) from None


def _field_test(key: str, token: _Token) -> Test:
    wanted = _text(token).casefold()
    if key == "state":
        return _state_test(wanted, token)
    if key == "arg":
        return lambda subject: any(wanted in item.casefold() for item in subject.run.arguments)
    if key in ("commit", "id"):
        return lambda subject: str(getattr(subject.run, key) or "").casefold().startswith(wanted)
    exact = token.kind == "quoted" and key in ("target", "config", "name")
    if exact:
        return lambda subject: str(getattr(subject.run, key)).casefold() == wanted
    return lambda subject: wanted in str(getattr(subject.run, key) or "").casefold()


def _state_test(wanted: str, token: _Token) -> Test:
    if wanted in GROUPS:
        group = GROUPS[wanted]
        return lambda subject: group(subject.run.state)
    if wanted == "unreachable":
        return lambda subject: subject.run.unreachable_since is not None and not subject.run.state.ended
    states = frozenset(state for state in State if state.value.casefold().startswith(wanted))
    if not states:
        known = ", ".join([state.value for state in State] + list(GROUPS) + ["unreachable"])
        raise FilterError(f"there is no state {_text(token)!r}; there are {known}", token.at)
    return lambda subject: subject.run.state in states


def _age(subject: Subject) -> float:
    return subject.now - subject.run.created


def _duration(subject: Subject) -> float | None:
    run = subject.run
    return None if run.started is None else (run.ended or subject.now) - run.started


def _exit(subject: Subject) -> float | None:
    return subject.run.exit_code


MEASURES: dict[str, Callable[[Subject], float | None]] = {
    "age": _age,
    "since": _age,
    "duration": _duration,
    "took": _duration,
    "exit": _exit,
    "number": lambda subject: subject.run.number,
    "priority": lambda subject: subject.run.priority,
}
