"""Schedules: registration, reading, pause and resume, next run times, and the record of runs."""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from msgspec.structs import replace

from podium.model.errors import InvalidRequest, NotFound, PodiumError, ValidationFailed, Violation
from podium.model.rules import check_start_request
from podium.model.schedule import ScheduleRun, StoredSchedule, WorkflowSchedule
from podium.runtime.cron import compile_cron
from podium.runtime.node import Node
from podium.runtime.schedules import shown
from podium.service.bulk_response import BulkResponse
from podium.service.checking import Checking
from podium.service.reading import Results

SCHEDULES_MAX = 10_000
CRONS_MAX = 100
NAME_CHARS_MAX = 255
NEXT_MAX = 5
PAGE_MAX = 1_000
AT = "saveSchedule.arg0"
RUN_KEYS = ("scheduledTime", "executionTime", "scheduleName", "workflowName", "state")
_IN = re.compile(r"^(scheduleName|state)\s+IN\s*\(([^)]*)\)$", re.IGNORECASE)
_COMPARED = re.compile(r"^(scheduledTime)\s*([<>])\s*(\d{1,18})$")
_EQUAL = re.compile(r"^(workflowName|executionId|scheduleName|state)\s*=\s*(.+)$")

Test = Callable[[ScheduleRun], bool]


class Schedules:
    """Use cases around schedules; every change is in the store before it is answered."""

    def __init__(self, node: Node, checking: Checking) -> None:
        self._node = node
        self._schedules = node.schedules
        self._checking = checking

    async def save(self, schedule: WorkflowSchedule) -> WorkflowSchedule:
        """Create a schedule or replace the one of its name; it runs from now on, or is paused."""
        broken = list(_violations(schedule))
        if broken:
            raise ValidationFailed(broken)
        request = schedule.startWorkflowRequest
        if request is not None and request.workflowDef is not None:
            await self._checking.refuse(
                lambda checks: check_start_request(request, f"{AT}.startWorkflowRequest", checks)
            )
        for cron in schedule.crons():
            compile_cron(cron.cronExpression, cron.zoneId or "UTC")
        known = self._schedules.known.get(schedule.name)
        if known is None and len(self._schedules.known) >= SCHEDULES_MAX:
            raise InvalidRequest(f"There are {SCHEDULES_MAX} schedules already; delete some first")
        now_ms = self._node.clock.now_ms()
        created_ms = (known.schedule.createTime if known else None) or now_ms
        fields = {"createdBy": schedule.createdBy or "", "updatedBy": schedule.updatedBy or ""}
        kept = replace(schedule, createTime=created_ms, updatedTime=now_ms, nextRunTime=None, **fields)
        return await self._schedules.put(kept)

    async def get(self, name: str) -> WorkflowSchedule:
        """Return a schedule with its next run time."""
        return shown(self._stored(name))

    def _stored(self, name: str) -> StoredSchedule:
        found = self._schedules.known.get(name)
        if found is None:
            raise NotFound(f"Schedule '{name}' not found")
        return found

    async def listed(self, workflow_name: str | None) -> list[WorkflowSchedule]:
        """Return all schedules by name, or those that start one workflow."""
        found = [shown(one) for _, one in sorted(self._schedules.known.items())]
        return [one for one in found if workflow_name in (None, "", _workflow_of(one))]

    async def search(
        self,
        workflow_name: str | None,
        schedule_name: str | None,
        is_paused: bool | None,
        text: str | None,
        start: int,
        size: int,
        sort: str | None,
    ) -> Results:
        """Return one page of schedules; *text* is part of a name."""
        found = [
            one
            for one in await self.listed(workflow_name)
            if (not schedule_name or schedule_name in one.name)
            and is_paused in (None, one.paused)
            and (text in (None, "", "*") or text in one.name)
        ]
        if sort and sort.upper().endswith(":DESC"):
            found.reverse()
        return _page(found, start, size)

    async def delete(self, name: str) -> None:
        """Delete a schedule; one that is not there is no error."""
        await self._schedules.delete(name)

    async def pause(self, name: str, reason: str | None) -> None:
        """Run nothing more until resumed."""
        schedule = self._stored(name).schedule
        await self._schedules.put(replace(schedule, paused=True, pausedReason=reason))

    async def resume(self, name: str) -> None:
        """Run again from now on; `NotFound` when it is not paused, as upstream has it."""
        schedule = self._stored(name).schedule
        if not schedule.paused:
            raise NotFound(f"Schedule '{name}' is not paused")
        await self._schedules.put(replace(schedule, paused=False, pausedReason=None))

    async def bulk_pause(self, names: list[str]) -> BulkResponse:
        """Pause several schedules."""
        return await _each(names, lambda name: self.pause(name, None))

    async def bulk_resume(self, names: list[str]) -> BulkResponse:
        """Resume several schedules."""
        return await _each(names, self.resume)

    async def next_runs(self, cron: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[int]:
        """Return the next slots of an expression in UTC, at most five."""
        compiled = compile_cron(cron, "UTC")
        slots: list[int] = []
        after_ms = max(self._node.clock.now_ms(), (start_ms or 0) - 1)
        while len(slots) < min(limit, NEXT_MAX):
            after_ms = compiled.next_ms(after_ms)
            if not after_ms or (end_ms and after_ms > end_ms):
                break
            slots.append(after_ms)
        return slots

    async def runs(self, query: str | None, text: str | None, start: int, size: int, sort: str | None) -> Results:
        """Return one page of execution records, the latest slot first unless *sort* says otherwise."""
        tests = [_test(clause.strip()) for clause in re.split(r"\s+AND\s+", query or "") if clause.strip()]
        if text and text != "*":
            tests.append(lambda run: text in run.scheduleName)
        found = [run for run in await self._schedules.runs() if all(test(run) for test in tests)]
        key, _, direction = _sort(sort).partition(":")
        if key not in RUN_KEYS:
            raise InvalidRequest(f"sort: {key[:100]} is unknown; expected one of {', '.join(RUN_KEYS)}")
        found.sort(key=lambda run: getattr(run, key), reverse=direction.upper() == "DESC")
        page = _page(found, start, size)
        page.results = [replace(run, startWorkflowRequest=self._request_of(run)) for run in page.results]
        return page

    def _request_of(self, run: ScheduleRun) -> Any:
        stored = self._schedules.known.get(run.scheduleName)
        return stored.schedule.startWorkflowRequest if stored else None

    async def requeue(self) -> dict[str, Any]:
        """Do nothing: records are never in a queue here; the answer is upstream's for an empty one."""
        return {"sampleIds": [], "recordIds.size": 0}

    async def pause_all(self) -> dict[str, str]:
        """Run no schedules on any node, until they are resumed."""
        await self._schedules.pause()
        return {"status": "done"}

    async def resume_all(self) -> dict[str, str]:
        """Run schedules again."""
        await self._schedules.resume()
        return {"status": "done"}


def _violations(schedule: WorkflowSchedule) -> Iterator[Violation]:
    if not schedule.name.strip() or len(schedule.name) > NAME_CHARS_MAX:
        yield Violation(f"{AT}.name", f"Schedule name must have 1 to {NAME_CHARS_MAX} characters")
    if schedule.startWorkflowRequest is None or not _workflow_of(schedule):
        yield Violation(
            f"{AT}.startWorkflowRequest", "A schedule needs a startWorkflowRequest with the name of a workflow"
        )
    if not schedule.cronExpression and not schedule.cronSchedules:
        yield Violation(f"{AT}.cronExpression", "A schedule needs a cronExpression or cronSchedules")
    if len(schedule.crons()) > CRONS_MAX:
        yield Violation(f"{AT}.cronSchedules", f"at most {CRONS_MAX} are possible")


def _workflow_of(schedule: WorkflowSchedule) -> str:
    request = schedule.startWorkflowRequest
    if request is None:
        return ""
    return request.name or (request.workflowDef.name if request.workflowDef else "")


def _sort(sort: str | None) -> str:
    """Return `field:order`; SDKs also send an order alone, or the time of the start under its name in searches."""
    field, colon, order = (sort or "scheduledTime:DESC").partition(":")
    if not colon and field.upper() in ("ASC", "DESC"):
        field, order = "scheduledTime", field
    return f"{'executionTime' if field == 'startTime' else field}:{order}"


def _test(clause: str) -> Test:
    """Return what one clause of a query asks; anything unknown is the name of a schedule."""
    if found := _IN.match(clause):
        field, names = found[1], {one.strip().strip("'\"") for one in found[2].split(",")}
        return lambda run: getattr(run, field) in names
    if found := _COMPARED.match(clause):
        bound = int(found[3])
        if found[2] == ">":
            return lambda run: run.scheduledTime > bound
        return lambda run: run.scheduledTime < bound
    if found := _EQUAL.match(clause):
        field, value = found[1], found[2].strip("'\" ")
        return lambda run: getattr(run, field) == value
    return lambda run: run.scheduleName == clause


def _page(found: list[Any], start: int, size: int) -> Results:
    first = max(start, 0)
    return Results(len(found), found[first : first + min(max(size, 0), PAGE_MAX)])


async def _each(names: list[str], change: Callable[[str], Awaitable[None]]) -> BulkResponse:
    answer = BulkResponse()
    for name in names[:PAGE_MAX]:
        try:
            await change(name)
        except PodiumError as error:
            answer.bulkErrorResults[name] = error.message
        else:
            answer.bulkSuccessfulResults.append(name)
    return answer
