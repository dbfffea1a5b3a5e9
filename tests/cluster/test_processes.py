"""Real server processes over a real PostgreSQL: what must hold when they share the work, and when one dies."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import child, simple
from tests.postgres import Postgres
from tests.process import Server

Json = Any
DEADLINE_S = 30.0
TAKE_OVER_S = 3.0  # after the death of a node
SLOW_MACHINE_S = 4.0

DEFINITIONS: list[Json] = [
    {"name": "one", "tasks": [simple("one")]},
    {"name": "two", "tasks": [simple("first", "two"), simple("second", "two")]},
    {"name": "parent", "tasks": [child("left", "kid"), child("right", "kid")]},
    {"name": "kid", "tasks": [simple("kid")]},
    {
        "name": "sleeper",
        "tasks": [
            {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "2 seconds"}}
        ],
    },
]


class Site:
    """One server process and a client of it."""

    def __init__(self, url: str, log: Path) -> None:
        self.server = Server(url, log=log)
        self.client = httpx.Client(base_url=f"{self.server.url}/api", timeout=30.0)

    def start(self, name: str) -> str:
        answer = self.client.post("/workflow", json={"name": name})
        assert answer.status_code == 200, answer.text
        return answer.text

    def poll(self, task_type: str, timeout_ms: int = 0) -> list[Json]:
        answer = self.client.get(f"/tasks/poll/batch/{task_type}", params={"timeout": timeout_ms, "workerid": "me"})
        assert answer.status_code == 200, answer.text
        found: list[Json] = answer.json()
        return found

    def report(self, task: Json) -> None:
        ids = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"]}
        answer = self.client.post("/tasks", json={**ids, "status": "COMPLETED", "outputData": {}})
        assert answer.status_code == 200, answer.text

    def workflow(self, workflow_id: str) -> Json:
        answer = self.client.get(f"/workflow/{workflow_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()


def started(sites: list[Site]) -> None:
    """Start all at the same time, and register the definitions at each."""
    with ThreadPoolExecutor(len(sites)) as pool:
        list(pool.map(lambda site: site.server.start(), sites))
    for site in sites:
        assert site.client.put("/metadata/workflow", json=DEFINITIONS).status_code == 200


def until(holds: Callable[[], Any], deadline_s: float = DEADLINE_S) -> Any:
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to that in time")


@pytest.fixture(scope="module")
def sites(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Site]]:
    """Three nodes that started at the same time over an empty database."""
    postgres.execute("DROP DATABASE IF EXISTS cluster")
    postgres.execute("CREATE DATABASE cluster")
    folder = tmp_path_factory.mktemp("cluster")
    found = [Site(postgres.url("cluster"), folder / f"{number}.log") for number in range(3)]
    try:
        started(found)
        yield found
    finally:
        for site in found:
            site.client.close()
            site.server.kill()


def test_a_waiting_poll_gets_the_task_of_a_workflow_that_another_node_started(sites: list[Site]) -> None:
    with ThreadPoolExecutor(2) as pool:
        polls = [pool.submit(site.poll, "one", 4_500) for site in sites[1:]]
        ids = {sites[0].start("one"), sites[0].start("one")}
        tasks = [task for poll in polls for task in poll.result()]

    while len(tasks) < 2:  # one poll may have got both
        tasks += sites[2].poll("one", 1_000)
    assert {task["workflowInstanceId"] for task in tasks} == ids
    for task in tasks:
        sites[0].report(task)
    assert {sites[1].workflow(workflow_id)["status"] for workflow_id in ids} == {"COMPLETED"}


def test_each_answer_is_seen_by_the_next_read_at_any_node(sites: list[Site]) -> None:
    for turn in range(6):
        a, b, c = (sites[(turn + place) % 3] for place in range(3))
        workflow_id = a.start("two")
        for number in range(2):
            [task] = until(lambda: b.poll("two"))  # noqa: B023
            assert [one["status"] for one in c.workflow(workflow_id)["tasks"]][number] == "IN_PROGRESS"
            c.report(task)
            assert [one["status"] for one in a.workflow(workflow_id)["tasks"]][number] == "COMPLETED"
        assert b.workflow(workflow_id)["status"] == "COMPLETED"


def test_sub_workflows_run_across_nodes(sites: list[Site]) -> None:
    parents = [sites[number % 3].start("parent") for number in range(6)]
    taken: list[str] = []
    while len(taken) < 12:
        for task in until(lambda: sites[len(taken) % 3].poll("kid", 500)):
            sites[(len(taken) + 1) % 3].report(task)
            taken.append(task["taskId"])

    assert len(set(taken)) == 12
    until(lambda: {sites[0].workflow(workflow_id)["status"] for workflow_id in parents} == {"COMPLETED"})


class Crowd:
    """Workers in threads, who note how many of them are at work; one whose node is gone goes to another one."""

    def __init__(self, sites: list[Site], task_type: str, count: int) -> None:
        self.most = self.done = 0
        self._now = 0
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._sites, self._task_type = sites, task_type
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def _work(self, number: int) -> None:
        while not self._is_over.is_set():
            try:
                tasks = self._sites[number % 3].poll(self._task_type, 500)
            except httpx.HTTPError:
                number += 1
                continue
            for task in tasks:
                self._count(1)
                time.sleep(0.005)
                self._count(-1)
                self._report(number, task)

    def _report(self, number: int, task: Json) -> None:
        for place in range(number, number + 3):
            with contextlib.suppress(httpx.HTTPError):
                self._sites[place % 3].report(task)
                self._count(0, 1)
                return

    def _count(self, now: int, done: int = 0) -> None:
        with self._lock:
            self._now += now
            self.done += done
            self.most = max(self.most, self._now)

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()


def test_a_limit_holds_over_all_nodes_and_no_slot_is_lost_with_a_killed_one(sites: list[Site]) -> None:
    limit = {"name": "limited", "concurrentExecLimit": 10, "ownerEmail": "a@b.example", "responseTimeoutSeconds": 5}
    limit |= {"retryCount": 9, "retryDelaySeconds": 0}
    assert sites[0].client.post("/metadata/taskdefs", json=[limit]).status_code == 200
    definition = {"name": "limited", "tasks": [simple("limited")]}
    assert sites[0].client.put("/metadata/workflow", json=[definition]).status_code == 200
    ids = [sites[number % 3].start("limited") for number in range(150)]

    crowd = Crowd(sites, "limited", 50)
    try:
        until(lambda: crowd.done >= 50)
        sites[0].server.kill()
        until(lambda: crowd.done >= 100)
        sites[0].server.start()
        until(lambda: {sites[1].workflow(one)["status"] for one in ids} == {"COMPLETED"}, 3 * DEADLINE_S)
    finally:
        crowd.stop()

    assert 1 < crowd.most <= 10


def test_timers_of_a_killed_node_fire_within_three_seconds(sites: list[Site]) -> None:
    ids = [sites[0].start("sleeper") for _ in range(12)]
    sites[0].server.kill()

    def ended() -> list[Json]:
        found = [sites[1].workflow(workflow_id) for workflow_id in ids]
        return found if all(one["status"] == "COMPLETED" for one in found) else []

    late_s = [one["endTime"] / 1_000 - one["createTime"] / 1_000 - 2.0 for one in until(ended)]
    assert max(late_s) < TAKE_OVER_S + SLOW_MACHINE_S
    assert min(late_s) >= 0
    sites[0].server.start()
    assert sites[0].workflow(ids[0])["status"] == "COMPLETED"


def test_a_node_answers_503_while_the_database_is_away_and_goes_on_by_itself(tmp_path: Path) -> None:
    database = Postgres(durable=True)
    database.create()
    database.start()
    site = Site(database.url("postgres"), tmp_path / "log")
    try:
        started([site])
        workflow_id = site.start("one")
        database.stop("immediate")
        answer = site.client.post("/workflow", json={"name": "one"})
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        until(lambda: httpx.get(f"{site.server.url}/health", timeout=30.0).status_code == 503)

        database.start()
        until(lambda: httpx.get(f"{site.server.url}/health", timeout=30.0).status_code == 200)
        tasks = until(lambda: site.poll("one", 1_000))
        assert [task["workflowInstanceId"] for task in tasks] == [workflow_id]
        site.report(tasks[0])
        assert site.workflow(workflow_id)["status"] == "COMPLETED"
    finally:
        site.client.close()
        site.server.kill()
        database.remove()
