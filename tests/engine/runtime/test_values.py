"""What can be logged: every kind of value, and none that hurts the script or the record."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from engine.runs.metrics import LONGEST_LINE

if TYPE_CHECKING:
    from tests.engine.runtime.conftest import Script

# Stand-ins with the behaviour of NumPy's, torch's and TensorFlow's.
ARRAYS = """
class Scalar:
    shape = ()
    def __init__(self, value): self.value = value
    def item(self): return self.value
    def tolist(self): return self.value
class Array:
    def __init__(self, value): self.value = value
    def item(self): raise ValueError("can only convert an array of size 1")
    def tolist(self): return self.value
    def __bool__(self): raise ValueError("the truth value is ambiguous")
    def __eq__(self, other): return Array([True])
    __hash__ = None
class Eager:
    def __init__(self, value): self.value = value
    def numpy(self): return Scalar(self.value)
class LongDouble:
    def tolist(self): return self
    def __float__(self): return 0.25
class Frame:
    columns = ["a", "b"]
    def __getitem__(self, name): return Array([1, 2] if name == "a" else [0.5, float("nan")])
"""


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("0.5", "scalar", 0.5),
        ("3", "scalar", 3.0),
        ("True", "scalar", 1.0),
        ("-0.0", "scalar", 0.0),
        ("1e-320", "scalar", 1e-320),
        ("float('inf')", "scalar", math.inf),
        ("float('-inf')", "scalar", -math.inf),
        ("2**70", "scalar", 2.0**70),
        ("'done'", "text", "done"),
        ("'tab\\t[/b] \\x1b[31m'", "text", "tab\t[/b] \x1b[31m"),
        ("'a\\ud800b'", "text", "a\\ud800b"),
        ("b'caf\\xc3\\xa9 \\xff'", "text", "café \\xff"),
        ("None", "text", "None"),
        ("1+2j", "text", "(1+2j)"),
        ("10**400", "text", "1" + "0" * 400),
        ("-7 * 10**9000", "text", "-7.000000e+9000"),
        ("__import__('decimal').Decimal('0.125')", "scalar", 0.125),
        ("__import__('decimal').Decimal('-Infinity')", "scalar", -math.inf),
        ("__import__('decimal').Decimal('1e400')", "text", "1E+400"),
        ("__import__('fractions').Fraction(1, 8)", "scalar", 0.125),
        ("__import__('datetime').datetime(2018, 3, 1, 12)", "text", "2018-03-01T12:00:00"),
        ("__import__('datetime').timedelta(seconds=90)", "text", "0:01:30"),
        ("__import__('enum').IntEnum('Kind', 'a b').b", "scalar", 2.0),
        ("[1, 2.5, 'x', None, True]", "list", [1, 2.5, "x", None, True]),
        ("(float('nan'), float('inf'))", "list", ["NaN", "Infinity"]),
        ("range(3)", "list", [0, 1, 2]),
        ("__import__('array').array('d', [1, 2])", "list", [1.0, 2.0]),
        ("__import__('collections').deque([1])", "list", [1]),
        ("[b'\\xff', '\\ud800', 10**5000 > 1, 1j]", "list", ["\\xff", "\\ud800", True, "1j"]),
        ("[[1, float('nan')], [3, 4]]", "list", [[1, "NaN"], [3, 4]]),
        ("[{1: 2, (3, 4): float('inf')}]", "list", [{"1": 2, "(3, 4)": "Infinity"}]),
        ("{'a': 1}", "row", {"a": 1}),
        ("Scalar(0.25)", "scalar", 0.25),
        ("Scalar(float('-inf'))", "scalar", -math.inf),
        ("Array([1, 2])", "list", [1, 2]),
        ("Array([[1.0], [float('nan')]])", "list", [[1.0], ["NaN"]]),
        ("[Scalar(1), Array([2]), Eager(3)]", "list", [1, [2], 3]),
        ("Eager(0.75)", "scalar", 0.75),
        ("LongDouble()", "scalar", 0.25),
        ("int", "text", "<class 'int'>"),
    ],
)
def test_kind_and_value(script: Script, expression: str, kind: str, value: object) -> None:
    assert (
        script.record(f"{ARRAYS}\nrun.log('x', {expression})\nlogger.log('x', {expression})")
        == [(kind, "x", value)] * 2
    )
    assert script.said == ""


def test_nan(script: Script) -> None:
    ((kind, _, value),) = script.record("run.log('x', float('nan'))")
    assert kind == "scalar"
    assert math.isnan(value)


def test_objects_that_resist_are_described(script: Script) -> None:
    found = script.record(
        """
        class Silent:
            def __repr__(self): raise RuntimeError("no")
        class Wild:
            def __getattr__(self, name): raise RuntimeError("no")
            def __repr__(self): return "<wild>"
        class Mocked:
            def __getattr__(self, name): return Mocked()
            def __call__(self, *args): return Mocked()
            def __repr__(self): return "<mocked>"
        cycle = [1]
        cycle.append(cycle)
        deep = []
        for _ in range(100000):
            deep = [deep]
        run.log("silent", Silent())
        run.log("wild", Wild())
        run.log("mocked", Mocked())
        run.log("cycle", cycle)
        run.log("deep", deep)
        import os
        os._exit(0)  # taking `deep` apart is Python's own trouble
        """
    )
    values = {name: (kind, value) for kind, name, value in found}
    assert values["silent"] == ("text", "<Silent>")
    assert values["wild"] == ("text", "<wild>")
    assert values["mocked"] == ("text", "<mocked>")
    assert values["cycle"] == ("list", [1, "[1, [...]]"])
    assert values["deep"][0] in ("list", "text")


def test_a_generator_is_left_to_the_script(script: Script) -> None:
    found = script.record("numbers = (i for i in range(3))\nrun.log('x', numbers)\nrun.log_list('y', numbers)")
    assert found[0][0] == "text"
    assert found[1] == ("list", "y", [0, 1, 2])


@pytest.mark.parametrize("name", ["7", "None", "b'x'", "''", "'a\\ud800'", "'n' * 100000", "(1, 2)", "'two\\nlines'"])
def test_any_name(script: Script, name: str) -> None:
    ((_, found, value),) = script.record(f"run.log({name}, 1)")
    given = eval(name)
    if isinstance(given, bytes):
        given = given.decode()
    assert value == 1.0
    assert found == str(given).replace("\ud800", "\\ud800")[:2000]


@pytest.mark.parametrize(("step", "found"), [("5", 5), ("'6'", 6), ("None", None), ("'six'", None), ("2**64", None)])
def test_steps(script: Script, step: str, found: int | None) -> None:
    script.record(f"run.log('x', 1, step={step})")
    assert [one.step for one in script.records()] == [found]


def test_descriptions(script: Script) -> None:
    script.record("run.log('x', 1, 'what it is')\nrun.log_list('y', [1], description='a list')")
    assert [one.description for one in script.records()] == ["what it is", "a list"]


@pytest.mark.parametrize(
    "expression",
    [
        "run.log('x', list(range(2000000)))",
        "run.log('x', [float('nan')] * 2000000)",
        "run.log('x', 'y' * 20000000)",
        "run.log('x', ['z' * 20000000])",
        "run.log_list('x', __import__('itertools').count())",
        "run.log_table('x', {'a': range(900000), 'b': range(900000)})",
        "run.log_row('x', a='z' * 20000000, b=1)",
        "run.log('x', {str(i) * 10: i for i in range(300000)})",
    ],
)
def test_a_line_stays_below_the_longest(script: Script, expression: str) -> None:
    ((_, _, value),) = script.record(expression)
    (line,) = script.file.read_bytes().splitlines()
    assert LONGEST_LINE // 4 < len(line) < LONGEST_LINE
    notice = json.loads(line)["d"]
    assert notice.startswith("only the first ")
    assert script.said.count("only the first") == 1
    if isinstance(value, list) and isinstance(value[0], int):
        assert value == list(range(len(value)))
        assert f"only the first {len(value)} values were kept" in notice


def test_rows_of_a_cut_table_stay_together(script: Script) -> None:
    ((_, _, value),) = script.record("run.log_table('x', {'a': range(900000), 'b': [i / 7 for i in range(900000)]})")
    assert len(value["a"]) == len(value["b"]) > 100000


def test_a_data_frame_is_a_table(script: Script) -> None:
    assert script.record(f"{ARRAYS}\nrun.log_table('x', Frame())") == [("table", "x", {"a": [1, 2], "b": [0.5, "NaN"]})]
