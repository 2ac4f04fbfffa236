"""References: what stands in a file, a plan or a message in the place of a secret. They are no secret themselves."""

from __future__ import annotations

import re

from engine.plain import plain

_MADE, _STANDING = "AzureMlSecret", "AmlTuiSecret"
# The original's references are taken as they are, whatever they have behind the sign.
_REFERENCE = re.compile(rf"(?:{_MADE}|{_STANDING})=\S.*")


def new_reference(name: str, user: str) -> str:
    """One that was never there before, as the original wrote them: `AzureMlSecret=<name>#<user>#<uuid>`."""
    import uuid

    return f"{_MADE}={_part(name)}#{_part(user)}#{uuid.uuid4()}"


def standing_reference(about: str) -> str:
    """The one under which the answer to the same question is kept each time: `AmlTuiSecret=<about>`."""
    return f"{_STANDING}={plain(about)}"


def is_reference(text: str) -> bool:
    """Whether this is a reference; otherwise it is taken for the secret itself."""
    return _REFERENCE.fullmatch(text) is not None


def _part(text: str) -> str:
    return re.sub(r"[#\s]+", "-", plain(text).strip())
