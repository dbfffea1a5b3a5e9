"""Workflows in memory, the least recently used ones dropped when they take more than a number of bytes.

Only a cache: what is not here is read from the store. A workflow under change is pinned by whoever changes it.
"""

from collections import OrderedDict

from podium.model.workflow import Workflow

TASK_BYTES = 900
WORKFLOW_BYTES = 3_500
PARSED_BYTES_MAX = 1 << 20  # payloads of a workflow beyond this are parsed again when they are needed again


class Cache:
    """An LRU by estimated bytes."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._workflows: OrderedDict[str, Workflow] = OrderedDict()

    def __len__(self) -> int:
        return len(self._workflows)

    @property
    def size_bytes(self) -> int:
        """The estimated bytes of all workflows."""
        return self._bytes

    def get(self, workflow_id: str) -> Workflow | None:
        """Return a workflow and make it the latest used."""
        found = self._workflows.get(workflow_id)
        if found is not None:
            self._workflows.move_to_end(workflow_id)
        return found

    def put(self, workflow: Workflow) -> None:
        """Keep a workflow as it is now; others make room."""
        key = workflow.head.id
        before = self._workflows.pop(key, None)
        if before is not None:
            self._bytes -= before.size_bytes
        if not workflow.has_all_tasks and workflow.is_terminal:
            return
        if _own_payload(workflow) + workflow.payload_bytes > PARSED_BYTES_MAX:
            _drop_parsed(workflow)
        workflow.size_bytes = size_of(workflow)
        self._bytes += workflow.size_bytes
        self._workflows[key] = workflow
        while self._bytes > self._bytes_max and len(self._workflows) > 1:
            _, oldest = self._workflows.popitem(last=False)
            self._bytes -= oldest.size_bytes

    def drop(self, workflow_id: str) -> None:
        """Forget a workflow."""
        found = self._workflows.pop(workflow_id, None)
        if found is not None:
            self._bytes -= found.size_bytes


def size_of(workflow: Workflow) -> int:
    """Estimate the bytes of a workflow from its payloads and the number of its tasks, in constant time."""
    return WORKFLOW_BYTES + 4 * _own_payload(workflow) + 2 * workflow.payload_bytes + len(workflow.latest) * TASK_BYTES


def _own_payload(workflow: Workflow) -> int:
    return len(workflow.input) + len(workflow.output) + len(workflow.variables)


def _drop_parsed(workflow: Workflow) -> None:
    """Forget what large payloads were parsed to, which may be twenty times their size; compiled branches stay."""
    branches = workflow.values.get("branches")
    workflow.values.clear()
    if branches:
        workflow.values["branches"] = branches
