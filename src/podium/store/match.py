"""Evaluates a search over records in memory: the meaning of the search language, which every adapter must share."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from podium.model.ids import task_id
from podium.model.task import EMPTY, Task
from podium.model.workflow import Head
from podium.store.query import FIELDS, Condition, Filter, Group, Kind, Search, Value
from podium.store.records import Page

T = TypeVar("T")
Values = dict[str, Value]


def workflow_values(head: Head) -> Values:
    """Return the value of each searchable field of a workflow."""
    return {
        "workflowId": head.id,
        "workflowType": head.name,
        "version": head.def_version,
        "status": head.status,
        "correlationId": head.correlation_id or "",
        "startTime": head.created_ms,
        "updateTime": head.updated_ms,
        "modifiedTime": head.updated_ms,
        "endTime": head.ended_ms,
        "executionTime": _between(head.created_ms, head.ended_ms),
        "priority": head.priority,
        "reasonForIncompletion": head.reason or "",
        "event": head.event or "",
        "createdBy": head.created_by or "",
        "idempotencyKey": head.idempotency_key or "",
        "parentWorkflowId": head.parent_id or "",
        "failedReferenceTaskNames": ",".join(head.failed_refs),
        "failedTaskNames": ",".join(head.failed_names),
        "classifier": "workflow",
    }


def task_values(head: Head, task: Task) -> Values:
    """Return the value of each searchable field of a task."""
    return {
        "taskId": task_id(head.id, task.seq),
        "taskType": task.type,
        "taskDefName": task.name,
        "status": task.status,
        "workflowId": head.id,
        "workflowType": head.name,
        "correlationId": head.correlation_id or "",
        "scheduledTime": task.scheduled_ms,
        "startTime": task.started_ms,
        "updateTime": task.updated_ms,
        "modifiedTime": task.updated_ms,
        "endTime": task.ended_ms,
        "executionTime": _between(task.started_ms, task.ended_ms),
        "queueWaitTime": _between(task.scheduled_ms, task.started_ms),
        "workflowPriority": head.priority,
        "reasonForIncompletion": task.reason or "",
        "domain": task.domain or "",
    }


def _between(begin_ms: int, end_ms: int) -> int:
    return end_ms - begin_ms if begin_ms > 0 and end_ms > 0 else 0


def workflow_text(head: Head, payload: bytes = EMPTY, output: bytes = EMPTY) -> str:
    """Return what free text is searched in."""
    texts = (head.id, head.name, head.correlation_id or "", head.reason or "", _decode(payload), _decode(output))
    return "\n".join(texts)


def task_text(head: Head, task: Task) -> str:
    """Return what free text is searched in."""
    texts = (task_id(head.id, task.seq), head.id, head.name, task.name, task.type, task.ref, head.correlation_id or "")
    return "\n".join((*texts, task.reason or "", _decode(task.input), _decode(task.output)))


def _decode(payload: bytes) -> str:
    return bytes(payload).decode("utf-8", "replace")


def has_text(text: str, parts: tuple[str, ...]) -> bool:
    """Whether *parts*, in lower case, occur in *text* one after the other."""
    text, place = text.lower(), 0
    for part in parts:
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


def holds(kind: Kind, filter_: Filter, values: Values) -> bool:
    """Whether a record with these values is meant by the filter."""
    if isinstance(filter_, Group):
        quantify = all if filter_.op == "AND" else any
        return quantify(holds(kind, part, values) for part in filter_.parts)
    value = values[filter_.field]
    if FIELDS[kind][filter_.field] == "time" and value == 0 and filter_.op in _RANGES:
        return False
    return _OPERATORS[filter_.op](value, filter_)


_RANGES = {">", ">=", "<", "<=", "BETWEEN"}
_OPERATORS: dict[str, Callable[[Value, Condition], bool]] = {
    "=": lambda value, c: value == c.values[0],
    "!=": lambda value, c: value != c.values[0],
    ">": lambda value, c: value > c.values[0],  # type: ignore[operator]
    ">=": lambda value, c: value >= c.values[0],  # type: ignore[operator]
    "<": lambda value, c: value < c.values[0],  # type: ignore[operator]
    "<=": lambda value, c: value <= c.values[0],  # type: ignore[operator]
    "BETWEEN": lambda value, c: c.values[0] <= value <= c.values[1],  # type: ignore[operator]
    "IN": lambda value, c: value in c.values,
    "STARTS_WITH": lambda value, c: str(value).startswith(str(c.values[0])),
    "LIKE": lambda value, c: _like(value, str(c.values[0])),
    "NOT LIKE": lambda value, c: not _like(value, str(c.values[0])),
    "IS NULL": lambda value, c: _is_absent(value, c.field),
    "IS NOT NULL": lambda value, c: not _is_absent(value, c.field),
}
_NUMBERS = {name for fields in FIELDS.values() for name, type_ in fields.items() if type_ == "number"}


def _is_absent(value: Value, field: str) -> bool:
    return value in {"", 0} and field not in _NUMBERS


def _like(value: Value, pattern: str) -> bool:
    return _pattern(pattern).fullmatch(str(value)) is not None


@lru_cache(64)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.IGNORECASE | re.ASCII | re.DOTALL)


def is_hit(search: Search, values: Values, text: Callable[[], str]) -> bool:
    """Whether a record is found by a search."""
    if search.filter is not None and not holds(search.kind, search.filter, values):
        return False
    return not search.text or has_text(text(), search.text)


def page(search: Search, found: list[tuple[Values, T]]) -> Page[T]:
    """Return the page of hits that *search* asks for; *found* is in the order of arrival."""
    if search.sort and search.sort[-1][1]:
        found.reverse()  # equal ones follow the direction of the last field
    for field, descending in reversed(search.sort):
        found = sorted(found, key=lambda entry: entry[0][field], reverse=descending)
    rows = [row for _, row in found[search.start : search.start + search.size]]
    return Page(len(found), rows)
