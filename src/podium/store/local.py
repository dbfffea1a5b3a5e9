"""What the adapters for one process share: notices among its nodes, mostly one, and claims of idempotency keys."""

import asyncio
from collections import OrderedDict
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


class KeyClaims:
    """Which id a start with an idempotency key uses; the latest 10,000 claims."""

    KEPT = 10_000

    def __init__(self) -> None:
        self._claims: OrderedDict[tuple[str, str], str] = OrderedDict()

    def claim(self, name: str, key: str, workflow_id: str, replaces: str) -> str:
        """Return *workflow_id*, or the id of an earlier claim unless it is *replaces*."""
        held = self._claims.pop((name, key), replaces)
        found = self._claims[name, key] = workflow_id if held == replaces else held
        if len(self._claims) > self.KEPT:
            self._claims.popitem(last=False)
        return found
