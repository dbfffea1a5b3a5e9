"""Requests made from the server's own OpenAPI document: every boundary of every schema, and random values within them.

Half of the requests are made to hit: they name a workflow, a task and definitions that exist, so that they get past the
look-up. The same seed gives the same requests.
"""

import warnings
from collections.abc import Iterator
from itertools import count
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation, BaseSchema

SEED = 20261122
BOUNDARIES_MAX = 110  # per operation and mode, evenly spread over those that the schema has
RANDOM = 5  # per operation
# Calls that wait do so as long as the request says; here that is next to nothing.
WAITS = {"timeout": 3, "timeoutMillis": 3, "waitForSeconds": 0}
# What a step needs to pass validation, by its type; laid under what the request says.
NEEDED: dict[str, dict[str, Any]] = {
    "SIMPLE": {},
    "SWITCH": {"evaluatorType": "value-param", "expression": "x", "decisionCases": {"a": []}},
    "DECISION": {"caseValueParam": "x", "decisionCases": {"a": []}},
    "JOIN": {"joinOn": ["only"]},
    "EXCLUSIVE_JOIN": {"joinOn": ["only"]},
    "FORK_JOIN_DYNAMIC": {"inputParameters": {"forkTaskInputs": [1, 2]}},
    "DO_WHILE": {"loopCondition": "false"},
    "SUB_WORKFLOW": {"subWorkflowParam": {"name": "nothing"}},
    "DYNAMIC": {"dynamicTaskNameParam": "x"},
    "START_WORKFLOW": {"inputParameters": {"startWorkflow": {"name": "nothing"}}},
    "SET_VARIABLE": {"inputParameters": {"x": "${workflow}"}},
    "TERMINATE": {"inputParameters": {"terminationStatus": "COMPLETED"}},
    "WAIT": {},
    "HUMAN": {},
    "INLINE": {"inputParameters": {"evaluatorType": "javascript", "expression": "1"}},
    "JSON_JQ_TRANSFORM": {"inputParameters": {"queryExpression": "."}},
    "EVENT": {"sink": "conductor"},
    "HTTP": {"inputParameters": {"uri": "http://127.0.0.1:1/"}},
    "NOOP": {},
    "KAFKA_PUBLISH": {"inputParameters": {"kafka_request": {}}},
    "USER_DEFINED": {},
}
TYPES = tuple(NEEDED)


def operations(document_url: str) -> tuple[BaseSchema, list[APIOperation]]:
    """Return the schema behind *document_url* and all of its operations."""
    schema = schemathesis.openapi.from_url(document_url)
    return schema, [found.ok() for found in schema.get_all_operations()]


def requests_for(schema: BaseSchema, operation: APIOperation) -> Iterator[Case]:
    """Yield what to ask of one operation."""
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        yield from _spread(_boundaries(schema, operation, mode))
    yield from _random(operation)


def _boundaries(schema: BaseSchema, operation: APIOperation, mode: GenerationMode) -> list[Case]:
    config = schema.config.generation_for(operation=operation)
    return list(schema.iter_coverage_cases(operation, generation_modes=[mode], generation_config=config))


def _spread(cases: list[Case]) -> list[Case]:
    step = len(cases) / min(len(cases), BOUNDARIES_MAX) if cases else 1
    return [cases[int(place * step)] for place in range(min(len(cases), BOUNDARIES_MAX))]


def _random(operation: APIOperation) -> list[Case]:
    """Return random valid requests; random wrong ones add nothing to the boundaries, and take a second each to make."""
    found: list[Case] = []

    @seed(SEED)
    @settings(
        max_examples=RANDOM,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),  # speed and size of what is generated are no matter here
    )
    @given(case=operation.as_strategy(GenerationMode.POSITIVE))
    def collect(case: Case) -> None:
        found.append(case)

    with warnings.catch_warnings():
        # Of the generator, about its own use of hypothesis; nothing that the server does.
        warnings.simplefilter("ignore")
        collect()
    return found


class Aim:
    """Makes requests hit what exists, and definitions pass validation, so that the engine gets to see them."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self._numbers = count()

    def bounded(self, case: Case) -> Case:
        """Keep a request from waiting."""
        if isinstance(case.query, dict):
            case.query.update({name: ms for name, ms in WAITS.items() if name in case.query})
        return case

    def sharpened(self, case: Case) -> Case:
        """Let a request name what exists."""
        if isinstance(case.path_parameters, dict):
            case.path_parameters.update({k: v for k, v in self.known.items() if k in case.path_parameters})
        if isinstance(case.query, dict):
            case.query.update({k: v for k, v in self.known.items() if k in case.query})
        case.body = self._named(case.body, "fuzzed")
        if isinstance(case.body, list) and "/bulk/" in case.path:
            case.body = [*case.body, self.known["workflowId"]]
        return case

    def _named(self, value: Any, name: str) -> Any:
        """Return *value* with a name wherever a definition needs one, and steps of all types."""
        if isinstance(value, list):
            return [self._named(item, name) for item in value]
        if not isinstance(value, dict):
            return value
        found = {key: self._named(item, name) for key, item in value.items()}
        if "taskReferenceName" in found:
            self._make_step(found)
        if "responseTimeoutSeconds" in found:
            found |= {"responseTimeoutSeconds": found["responseTimeoutSeconds"] or 1, "backoffScaleFactor": 1}
        if "taskId" in found:
            found["status"] = found.get("status") or "COMPLETED"
        if "actions" in found:
            found["event"] = "conductor:fuzzed:x"
        if "complete_task" in found:
            found |= {"action": found.get("action") or "complete_task", "complete_task": found["complete_task"] or {}}
        found |= {key: self.known[key] for key in ("workflowInstanceId", "taskId") if key in found}
        if "name" in found:
            found["name"] = name
        if "schemaVersion" in found:
            found |= {"schemaVersion": 2, "tasks": beside_a_wait(found.get("tasks") or [STEP])}
        return found

    def _make_step(self, step: dict[str, Any]) -> None:
        number = next(self._numbers)
        step |= {"taskReferenceName": f"r{number}", "type": TYPES[number % len(TYPES)]}
        for key, needed in NEEDED[step["type"]].items():
            given = step.get(key)
            if isinstance(given, dict) and isinstance(needed, dict):
                step[key] = {**needed, **given}
            elif not given:
                step[key] = needed


STEP = {"name": "fuzzed", "taskReferenceName": "only", "type": "SIMPLE"}


def beside_a_wait(steps: Any) -> Any:
    """Return a fork of *steps* and a WAIT, at which `execute` and signals stop at once."""
    if not isinstance(steps, list):
        return steps
    wait = {"name": "wait", "taskReferenceName": "wait", "type": "WAIT"}
    fork = {"name": "fork", "taskReferenceName": "fork", "type": "FORK_JOIN", "forkTasks": [steps, [wait]]}
    return [fork, {"name": "join", "taskReferenceName": "join", "type": "JOIN", "joinOn": ["wait"]}]
