"""Advice about definitions: what is accepted but most likely not meant. It never refuses anything.

Rules are in the modules advice_*; each is a generator of findings over one outline of the definition.
"""

import re
from collections.abc import Iterator
from itertools import islice

from podium.model.errors import Violation
from podium.model.rules.advice_field import field_advice
from podium.model.rules.advice_finding import FINDINGS_MAX, Finding, Known, at_key
from podium.model.rules.advice_flow import flow_advice
from podium.model.rules.advice_outline import Outline
from podium.model.rules.advice_reference import reference_advice
from podium.model.rules.advice_setting import setting_advice, task_def_advice
from podium.model.task_def import TaskDef
from podium.model.wire import Json
from podium.model.workflow_def import WorkflowDef

_ELEMENT = re.compile(r"\.<(?:map value|list element)>")
_CASE = re.compile(r"(\.decisionCases|\.onStateChange)\[([^\]]*)\](?=\.<map value>)")
_NUMBER = re.compile(r"(?<=\[)(\d+)(?=\])")
_UNDEFINED = re.compile(r"taskReferenceName: (.+?) for given task: .* is not defined in workflow definition\.$")
_OWN_INPUT = re.compile(r"\$\.tasks\[\d+\]\.inputParameters")  # of a step that stands at the top
_ORDER = {"error": 0, "warning": 1, "info": 2}


def advise(definition: WorkflowDef, body: Json, known: Known) -> list[Finding]:
    """Return what to look at in a workflow definition that was sent as *body*; its size must have been checked."""
    return _gathered(_all(definition, body, known))


def _all(definition: WorkflowDef, body: Json, known: Known) -> Iterator[Finding]:
    outline = Outline(definition)
    yield from flow_advice(outline)
    yield from reference_advice(outline)
    yield from setting_advice(outline, known)
    yield from field_advice(body)


def advise_task(definition: TaskDef, body: Json) -> list[Finding]:
    """Return what to look at in a task definition."""
    return _gathered(
        finding for rule in (task_def_advice(definition), field_advice(body, is_task=True)) for finding in rule
    )


def _gathered(found: Iterator[Finding]) -> list[Finding]:
    """Return the first findings without doubles, the gravest first, and in the order of the definition."""
    return sorted(dict.fromkeys(islice(found, FINDINGS_MAX)), key=_place)


def _place(finding: Finding) -> tuple[int, list[str | int]]:
    """Return the key of the order: by severity, then by path, of which the numbers count as such."""
    parts = _NUMBER.split(finding.path)
    return _ORDER[finding.severity], [int(part) if index % 2 else part for index, part in enumerate(parts)]


def as_finding(broken: Violation) -> Finding:
    """Return a broken rule as a finding; its path must begin with `$`."""
    path = _CASE.sub(lambda match: at_key(match.group(1), match.group(2)), broken.path)
    return Finding("error", _ELEMENT.sub("", path), broken.message)


def placed(errors: list[Finding], advice: list[Finding]) -> list[Finding]:
    """Join both; an error about a reference stands at the path that advice found for it, with what was meant."""
    found: list[Finding] = []
    for error in errors:
        name = _UNDEFINED.match(error.message)
        message = f"no step has the reference name {name.group(1)}" if name else ""
        twin = next((one for one in advice if one.message == message and _OWN_INPUT.match(one.path)), None)
        if twin is None:
            found.append(error)
        else:
            advice = [one for one in advice if one is not twin]
            found.append(Finding("error", twin.path, error.message, twin.suggestion))
    return found + advice
