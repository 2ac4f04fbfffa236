"""`aml experiment prepare` and `aml environment` with a real Docker Engine."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.services.conda import stand_in_for_conda
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Shell
    from tests.services.docker import DockerEngine

# conda's part, in no time: what is asked for decides how it goes.
SCRIPT = """\
echo "Solving environment for $*"
case "$*" in
    *aml-nope*) echo "PackagesNotFoundError: not available from current channels: - aml-nope" >&2; exit 1;;
    *aml-slow*) sleep 600;;
esac
mkdir -p /opt/aml-env && echo "$*" > /opt/aml-env/asked
"""
CONFIG = "ArgumentVector:\n  - train.py\nTarget: box\nFramework: Python\nPrepareEnvironment: false\n"


class Prepared:
    """A shell whose target is on a real Docker Engine."""

    def __init__(self, shell: Shell, engine: DockerEngine, image: str) -> None:
        self.shell = shell
        self.engine = engine
        (shell.project / "aml_config/box.compute").write_text(f"type: docker\nbaseDockerImage: {image}\n")

    def config(self, name: str, *packages: str) -> None:
        """A configuration that needs these packages."""
        folder = self.shell.project / "aml_config"
        lines = "".join(f"  - {one}\n" for one in packages)
        (folder / f"{name}.yml").write_text(f"name: {name}\nchannels:\n  - here\ndependencies:\n{lines}")
        more = f"CondaDependenciesFile: aml_config/{name}.yml\n"
        (folder / f"{name}.runconfig").write_text(CONFIG + more)

    def told(self, *arguments: str) -> Any:
        done = self.shell.aml(*arguments, "-o", "json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    def prepare(self, name: str) -> str:
        """Prepare it; returns the fingerprint."""
        done = self.shell.aml("experiment", "prepare", "-c", name)
        assert done.code == 0, done.err
        return str(self.told("environment", "show", "-n", name)["fingerprint"])

    def fingerprints(self) -> set[str]:
        return {one["fingerprint"] for one in self.told("environment", "list")}


@pytest.fixture
def prepared(shell: Shell, docker_engine: DockerEngine, bare_image: str, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    monkeypatch.setenv("DOCKER_HOST", docker_engine.url)
    image = stand_in_for_conda(docker_engine, bare_image, "cli", SCRIPT)
    for old in docker_engine.docker("images", "-q", "--filter", "label=aml-tui.fingerprint").split():
        docker_engine.docker("rmi", "-f", old)
    return Prepared(shell, docker_engine, image)


def test_a_build_is_followed_step_by_step(prepared: Prepared) -> None:
    prepared.config("docker", "python=3.6", "numpy=1.2", "scipy")
    done = prepared.shell.aml("experiment", "prepare", "-c", "docker")
    assert done.code == 0, done.err
    assert b"Solving environment for create -y -q -p /opt/aml-env" in done.out
    lines = done.err.splitlines()
    steps = [line for line in lines if line.startswith("step ")]
    assert steps
    for line in steps:
        assert re.fullmatch(r"step \d of 4 \(\d+ s\)(: [a-z].*)?", line), line
        assert line.count("step") == 1
    assert any(line.endswith(": conda packages: 3 specs") for line in steps)
    assert re.fullmatch(r"the environment of docker is ready after \d+ s: image [0-9a-f]{12}, .*B", lines[-1])

    again = prepared.shell.aml("experiment", "prepare", "-c", "docker")
    assert (again.code, again.out) == (0, b"")
    assert "the environment is ready" in again.err
    (build,) = prepared.told("environment", "builds")
    assert (build["status"], build["step"], build["steps"]) == ("ready", 4, 4)
    assert prepared.shell.aml("environment", "log", "-n", "docker").out == done.out
    (one,) = prepared.told("environment", "list")
    assert (one["configurations"], one["in_use"], one["fingerprint"]) == (["iris/docker"], [], build["fingerprint"])
    assert one["size"] > 0
    told = prepared.told("environment", "show", "-n", "docker")
    assert told["asks_for"]["conda"] == ["numpy=1.2", "scipy"]
    assert told["kept"][0]["image"] == one["image"]

    prepared.config("docker", "python=3.6", "numpy=1.3")
    later = prepared.shell.aml("experiment", "prepare", "-c", "docker")
    assert later.code == 0
    assert " of about " in later.err


def nameless(engine: DockerEngine) -> set[str]:
    return set(engine.docker("images", "-q", "--filter", "dangling=true").split())


def test_a_build_that_fails_names_the_line(prepared: Prepared) -> None:
    before = nameless(prepared.engine)
    prepared.config("docker", "python=3.6", "aml-nope")
    done = prepared.shell.aml("experiment", "prepare", "-c", "docker")
    assert done.code == 1
    assert b"PackagesNotFoundError" in done.out
    assert "aml_config/docker.yml:6:5: aml-nope" in done.err
    assert "conda packages: 2 specs" in done.err
    assert done.err.count("aml environment log -n") == 1
    (build,) = prepared.told("environment", "builds")
    assert build["status"] == "failed"
    assert prepared.shell.aml("environment", "log", "-n", build["id"]).out == done.out
    assert prepared.fingerprints() == set()

    # Its layers are the cache of the next attempt, until they are pruned.
    assert nameless(prepared.engine) - before
    pruned = prepared.shell.aml("environment", "prune", "--yes")
    assert pruned.code == 0, pruned.err
    assert nameless(prepared.engine) == before


def test_prune_removes_what_nothing_needs_and_never_what_is_in_use(prepared: Prepared) -> None:
    prepared.config("one", "python", "numpy=1")
    old = prepared.prepare("one")
    prepared.config("one", "python", "numpy=2")
    new = prepared.prepare("one")
    prepared.config("other", "python", "scipy")
    other = prepared.prepare("other")
    assert prepared.fingerprints() == {old, new, other}
    assert prepared.shell.aml("environment", "prune").code == 2
    prepared.engine.docker("tag", f"aml-tui/environment:{old}", "mine:keep")
    done = prepared.shell.aml("environment", "prune", "--yes", "-o", "json")
    assert [one["fingerprint"] for one in json.loads(done.out)["removed"]] == [old]
    assert "removed 1, freed " in done.err
    # What a person named is the person's.
    prepared.engine.docker("rmi", "mine:keep")
    assert prepared.fingerprints() == {new, other}
    assert "nothing to prune" in prepared.shell.aml("environment", "prune", "--yes").err

    prepared.engine.docker("run", "-d", "--name", "holds", f"aml-tui/environment:{new}", "sleep", "600")
    try:
        refused = prepared.shell.aml("environment", "prune", "-n", new, "--yes")
        assert refused.code == 1
        assert "in use: container holds" in refused.err
        assert prepared.shell.aml("environment", "prune", "--all", "--yes").code == 0
        assert prepared.fingerprints() == {new}
    finally:
        prepared.engine.docker("rm", "-f", "holds")
    assert prepared.shell.aml("environment", "prune", "--all", "--yes").code == 0
    assert prepared.fingerprints() == set()


def test_what_another_installation_built_goes_when_it_is_forced(prepared: Prepared) -> None:
    prepared.config("one", "python", "numpy=1")
    fingerprint = prepared.prepare("one")
    name = f"aml-tui/environment:{fingerprint}"
    # Its labels are all that tells whose it is.
    prepared.engine.build(name, f"FROM {name}\nLABEL aml-tui.owner=another\n")
    (row,) = (line for line in prepared.shell.aml("environment", "list").text.splitlines() if fingerprint[:12] in line)
    assert "another installation, which built it" in row
    refused = prepared.shell.aml("environment", "prune", "-n", fingerprint, "--yes")
    assert refused.code == 1
    assert "another installation, which built it. `--force`" in refused.err
    assert prepared.shell.aml("environment", "prune", "--all", "--force", "--yes").code == 2
    prepared.engine.docker("run", "-d", "--name", "holds", name, "sleep", "600")
    try:
        held = prepared.shell.aml("environment", "prune", "-n", fingerprint, "--force", "--yes")
        assert (held.code, "in use: container holds." in held.err) == (1, True)
    finally:
        prepared.engine.docker("rm", "-f", "holds")
    done = prepared.shell.aml("environment", "prune", "-n", fingerprint, "--force", "--yes")
    assert done.code == 0, done.err
    assert prepared.fingerprints() == set()


def test_what_needs_an_environment_is_read_from_the_files_as_they_are(prepared: Prepared) -> None:
    prepared.config("one", "python", "numpy=1")
    first = prepared.prepare("one")
    prepared.config("two", "python", "scipy=1")
    second = prepared.prepare("two")

    def needed() -> dict[str, list[str]]:
        return {one["fingerprint"]: one["configurations"] for one in prepared.told("environment", "list")}

    # One that was never run asks for the same.
    prepared.config("three", "python", "numpy=1")
    assert needed() == {first: ["iris/one", "iris/three"], second: ["iris/two"]}
    folder = prepared.shell.project / "aml_config"
    (folder / "one.runconfig").unlink()
    prepared.config("two", "python", "scipy=2")
    assert needed() == {first: ["iris/three"], second: []}
    (use,) = prepared.told("environment", "show", "-n", second)["configurations"]
    assert (use["name"], use["needs_it_now"]) == ("two", False)
    # What cannot be read may need what it used last.
    (folder / "two.yml").write_text("dependencies: [")
    assert needed() == {first: ["iris/three"], second: ["iris/two"]}
    (folder / "two.runconfig").unlink()
    done = prepared.shell.aml("environment", "prune", "--yes", "-o", "json")
    assert [one["fingerprint"] for one in json.loads(done.out)["removed"]] == [second]


def test_a_build_is_canceled(prepared: Prepared) -> None:
    prepared.config("docker", "python", "aml-slow")
    begun = prepared.shell.aml("experiment", "prepare", "-c", "docker", "--async")
    assert begun.code == 0, begun.err
    build = begun.text.strip()
    until(lambda: prepared.shell.store.build(build).step == 3, 30, "the step that takes long")
    follower = prepared.shell.begin("experiment", "prepare", "-c", "docker")
    assert follower.stdout is not None
    os.set_blocking(follower.stdout.fileno(), False)
    seen = b""

    def follows() -> bool:
        nonlocal seen
        assert follower.stdout is not None
        seen += follower.stdout.read() or b""
        return b"Solving environment" in seen

    until(follows, 30, "the second one to follow")
    done = prepared.shell.aml("environment", "cancel", "-n", build)
    assert (done.code, done.err) == (0, f"{build} is canceled\n")
    assert follower.wait(30) == 1
    assert follower.stderr is not None
    assert "canceled" in follower.stderr.read().decode()
    (told,) = prepared.told("environment", "builds")
    assert (told["id"], told["status"]) == (build, "canceled")
    until(lambda: not prepared.engine.containers(), 30, "the build's container to go")
    assert prepared.fingerprints() == set()


def test_a_build_goes_on_without_who_asked_for_it(prepared: Prepared, tmp_path: Path) -> None:
    prepared.config("docker", "python", "aml-slow")
    follower = prepared.shell.begin("experiment", "prepare", "-c", "docker")
    until(lambda: prepared.shell.store.builds(), 30, "a build")
    (build,) = prepared.shell.store.builds()
    until(lambda: prepared.shell.store.build(build.id).step == 3, 30, "the step that takes long")
    follower.send_signal(signal.SIGINT)
    assert follower.wait(30) == 130
    assert follower.stderr is not None
    told = follower.stderr.read().decode()
    assert "the build goes on. Come back: aml experiment prepare -c docker" in told
    assert prepared.shell.store.build(build.id).state == "building"
    assert prepared.shell.aml("environment", "cancel", "-n", build.id).code == 0
    until(lambda: not prepared.engine.containers(), 30, "the build's container to go")
