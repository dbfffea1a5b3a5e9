"""Starting workflows."""

import asyncio
from typing import Any

import pytest

from .conftest import Api, simple


def test_start_with_everything(api: Api) -> None:
    api.define(inputTemplate={"x": 1, "y": 2})

    workflow_id = api.start(given={"y": 3}, correlationId="c", priority=7, taskToDomain={"a": "d"})

    found = api.workflow(workflow_id)
    assert (found["input"], found["correlationId"], found["priority"]) == ({"x": 1, "y": 3}, "c", 7)
    assert found["taskToDomain"] == {"a": "d"}
    assert (found["workflowName"], found["workflowVersion"], found["status"]) == ("w", 1, "RUNNING")


def test_start_by_name(api: Api) -> None:
    api.define(version=1)
    api.define(version=2)

    latest = api.call("POST", "/workflow/w?correlationId=c&priority=3", {"x": 1}).text
    first = api.call("POST", "/workflow/w?version=1", {}).text
    in_path = api.call("POST", "/workflow/start/w/1", {}).text

    found = api.workflow(latest)
    assert (found["input"], found["correlationId"], found["priority"]) == ({"x": 1}, "c", 3)
    assert [api.workflow(one)["workflowVersion"] for one in (latest, first, in_path)] == [2, 1, 1]


def test_start_of_an_inline_definition(api: Api) -> None:
    definition = {"name": "inline", "version": 7, "tasks": [simple("a")]}

    workflow_id = api.start("other", workflowDef=definition)

    found = api.workflow(workflow_id)
    assert (found["workflowName"], found["workflowVersion"]) == ("inline", 7)
    assert api.get("/metadata/workflow") == []


def keyed(strategy: str | None) -> dict[str, Any]:
    return {"idempotencyKey": "k", "idempotencyStrategy": strategy}


def test_start_with_a_key_returns_the_existing_workflow(api: Api) -> None:
    api.define()
    api.define(name="v")

    first, second = api.start(**keyed("RETURN_EXISTING")), api.start(**keyed("RETURN_EXISTING"))

    assert first == second
    assert api.workflow(first)["idempotencyKey"] == "k"
    assert api.start("v", **keyed("RETURN_EXISTING")) != first


@pytest.mark.parametrize("strategy", ["FAIL", "FAIL_ON_RUNNING"])
def test_start_with_a_key_fails(api: Api, strategy: str) -> None:
    api.define()
    first = api.start(**keyed(strategy))

    answer = api.call("POST", "/workflow", {"name": "w", **keyed(strategy)})

    assert answer.status_code == 409
    assert first in answer.json()["message"]


def test_start_with_a_key_fails_only_while_the_other_runs(api: Api) -> None:
    api.define()
    first = api.start(**keyed("FAIL_ON_RUNNING"))
    api.finish()

    assert api.start(**keyed("FAIL_ON_RUNNING")) != first
    assert api.call("POST", "/workflow", {"name": "w", **keyed("FAIL")}).status_code == 409


def test_key_without_a_strategy_has_no_effect(api: Api) -> None:
    api.define()

    assert api.start(**keyed(None)) != api.start(**keyed(None))


def test_starts_with_a_key_at_the_same_time(api: Api) -> None:
    api.define()
    body = {"name": "w", **keyed("RETURN_EXISTING")}

    async def together() -> set[str]:
        calls = [api.request("POST", "/api/workflow", json=body) for _ in range(20)]
        return {answer.text for answer in await asyncio.gather(*calls)}

    assert len(api.run(together())) == 1
    assert api.get("/workflow/search")["totalHits"] == 1
