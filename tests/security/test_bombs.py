"""Small requests that ask for much, and requests that make no sense: refused in time, nothing kept, nobody else hurt.

One server for the whole file. Beside each test an ordinary workflow goes on, over and over; the last tests look
whether it ever failed, and what all of it left in memory.
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from tests.process import Server

from .bodies import TYPED, bodies
from .bombs import FAILS, REFUSED_DEFINITIONS, TOO_MUCH, starting, thin
from .control import NAME as CONTROL
from .control import Control
from .malformed import FRAGMENTS, ODD_FRAGMENTS, WHOLE, wrong_fields
from .nonsense import HEADS, NONSENSE, REFUSED_SEARCHES, TAKEN_SEARCHES
from .target import Target, eventually, is_error_body, resident_mb, simple, step
from .wire import chunked, exchange

Json = Any

GROWTH_MB_MAX = 120  # what the caches and the allocator hold at their bounds; the same bombs again add nothing
MB = 1 << 20
JSON_TYPE = {"content-type": "application/json"}
HEAD = b"POST /api/workflow HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
# Low limits, so that what is within them does not hide what is beyond them.
LIMITS = {
    "PODIUM_TASK_PAYLOAD_KB_MAX": "1024",
    "PODIUM_WORKFLOW_PAYLOAD_KB_MAX": "1024",
    "PODIUM_SCRIPT_TIME_MS": "300",
    "PODIUM_CACHE_MB": "4",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("bombs") / "bombs.db", **LIMITS)
    found.start()
    yield found
    found.kill()


@pytest.fixture(scope="module")
def control(server: Server) -> Iterator[Control]:
    found = Control(server.url)
    found.begin()
    yield found
    found.end()


@pytest.fixture(scope="module")
def begin_mb(server: Server, control: Control) -> float:
    return resident_mb(server)


@pytest.fixture(scope="module")
def target(server: Server, begin_mb: float) -> Iterator[Target]:
    found = Target(server, beside=CONTROL)
    yield found
    found.client.close()


@pytest.fixture
def unchanged(target: Target) -> Iterator[None]:
    """Nothing that the test does may leave anything behind."""
    before = target.held()
    yield
    assert target.held() == before


# ---- bodies


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", FRAGMENTS)
def test_broken_json_is_refused(target: Target, name: str) -> None:
    for path, body in bodies(target).items():
        target.refuses(400, "POST", path, content=body.replace(b"$", FRAGMENTS[name]), headers=JSON_TYPE)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("body", WHOLE)
def test_a_body_without_an_object_is_refused(target: Target, body: bytes) -> None:
    for path in bodies(target):
        target.refuses(400, "POST", path, content=body, headers=JSON_TYPE)


@pytest.mark.parametrize("fragment", ODD_FRAGMENTS)
def test_what_is_unusual_but_json_is_taken(target: Target, fragment: bytes) -> None:
    body = b'{"name":"idle","input":{"x":' + fragment + b"}}"

    answer = target.client.post("/api/workflow", content=body, headers=JSON_TYPE)

    assert answer.status_code == 200, answer.text
    assert target.client.get(f"/api/workflow/{answer.text}").status_code == 200


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("what", TYPED)
def test_a_value_of_the_wrong_type_is_refused_in_each_field(target: Target, what: str) -> None:
    wire_type, path, body, least = TYPED[what]
    count = 0
    for field, value in wrong_fields(wire_type):
        target.refuses(400, "POST", path, json=body(target, field, value))
        count += 1
    assert count >= least


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x"])
def test_compressed_bodies_are_taken_as_they_are(target: Target, encoding: str) -> None:
    body = gzip.compress(b'{"name":"idle","input":{"x":"' + b"a" * 10_000_000 + b'"}}')

    target.refuses(400, "POST", "/api/workflow", content=body, headers={**JSON_TYPE, "content-encoding": encoding})


@pytest.mark.usefixtures("unchanged")
def test_a_body_over_the_limit_is_refused_by_its_length(target: Target) -> None:
    announced = HEAD + b"content-length: %d\r\n\r\n{" % (21 * MB)

    status, body = target.timely(lambda: exchange(target.server.port, [announced]))

    assert status == 413
    assert is_error_body(body, 413)


@pytest.mark.usefixtures("unchanged")
def test_a_body_over_the_limit_is_refused_while_it_comes(target: Target) -> None:
    def parts() -> Iterable[bytes]:
        yield HEAD + b"transfer-encoding: chunked\r\n\r\n"
        yield from chunked([b" " * 65_536] * (21 * 16))  # and no end

    status, body = target.timely(lambda: exchange(target.server.port, parts()))

    assert status == 413
    assert is_error_body(body, 413)


# ---- requests


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_is_none_is_refused(target: Target, name: str) -> None:
    expected, rest = HEADS[name]
    pieces = [HEAD + rest[:1024], *(rest[at : at + 65_536] for at in range(1024, len(rest), 65_536))]

    status, body = target.timely(lambda: exchange(target.server.port, pieces))

    assert status == expected, body
    assert is_error_body(body, expected)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("expected", "line"),
    [
        (431, b"GET /" + b"a" * (60 * MB)),
        (431, b"GET /api/workflow/search?query=" + b"a" * (12 * MB)),
        (400, b"GET /api/workflow/" + b"a" * 17_000),
        (400, b"GET /api/workflow/" + b"%61" * 6_000),
        (400, b"A" * 100_000 + b" /"),
        (400, b"\x16\x03\x01\x02\x00\x01"),  # TLS
        (400, b"GET /\x00"),
    ],
)
def test_a_request_line_that_is_none_is_refused(target: Target, expected: int, line: bytes) -> None:
    whole = line + b" HTTP/1.1\r\nhost: a\r\n\r\n"
    pieces = [whole[at : at + 65_536] for at in range(0, len(whole), 65_536)]

    status, body = target.timely(lambda: exchange(target.server.port, pieces))

    assert status == expected, body
    assert is_error_body(body, expected)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", NONSENSE)
def test_a_path_that_makes_no_sense_finds_nothing(target: Target, name: str) -> None:
    for path in ("/api/workflow/", "/api/metadata/workflow/", "/api/metadata/taskdefs/", "/api/tasks/", "/"):
        line = f"GET {path}{name} HTTP/1.1\r\nhost: a\r\n\r\n".encode()

        status, body = target.timely(lambda line=line: exchange(target.server.port, [line]))  # type: ignore[misc]

        assert status in (400, 404), body
        assert is_error_body(body, status)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("given", REFUSED_SEARCHES)
@pytest.mark.parametrize("path", ["/api/workflow/search", "/api/workflow/search-by-tasks"])
def test_a_search_that_is_none_is_refused(target: Target, path: str, given: dict[str, str]) -> None:
    target.refuses(400, "GET", path, params=given)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("given", TAKEN_SEARCHES)
def test_a_search_is_only_ever_a_search(target: Target, given: dict[str, str]) -> None:
    answer = target.timely(lambda: target.client.get("/api/workflow/search", params=given))

    assert answer.status_code == 200, answer.text


@pytest.mark.usefixtures("unchanged")
def test_bulk_calls_take_a_thousand_ids_and_no_more(target: Target) -> None:
    ids = [f"none{number}" for number in range(1_001)]

    answer = target.timely(lambda: target.client.put("/api/workflow/bulk/pause", json=ids[:1_000]))

    assert answer.status_code == 200
    assert len(answer.json()["bulkErrorResults"]) == 1_000
    target.refuses(400, "PUT", "/api/workflow/bulk/pause", json=ids)
    target.refuses(400, "POST", "/api/workflow/bulk/terminate", json=ids)
    target.refuses(400, "DELETE", "/api/workflow/bulk/remove", json=ids)


@pytest.mark.usefixtures("unchanged")
def test_numbers_of_a_poll_are_bounded(target: Target) -> None:
    path = "/api/tasks/poll/batch/nobody"
    target.refuses(400, "GET", f"{path}?timeout=5001")
    target.refuses(400, "GET", f"{path}?count=2147483648")
    for query in ("count=2147483647&timeout=0", "count=-1&timeout=-1", "count=0&timeout=0"):
        assert target.timely(lambda query=query: target.client.get(f"{path}?{query}")).json() == []  # type: ignore[misc]


# ---- definitions


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", REFUSED_DEFINITIONS)
def test_a_definition_that_can_not_be_is_refused(target: Target, name: str) -> None:
    body = {"name": "bomb", "version": 1, "tasks": REFUSED_DEFINITIONS[name]}

    target.refuses(400, "POST", "/api/metadata/workflow", json=body)
    target.refuses(400, "PUT", "/api/metadata/workflow", json=[body])
    target.refuses(400, "POST", "/api/workflow", json={"name": "bomb", "workflowDef": body})


@pytest.mark.parametrize("kind", ["SUB_WORKFLOW", "START_WORKFLOW"])
@pytest.mark.parametrize("name", ["20,000 steps", "100 levels"])
def test_a_definition_from_data_is_refused_too(target: Target, kind: str, name: str) -> None:
    definition = {"name": "bomb", "version": 1, "tasks": REFUSED_DEFINITIONS[name]}
    if kind == "SUB_WORKFLOW":
        starter = step(kind, subWorkflowParam={"name": "bomb", "workflowDefinition": "${workflow.input.d}"})
    else:
        starter = step(kind, inputParameters={"startWorkflow": {"name": "bomb", "workflowDef": "${workflow.input.d}"}})

    workflow = target.run([starter], {"d": definition if name != "20,000 steps" else thin(20_000)})

    assert workflow["status"] in ("FAILED", "COMPLETED")
    assert target.count("workflowType = bomb") == 0


def test_a_join_on_nothing_ends(target: Target) -> None:
    steps = [step("FORK_JOIN", "f", forkTasks=[[step("NOOP", "n")]]), step("JOIN", "j", joinOn=["n", "none", "j"])]

    workflow = target.run([*steps, step("JOIN", "k", joinOn=["k"]), step("EXCLUSIVE_JOIN", "x", joinOn=["none"])])

    assert workflow["status"] == "COMPLETED"


@pytest.mark.parametrize("seconds", [2**63 - 1, 2**40, 1])
def test_a_timeout_over_all_range_harms_nobody(target: Target, seconds: int) -> None:
    limits = {"timeoutSeconds": seconds, "responseTimeoutSeconds": seconds, "totalTimeoutSeconds": seconds}
    waiting = {**simple("a"), "taskDefinition": {"name": "x", **limits}}
    target.define(f"late{seconds}", [waiting], timeoutSeconds=seconds, timeoutPolicy="TIME_OUT_WF")

    workflow_id = target.start(f"late{seconds}")

    found = target.client.get(f"/api/workflow/{workflow_id}").json()
    assert found["status"] in ("RUNNING", "TIMED_OUT")


# ---- expansion


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_grows_too_large_fails_alone(target: Target, name: str) -> None:
    steps, given, reason = TOO_MUCH[name]

    workflow = target.run(steps, given)

    assert workflow["status"] == "FAILED"
    assert reason in workflow["reasonForIncompletion"]


def test_an_output_over_the_limit_fails_its_task_only(target: Target) -> None:
    optional = {**simple("a"), "optional": True}
    target.define("large", [optional, simple("b")])
    workflow_id = target.start("large")
    result = {"workflowInstanceId": workflow_id, "taskId": workflow_id[:-8] + "00000001", "status": "COMPLETED"}

    answer = target.timely(lambda: target.client.post("/api/tasks", json={**result, "outputData": {"x": "a" * 2 * MB}}))

    assert answer.status_code == 200
    found = target.client.get(f"/api/workflow/{workflow_id}").json()
    assert found["status"] == "RUNNING"
    first, second = found["tasks"]
    assert first["status"] == "COMPLETED_WITH_ERRORS"
    assert "greater than the permissible limit" in first["reasonForIncompletion"]
    assert first["outputData"] == {}
    assert second["status"] == "SCHEDULED"


@pytest.mark.usefixtures("unchanged")
def test_an_input_over_the_limit_is_refused(target: Target) -> None:
    target.refuses(413, "POST", "/api/workflow", json={"name": "idle", "input": {"x": "a" * 2 * MB}})
    target.refuses(413, "POST", "/api/workflow/idle", json={"x": "a" * 2 * MB})
    target.refuses(400, "POST", f"/api/workflow/{target.workflow_id}/variables", json={"x": "a" * 300_000})


def test_an_endless_loop_can_be_stopped(target: Target) -> None:
    target.define("loop", [step("DO_WHILE", loopCondition="true", loopOver=[step("NOOP", "n")])])
    workflow_id = target.start("loop")

    answer = target.timely(lambda: target.client.delete(f"/api/workflow/{workflow_id}"))

    assert answer.status_code in (200, 409)  # a second try finds it terminated
    assert target.ended(workflow_id)["status"] == "TERMINATED"


# ---- workflows that start themselves


def test_a_sub_workflow_of_itself_ends_fifty_levels_down(target: Target) -> None:
    workflow = target.run([starting("bomb_sub", "SUB_WORKFLOW", "s")])
    assert "No such workflow defined" in workflow["reasonForIncompletion"]
    target.define("deep", [starting("deep", "SUB_WORKFLOW", "s")])

    workflow = target.ended(target.start("deep"))

    assert workflow["status"] == "FAILED"
    assert "at most 50 levels deep" in workflow["reasonForIncompletion"]
    assert target.count("workflowType = deep") == 51
    assert target.count("workflowType = deep AND status = FAILED") == 51


def test_an_attempt_more_does_not_help_at_the_bottom(target: Target) -> None:
    at_once = {"name": "s", "retryDelaySeconds": 0}
    again = {**starting("stubborn", "SUB_WORKFLOW", "s"), "retryCount": 3, "taskDefinition": at_once}
    target.define("stubborn", [again])

    target.start("stubborn")

    bottom = 'workflowType = stubborn AND status = FAILED AND reasonForIncompletion STARTS_WITH "Task"'
    eventually(lambda: target.count(bottom) > 0)
    target.client.delete("/api/metadata/workflow/stubborn/1")
    eventually(lambda: target.count("workflowType = stubborn AND status = RUNNING") == 0)


def test_a_workflow_that_starts_itself_at_once_ends(target: Target) -> None:
    target.define("chain", [starting("chain", "START_WORKFLOW", "s")])

    target.start("chain")

    eventually(lambda: target.count("workflowType = chain AND status = FAILED") == 1)
    assert target.count("workflowType = chain") == 51


def test_a_failure_workflow_of_itself_ends(target: Target) -> None:
    target.define("failing", [FAILS], failureWorkflow="failing")

    target.start("failing")

    eventually(lambda: target.count("workflowType = failing AND status = FAILED") == 51)
    last = target.client.get(
        "/api/workflow/search", params={"query": "workflowType = failing", "sort": "startTime:DESC"}
    )
    assert any("at most 50 levels deep" in one["output"] for one in last.json()["results"])


def test_an_event_that_starts_its_own_workflow_ends(target: Target) -> None:
    target.define("echo", [step("EVENT", "e", sink="conductor")])
    action = {"action": "start_workflow", "start_workflow": {"name": "echo"}}
    handler = {"name": "echo", "event": "conductor:echo:e", "active": True, "actions": [action]}
    assert target.client.post("/api/event", json=handler).status_code == 200

    target.start("echo")

    eventually(lambda: target.count("workflowType = echo") == 51)
    assert target.client.delete("/api/event/echo").status_code == 200
    assert target.count("workflowType = echo") == 51


@pytest.mark.parametrize("kind", ["SUB_WORKFLOW", "START_WORKFLOW"])
def test_workflows_that_start_two_of_themselves_end_when_their_definition_goes(target: Target, kind: str) -> None:
    name = f"two_{kind}"
    both = [[starting(name, kind, "a")], [starting(name, kind, "b")]]
    target.define(name, [step("FORK_JOIN", "f", forkTasks=both), step("JOIN", "j", joinOn=["a", "b"])])
    target.start(name)
    eventually(lambda: target.count(f"workflowType = {name}") > 500)

    answer = target.client.delete(f"/api/metadata/workflow/{name}/1")

    assert answer.status_code == 200
    eventually(lambda: target.count(f"workflowType = {name} AND status = RUNNING") == 0, within_s=60)


# ---- after all of that


def test_the_ordinary_workflow_never_failed(target: Target, control: Control) -> None:
    control.end()

    times = ", ".join(f"p{share * 100:g} {control.quantile_ms(share):.0f} ms" for share in (0.5, 0.9, 0.99, 1))
    print(f"{len(control.seconds)} ordinary workflows beside the bombs: {times}")
    assert not control.failures, control.failures[:5]
    assert len(control.seconds) > 50


def test_nothing_is_left_in_memory(target: Target, begin_mb: float) -> None:
    growth_mb = resident_mb(target.server) - begin_mb

    print(
        f"memory: {begin_mb:.0f} MB before, {growth_mb:+.0f} MB after, {resident_mb(target.server, 'VmHWM'):.0f} MB at most"
    )
    assert growth_mb < GROWTH_MB_MAX


def test_the_server_is_healthy_and_has_logged_no_failure(target: Target) -> None:
    assert target.client.get("/health").json()["healthy"] is True
    lines = [json.loads(line) for line in target.server.log.read_text().splitlines() if line.startswith("{")]
    assert [line for line in lines if "exception" in line or line["level"] == "error"] == []
