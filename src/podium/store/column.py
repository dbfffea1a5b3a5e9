"""What the fields of a search are in SQL, as far as the databases agree: `w` is the workflow, `t` is the task.

An adapter adds what it spells in its own way: ids, and text that it must compare byte by byte.
"""

_SPAN = "CASE WHEN {0} > 0 AND {1} > 0 THEN {1} - {0} ELSE 0 END"
WORKFLOW = {
    "workflowType": "w.name",
    "version": "w.def_version",
    "status": "w.status",
    "correlationId": "w.correlation_id",
    "startTime": "w.created_ms",
    "updateTime": "w.updated_ms",
    "modifiedTime": "w.updated_ms",
    "endTime": "w.ended_ms",
    "executionTime": _SPAN.format("w.created_ms", "w.ended_ms"),
    "priority": "w.priority",
    "reasonForIncompletion": "w.reason",
    "event": "w.event",
    "createdBy": "w.created_by",
    "idempotencyKey": "w.idempotency_key",
    "parentWorkflowId": "w.parent_id",
    "failedReferenceTaskNames": "w.failed_refs",
    "failedTaskNames": "w.failed_names",
}
TASK = {
    "taskType": "t.type",
    "taskDefName": "t.name",
    "status": "t.status",
    "workflowType": "w.name",
    "correlationId": "w.correlation_id",
    "scheduledTime": "t.scheduled_ms",
    "startTime": "t.started_ms",
    "updateTime": "t.updated_ms",
    "modifiedTime": "t.updated_ms",
    "endTime": "t.ended_ms",
    "executionTime": _SPAN.format("t.started_ms", "t.ended_ms"),
    "queueWaitTime": _SPAN.format("t.scheduled_ms", "t.started_ms"),
    "workflowPriority": "w.priority",
    "reasonForIncompletion": "t.reason",
    "domain": "t.domain",
}
NULLABLE = frozenset(
    {
        "w.correlation_id",
        "w.reason",
        "w.event",
        "w.created_by",
        "w.idempotency_key",
        "w.parent_id",
        "t.reason",
        "t.domain",
    }
)
