"""What the bombs are thrown at: a server, one open workflow on it, and everything that it holds."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
from tests.process import Server

T = TypeVar("T")
Json = Any

CPU_S_MAX = 1.0  # not seconds of the clock: those depend on what else the machine does
TRIES = 3
ENDS_S_MAX = 20.0


class Target:
    """Calls of the server that tests need."""

    def __init__(self, server: Server, beside: str) -> None:
        self.server = server
        self.client = httpx.Client(base_url=server.url, timeout=30.0)
        self.define("idle", [simple("a")])
        self.workflow_id = self.start("idle")
        self.task_id = self.workflow_id[:-8] + "00000001"
        self._beside = beside  # the workflow that goes on meanwhile
        self._names = 0

    def define(self, name: str, steps: list[Json], **fields: Json) -> None:
        body = {"name": name, "version": 1, "tasks": steps, **fields}
        answer = self.client.post("/api/metadata/workflow", json=body)
        assert answer.status_code == 200, answer.text

    def start(self, name: str, given: Json = None) -> str:
        answer = self.client.post("/api/workflow", json={"name": name, "input": given or {}})
        assert answer.status_code == 200, answer.text
        return answer.text

    def run(self, steps: list[Json], given: Json = None, **fields: Json) -> dict[str, Json]:
        """Define and start a workflow, and return it when it has ended."""
        self._names += 1
        name = f"bomb{self._names}"
        self.define(name, steps, **fields)
        return self.ended(self.start(name, given))

    def ended(self, workflow_id: str) -> dict[str, Json]:
        """Return a workflow when it has ended."""
        path = f"/api/workflow/{workflow_id}"
        eventually(lambda: self.client.get(path).json()["status"] != "RUNNING")
        found: dict[str, Json] = self.client.get(path).json()
        return found

    def count(self, query: str) -> int:
        """Return how many workflows match a query."""
        found = self.client.get("/api/workflow/search", params={"query": query, "size": 0}).json()
        return int(found["totalHits"])

    def held(self) -> Json:
        """Return what the server holds, apart from the workflows that go on beside."""
        get = self.client.get
        return {
            "definitions": get("/api/metadata/workflow/names-and-versions").json(),
            "tasks": [one["name"] for one in get("/api/metadata/taskdefs").json()],
            "handlers": get("/api/event").json(),
            "workflows": self.count(f"workflowType != {self._beside}"),
            "open": get(f"/api/workflow/{self.workflow_id}").json(),
        }

    def timely(self, call: Callable[[], T]) -> T:
        """Return what *call* returns; one of a few tries must take the server little time."""
        took = []
        for _ in range(TRIES):
            begun = cpu_s(self.server)
            found = call()
            took.append(cpu_s(self.server) - begun)
            if took[-1] < CPU_S_MAX:
                return found
        raise AssertionError(f"took {took} s of CPU")

    def refuses(self, status: int, method: str, path: str, **options: Any) -> None:
        """Expect *status* in time, with an error body."""
        answer = self.timely(lambda: self.client.request(method, path, **options))
        assert answer.status_code == status, f"{method} {path[:100]}: {answer.status_code} {answer.text[:300]}"
        assert is_error_body(answer.content, status), answer.text[:300]


def simple(ref: str, **given: Json) -> dict[str, Json]:
    """A step for a worker that never comes."""
    return {"name": "x", "taskReferenceName": ref, "type": "SIMPLE", "inputParameters": given}


def step(kind: str, ref: str = "s", **fields: Json) -> dict[str, Json]:
    """Any other step."""
    return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}


def eventually(condition: Callable[[], bool], within_s: float = ENDS_S_MAX) -> None:
    """Wait for *condition*."""
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, f"not within {within_s} s"
        time.sleep(0.02)


def is_error_body(body: bytes, status: int) -> bool:
    """Whether *body* is what Conductor's clients expect with *status*."""
    found = json.loads(body)
    return bool(found["status"] == status and found["message"] and found["retryable"] is False)


def cpu_s(server: Server) -> float:
    """Return the CPU time that the server's process has used."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(server: Server, field: str = "VmRSS") -> float:
    """Return the memory of the server's process, or with VmHWM the most that it ever had."""
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))
