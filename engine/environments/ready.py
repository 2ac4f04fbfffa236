"""An environment that is there: an image, or a folder of a cluster's head node with an archive of it."""

from __future__ import annotations

from dataclasses import dataclass

# Labels of an environment's image, beside its fingerprint, and its name.
INTERPRETER, SPARK = "aml-tui.interpreter", "aml-tui.spark-submit"
REPOSITORY = "aml-tui/environment"
# What uses an environment of which our store knows nothing.
ANOTHERS = "another installation, which built it"


@dataclass(frozen=True)
class Ready:
    """An environment that is there: its image, its Python, its spark-submit ("" if none), its users.

    `image`: the image's id; of a head node the archive's address, or the folder when there is no archive. `built`: just
    now.
    """

    image: str
    interpreter: str
    spark_submit: str
    fingerprint: str
    passwd: str = ""
    built: bool = False


@dataclass(frozen=True)
class Kept:
    """An environment that is kept on a host. Size in bytes, times in epoch seconds; `image` as in `Ready`.

    `configurations` need it now ("project/configuration"); `in_use`: what uses it at this moment, in words.
    """

    fingerprint: str
    image: str
    size: int
    created: float
    last_used: float | None
    configurations: tuple[str, ...]
    in_use: tuple[str, ...]


def name_of(fingerprint: str) -> str:
    """The name of an environment's image: what somebody makes from it has its labels too, and not this."""
    return f"{REPOSITORY}:{fingerprint}"
