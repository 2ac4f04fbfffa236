"""When the real package is installed, ours steps aside, and fills in only what is missing there."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.engine.runtime.conftest import RUNTIME

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.runtime.conftest import Script

SHOW = """
import azureml, importlib.util
def place(name):
    try:
        found = importlib.util.find_spec(name)
    except ImportError:
        found = None
    if found is None:
        return "nowhere"
    return "ours" if "/runtime/" in found.origin or "/outer/" in found.origin else "real"
print(*[place(name) for name in ("azureml", "azureml.core", "azureml.core.run", "azureml.logging")])
"""

INITS = {
    "namespace": None,
    "empty": "",
    "pkgutil": "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
    "sorted": (
        "import os, sys\n__path__ = [os.path.join(entry, 'azureml') for entry in sys.path"
        " if os.path.isdir(os.path.join(entry, 'azureml'))]\n"
    ),
}


@pytest.fixture
def site(script: Script) -> Path:
    """A folder that comes after ours on sys.path, as site-packages does."""
    folder = script.folder / "site-packages"
    folder.mkdir()
    script.environ["PYTHONPATH"] = os.pathsep.join([str(RUNTIME), str(folder)])
    return folder


def install(site: Path, init: str | None, *modules: str) -> None:
    """A package `azureml` with these modules, each a package that has `real = True`."""
    (site / "azureml").mkdir(exist_ok=True)
    if init is not None:
        (site / "azureml" / "__init__.py").write_text(init)
    for module in modules:
        folder = site / "azureml" / module
        folder.mkdir()
        (folder / "__init__.py").write_text("real = True\n")
        (folder / "run.py").write_text("real = True\n")


@pytest.mark.parametrize("init", INITS)
def test_a_whole_real_package(script: Script, site: Path, init: str) -> None:
    install(site, INITS[init], "core", "logging")
    first = "ours" if init == "namespace" else "real"
    assert script.run(SHOW).stdout == f"{first} real real real\n"
    done = script.run("from azureml.core import real\nfrom azureml.core import run\nfrom azureml.logging import real")
    assert done.stderr == ""


@pytest.mark.parametrize("init", INITS)
def test_only_what_is_missing_comes_from_here(script: Script, site: Path, init: str) -> None:
    install(site, INITS[init], "core")
    assert script.run(SHOW).stdout.split()[1:] == ["real", "real", "ours"]
    script.run("import azureml.core\nfrom azureml.logging import get_azureml_logger\nget_azureml_logger().log('x', 1)")
    assert [one.name for one in script.records()] == ["x"]


@pytest.mark.parametrize("init", INITS)
def test_some_other_part_is_installed(script: Script, site: Path, init: str) -> None:
    install(site, INITS[init], "mlflow")
    assert script.run(SHOW).stdout.split()[1:] == ["ours"] * 3
    script.run("from azureml.mlflow import real\nfrom azureml.core import Run\nRun.get_context().log('x', 1)")
    assert [one.name for one in script.records()] == ["x"]


def test_parts_in_several_places(script: Script, site: Path) -> None:
    install(site, None, "core")
    other = script.folder / "dist-packages"
    other.mkdir()
    install(other, None, "logging")
    script.environ["PYTHONPATH"] += os.pathsep + str(other)
    assert script.run(SHOW).stdout.split()[1:] == ["real", "real", "real"]


def test_what_the_real_package_defines_is_there(script: Script, site: Path) -> None:
    install(site, "version = '1.0'\nfrom azureml.core import real as again\n", "core")
    done = script.run(
        "import azureml, importlib\nprint(azureml.version, azureml.again, azureml.__file__, azureml.__spec__.origin)"
    )
    file = site / "azureml" / "__init__.py"
    assert done.stdout == f"1.0 True {file} {file}\n"


def test_a_real_package_that_does_not_import_says_so_itself(script: Script, site: Path) -> None:
    install(site, "raise ImportError('needs msrest')\n", "core")
    done = script.run("from azureml.core import Run", fails=True)
    assert done.stderr.endswith("ImportError: needs msrest\n")


def test_a_run_within_a_run_has_two_of_ours(script: Script, site: Path) -> None:
    outer = script.folder / "outer"
    shutil.copytree(RUNTIME, outer)
    script.environ["PYTHONPATH"] = os.pathsep.join([str(outer), str(RUNTIME), str(site)])
    assert script.run(SHOW).stdout.split() == ["ours"] * 4
    install(site, None, "core")
    assert script.run(SHOW).stdout.split()[1:] == ["real", "real", "ours"]


def test_a_folder_of_the_project_with_that_name(script: Script) -> None:
    install(script.folder / "project", None, "mine")
    script.run("from azureml.mine import real\nfrom azureml.core import Run\nRun.get_context().log('x', 1)")
    assert [one.name for one in script.records()] == ["x"]


def test_spawned_processes_find_the_same(script: Script, site: Path) -> None:
    install(site, None, "core")
    done = script.run(
        """
        import multiprocessing
        import azureml.logging
        made = multiprocessing.get_context("spawn")
        with made.Pool(1) as pool:
            print(pool.apply(azureml.logging.get_azureml_logger) is not None)
        """
    )
    assert done.stdout == "True\n"
