"""What a worker reports about a task."""
# ruff: noqa: N815 (wire names)

from typing import Literal

import msgspec

from podium.model.task import TaskLog
from podium.model.wire import Int32, always

ReportedStatus = Literal["IN_PROGRESS", "COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "CANCELED"]


class TaskResult(msgspec.Struct, kw_only=True, gc=False):
    """Conductor's TaskResult; `outputData` is a JSON object that was checked and made compact by whoever decoded it."""

    workflowInstanceId: str = ""
    taskId: str = ""
    status: ReportedStatus | None = None
    outputData: msgspec.Raw = always(msgspec.Raw(b"{}"))
    reasonForIncompletion: str | None = None
    workerId: str | None = None
    callbackAfterSeconds: Int32 = 0
    logs: list[TaskLog] = []
    externalOutputPayloadStoragePath: str | None = None
    subWorkflowId: str | None = None
    extendLease: bool = False
