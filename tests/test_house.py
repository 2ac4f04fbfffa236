"""What holds for every file of the repository."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("engine", "tui", "cli")
OLD_PYTHON = ("engine/hosts/agent", "engine/runtime")
LONGEST = 420
# Where waiting for a state, or for what is on its way out, is done once for all tests.
MAY_SLEEP = {"waiting.py", "leaks.py"}
# Skip one test each where the person is not root: mounting, giving a folder away.
# What needs root, and the places that say there is no Docker Engine, SSH server or YARN (which fails in CI).
MAY_SKIP = {
    "tests/engine/hosts/test_runner.py",
    "tests/engine/test_service.py",
    "tests/conftest.py",
    "tests/services/spark_fixtures.py",
    "tests/services/ssh_fixtures.py",
}
HEAVY = ("textual", "rich", "plotext", "asyncssh", "aiodocker", "keyring", "cryptography", "tui")


def tracked() -> list[Path]:
    """Every file that belongs to the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def python(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_a_file_holds_one_concern() -> None:
    lengths = {named(path): len(path.read_text().splitlines()) for path in python(*PRODUCT, "bench")}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_a_time_limit_is_caught_by_the_name_it_has_on_every_python() -> None:
    """Before Python 3.11 asyncio's is not the builtin one."""
    texts = {named(path): path.read_text() for path in python(*PRODUCT)}
    limited = {name: text for name, text in texts.items() if "from engine.timeouts import timeout" in text}
    assert len(limited) > 5
    lines = [(name, line) for name, text in limited.items() for line in text.splitlines() if "TimeoutError" in line]
    assert [(name, line) for name, line in lines if "asyncio.TimeoutError" not in line] == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        named(path)
        for path in python(*PRODUCT, "bench")
        if path.stat().st_size and ast.get_docstring(ast.parse(path.read_bytes())) is None
    ]
    assert silent == []


def test_nothing_names_the_machine_it_was_written_on() -> None:
    places = {str(place) for place in (ROOT, ROOT.parent, Path.home()) if len(place.parts) > 1}
    pattern = re.compile("|".join(rf"{re.escape(place)}(?:/|\b)" for place in sorted(places, reverse=True)).encode())
    # The system's own folders are no secret: a clone directly under one of them finds nothing here.
    found = [
        f"{named(path)}: {match[0].decode()}"
        for path in tracked()
        for match in pattern.finditer(path.read_bytes())
        if match[0].rstrip(b"/") not in (b"/tmp", b"/home", b"/usr", b"/var", b"/opt", b"/srv")
    ]
    assert found == []


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(?:{})\b".format("|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"))).encode())
    found = [named(path) for path in tracked() if path.suffix != ".svg" and marks.search(path.read_bytes())]
    assert found == []


def test_the_licence_is_there() -> None:
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert 'license = "MIT"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("path", python(*OLD_PYTHON), ids=named)
def test_what_runs_on_hosts_is_python_3_5(path: Path) -> None:
    source = path.read_text()
    tree = ast.parse(source, feature_version=(3, 5))
    found = [f"line {node.lineno}: an f-string" for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    found += [f"line {n}: a comma after *" for n in _commas_after_stars(source)]
    assert found == []


@pytest.mark.parametrize("path", python(*OLD_PYTHON), ids=named)
def test_what_runs_on_hosts_brings_nothing(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            imported.add(node.module.partition(".")[0])
    assert sorted(imported - sys.stdlib_module_names - {"azureml", "pyspark"}) == []


def _commas_after_stars(source: str) -> list[int]:
    """Lines of `def f(*a,)`, which Python 3.5 refuses."""
    return [
        source.count("\n", 0, match.start()) + 1
        for match in re.finditer(r"\bdef\s+\w+\s*\([^()]*\*\w+(?:\s*:\s*[^,()]+)?,\s*\)", source)
    ]


def test_tests_wait_for_states() -> None:
    found = []
    for path in python("tests"):
        if path.name in MAY_SLEEP:
            continue
        lines = path.read_text().splitlines()
        for node in _sleeps_outside_loops(ast.parse("\n".join(lines))):
            time = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            # `asyncio.sleep(0)` lets the loop go round once; a very long sleep stands for work to be interrupted.
            # Where the passing of time itself is tested, the line above says so.
            fine = isinstance(time, int | float) and (time == 0 or time >= 30)
            if not fine and not lines[node.lineno - 2].lstrip().startswith("#"):
                found.append(f"{named(path)}:{node.lineno}")
    assert found == []


def _sleeps_outside_loops(tree: ast.AST) -> list[ast.Call]:
    """Calls of `something.sleep`, without those of a loop that asks for a state or checks one each time."""
    found: list[ast.Call] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.While | ast.For | ast.AsyncFor):
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
            found.append(node)
        found += _sleeps_outside_loops(node)
    return found


def test_a_test_is_skipped_for_nothing() -> None:
    skips = {"skip", "skipif", "importorskip", "xfail"}
    found = [
        f"{named(path)}:{node.lineno}"
        for path in python("tests")
        if named(path) not in MAY_SKIP
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Attribute) and node.attr in skips
    ]
    assert found == []


def test_nothing_headless_loads_what_draws() -> None:
    modules = [
        named(path)[: -len(".py")].replace("/", ".").removesuffix(".__init__")
        for path in python("engine", "cli")
        if not named(path).startswith(OLD_PYTHON) and path.name != "__main__.py"
    ]
    loaded = _loaded_by(f"import {', '.join(modules)}")
    assert sorted(set(HEAVY) & loaded) == []


def test_the_command_line_starts_light() -> None:
    loaded = _loaded_by("import cli.main")
    assert sorted({*HEAVY, "asyncio", "sqlite3", "yaml", "ruamel", "jmespath", "pathspec"} & loaded) == []


def _loaded_by(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after this."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())
