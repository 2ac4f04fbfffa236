"""What the Docker Engine remembers of signals that were sent to a container, by whomever."""

from __future__ import annotations

from engine.hosts.docker.connection import Connection


class Signals(Connection):
    """`name` is a container's name or id."""

    async def signals_sent(self, name: str, since: float, until: float) -> set[int]:
        """Numbers of the signals that `docker kill`, `docker stop` and the like sent it in this time.

        Times are epoch seconds of the daemon's clock, `until` no later than now. It remembers some hundred events of
        all its containers, and none of before it was started: what is missing here may have been sent.
        """
        params = {
            "filters": {"type": ["container"], "container": [name], "event": ["kill"]},
            "since": f"{since:.9f}",
            "until": f"{until:.9f}",
        }
        found: set[int] = set()
        async with self.request("GET", "events", params=params, doing="asking for past events") as response:
            async for told in self.lines(response):
                number = str(((told.get("Actor") or {}).get("Attributes") or {}).get("signal") or "")
                if number.isdecimal():
                    found.add(int(number))
        return found
