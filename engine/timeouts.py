"""A time limit for what is awaited: `async with timeout(seconds)`. At its end the block raises asyncio.TimeoutError.

`asyncio.wait_for` loses a cancel that comes in the moment in which what it waits for is done, before Python 3.12: a
loop that waited so went on for ever, and with it the engine that wanted to stop.
"""

from __future__ import annotations

import sys

if sys.version_info >= (3, 11):
    from asyncio import timeout
else:
    from async_timeout import timeout

__all__ = ["timeout"]
