"""Connections of the pool after the work on them was cancelled."""

import asyncio
import contextlib

import pytest

from podium.store.postgres.connection import acquired, connect, locked, snapshot

MOMENTS = 12  # turns of the loop after which a call is cancelled: from before it was sent to after its answer
TRIES = 2  # at each moment, with statements that were not prepared before


def test_a_cancelled_call_leaves_nothing_to_the_next_one(postgres_url: str) -> None:
    async def main() -> None:
        pool = await connect(postgres_url, 1)

        async def call(number: int) -> None:
            async with acquired(pool) as connection:
                await connection.fetch(f"SELECT {number} + $1::integer, $2::bigint[]", 1, [2])

        async def call_in_a_snapshot(number: int) -> None:
            async with snapshot(pool) as connection:
                await connection.fetch(f"SELECT {number} + $1::integer", 1)

        for number in range(MOMENTS * TRIES * 2):
            work = asyncio.create_task((call, call_in_a_snapshot)[number % 2](number))
            for _ in range(number // (TRIES * 2)):
                await asyncio.sleep(0)
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            async with snapshot(pool) as connection:
                assert await connection.fetchval("SHOW transaction_isolation") == "repeatable read"
            async with acquired(pool) as connection:
                assert await connection.fetchval("SHOW transaction_isolation") == "read committed"
        await pool.close()

    asyncio.run(main())


def test_who_is_cancelled_while_he_holds_a_lock_is_cancelled(postgres_url: str) -> None:
    async def main() -> None:
        pool = await connect(postgres_url, 1)
        is_held = asyncio.Event()

        async def hold() -> None:
            async with locked(pool, "a"):
                is_held.set()
                await asyncio.sleep(60)

        work = asyncio.create_task(hold())
        await is_held.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        async with locked(pool, "a") as is_free:
            assert is_free
        await pool.close()

    asyncio.run(main())
