"""Commits whose answer is lost, starts together, starts before the database, and schemas of other versions."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from tests.contract.conftest import Make, empty_postgres
from tests.postgres import Postgres

from podium.model.errors import OutcomeUnknown, PodiumError, Unavailable
from podium.store.postgres import PostgresStore, adapter, commit
from podium.store.postgres.commit import Commit
from podium.store.postgres.connection import SETTINGS


@pytest.fixture
def store(request: pytest.FixtureRequest) -> PostgresStore:
    return empty_postgres(request)  # type: ignore[return-value]


def play(store: PostgresStore, scenario: Callable[[Make], Awaitable[None]]) -> None:
    async def main() -> None:
        await store.open()
        try:
            await scenario(Make())
        finally:
            await store.close()

    asyncio.run(main())


def lose_answer(
    monkeypatch: pytest.MonkeyPatch, *, is_sent: bool, then: Callable[[], Awaitable[Any]] | None = None
) -> None:
    """Cut the connection of the next commit, before or after it was carried out; *then* happens in between."""
    write = Commit._write

    async def cut(self: Commit, connection: Any) -> None:
        monkeypatch.setattr(Commit, "_write", write)
        if is_sent:
            await write(self, connection)
        self._held = [True] * len(self._ids)
        if then is not None:
            await then()
        connection.terminate()
        raise ConnectionResetError("cut")

    monkeypatch.setattr(Commit, "_write", cut)


@pytest.mark.parametrize("kind", ["start", "step", "removal"])
def test_a_commit_whose_answer_was_lost_counts_when_it_is_in_the_database(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def scenario(make: Make) -> None:
        workflow = make.workflow()
        if kind != "start":
            await store.commit([make.start(workflow)])
        change = make.start(workflow) if kind == "start" else make.step(workflow, removed=kind == "removal")
        lose_answer(monkeypatch, is_sent=True)
        assert await store.commit([change]) == [True]

    play(store, scenario)


@pytest.mark.parametrize("kind", ["start", "step", "removal"])
def test_a_commit_that_did_not_arrive_is_refused(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def scenario(make: Make) -> None:
        workflow = make.workflow()
        if kind != "start":
            await store.commit([make.start(workflow, make.task(1))])
        change = (
            make.start(workflow) if kind == "start" else make.step(workflow, make.task(1), removed=kind == "removal")
        )
        change.updated = {seq: make.task(seq, status="COMPLETED") for seq in change.updated}
        lose_answer(monkeypatch, is_sent=False)
        with pytest.raises(Unavailable):
            await store.commit([change])

    play(store, scenario)


@pytest.mark.parametrize("kind", ["start", "removal"])
def test_what_somebody_else_did_before_is_no_trace_of_a_commit(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A workflow that exists already, or is gone already, does not vouch for the others of the transaction."""

    async def scenario(make: Make) -> None:
        known, other = make.workflow(), make.workflow()
        await store.commit([make.start(known), make.start(other)])
        again = make.workflow(id=known.id, created_ms=known.head.created_ms + 1)
        change = make.start(again) if kind == "start" else make.step(known, removed=True)
        if kind == "removal":
            await store.commit([make.step(make.workflow(id=known.id), removed=True)])
        lose_answer(monkeypatch, is_sent=False)
        with pytest.raises(Unavailable):
            await store.commit([change, make.step(other)])

    play(store, scenario)


def test_a_commit_counts_though_another_node_has_gone_on_since(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(make: Make) -> None:
        workflow = make.workflow()
        await store.commit([make.start(workflow, make.task(1))])
        change = make.step(workflow, make.task(1, status="COMPLETED"))

        async def go_on() -> None:
            other = make.workflow(id=workflow.id, version=2)
            assert await store.commit([make.step(other, inserted=[make.task(2)])]) == [True]

        lose_answer(monkeypatch, is_sent=True, then=go_on)
        assert await store.commit([change]) == [True]

    play(store, scenario)


def test_an_answer_is_held_while_nobody_can_tell_and_says_so_in_the_end(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is away for some seconds is waited for; one that stays away is not waited for without end."""

    async def scenario(make: Make) -> None:
        asked = 0

        async def is_away(*_: Any) -> bool:
            nonlocal asked
            asked += 1
            if asked < 12:
                raise Unavailable("away")
            return True

        monkeypatch.setattr(commit, "ASK_AGAIN_S", (0.001,))
        monkeypatch.setattr(Commit, "_is_there", is_away)
        lose_answer(monkeypatch, is_sent=True)
        assert await store.commit([make.start(make.workflow())]) == [True]

        asked = -10_000
        monkeypatch.setattr(commit, "ASK_S_MAX", 0.05)
        lose_answer(monkeypatch, is_sent=True)
        with pytest.raises(OutcomeUnknown, match="idempotency key"):
            await store.commit([make.start(make.workflow())])

    play(store, scenario)


# ---- starts


def test_five_nodes_that_start_together_make_the_schema_once(postgres: Postgres) -> None:
    postgres.execute("DROP DATABASE IF EXISTS together")
    postgres.execute("CREATE DATABASE together")

    async def main() -> None:
        stores = [PostgresStore(postgres.url("together"), 1) for _ in range(5)]
        await asyncio.gather(*(store.open() for store in stores))
        connection = await asyncpg.connect(postgres.url("together"))
        numbers = [row[0] for row in await connection.fetch("SELECT number FROM migration ORDER BY number")]
        await connection.close()
        await asyncio.gather(*(store.close() for store in stores))

        assert numbers == list(range(1, len(numbers) + 1))
        assert numbers

    asyncio.run(main())


@pytest.mark.parametrize(("ahead", "opens"), [(1, True), (2, False)])
def test_a_schema_one_version_newer_is_used_and_a_still_newer_one_refused(
    postgres: Postgres, ahead: int, opens: bool
) -> None:
    postgres.execute("DROP DATABASE IF EXISTS newer")
    postgres.execute("CREATE DATABASE newer")

    async def main() -> None:
        store = PostgresStore(postgres.url("newer"), 1)
        await store.open()
        await store.close()
        connection = await asyncpg.connect(postgres.url("newer"), server_settings=SETTINGS)
        for _ in range(ahead):
            await connection.execute("INSERT INTO migration SELECT max(number) + 1, 'later', 0 FROM migration")
        await connection.close()
        if opens:
            await store.open()
            await store.close()
        else:
            with pytest.raises(PodiumError, match="install the newer version"):
                await store.open()

    asyncio.run(main())


def test_a_start_waits_for_a_database_that_is_away_and_says_so(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "AGAIN_S", 0.05)
    server = Postgres()
    server.create()

    async def main() -> None:
        store = PostgresStore(server.url("postgres"), 1, wait_s=60.0)
        opening = asyncio.create_task(store.open())
        while not caplog.messages:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.to_thread(server.start)
        await opening
        await store.close()

    try:
        asyncio.run(main())
        assert "can't be used now" in caplog.messages[0]
        assert "Trying again" in caplog.messages[0]
    finally:
        server.remove()


def test_a_start_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "AGAIN_S", 0.01)
    with pytest.raises(Unavailable, match="can't be used now"):
        asyncio.run(PostgresStore("postgresql://podium@127.0.0.1:1/none", 1, wait_s=0.1).open())
