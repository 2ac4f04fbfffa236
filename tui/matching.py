"""Finding by a few letters: what is typed has to be in a text, in its order; where it is counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a word found as it was typed is worth, beginning a word, and at the very beginning.
WHOLE, BEGINS, FIRST = 100.0, 40.0, 20.0
# Letters apart from each other are worth less, and with more than so many others a letter between them say nothing.
APART, FAR = 40.0, 2


@dataclass(frozen=True)
class Match:
    """How good it is, higher is better, and which characters of the text it is about."""

    score: float
    places: frozenset[int]


NOTHING = Match(0.0, frozenset())


def match(words: Sequence[str], text: str) -> Match | None:
    """Whether every word is in the text, and how well. Both in small letters (`str.casefold`)."""
    score = 0.0
    places: set[int] = set()
    for word in words:
        found = _whole(word, text) or _apart(word, text)
        if found is None:
            return None
        score += found[0]
        places.update(found[1])
    return Match(score, frozenset(places))


def _whole(word: str, text: str) -> tuple[float, range] | None:
    at = text.find(word)
    if at < 0:
        return None
    best = at
    while at > 0 and text[at - 1].isalnum():
        # It may begin a word further on.
        at = text.find(word, at + 1)
    if at >= 0:
        best = at
    begins = best == 0 or not text[best - 1].isalnum()
    score = WHOLE + (BEGINS if begins else 0.0) + (FIRST if best == 0 else 0.0) - min(best, 60) / 10
    return score, range(best, best + len(word))


def _apart(word: str, text: str) -> tuple[float, list[int]] | None:
    """Its letters one after the other with others between: the nearest that begin with its first letter."""
    best: list[int] | None = None
    start = text.find(word[0])
    while start >= 0:
        places, at = [start], start
        for letter in word[1:]:
            at = text.find(letter, at + 1)
            if at < 0:
                # Nothing begins further on either.
                return _scored(word, best)
            places.append(at)
        if best is None or places[-1] - places[0] < best[-1] - best[0]:
            best = places
        start = text.find(word[0], start + 1)
    return _scored(word, best)


def _scored(word: str, places: list[int] | None) -> tuple[float, list[int]] | None:
    if places is None:
        return None
    gaps = places[-1] - places[0] + 1 - len(word)
    return (APART - gaps, places) if gaps <= FAR * len(word) else None
