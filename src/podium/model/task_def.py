"""A task definition as registered: retries, timeouts, rate and concurrency limits, input template."""
# ruff: noqa: N815

from typing import Annotated, Literal

from podium.model.audit import Audited
from podium.model.coercion import NULL_IS_DEFAULT
from podium.model.schema_def import SchemaDef
from podium.model.wire import Int32, Int64, Json, always

TaskTimeoutPolicy = Literal["RETRY", "TIME_OUT_WF", "ALERT_ONLY"]
RetryLogic = Literal["FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF"]


class TaskDef(Audited, frozen=True, kw_only=True):
    """How tasks of one name are retried, timed out and limited; all times but the jitter are in seconds."""

    name: str = ""
    description: str | None = None
    retryCount: Int32 = always(3)
    timeoutSeconds: Int64 = always(0)
    inputKeys: list[str] = always([])
    outputKeys: list[str] = always([])
    runtimeMetadata: list[str] = always([])
    timeoutPolicy: TaskTimeoutPolicy = always("TIME_OUT_WF")
    retryLogic: RetryLogic = always("FIXED")
    retryDelaySeconds: Int32 = always(60)
    responseTimeoutSeconds: Int64 = always(3600)
    concurrentExecLimit: Int32 | None = None
    inputTemplate: dict[str, Json] = always({})
    rateLimitPerFrequency: Int32 = always(0)
    rateLimitFrequencyInSeconds: Annotated[Int32, NULL_IS_DEFAULT] = always(1)
    isolationGroupId: str | None = None
    executionNameSpace: str | None = None
    ownerEmail: str | None = None
    pollTimeoutSeconds: Int32 | None = None
    backoffScaleFactor: Annotated[Int32, NULL_IS_DEFAULT] = always(1)
    maxRetryDelaySeconds: Int32 = always(0)
    backoffJitterMs: Int32 = always(0)
    baseType: str | None = None
    totalTimeoutSeconds: Int64 = always(0)
    taskStatusListenerEnabled: bool = always(True)
    inputSchema: SchemaDef | None = None
    outputSchema: SchemaDef | None = None
    enforceSchema: bool = always(False)
