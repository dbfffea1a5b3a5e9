"""Upgrades of the schema while nodes of the version before go on working."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from tests.contract.conftest import Make
from tests.postgres import emptied

from podium.model.errors import PodiumError
from podium.store import migrate
from podium.store.migrate import Migration
from podium.store.postgres import PostgresStore

KNOWN = migrate.find("podium.store.postgres")
INDEX = "CREATE INDEX CONCURRENTLY IF NOT EXISTS workflow_later ON workflow (created_by)"
LATER = Migration(len(KNOWN) + 1, "later", f"-- online\n-- A large one.\n{INDEX}\n    WHERE created_by IS NOT NULL;\n")
WIDER = Migration(len(KNOWN) + 1, "wider", "ALTER TABLE workflow ADD COLUMN later text")

Scenario = Callable[[str, Any], Awaitable[None]]


def run(url: str, scenario: Scenario) -> None:
    async def main() -> None:
        await emptied(url)
        connection = await asyncpg.connect(url)
        try:
            await scenario(url, connection)
        finally:  # the database is used again, with the schema of today
            await connection.execute("DROP INDEX IF EXISTS workflow_later")
            await connection.execute("ALTER TABLE workflow DROP COLUMN IF EXISTS later")
            await connection.execute(f"DELETE FROM migration WHERE number > {len(KNOWN)}")
            await connection.close()

    asyncio.run(main())


async def opened(url: str) -> PostgresStore:
    store = PostgresStore(url, connections=2)
    await store.open()
    return store


def next_version(patch: pytest.MonkeyPatch, migration: Migration) -> None:
    patch.setattr(migrate, "find", lambda _: [*KNOWN, migration])


async def state(connection: Any) -> tuple[bool | None, int]:
    """Return whether the index is valid, and how often the migration was recorded."""
    valid = await connection.fetchval(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('workflow_later')"
    )
    return valid, await connection.fetchval("SELECT count(*) FROM migration WHERE number = $1", LATER.number)


def test_nodes_that_start_together_build_an_index_once_while_an_older_one_writes(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(url: str, connection: Any) -> None:
        old, make, is_over = await opened(url), Make(), False

        async def write() -> int:
            count = 0
            while not is_over:
                assert await old.commit([make.start(make.workflow())]) == [True]
                count += 1
            return count

        writing = asyncio.create_task(write())
        next_version(monkeypatch, LATER)
        stores = await asyncio.gather(*(opened(url) for _ in range(4)))
        is_over = True

        assert await writing > 0
        assert await state(connection) == (True, 1)
        for store in (old, *stores):
            await store.close()

    run(postgres_url, scenario)


def test_an_index_that_was_left_half_built_is_built_again(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(url: str, connection: Any) -> None:
        await (await opened(url)).close()
        await connection.execute("CREATE INDEX workflow_later ON workflow (created_by)")
        await connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'workflow_later'::regclass"
        )  # as a build that was killed leaves it
        assert await state(connection) == (False, 0)

        next_version(monkeypatch, LATER)
        await (await opened(url)).close()

        assert await state(connection) == (True, 1)

    run(postgres_url, scenario)


@pytest.mark.parametrize("migration", [LATER, WIDER], ids=lambda one: one.name)
def test_nodes_of_two_versions_work_side_by_side_on_one_workflow(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, migration: Migration
) -> None:
    async def scenario(url: str, _: Any) -> None:
        make = Make()
        workflow = make.workflow()
        old = await opened(url)
        await old.put_definition("hash", b"{}")
        with monkeypatch.context() as patch:
            next_version(patch, migration)
            new = await opened(url)
        again = await opened(url)  # the old version, started beside the new one
        assert await old.commit([make.start(workflow, make.task(status="IN_PROGRESS"))]) == [True]

        for store in (new, old, again, new, again):
            assert await store.commit([make.step(workflow)]) == [True]

        stale = make.stale(make.step(workflow))
        assert await old.commit([stale]) == [False]
        assert [line async for line in new.check()] == [line async for line in old.check()] == []
        for store in (old, new, again):
            await store.close()

    run(postgres_url, scenario)


def test_an_online_migration_does_nothing_but_build_indexes(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(url: str, _: Any) -> None:
        next_version(monkeypatch, Migration(LATER.number, "more", f"-- online\n{INDEX};\nDROP TABLE log;\n"))
        with pytest.raises(PodiumError, match="does more than build indexes"):
            await opened(url)

    run(postgres_url, scenario)
