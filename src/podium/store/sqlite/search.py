"""A checked search -> statements in which every value of the client is bound; runs in a reader's thread.

First the keys of one page, then their rows: a sort never carries bodies.
"""

from collections.abc import Sequence
from typing import Any

from podium.model.ids import seq_of, workflow_of
from podium.model.status import COMPLETED
from podium.model.task import EMPTY
from podium.store.column import NULLABLE, TASK, WORKFLOW
from podium.store.query import FIELDS, Condition, Filter, Group, Search
from podium.store.records import Page, TaskRow, WorkflowRow
from podium.store.sqlite.reader import NOT_COMPLETED, Reader
from podium.store.sqlite.rows import FAILED, OUTPUT, TASK_BITS, TASKS, decode_head, decode_task

Sql = tuple[str, list[Any]]

_TASK_ID = f"substr(w.id, 1, 28) || printf('%08x', t.key & {TASKS - 1})"
_WORKFLOW = WORKFLOW | {"workflowId": "w.id", "classifier": "'workflow'"}
_TASK = TASK | {"workflowId": "w.id", "taskId": _TASK_ID}
_COLUMNS = {"workflow": _WORKFLOW, "task": _TASK}
_OF_WORKFLOW = f"t.key BETWEEN w.row << {TASK_BITS} AND (w.row << {TASK_BITS}) + {TASKS - 1}"
_WORKFLOW_FIRST = f"workflow w CROSS JOIN task t ON {_OF_WORKFLOW}"
_FAILED_FIRST = "task_failed f CROSS JOIN task t ON t.key = f.key"
_AND_WORKFLOW = f" CROSS JOIN workflow w ON w.row = t.key >> {TASK_BITS}"
_ONE_WORKFLOW = {"taskId", "workflowId", "correlationId"}


def search_workflows(reader: Reader, search: Search) -> Page[WorkflowRow]:
    """Return one page of workflows and the number of all that match."""
    where, values = _where(search)
    if search.text:
        where += f" AND workflow_has_text(?, w.body, {_payload(0)}, {_payload(OUTPUT)})"
        values = [*values, "*".join(search.text)]
    with reader.snapshot():
        total, keys = _page(reader, search, f"workflow w WHERE {where}", values, "w.row")
        return Page(total, [_workflow(reader, key, search.payloads) for key in keys])


def _payload(kind: int) -> str:
    return f"(SELECT body FROM payload WHERE key = w.row << 2 | {kind})"  # noqa: S608


def _workflow(reader: Reader, row: int, payloads: bool) -> WorkflowRow:
    head = decode_head(reader.value("SELECT body FROM workflow WHERE row = ?", (row,)))
    if not payloads:
        return WorkflowRow(head)
    sql = "SELECT body FROM payload WHERE key = ?"
    return WorkflowRow(head, *(reader.value(sql, (row << 2 | kind,)) or EMPTY for kind in (0, OUTPUT)))


def search_tasks(reader: Reader, search: Search) -> Page[TaskRow]:
    """Return one page of tasks and the number of all that match."""
    where, values = _where(search)
    tables = _tables(search)
    if search.text:
        where += " AND task_has_text(?, w.body, t.body)"
        values = [*values, "*".join(search.text)]
    with reader.snapshot():
        total, keys = _page(reader, search, f"{tables} WHERE {where}", values, "t.key")
        return Page(total, _tasks(reader, keys))


def _tables(search: Search) -> str:
    """Return the tables in the order in which they are best walked over."""
    fields = {field for field, _ in search.sort} | _fields(search.filter)
    has_workflow = bool(search.text) or any("w." in _TASK[field] for field in fields)
    if any(part.field in _ONE_WORKFLOW for part in _equalities(search)):
        return _WORKFLOW_FIRST
    if any(part.field == "status" and FAILED.issuperset(part.values) for part in _equalities(search)):
        return _FAILED_FIRST + (_AND_WORKFLOW if has_workflow else "")
    return _WORKFLOW_FIRST if has_workflow else "task t"


def _equalities(search: Search) -> list[Condition]:
    """Return the conditions with = and IN that every hit fulfils."""
    filter_ = search.filter
    parts = filter_.parts if isinstance(filter_, Group) and filter_.op == "AND" else (filter_,)
    return [part for part in parts if isinstance(part, Condition) and part.op in {"=", "IN"}]


def _tasks(reader: Reader, keys: Sequence[int]) -> list[TaskRow]:
    heads: dict[int, Any] = {}
    for row in {key >> TASK_BITS for key in keys}:
        heads[row] = decode_head(reader.value("SELECT body FROM workflow WHERE row = ?", (row,)))
    sql = "SELECT body FROM task WHERE key = ?"
    return [TaskRow(heads[key >> TASK_BITS], decode_task(reader.value(sql, (key,)))) for key in keys]


def _page(reader: Reader, search: Search, source: str, values: list[Any], key: str) -> tuple[int, list[int]]:
    total: int = reader.value(f"SELECT count(*) FROM {source}", values)  # noqa: S608
    if not search.size or search.start >= total:
        return total, []
    columns = _COLUMNS[search.kind]
    # Equal ones follow the direction of the last field: so an index over that field gives the whole order.
    orders = [f"{_text(columns[field])}{' DESC' if descending else ''}" for field, descending in search.sort]
    orders.append(key + (" DESC" if search.sort and search.sort[-1][1] else ""))
    sql = f"SELECT {key} FROM {source} ORDER BY {', '.join(orders)} LIMIT ? OFFSET ?"  # noqa: S608
    return total, [found for (found,) in reader.rows(sql, [*values, search.size, search.start])]


def _where(search: Search) -> Sql:
    if search.filter is None:
        return "1", []
    sql, values = _translate(search, search.filter)
    if _is_without_completed(search):
        sql += f" AND w.{NOT_COMPLETED}"
    return sql, values


def _is_without_completed(search: Search) -> bool:
    """Whether the partial index over the status of workflows can serve."""
    statuses = (part.values for part in _equalities(search) if part.field == "status")
    return search.kind == "workflow" and any(COMPLETED not in values for values in statuses)


def _fields(filter_: Filter | None) -> set[str]:
    if isinstance(filter_, Group):
        return set().union(*(_fields(part) for part in filter_.parts))
    return {filter_.field} if filter_ else set()


def _text(column: str) -> str:
    return f"coalesce({column}, '')" if column in NULLABLE else column


def _translate(search: Search, filter_: Filter) -> Sql:
    if isinstance(filter_, Condition):
        return _condition(search, filter_)
    parts = [_translate(search, part) for part in filter_.parts]
    while len(parts) > 1:  # in pairs: a flat chain of a thousand would be too deep a tree for SQLite
        pairs = zip(parts[::2], parts[1::2], strict=False)
        parts = [(f"({a} {filter_.op} {b})", [*x, *y]) for (a, x), (b, y) in pairs] + parts[len(parts) // 2 * 2 :]
    return parts[0]


def _condition(search: Search, condition: Condition) -> Sql:
    column = _COLUMNS[search.kind][condition.field]
    values = list(condition.values)
    if condition.field == "taskId" and condition.op in {"=", "IN"}:
        return _task_ids([str(value) for value in values])
    match condition.op:
        case "=" | "IN":
            # Without the function around it an index can serve; NULL stands for the empty text.
            column = _text(column) if "" in values else column
            if column == "w.name" and _is_without_completed(search):
                column = "+w.name"  # the index over the status holds the name, too, and has no ended ones to walk over
            return (f"{column} = ?" if len(values) == 1 else f"{column} IN ({','.join('?' * len(values))})"), values
        case "BETWEEN":
            sql = f"{_text(column)} BETWEEN ? AND ?"
        case "IS NULL" | "IS NOT NULL":
            return _null(search, condition, column), []
        case "STARTS_WITH":
            return f"substr({_text(column)}, 1, ?) = ?", [len(str(values[0])), *values]
        case "LIKE" | "NOT LIKE":
            return f"{_text(column)} {condition.op} ? ESCAPE '\\'", [_like(str(values[0]))]
        case _:
            sql = f"{_text(column)} {condition.op} ?"
    if FIELDS[search.kind][condition.field] == "time" and condition.op != "!=":
        sql = f"({column} <> 0 AND {sql})"
    return sql, values


def _task_ids(names: list[str]) -> Sql:
    pairs = [(workflow_of(name), seq_of(name)) for name in names if seq_of(name)]
    if not pairs:
        return "0", []
    if len(pairs) == 1:
        return f"(w.id = ? AND t.key = (w.row << {TASK_BITS}) + ?)", list(pairs[0])
    ids, rows = ",".join("?" * len(pairs)), ",".join(["(?,?)"] * len(pairs))
    sql = f"(w.id IN ({ids}) AND (w.id, t.key & {TASKS - 1}) IN (VALUES {rows}))"
    return sql, [*(pair[0] for pair in pairs), *(value for pair in pairs for value in pair)]


def _null(search: Search, condition: Condition, column: str) -> str:
    absent = {"text": f"{_text(column)} = ''", "time": f"{column} = 0", "number": "0"}[
        FIELDS[search.kind][condition.field]
    ]
    return f"({absent})" if condition.op == "IS NULL" else f"NOT ({absent})"


def _like(pattern: str) -> str:
    return pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")
