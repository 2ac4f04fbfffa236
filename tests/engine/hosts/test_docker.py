"""The Docker Engine: found as the `docker` command finds it; what it refuses is told with what to do."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import web

from engine.errors import Unsupported
from engine.hosts.docker import connection, finding
from engine.hosts.docker.api import DockerApi, DockerDenied, DockerError, DockerLost
from engine.hosts.docker.finding import Endpoint, find_endpoint
from engine.hosts.docker.images import split_reference
from engine.hosts.docker.trouble import lost, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.services.docker import DockerEngine


def context(home: Path, name: str, meta: dict[str, Any]) -> None:
    folder = home / ".docker/contexts/meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps(meta))


def listening(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    one = socket.socket(socket.AF_UNIX)
    one.bind(str(path))
    return one


def test_docker_host_comes_first(tmp_path: Path) -> None:
    found = find_endpoint({"DOCKER_HOST": "unix:///mine", "DOCKER_CONTEXT": "other"}, tmp_path)
    assert (found.url, found.how) == ("unix:///mine", "DOCKER_HOST")
    secure = find_endpoint({"DOCKER_HOST": "tcp://h:2376", "DOCKER_TLS_VERIFY": "1"}, tmp_path)
    assert secure.tls == tmp_path / ".docker"
    assert find_endpoint({"DOCKER_HOST": "tcp://h:2375"}, tmp_path).tls is None


def test_a_context_by_name_and_the_current_one(tmp_path: Path) -> None:
    context(tmp_path, "far", {"Endpoints": {"docker": {"Host": "tcp://far:2375", "SkipTLSVerify": True}}})
    found = find_endpoint({"DOCKER_CONTEXT": "far"}, tmp_path)
    assert (found.url, found.how, found.verify) == ("tcp://far:2375", "context far", False)
    (tmp_path / ".docker/config.json").write_text('{"currentContext": "far"}')
    assert find_endpoint({}, tmp_path).url == "tcp://far:2375"
    elsewhere = {"DOCKER_CONFIG": str(tmp_path / ".docker"), "DOCKER_CONTEXT": "far"}
    assert find_endpoint(elsewhere, tmp_path / "nobody").url == "tcp://far:2375"
    with pytest.raises(DockerError, match="context 'gone' is not known"):
        find_endpoint({"DOCKER_CONTEXT": "gone"}, tmp_path)
    (tmp_path / ".docker/config.json").write_text("{")
    with pytest.raises(DockerError) as told:
        find_endpoint({}, tmp_path)
    assert told.value.where.endswith("config.json")


def test_the_standard_socket_and_a_rootless_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "STANDARD", str(tmp_path / "standard"))
    environ = {"XDG_RUNTIME_DIR": str(tmp_path / "run")}
    with pytest.raises(DockerError, match="there is no Docker Engine") as told:
        find_endpoint(environ, tmp_path)
    assert "apt-get install" in told.value.remedy
    with listening(tmp_path / "run/docker.sock"):
        assert find_endpoint(environ, tmp_path).how == "rootless socket"
        with listening(tmp_path / "standard"):
            assert find_endpoint(environ, tmp_path).how == "standard socket"


def test_what_is_no_address_of_this_machine(tmp_path: Path) -> None:
    with pytest.raises(Unsupported) as told:
        find_endpoint({"DOCKER_HOST": "ssh://me@box"}, tmp_path)
    assert "remotedocker" in told.value.remedy
    with pytest.raises(DockerError, match="not an address"):
        find_endpoint({"DOCKER_HOST": "carrier pigeon"}, tmp_path)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("write /var/lib/x: no space left on device", "prune"),
        ('Get "https://registry": dial tcp: lookup registry: no such host', "docker load"),
        ("pull access denied for a/b, repository does not exist", "docker login"),
        ("toomanyrequests: You have reached your pull rate limit", "docker login"),
        ('could not select device driver "" with capabilities: [[gpu]]', "NVIDIA container toolkit"),
        ("client version 1.20 is too old", "current Docker Engine"),
        ("invalid mount config for type: bind source path does not exist: /x", "another machine"),
    ],
)
def test_refusals_have_remedies(text: str, remedy: str) -> None:
    error = refused("local", "working", 500, text)
    assert remedy in error.remedy
    assert text in error.message


def test_what_no_connection_means() -> None:
    assert isinstance(lost("local", "asking", "[Permission denied]"), DockerDenied)
    assert "group `docker`" in lost("local", "asking", "permission denied").message
    assert "not running" in lost("local", "asking", "Connection refused").message
    assert "not running" in lost("local", "asking", "[Connect call failed ('127.0.0.1', 1)]").message
    assert "broke (asking)" in lost("local", "asking", "anything else").message


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("python", ("python", "latest")),
        ("python:3.11", ("python", "3.11")),
        ("host:5000/a/b", ("host:5000/a/b", "latest")),
        ("host:5000/a/b:1", ("host:5000/a/b", "1")),
        ("a@sha256:1234", ("a", "sha256:1234")),
    ],
)
def test_references(reference: str, parts: tuple[str, str]) -> None:
    assert split_reference(reference) == parts


class Stand:
    """A server on a socket that answers as it is told to: for what no healthy Docker Engine says."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.version = {"Version": "99", "ApiVersion": "1.99", "MinAPIVersion": "1.44", "Os": "linux", "Arch": "amd64"}
        self.asked: list[str] = []
        self.answer: Callable[[web.Request], Any] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path == "/version":
            return web.json_response(self.version)
        if request.path.endswith(("/info", "/networks")):
            return web.json_response({} if request.path.endswith("/info") else [])
        assert self.answer is not None
        answered: web.StreamResponse = await self.answer(request)
        return answered


@pytest_asyncio.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    one = Stand(f"unix://{tmp_path / 's'}")
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", one.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "s")).start()
    yield one
    await runner.cleanup()


@pytest_asyncio.fixture
async def api(stand: Stand) -> AsyncIterator[DockerApi]:
    one = DockerApi(Endpoint(stand.url, "test"), "local")
    yield one
    await one.close()


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"), [("1.99", "1.44", "1.47"), ("1.41", "1.12", "1.41"), ("1.99", "1.50", "1.50")]
)
async def test_the_version_both_speak(stand: Stand, api: DockerApi, newest: str, oldest: str, spoken: str) -> None:
    stand.version |= {"ApiVersion": newest, "MinAPIVersion": oldest}
    await api.open()
    assert api.info.api_version == spoken
    assert stand.asked[1] == f"/v{spoken}/info"


async def test_one_that_is_too_old(stand: Stand, api: DockerApi) -> None:
    stand.version |= {"ApiVersion": "1.24", "Version": "1.12.6", "MinAPIVersion": "1.12"}
    with pytest.raises(DockerError, match=r"too old: 1\.12\.6") as told:
        await api.open()
    assert "17.03" in told.value.remedy


async def test_no_call_waits_for_ever(stand: Stand, api: DockerApi, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    never = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    stand.answer = hang
    await api.open()
    with pytest.raises(DockerLost, match="did not answer in time"):
        await api.ask("containers/json", limit=0.05, doing="listing")
    never.set()


async def test_a_stream_that_breaks_is_no_end(stand: Stand, api: DockerApi) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"Action": "start", "Actor": {"Attributes": {"a": "b"}}}\n{"Act')
        assert request.transport is not None
        request.transport.close()
        return response

    stand.answer = half
    await api.open()
    heard = []
    with pytest.raises(DockerLost):
        async for event in api.events({"x": ""}):
            heard += [event]
    assert heard == [("", {}), ("start", {"a": "b"})]


async def test_a_socket_one_may_not_use(tmp_path: Path) -> None:
    gone = DockerApi(Endpoint(f"unix://{tmp_path / 'nothing'}", "test"), "local")
    try:
        with pytest.raises(DockerLost, match="not running") as told:
            await gone.open()
        assert "DOCKER_HOST" in told.value.remedy
    finally:
        await gone.close()


async def test_what_a_real_one_has(docker_engine: DockerEngine, python_image: str) -> None:
    api = DockerApi(Endpoint(docker_engine.url, "test"), "local")
    try:
        await api.open()
        assert api.info.platform.startswith("linux/")
        assert connection.OLDEST <= tuple(map(int, api.info.api_version.split("."))) <= connection.NEWEST
        before = await api.counts()
        await api.create("counted", {"Image": python_image, "Cmd": ["true"]})
        try:
            after = await api.counts()
        finally:
            await api.remove("counted")
        assert after["containers"] == before["containers"] + 1
        listed = docker_engine.docker("images", "-q", "--no-trunc").split()
        assert before["images"] == len(set(listed))
        assert os.path.basename(before["version"])
    finally:
        await api.close()


async def test_a_small_file_is_read_by_its_links(docker_engine: DockerEngine, python_image: str) -> None:
    docker = DockerApi(Endpoint(docker_engine.url, "test"), "local")
    await docker.open()
    lines = (
        "RUN echo a:x:1:1 > /etc/pw0 && ln -sf pw0 /etc/pw1 && ln -sf /etc/pw1 /etc/pw2 && ln -sf circle /etc/circle"
    )
    image = docker_engine.build("aml-test/links:1", f"FROM {python_image}\n{lines}\n")
    name = docker_engine.docker("create", image, "sh")
    try:
        assert await docker.read_file(name, "/etc/pw2") == b"a:x:1:1\n"
        assert await docker.read_file(name, "/etc/circle") is None
        assert await docker.read_file(name, "/etc") is None
        assert await docker.read_file(name, "/etc/none") is None
    finally:
        docker_engine.docker("rm", name)
        docker_engine.docker("rmi", image)
        await docker.close()
