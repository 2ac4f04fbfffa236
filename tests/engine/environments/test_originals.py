"""Base images of 2018 that are gone."""

from __future__ import annotations

import pytest

from engine.environments.originals import PYTHON, SPARK, stand_in


@pytest.mark.parametrize(
    "image", ["", "microsoft/mmlspark:plus-0.9.9", "docker.io/microsoft/mlserver", "microsoft/azureml@sha256:1"]
)
def test_something_that_can_be_pulled_stands_in(image: str) -> None:
    assert stand_in(image, spark=False) == PYTHON
    assert stand_in(image, spark=True) == SPARK


@pytest.mark.parametrize("image", ["python:3.9", "mcr.example.org/azureml/base:1", "me/microsoft:1"])
def test_everything_else_is_taken_as_written(image: str) -> None:
    assert stand_in(image, spark=True) == ""
