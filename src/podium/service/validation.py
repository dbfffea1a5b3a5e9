"""Checks of definitions without registering them: what would be refused, and advice about what is likely not meant."""

import asyncio
import re

import msgspec

from podium.model.errors import InvalidRequest, ValidationFailed
from podium.model.rules import Checks, check_task_def, check_workflow_def
from podium.model.rules.advice import advise, advise_task, as_finding, placed
from podium.model.rules.advice_finding import Finding, Known
from podium.model.rules.nesting import check_size
from podium.model.task_def import TaskDef
from podium.model.wire import Json, convert
from podium.model.workflow_def import WorkflowDef
from podium.runtime.node import Node
from podium.service.checking import Checking

_PLACE = re.compile(r" - at `([^`]+)`")
_SIZES = Checks(task_def=lambda _: None, script_error=lambda _: None, path_error=lambda _: None)


class Report(msgspec.Struct, frozen=True):
    """What there is to say about a definition; it can be registered when it is valid."""

    valid: bool
    findings: list[Finding]


class Validation:
    """Checks definitions against the rules, and against what is *known* beside them."""

    def __init__(self, checking: Checking, known: Known) -> None:
        self._checking = checking
        self._known = known

    async def workflow(self, body: dict[str, Json]) -> Report:
        """Check a workflow definition as it was sent; only a body that is no JSON object is an error."""
        try:
            definition = convert(WorkflowDef, body)
        except InvalidRequest as error:
            return _report([_unreadable(error)])
        errors: list[Finding] = []
        try:
            await self._checking.refuse(lambda checks: check_workflow_def(definition, "$", checks))
        except ValidationFailed as refusal:
            errors = [as_finding(one) for one in refusal.violations]
        if check_size(definition, "$", _SIZES):
            return _report(errors)
        return _report(placed(errors, await asyncio.to_thread(advise, definition, body, self._known)))

    async def task(self, body: dict[str, Json]) -> Report:
        """Check a task definition as it was sent."""
        try:
            definition = convert(TaskDef, body)
        except InvalidRequest as error:
            return _report([_unreadable(error)])
        errors = [as_finding(one) for one in check_task_def(definition, "$")]
        return _report(errors + advise_task(definition, body))


def validation_of(node: Node, checking: Checking) -> Validation:
    """Return the checks of a server, which knows its definitions."""
    catalog = node.catalog
    known = Known(
        is_complete=True,
        task_def=catalog.task_def,
        workflow_def=catalog.workflow_def,
        task_names=lambda: list(catalog.task_defs),
        workflow_names=lambda: list(catalog.workflow_defs),
        types=frozenset(node.world.types.names()),
    )
    return Validation(checking, known)


def local_validation(types: frozenset[str]) -> Validation:
    """Return checks without a server, which call nobody unknown and compile no scripts."""
    return Validation(Checking(lambda _: None, None), Known(types=types))


def _report(findings: list[Finding]) -> Report:
    return Report(all(one.severity != "error" for one in findings), findings)


def _unreadable(error: InvalidRequest) -> Finding:
    """Return what can't be read, with its path where that is told."""
    place = _PLACE.search(error.message)
    message = _PLACE.sub("", error.message).removeprefix("JSON parse error: ")
    return Finding("error", place.group(1) if place else "$", message)
