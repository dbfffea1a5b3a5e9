"""A clean stop: SIGTERM under load answers who waits, finishes what was accepted, and ends in time."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.process import Server

SECONDS_MAX = 5.0
STARTERS, WORKERS, LONG_POLLS = 4, 2, 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path / "stop.db")
    found.start()
    with httpx.Client(base_url=found.url) as client:
        steps = [{"name": name, "taskReferenceName": name, "type": "SIMPLE"} for name in ("a", "b")]
        client.post("/api/metadata/workflow", json={"name": "w", "version": 1, "tasks": steps}).raise_for_status()
    yield found
    found.kill()


class Load:
    """Clients that go on until the server refuses; what it acknowledged is written down."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.started: list[str] = []
        self.completed: list[str] = []
        self.is_busy = threading.Event()
        self._threads = [threading.Thread(target=self._repeat, args=(self._start,)) for _ in range(STARTERS)]
        self._threads += [threading.Thread(target=self._repeat, args=(self._work,)) for _ in range(WORKERS)]
        for thread in self._threads:
            thread.start()

    def _repeat(self, step: Callable[[httpx.Client], None]) -> None:
        with httpx.Client(base_url=self.url, timeout=20.0) as client:
            try:
                while True:
                    step(client)
            except httpx.HTTPError:  # it is gone, or says 503
                return

    def _start(self, client: httpx.Client) -> None:
        answer = client.post("/api/workflow", json={"name": "w"})
        answer.raise_for_status()
        self.started.append(answer.text)

    def _work(self, client: httpx.Client) -> None:
        polled = client.get("/api/tasks/poll/a", params={"timeout": 100})
        polled.raise_for_status()
        if polled.status_code != 200:
            return
        task = polled.json()
        done = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"], "status": "COMPLETED"}
        client.post("/api/tasks", json=done).raise_for_status()
        self.completed.append(task["workflowInstanceId"])
        if len(self.completed) > 50:
            self.is_busy.set()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30.0)
            assert not thread.is_alive()


def test_what_was_accepted_under_load_is_there_after_a_stop(server: Server) -> None:
    load = Load(server.url)
    assert load.is_busy.wait(30.0)

    code, seconds = server.stop()
    load.join()

    assert (code, seconds < SECONDS_MAX) == (0, True), seconds
    server.start()
    with httpx.Client(base_url=server.url) as client:
        found = {one: client.get(f"/api/workflow/{one}").json() for one in load.started}
    assert all(one["status"] == "RUNNING" for one in found.values())
    done = {one: {task["referenceTaskName"]: task["status"] for task in found[one]["tasks"]} for one in load.completed}
    assert all(statuses == {"a": "COMPLETED", "b": "SCHEDULED"} for statuses in done.values())
    assert b"Traceback" not in server.log.read_bytes()


def test_those_who_wait_are_answered(server: Server) -> None:
    answers: list[int] = []

    def poll(domain: str) -> None:
        params = {"timeout": "5000", "domain": domain}
        answers.append(httpx.get(f"{server.url}/api/tasks/poll/nothing", params=params, timeout=60.0).status_code)

    def execute() -> None:
        url = f"{server.url}/api/workflow/execute/w/1?waitForSeconds=30"
        answers.append(httpx.post(url, json={}, timeout=60.0).status_code)

    threads = [threading.Thread(target=poll, args=(str(number),)) for number in range(LONG_POLLS)]
    threads.append(threading.Thread(target=execute))
    for thread in threads:
        thread.start()
    with httpx.Client(base_url=server.url) as client:
        while pollers(client) < LONG_POLLS or not client.get("/api/workflow/search").json()["totalHits"]:
            pass

    code, seconds = server.stop()
    for thread in threads:
        thread.join(10.0)

    assert (code, seconds < SECONDS_MAX) == (0, True), seconds
    assert sorted(answers) == [200] + [204] * LONG_POLLS


def pollers(client: httpx.Client) -> int:
    """Return how many polls have come, each with a domain of its own."""
    return len(client.get("/api/tasks/queue/polldata", params={"taskType": "nothing"}).json())
