"""What the adapters for a single process share: notices among the nodes in it, which mostly is one."""

import asyncio
from collections.abc import Callable

Heard = Callable[[str | None], None]


class Notices:
    """Passes notices on to all who listen, at the next turn of the event loop."""

    def __init__(self) -> None:
        self._listeners: list[Heard] = []

    def notify(self, payload: str) -> None:
        """Tell all who listen."""
        for heard in self._listeners:
            asyncio.get_running_loop().call_soon(heard, payload)

    async def listen(self, heard: Heard) -> None:
        """Call *heard* with None now, and with each notice from then on, until cancelled."""
        self._listeners.append(heard)
        try:
            heard(None)
            await asyncio.Event().wait()
        finally:
            self._listeners.remove(heard)
