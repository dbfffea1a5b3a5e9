"""Definitions of workflows, tasks and event handlers."""

import asyncio

from podium.store.memory import MemoryStore

from .conftest import Api, simple

# ---- workflow definitions


def test_registration(api: Api) -> None:
    answer = api.call("POST", "/metadata/workflow", {"name": "w", "tasks": [simple("a")], "unknown": 1})

    found = api.get("/metadata/workflow/w")
    assert (answer.status_code, answer.content) == (200, b"")
    assert found["createTime"] > 0
    assert (found["updateTime"], found["version"], found["schemaVersion"]) == (0, 1, 2)
    assert found["tasks"][0]["taskReferenceName"] == "a"
    assert "unknown" not in found
    assert "ownerApp" not in found


def test_overwriting_keeps_the_time_of_creation(api: Api) -> None:
    api.define()
    created_ms = api.get("/metadata/workflow/w")["createTime"]

    api.define(simple("b"))

    found = api.get("/metadata/workflow/w")
    assert found["tasks"][0]["name"] == "b"
    assert found["createTime"] == created_ms
    assert found["updateTime"] >= created_ms


def test_update_of_several(api: Api) -> None:
    api.define()
    bodies = [{"name": "w", "tasks": [simple("b")]}, {"name": "v", "version": 3, "tasks": [simple("c")]}]

    answer = api.call("PUT", "/metadata/workflow?overwrite=True", bodies)

    assert answer.json() == {"bulkErrorResults": {}, "bulkSuccessfulResults": ["w", "v"]}
    assert api.get("/metadata/workflow/w")["tasks"][0]["name"] == "b"
    assert api.get("/metadata/workflow/v")["createTime"] > 0


def test_validation_stores_nothing(api: Api) -> None:
    answer = api.call("POST", "/metadata/workflow/validate", {"name": "w", "tasks": [simple("a")]})

    assert (answer.status_code, answer.content) == (200, b"")
    assert api.get("/metadata/workflow") == []


def test_listings(api: Api) -> None:
    for name, version in (("w", 2), ("w", 1), ("v", 1)):
        api.define(name=name, version=version)

    def named(path: str) -> list[tuple[str, int]]:
        return [(one["name"], one["version"]) for one in api.get(f"/metadata/workflow{path}")]

    assert named("") == [("v", 1), ("w", 1), ("w", 2)]
    assert named("?classifier=workflow") == named("")
    assert named("?classifier=agent") == []
    assert named("/latest-versions") == [("v", 1), ("w", 2)]
    assert named("/w/versions") == [("w", 1), ("w", 2)]
    assert named("/x/versions") == []
    assert api.get("/metadata/workflow/names") == ["v", "w"]
    both = api.get("/metadata/workflow/names-and-versions")
    assert [one["version"] for one in both["w"]] == [1, 2]
    assert set(both["w"][0]) == {"name", "version", "createTime"}  # never changed


def test_versions(api: Api) -> None:
    api.define(version=1)
    api.define(version=2)

    assert api.get("/metadata/workflow/w")["version"] == 2
    assert api.get("/metadata/workflow/w?version=1")["version"] == 1


def test_removal_of_a_version(api: Api) -> None:
    api.define(version=1)
    api.define(version=2)
    workflow_id = api.start()

    answer = api.call("DELETE", "/metadata/workflow/w/2")

    assert (answer.status_code, answer.content) == (200, b"")
    assert api.get("/metadata/workflow/w")["version"] == 1
    assert api.workflow(workflow_id)["workflowVersion"] == 2


def test_registrations_at_the_same_time(api: Api) -> None:
    body = {"name": "w", "tasks": [simple("a")]}
    handler = {**HANDLER, "name": "h"}

    async def together(path: str, body: object) -> list[int]:
        answers = await asyncio.gather(*(api.request("POST", path, json=body) for _ in range(5)))
        return sorted(answer.status_code for answer in answers)

    assert api.run(together("/api/metadata/workflow", body)) == [200, 409, 409, 409, 409]
    assert api.run(together("/api/event", handler)) == [200, 409, 409, 409, 409]


# ---- task definitions


def test_registration_of_tasks(api: Api) -> None:
    answer = api.call("POST", "/metadata/taskdefs", [{"name": "x", "retryCount": 1}, {"name": "y"}])

    found = api.get("/metadata/taskdefs/x")
    assert (answer.status_code, answer.content) == (200, b"")
    assert (found["retryCount"], found["createdBy"], found["updateTime"]) == (1, "", 0)
    assert found["createTime"] > 0
    assert [one["name"] for one in api.get("/metadata/taskdefs?access=READ&metadata=true")] == ["x", "y"]


def test_registration_of_a_task_that_exists_replaces_it(api: Api) -> None:
    for count in (1, 2):
        api.call("POST", "/metadata/taskdefs", [{"name": "x", "retryCount": count}])

    assert api.get("/metadata/taskdefs/x")["retryCount"] == 2


def test_update_of_a_task(api: Api) -> None:
    api.call("POST", "/metadata/taskdefs", [{"name": "x"}])
    created_ms = api.get("/metadata/taskdefs/x")["createTime"]

    api.call("PUT", "/metadata/taskdefs", {"name": "x", "retryCount": 9})

    found = api.get("/metadata/taskdefs/x")
    assert (found["retryCount"], found["createTime"], found["createdBy"]) == (9, created_ms, "")
    assert found["updateTime"] >= created_ms


def test_removal_of_a_task(api: Api) -> None:
    api.call("POST", "/metadata/taskdefs", [{"name": "x"}])

    assert api.call("DELETE", "/metadata/taskdefs/x").content == b""
    assert api.call("GET", "/metadata/taskdefs/x").status_code == 404


# ---- event handlers

HANDLER = {
    "name": "h",
    "event": "conductor:w:ev",
    "actions": [{"action": "start_workflow", "start_workflow": {"name": "w"}}],
    "active": True,
}


def test_event_handlers(api: Api) -> None:
    assert api.call("POST", "/event", HANDLER).content == b""
    api.call("POST", "/event", {**HANDLER, "name": "off", "active": False})

    assert [one["name"] for one in api.get("/event")] == ["h", "off"]
    assert [one["name"] for one in api.get("/event/conductor:w:ev")] == ["h"]
    assert [one["name"] for one in api.get("/event/conductor:w:ev?activeOnly=false")] == ["h", "off"]


def test_update_and_removal_of_an_event_handler(api: Api) -> None:
    api.call("POST", "/event", HANDLER)

    assert api.call("PUT", "/event", {**HANDLER, "condition": "true"}).content == b""
    assert api.get("/event")[0]["condition"] == "true"
    assert api.call("DELETE", "/event/h").content == b""
    assert api.get("/event") == []


# ---- scripts of definitions


def test_script_that_does_not_compile() -> None:
    async def script_error(source: str) -> str | None:
        return "it is wrong" if "!" in source else None

    api = Api(MemoryStore(), script_error=script_error)
    switch = {"name": "s", "taskReferenceName": "s", "type": "SWITCH", "evaluatorType": "javascript"}
    body = {"name": "w", "tasks": [{**switch, "expression": "}!", "decisionCases": {"x": [simple("a")]}}]}
    right = {**body, "tasks": [{**body["tasks"][0], "expression": "new Date() ? 'x' : ''"}]}

    answers = [
        api.call("POST", "/metadata/workflow", body),
        api.call("PUT", "/metadata/workflow", [body]),
        api.call("POST", "/metadata/workflow/validate", body),
        api.call("POST", "/workflow", {"name": "w", "workflowDef": body}),
    ]
    accepted = api.call("POST", "/metadata/workflow", right)

    api.close()
    message = "Expression is not well formatted: it is wrong, taskType: SWITCH taskName s"
    assert [answer.status_code for answer in answers] == [400] * 4
    assert [answer.json()["validationErrors"][0]["message"] for answer in answers] == [message] * 4
    assert accepted.status_code == 200
