"""Bodies of calls with a place for what a test puts into them."""

from collections.abc import Callable
from typing import Any

from podium.model.start import StartWorkflowRequest
from podium.model.task_def import TaskDef
from podium.model.workflow_def import WorkflowDef, WorkflowTask
from podium.service.task_result import TaskResult

from .target import Target, simple

Json = Any


def bodies(target: Target) -> dict[str, bytes]:
    """Return a valid body for each call that takes JSON, with `$` in the place of a value."""
    ids = b'"workflowInstanceId":"%s","taskId":"%s"' % (target.workflow_id.encode(), target.task_id.encode())
    steps = b'"tasks":[{"name":"x","taskReferenceName":"a","type":"SIMPLE"}]'
    action = b'{"action":"complete_task","complete_task":{"output":{"x":$}}}'
    return {
        "/api/metadata/workflow": b'{"name":"bomb",' + steps + b',"inputTemplate":{"x":$}}',
        "/api/metadata/taskdefs": b'[{"name":"bomb","inputTemplate":{"x":$}}]',
        "/api/event": b'{"name":"bomb","event":"a:b","actions":[' + action + b"]}",
        "/api/workflow": b'{"name":"idle","input":{"x":$}}',
        "/api/workflow/idle": b'{"x":$}',
        "/api/workflow/execute/idle/1": b'{"input":{"x":$}}',
        "/api/tasks": b"{" + ids + b',"status":"COMPLETED","outputData":{"x":$}}',
        "/api/tasks/update-v2": b"{" + ids + b',"status":"COMPLETED","outputData":{"x":$}}',
        f"/api/tasks/{target.workflow_id}/a/COMPLETED": b'{"x":$}',
        f"/api/workflow/{target.workflow_id}/variables": b'{"x":$}',
        f"/api/workflow/{target.workflow_id}/rerun": b'{"workflowInput":{"x":$}}',
    }


Body = Callable[[Target, str, Json], Json]


TYPED: dict[str, tuple[type, str, Body, int]] = {
    "task definition": (
        TaskDef,
        "/api/metadata/taskdefs",
        lambda _, field, value: [{"name": "bomb", field: value}],
        80,
    ),
    "workflow definition": (
        WorkflowDef,
        "/api/metadata/workflow",
        lambda _, field, value: {"name": "bomb", "tasks": [simple("a")], field: value},
        70,
    ),
    "step": (
        WorkflowTask,
        "/api/metadata/workflow",
        lambda _, field, value: {"name": "bomb", "tasks": [{**simple("a"), field: value}]},
        80,
    ),
    "start": (StartWorkflowRequest, "/api/workflow", lambda _, field, value: {"name": "idle", field: value}, 30),
    "result": (
        TaskResult,
        "/api/tasks",
        lambda target, field, value: {
            "workflowInstanceId": target.workflow_id,
            "taskId": target.task_id,
            "status": "COMPLETED",
            field: value,
        },
        25,
    ),
}
