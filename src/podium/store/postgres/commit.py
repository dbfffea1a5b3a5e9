"""One commit: transitions become batches of rows, each written by one call of `podium_commit`, without the stale ones.

Mostly there is one batch, and the commit is one round trip. When the connection is lost on the way, the database is
asked afterwards what became of it.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg

from podium.model.errors import PodiumError
from podium.model.transition import Message, Transition
from podium.store.postgres.connection import ACQUIRE_S_MAX, LOST, OUTAGES, Connection, acquired, unavailable
from podium.store.postgres.rows import ARGUMENTS, Batch, encode

ARGUMENTS_TEXT = ", ".join(f"${number}" for number in range(1, ARGUMENTS + 1))
CALL = f"SELECT stale, sent FROM podium_commit({ARGUMENTS_TEXT})"  # noqa: S608
ATTEMPTS_MAX = 5
APPLIED_BEFORE = "PD001"  # raised by podium_commit
ASK_AGAIN_S = (0.1, 0.3, 1.0, 2.0)


class Commit:
    """The transitions of one commit; their rows are taken when it is made."""

    def __init__(self, transitions: Sequence[Transition]) -> None:
        self._transitions = transitions
        self._ids = [transition.workflow.head.id for transition in transitions]
        self._groups = _groups(self._ids)
        self._batches = [_batch([transitions[place] for place in places]) for places in self._groups]
        self._applied = [tuple(one.applied) for one in transitions]
        self._bodies = [None if one.removed else encode(one.workflow.head) for one in transitions]
        self._held: list[bool] = []
        self._gone: set[int] = set()  # places of transitions whose message somebody has applied

    async def write(self, pool: "asyncpg.Pool[Any]") -> list[bool]:
        """Write what is not stale and say of each transition whether it was written.

        Unavailable when nothing was written, or when nobody can tell.
        """
        try:
            connection = await pool.acquire(timeout=ACQUIRE_S_MAX)
        except OUTAGES as error:
            raise unavailable(error) from error
        try:
            await self._write(connection)
        except LOST as error:
            if not await self._was_written(pool):
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
        for _ in range(ATTEMPTS_MAX):
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
                if error.sqlstate != APPLIED_BEFORE:
                    raise
                await self._find_gone(connection)
        raise PodiumError("The commit met other nodes that created the same workflows, again and again")

    async def _write_group(self, connection: Connection, number: int) -> None:
        """Write a batch; when some are stale, nothing was written, and the others are tried without them."""
        places, batch = self._groups[number], self._batches[number]
        if self._gone:
            batch = batch.without([self._ids[place] for place in places if place in self._gone])
            places = [place for place in places if place not in self._gone]
        while places:
            stale, sent = await connection.fetchrow(CALL, *batch.arguments())
            if not stale:
                self._number(places, sent)
                return
            for place in places:
                self._held[place] = self._ids[place] not in stale
            places = [place for place in places if self._held[place]]
            batch = batch.without(stale)

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

    async def _was_written(self, pool: "asyncpg.Pool[Any]") -> bool:
        """Ask what became of a commit whose answer was lost: a workflow holds what this commit wrote, or it doesn't."""
        for delay_s in ASK_AGAIN_S:
            await asyncio.sleep(delay_s)
            try:
                async with acquired(pool) as connection:
                    return await self._is_there(connection)
            except PodiumError:
                continue
        return False

    async def _is_there(self, connection: Connection) -> bool:
        place = max((place for place, held in enumerate(self._held) if held), default=-1)
        if place < 0:
            return True
        # Where the row was there before, the lock waits for the end of the transaction that is asked about.
        sql = "SELECT body FROM workflow WHERE id = $1 FOR SHARE"
        found = await connection.fetchval(sql, self._ids[place])
        return bool(found == self._bodies[place])


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
