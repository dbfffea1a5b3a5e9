"""A script as a step, and what a run has come to, as the SDK has them."""

from typing import Any

from conductor.client.http.models import Task, WorkflowRun
from conductor.client.workflow.task.javascript_task import JavascriptTask


def js(ref: str, script: str, **bindings: Any) -> JavascriptTask:
    return JavascriptTask(ref, script, bindings)


def refs(run: WorkflowRun, status: str = "COMPLETED") -> list[str]:
    return [task.reference_task_name for task in run.tasks if task.status == status]


def task_of(run: WorkflowRun, ref: str) -> Task:
    return next(task for task in run.tasks if task.reference_task_name == ref)


def completed(run: WorkflowRun) -> dict[str, Any]:
    assert run.status == "COMPLETED", [(task.reference_task_name, task.reason_for_incompletion) for task in run.tasks]
    output: dict[str, Any] = run.output
    return output
