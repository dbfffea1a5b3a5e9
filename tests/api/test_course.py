"""Calls that change what a running workflow does next: jump, upgrade, messages, state; and the calls around them."""

from .conftest import Api, simple, wait

PULL = {"name": "pull", "taskReferenceName": "pull", "type": "PULL_WORKFLOW_MESSAGES"}


def test_jump(api: Api) -> None:
    api.define(simple("a"), simple("b"), simple("c"))
    workflow_id = api.start()

    answer = api.call("POST", f"/workflow/{workflow_id}/jump/c", {"k": 1})

    assert (answer.status_code, answer.content) == (200, b"")
    assert api.statuses(workflow_id) == {"a": "CANCELED", "c": "SCHEDULED"}
    assert api.finish("c")["inputData"] == {"k": 1}
    assert api.workflow(workflow_id)["status"] == "COMPLETED"


def test_jump_of_the_clients_that_leave_the_name_unfilled(api: Api) -> None:
    api.define(simple("a"), simple("b"))
    workflow_id = api.start()

    answer = api.call("POST", f"/workflow/{workflow_id}/jump/%7BtaskReferenceName%7D?taskReferenceName=b", {})

    assert answer.status_code == 200
    assert api.finish("b")


def test_jump_to_nowhere(api: Api) -> None:
    api.define(simple("a"))
    workflow_id = api.start()

    assert api.call("POST", f"/workflow/{workflow_id}/jump/x").status_code == 404
    assert api.call("POST", "/workflow/none/jump/x").status_code == 404
    assert api.statuses(workflow_id) == {"a": "SCHEDULED"}


def test_upgrade(api: Api) -> None:
    api.define(simple("a"))
    workflow_id = api.start(given={"n": 1})
    api.define(simple("a"), simple("skipped"), simple("b"), version=2)

    body = {"name": "w", "version": 2, "taskOutput": {"skipped": {"r": 1}}, "workflowInput": {"m": 2}}
    answer = api.call("POST", f"/workflow/{workflow_id}/upgrade", body)

    assert (answer.status_code, answer.content) == (200, b"")
    api.finish("a")
    api.finish("b")
    found = api.workflow(workflow_id)
    assert (found["status"], found["workflowVersion"], found["input"]) == ("COMPLETED", 2, {"n": 1, "m": 2})
    assert api.statuses(workflow_id)["skipped"] == "SKIPPED"


def test_upgrade_to_nothing_or_to_another_workflow(api: Api) -> None:
    api.define(simple("a"))
    workflow_id = api.start()
    call = f"/workflow/{workflow_id}/upgrade"

    assert api.call("POST", call, {"name": "w", "version": 9}).status_code == 404
    assert api.call("POST", call, {"name": "other"}).status_code == 400
    api.define(simple("else"), version=2)
    assert api.call("POST", call, {}).status_code == 409
    assert api.workflow(workflow_id)["workflowVersion"] == 1


def test_messages(api: Api) -> None:
    api.define(PULL, simple("a", got="${pull.output.messages[0].payload}"))
    workflow_id = api.start()

    answer = api.call("POST", f"/workflow/{workflow_id}/messages", {"n": 1})

    assert answer.headers["content-type"].startswith("text/plain")
    pulled = api.workflow(workflow_id)["tasks"][0]["outputData"]
    assert (pulled["count"], pulled["messages"][0]["id"]) == (1, answer.text)
    assert pulled["messages"][0]["payload"] == {"n": 1}
    api.finish("a")
    assert api.call("POST", f"/workflow/{workflow_id}/messages", {}).status_code == 409
    assert api.call("POST", "/workflow/none/messages", {}).status_code == 404


def test_a_full_queue_of_messages(api: Api) -> None:
    api.define(simple("a"))
    workflow_id = api.start()
    large = {"text": "x" * 100_000}

    answers = [api.call("POST", f"/workflow/{workflow_id}/messages", large).status_code for _ in range(3)]

    assert answers == [200, 200, 429]


def test_state(api: Api) -> None:
    api.define(wait("first"), simple("a"), wait("last"))
    workflow_id = api.start()

    body = {"taskReferenceName": "first", "taskResult": {"outputData": {"r": 1}}, "variables": {"v": 2}}
    answer = api.call("POST", f"/workflow/{workflow_id}/state?requestId=me&waitUntilTaskRef=first", body)

    found = answer.json()
    assert answer.status_code == 200
    assert (found["requestId"], found["status"], found["variables"]) == ("me", "RUNNING", {"v": 2})
    assert {task["referenceTaskName"]: task["status"] for task in found["tasks"]} == {
        "first": "COMPLETED",
        "a": "SCHEDULED",
    }
    assert api.workflow(workflow_id)["tasks"][0]["outputData"] == {"r": 1}


def test_state_of_a_task_that_is_not_there_changes_nothing(api: Api) -> None:
    api.define(wait("first"))
    workflow_id = api.start()
    call = f"/workflow/{workflow_id}/state"

    assert api.call("POST", call, {"taskReferenceName": "x", "variables": {"v": 1}}).status_code == 404
    assert api.call("POST", call, {"taskResult": {"status": "COMPLETED"}}).status_code == 400

    found = api.workflow(workflow_id)
    assert (found["variables"], found["tasks"][0]["status"]) == ({}, "IN_PROGRESS")


def test_correlated_batch(api: Api) -> None:
    for name in ("one", "two"):
        api.define(simple("a"), name=name)
        api.start(name, correlationId="c")
    api.start("one", correlationId="d")

    body = {"correlationIds": ["c", "d", "none"], "workflowNames": ["one", "two"]}
    found = api.call("POST", "/workflow/correlated/batch", body).json()

    names = {key: [one["workflowName"] for one in several] for key, several in found.items()}
    assert names == {"c": ["one", "two"], "d": ["one"]}


def test_execution_by_name_answers_with_the_output(api: Api) -> None:
    api.define(
        {"name": "s", "taskReferenceName": "s", "type": "SET_VARIABLE", "inputParameters": {"v": 1}},
        outputParameters={"n": "${workflow.input.n}"},
    )

    posted = api.call("POST", "/workflow/execute/w?version=1", {"n": 5}, headers={"requestId": "r"})
    read = api.call("GET", "/workflow/execute/w")

    assert (posted.json(), read.json()) == ({"n": 5}, {"n": None})


def test_execution_by_name_waits_for_the_task_of_the_header(api: Api) -> None:
    api.define(wait("w1"), simple("a"), wait("w2"))

    answer = api.call("POST", "/workflow/execute/w", {}, headers={"waitUntilTaskRef": "w1", "waitForSeconds": "1"})

    assert answer.json() == {}
    bad = api.call("POST", "/workflow/execute/w", {}, headers={"waitForSeconds": "soon"})
    assert bad.status_code == 400
    assert "waitForSeconds" in bad.json()["message"]


def test_acknowledgement(api: Api) -> None:
    api.define(simple("a"))
    api.start()
    task = api.poll("a")
    call = f"/tasks/{task['taskId']}/ack"

    assert api.call("POST", call).text == "true"
    api.report(task)
    assert api.call("POST", call).text == "false"
    assert api.call("POST", "/tasks/none/ack").status_code == 404


def test_location_of_a_large_payload(wire: Api) -> None:
    for area in ("workflow/externalstoragelocation", "tasks/external-storage-location"):
        found = wire.get(f"/{area}?path=p&operation=WRITE&payloadType=TASK_OUTPUT")
        assert list(found) == ["path"]
        assert found["path"].endswith(".json")

    bad = wire.call("GET", "/tasks/externalstoragelocation?path=p&operation=TAKE&payloadType=x")
    assert bad.status_code == 400
    assert bad.json()["message"].startswith("Invalid input - Operation: TAKE, PayloadType: x")
