"""Searching for workflows and tasks."""

import re

import pytest

from .conftest import Api, child, simple


def found(api: Api, path: str, **parameters: str | int) -> list[str]:
    key = "taskId" if path.startswith("/tasks") else "workflowId"
    return [one[key] for one in api.get(path, params=parameters)["results"]]


def test_summary_of_a_workflow(api: Api) -> None:
    api.define()
    workflow_id = api.start(given={"x": 1, "n": None, "l": [1.0, "t"]}, correlationId="c", priority=3)
    api.finish(outputData={"y": True})

    answer = api.get("/workflow/search")

    assert answer["totalHits"] == 1
    summary = answer["results"][0]
    for key in ("startTime", "updateTime", "endTime"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", summary.pop(key))
    assert summary.pop("executionTime") >= 0
    assert summary == {
        "workflowType": "w",
        "version": 1,
        "workflowId": workflow_id,
        "correlationId": "c",
        "status": "COMPLETED",
        "input": "{x=1, n=null, l=[1.0, t]}",
        "output": "{y=true}",
        "failedReferenceTaskNames": "",
        "priority": 3,
        "failedTaskNames": [],
        "taskToDomain": {},
        "parentWorkflowId": "",
        "classifier": "workflow",
        "inputSize": 25,
        "outputSize": 8,
    }


def test_summary_of_a_running_workflow_has_no_end(api: Api) -> None:
    api.define()
    api.start()

    assert "endTime" not in api.get("/workflow/search")["results"][0]


def test_queries(api: Api) -> None:
    api.define()
    api.define(name="v")
    running, other = api.start(correlationId="c"), api.start("v")
    ended = api.start("v")
    api.call("DELETE", f"/workflow/{ended}")

    assert found(api, "/workflow/search", query="workflowType='w'") == [running]
    assert found(api, "/workflow/search", query="workflowType IN (w,v) AND status IN (TERMINATED)") == [ended]
    assert found(api, "/workflow/search", query=f'workflowId="{other}"') == [other]
    assert found(api, "/workflow/search", query="correlationId IN (c)") == [running]
    assert found(api, "/workflow/search", query="startTime<5") == []
    assert found(api, "/workflow/search", freeText="*", sort="startTime:DESC|workflowId:DESC") == sorted(
        [running, other, ended], reverse=True
    )


def test_pages(api: Api) -> None:
    api.define()
    ids = sorted(api.start() for _ in range(3))

    assert found(api, "/workflow/search", start=1, size=1, sort="workflowId:ASC") == ids[1:2]
    assert api.get("/workflow/search?size=0") == {"totalHits": 3, "results": []}


def test_top_level_only_and_classifier(api: Api) -> None:
    api.define(simple("a"), name="inner")
    api.define(child("c", "inner"), name="outer")
    outer = api.start("outer")
    api.run(api.node.settle())

    assert api.get("/workflow/search")["totalHits"] == 2
    assert found(api, "/workflow/search", topLevelOnly="true") == [outer]
    assert found(api, "/workflow/search", topLevelOnly="true", query="workflowType=inner OR workflowType=outer") == [
        outer
    ]
    assert found(api, "/workflow/search", classifier="agent") == []
    assert len(found(api, "/workflow/search", classifier="agent,workflow")) == 2
    assert found(api, "/workflow/search", classifier='") OR (status = "RUNNING') == []


def test_free_text(api: Api) -> None:
    api.define()
    found_one = api.start(given={"city": "Lisbon"})
    api.start(given={"city": "Porto"})

    assert found(api, "/workflow/search", freeText="lisb") == [found_one]


@pytest.mark.parametrize(
    "parameters",
    [
        {"query": "status !! RUNNING"},
        {"query": "nope = 1"},
        {"sort": "nope:ASC"},
        {"start": -1},
        {"query": "a" * 20_000},
    ],
)
def test_wrong_searches(api: Api, parameters: dict[str, str]) -> None:
    for path in ("/workflow/search", "/tasks/search"):
        assert api.call("GET", path, params=parameters).status_code == 400


def test_whole_workflows(api: Api) -> None:
    api.define(variables={"v": 1})
    workflow_id = api.start(given={"x": 1})

    answer = api.get("/workflow/search-v2")

    assert (answer["totalHits"], answer["results"][0]["workflowId"]) == (1, workflow_id)
    result = answer["results"][0]
    assert (result["tasks"], result["input"], result["variables"]) == ([], {"x": 1}, {"v": 1})


def test_workflows_by_their_tasks(api: Api) -> None:
    api.define(simple("x", "a"), simple("y", "a"))
    api.define(simple("b"), name="v")
    workflow_id = api.start()
    api.start("v")
    api.finish()

    for path in ("search-by-tasks", "search-by-tasks-v2"):
        answer = api.get(f"/workflow/{path}", params={"query": "taskDefName = a"})
        assert answer["totalHits"] == 1
        assert [one["workflowId"] for one in answer["results"]] == [workflow_id]


def test_summary_of_a_task(api: Api) -> None:
    api.define(simple("a", inputParameters={"x": "${workflow.input.x}"}))
    workflow_id = api.start(given={"x": [1]}, priority=4)
    task = api.finish(outputData={"y": None})

    answer = api.get("/tasks/search", params={"query": "taskType IN (a) AND status = COMPLETED"})

    summary = answer["results"][0]
    assert answer["totalHits"] == 1
    for key in ("scheduledTime", "startTime", "updateTime", "endTime"):
        assert summary.pop(key).endswith("Z")
    assert summary.pop("executionTime") >= 0
    assert summary.pop("queueWaitTime") >= 0
    assert summary == {
        "workflowId": workflow_id,
        "workflowType": "w",
        "status": "COMPLETED",
        "taskDefName": "a",
        "taskType": "a",
        "input": "{x=[1]}",
        "output": "{y=null}",
        "taskId": task["taskId"],
        "workflowPriority": 4,
    }


def test_whole_tasks(api: Api) -> None:
    api.define()
    api.start()
    task = api.finish(outputData={"y": 1})

    answer = api.get("/tasks/search-v2", params={"query": f'taskId = "{task["taskId"]}"'})

    assert answer["totalHits"] == 1
    assert (answer["results"][0]["outputData"], answer["results"][0]["workflowTask"]) == (
        {"y": 1},
        task["workflowTask"],
    )


def test_task_search_for_too_many(api: Api) -> None:
    assert api.call("GET", "/tasks/search?size=5001").status_code == 400
