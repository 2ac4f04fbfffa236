"""What a driver on the cluster begins as: it is the script, as far as the script can tell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[3] / "engine/hosts/agent/cluster_driver.py"


class Container:
    """A folder as YARN makes it for a driver, with the archive unpacked: nothing in that can be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = folder / "cache/archive"
        self.project = self.archive / "project"
        self.logs = folder / "logs"
        self.work = folder / "work"
        for one in (self.project, self.archive / "runtime", self.logs, self.work):
            one.mkdir(parents=True)
        (self.work / "aml_run").symlink_to(self.archive)

    def run(self, *script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        order = {"run": "iris_1", "script": script, "variables": variables}
        (self.archive / "run.json").write_text(json.dumps(order))
        for base, folders, files in os.walk(self.archive):
            for name in (*folders, *files):
                path = Path(base, name)
                if not path.is_symlink():
                    path.chmod(0o555)
        shutil.rmtree(self.work / "aml_project", ignore_errors=True)
        (self.work / "cluster_driver.py").write_bytes(DRIVER.read_bytes())
        environ = {"PATH": os.environ["PATH"], "LOG_DIRS": f"{self.logs},/elsewhere"}
        return subprocess.run(
            [sys.executable, "cluster_driver.py", *script],
            cwd=self.work,
            env=environ,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def test_it_finds_what_a_run_directory_has(container: Container) -> None:
    (container.project / "deep").mkdir()
    (container.project / "deep/beside.py").write_text("NAME = __name__\n")
    (container.project / "rows.txt").write_text("1\n")
    (container.project / "link").symlink_to("rows.txt")
    (container.project / "deep/train.py").write_text(
        "import os, sys, beside, pickle\n"
        "class Petal: pass\n"
        "print(sys.argv, os.environ['EXAMPLE'], beside.NAME, Petal.__module__, __name__, __file__)\n"
        "assert os.getcwd() == os.environ['PWD'] and open('link').read() == '1\\n'\n"
        "assert os.environ['AZUREML_OUTPUT_DIRECTORY'] == os.path.abspath('outputs')\n"
        "open('rows.txt', 'a').write('2\\n'); open('deep/new.txt', 'w').write('3')\n"
        "open(os.environ['AML_METRICS_FILE'], 'a').write('{}\\n')\n"
        "import __main__; assert __main__.Petal is Petal; pickle.dumps(Petal())\n"
    )
    done = container.run("deep/train.py", "a b", "$(x)\n", EXAMPLE="two\nlines")
    assert done.returncode == 0, done.stderr
    told = "['deep/train.py', 'a b', '$(x)\\n'] two\nlines beside __main__ __main__ deep/train.py\n"
    assert (done.stdout, done.stderr) == (told, "")
    assert (container.logs / "metrics.jsonl").read_text() == "{}\n"
    # What another attempt on this node would find is as it was.
    assert (container.project / "rows.txt").read_text() == "1\n"


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit('good bye')", 1, "good bye\n"),
        ("import sys; sys.exit(256)", 0, ""),
        ("import os; os._exit(5)", 5, ""),
        ("import atexit; atexit.register(print, 'at the end')", 0, ""),
        (
            "def deep():\n    raise KeyError('petal')\ndeep()",
            1,
            'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\n    deep()\n'
            "  File \"train.py\", line 2, in deep\n    raise KeyError('petal')\nKeyError: 'petal'\n",
        ),
        ("x = (", 1, "SyntaxError"),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt"),
    ],
)
def test_its_end_is_the_script_s(container: Container, script: str, code: int, said: str) -> None:
    (container.project / "train.py").write_text(script)
    done = container.run("train.py")
    assert done.returncode == code
    if "\n" in said or not said:
        assert done.stderr == said
    else:
        assert said in done.stderr
    assert "cluster_driver" not in done.stderr


def test_outputs_that_cannot_be_stored_are_told_and_change_nothing_else(container: Container) -> None:
    (container.project / "train.py").write_text("import sys; open('outputs/a', 'w').write('1'); sys.exit(4)")
    done = container.run("train.py")
    assert (done.returncode, done.stderr) == (4, "")
    told = json.loads((container.logs / "aml-outputs").read_text())
    assert told == {"stored": False, "left": ["the outputs could not be stored: No module named 'pyspark'"]}


def test_outputs_are_what_they_are_at_the_very_end(container: Container) -> None:
    (container.project / "train.py").write_text(
        "import atexit, os, threading, time\n"
        "def late(): time.sleep(0.2); open(out + '/thread', 'w').close()\n"
        "out = os.path.abspath('outputs'); os.chdir('/')\n"
        "threading.Thread(target=late).start()\n"
        "atexit.register(lambda: open(out + '/atexit', 'w').close())\n"
        "os.mkdir(out + '/folder'); open(out + '/folder/one: 1%\\n', 'w').close(); os.symlink('x', out + '/link')\n"
        "os.mkfifo(out + '/pipe')\n"
    )
    done = container.run("train.py")
    assert (done.returncode, done.stderr) == (0, "")
    with tarfile.open(container.work / "outputs.tar") as tar:
        assert sorted(tar.getnames()) == ["atexit", "folder", "folder/one: 1%\n", "link", "pipe", "thread"]


def test_a_driver_without_outputs_says_so(container: Container) -> None:
    (container.project / "train.py").write_text("pass")
    assert container.run("train.py").returncode == 0
    assert json.loads((container.logs / "aml-outputs").read_text()) == {"stored": False, "left": []}
    (container.logs / "aml-outputs").unlink()
    (container.project / "train.py").unlink()
    (container.project / "train.py").write_text("import os; os._exit(3)")
    assert container.run("train.py").returncode == 3
    assert not (container.logs / "aml-outputs").exists()
