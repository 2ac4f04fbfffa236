"""What stands in files in the place of a secret."""

from __future__ import annotations

import re

import pytest

from engine.secrets import is_reference, new_reference, standing_reference


def test_references_are_as_the_original_wrote_them() -> None:
    one, other = new_reference("gpu-box", "ada"), new_reference("gpu-box", "ada")
    assert one != other
    assert re.fullmatch(r"AzureMlSecret=gpu-box#ada#[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one)
    assert standing_reference("password ada@gpu-box") == "AmlTuiSecret=password ada@gpu-box"


@pytest.mark.parametrize("odd", ["a#b", "a b\nc", "\x1b[2J", "", "CORP\\ada", "ü"])
def test_odd_names_make_references(odd: str) -> None:
    made = new_reference(odd, odd)
    assert is_reference(made)
    assert made.count("#") == 2
    assert made.isprintable()
    assert is_reference(standing_reference(f"password {odd}"))


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("AzureMlSecret=vm#ada#6d2b7f44-0d1c-4b8a-9a5e-0f4d6e0f4b1a", True),
        ("AzureMlSecret=whatever", True),
        ("AmlTuiSecret=password ada@box", True),
        ("AzureMlSecret=", False),
        ("AzureMlSecret", False),
        ("azuremlsecret=a", False),
        ("xAzureMlSecret=a", False),
        ("AzureMlSecret=a\nb", False),
        ("hunter2", False),
        ("", False),
    ],
)
def test_what_a_reference_is(text: str, is_one: bool) -> None:
    assert is_reference(text) is is_one
