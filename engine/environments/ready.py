"""An environment that is there, and the labels its image has."""

from __future__ import annotations

from dataclasses import dataclass

# Labels of an environment's image, beside its fingerprint, and its name.
INTERPRETER, SPARK = "aml-tui.interpreter", "aml-tui.spark-submit"
REPOSITORY = "aml-tui/environment"


@dataclass(frozen=True)
class Ready:
    """An environment that is there: the image's id, its Python, its spark-submit ("" if none), its users.

    `built`: just now.
    """

    image: str
    interpreter: str
    spark_submit: str
    fingerprint: str
    passwd: str = ""
    built: bool = False


def name_of(fingerprint: str) -> str:
    """The name of an environment's image: what somebody makes from it has its labels too, and not this."""
    return f"{REPOSITORY}:{fingerprint}"
