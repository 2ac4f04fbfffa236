"""What is edited, without a screen: bytes that come back, rows of a form, secrets, colours, differences."""

from __future__ import annotations

import pytest

from engine.errors import ProjectError
from engine.project.check_text import CONDA, CONFIGURATION, SPARK, TARGET
from tests.tui.test_edit_screen import ODD
from tui.editing.colours import block_texts, spans_of
from tui.editing.document import Original, change_between, drawable, place_of
from tui.editing.masks import masked, masked_lines, secret_spans
from tui.editing.rows import Row, changed, removed, rows_of, wrong
from tui.editing.saving import diff_lines, ready
from tui.secret import Secret


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a: 1",
        b"a: 1\n\n",
        b"a: 1\r\nb: 2\r\n",
        b"a: 1\r\nb: 2\nc: 3\r\n\n",
        b"\xef\xbb\xbfa: 1\n",
        b"a: caf\xe9 # \xff\x00\x0b\x0c\x1b[2J\x85\r x\n",
        "a: \u2028 \u2029 \x85 é 漢\n".encode(),
        ODD,
    ],
)
def test_a_file_comes_back_to_the_byte(data: bytes) -> None:
    original = Original(data)
    assert original.bytes_of(original.text) == data
    assert all(len(line.splitlines()) < 2 for line in original.text.split("\n"))
    assert drawable(original.text.replace("\n", "").replace("\t", "")).isprintable()
    assert not original.foreign


def test_mixed_line_breaks_stay_where_they_are() -> None:
    original = Original(b"a\r\nb\nc\r\nd")
    assert original.bytes_of("a\nnew\nb\nc\nd") == b"a\r\nnew\r\nb\nc\r\nd"
    assert original.bytes_of("a\nc\nd\n") == b"a\r\nc\r\nd\r\n"


def test_a_file_that_has_stand_ins_of_its_own_is_not_taken() -> None:
    assert Original("a: \U000f0041".encode()).foreign


def test_a_change_is_the_stretch_between() -> None:
    assert change_between("abc", "abXc") == (2, 2, "X")
    assert change_between("aab", "aaab") == (2, 2, "a")
    assert change_between("abc", "") == (0, 3, "")
    assert place_of("ab\ncd", 4) == (1, 1)


FORM = b"""\
ArgumentVector:
  - $file
  - --api-key
  - s3cret
Target: local
EnvironmentVariables: {DB_PASSWORD: hunter2, PLAIN: 1}
Mine: [kept]
""".decode()


def row(text: str, kind: str, name: str) -> Row:
    return next(one for one in rows_of(text, kind) if one.id == name)


def test_rows_say_what_is_there_and_what_stands_for_the_rest() -> None:
    rows = {one.id: one for one in rows_of(FORM, CONFIGURATION)}
    assert rows["Target"].value == "local"
    assert rows["Target"].line == 5
    assert not rows["Framework"].given
    assert rows["Framework"].key.default == "PySpark"
    assert rows["ArgumentVector/2"].secret
    assert not rows["ArgumentVector/1"].secret
    assert rows["EnvironmentVariables/DB_PASSWORD"].secret
    assert not rows["EnvironmentVariables/PLAIN"].secret
    assert not rows["? Mine"].known
    assert "hunter2" not in repr(rows)


def test_a_second_generation_has_its_own_rows() -> None:
    text = "script: train.py\nenvironment:\n  docker: {enabled: true}\nodd: 1\n"
    rows = {one.id: one for one in rows_of(text, CONFIGURATION)}
    assert rows["environment.docker.enabled"].value == "true"
    assert rows["# environment.docker"].line == 3
    assert (
        changed(text, rows["environment.docker.baseImage"], "x").splitlines()[2]
        == "  docker: {enabled: true, baseImage: x}"
    )
    assert "  python:\n    interpreterPath: python3" in changed(
        text, rows["environment.python.interpreterPath"], "python3"
    )
    assert "? odd" in rows


@pytest.mark.parametrize(
    ("kind", "text", "name", "value", "wanted"),
    [
        (CONFIGURATION, "Target: a\n", "Framework", "Python", "Target: a\nFramework: Python\n"),
        (CONFIGURATION, "target: a\n", "target", "b", "target: b\n"),
        (
            CONFIGURATION,
            "Target: a\n",
            "EnvironmentVariables/+",
            "A.B=x y",
            'Target: a\nEnvironmentVariables:\n  A.B: "x y"\n',
        ),
        (CONFIGURATION, "Target: a\n", "MaxRunDurationSeconds", "3", "Target: a\nMaxRunDurationSeconds: 3\n"),
        (CONFIGURATION, "Target: a\nMaxRunDurationSeconds: 3\n", "MaxRunDurationSeconds", "", "Target: a\n"),
        (CONFIGURATION, "Target: a\n", "TrackedRun", "false", "Target: a\nTrackedRun: false\n"),
        (CONFIGURATION, "", "Target", "a", "Target: a\n"),
        (
            CONDA,
            "dependencies:\n- a # why\n- pip:\n  - b\n",
            "dependencies/+",
            "c=1",
            "dependencies:\n- a # why\n- c=1\n- pip:\n  - b\n",
        ),
        (CONDA, "dependencies:\n- a\n", "dependencies.pip/+", "b==1", "dependencies:\n- a\n- pip:\n  - b==1\n"),
        (CONDA, "", "dependencies.pip/+", "b", "dependencies:\n- pip:\n  - b\n"),
        (CONDA, "dependencies:\n- pip:\n  - b # x\n", "dependencies.pip/0", "c", "dependencies:\n- pip:\n  - c # x\n"),
        (SPARK, "packages: []\n", "packages/+", "g:a:1", 'packages:\n- group: g\n  artifact: a\n  version: "1"\n'),
        (
            SPARK,
            "packages:\n- group: g\n  version: '1'\n  artifact: a\n",
            "packages/0",
            "g:b:2",
            "packages:\n- group: g\n  version: '2'\n  artifact: b\n",
        ),
        (SPARK, "configuration:\n", "configuration/+", "spark.app.name=x", "configuration:\n  spark.app.name: x\n"),
        (TARGET, "type: local\n", "slots", "2", "type: local\nslots: 2\n"),
    ],
)
def test_what_a_row_does_to_the_text(kind: str, text: str, name: str, value: str, wanted: str) -> None:
    assert not wrong(row(text, kind, name), value)
    assert changed(text, row(text, kind, name), value) == wanted


def test_what_is_removed() -> None:
    twice = "Target: a\nTarget: b # twice\nFramework: Python\n"
    assert removed(twice, row(twice, CONFIGURATION, "Target")) == "Framework: Python\n"
    assert "hunter2" not in removed(FORM, row(FORM, CONFIGURATION, "EnvironmentVariables/DB_PASSWORD"))
    assert "--api-key" not in removed(FORM, row(FORM, CONFIGURATION, "ArgumentVector/1"))


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (SPARK, "packages/+", "g:a"),
        (SPARK, "configuration/+", "novalue"),
        (CONFIGURATION, "ArgumentVector/+", " "),
        (CONFIGURATION, "MaxRunDurationSeconds", "soon"),
    ],
)
def test_what_cannot_be_typed(kind: str, name: str, value: str) -> None:
    assert wrong(row("", kind, name), value)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("DB_PASSWORD: hunter2 # x", "DB_PASSWORD: ********"),
        ('  "API_KEY": "x"', '  "API_KEY": ********'),
        ('password: "AzureMlSecret=a#b#c"', 'password: "AzureMlSecret=a#b#c"'),
        ("- --token=abc", "- --token=********"),
        ("environment: {API_TOKEN: x, b: 1}", "environment: {API_TOKEN: ********, b: 1}"),
        ("arguments: [--api-key, abc, --b, 1]", "arguments: [--api-key, ********, --b, 1]"),
        ("- --index-url https://me:pw@host/", "- --index-url https://********@host/"),
        ("privateKeyFile: ~/.ssh/id", "privateKeyFile: ~/.ssh/id"),
        ("tokenizer: x", "tokenizer: x"),
    ],
)
def test_secrets_are_not_seen(line: str, wanted: str) -> None:
    assert masked_lines([line]) == [wanted]
    spans = secret_spans([line])
    assert len(masked(line, spans.get(0, ()), "*")) == len(line)


def test_a_secret_on_a_line_of_its_own() -> None:
    assert masked_lines(["- --token", "- abc", "TOKEN: |", "  very", "  secret", "a: b"]) == [
        "- --token",
        "- ********",
        "TOKEN: |",
        "  ********",
        "  ********",
        "a: b",
    ]


def test_what_the_colours_are() -> None:
    def kinds(line: str) -> list[tuple[str, str]]:
        return [(line[start:end], kind) for start, end, kind in spans_of(line)]

    assert kinds("- 'a b': &x true # why") == [
        ("-", "mark"),
        ("'a b'", "key"),
        (":", "mark"),
        ("&x", "name"),
        ("true", "word"),
        ("# why", "comment"),
    ]
    assert kinds("url: http://x:1/y") == [("url", "key"), (":", "mark"), ("http://x:1/y", "text")]
    assert kinds("{a: 1, b: [x]}")[1] == ("a", "key")
    assert kinds('"never closed') == [('"never closed', "text")]
    assert block_texts(["a: |", "  b: c", "", "d: e"]) == {1, 2}


def test_a_difference_names_lines_and_no_secrets() -> None:
    before = "a: 1\nPASSWORD: old\nb: 2\n"
    found = list(diff_lines(before, before.replace("old", "new").replace("b: 2", "b: 3\x1b[2J")))
    assert ("@", "line 1") in found
    assert ("-", "PASSWORD: ********") in found
    assert ("+", "PASSWORD: ********") in found
    assert not any("\x1b" in line for _, line in found)


def test_a_password_gives_its_place_to_a_reference() -> None:
    text = "type: remote\nusername: ann\nPassword: hunter2 # mine\n"
    done = ready(text, TARGET, "vm", {})
    assert done.moved
    ((reference, secret),) = done.secrets.items()
    assert secret.reveal() == "hunter2"
    assert done.text == text.replace("hunter2", f'"{reference}"')
    assert reference.startswith("AzureMlSecret=vm#ann#")
    assert "hunter2" not in repr(done)
    again = ready(done.text, TARGET, "vm", {reference: Secret("x"), "AzureMlSecret=gone": Secret("y")})
    assert not again.moved
    assert list(again.secrets) == [reference]


@pytest.mark.parametrize("text", ["a: &x [*x]", "- a", "a: 1\n---\nb: 2\n", "a: [" * 2000, "a: \x00"])
def test_what_no_form_can_be_made_of(text: str) -> None:
    with pytest.raises(ProjectError):
        rows_of(text, CONFIGURATION)


@pytest.mark.parametrize(("type_", "default"), [("local", "none"), ("docker", "none"), ("remote", ""), ("new", "")])
def test_an_address_is_missed_where_there_has_to_be_one(type_: str, default: str) -> None:
    assert next(one for one in rows_of(f"type: {type_}\n", "compute") if one.label == "address").key.default == default
