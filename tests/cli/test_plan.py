"""`aml experiment plan`: what a submission would meet, with real engines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Shell


def test_a_plan_and_the_run_that_was_the_same(shell: Shell) -> None:
    shell.script("say.py", "import sys; print(sys.argv[1:])\n")
    plan = shell.aml("experiment", "plan", "-c", "local", "say.py", "-o", "json")
    assert plan.code == 0, plan.err
    assert "files" in plan.text and "all new to local" in plan.text
    assert "at once: 0 of 4 slots busy" in plan.text
    assert shell.store.runs() == []
    # What comes behind the script is the script's, as with `submit`.
    assert shell.aml("experiment", "submit", "-c", "local", "say.py", "-o", "json").text == "['-o', 'json']\n"
    again = shell.aml("experiment", "plan", "-c", "local", "-o", "json", "say.py", "-o", "json")
    told = json.loads(again.text)
    assert told["same"]["name"] == "iris-001"
    assert (told["new_files"], told["ahead"]) == (0, None)
    query = shell.aml("experiment", "plan", "-c", "local", "--query", "alike.name", "-o", "tsv", "say.py")
    assert query.text == "iris-001\n"


def test_what_is_wrong_is_said_as_at_a_submission(shell: Shell) -> None:
    done = shell.aml("experiment", "plan", "-c", "local", "nowhere.py")
    assert done.code != 0
    assert "there is no script 'nowhere.py'" in done.err
