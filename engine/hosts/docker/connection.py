"""The connection to a Docker Engine: requests in the version it speaks, each with a limit, errors told in our words.

aiodocker makes connection and session. Its public calls lack what is needed in places (the network of a build, a
limit, archives that do not fit in memory), so requests go through its request function.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.hosts.docker.trouble import DockerError, DockerLost, translated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import aiodocker
    import aiohttp

    from engine.hosts.docker.finding import Endpoint

# Newest version of the API that this code was written for, and the oldest that has what it needs (`Init`).
NEWEST, OLDEST = (1, 47), (1, 25)
# Limits in seconds: questions; what makes the daemon work on its disk; making a connection.
QUICK, LONG, CONNECT = 30.0, 300.0, 10.0
# An open stream of answers (a follow, events) is waited for as long as it takes.
ENDLESS = None
# A build or a pull that says nothing for so long has lost its daemon; so has an archive sooner (s).
SILENT_BUILD, SILENT_COPY = 3600.0, 300.0
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


@dataclass(frozen=True)
class DockerInfo:
    """What a Docker Engine says of itself. `memory` in bytes; `bridge`: whether containers get a network by default.

    `security`: what it does about it, as "rootless", "userns", "selinux", "seccomp".
    """

    version: str
    api_version: str
    os: str
    arch: str
    cpus: int
    memory: int
    runtimes: tuple[str, ...]
    driver: str
    root: str
    bridge: bool
    security: tuple[str, ...]

    @property
    def rootless(self) -> bool:
        return "rootless" in self.security

    @property
    def platform(self) -> str:
        """As images name it, "linux/amd64"."""
        return f"{self.os}/{self.arch}"


class Connection:
    """One Docker Engine. `name` is the host's, for messages. Methods raise DockerError and DockerLost.

    `endpoint` is its address on the host, `via` the one it is reached at from here, where that is another.
    """

    def __init__(self, endpoint: Endpoint, name: str, via: str = "") -> None:
        self.endpoint = endpoint
        self._via = via or endpoint.url
        self.name = name
        self._docker: aiodocker.Docker | None = None
        self._info: DockerInfo | None = None
        self._answering = False
        self._closed = False
        self._opening = asyncio.Lock()

    @property
    def info(self) -> DockerInfo:
        if self._info is None:
            raise DockerLost(f"the Docker Engine of {self.name} was never reached.", where=self.name)
        return self._info

    @property
    def reached(self) -> bool:
        """Whether it ever answered."""
        return self._info is not None

    async def open(self) -> None:
        """Reach the Docker Engine and agree on a version, unless it answered the last time it was asked."""
        async with self._opening:
            if self._answering and self._docker is not None:
                return
            if self._closed:
                raise DockerLost(f"the connection to the Docker Engine of {self.name} was closed.", where=self.name)
            if self._docker is None:
                self._docker = self._made()
            docker = self._docker
            told = await self.ask("version", versioned=False, doing="asking its version")
            newest = _version(told["ApiVersion"])
            if newest < OLDEST:
                raise DockerError(
                    f"the Docker Engine is too old: {told['Version']}.",
                    where=self.name,
                    remedy="Version 17.03 is the oldest that will do.",
                )
            oldest = _version(told.get("MinAPIVersion") or "1.12")
            version = max(min(newest, NEWEST), oldest)
            docker.api_version = f"v{version[0]}.{version[1]}"
            info = await self.ask("info", doing="asking about it")
            self._info = DockerInfo(
                version=str(told["Version"]),
                api_version=docker.api_version[1:],
                os=str(told["Os"]),
                arch=str(told["Arch"]),
                cpus=int(info.get("NCPU") or 0),
                memory=int(info.get("MemTotal") or 0),
                runtimes=tuple(info.get("Runtimes") or ()),
                driver=str(info.get("Driver") or ""),
                root=str(info.get("DockerRootDir") or ""),
                bridge=await self._has_bridge(),
                security=tuple(_security(str(one)) for one in info.get("SecurityOptions") or ()),
            )
            self._answering = True

    async def close(self) -> None:
        docker, self._docker = self._docker, None
        self._answering = False
        self._closed = True
        if docker is not None:
            with contextlib.suppress(Exception):
                await docker.close()
            await docker.connector.close()

    async def ping(self) -> None:
        """Return if it answers now."""
        async with self.request("GET", "_ping", doing="asking whether it is there") as response:
            await response.read()

    async def _has_bridge(self) -> bool:
        networks = await self.ask("networks", doing="listing networks")
        return any(one.get("Name") == "bridge" for one in networks)

    def _made(self) -> aiodocker.Docker:
        import aiodocker
        import aiohttp

        # Two streams a run are open as long as it lasts: a bound on connections would starve the questions.
        url = self._via
        connector: aiohttp.UnixConnector | aiohttp.TCPConnector
        with translated(self.name, "making the connection"):
            if url.startswith("unix://"):
                connector = aiohttp.UnixConnector(url.removeprefix("unix://"), limit=0)
                url = "unix://localhost"
            else:
                secure = url.startswith("tcp://") and self.endpoint.tls is not None
                connector = aiohttp.TCPConnector(ssl=_tls(self.endpoint) if secure else True, limit=0)
                url = "https://" + url.removeprefix("tcp://") if secure else url
            return aiodocker.Docker(url, connector=connector, api_version="v1.25")

    async def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        limit: float = QUICK,
        versioned: bool = True,
        doing: str = "",
    ) -> Any:
        """A request answered by JSON, None when there is no body. `params` with lists or objects are sent as JSON."""
        body = None if data is None else json.dumps(data)
        headers = {"Content-Type": "application/json"}
        async with self.request(
            method, path, params=params, data=body, headers=headers, limit=limit, versioned=versioned, doing=doing
        ) as response:
            text = await response.read()
        return json.loads(text) if text.strip() else None

    @contextlib.asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        limit: float | None = QUICK,
        silent: float | None = None,
        versioned: bool = True,
        doing: str = "",
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A request whose answer the caller reads.

        `limit` (s) is for all of it, None for as long as it takes; `silent` for the time without a byte.
        """
        import aiohttp

        docker = self._docker
        if docker is None:
            raise DockerLost(f"the Docker Engine of {self.name} is not connected.", where=self.name)
        timeout = aiohttp.ClientTimeout(total=limit, sock_connect=CONNECT, sock_read=silent)
        try:
            with translated(self.name, doing or path):
                async with docker._query(
                    path,
                    method,
                    params=_params(params),
                    data=data,
                    headers=dict(headers or {}),
                    timeout=timeout,
                    versioned_api=versioned,
                ) as response:
                    try:
                        yield response
                    finally:
                        # What was not read to its end cannot be used for the next request.
                        response.close() if not response.content.at_eof() else response.release()
        except DockerLost:
            self._answering = False
            raise

    async def lines(self, response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
        """JSON objects of a stream, one a line, however long."""
        rest = b""
        async for chunk in response.content.iter_any():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                if line.strip():
                    yield json.loads(line)
        if rest.strip():
            yield json.loads(rest)


def _security(text: str) -> str:
    """ "userns" of "name=userns,profile=default"."""
    return text.partition(",")[0].removeprefix("name=")


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor)


def _params(params: Mapping[str, Any] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in (params or {}).items():
        if isinstance(value, bool):
            found[name] = "1" if value else "0"
        elif isinstance(value, str):
            found[name] = value
        elif value is not None:
            found[name] = json.dumps(value)
    return found


def _tls(endpoint: Endpoint) -> Any:
    import ssl

    assert endpoint.tls is not None
    folder = endpoint.tls
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
        if not endpoint.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif (folder / "ca.pem").exists():
            context.load_verify_locations(folder / "ca.pem")
        if (folder / "cert.pem").exists():
            context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    except (OSError, ssl.SSLError) as error:
        raise DockerError(
            f"the certificates of the Docker Engine cannot be used: {error}.",
            where=str(folder),
            remedy=f"Put ca.pem, cert.pem and key.pem there ({endpoint.how}).",
        ) from error
    return context


def epoch_of(text: str | None) -> float | None:
    """Epoch seconds of "2026-11-23T20:10:14.123456789Z"; None for the zero time."""
    if not text or text.startswith("0001"):
        return None
    return datetime.datetime.fromisoformat(_FRACTION.sub(_six_digits, text).replace("Z", "+00:00")).timestamp()


def _six_digits(match: re.Match[str]) -> str:
    return f".{match[1]:0<6}"
