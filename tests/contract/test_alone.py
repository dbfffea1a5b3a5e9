"""What one node of several does at a time: the lock of PostgreSQL, and its end with the node's connection."""

import asyncio

import pytest

from podium.model.errors import Unavailable
from podium.store.postgres import PostgresStore


def test_one_of_two_nodes_has_the_lock_until_it_is_done(postgres_url: str) -> None:
    async def scenario(first: PostgresStore, second: PostgresStore) -> None:
        async with first.alone("x") as is_ours, second.alone("x") as is_theirs, second.alone("y") as other:
            assert (is_ours, is_theirs, other) == (True, False, True)
        async with second.alone("x") as is_theirs:
            assert is_theirs

    asyncio.run(with_two(postgres_url, scenario))


def test_a_lock_ends_with_the_node_that_has_it(postgres_url: str) -> None:
    async def scenario(first: PostgresStore, second: PostgresStore) -> None:
        with pytest.raises(Unavailable):
            await vanish_within(first)
        for _ in range(500):
            async with second.alone("x") as is_theirs:
                if is_theirs:
                    return
            await asyncio.sleep(0.01)
        pytest.fail("the lock was not given back")

    asyncio.run(with_two(postgres_url, scenario))


async def vanish_within(node: PostgresStore) -> None:
    async with node.alone("x") as is_ours:
        assert is_ours
        assert node._pool is not None
        node._pool.terminate()


async def with_two(url: str, scenario: object) -> None:
    first, second = PostgresStore(url, 2), PostgresStore(url, 2)
    await first.open()
    await second.open()
    try:
        await scenario(first, second)  # type: ignore[operator]
    finally:
        await first.close()
        await second.close()
