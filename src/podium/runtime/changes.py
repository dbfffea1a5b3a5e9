"""Changes that other nodes make to workflows which somebody waits for on this one.

Who waits is told to the others, and they tell when such a workflow has changed. A look at the versions twice a second
finds what nobody told.
"""

import asyncio
import contextlib
from collections.abc import Callable

from podium.model.errors import PodiumError
from podium.model.transition import Transition
from podium.runtime.bus import Bus
from podium.runtime.membership import Membership
from podium.store import Store

LOOK_S = 0.5
WANTED_MAX = 20_000
WANTED_S = 120.0
TOPIC, WANTED_TOPIC = "changed", "wanted"


class Changes:
    """Tells `on_change` of workflows that were `watched`; mostly none are."""

    def __init__(self, store: Store, membership: Membership, bus: Bus) -> None:
        self._store = store
        self._membership = membership
        self._bus = bus
        self._watched: dict[str, int] = {}  # with the version that was seen last
        self._wanted: dict[str, float] = {}  # by other nodes, with when they said so
        self.on_change: Callable[[str], None] = lambda _: None
        bus.on(TOPIC, self._hear)
        bus.on(WANTED_TOPIC, self._want)

    def watch(self, workflow_id: str) -> None:
        """Begin to tell of changes of a workflow, which need not exist yet."""
        self._watched.setdefault(workflow_id, 0)
        self._bus.publish(WANTED_TOPIC, workflow_id)

    def unwatch(self, workflow_id: str) -> None:
        """Stop to tell of it."""
        self._watched.pop(workflow_id, None)

    def note(self, change: Transition) -> None:
        """Learn of a commit of this node."""
        if self._wanted and change.workflow.head.id in self._wanted:
            self._bus.publish(TOPIC, change.workflow.head.id)

    def _want(self, workflow_ids: frozenset[str]) -> None:
        now_s = asyncio.get_running_loop().time()
        if len(self._wanted) + len(workflow_ids) > WANTED_MAX:
            self._wanted = {key: said_s for key, said_s in self._wanted.items() if said_s > now_s - WANTED_S}
        if len(self._wanted) < WANTED_MAX:
            self._wanted |= dict.fromkeys(workflow_ids, now_s)

    def _hear(self, workflow_ids: frozenset[str]) -> None:
        for workflow_id in sorted(workflow_ids & self._watched.keys()) if workflow_ids else list(self._watched):
            self.on_change(workflow_id)

    async def run(self) -> None:
        """Look for changes while others live."""
        while self._store.is_shared:
            await asyncio.sleep(LOOK_S)
            if self._watched and not self._membership.is_alone:
                with contextlib.suppress(PodiumError):
                    await self.look()

    async def look(self) -> None:
        """Tell of each watched workflow that has changed since the last look, or is looked at first."""
        for workflow_id, version in (await self._store.versions(list(self._watched))).items():
            if self._watched.get(workflow_id, version) != version:
                self._watched[workflow_id] = version
                self.on_change(workflow_id)
