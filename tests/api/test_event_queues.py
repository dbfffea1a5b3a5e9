"""The event monitor, messages from outside, configurations of queues, and the calls that end tasks as a queue would."""

import pytest
from msgspec.structs import replace

from .conftest import Api, Json, simple, wait

MESSAGE = {"event": "conductor:orders", "id": "m1", "order": 7}


def handler(name: str = "h", **fields: Json) -> dict[str, Json]:
    start = {"name": "w", "input": {"order": "${order}"}}
    actions = [{"action": "start_workflow", "start_workflow": start}]
    return {"name": name, "event": "conductor:orders", "active": True, "actions": actions, **fields}


def test_handlers_by_name(api: Api) -> None:
    assert api.call("POST", "/event", [handler("h1"), handler("h2")]).status_code == 200

    assert [one["name"] for one in api.get("/event/handler/")] == ["h1", "h2"]
    assert api.get("/event/handler/h2")["name"] == "h2"
    assert api.call("GET", "/event/handler/none").status_code == 404


def test_of_several_handlers_all_or_none_are_registered(api: Api) -> None:
    assert api.call("POST", "/event", [handler("h1"), handler("")]).status_code == 400

    assert api.get("/event") == []


def test_message_from_outside(api: Api) -> None:
    api.define(simple("a"))
    api.call("POST", "/event", handler())

    for _ in range(2):  # the second is the same message
        assert api.call("POST", "/event/handleIncomingEvent", MESSAGE).status_code == 200

    assert api.get("/workflow/search")["totalHits"] == 1
    assert api.workflow(api.finish()["workflowInstanceId"])["input"]["order"] == 7


def test_message_whose_handling_was_cut_off_is_handled_to_its_end_once(api: Api) -> None:
    """As when the server dies between an action and its record: the broker delivers the message again."""
    api.define(simple("a"))
    api.call("POST", "/event", handler())
    api.call("POST", "/event/handleIncomingEvent", MESSAGE)
    (done,) = api.run(api.node.store.event_executions("h", 10))
    api.run(api.node.store.add_event_execution(replace(done, status="IN_PROGRESS"), replace=True))

    assert api.call("POST", "/event/handleIncomingEvent", MESSAGE).status_code == 200

    assert api.get("/workflow/search")["totalHits"] == 1
    assert [one["status"] for one in api.get("/event/execution/h")] == ["COMPLETED"]


@pytest.mark.parametrize("body", [{}, {"event": "orders"}, {"event": 1}])
def test_message_to_nobody(api: Api, body: Json) -> None:
    assert api.call("POST", "/event/handleIncomingEvent", body).status_code == 400


def test_monitor(api: Api) -> None:
    api.define(simple("a"))
    api.call("POST", "/event", [handler(), handler("idle", event="conductor:x", active=False)])
    api.call("POST", "/event/handleIncomingEvent", MESSAGE)

    seen = {"event": "conductor:orders", "name": "h", "active": True, "numberOfActions": 1, "numberOfMessages": 1}
    idle = {**seen, "event": "conductor:x", "name": "idle", "active": False, "numberOfMessages": 0}
    for view in ("execution", "message"):
        assert api.get(f"/event/{view}") == {"totalHits": 2, "results": [seen, idle]}
    (done,) = api.get("/event/execution/h")
    assert (done["messageId"], done["action"], done["status"]) == ("m1", "start_workflow", "COMPLETED")
    assert api.workflow(done["output"]["workflowId"])["event"] == "conductor:orders"
    (message,) = api.get("/event/message/conductor:orders")
    assert (message["id"], message["eventExecutions"]) == ("m1", [done])
    assert api.get("/event/message/none") == []


def test_old_executions_are_forgotten(api: Api) -> None:
    api.define(simple("a"))
    api.call("POST", "/event", handler())
    api.call("POST", "/event/handleIncomingEvent", MESSAGE)
    now_ms = api.node.clock.now_ms()

    assert api.run(api.node.housekeeping.tidy()) == 0
    api.node.housekeeping._now_ms = lambda: now_ms + 8 * 86_400_000
    assert api.run(api.node.housekeeping.tidy()) == 1

    assert api.get("/event/execution/h") == []


def test_queue_configurations(api: Api) -> None:
    call = "/event/queue/config/kafka/orders"

    assert api.call("PUT", call, {"topic": "o"}).status_code == 200
    api.call("PUT", "/event/queue/config/nats/x", '{"url": "u"}')  # JSON text inside of JSON

    assert api.get(call) == {"topic": "o"}
    assert api.get("/event/queue/config") == {"kafka:orders": '{"topic":"o"}', "nats:x": '{"url":"u"}'}
    assert api.call("DELETE", call).status_code == 200
    assert api.call("GET", call).status_code == 404
    assert api.call("PUT", call, ["list"]).status_code == 400


def test_queues_of_handlers(api: Api) -> None:
    api.call("POST", "/event", [handler(), handler("idle", event="conductor:x", active=False)])

    assert api.get("/admin/queues") == {"conductor:orders": "orders"}
    assert api.get("/admin/queues?verbose=true") == {"conductor:orders": {"orders": 0}}


def test_tasks_ended_as_by_a_queue(api: Api) -> None:
    api.define(wait("w1"), wait("w2"))
    workflow_id = api.start()
    at = f"/queue/update/{workflow_id}"

    assert api.get("/queue/") == {"COMPLETED": "conductor_notify_COMPLETED", "FAILED": "conductor_notify_FAILED"}
    assert set(api.get("/queue/size").values()) == {0}
    assert api.call("POST", f"{at}/w1/COMPLETED", {"r": 1}).content == b""
    second = api.workflow(workflow_id)["tasks"][1]
    assert api.call("POST", f"{at}/task/{second['taskId']}/FAILED", {"r": 2}).status_code == 200

    found = api.workflow(workflow_id)
    assert [(task["status"], task["outputData"]) for task in found["tasks"]] == [
        ("COMPLETED", {"r": 1}),
        ("FAILED", {"r": 2}),
    ]
    assert api.call("POST", f"{at}/w1/IN_PROGRESS", {}).status_code == 400
    assert api.call("POST", f"{at}/task/none/COMPLETED", {}).status_code == 404


def test_flags_of_the_user_interface(wire: Api) -> None:
    answer = wire.call("GET", "//context.js")

    assert answer.headers["content-type"].startswith("text/javascript")
    assert "window.conductor" in answer.text
