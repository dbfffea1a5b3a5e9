"""Answers as the OpenAPI document names them; nothing is ever made of these types.

The document needs types without defaults that are raw JSON.
"""
# ruff: noqa: N815 (wire names)

from msgspec import Raw

from podium.engine.view import TaskView, WorkflowView
from podium.service import signal_response


class Task(TaskView, kw_only=True):
    """A task."""

    executionMetadata: Raw


class Workflow(WorkflowView, kw_only=True):
    """A workflow."""

    tasks: list[Task]  # type: ignore[assignment]


class SignalResponse(signal_response.WorkflowRun, kw_only=True):
    """A workflow that was waited for; with BLOCKING_TASK its place is taken by the task that it waits at."""

    tasks: list[Task]  # type: ignore[assignment]
