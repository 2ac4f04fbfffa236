"""The grammar of what conda and pip are asked for, as far as it shows before either of them is started."""

from __future__ import annotations

import re

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_VERSION = r"[A-Za-z0-9.*+!_-]+"
_REQUIREMENT = re.compile(
    rf"{_NAME}\s*(?:\[\s*(?:{_NAME}\s*(?:,\s*{_NAME}\s*)*)?\])?\s*"
    rf"(?:\(?\s*(?:===|==|~=|!=|<=|>=|<|>)\s*{_VERSION}\s*(?:,\s*(?:===|==|~=|!=|<=|>=|<|>)\s*{_VERSION}\s*)*,?\s*\)?)?"
)
_SINGLE = re.compile(rf"{_NAME}\s*(?:\[[^\]]*\])?\s*=\s*[^=\s].*")
_TWISTED = re.compile(r"=<|=>|>>|<<")
_SPEC = re.compile(
    rf"(?:[^\s:\[\]]+::)?[A-Za-z0-9_][A-Za-z0-9_.\-]*\s*"
    rf"(?:(?:===|==|~=|!=|<=|>=|=|<|>)\s*{_VERSION}(?:\s*[,|]\s*(?:===|==|~=|!=|<=|>=|=|<|>)?\s*{_VERSION})*"
    rf"(?:\s*=\s*{_VERSION}|\s+{_VERSION})?"
    rf"|\s{_VERSION}(?:\s+{_VERSION})?)?\s*(?:\[.*\])?"
)


def wrong_requirement(line: str) -> str:
    """Why pip takes no such line of a requirements file, in words; "" when it may.

    Options, addresses and paths are not looked into.
    """
    text = re.sub(r"(^|\s)#.*$", "", line).strip()
    if not text or text.startswith("-") or "://" in text or " @ " in text or re.search(r"[/\\]|^[.~]", text):
        return ""
    text = text.partition(";")[0].partition(" --")[0].strip()
    if _TWISTED.search(text):
        return "has a comparison the wrong way round."
    if _SINGLE.fullmatch(text):
        return "has one `=`: pip wants two of them."
    if re.search(r"\.(whl|zip|tar\.gz|tgz|tar\.bz2|tar\.xz)(\[.*\])?$", text, re.IGNORECASE):
        return ""
    return "" if _REQUIREMENT.fullmatch(text) else "is no requirement of pip's."


def wrong_spec(text: str) -> str:
    """Why conda takes no such package, in words; "" when it may."""
    text = text.strip()
    if "://" in text:
        return ""
    if _TWISTED.search(text):
        return "has a comparison the wrong way round."
    return "" if _SPEC.fullmatch(text) else "is no package as conda writes it."
