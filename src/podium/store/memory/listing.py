"""Reading of workflows and tasks: each search walks over all of them."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from podium.model.status import IN_PROGRESS, WORKFLOW_TERMINAL
from podium.model.task import Task, TaskLog
from podium.model.workflow import Head
from podium.store import match
from podium.store.memory.tables import Stored, Tables, decode_head, decode_task
from podium.store.query import Search
from podium.store.records import Ended, Page, StoredWorkflow, TaskRow, WorkflowRow

RUNNING_IDS_MAX = 10_000


class Listing(Tables):
    """The port, as far as workflows and tasks are read."""

    # by id
    async def load(self, workflow_ids: Sequence[str]) -> dict[str, StoredWorkflow]:
        """Return header, payloads and all tasks (by seq) of those workflows that exist."""
        return {name: self._load(self._workflows[name]) for name in workflow_ids if name in self._workflows}

    def _load(self, stored: Stored) -> StoredWorkflow:
        payloads = (stored.input, stored.output, stored.variables)
        return StoredWorkflow(decode_head(stored.head), stored.row, *payloads, list(stored.tasks_in_order()))

    async def versions(self, workflow_ids: Sequence[str]) -> dict[str, int]:
        """Return the versions of those workflows that exist."""
        return {name: self._workflows[name].version for name in workflow_ids if name in self._workflows}

    async def exists(self, workflow_id: str) -> bool:
        """Whether the workflow is stored."""
        return workflow_id in self._workflows

    async def tasks(self, workflow_id: str, *, after_seq: int = 0, limit: int = 0) -> list[Task]:
        """Return the tasks of a workflow by seq; limit 0 means all."""
        stored = self._workflows.get(workflow_id)
        seqs = sorted(seq for seq in stored.tasks if seq > after_seq) if stored else []
        return [decode_task(stored.tasks[seq]) for seq in seqs[: limit or None]] if stored else []

    async def task(self, workflow_id: str, seq: int) -> Task | None:
        """Return one task."""
        return self._task(workflow_id, seq)

    async def logs(self, workflow_id: str, seq: int) -> list[TaskLog]:
        """Return the log lines of a task, the oldest first."""
        return list(self._logs.get((workflow_id, seq), []))

    # by what they hold
    async def running_ids(self, name: str, version: int, *, from_ms: int = 0, to_ms: int = 0) -> list[str]:
        """Return ids of open workflows of a definition, the earliest first; version 0 means any."""
        found = [
            head
            for head in self._heads()
            if head.name == name
            and version in {0, head.def_version}
            and head.status not in WORKFLOW_TERMINAL
            and from_ms <= head.created_ms <= (to_ms or head.created_ms)
        ]
        found.sort(key=lambda head: head.created_ms)
        return [head.id for head in found[:RUNNING_IDS_MAX]]

    async def open_heads(self, name: str, status: str, after: Head | None, limit: int) -> list[Head]:
        """Return headers of workflows of a definition with an open status, by start time, those after one of them."""
        heads = sorted(self._heads(), key=lambda head: (head.created_ms, self._workflows[head.id].row))
        first = [head.id for head in heads].index(after.id) + 1 if after is not None else 0
        return [head for head in heads[first:] if head.name == name and head.status == status][:limit]

    async def correlated(self, name: str, correlation_ids: Sequence[str], *, closed: bool) -> dict[str, list[str]]:
        """Return the workflow ids of each correlation id, in the order of arrival; only open ones unless *closed*."""
        found: dict[str, list[str]] = {correlation_id: [] for correlation_id in correlation_ids}
        for head in self._heads():
            if head.name == name and head.correlation_id in found and (closed or head.status not in WORKFLOW_TERMINAL):
                found[head.correlation_id].append(head.id)
        return found

    async def by_idempotency_key(self, name: str, key: str) -> str | None:
        """Return the id of the latest workflow of *name* that was started with *key*."""
        found = [head.id for head in self._heads() if head.name == name and head.idempotency_key == key]
        return found[-1] if found else None

    async def open_counts(self, limit: int) -> dict[str, int]:
        """Return how many workflows are open, by definition."""
        counts = Counter(head.name for head in self._heads() if head.status not in WORKFLOW_TERMINAL)
        return dict(sorted(counts.items())[:limit])

    async def in_progress_counts(self, names: Collection[str]) -> dict[str, int]:
        """Return how many tasks of each task definition are in progress in open workflows."""
        counts = dict.fromkeys(names, 0)
        is_open = (
            stored for stored in self._workflows.values() if decode_head(stored.head).status not in WORKFLOW_TERMINAL
        )
        for stored in is_open:
            for task in stored.tasks_in_order():
                if task.status == IN_PROGRESS and task.name in counts and task.runs != "engine":
                    counts[task.name] += 1
        return counts

    # ended workflows that have no parent
    async def ended_kinds(self) -> list[tuple[str, str]]:
        """Return name and status of all of them, each pair once."""
        return sorted({(head.name, head.status) for head in self._ended()})

    async def ended(self, name: str, status: str, before_ms: int, limit: int) -> list[Ended]:
        """Return up to *limit* that ended before *before_ms*, the longest ended first."""
        return [Ended(head.id, head.version) for head in self._ended_before(name, status, before_ms)[:limit]]

    async def count_ended(self, name: str, status: str, before_ms: int) -> tuple[int, int]:
        """Return how many ended before *before_ms*, and when the first did."""
        found = self._ended_before(name, status, before_ms)
        return len(found), found[0].ended_ms if found else 0

    def _ended(self) -> Iterator[Head]:
        return (head for head in self._heads() if head.ended_ms > 0 and head.parent_id is None)

    def _ended_before(self, name: str, status: str, before_ms: int) -> list[Head]:
        found = [one for one in self._ended() if (one.name, one.status) == (name, status) and one.ended_ms < before_ms]
        return sorted(found, key=lambda head: head.ended_ms)

    # search
    async def search_workflows(self, search: Search) -> Page[WorkflowRow]:
        """Return one page of workflows and the number of all that match."""
        found = []
        for stored in self._workflows.values():
            head = decode_head(stored.head)
            values = match.workflow_values(head)
            if match.is_hit(search, values, lambda h=head, s=stored: match.workflow_text(h, s.input, s.output)):  # type: ignore[misc]
                payloads = (stored.input, stored.output) if search.payloads else ()
                found.append((values, WorkflowRow(head, *payloads)))
        return match.page(search, found)

    async def search_tasks(self, search: Search) -> Page[TaskRow]:
        """Return one page of tasks and the number of all that match."""
        found = []
        for stored in self._workflows.values():
            head = decode_head(stored.head)
            for task in stored.tasks_in_order():
                values = match.task_values(head, task)
                if match.is_hit(search, values, lambda h=head, t=task: match.task_text(h, t)):  # type: ignore[misc]
                    found.append((values, TaskRow(head, task)))
        return match.page(search, found)
