"""Short news between nodes: topics with details, gathered for 10 ms and sent as one notice, off the path of commits.

News may be lost, and may say less than what was published: an empty set of details means that anything of the topic
may have happened. So whoever listens needs a slow look of its own as a net. Nothing is sent while a node is alone,
and a node does not hear itself.
"""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from podium.model.errors import PodiumError
from podium.runtime.background import Background
from podium.store import Store

GATHER_S = 0.010
PAYLOAD_BYTES_MAX = 7_900
DETAILS_MAX = 500  # of one topic in one notice
READY_S_MAX = 5.0

EVERYTHING: frozenset[str] = frozenset()

log = logging.getLogger(__name__)


class Notice(msgspec.Struct, array_like=True):
    """What is sent: from which node, and details by topic; no details mean that they were too many."""

    sender: str
    topics: dict[str, list[str]]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Notice).decode


class Bus:
    """The news of one node; `run` while it lives."""

    def __init__(self, store: Store, node_id: str) -> None:
        self._store = store
        self._node_id = node_id
        self._callbacks: dict[str, list[Callable[[frozenset[str]], None]]] = {}
        self._topics: dict[str, set[str] | None] = {}  # to be sent; None: too many to name
        self._is_sending = False
        self._sent_s = 0.0
        self._listens = asyncio.Event()
        self._background = Background()
        self.is_alone: Callable[[], bool] = lambda: not store.is_shared
        self.notices = 0
        self.lost = 0

    def on(self, topic: str, callback: Callable[[frozenset[str]], None]) -> None:
        """Have *callback* called with the details of *topic* that others publish, with none after news were lost."""
        self._callbacks.setdefault(topic, []).append(callback)

    def publish(self, topic: str, detail: str = "") -> None:
        """Tell the other nodes, soon; without a detail, that anything of *topic* may have happened."""
        if self.is_alone():
            return
        details = self._topics.setdefault(topic, set())
        if not detail or (details is not None and len(details) >= DETAILS_MAX):
            self._topics[topic] = None
        elif details is not None:
            details.add(detail)
        if not self._is_sending:
            self._is_sending = True
            self._background.spawn(self._send())

    def publish_everything(self) -> None:
        """Tell the others that anything may have happened, of every topic that is listened to here."""
        for topic in self._callbacks:
            self.publish(topic)

    async def run(self) -> None:
        """Listen for ever."""
        await self._store.listen(self._hear)

    async def ready(self) -> bool:
        """Wait until what others publish is heard; False when that takes too long, and it comes later then."""
        try:
            async with asyncio.timeout(READY_S_MAX):
                await self._listens.wait()
        except TimeoutError:
            log.warning("notices of other nodes are not heard yet")
            return False
        return True

    async def flush(self) -> None:
        """Wait until what was published has been sent, or was lost."""
        await self._background.settle()

    # ---- sending

    async def _send(self) -> None:
        """Send what was published until nothing more is; at most one notice in 10 ms."""
        loop = asyncio.get_running_loop()
        try:
            while self._topics:
                await asyncio.sleep(max(self._sent_s + GATHER_S - loop.time(), 0))
                topics, self._topics = self._topics, {}
                self._sent_s = loop.time()
                await self._send_one(topics)
        finally:
            self._is_sending = False

    async def _send_one(self, topics: dict[str, set[str] | None]) -> None:
        try:
            await self._store.notify(self._payload(topics))
            self.notices += 1
        except PodiumError:
            self.lost += 1  # the others find out by themselves

    def _payload(self, topics: dict[str, set[str] | None]) -> str:
        named = {topic: sorted(details or ()) for topic, details in topics.items()}
        while True:
            payload = _encode(Notice(self._node_id, named)).decode()
            if len(payload.encode()) <= PAYLOAD_BYTES_MAX:
                return payload
            longest = max(named, key=lambda topic: len(named[topic]))
            named[longest] = []

    # ---- hearing

    def _hear(self, payload: str | None) -> None:
        if payload is None:
            self._listens.set()
            for topic in self._callbacks:
                self._call(topic, EVERYTHING)
            return
        try:
            notice = _decode(payload)
        except msgspec.DecodeError:
            log.warning("a notice of another program, or version, was not understood")
            return
        if notice.sender == self._node_id:
            return
        for topic, details in notice.topics.items():
            self._call(topic, frozenset(details))

    def _call(self, topic: str, details: frozenset[str]) -> None:
        for callback in self._callbacks.get(topic, ()):
            try:
                callback(details)
            except Exception:
                log.exception("news of %s were not dealt with", topic)
