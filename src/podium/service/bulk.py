"""One operation on up to a thousand workflows: each for itself, and the answer says how each went."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from podium.engine.view import WorkflowView
from podium.model.errors import PodiumError, ValidationFailed, Violation
from podium.service.bulk_response import BulkResponse
from podium.service.control import Control
from podium.service.reading import Reading

IDS_MAX = 1_000
AT_ONCE = 50

Operation = Callable[[str], Awaitable[Any]]


class Bulk:
    """Applies the operations of `Control` to many workflows."""

    def __init__(self, control: Control, reading: Reading) -> None:
        self._control = control
        self._reading = reading

    async def pause(self, workflow_ids: list[str]) -> BulkResponse:
        """Pause them."""
        return await _each("pauseWorkflow", workflow_ids, self._control.pause)

    async def resume(self, workflow_ids: list[str]) -> BulkResponse:
        """Resume them."""
        return await _each("resumeWorkflow", workflow_ids, self._control.resume)

    async def restart(self, use_latest: bool, workflow_ids: list[str]) -> BulkResponse:
        """Restart them."""
        return await _each("restart", workflow_ids, lambda one: self._control.restart(one, use_latest))

    async def retry(self, workflow_ids: list[str]) -> BulkResponse:
        """Retry their failed tasks."""
        return await _each("retry", workflow_ids, lambda one: self._control.retry(one, False))

    async def terminate(self, reason: str | None, compensate: bool, workflow_ids: list[str]) -> BulkResponse:
        """Terminate them."""
        return await _each("terminate", workflow_ids, lambda one: self._control.terminate(one, reason, compensate))

    async def remove(self, archive: bool, workflow_ids: list[str]) -> BulkResponse:
        """Delete them."""
        return await _each("deleteWorkflow", workflow_ids, lambda one: self._control.remove(one, archive))

    async def terminate_and_remove(self, archive: bool, reason: str | None, workflow_ids: list[str]) -> BulkResponse:
        """Terminate them, and delete them also where that failed; an id is in the answer once for each of the two."""
        ended = await _each("terminateRemove", workflow_ids, lambda one: self._control.terminate(one, reason))
        removed = await _each("terminateRemove", workflow_ids, lambda one: self._control.remove(one, archive))
        return BulkResponse(
            {**ended.bulkErrorResults, **removed.bulkErrorResults},
            [*ended.bulkSuccessfulResults, *removed.bulkSuccessfulResults],
        )

    async def search(self, include_tasks: bool, workflow_ids: list[str]) -> BulkResponse:
        """Return the workflows themselves."""
        found: dict[str, WorkflowView] = {}

        async def read(workflow_id: str) -> None:
            found[workflow_id] = await self._reading.workflow(workflow_id, include_tasks)

        answer = await _each("searchWorkflow", workflow_ids, read)
        return BulkResponse(answer.bulkErrorResults, [found[one] for one in answer.bulkSuccessfulResults])


async def _each(method: str, workflow_ids: list[str], operation: Operation) -> BulkResponse:
    if not workflow_ids:
        raise ValidationFailed([Violation(f"{method}.arg0", "WorkflowIds list cannot be null.")])
    if len(workflow_ids) > IDS_MAX:
        text = f"Cannot process more than {IDS_MAX} workflows. Please use multiple requests."
        raise ValidationFailed([Violation(f"{method}.arg0", text)])
    answer = BulkResponse()
    for place in range(0, len(workflow_ids), AT_ONCE):
        chunk = workflow_ids[place : place + AT_ONCE]
        errors = await asyncio.gather(*(_error(operation, one) for one in chunk))
        for one, error in zip(chunk, errors, strict=True):
            if error is None:
                answer.bulkSuccessfulResults.append(one)
            else:
                answer.bulkErrorResults[one] = error
    return answer


async def _error(operation: Operation, workflow_id: str) -> str | None:
    try:
        await operation(workflow_id)
    except PodiumError as error:
        return error.message
    return None
