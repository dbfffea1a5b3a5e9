"""One commit: transitions become batches of rows, each written by one call of `podium_commit`, without the stale ones.

Mostly there is one batch, and the commit is one round trip. When the connection is lost on the way, the database is
asked afterwards what became of it.
"""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from podium.model.errors import OutcomeUnknown, PodiumError
from podium.model.transition import Message, Transition
from podium.store.postgres.connection import ACQUIRE_S_MAX, LOST, OUTAGES, Connection, acquired, unavailable
from podium.store.postgres.rows import ARGUMENTS, Batch, columns

ARGUMENTS_TEXT = ", ".join(f"${number}" for number in range(1, ARGUMENTS + 1))
CALL = f"SELECT stale, sent FROM podium_commit({ARGUMENTS_TEXT})"  # noqa: S608
SLOTS_TEXT = ", ".join(f"${number}" for number in range(ARGUMENTS + 1, ARGUMENTS + 6))
CALL_WITH_SLOTS = (
    f"SELECT stale, sent, CASE WHEN stale IS NULL THEN podium_slots({SLOTS_TEXT}) END "  # noqa: S608
    f"FROM podium_commit({ARGUMENTS_TEXT})"
)
ATTEMPTS_MAX = 5
APPLIED_BEFORE = "PD001"  # raised by podium_commit
NO_ROOM = "PD002"  # raised by podium_slots
ASK_AGAIN_S = (0.02, 0.1, 0.3, 1.0, 2.0)  # the last one again and again
ASK_S_MAX = 25.0  # an answer is held until it is known what became of the commit, but no longer
UNKNOWN = (
    "The database was lost in the middle of this call, which may have been carried out or not: look before you repeat "
    "it, or repeat it with an idempotency key"
)
END_LOOKS_MAX, END_LOOK_S = 100, 0.05
HEADS = "SELECT id::text, version, created_ms, body FROM workflow WHERE id = ANY ($1::uuid[])"
TASKS = (
    "SELECT workflow_id::text, seq, body FROM task "
    "WHERE (workflow_id, seq) IN (SELECT * FROM unnest($1::uuid[], $2::integer[]))"
)


class Commit:
    """The transitions of one commit; their rows are taken when it is made."""

    def __init__(self, transitions: Sequence[Transition]) -> None:
        self._transitions = transitions
        self._ids = [transition.workflow.head.id for transition in transitions]
        self._groups = _groups(self._ids)
        self._batches = [_batch([transitions[place] for place in places]) for places in self._groups]
        self._applied = [tuple(one.applied) for one in transitions]
        self._held: list[bool] = []
        self._gone: set[int] = set()  # places of transitions whose message somebody has applied, or without room

    async def write(self, pool: "asyncpg.Pool[Any]") -> list[bool]:
        """Write what is not stale and say of each transition whether it was written.

        Unavailable when nothing was written, OutcomeUnknown when nobody can tell.
        """
        try:
            connection = await pool.acquire(timeout=ACQUIRE_S_MAX)
        except OUTAGES as error:
            raise unavailable(error) from error
        pid = connection.get_server_pid()
        try:
            await self._write(connection)
        except LOST as error:
            if not await self._was_written(pool, pid):
                raise unavailable(error) from error
        except OUTAGES as error:
            raise unavailable(error) from error
        finally:
            await pool.release(connection)
        return self._held

    def _number(self, places: list[int], sent: list[int] | None) -> None:
        """Tell the messages of written transitions their ids."""
        ids = iter(sent or ())
        for place in places:
            one = self._transitions[place]
            if one.messages:
                one.messages = [
                    Message(message.target, message.kind, message.body, next(ids)) for message in one.messages
                ]

    async def _write(self, connection: Connection) -> None:
        attempts = 0
        while attempts < ATTEMPTS_MAX:
            attempts += 1
            self._held = [place not in self._gone for place in range(len(self._ids))]
            try:
                if len(self._groups) == 1:
                    await self._write_group(connection, 0)
                    return
                async with connection.transaction():
                    for number in range(len(self._groups)):
                        await self._write_group(connection, number)
                    return
            except asyncpg.UniqueViolationError:
                continue  # another node has created one of the workflows meanwhile: now it is stale
            except asyncpg.PostgresError as error:
                if error.sqlstate == NO_ROOM:
                    self._note_refusals(str(error.detail))
                    attempts = 0  # each time there is less to write
                elif error.sqlstate == APPLIED_BEFORE:
                    await self._find_gone(connection)
                else:
                    raise
        raise PodiumError("The commit met other nodes that created the same workflows, again and again")

    async def _write_group(self, connection: Connection, number: int) -> None:
        """Write a batch; when some are stale, nothing was written, and the others are tried without them."""
        places, batch = self._groups[number], self._batches[number]
        if self._gone:
            batch = batch.without([self._ids[place] for place in places if place in self._gone])
            places = [place for place in places if place not in self._gone]
        while places:
            if batch.slots:
                call, arguments = CALL_WITH_SLOTS, [*batch.arguments(), *columns(batch.slots, 5)]
            else:
                call, arguments = CALL, batch.arguments()
            stale, sent = (await connection.fetchrow(call, *arguments))[:2]
            if not stale:
                self._number(places, sent)
                return
            for place in places:
                self._held[place] = self._ids[place] not in stale
            places = [place for place in places if self._held[place]]
            batch = batch.without(stale)

    def _note_refusals(self, detail: str) -> None:
        refused = dict(msgspec.json.decode(detail, type=list[tuple[str, str]]))
        for place, workflow_id in enumerate(self._ids):
            if workflow_id in refused:
                self._gone.add(place)
                self._transitions[place].refused = refused[workflow_id]

    async def _find_gone(self, connection: Connection) -> None:
        """Find out whose messages are not there any more, or are taken by an earlier one of this commit."""
        wanted = [number for applied in self._applied for number in applied]
        rows = await connection.fetch("SELECT id FROM message WHERE id = ANY ($1)", wanted)
        there = {row[0] for row in rows}
        for place, applied in enumerate(self._applied):
            if self._held[place] and not there.issuperset(applied):
                self._gone.add(place)
            elif self._held[place]:
                there.difference_update(applied)

    async def _was_written(self, pool: "asyncpg.Pool[Any]", pid: int) -> bool:
        """Ask what became of a commit whose answer was lost; OutcomeUnknown when nobody says so in time."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + ASK_S_MAX
        for delay_s in itertools.chain(ASK_AGAIN_S, itertools.repeat(ASK_AGAIN_S[-1])):
            if loop.time() + delay_s > until_s:
                break
            await asyncio.sleep(delay_s)
            try:
                async with acquired(pool) as connection:
                    await _end_of(connection, pid)
                    return await self._is_there(connection)
            except PodiumError:
                continue
        raise OutcomeUnknown(UNKNOWN)

    async def _is_there(self, connection: Connection) -> bool:
        """Whether the transaction was written, all of it or nothing.

        A workflow that still has the version before says no. A new one of the same time, and a header or a task as it
        was written, say yes; other nodes may have gone on meanwhile, so any one is enough. That a workflow exists, or
        does not any more, says nothing by itself: somebody else may have come before.
        """
        held = {self._ids[place] for place, is_held in enumerate(self._held) if is_held}
        if not held:
            return True
        before, heads, tasks = self._traces(held)
        found = {row[0]: tuple(row)[1:] for row in await connection.fetch(HEADS, list(held))}
        if any(key in before and version == before[key] for key, (version, _, _) in found.items()):
            return False
        if any(heads.get(key) in ((None, created_ms), (body, 0)) for key, (_, created_ms, body) in found.items()):
            return True
        if not heads:
            return not found  # all were to be removed
        rows = await connection.fetch(TASKS, [key for key, _ in tasks], [seq for _, seq in tasks])
        return any(tasks[key, seq] == body for key, seq, body in rows)

    def _traces(
        self, held: set[str]
    ) -> tuple[dict[str, int], dict[str, tuple[bytes | None, int]], dict[tuple[str, int], bytes]]:
        """Return the versions before; the headers written, of new workflows the time of creation; and the tasks."""
        before: dict[str, int] = {}
        heads: dict[str, tuple[bytes | None, int]] = {}
        tasks: dict[tuple[str, int], bytes] = {}
        for batch in self._batches:
            for row in (*batch.heads, *batch.removed):
                before.setdefault(row[0], row[1])
            for row in batch.heads:
                if row[0] in held:
                    heads[row[0]] = (None, row[7]) if before[row[0]] < 0 else (row[-1], 0)
            tasks |= {(row[0], row[1]): row[-1] for row in batch.tasks if row[0] in held}
        return before, heads, tasks


async def _end_of(connection: Connection, pid: int) -> None:
    """Wait until the server process that had the commit does nothing any more: it may be about to end it well."""
    for _ in range(END_LOOKS_MAX):
        sql = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state <> 'idle' AND pid <> pg_backend_pid()"
        if await connection.fetchval(sql, pid) is None:
            return
        await asyncio.sleep(END_LOOK_S)


def _groups(ids: Sequence[str]) -> list[list[int]]:
    """Return the places of the transitions in groups: the second change of a workflow must find the first written."""
    groups: list[list[int]] = [[]]
    seen: set[str] = set()
    for place, workflow_id in enumerate(ids):
        if workflow_id in seen:
            groups.append([])
            seen.clear()
        seen.add(workflow_id)
        groups[-1].append(place)
    return groups


def _batch(transitions: Sequence[Transition]) -> Batch:
    batch = Batch()
    for transition in transitions:
        batch.add(transition)
    return batch
