"""An environment that is there, and the labels its image has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.hosts.docker.api import Image

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


def is_ours(image: Image) -> bool:
    """Whether an image with an environment's labels is the environment, and not what somebody made from it.

    One without a name lost it, or its build ended before it got it.
    """
    return not image.tags or any(tag.startswith(f"{REPOSITORY}:") for tag in image.tags)
