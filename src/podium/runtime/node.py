"""One node of podium: everything that runs between a store and the service, started and stopped together."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from podium.engine.context import Limits, Script, ScriptAnswer
from podium.engine.task_type import Io, Registry
from podium.events import Broker
from podium.runtime.brokers import Brokers
from podium.runtime.bus import Bus
from podium.runtime.cache import Cache
from podium.runtime.catalog import Catalog
from podium.runtime.changes import Changes
from podium.runtime.cipher import Cipher
from podium.runtime.clock import Clock
from podium.runtime.committer import Committer
from podium.runtime.dispatch import Dispatcher
from podium.runtime.documents import Documents
from podium.runtime.events import Events
from podium.runtime.housekeeping import Housekeeping
from podium.runtime.http_client import HttpClient
from podium.runtime.idempotency import Idempotency
from podium.runtime.kept import KeptOutputs
from podium.runtime.keyed_starts import KeyedStarts
from podium.runtime.limits import StartLimits
from podium.runtime.mailboxes import Mailboxes
from podium.runtime.membership import Membership
from podium.runtime.places import Places, Submit
from podium.runtime.relay import Relay
from podium.runtime.roll import Roll
from podium.runtime.schedules import Schedules
from podium.runtime.schemas import Schemas
from podium.runtime.shared_limits import SharedStartLimits
from podium.runtime.slots import SharedPlaces, Slots
from podium.runtime.system_tasks import SystemTasks
from podium.runtime.timers import Timers
from podium.runtime.variables import Variables
from podium.runtime.world import World
from podium.store import Store

STOP_S = 4.0
BEGIN_ANEW_S = 1.0

log = logging.getLogger(__name__)

Evaluate = Callable[[Script], Awaitable[ScriptAnswer]]


class Node:
    """The runtime over one store. `start` before use; after `stop` nothing is left on its way."""

    def __init__(
        self,
        store: Store,
        types: Registry,
        evaluate: Evaluate,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        io: Io | None = None,
        cache_bytes: int = 64 << 20,
        system_slots: int = 64,
        event_days: int = 7,
        variables: Mapping[str, str] | None = None,
        cipher: Cipher | None = None,
        brokers: Mapping[str, Broker | None] | None = None,
        address: str = "",
    ) -> None:
        self.store = store
        self.evaluate = evaluate
        self.clock = clock or Clock()
        now_ms = self.clock.now_ms
        self.id = self.clock.new_node_id()
        self.bus = bus = Bus(store, self.id)
        self.membership = membership = Membership(store, bus, self.clock, self.id, address)
        self.documents = Documents(store, bus, membership)
        self.catalog = Catalog(store, self.documents)
        self.variables = Variables(self.documents, variables or {}, cipher, now_ms)
        self.schemas = Schemas(self.documents)
        self.world = World(self.clock, self.catalog, types, limits or Limits(), self.variables, self.schemas)
        self.cache = Cache(cache_bytes)
        mailboxes = Mailboxes()
        submit = mailboxes.submit
        self.start_limits, self.places, slots = _bounds(store, submit, self.catalog, now_ms)
        self.dispatcher = Dispatcher(store, submit, self.start_limits, now_ms, membership, bus)
        self.committer = Committer(
            store, self.world, self.cache, self.dispatcher, evaluate, membership, mailboxes, slots
        )
        self.timers = Timers(store, submit, now_ms, membership, bus)
        self.idempotency = Idempotency(store, self.committer.read)
        self.keyed_starts = KeyedStarts(self.idempotency, submit, self.committer.read)
        self.events = Events(store, self.world, self.committer, evaluate)
        self.brokers = Brokers(brokers or {}, self.events, self.catalog)
        self.relay = Relay(store, submit, self.brokers.handle, membership, bus)
        self.kept = KeptOutputs(now_ms)
        self.changes = Changes(store, membership, bus)
        self.schedules = Schedules(
            store, self.documents, self.world.context, submit, now_ms, membership, self.idempotency
        )
        tools = io or HttpClient(allow_private=True)
        self.system_tasks = SystemTasks(self.dispatcher, submit, types, tools, self.variables.secret, system_slots)
        self.housekeeping = Housekeeping(store, now_ms, event_days)
        self.roll = Roll(bus, membership, self._counts)
        self._loops: list[asyncio.Task[Any]] = []
        self._connect()

    def _connect(self) -> None:
        """Tell the parts of those that were made after them."""
        self.world.is_domain_active = self.dispatcher.is_domain_active
        self.world.has_place = self.places.has_place
        self.world.has_queue = self.brokers.has_queue
        self.world.kept_output = self.kept.get
        self.brokers.on_ready = self.keyed_starts.on_ready = self.relay.look_soon
        self.relay.start_keyed = self.keyed_starts.carry
        parts = (self.timers, self.relay, self.places, self.kept, self.keyed_starts, self.changes)
        self.committer.on_commit += [part.note for part in parts]
        self.committer.on_unknown += [self.timers.note, self.relay.look_for, self.dispatcher.look_for]

    async def start(self) -> None:
        """Open the store, read the definitions, and begin to work."""
        await self.store.open()
        self._loops = [asyncio.create_task(self.bus.run())]
        if self.store.is_shared:
            await self.bus.ready()
            await self.membership.join()
        await self.documents.load()
        self.variables.check()
        limited = [name for name, one in self.catalog.task_defs.items() if one.concurrentExecLimit]
        await self.start_limits.load(self.store, limited)
        await self.places.load(self.catalog.limited_names())
        loops = (
            self.membership,
            self.documents,
            self.committer,
            self.dispatcher,
            self.changes,
            self.dispatcher.poll_book,
            self.timers,
            self.relay,
            self.brokers,
            self.system_tasks,
            self.schedules,
            self.housekeeping,
            self.places,
        )
        self._loops += [asyncio.create_task(_kept_going(loop.run)) for loop in loops]

    def _counts(self) -> dict[str, int]:
        committer = self.committer
        return {
            "waitingPolls": self.dispatcher.waiting_count,
            "cachedWorkflows": len(self.cache),
            "cachedBytes": self.cache.size_bytes,
            "waitingCommands": committer.admission.commands,
            "commits": committer.commits,
            "transitions": committer.transitions,
            "stale": committer.stale,
            "refused": committer.slots.refused if committer.slots else 0,
        }

    async def stop(self) -> None:
        """Answer waiting workers, finish the commits that are on their way, and close the store."""
        self.dispatcher.release_all()
        await self.brokers.stop()
        deadline = asyncio.get_running_loop().time() + STOP_S
        while not self.committer.is_idle and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        await self.membership.leave()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self.store.close()

    async def settle(self, timeout_s: float = 5.0) -> bool:
        """Wait until the messages that are on their way have arrived, and those that follow from them.

        False when that takes longer than *timeout_s*. What other workflows send meanwhile is not waited for to the end.
        """
        await self.places.settle()
        return await self.relay.settle(timeout_s)

    async def arrival(self, workflow_id: str, timeout_s: float = 1.0) -> None:
        """Wait while a message to a workflow, which may create it, is on its way, at most *timeout_s*."""
        await self.relay.arrival(workflow_id, timeout_s)


def _bounds(
    store: Store, submit: Submit, catalog: Catalog, now_ms: Callable[[], int]
) -> tuple[StartLimits, Places, Slots | None]:
    """Return what bounds how much runs at once: counted here, or over all nodes of a store that is shared."""
    if not store.is_shared:
        return StartLimits(catalog.task_def, now_ms), Places(store, submit, now_ms), None
    places = SharedPlaces(store, submit, now_ms)
    return SharedStartLimits(catalog.task_def, now_ms, store), places, Slots(catalog.task_def, places)


async def _kept_going(run: Callable[[], Awaitable[None]]) -> None:
    """Keep a loop going: a fault in it must not leave the node half alive for good."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("%s failed, and begins anew", getattr(run, "__qualname__", run))
            await asyncio.sleep(BEGIN_ANEW_S)
        else:
            return
