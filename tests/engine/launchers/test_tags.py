"""What YARN knows a run by."""

from __future__ import annotations

import re

from engine.launchers.spark import tag_of


def test_tags_are_what_yarn_takes() -> None:
    assert tag_of("iris_1795666485671") == "aml-iris_1795666485671"
    odd = [tag_of(one) for one in ("größe_1", "grüße_1", "Größe_1", "a,b_1", "x" * 200 + "_1", "y" * 200 + "_1")]
    assert len(set(odd)) == len(odd)
    for tag in odd:
        assert re.fullmatch(r"aml-[a-z0-9_.-]{1,96}", tag)
