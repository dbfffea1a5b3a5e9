"""The connection for notices, when it is cut."""

import asyncio

import asyncpg
import pytest

from podium.model.errors import Unavailable
from podium.store.postgres import PostgresStore
from podium.store.records import NodeRow

DEADLINE_S = 20.0


async def cut_all(url: str) -> int:
    """End every other connection to the database, and say how many those were."""
    connection = await asyncpg.connect(url)
    try:
        sql = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(await connection.fetchval(sql))
    finally:
        await connection.close()


def test_after_a_cut_a_listener_is_told_that_it_may_have_missed_something_and_hears_again(postgres_url: str) -> None:
    async def scenario() -> None:
        heard: list[str | None] = []
        store, other = PostgresStore(postgres_url, 1), PostgresStore(postgres_url, 1)
        await store.open()
        listener = asyncio.create_task(store.listen(heard.append))
        async with asyncio.timeout(DEADLINE_S):
            while not heard:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            assert await cut_all(postgres_url) > 0
            while len(heard) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            await other.open()
            await other.notify("news")
            while heard != [None, None, "news"]:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
        await store.close()
        await other.close()

    asyncio.run(scenario())


def test_a_beat_over_a_line_that_was_cut_fails_at_most_once(postgres_url: str) -> None:
    async def scenario() -> None:
        store = PostgresStore(postgres_url, 1)
        await store.open()
        await store.beat(NodeRow("a"), 3_000)
        await cut_all(postgres_url)
        try:
            await store.beat(NodeRow("a"), 3_000)
        except Unavailable:
            await store.beat(NodeRow("a"), 3_000)
        await store.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("wait_s", [0.0, 0.001, 0.005, 0.02])
def test_a_line_that_is_closed_is_not_set_up_again(postgres_url: str, wait_s: float) -> None:
    async def scenario() -> None:
        store = PostgresStore(postgres_url, 1)
        await store.open()
        calls = [asyncio.create_task(store.notify("news"))]
        await asyncio.sleep(wait_s)  # anywhere in the making of a connection
        await store.close()
        calls.append(asyncio.create_task(store.notify("news")))
        *_, late = await asyncio.gather(*calls, return_exceptions=True)

        assert isinstance(late, Unavailable)
        assert store._line._connection is None

    asyncio.run(scenario())
