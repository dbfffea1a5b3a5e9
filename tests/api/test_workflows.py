"""Reading workflows."""

from typing import Any

from .conftest import Api, simple


def loop(ref: str, *body: Any, times: int) -> dict[str, Any]:
    condition = f"$.{ref}.iteration < {times}"
    return {
        "name": ref,
        "taskReferenceName": ref,
        "type": "DO_WHILE",
        "loopCondition": condition,
        "loopOver": list(body),
    }


def test_reading_without_tasks(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    found = api.get(f"/workflow/{workflow_id}?includeTasks=false")

    assert (found["tasks"], found["status"]) == ([], "RUNNING")
    assert found["workflowDefinition"]["name"] == "w"


def test_tasks_are_in_their_order_whatever_was_retried(api: Api) -> None:
    api.call("POST", "/metadata/taskdefs", [{"name": "a", "retryDelaySeconds": 0, "retryCount": 3}])
    api.define(simple("a"), simple("b"))
    workflow_id = api.start()
    api.finish(status="FAILED", reasonForIncompletion="first")
    api.finish()
    api.finish("b")

    tasks = api.workflow(workflow_id)["tasks"]

    assert [(task["seq"], task["status"], task["retried"]) for task in tasks] == [
        (1, "FAILED", True),
        (2, "COMPLETED", False),
        (3, "COMPLETED", False),
    ]
    assert tasks[1]["retriedTaskId"] == tasks[0]["taskId"]


def test_open_loop_shows_its_iterations(api: Api) -> None:
    api.define(loop("l", simple("a"), times=3))
    workflow_id = api.start()
    api.finish(outputData={"x": 1})
    api.finish(outputData={"x": 2})

    found = next(task for task in api.workflow(workflow_id)["tasks"] if task["taskType"] == "DO_WHILE")

    expected = {"1": {"a": {"x": 1}}, "2": {"a": {"x": 2}}, "3": {"a": {}}, "iteration": 3}
    assert found["outputData"] == expected
    assert api.get(f"/tasks/{found['taskId']}")["outputData"] == expected
    refs = [task["referenceTaskName"] for task in api.workflow(workflow_id)["tasks"]]
    assert refs == ["l", "a__1", "a__2", "a__3"]


def test_status(api: Api) -> None:
    api.define(variables={"v": 1}, outputParameters={"y": "${a.output.x}"})
    workflow_id = api.start(correlationId="c")
    api.finish(outputData={"x": 5})

    short = api.get(f"/workflow/{workflow_id}/status")
    long = api.get(f"/workflow/{workflow_id}/status?includeOutput=true&includeVariables=true")

    assert short == {"workflowId": workflow_id, "correlationId": "c", "status": "COMPLETED"}
    assert long == {**short, "output": {"y": 5}, "variables": {"v": 1}}


def test_page_of_tasks(api: Api) -> None:
    api.define(*[simple(f"t{number}", "a") for number in range(4)])
    workflow_id = api.start()
    for _ in range(3):
        api.finish()

    everything = api.get(f"/workflow/{workflow_id}/tasks")
    page = api.get(f"/workflow/{workflow_id}/tasks?start=1&count=2")
    done = api.get(f"/workflow/{workflow_id}/tasks?status=completed,failed")

    assert everything["totalHits"] == 4
    assert [task["referenceTaskName"] for task in page["results"]] == ["t1", "t2"]
    assert (done["totalHits"], len(done["results"])) == (3, 3)
    assert api.get(f"/workflow/{workflow_id}/tasks?start=9")["results"] == []


def test_correlated_workflows(api: Api) -> None:
    api.define()
    ended = api.start(correlationId="c 1")
    api.finish()
    running, paused = api.start(correlationId="c 1"), api.start(correlationId="c 1")
    api.call("PUT", f"/workflow/{paused}/pause")

    open_ones = api.get("/workflow/w/correlated/c%201")
    every_one = api.get("/workflow/w/correlated/c%201?includeClosed=true&includeTasks=true")
    several = api.call("POST", "/workflow/w/correlated", ["c 1", "none"]).json()

    assert [one["workflowId"] for one in open_ones] == [running]
    assert open_ones[0]["tasks"] == []
    assert {one["workflowId"] for one in every_one} == {ended, running, paused}
    assert all(len(one["tasks"]) == 1 for one in every_one)
    assert ([one["workflowId"] for one in several["c 1"]], several["none"]) == ([running], [])


def test_running_workflows(api: Api) -> None:
    api.define()
    api.define(version=2)
    first, second = api.start(version=1), api.start(version=2)
    created_ms = api.workflow(first)["createTime"]

    assert api.get("/workflow/running/w") == [first]
    assert api.get("/workflow/running/w?version=2") == [second]
    assert api.get(f"/workflow/running/w?startTime={created_ms}&endTime={created_ms + 60_000}") == [first]
    assert api.get("/workflow/running/w?startTime=1&endTime=2") == []


def test_masked_fields(api: Api) -> None:
    api.define(simple("a", inputParameters={"card": "${workflow.input.card}"}), maskedFields=["card"])
    workflow_id = api.start(given={"card": 1, "deep": [{"card": {"n": 1}}], "other": 2})
    polled = api.poll()
    api.report(polled, outputData={"card": "x"})

    found = api.workflow(workflow_id)

    assert found["input"] == {"card": "***", "deep": [{"card": "***"}], "other": 2}
    assert found["tasks"][0]["inputData"] == {"card": "***"}
    assert found["tasks"][0]["outputData"] == {"card": "***"}
    assert found["output"] == {"card": "***"}
    assert polled["inputData"] == {"card": 1}
    assert api.get(f"/tasks/{polled['taskId']}")["inputData"] == {"card": "***"}
    assert api.get("/workflow/search")["results"][0]["input"] == "{card=***, deep=[{card=***}], other=2}"
    assert api.get("/tasks/search")["results"][0]["output"] == "{card=***}"
    assert api.get("/tasks/search-v2")["results"][0]["outputData"] == {"card": "***"}
