"""Tags: the same calls for each kind of thing, and the rate limit that a tag of a workflow can be."""

import pytest

from .conftest import Api, simple

BLUE = {"key": "team", "value": "blue", "type": "METADATA"}
RED = {"key": "team", "value": "red", "type": "METADATA"}
COST = {"key": "cost", "value": "7"}


def with_everything(api: Api) -> None:
    api.define(simple("a"))
    assert api.call("POST", "/metadata/taskdefs", [{"name": "a"}]).status_code == 200
    start = {"name": "w"}
    schedule = {"name": "s", "cronExpression": "0 0 0 * * *", "startWorkflowRequest": start, "paused": True}
    assert api.call("POST", "/scheduler/schedules", schedule).status_code == 200
    handler = {"name": "h", "event": "conductor:x", "actions": [{"action": "start_workflow", "start_workflow": start}]}
    assert api.call("POST", "/event", handler).status_code == 200


@pytest.mark.parametrize(
    "at",
    [
        "metadata/workflow/w",
        "metadata/task/a",
        "scheduler/schedules/s",
        "event/h",
        "secrets/PASSWORD",
        "environment/REGION",
    ],
)
def test_tags_of(api: Api, at: str) -> None:
    with_everything(api)
    call = f"/{at}/tags"
    assert api.get(call) == []

    assert api.call("PUT", call, [BLUE]).content == b""
    api.call("POST", call, COST)
    api.call("POST", call, [RED])

    assert api.get(call) == [COST, RED]
    api.call("DELETE", call, [{"key": "cost", "value": "7", "type": "METADATA"}])
    assert api.get(call) == [RED]
    assert api.get("/metadata/tags") == [RED]


@pytest.mark.parametrize("at", ["metadata/workflow", "metadata/task", "scheduler/schedules", "event", "secrets"])
def test_tags_of_nothing(api: Api, at: str) -> None:
    assert api.call("GET", f"/{at}/none/tags").status_code == 404
    assert api.call("PUT", f"/{at}/none/tags", [BLUE]).status_code == 404


def test_tags_of_an_environment_value_that_is_not_there(api: Api) -> None:
    """As the SDK of Go asks for it in its own tests."""
    assert api.call("DELETE", "/environment/none/tags", [BLUE]).status_code == 200
    assert api.call("PUT", "/environment/none/tags", [BLUE]).status_code == 200
    assert api.get("/environment/none/tags") == [BLUE]


def test_schedules_by_tag(api: Api) -> None:
    with_everything(api)
    api.call("PUT", "/scheduler/schedules/s/tags", [BLUE])

    assert [one["name"] for one in api.get("/scheduler/schedules/tags?tag=team:blue")] == ["s"]
    assert api.get("/scheduler/schedules/tags?tag=team:red") == []


@pytest.mark.parametrize(
    "tags", [[{"value": "x"}], [{"key": "", "value": "x"}], [{"key": "k" * 256}], [BLUE] * 101, ["text"]]
)
def test_tags_that_are_none(api: Api, tags: object) -> None:
    api.define()

    assert api.call("PUT", "/metadata/workflow/w/tags", tags).status_code == 400
    assert api.get("/metadata/workflow/w/tags") == []


def test_rate_limit_by_tag(api: Api) -> None:
    api.define()
    tag = {"key": "w", "type": "RATE_LIMIT", "value": 1}

    api.call("POST", "/metadata/tags/workflow/w", tag)

    assert api.get("/metadata/workflow/w/tags") == [tag]
    assert [api.workflow(api.start())["rateLimited"] for _ in range(2)] == [False, True]
    api.call("DELETE", "/metadata/tags/workflow/w", tag)
    assert "rateLimitConfig" not in api.get("/metadata/workflow/w")
    assert not api.workflow(api.start())["rateLimited"]


def test_rate_limit_that_is_no_number(api: Api) -> None:
    api.define()
    tag = {"key": "w", "type": "RATE_LIMIT", "value": "many"}

    assert api.call("POST", "/metadata/workflow/w/tags", [tag]).status_code == 400


def test_rate_limit_by_call(api: Api) -> None:
    api.define()
    call = "/metadata/workflow/w/rate-limit"
    assert api.call("GET", call).status_code == 404

    assert api.call("PUT", call, {"rateLimitKey": "w", "concurrentExecLimit": 1}).status_code == 200

    assert api.get(call)["concurrentExecLimit"] == 1
    assert [api.workflow(api.start())["rateLimited"] for _ in range(2)] == [False, True]
    assert api.call("DELETE", call).status_code == 200
    assert api.call("GET", call).status_code == 404
    assert api.call("PUT", "/metadata/workflow/none/rate-limit", {}).status_code == 404


WORKFLOW = {"name": "w", "version": 1, "tasks": [simple("a")]}


def test_a_workflow_definition_brings_its_tags(api: Api) -> None:
    at = "/metadata/workflow"
    assert api.call("POST", at, {**WORKFLOW, "tags": [BLUE], "overwriteTags": True}).status_code == 200
    assert api.call("PUT", at, [{**WORKFLOW, "tags": [COST]}]).status_code == 200
    assert api.get(f"{at}/w/tags") == [BLUE, COST]

    api.call("PUT", at, [{**WORKFLOW, "tags": [RED], "overwriteTags": True}])
    api.call("PUT", at, [{**WORKFLOW, "overwriteTags": False}])

    assert api.get(f"{at}/w?metadata=true")["tags"] == [RED]
    assert [one["tags"] for one in api.get(f"{at}?metadata=true")] == [[RED]]
    assert "tags" not in api.get(f"{at}/w")
    assert "tags" not in api.get(at)[0]
    assert "overwriteTags" not in api.get(f"{at}/w?metadata=true")


def test_a_task_definition_brings_its_tags(api: Api) -> None:
    at = "/metadata/taskdefs"
    assert api.call("POST", at, [{"name": "a", "tags": [BLUE]}, {"name": "b"}]).status_code == 200
    assert api.call("PUT", at, {"name": "a", "retryCount": 9, "tags": [RED], "overwriteTags": True}).status_code == 200

    assert api.get(f"{at}/a?metadata=true")["tags"] == [RED]
    assert {one["name"]: one["tags"] for one in api.get(f"{at}?metadata=true")} == {"a": [RED], "b": []}
    assert api.get(f"{at}/a")["retryCount"] == 9
    assert "tags" not in api.get(f"{at}/a")


def test_a_definition_with_bad_tags_is_not_stored(api: Api) -> None:
    bad = [{"key": "", "value": "x"}]
    assert api.call("POST", "/metadata/workflow", {**WORKFLOW, "tags": bad}).status_code == 400
    assert api.call("POST", "/metadata/taskdefs", [{"name": "a", "tags": bad}]).status_code == 400

    assert api.get("/metadata/workflow") == []
    assert api.get("/metadata/taskdefs") == []
