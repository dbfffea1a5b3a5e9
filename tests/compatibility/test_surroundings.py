"""What is put around a server for the suites of the SDKs works."""

from collections.abc import Iterator

import httpx
import pytest

from tests.compatibility.eventually import eventually
from tests.compatibility.surroundings import DEFINITIONS, SCHEDULE, WORKED, around, echo
from tests.process import Server


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("around") / "podium.db", PODIUM_LOG_LEVEL="warning")
    started.start()
    with around(started):
        yield started
    assert started.stop()[0] == 0


@pytest.mark.parametrize(
    ("path", "status"), [("/api", 200), ("/get?a=1", 200), ("/status/503", 503), ("/delay/0", 200), ("/dddd", 404)]
)
def test_echo(path: str, status: int) -> None:
    with echo() as url:
        answer = httpx.post(url + path, content=b"text")

    assert (answer.status_code, answer.json()["data"]) == (status, "text")


def test_definitions_and_a_schedule_are_there(own_server: Server) -> None:
    for definition in DEFINITIONS:
        assert httpx.get(f"{own_server.url}/api/metadata/workflow/{definition['name']}").status_code == 200
    runs = f"{own_server.url}/api/scheduler/search/executions?query=scheduleName={SCHEDULE['name']}"
    eventually(lambda: httpx.get(runs).json()["totalHits"] > 0, "a run of the schedule", 60)


def test_what_is_left_to_others_is_done(own_server: Server) -> None:
    steps = [{"name": WORKED, "taskReferenceName": "a", "type": "SIMPLE"}]
    request = {"workflowDef": {"name": "left", "tasks": steps}}

    workflow_id = httpx.post(f"{own_server.url}/api/workflow", json=request).text

    at = f"{own_server.url}/api/workflow/{workflow_id}"
    eventually(lambda: httpx.get(at).json()["status"] == "COMPLETED", "the task of others", 60)
