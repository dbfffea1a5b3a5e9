"""NATS JetStream, as an operator sets it up: a real server of it, podium as a process, and both may crash."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.nats import Nats
from tests.process import Server

PATIENCE_S = 50.0
SLOW = "(function () { var end = Date.now() + 1500; while (Date.now() < end) {} return true; })();"


@pytest.fixture(scope="module")
def broker() -> Iterator[Nats]:
    server = Nats()
    server.start()
    yield server
    server.remove()


class Api:
    """A podium server that uses the broker."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.http = httpx.Client(base_url=f"{server.url}/api", timeout=30)

    def register(self, name: str, *tasks: dict[str, Any]) -> None:
        steps = [{"name": one["taskReferenceName"], **one} for one in tasks]
        answer = self.http.post("/metadata/workflow", json={"name": name, "version": 1, "tasks": steps})
        assert answer.status_code == 200, answer.text

    def handle(self, name: str, event: str, *actions: dict[str, Any], **more: Any) -> None:
        handler = {"name": name, "event": event, "active": True, "actions": list(actions), **more}
        answer = self.http.post("/event", json=handler)
        assert answer.status_code == 200, answer.text

    def start(self, name: str, given: dict[str, Any] | None = None) -> str:
        return self.http.post("/workflow", json={"name": name, "input": given or {}}).text

    def workflow(self, key: str) -> Any:
        return self.http.get(f"/workflow/{key}").json()

    def started(self, name: str) -> list[Any]:
        """Return the workflows of a name."""
        query = {"query": f"workflowType = '{name}'", "size": 50}
        return [
            self.workflow(one["workflowId"])
            for one in self.http.get("/workflow/search", params=query).json()["results"]
        ]

    def executions(self, handler: str) -> list[Any]:
        found: list[Any] = self.http.get(f"/event/execution/{handler}").json()
        return found


@pytest.fixture(scope="module")
def api(broker: Nats, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One server for all tests here, each of which has names of its own."""
    server = Server(tmp_path_factory.mktemp("nats") / "podium.db", PODIUM_NATS_URL=broker.url)
    server.start()
    api = Api(server)
    yield api
    api.http.close()
    code, _ = server.stop()
    assert code == 0
    assert "Traceback" not in server.log.read_text()


def eventually(holds: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < until, "not in time"
        time.sleep(0.05)
    return found


NOTE = {"taskReferenceName": "note", "type": "SET_VARIABLE", "inputParameters": {"n": "${workflow.input.n}"}}


def starts(name: str) -> dict[str, Any]:
    return {"action": "start_workflow", "start_workflow": {"name": name, "input": {"n": "${n}"}}}


def publishes(sink: str) -> dict[str, Any]:
    return {"taskReferenceName": "tell", "type": "EVENT", "sink": sink, "inputParameters": {"n": "${workflow.input.n}"}}


def test_an_event_step_publishes_once_with_its_task_as_the_id(broker: Nats, api: Api) -> None:
    api.register("shop", publishes("nats:shop.paid"))

    key = api.start("shop", {"n": 5})

    [(message_id, message)] = eventually(
        lambda: api.workflow(key)["status"] == "COMPLETED" and stored(broker, "SHOP_PAID")
    )
    assert message_id == api.workflow(key)["tasks"][0]["taskId"]
    assert (message["n"], message["workflowInstanceId"], message["event_produced"]) == (5, key, "nats:shop.paid")


def stored(broker: Nats, stream: str) -> list[tuple[str, Any]]:
    return broker.messages(stream) if broker.ask(lambda context: has_stream(context, stream)) else []


async def has_stream(context: Any, stream: str) -> bool:
    return any(one.config.name == stream for one in await context.streams_info())


def test_a_message_starts_a_workflow_and_is_acknowledged(broker: Nats, api: Api) -> None:
    api.register("from_outside", NOTE)
    api.handle("on_in", "nats:in.orders", starts("from_outside"), condition="$.n > 1")
    eventually(lambda: broker.has_consumer("IN_ORDERS"))

    broker.publish("in.orders", {"n": 1}, "first")
    broker.publish("in.orders", {"n": 2}, "second")
    broker.publish("in.orders", {"n": 2}, "second")

    [found] = eventually(lambda: api.started("from_outside"))
    assert (found["input"]["n"], found["event"]) == (2, "nats:in.orders")
    assert found["input"]["conductor.event.messageId"] == "second"
    eventually(lambda: broker.unacknowledged("IN_ORDERS") == 0)
    assert {(one["messageId"], one["status"]) for one in api.executions("on_in")} == {
        ("first", "SKIPPED"),
        ("second", "COMPLETED"),
    }


def test_what_podium_publishes_its_handlers_get(broker: Nats, api: Api) -> None:
    api.register("round_trip_end", NOTE)
    api.register("round_trip", publishes("jsm:round.trip:group"))
    api.handle("on_round", "jsm:round.trip:group", starts("round_trip_end"))
    eventually(lambda: broker.has_consumer("ROUND_TRIP"))

    api.start("round_trip", {"n": 9})

    [found] = eventually(lambda: api.started("round_trip_end"))
    assert found["input"]["n"] == 9


def test_a_crash_between_receipt_and_action_loses_nothing_and_doubles_nothing(broker: Nats, api: Api) -> None:
    api.register("after_crash", NOTE)
    api.handle("on_crash", "nats:crash", starts("after_crash"), starts("after_crash"), condition=SLOW)
    eventually(lambda: broker.has_consumer("CRASH"))
    broker.hurry("CRASH")

    for number in range(4):
        broker.publish("crash", {"n": number})
    eventually(lambda: broker.delivered("CRASH"))  # the condition takes its time then
    api.server.kill()
    assert broker.unacknowledged("CRASH") == 4
    api.server.start()

    eventually(lambda: broker.unacknowledged("CRASH") == 0)
    assert sorted(one["input"]["n"] for one in api.started("after_crash")) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_broker_that_is_away_is_waited_for(broker: Nats, api: Api) -> None:
    api.register("patient_end", NOTE)
    api.register("patient", publishes("nats:patient"))
    api.handle("on_patient", "nats:patient", starts("patient_end"))
    eventually(lambda: broker.has_consumer("PATIENT"))

    broker.kill()
    keys = [api.start("patient", {"n": number}) for number in range(3)]
    eventually(lambda: all(api.workflow(key)["status"] == "COMPLETED" for key in keys))
    assert api.started("patient_end") == []
    broker.start()

    eventually(lambda: len(api.started("patient_end")) == 3)
    assert sorted(one["input"]["n"] for one in api.started("patient_end")) == [0, 1, 2]
    assert len(broker.messages("PATIENT")) == 3


def test_a_handler_that_is_not_active_any_more_hears_nothing(broker: Nats, api: Api) -> None:
    api.register("seldom", NOTE)
    api.handle("on_seldom", "nats:seldom", starts("seldom"))
    eventually(lambda: broker.has_consumer("SELDOM"))

    handler = api.http.get("/event/nats:seldom").json()[0]
    api.http.put("/event", json={**handler, "active": False})
    eventually(lambda: not is_heard(broker, "SELDOM"))
    broker.publish("seldom", {"n": 1})
    assert api.started("seldom") == []
    api.http.put("/event", json=handler)

    assert [one["input"]["n"] for one in eventually(lambda: api.started("seldom"))] == [1]


def is_heard(broker: Nats, stream: str) -> bool:
    async def bound(context: Any) -> bool:
        return bool((await context.consumers_info(stream))[0].push_bound)

    return broker.ask(bound)


def test_without_a_broker_the_step_fails_and_says_why(tmp_path: Path) -> None:
    server = Server(tmp_path / "podium.db")
    server.start()
    api = Api(server)
    api.register("shop", publishes("nats:shop"))

    key = api.start("shop")

    assert "Unknown queue type nats" in api.workflow(key)["reasonForIncompletion"]
    api.http.close()
    assert server.stop()[0] == 0
