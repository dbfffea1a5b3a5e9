"""Outcomes of tasks that a test writes down beforehand."""

from collections.abc import Mapping, Sequence
from typing import Any

from podium.model.start import TaskMock, WorkflowTestRequest
from podium.model.wire import Json

Outcomes = Mapping[str, Any]
"""By reference name: an output, an outcome, or a list of them for attempts and iterations, one after the other."""


def completed(output: dict[str, Json] | None = None, *, takes_s: float = 0, waits_s: float = 0) -> TaskMock:
    """Return a success with *output*, after the task has waited for a worker and taken its time."""
    return TaskMock(output=output or {}, executionTime=round(takes_s * 1000), queueWaitTime=round(waits_s * 1000))


def failed(
    output: dict[str, Json] | None = None, *, is_terminal: bool = False, takes_s: float = 0, waits_s: float = 0
) -> TaskMock:
    """Return a failure; a terminal one is not retried."""
    return TaskMock(
        status="FAILED_WITH_TERMINAL_ERROR" if is_terminal else "FAILED",
        output=output or {},
        executionTime=round(takes_s * 1000),
        queueWaitTime=round(waits_s * 1000),
    )


def request_of(
    name: str, given: dict[str, Json], outcomes: Outcomes, children: Mapping[str, Outcomes], fields: dict[str, Any]
) -> WorkflowTestRequest:
    """Return what `POST /api/workflow/test` would take; `a.b` in *children* is the child b of the child a."""
    return WorkflowTestRequest(
        name=name,
        input=given,
        taskRefToMockOutput={ref: _mocks(one) for ref, one in outcomes.items()},
        subWorkflowTestRequest={
            ref: request_of("", {}, children.get(ref, {}), _below(ref, children), {})
            for ref in dict.fromkeys(path.partition(".")[0] for path in children)
        },
        **fields,
    )


def _below(ref: str, children: Mapping[str, Outcomes]) -> dict[str, Outcomes]:
    start = f"{ref}."
    return {path.removeprefix(start): one for path, one in children.items() if path.startswith(start)}


def _mocks(outcome: Any) -> list[TaskMock]:
    several: Sequence[Any] = outcome if isinstance(outcome, list) else [outcome]
    return [one if isinstance(one, TaskMock) else completed(one) for one in several]
