"""The scheduler: starts workflows at the times of their schedules, each slot once.

The id of the workflow that a slot starts is made of the schedule and the slot. So a slot that is run again, after a
crash or by another node, finds the workflow there already, and nothing is started twice. Of several nodes one looks
after a schedule, another one as soon as that is known to be dead.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from podium.engine.commands import Command
from podium.engine.context import Context
from podium.engine.requests import resolve_start
from podium.model.errors import Conflict, PodiumError
from podium.model.ids import RANDOM_BITS, workflow_id
from podium.model.schedule import CronSchedule, ScheduleRun, StoredSchedule, WorkflowSchedule
from podium.model.start import StartWorkflowRequest
from podium.model.wire import decode, encode_json
from podium.runtime.cron import compile_cron
from podium.runtime.documents import Documents
from podium.runtime.idempotency import Idempotency
from podium.runtime.membership import Membership
from podium.store import Store
from podium.store.records import Document

SCHEDULE, RUNS = "schedule", "schedule_runs"
PAUSE = "scheduler_pause"  # of all schedules; the document is there or not
RUNS_KEPT = 100  # of each schedule
AT_ONCE = 100
SLEEP_MAX_S = 60.0
TRY_AGAIN_S = 1.0
REASON_CHARS_MAX = 999

log = logging.getLogger(__name__)

Submit = Callable[[str, Command], "Awaitable[Any]"]


class Schedules:
    """All schedules, and the runs of those that this node looks after."""

    def __init__(
        self,
        store: Store,
        documents: Documents,
        context: Callable[[], Context],
        submit: Submit,
        now_ms: Callable[[], int],
        membership: Membership,
        idempotency: Idempotency,
    ) -> None:
        self._store = store
        self._idempotency = idempotency
        self._documents = documents
        self._context = context
        self._submit = submit
        self._now_ms = now_ms
        self._membership = membership
        self._changed = asyncio.Event()
        self.known: dict[str, StoredSchedule] = {}
        self.is_paused = False
        documents.follow(SCHEDULE, self._keep, self._forget)
        documents.follow(PAUSE, lambda _: self._set_paused(True), lambda *_: self._set_paused(False))
        membership.on_change.append(self._changed.set)

    def _keep(self, document: Document) -> None:
        self.known[document.name] = decode(StoredSchedule, document.body)
        self._changed.set()

    def _forget(self, name: str, _: int) -> None:
        self.known.pop(name, None)

    def _set_paused(self, is_paused: bool) -> None:
        self.is_paused = is_paused
        self._changed.set()

    # ---- changes

    async def put(self, schedule: WorkflowSchedule) -> WorkflowSchedule:
        """Store a schedule; its slots are counted from now."""
        stored = StoredSchedule(schedule, [])
        stored.slots = [self._next_slot(schedule, cron, self._now_ms()) for cron in schedule.crons()]
        await self._documents.put(self._document(stored))
        return shown(stored)

    async def delete(self, name: str) -> bool:
        """Delete a schedule with its records; False when there is none."""
        found = await self._documents.delete(SCHEDULE, name)
        await self._store.delete_document(RUNS, name)
        return found

    async def pause(self) -> None:
        """Run nothing on any node until `resume`."""
        await self._documents.put(Document(PAUSE, "all", 0, b"true", self._now_ms()))

    async def resume(self) -> None:
        """Go on after `pause`."""
        await self._documents.delete(PAUSE, "all")

    def _document(self, stored: StoredSchedule) -> Document:
        return Document(SCHEDULE, stored.schedule.name, 0, encode_json(stored), self._now_ms())

    # ---- time

    async def run(self) -> None:
        """Start for ever what is due; while the store is away, try again each second."""
        while True:
            try:
                await self.start_due()
            except PodiumError:
                await asyncio.sleep(TRY_AGAIN_S)
                continue
            await self._sleep()

    async def _sleep(self) -> None:
        next_ms = 0 if self.is_paused else self.next_ms()
        left_s = (next_ms - self._now_ms()) / 1000 if next_ms else SLEEP_MAX_S
        self._changed.clear()
        try:
            async with asyncio.timeout(max(min(left_s, SLEEP_MAX_S), 0)):
                await self._changed.wait()
        except TimeoutError:
            return

    def next_ms(self) -> int:
        """Return the earliest slot of all, 0 when there is none."""
        return min((slot for stored in self._active() for slot in stored.slots if slot), default=0)

    def _active(self) -> list[StoredSchedule]:
        """Return the schedules that this node is to run."""
        is_mine = self._membership.is_mine
        return [one for name, one in self.known.items() if not one.schedule.paused and is_mine(f"schedule {name}")]

    async def start_due(self) -> None:
        """Start what is due now, each schedule's slots in their order."""
        while not self.is_paused:
            now_ms = self._now_ms()
            due = [stored for stored in self._active() if any(0 < slot <= now_ms for slot in stored.slots)]
            if not due:
                return
            results = await asyncio.gather(*map(self._start_slots, due[:AT_ONCE]), return_exceptions=True)
            failed = [one for one in results if isinstance(one, BaseException)]
            if failed:
                raise failed[0]

    async def _start_slots(self, stored: StoredSchedule) -> None:
        """Start the slots of one schedule that are due, record them, and store those that follow."""
        now_ms = self._now_ms()
        schedule, runs = stored.schedule, []
        before = self._documents.body(SCHEDULE, schedule.name)
        slots = list(stored.slots)
        for place, (slot, cron) in enumerate(zip(stored.slots, schedule.crons(), strict=True)):
            if 0 < slot <= now_ms:
                runs.append(await self._start(schedule, cron, slot, now_ms))
                after_ms = slot if schedule.runCatchupScheduleInstances else max(slot, now_ms)
                slots[place] = self._next_slot(schedule, cron, after_ms)
        await self._record(schedule.name, runs)
        if before is None or not await self._documents.swap(self._document(StoredSchedule(schedule, slots)), before):
            await self._documents.refresh(SCHEDULE, schedule.name)  # somebody has changed or deleted it meanwhile

    def _next_slot(self, schedule: WorkflowSchedule, cron: CronSchedule, after_ms: int) -> int:
        after_ms = max(after_ms, (schedule.scheduleStartTime or 0) - 1)
        slot = compile_cron(cron.cronExpression, cron.zoneId or "UTC").next_ms(after_ms)
        end_ms = schedule.scheduleEndTime or 0
        return 0 if end_ms and slot > end_ms else slot

    # ---- one run

    async def _start(self, schedule: WorkflowSchedule, cron: CronSchedule, slot: int, now_ms: int) -> ScheduleRun:
        key = slot_workflow_id(schedule.name, cron, slot)
        request = schedule.startWorkflowRequest or StartWorkflowRequest()
        run = ScheduleRun(
            executionId=key,
            scheduleName=schedule.name,
            scheduledTime=slot,
            executionTime=now_ms,
            workflowName=request.name or (request.workflowDef.name if request.workflowDef else ""),
            zoneId=cron.zoneId or "UTC",
        )
        given = {
            **request.input,
            "_startedByScheduler": schedule.name,
            "_scheduledTime": slot,
            "_executedTime": now_ms,
            "_executionId": key,
            "_schedulerCron": f"{cron.cronExpression} {cron.zoneId}",
        }
        try:
            started = await self._start_once(key, replace(request, input=given))
        except Conflict as error:
            if f"{key} already exists" not in error.message and not error.message.endswith(key):
                return _failed(run, error)
            started = key  # before a crash
        except PodiumError as error:
            if error.retryable:  # the store is away, or overloaded: the slot is still to come
                raise
            return _failed(run, error)
        return replace(run, state="EXECUTED", workflowId=started)

    async def _start_once(self, slot_id: str, request: StartWorkflowRequest) -> str:
        """Start the workflow of a slot; returns the one that stands for it by its idempotency key, if that is set."""
        command = resolve_start(self._context(), request, "startWorkflowRequest")
        key, strategy = request.idempotencyKey, request.idempotencyStrategy

        async def launch(workflow_id: str) -> str:
            await self._submit(workflow_id, command)
            return workflow_id

        if not key or strategy is None:
            return await launch(slot_id)
        return await self._idempotency.start(command.name, key, strategy, slot_id, launch)

    async def _record(self, name: str, runs: list[ScheduleRun]) -> None:
        """Add records, and lose none of another node that does the same."""
        is_written = False
        while name in self.known and not is_written:
            found = await self._store.document(RUNS, name)
            earlier = decode(list[ScheduleRun], found.body) if found else []
            before = {run.executionId: run for run in earlier}
            kept = list({**before, **{run.executionId: run for run in runs}}.values())[-RUNS_KEPT:]
            document = Document(RUNS, name, 0, encode_json(kept), self._now_ms())
            is_written = await self._store.swap_document(document, found.body if found else None)

    async def runs(self) -> list[ScheduleRun]:
        """Return the records of all schedules, each one's oldest first."""
        documents = await self._store.documents(RUNS)
        return [run for one in documents for run in decode(list[ScheduleRun], one.body)]


def _failed(run: ScheduleRun, error: PodiumError) -> ScheduleRun:
    log.warning("schedule %s could not start its workflow: %s", run.scheduleName, error.message)
    return replace(run, state="FAILED", reason=error.message[:REASON_CHARS_MAX])


def slot_workflow_id(name: str, cron: CronSchedule, slot: int) -> str:
    """Return the id of the workflow that a slot of a schedule starts, always the same."""
    text = f"{name}\n{cron.cronExpression}\n{cron.zoneId}\n{slot}".encode()
    number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) & ((1 << RANDOM_BITS) - 1)
    return workflow_id(slot, number)


def shown(stored: StoredSchedule) -> WorkflowSchedule:
    """Return a schedule with the time of its next run; a paused one has none."""
    slots = [] if stored.schedule.paused else [slot for slot in stored.slots if slot]
    return replace(stored.schedule, nextRunTime=min(slots, default=None))
