"""Documents of which every node has a copy in memory: definitions, environment values, schemas, schedules.

A change is answered when the other living nodes have read it, or after a second: so whatever node a client talks to
next knows of it. News that were lost are found by comparing the stamps of the kinds, every few seconds and before a
node says that there is no such thing.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from podium.model.errors import PodiumError
from podium.runtime.bus import Bus
from podium.runtime.membership import Membership
from podium.store import Store
from podium.store.records import Document

TOPIC, READ = "document", "document_read"
LOOK_S = 3.0
READ_S_MAX = 1.0
SINGLE_MAX = 100  # with more changes at once, whole kinds are read

Key = tuple[str, str, int]  # kind, name, version

log = logging.getLogger(__name__)


@dataclass(slots=True, frozen=True)
class Copy:
    """Who keeps the copies of a kind, and takes changes of it."""

    keep: Callable[[Document], None]
    forget: Callable[[str, int], None]


class Documents:
    """The followed kinds of one node; `load` before use."""

    def __init__(self, store: Store, bus: Bus, membership: Membership) -> None:
        self._store = store
        self._bus = bus
        self._membership = membership
        self._copies: dict[str, Copy] = {}
        self._bodies: dict[str, dict[tuple[str, int], bytes]] = {}
        self._stamps: dict[str, str] = {}
        self._turn = asyncio.Lock()  # one change of the copies after the other, each with what the store has then
        self._number = 0
        self._unread: dict[str, tuple[set[str], asyncio.Future[None]]] = {}  # my changes, and who has not read them
        self._changed: dict[Key, list[str]] = {}  # changes of others, to be read
        self._looks: asyncio.Future[bool] | None = None  # the next look, for those who came after this one began
        self._news = asyncio.Event()
        bus.on(TOPIC, self._hear)
        bus.on(READ, self._hear_read)

    def follow(self, kind: str, keep: Callable[[Document], None], forget: Callable[[str, int], None]) -> None:
        """Have *keep* called with each document of *kind* that is new or has changed, *forget* for what is gone."""
        self._copies[kind] = Copy(keep, forget)
        self._bodies[kind] = {}

    async def load(self) -> None:
        """Read all followed kinds."""
        await self._look()

    def body(self, kind: str, name: str, version: int = 0) -> bytes | None:
        """Return the body of a document as this node knows it."""
        return self._bodies[kind].get((name, version))

    # ---- changes of this node

    async def put(self, document: Document, *, replace: bool = True) -> bool:
        """Store a document; False when it exists and *replace* is not set."""
        async with self._change():
            done = await self._store.put_document(document, replace=replace)
            if done:
                self._keep(document)
        if done:
            await self._tell(document.kind, document.name, document.version)
        return done

    async def swap(self, document: Document, before: bytes | None) -> bool:
        """Store a document if its body is still *before*; the others need not have read it when this is done."""
        async with self._change():
            done = await self._store.swap_document(document, before)
            if done:
                self._keep(document)
        if done and not self._membership.is_alone:
            self._bus.publish(TOPIC, json.dumps(["", document.kind, document.name, document.version]))
        return done

    async def delete(self, kind: str, name: str, version: int = 0) -> bool:
        """Delete a document; False when there was none."""
        async with self._change():
            done = await self._store.delete_document(kind, name, version)
            self._forget(kind, name, version)
        if done:
            await self._tell(kind, name, version)
        return done

    @contextlib.asynccontextmanager
    async def _change(self) -> AsyncIterator[None]:
        async with self._turn:
            try:
                yield
            except PodiumError:
                self._stamps.clear()  # nobody knows whether it was stored: the next look tells
                raise

    def _keep(self, document: Document) -> None:
        self._bodies[document.kind][document.name, document.version] = document.body
        self._copies[document.kind].keep(document)

    def _forget(self, kind: str, name: str, version: int) -> None:
        if self._bodies[kind].pop((name, version), None) is not None:
            self._copies[kind].forget(name, version)

    async def _tell(self, kind: str, name: str, version: int) -> None:
        """Tell the others of a change, and wait until those that live have read it."""
        others = {node.id for node in self._membership.nodes} - {self._membership.own.id}
        if not others:
            return
        self._number += 1
        token = f"{self._membership.own.id}/{self._number}"
        read: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unread[token] = (others, read)
        self._bus.publish(TOPIC, json.dumps([token, kind, name, version]))
        try:
            await asyncio.wait_for(read, READ_S_MAX)
        except TimeoutError:
            log.info("nodes %s have not read a change of %s %s yet", sorted(others), kind, name[:100])
        finally:
            del self._unread[token]

    def _hear_read(self, details: frozenset[str]) -> None:
        for detail in details:
            token, _, node_id = detail.partition(" ")
            unread, read = self._unread.get(token, (None, None))
            if unread is None or read is None:
                continue
            unread.discard(node_id)
            if not unread and not read.done():
                read.set_result(None)

    # ---- changes of others

    def _hear(self, details: frozenset[str]) -> None:
        for detail in details:
            token, kind, name, version = json.loads(detail)
            if kind in self._copies:
                self._changed.setdefault((kind, name, version), []).append(token)
        if not details:
            self._stamps.clear()
        self._news.set()

    async def run(self) -> None:
        """Follow for ever what other nodes change; while the store is away, the next look finds it."""
        while self._store.is_shared:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), LOOK_S)
            is_told = self._news.is_set() and bool(self._changed)
            self._news.clear()
            try:
                await (self._read_changed() if is_told else self.look())
            except PodiumError:
                await asyncio.sleep(READ_S_MAX)

    async def _read_changed(self) -> None:
        changed, self._changed = self._changed, {}
        if len(changed) > SINGLE_MAX:
            self._stamps.clear()
            await self._look()
        else:
            for kind, name, version in changed:
                await self.refresh(kind, name, version)
        for token in {token for tokens in changed.values() for token in tokens if token}:
            self._bus.publish(READ, f"{token} {self._membership.own.id}")

    async def refresh(self, kind: str, name: str, version: int = 0) -> None:
        """Read one document again."""
        async with self._turn:
            found = await self._store.document(kind, name, version)
            if found is None:
                self._forget(kind, name, version)
            elif found.body != self._bodies[kind].get((name, version)):
                self._keep(found)

    async def look(self) -> bool:
        """Read what other nodes have changed without this one's noticing; whether there was anything.

        Many who ask at once share one look, but never one that began before they asked.
        """
        if self._membership.is_alone and self._stamps:
            return False
        if self._looks is None:
            self._looks = asyncio.ensure_future(self._look())
        return await asyncio.shield(self._looks)

    async def _look(self) -> bool:
        async with self._turn:
            self._looks = None  # who asks from here on waits for another one
            stamps = await self._store.document_stamps(list(self._copies))
            changed = [kind for kind in self._copies if stamps.get(kind) != self._stamps.get(kind)]
            is_changed = False
            for kind in changed:
                is_changed = await self._read_kind(kind) or is_changed
            self._stamps = stamps
            return is_changed

    async def _read_kind(self, kind: str) -> bool:
        found = {(one.name, one.version): one for one in await self._store.documents(kind)}
        bodies = self._bodies[kind]
        news = [one for key, one in found.items() if bodies.get(key) != one.body]
        gone = [key for key in bodies if key not in found]
        for document in news:
            self._keep(document)
        for name, version in gone:
            self._forget(kind, name, version)
        return bool(news or gone)
