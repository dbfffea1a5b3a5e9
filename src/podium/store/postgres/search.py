"""A checked search -> statements in which every value of the client is bound, under a time limit.

First the keys of one page, then their rows: a sort never carries bodies. Free text is looked for here, in the rows that
the query leaves.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from podium.model.errors import InvalidRequest
from podium.model.ids import seq_of, workflow_of
from podium.model.status import COMPLETED
from podium.model.task import EMPTY
from podium.store import match
from podium.store.column import NULLABLE, TASK, WORKFLOW
from podium.store.postgres.connection import Connection, snapshot
from podium.store.postgres.reader import known
from podium.store.postgres.rows import FAILED, INPUT, OUTPUT, clean, decode_head, decode_task
from podium.store.query import FIELDS, Condition, Filter, Group, Search
from podium.store.records import Page, TaskRow, WorkflowRow

T = TypeVar("T")
Key = tuple[Any, ...]

SEARCH_MS_MAX = 5_000
TEXT_ROWS = 200  # at a time

_WORKFLOW_ID = '(w.id::text COLLATE "C")'
_TASK_ID = "((substr(w.id::text, 1, 28) || lpad(to_hex(t.seq), 8, '0')) COLLATE \"C\")"
_WORKFLOW = WORKFLOW | {"workflowId": _WORKFLOW_ID, "classifier": "('workflow' COLLATE \"C\")"}
_TASK = TASK | {"workflowId": _WORKFLOW_ID, "taskId": _TASK_ID}
_COLUMNS = {"workflow": _WORKFLOW, "task": _TASK}
_PAYLOADS = (
    f"LEFT JOIN payload i ON i.workflow_id = w.id AND i.kind = {INPUT} "
    f"LEFT JOIN payload o ON o.workflow_id = w.id AND o.kind = {OUTPUT}"
)
_TASKS = "task t JOIN workflow w ON w.id = t.workflow_id"
_FAILED_TASKS = (
    "task_failed f JOIN task t ON t.workflow_id = f.workflow_id AND t.seq = f.seq "
    "JOIN workflow w ON w.id = t.workflow_id"
)


async def search_workflows(pool: "asyncpg.Pool[Any]", search: Search) -> Page[WorkflowRow]:
    """Return one page of workflows and the number of all that match."""
    where = Where(search)
    source = f"workflow w {_PAYLOADS if search.text else ''} WHERE {where.sql}"

    async def find(connection: Connection) -> Page[WorkflowRow]:
        if search.text:
            total, keys = await _text_page(connection, search, source, where, "w.id", "w.body, i.body, o.body")
        else:
            total, keys = await _page(connection, search, source, where, "w.id")
        return Page(total, await _workflows(connection, [key[0] for key in keys], search.payloads))

    return await _limited(pool, find)


async def search_tasks(pool: "asyncpg.Pool[Any]", search: Search) -> Page[TaskRow]:
    """Return one page of tasks and the number of all that match."""
    where = Where(search)
    source = f"{_FAILED_TASKS if where.is_of_failed else _TASKS} WHERE {where.sql}"

    async def find(connection: Connection) -> Page[TaskRow]:
        if search.text:
            total, keys = await _text_page(connection, search, source, where, "t.workflow_id, t.seq", "w.body, t.body")
        else:
            total, keys = await _page(connection, search, source, where, "t.workflow_id, t.seq")
        return Page(total, await _task_rows(connection, keys))

    return await _limited(pool, find)


async def _limited(pool: "asyncpg.Pool[Any]", find: Callable[[Connection], Awaitable[T]]) -> T:
    """Run a search in one state of the database; InvalidRequest when it takes longer than the limit."""
    try:
        async with asyncio.timeout(SEARCH_MS_MAX / 1000), snapshot(pool) as connection:
            return await find(connection)
    except TimeoutError as error:
        raise InvalidRequest(
            f"The search took more than {SEARCH_MS_MAX // 1000} s and was stopped: narrow it, for example by "
            "workflowType, workflowId, correlationId or a range of startTime, and leave out freeText."
        ) from error


# ---- rows


async def _page(connection: Connection, search: Search, source: str, where: "Where", key: str) -> tuple[int, list[Key]]:
    total: int = await connection.fetchval(f"SELECT count(*) FROM {source}", *where.values)  # noqa: S608
    if not search.size or search.start >= total:
        return total, []
    size, start = where.bind(search.size), where.bind(search.start)
    sql = f"SELECT {key} FROM {source} ORDER BY {_order(search, key)} LIMIT {size} OFFSET {start}"  # noqa: S608
    return total, [tuple(row) for row in await connection.fetch(sql, *where.values)]


async def _text_page(
    connection: Connection, search: Search, source: str, where: "Where", key: str, bodies: str
) -> tuple[int, list[Key]]:
    """Return a page of the rows that hold the text; all rows that the query leaves are looked at, some at a time."""
    has_text = _workflow_has_text if search.kind == "workflow" else _task_has_text
    width = key.count(",") + 1
    sql = f"SELECT {key}, {bodies} FROM {source} ORDER BY {_order(search, key)}"  # noqa: S608
    total, keys = 0, []
    async for row in connection.cursor(sql, *where.values, prefetch=TEXT_ROWS):
        if not has_text(search, *row[width:]):
            continue
        if search.start <= total < search.start + search.size:
            keys.append(tuple(row[:width]))
        total += 1
    return total, keys


def _workflow_has_text(search: Search, head: bytes, given: bytes | None, output: bytes | None) -> bool:
    return match.has_text(match.workflow_text(decode_head(head), given or EMPTY, output or EMPTY), search.text)


def _task_has_text(search: Search, head: bytes, task: bytes) -> bool:
    return match.has_text(match.task_text(decode_head(head), decode_task(task)), search.text)


def _order(search: Search, key: str) -> str:
    columns = _COLUMNS[search.kind]
    # Equal ones follow the direction of the last field: so an index over that field gives the whole order.
    orders = [f"{_text(columns[field])}{' DESC' if descending else ''}" for field, descending in search.sort]
    direction = " DESC" if search.sort and search.sort[-1][1] else ""
    return ", ".join([*orders, *(part + direction for part in key.split(", "))])


async def _workflows(connection: Connection, ids: list[Any], payloads: bool) -> list[WorkflowRow]:
    sql = (
        f"SELECT w.id, w.body, i.body, o.body FROM workflow w {_PAYLOADS} WHERE w.id = ANY ($1::uuid[])"  # noqa: S608
        if payloads
        else "SELECT id, body, NULL, NULL FROM workflow WHERE id = ANY ($1::uuid[])"
    )
    found = {
        key: WorkflowRow(decode_head(body), given or EMPTY, output or EMPTY)
        for key, body, given, output in await connection.fetch(sql, ids)
    }
    return [found[key] for key in ids]


async def _task_rows(connection: Connection, keys: list[Key]) -> list[TaskRow]:
    sql = (
        "SELECT t.workflow_id, t.seq, w.body, t.body FROM unnest($1::uuid[], $2::integer[]) AS one (id, seq) "
        "JOIN task t ON t.workflow_id = one.id AND t.seq = one.seq JOIN workflow w ON w.id = t.workflow_id"
    )
    rows = await connection.fetch(sql, [key[0] for key in keys], [key[1] for key in keys])
    found = {(key, seq): TaskRow(decode_head(head), decode_task(task)) for key, seq, head, task in rows}
    return [found[key] for key in keys if key in found]


# ---- conditions


class Where:
    """The condition of a search, and the values that it binds."""

    def __init__(self, search: Search) -> None:
        self.values: list[Any] = []
        self._search = search
        self._columns = _COLUMNS[search.kind]
        self.sql = "true" if search.filter is None else self._translated(search.filter)
        statuses = [part.values for part in _equalities(search) if part.field == "status"]
        self.is_of_failed = search.kind == "task" and any(FAILED.issuperset(values) for values in statuses)
        if search.kind == "workflow" and any(COMPLETED not in values for values in statuses):
            self.sql += " AND w.status <> 'COMPLETED'"  # so that the partial index over the status can serve

    def bind(self, value: Any) -> str:
        """Return the place of a value."""
        self.values.append(clean(value) if isinstance(value, str) else value)
        return f"${len(self.values)}"

    def _translated(self, filter_: Filter) -> str:
        if isinstance(filter_, Condition):
            return self._condition(filter_)
        parts = [self._translated(part) for part in filter_.parts]
        while len(parts) > 1:  # in pairs: a flat chain of a thousand would be a deep tree
            pairs = zip(parts[::2], parts[1::2], strict=False)
            parts = [f"({a} {filter_.op} {b})" for a, b in pairs] + parts[len(parts) // 2 * 2 :]
        return parts[0]

    def _condition(self, condition: Condition) -> str:
        column, values = self._columns[condition.field], list(condition.values)
        is_equal = condition.op in {"=", "IN"}
        if is_equal and condition.field == "taskId":
            return self._task_ids([str(value) for value in values])
        if is_equal and condition.field == "workflowId":
            return self._workflow_ids([str(value) for value in values])
        match condition.op:
            case "=" | "IN":
                # Without the function around it an index can serve; NULL stands for the empty text.
                column = _text(column) if "" in values else column
                return f"{column} IN ({', '.join(map(self.bind, values))})"
            case "BETWEEN":
                sql = f"{_text(column)} BETWEEN {self.bind(values[0])} AND {self.bind(values[1])}"
            case "IS NULL" | "IS NOT NULL":
                return self._null(condition, column)
            case "STARTS_WITH":
                return f"starts_with({_text(column)}, {self.bind(str(values[0]))})"
            case "LIKE" | "NOT LIKE":
                return f"{_text(column)} {condition.op.replace('LIKE', 'ILIKE')} {self.bind(_like(str(values[0])))}"
            case _:
                sql = f"{_text(column)} {condition.op} {self.bind(values[0])}"
        if FIELDS[self._search.kind][condition.field] == "time" and condition.op != "!=":
            sql = f"({column} <> 0 AND {sql})"
        return sql

    def _workflow_ids(self, names: list[str]) -> str:
        ids = [name for name in names if known(name)]
        return f"w.id = ANY ({self.bind(ids)}::uuid[])" if ids else "false"

    def _task_ids(self, names: list[str]) -> str:
        pairs = [(workflow_of(name), seq_of(name)) for name in names if seq_of(name)]
        pairs = [pair for pair in pairs if known(pair[0])]
        if not pairs:
            return "false"
        ids, seqs = self.bind([pair[0] for pair in pairs]), self.bind([pair[1] for pair in pairs])
        return f"(t.workflow_id, t.seq) IN (SELECT * FROM unnest({ids}::uuid[], {seqs}::integer[]))"  # noqa: S608

    def _null(self, condition: Condition, column: str) -> str:
        absent = {"text": f"{_text(column)} = ''", "time": f"{column} = 0", "number": "false"}[
            FIELDS[self._search.kind][condition.field]
        ]
        return f"({absent})" if condition.op == "IS NULL" else f"NOT ({absent})"


def _equalities(search: Search) -> list[Condition]:
    """Return the conditions with = and IN that every hit fulfils."""
    filter_ = search.filter
    parts = filter_.parts if isinstance(filter_, Group) and filter_.op == "AND" else (filter_,)
    return [part for part in parts if isinstance(part, Condition) and part.op in {"=", "IN"}]


def _text(column: str) -> str:
    return f"coalesce({column}, '')" if column in NULLABLE else column


def _like(pattern: str) -> str:
    return pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")
