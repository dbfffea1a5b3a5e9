"""Health, version, operators' calls, the absence of tokens, and the pages."""

import re

import pytest

from podium import __version__
from podium.model.errors import Unavailable

from .conftest import Api, child, simple

UNKNOWN = "01a20595-5b97-8ea6-ac47-f87000000000"


@pytest.mark.parametrize("path", ["//health", "/health", "//readyz"])
def test_health(wire: Api, path: str) -> None:
    assert wire.get(path) == {"healthResults": [], "suppressedHealthResults": [], "healthy": True}


@pytest.mark.parametrize("path", ["//health", "//actuator/health"])
def test_health_of_a_store_that_is_gone(wire: Api, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    async def fail() -> int:
        raise Unavailable("no disk")

    monkeypatch.setattr(wire.node.store, "now_ms", fail)

    answer = wire.call("GET", path)

    assert answer.status_code == 503
    assert answer.json().get("healthy", answer.json().get("status")) in (False, "DOWN")


def test_version(wire: Api) -> None:
    answer = wire.call("GET", "/version")

    assert (answer.text, answer.headers["content-type"]) == (__version__, "text/plain;charset=UTF-8")


@pytest.mark.parametrize(("method", "path"), [("POST", "/token"), ("GET", "/token/userInfo")])
def test_no_tokens_as_the_clients_expect_it(wire: Api, method: str, path: str) -> None:
    answer = wire.call(method, path)

    assert (answer.status_code, answer.json()["message"]) == (404, f"No static resource api{path}.")


def test_metrics_without_anybody_who_counts(wire: Api) -> None:
    assert wire.call("GET", "//metrics").status_code == 404


def test_config(wire: Api) -> None:
    assert wire.get("/admin/config") == {"port": 8080, "version": __version__}


def test_waiting_tasks(api: Api) -> None:
    api.define()
    ids = [api.start() for _ in range(3)]

    assert [task["workflowInstanceId"] for task in api.get("/admin/task/a?start=1&count=1")] == ids[1:2]
    assert len(api.get("/admin/task/a")) == 3


def test_sweep(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    assert api.call("POST", f"/admin/sweep/requeue/{workflow_id}").text == f"true.{workflow_id}"
    assert api.call("POST", f"/admin/sweep/requeue/{UNKNOWN}").text == f"false.{UNKNOWN}"


def test_repair(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    assert api.call("POST", f"/admin/consistency/verifyAndRepair/{workflow_id}").text == "false"
    assert api.call("POST", f"/admin/consistency/verifyAndRepair/{UNKNOWN}").status_code == 404


def quarantined(api: Api, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a workflow on which the engine failed when its first task was reported."""

    def fail(*_: object) -> None:
        raise RuntimeError("a fault of the engine")

    api.define(simple("a"), simple("b"), simple("c"))
    workflow_id = api.start()
    task = api.poll("a")
    with monkeypatch.context() as patch:
        patch.setattr("podium.runtime.committer.decide", fail)
        assert api.report(task).status_code == 500
    assert api.report(task).status_code == 500
    return workflow_id


def test_a_quarantined_workflow_goes_on_when_it_is_released(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow_id = quarantined(api, monkeypatch)

    answer = api.call("POST", f"/admin/workflow/{workflow_id}/release")

    assert (answer.status_code, answer.text) == (200, "RuntimeError: a fault of the engine")
    assert api.call("POST", f"/admin/workflow/{workflow_id}/release").status_code == 409
    assert api.statuses(workflow_id) == {"a": "IN_PROGRESS"}
    api.report(api.workflow(workflow_id)["tasks"][0])
    api.finish("b")
    assert api.statuses(workflow_id) == {"a": "COMPLETED", "b": "COMPLETED", "c": "SCHEDULED"}


def test_a_released_workflow_has_its_tasks_back_in_the_queue(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.define()
    workflow_id = api.start()
    with monkeypatch.context() as patch:
        patch.setattr("podium.runtime.committer.decide", lambda *_: 1 / 0)
        api.call("PUT", f"/workflow/{workflow_id}/pause")
    assert api.call("GET", "/tasks/poll/a").status_code == 204

    api.call("POST", f"/admin/workflow/{workflow_id}/release")

    assert api.poll("a")["workflowInstanceId"] == workflow_id


def test_a_quarantined_workflow_can_be_removed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow_id = quarantined(api, monkeypatch)

    answer = api.call("DELETE", f"/workflow/{workflow_id}/remove?archiveWorkflow=false")

    assert answer.status_code == 200
    assert api.call("GET", f"/workflow/{workflow_id}").status_code == 404


@pytest.mark.parametrize("path", ["/", "/docs", "/swagger-ui/", "/swagger-ui/index.html"])
def test_pages_take_nothing_from_outside(wire: Api, path: str) -> None:
    answer = wire.call("GET", f"/{path}")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r"https?://", answer.text) == []
    for link in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        if link != "/metrics":
            assert wire.call("GET", f"/{link.replace('&amp;', '&')}").status_code == 200, link


def test_workflow_with_a_sub_workflow_that_does_not_exist_yet_can_be_read(api: Api) -> None:
    api.define(child("c", "none"), simple("a"))

    assert api.workflow(api.start())["workflowName"] == "w"
