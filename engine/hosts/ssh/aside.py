"""Blocking work in a thread of its own.

Asking for a name, a key store or the SSH configuration can hang for minutes. The threads that the rest of the engine
shares would soon all hang with it, so each of these gets one that nobody waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
P = ParamSpec("P")


async def aside(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the function returns or raises. Cancelling does not stop it, only the waiting."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def give(result: T) -> None:
        if not future.done():
            future.set_result(result)

    def fail(error: BaseException) -> None:
        if not future.done():
            future.set_exception(error)

    def work() -> None:
        # A loop that has been closed in the meantime waits for nothing.
        with contextlib.suppress(RuntimeError):
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                loop.call_soon_threadsafe(fail, error)
            else:
                loop.call_soon_threadsafe(give, result)

    threading.Thread(target=work, name=f"aside {getattr(function, '__name__', '')}", daemon=True).start()
    return await future
