"""Waits for a condition, with a deadline that a slow machine does not reach."""

import asyncio
from collections.abc import Callable

TIMEOUT_S = 90.0
LOOK_S = 0.05


async def until(condition: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> None:
    """Return when *condition* holds; `TimeoutError` when it does not come true."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 (what it looks at knows no events)
            await asyncio.sleep(LOOK_S)
