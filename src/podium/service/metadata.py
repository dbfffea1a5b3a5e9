"""Definitions of workflows and tasks: registration, reading, removal."""
# ruff: noqa: N815 (wire names)

import asyncio

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from podium.model.errors import Conflict, NotFound, PodiumError, ValidationFailed, Violation
from podium.model.rules import check_task_def, check_task_defs, check_workflow_def, check_workflow_defs
from podium.model.task_def import TaskDef
from podium.model.workflow_def import RateLimitConfig, WorkflowDef
from podium.runtime.node import Node
from podium.service.bulk_response import BulkResponse
from podium.service.checking import Checking

CLASSIFIER = "workflow"


class DefinitionSummary(msgspec.Struct):
    """One version of a definition in a listing."""

    name: str
    version: int
    createTime: int
    updateTime: int | UnsetType


class Metadata:
    """Use cases around definitions; every change is in the store before it is answered."""

    def __init__(self, node: Node, checking: Checking) -> None:
        self._node = node
        self._catalog = node.catalog
        self._checking = checking
        self._writing = asyncio.Lock()  # so that of two registrations at the same time only one is the first

    # ---- workflow definitions

    async def register_workflow(self, overwrite: bool, definition: WorkflowDef) -> None:
        """Register a new version; an existing one is a conflict unless *overwrite*."""
        async with self._writing:
            exists = self._known(definition.name, definition.version) is not None
            if exists and not overwrite:
                raise Conflict(f"Workflow with {definition.name}.{definition.version} already exists!")
            method = "updateWorkflowDef" if exists else "registerWorkflowDef"
            await self._checking.refuse(lambda checks: check_workflow_def(definition, f"{method}.arg0", checks))
            if exists:
                await self._update_workflow(definition)
            else:
                now_ms = self._node.clock.now_ms()
                fresh = replace(definition, createTime=now_ms)
                if not await self._catalog.put_workflow_def(fresh, now_ms, replace=overwrite):
                    raise Conflict(f"Workflow with {definition.name}.{definition.version} already exists!")

    async def update_workflows(self, definitions: list[WorkflowDef]) -> BulkResponse:
        """Register or replace several versions; all are checked before the first is stored."""
        await self._checking.refuse(lambda checks: check_workflow_defs(definitions, "updateWorkflowDef.arg0", checks))
        answer = BulkResponse()
        for definition in definitions:
            try:
                await self._update_workflow(definition)
                answer.bulkSuccessfulResults.append(definition.name)
            except PodiumError as error:
                answer.bulkErrorResults[definition.name] = error.message
        return answer

    async def _update_workflow(self, definition: WorkflowDef) -> None:
        """Store a version; the time of its creation stays (upstream takes what the body says, normally 0)."""
        now_ms = self._node.clock.now_ms()
        known = self._known(definition.name, definition.version)
        created_ms = known.createTime if known is not None else definition.createTime or now_ms
        await self._catalog.put_workflow_def(replace(definition, createTime=created_ms, updateTime=now_ms), now_ms)

    async def validate_workflow(self, definition: WorkflowDef) -> None:
        """Check a definition without storing it."""
        await self._checking.refuse(lambda checks: check_workflow_def(definition, "validateWorkflowDef.arg0", checks))

    def _known(self, name: str, version: int) -> WorkflowDef | None:
        return self._catalog.workflow_defs.get(name, {}).get(version)

    async def workflow_defs(self, classifiers: list[str]) -> list[WorkflowDef]:
        """Return all versions of all definitions; there is only one class of them here."""
        if classifiers and CLASSIFIER not in classifiers:
            return []
        defs = self._catalog.workflow_defs
        return [defs[name][version] for name in sorted(defs) for version in sorted(defs[name])]

    async def workflow_def(self, name: str, version: int | None) -> WorkflowDef:
        """Return one version, the latest without a number."""
        found = self._catalog.workflow_def(name, version)
        if found is None:
            shown = "null" if version is None else version
            raise NotFound(f"No such workflow found by name: {name}, version: {shown}")
        return found

    async def workflow_names(self) -> list[str]:
        """Return the names of all definitions."""
        return sorted(self._catalog.workflow_defs)

    async def names_and_versions(self) -> dict[str, list[DefinitionSummary]]:
        """Return the versions of each name, ascending."""
        return {name: _summaries(versions) for name, versions in sorted(self._catalog.workflow_defs.items())}

    async def versions(self, name: str) -> list[DefinitionSummary]:
        """Return the versions of one name; none for an unknown one."""
        return _summaries(self._catalog.workflow_defs.get(name, {}))

    async def latest_versions(self) -> list[WorkflowDef]:
        """Return the latest version of each name."""
        return [versions[max(versions)] for _, versions in sorted(self._catalog.workflow_defs.items())]

    async def delete_workflow_def(self, name: str, version: int) -> None:
        """Remove one version; executions keep theirs."""
        if not await self._catalog.delete_workflow_def(name, version):
            raise NotFound(f"No such workflow definition: {name} version: {version}")

    async def rate_limit(self, name: str) -> RateLimitConfig:
        """Return how many workflows of a definition run at once, as its latest version says; `NotFound` without one."""
        found = (await self.workflow_def(name, None)).rateLimitConfig
        if found is None:
            raise NotFound(f"Workflow {name[:100]} has no rate limit")
        return found

    async def put_rate_limit(self, name: str, config: RateLimitConfig | None) -> None:
        """Set, or with None remove, the rate limit of all versions of a definition."""
        await self.workflow_def(name, None)
        now_ms = self._node.clock.now_ms()
        async with self._writing:
            for definition in list(self._catalog.workflow_defs.get(name, {}).values()):
                await self._catalog.put_workflow_def(replace(definition, rateLimitConfig=config), now_ms)

    async def delete_rate_limit(self, name: str) -> None:
        """Remove the rate limit of all versions of a definition."""
        await self.put_rate_limit(name, None)

    # ---- task definitions

    async def register_tasks(self, definitions: list[TaskDef]) -> None:
        """Register task definitions; one of the same name is replaced."""
        _refuse(check_task_defs(definitions, "registerTaskDef.arg0"))
        now_ms = self._node.clock.now_ms()
        for definition in definitions:
            fresh = replace(definition, createTime=now_ms, createdBy="", updateTime=0, updatedBy=None)
            await self._catalog.put_task_def(fresh, now_ms)

    async def update_task(self, definition: TaskDef) -> None:
        """Replace a task definition that exists."""
        _refuse(check_task_def(definition, "updateTaskDef.arg0"))
        known = self._catalog.task_def(definition.name)
        if known is None:
            raise NotFound(f"No such task by name {definition.name}")
        now_ms = self._node.clock.now_ms()
        kept = replace(
            definition, createTime=known.createTime, createdBy=known.createdBy, updateTime=now_ms, updatedBy=""
        )
        await self._catalog.put_task_def(kept, now_ms)

    async def task_defs(self) -> list[TaskDef]:
        """Return all task definitions."""
        return [definition for _, definition in sorted(self._catalog.task_defs.items())]

    async def task_def(self, name: str) -> TaskDef:
        """Return one task definition."""
        found = self._catalog.task_def(name)
        if found is None:
            raise NotFound(f"No such taskType found by name: {name}")
        return found

    async def delete_task_def(self, name: str) -> None:
        """Remove a task definition; executions keep their copies."""
        if not await self._catalog.delete_task_def(name):
            raise NotFound("No such task definition")


def _summaries(versions: dict[int, WorkflowDef]) -> list[DefinitionSummary]:
    return [
        DefinitionSummary(one.name, one.version, one.createTime, one.updateTime or UNSET)
        for _, one in sorted(versions.items())
    ]


def _refuse(broken: list[Violation]) -> None:
    if broken:
        raise ValidationFailed(broken)
