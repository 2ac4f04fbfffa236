"""Arguments are shown without what is secret in them, wherever they are shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine import masking
from engine.runs.model import State
from tests.tui.driving import driven
from tests.tui.history import NOW, make_run
from tests.tui.test_run_view import tab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ("--password argsecret99 --rate 0.1", "--password ******** --rate 0.1"),
        ("--password=arg --x", "--password=******** --x"),
        ("--hf-token abc", "--hf-token ********"),
        ("--apiKey abc", "--apiKey ********"),
        ("--api_key=abc", "--api_key=********"),
        ("--SECRET abc", "--SECRET ********"),
        ("-e API_TOKEN=abc", "-e API_TOKEN=********"),
        ("--env=DB_PASSWORD=a=b", "--env=DB_PASSWORD=********"),
        ("--conf spark.azure.account.key=abc", "--conf spark.azure.account.key=********"),
        (
            "--conf spark.hadoop.fs.azure.account.oauth2.client.secret.me.dfs.core.windows.net=abc",
            "--conf spark.hadoop.fs.azure.account.oauth2.client.secret.me.dfs.core.windows.net=********",
        ),
        (
            "--conf fs.azure.sas.box.me.blob.core.windows.net=a=b",
            "--conf fs.azure.sas.box.me.blob.core.windows.net=********",
        ),
        ("--conf spark.executorEnv.HF_TOKEN_READ=abc", "--conf spark.executorEnv.HF_TOKEN_READ=********"),
        ("--conf spark.executorEnv.TOKENIZER=abc", "--conf spark.executorEnv.TOKENIZER=********"),
        ("--conf spark.yarn.appMasterEnv.LANG=C", "--conf spark.yarn.appMasterEnv.LANG=C"),
        (
            "--conf spark.hadoop.fs.azure.account.key.me.blob.core.windows.net=abc",
            "--conf spark.hadoop.fs.azure.account.key.me.blob.core.windows.net=********",
        ),
        ("https://me:pw@host/x?token=abc", "'https://********@host/x?token'=********"),
        ("--secret --flag", "--secret --flag"),
        ("--token", "--token"),
        ("https://me:pw@host/x", "'https://********@host/x'"),
        ("--tokenizer gpt2 --max-tokens 5 --token-count=3 --donkey 1", "--tokenizer gpt2 --max-tokens 5"),
        ("--password-file p", "--password-file p"),
    ],
)
def test_what_is_masked(arguments: str, shown: str) -> None:
    assert masking.command(arguments.split()).startswith(shown)


async def test_nowhere_in_the_console(console: Console, history: History, project: Path) -> None:
    arguments = ("--password", "argsecret99", "--token=argsecret99")
    listed = "\n".join(f"  - {json.dumps(one)}" for one in ("train.py", *arguments))
    (project / "aml_config" / "sweep.runconfig").write_text(
        f"ArgumentVector:\n{listed}\nTarget: local\nFramework: Python\n"
    )
    history.put(make_run(1, State.RUNNING, config="sweep", arguments=arguments))
    history.connection.execute(
        "INSERT INTO commands VALUES (?, ?, 'local', ?, '/runs/1', '')",
        (make_run(1).id, NOW, json.dumps(["/usr/bin/python3", "train.py", *arguments])),
    )
    async with driven(console(), (160, 50)) as d:
        seen = [d.text()]
        await tab(d, "Overview")
        await d.until_shown("--password ******** --token=********")
        seen.append(d.text())
        for _ in range(3):
            await d.press("right_square_bracket")
        await d.until_shown("/usr/bin/python3 train.py --password ********")
        seen.append(d.text())
        await d.press("3", "c")
        await d.until_shown("Cancel 1 run?")
        seen.append(d.text())
        await d.press("n", "2", "end", "enter")
        await d.until_shown("aml_config/sweep.runconfig")
        await d.until_shown("********")
        seen.append(d.text())
    assert not any("argsecret99" in text for text in seen)
