"""Hiding values of executions: what lies under the keys that a definition lists as `maskedFields` reads as `***`.

Only reads of people and search are masked; workers and expressions get the real values.
"""

from collections.abc import Collection

from msgspec import Raw

from podium.engine.view import TaskView, WorkflowView
from podium.model.wire import Json, encode_json, parse_json

MASK = "***"


def mask_workflow(view: WorkflowView, keys: Collection[str]) -> None:
    """Mask input, output and variables of *view* and of its tasks in place."""
    view.input = mask_payload(view.input, keys)
    view.output = mask_payload(view.output, keys)
    view.variables = mask_payload(view.variables, keys)
    for task in view.tasks:
        mask_task(task, keys)


def mask_task(view: TaskView, keys: Collection[str]) -> None:
    """Mask input and output of a task in place."""
    view.inputData = mask_payload(view.inputData, keys)
    view.outputData = mask_payload(view.outputData, keys)


def mask_payload(payload: Raw, keys: Collection[str]) -> Raw:
    """Return *payload* with the values under *keys* hidden, at any depth."""
    return Raw(encode_json(masked(parse_json(bytes(payload)), keys)))


def masked(value: Json, keys: Collection[str]) -> Json:
    """Return *value* with the values under *keys* hidden; payloads are no deeper than `wire.DEPTH_MAX`."""
    if type(value) is dict:
        return {key: MASK if key in keys else masked(item, keys) for key, item in value.items()}
    if type(value) is list:
        return [masked(item, keys) for item in value]
    return value
