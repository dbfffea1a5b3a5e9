"""Schedules: when a workflow is started again and again, and what came of it. Times are epoch ms."""
# ruff: noqa: N815

from typing import Annotated, Literal

import msgspec

from podium.model.coercion import NULL_IS_DEFAULT
from podium.model.start import StartWorkflowRequest
from podium.model.wire import Int64, WireObject, always

RunState = Literal["POLLED", "EXECUTED", "FAILED"]


class CronSchedule(WireObject, frozen=True, kw_only=True):
    """One cron expression of several."""

    cronExpression: str = ""
    zoneId: str | None = None


class WorkflowSchedule(WireObject, frozen=True, kw_only=True):
    """What is started, and when; `cronSchedules` stands in for the single expression when it is not empty."""

    name: str = ""
    cronExpression: str | None = None
    zoneId: str = always("UTC")
    cronSchedules: Annotated[list[CronSchedule], NULL_IS_DEFAULT] = always([])
    runCatchupScheduleInstances: bool = always(False)
    paused: bool = always(False)
    pausedReason: str | None = None
    startWorkflowRequest: StartWorkflowRequest | None = None
    scheduleStartTime: Int64 | None = None
    scheduleEndTime: Int64 | None = None
    description: str | None = None
    createTime: Int64 | None = None
    updatedTime: Int64 | None = None
    createdBy: str | None = None
    updatedBy: str | None = None
    nextRunTime: Int64 | None = None

    def crons(self) -> list[CronSchedule]:
        """Return its expressions, each with a zone."""
        if self.cronSchedules:
            return [
                CronSchedule(cronExpression=one.cronExpression, zoneId=one.zoneId or "UTC")
                for one in self.cronSchedules
            ]
        return [CronSchedule(cronExpression=self.cronExpression or "", zoneId=self.zoneId or "UTC")]


class StoredSchedule(msgspec.Struct):
    """A schedule and its next slot for each of its expressions, 0 for none."""

    schedule: WorkflowSchedule
    slots: list[int]


class ScheduleRun(WireObject, frozen=True, kw_only=True):
    """One execution record."""

    executionId: str
    scheduleName: str
    scheduledTime: int
    executionTime: int
    workflowName: str
    workflowId: str | None = None
    reason: str | None = None
    startWorkflowRequest: StartWorkflowRequest | None = None
    state: RunState = "POLLED"
    zoneId: str = "UTC"
