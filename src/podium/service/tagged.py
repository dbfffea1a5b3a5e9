"""Definitions that bring their tags along, or are read with them, as the SDK of Go and user interfaces do."""
# ruff: noqa: N815 (wire names)

from typing import Any, TypeVar

from podium.model.task_def import TaskDef
from podium.model.workflow_def import WorkflowDef
from podium.service.bulk_response import BulkResponse
from podium.service.metadata import Metadata
from podium.service.tags import Kind, Tag, Tags, check_tags


class TaggedWorkflowDef(WorkflowDef, frozen=True, kw_only=True):
    """A workflow definition with tags; they replace those that it has if `overwriteTags`, else they are added."""

    tags: list[Tag] | None = None
    overwriteTags: bool | None = None


class TaggedTaskDef(TaskDef, frozen=True, kw_only=True):
    """A task definition with tags; they replace those that it has if `overwriteTags`, else they are added."""

    tags: list[Tag] | None = None
    overwriteTags: bool | None = None


T = TypeVar("T", TaggedWorkflowDef, TaggedTaskDef)


class TaggedMetadata:
    """Registration and reading of definitions; tags are no part of what is stored as the definition."""

    def __init__(self, metadata: Metadata, tags: Tags) -> None:
        self._metadata = metadata
        self._tags = tags

    async def register_workflow(self, overwrite: bool, definition: TaggedWorkflowDef) -> None:
        """Register a new version; an existing one is a conflict unless *overwrite*."""
        _check([definition])
        await self._metadata.register_workflow(overwrite, _bare(WorkflowDef, definition))
        await self._tag("workflow", [definition])

    async def update_workflows(self, definitions: list[TaggedWorkflowDef]) -> BulkResponse:
        """Register or replace several versions."""
        _check(definitions)
        answer = await self._metadata.update_workflows([_bare(WorkflowDef, one) for one in definitions])
        await self._tag("workflow", [one for one in definitions if one.name not in answer.bulkErrorResults])
        return answer

    async def register_tasks(self, definitions: list[TaggedTaskDef]) -> None:
        """Register task definitions; one of the same name is replaced."""
        _check(definitions)
        await self._metadata.register_tasks([_bare(TaskDef, one) for one in definitions])
        await self._tag("task", definitions)

    async def update_task(self, definition: TaggedTaskDef) -> None:
        """Replace a task definition that exists."""
        _check([definition])
        await self._metadata.update_task(_bare(TaskDef, definition))
        await self._tag("task", [definition])

    async def _tag(self, kind: Kind, definitions: list[T]) -> None:
        for one in definitions:
            if one.tags is not None:
                store = self._tags.put if one.overwriteTags else self._tags.add
                await store(kind, one.name, one.tags)

    # ---- reading

    async def workflow_defs(self, classifiers: list[str], with_tags: bool) -> list[WorkflowDef]:
        """Return all versions of all definitions."""
        found = await self._metadata.workflow_defs(classifiers)
        return await self._all_with(TaggedWorkflowDef, "workflow", found) if with_tags else found

    async def workflow_def(self, name: str, version: int | None, with_tags: bool) -> WorkflowDef:
        """Return one version, the latest without a number."""
        found = await self._metadata.workflow_def(name, version)
        return _with(TaggedWorkflowDef, found, await self._tags.of("workflow", name)) if with_tags else found

    async def task_defs(self, with_tags: bool) -> list[TaskDef]:
        """Return all task definitions."""
        found = await self._metadata.task_defs()
        return await self._all_with(TaggedTaskDef, "task", found) if with_tags else found

    async def task_def(self, name: str, with_tags: bool) -> TaskDef:
        """Return one task definition."""
        found = await self._metadata.task_def(name)
        return _with(TaggedTaskDef, found, await self._tags.of("task", name)) if with_tags else found

    async def _all_with(self, tagged: type[T], kind: Kind, found: list[Any]) -> list[Any]:
        tags = await self._tags.by_name(kind)
        return [_with(tagged, one, tags.get(one.name, [])) for one in found]


def _check(definitions: list[T]) -> None:
    """Refuse bad tags before anything is stored."""
    for one in definitions:
        check_tags(one.tags or [])


def _bare(bare: type[Any], definition: Any) -> Any:
    return bare(**{name: getattr(definition, name) for name in bare.__struct_fields__})


def _with(tagged: type[T], definition: Any, tags: list[Tag]) -> T:
    return tagged(**{name: getattr(definition, name) for name in definition.__struct_fields__}, tags=tags)
