"""A connection outside of the pool, for what must not wait behind commits: notices between nodes, and their beats.

Its commits are not waited for: what it writes may be lost with the database server.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Any

import asyncpg

from podium.model.errors import Unavailable
from podium.store.postgres.connection import CONNECT_S_MAX, SETTINGS, Connection, outages
from podium.store.records import Beat, NodeRow

CHANNEL = "podium"
CALL_S_MAX = 2.0
LOOK_S = 5.0  # between two looks at a line on which nothing is said
AGAIN_S = (0.05, 0.1, 0.2, 0.5, 1.0)
NODE_KEPT_MS = 60_000

Heard = Callable[[str | None], None]

_BEAT = """
WITH clock AS (
    SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms
), own AS (
    INSERT INTO node (id, address, version, started_ms, beat_ms) SELECT $1, $2, $3, now_ms, now_ms FROM clock
    ON CONFLICT (id) DO UPDATE SET address = excluded.address, beat_ms = excluded.beat_ms
    RETURNING id, address, version, started_ms, beat_ms
), gone AS (
    DELETE FROM node USING clock WHERE id <> $1 AND beat_ms < now_ms - $5
)
SELECT now_ms, one.* FROM clock,
    (SELECT * FROM own UNION ALL SELECT * FROM node WHERE id <> $1) AS one
WHERE one.beat_ms > now_ms - $4 ORDER BY one.started_ms, one.id
"""


class Line:
    """The connection is made when it is needed first, and again after it was lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = asyncio.Lock()
        self._connection: Connection = None
        self._heard: Heard | None = None
        self._is_closed = False

    async def close(self) -> None:
        """Hang up for good; who waits for an answer, or calls later, gets Unavailable."""
        self._is_closed = True
        self._hang_up()

    async def beat(self, node: NodeRow, dead_ms: int) -> Beat:
        """Write the beat of *node* and return the nodes that are alive."""
        rows = await self.rows(_BEAT, node.id, node.address, node.version, dead_ms, NODE_KEPT_MS)
        return Beat(rows[0][0], [NodeRow(*row[1:]) for row in rows])

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        """Run a statement and return its rows; Unavailable when the line is dead."""
        async with self._lock:
            with outages():
                try:
                    async with asyncio.timeout(CALL_S_MAX + CONNECT_S_MAX):
                        connection = await self._connected()
                        found: list[Any] = await connection.fetch(sql, *values, timeout=CALL_S_MAX)
                        return found
                except BaseException:
                    self._hang_up()
                    raise

    async def listen(self, heard: Heard) -> None:
        """Call *heard* with each notice until cancelled; with None whenever the line was set up."""
        self._hang_up()  # a line that was made before does not listen
        self._heard = heard
        failures = 0
        try:
            while True:
                with contextlib.suppress(Exception):  # whatever it is, the next try will tell
                    await self.rows("SELECT 1")
                    failures = 0
                    await self._until_lost()
                await asyncio.sleep(AGAIN_S[min(failures, len(AGAIN_S) - 1)] * random.uniform(0.5, 1.5))  # noqa: S311
                failures += 1
        finally:
            self._heard = None

    async def _until_lost(self) -> None:
        connection = self._connection
        lost = asyncio.Event()
        if connection is None or connection.is_closed():
            return
        connection.add_termination_listener(lambda _: lost.set())
        while not lost.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await lost.wait()
            if not lost.is_set():
                await self.rows("SELECT 1")  # else a line that was cut without a word would stay silent

    async def _connected(self) -> Connection:
        self._check_open()
        if self._connection is None or self._connection.is_closed():
            settings = {**SETTINGS, "synchronous_commit": "off"}
            self._connection = await asyncpg.connect(self._url, timeout=CONNECT_S_MAX, server_settings=settings)
            self._check_open()
            if self._heard is not None:
                await self._connection.add_listener(CHANNEL, self._hear)
                self._heard(None)
        return self._connection

    def _check_open(self) -> None:
        """Refuse who comes late, such as the last news of a node that has stopped: nobody would hang up after him."""
        if self._is_closed:
            raise Unavailable("The database is not used any more")

    def _hear(self, _connection: Connection, _pid: int, _channel: str, payload: object) -> None:
        if self._heard is not None:
            self._heard(str(payload))

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
