"""Thousands of requests that keep, or break, the OpenAPI document: none may break the server.

No operation is left out. What schemathesis checks and is not asked here: that every request outside of the schema is
refused (texts for numbers and the like are taken on purpose, as upstream does), and that every one within it is
accepted (definitions have rules that a schema can't say).
"""

import json
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from schemathesis import Case
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from tests.process import Server

from .fuzz import STEP, Aim, beside_a_wait, operations, requests_for

REQUESTS_MIN = 2_000
TIMEOUT_S = 10.0
ERROR_FIELDS = {"status": int, "message": str, "retryable": bool}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path / "fuzz.db", PODIUM_SECRET_KEY="x" * 32)  # without it, storing a secret is a 501
    found.start()
    yield found
    found.kill()


@pytest.fixture
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection of this process that leaves the machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        assert self.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1"), address
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


class Run:
    """One pass over all operations."""

    def __init__(self, url: str) -> None:
        self.statuses: Counter[int] = Counter()
        self.faults: list[str] = []
        self.aim = Aim()
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_S)
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        self._session.close()
        self._client.close()

    def prepare(self) -> None:
        """Provide what requests aim at; some of them delete it."""
        definition = {"name": "fuzzed", "version": 1, "tasks": beside_a_wait([STEP])}
        self._client.post("/api/metadata/workflow?overwrite=true", json=definition).raise_for_status()
        self._client.post("/api/metadata/taskdefs", json=[{"name": "fuzzed", "retryCount": 0}]).raise_for_status()
        started = self._client.post("/api/workflow", json={"name": "fuzzed", "version": 1})
        workflow_id = started.raise_for_status().text
        self.aim.known = {
            "workflowId": workflow_id,
            "workflowInstanceId": workflow_id,
            "taskId": workflow_id[:-8] + "00000002",
            "taskRefName": "only",
            "taskReferenceName": "only",
            "status": "COMPLETED",
            "name": "fuzzed",
            "tasktype": "fuzzed",
            "taskType": "fuzzed",
            "version": 1,
            "overwrite": True,
            "returnStrategy": "TARGET_WORKFLOW",
        }

    def ask(self, case: Case) -> None:
        answer = case.call(session=self._session, timeout=TIMEOUT_S)
        self.statuses[answer.status_code] += 1
        fault = complaint(answer.status_code, answer.content)
        if not fault and answer.content:
            try:
                checks = [response_schema_conformance, content_type_conformance]
                case.validate_response(answer, checks=checks)
            except BaseExceptionGroup as group:
                fault = str(group.exceptions[0])
        if fault:
            self.faults.append(f"{fault}\n  {case.as_curl_command()[:1000]}")


def complaint(status: int, body: bytes) -> str | None:
    """Return what is wrong with an answer that no schema says."""
    if status >= 500:
        return f"{status} {body[:300]!r}"
    if status < 400 or not body:  # as those to HEAD
        return None
    value = json.loads(body)
    if type(value) is not dict or any(type(value.get(name)) is not kind for name, kind in ERROR_FIELDS.items()):
        return f"{status} has no error body: {body[:300]!r}"
    return None if value["status"] == status and value["message"] else f"{status} says something else: {body[:300]!r}"


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("loopback_only")
def test_no_request_breaks_the_server(server: Server) -> None:
    schema, everything = operations(f"{server.url}/api-docs")
    run = Run(server.url)
    try:
        for operation in everything:
            run.prepare()
            for number, case in enumerate(requests_for(schema, operation)):
                run.ask(run.aim.bounded(run.aim.sharpened(case) if number % 2 else case))
    finally:
        run.close()
    asked = sum(run.statuses.values())
    print(f"{asked} requests to {len(everything)} operations: {dict(sorted(run.statuses.items()))}")
    assert not run.faults, f"{len(run.faults)} faults:\n" + "\n".join(run.faults[:10])
    assert asked >= REQUESTS_MIN
    assert run.statuses[200] >= 400, "the requests must get somewhere"
    assert "Traceback" not in server.log.read_text()
    assert_works(server.url)


def assert_works(url: str) -> None:
    """A normal workflow runs to its end."""
    task_type = "after_the_fuzzing"
    with httpx.Client(base_url=url, timeout=TIMEOUT_S) as client:
        assert client.get("/health").json()["healthy"] is True
        definition = {"name": task_type, "version": 1, "tasks": [{**STEP, "name": task_type}]}
        client.post("/api/metadata/workflow", json=definition).raise_for_status()
        workflow_id = client.post("/api/workflow", json={"name": task_type}).text
        task = client.get(f"/api/tasks/poll/{task_type}").json()
        result = {"workflowInstanceId": workflow_id, "taskId": task["taskId"], "status": "COMPLETED"}
        client.post("/api/tasks", json=result).raise_for_status()
        assert client.get(f"/api/workflow/{workflow_id}").json()["status"] == "COMPLETED"
