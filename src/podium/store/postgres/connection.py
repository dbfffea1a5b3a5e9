"""The pool of connections, the schema, and the translation of PostgreSQL's errors.

Every statement has a time limit on the server, so a client that stands still holds nothing for long.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import asyncpg

from podium.model.errors import PodiumError, Unavailable
from podium.store import migrate

STATEMENT_MS_MAX = 30_000
IDLE_IN_TRANSACTION_MS_MAX = 5_000
CONNECT_S_MAX = 5.0
ACQUIRE_S_MAX = 10.0
NEWER_MAX = 1  # schemas
MIGRATION_LOCK = 0x706F6469  # "podi": of nodes that start together, one upgrades
LOCK_AGAIN_S = 0.1
SETTINGS = {
    "application_name": "podium",
    "statement_timeout": str(STATEMENT_MS_MAX),
    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS_MAX),
    "synchronous_commit": "on",
    "jit": "off",  # compiling costs more than our statements take
    "enable_seqscan": "off",  # a plan made while a table was empty is kept, and the table grows
}

OUTAGES = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection that is just being cut
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,  # also of a statement that took too long
    asyncpg.InsufficientResourcesError,  # the disk, memory, connections
    asyncpg.TransactionRollbackError,  # deadlocks
    asyncpg.ReadOnlySQLTransactionError,  # a standby
    asyncpg.PostgresSystemError,
)
LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection that is just being cut
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
"""Errors after which it is not known whether the statement was carried out."""

# Its pool tells each try to reach a server that is away, with a traceback; we say it ourselves, once a command.
logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)

_INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS ([a-z_]+) ")

Connection = Any
"""A connection of the pool: asyncpg's types are not those that its pool gives."""


def unavailable(error: BaseException) -> Unavailable:
    """Return the error for callers in place of one of `OUTAGES`."""
    return Unavailable(f"The database can't be used now: {str(error) or type(error).__name__}")


@contextmanager
def outages() -> Iterator[None]:
    """Turn errors of the network and of the database server into Unavailable; errors of our own SQL pass."""
    try:
        yield
    except OUTAGES as error:
        raise unavailable(error) from error


async def connect(url: str, size: int) -> "asyncpg.Pool[Any]":
    """Return a pool; the database must be there and its schema is up to date then. A `PodiumError` says what is not."""
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            timeout=CONNECT_S_MAX,
            server_settings=SETTINGS,
            reset=_as_it_is,
        )
    except (asyncpg.InvalidCatalogNameError, asyncpg.InvalidAuthorizationSpecificationError, ValueError) as error:
        raise PodiumError(f"The database can't be opened: {error}.") from error
    except OUTAGES as error:
        raise unavailable(error) from error
    try:
        async with pool.acquire() as connection:
            await _upgrade(connection)
    except BaseException:
        pool.terminate()
        raise
    return pool


async def _as_it_is(connection: Connection) -> None:
    """Give a connection back without a round trip: nothing here leaves settings, cursors or locks behind."""


async def _upgrade(connection: Connection) -> None:
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise PodiumError(f"The database has the encoding {encoding}: create it with ENCODING 'UTF8'.")
    known = migrate.find("podium.store.postgres")
    while await _pending(connection, known):
        # Nobody waits within a transaction: building an index beside the load waits for all of those to end.
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", MIGRATION_LOCK):
            await asyncio.sleep(LOCK_AGAIN_S)
            continue
        try:
            await connection.execute("SET statement_timeout = 0")
            for migration in await _pending(connection, known):
                await _apply(connection, migration)
        finally:
            await connection.execute(f"SET statement_timeout = {STATEMENT_MS_MAX}")
            await connection.execute("SELECT pg_advisory_unlock($1)", MIGRATION_LOCK)


async def _apply(connection: Connection, migration: migrate.Migration) -> None:
    if migration.is_online:
        await _build(connection, migration)
    async with connection.transaction():
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (number integer PRIMARY KEY, name text, applied_ms bigint)"
        )
        if not migration.is_online:
            await connection.execute(migration.sql)
        now_ms = time.time_ns() // 1_000_000
        await connection.execute("INSERT INTO migration VALUES ($1, $2, $3)", migration.number, migration.name, now_ms)


async def _build(connection: Connection, migration: migrate.Migration) -> None:
    """Build indexes one by one while others write; what an earlier try has left half built is built again."""
    for statement in migration.statements():
        index = _INDEX.match(statement)
        if index is None:
            raise PodiumError(f"Migration {migration.name} is to run online, but does more than build indexes.")
        is_valid = await connection.fetchval(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)", index[1]
        )
        if is_valid is False:
            await connection.execute(f"DROP INDEX CONCURRENTLY {index[1]}")
        await connection.execute(statement)


async def _pending(connection: Connection, known: list[migrate.Migration]) -> list[migrate.Migration]:
    """Return what is to be applied. One schema newer is fine: nodes of two versions run during an upgrade."""
    if await connection.fetchval("SELECT to_regclass('migration')") is None:
        return known
    applied = [row[0] for row in await connection.fetch("SELECT number FROM migration")]
    return migrate.pending(known, applied, NEWER_MAX)


@asynccontextmanager
async def acquired(pool: "asyncpg.Pool[Any]") -> AsyncIterator[Connection]:
    """Lend a connection; Unavailable when there is none in time.

    One whose user is cancelled is not lent again: in the middle of preparing a statement, asyncpg leaves it within a
    transaction of which it does not know.
    """
    with outages():
        async with pool.acquire(timeout=ACQUIRE_S_MAX) as connection:
            try:
                yield connection
            except asyncio.CancelledError:
                with suppress(asyncpg.InterfaceError):  # its user has given it up already
                    connection.terminate()
                raise


@asynccontextmanager
async def snapshot(pool: "asyncpg.Pool[Any]") -> AsyncIterator[Connection]:
    """Lend a connection on which all reads see the same state."""
    async with acquired(pool) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield connection


@asynccontextmanager
async def locked(pool: "asyncpg.Pool[Any]", name: str) -> AsyncIterator[bool]:
    """Take the lock *name* if nobody has it, and say whether. It belongs to a connection, and so ends with that."""
    async with acquired(pool) as connection:
        try:
            is_held = await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", name)
            yield bool(is_held)
            if is_held:
                await connection.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", name)
        except BaseException:
            connection.terminate()  # whatever the state of the lock was
            raise
