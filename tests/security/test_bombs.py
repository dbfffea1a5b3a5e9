"""Small requests that ask for much, and requests that make no sense: refused in time, nothing kept, nobody else hurt.

One server for the whole file. Beside each test an ordinary workflow goes on, over and over; the last tests look
whether it ever failed, and what all of it left in memory.
"""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from tests.process import Server

from podium.model.start import StartWorkflowRequest
from podium.model.task_def import TaskDef
from podium.model.workflow_def import WorkflowDef, WorkflowTask
from podium.service.task_result import TaskResult

from .control import NAME as CONTROL
from .control import Control
from .malformed import FRAGMENTS, ODD_FRAGMENTS, WHOLE, wrong_fields
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


def bodies(target: Target) -> dict[str, bytes]:
    """Return a valid body for each call that takes JSON, with `$` in the place of a value."""
    ids = b'"workflowInstanceId":"%s","taskId":"%s"' % (target.workflow_id.encode(), target.task_id.encode())
    steps = b'"tasks":[{"name":"x","taskReferenceName":"a","type":"SIMPLE"}]'
    action = b'{"action":"complete_task","complete_task":{"output":{"x":$}}}'
    return {
        "/api/metadata/workflow": b'{"name":"bomb",' + steps + b',"inputTemplate":{"x":$}}',
        "/api/metadata/taskdefs": b'[{"name":"bomb","inputTemplate":{"x":$}}]',
        "/api/event": b'{"name":"bomb","event":"a:b","actions":[' + action + b"]}",
        "/api/workflow": b'{"name":"idle","input":{"x":$}}',
        "/api/workflow/idle": b'{"x":$}',
        "/api/workflow/execute/idle/1": b'{"input":{"x":$}}',
        "/api/tasks": b"{" + ids + b',"status":"COMPLETED","outputData":{"x":$}}',
        "/api/tasks/update-v2": b"{" + ids + b',"status":"COMPLETED","outputData":{"x":$}}',
        f"/api/tasks/{target.workflow_id}/a/COMPLETED": b'{"x":$}',
        f"/api/workflow/{target.workflow_id}/variables": b'{"x":$}',
        f"/api/workflow/{target.workflow_id}/rerun": b'{"workflowInput":{"x":$}}',
    }


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


Body = Callable[[Target, str, Json], Json]
TYPED: dict[str, tuple[type, str, Body, int]] = {
    "task definition": (
        TaskDef,
        "/api/metadata/taskdefs",
        lambda _, field, value: [{"name": "bomb", field: value}],
        80,
    ),
    "workflow definition": (
        WorkflowDef,
        "/api/metadata/workflow",
        lambda _, field, value: {"name": "bomb", "tasks": [simple("a")], field: value},
        70,
    ),
    "step": (
        WorkflowTask,
        "/api/metadata/workflow",
        lambda _, field, value: {"name": "bomb", "tasks": [{**simple("a"), field: value}]},
        80,
    ),
    "start": (StartWorkflowRequest, "/api/workflow", lambda _, field, value: {"name": "idle", field: value}, 30),
    "result": (
        TaskResult,
        "/api/tasks",
        lambda target, field, value: {
            "workflowInstanceId": target.workflow_id,
            "taskId": target.task_id,
            "status": "COMPLETED",
            field: value,
        },
        25,
    ),
}


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


HEADS: dict[str, tuple[int, bytes]] = {
    "a header of 60 MB": (431, b"x: " + b"a" * (60 * MB)),
    "a million headers": (431, b"".join(b"x%d: y\r\n" % number for number in range(1_000_000))),
    "a length without end": (400, b"content-length: " + b"9" * 100 + b"\r\n\r\n{}"),
    "a negative length": (400, b"content-length: -1\r\n\r\n{}"),
    "two lengths": (400, b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
    "a length and chunks": (400, b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a chunk over all range": (400, b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
    "a chunk's name of 12 MB": (431, b"transfer-encoding: chunked\r\n\r\n2;" + b"a" * (12 * MB)),
    "trailers of 12 MB": (431, b"transfer-encoding: chunked\r\n\r\n0\r\nx: " + b"a" * (12 * MB)),
    "a header without a name": (400, b": a\r\n\r\n"),
    "a folded header": (400, b"x: a\r\n b\r\nx y: z\r\n\r\n"),
}


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


NONSENSE = (
    "%", "%z", "%zz", "%00", "%ff", "%c0%af", "%ed%a0%80", "%2e%2e", "..", "%2F..%2fetc", "%5c..%5c", "%25%32%46",
    "%0d%0aX:%20y", "a;b=c", "%E2%80%AE", "'%20OR%20'1'='1", "%22;--", "${jndi:ldap://x}", "{}", "~", "*", "a" * 16_000,
)  # fmt: skip


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", NONSENSE)
def test_a_path_that_makes_no_sense_finds_nothing(target: Target, name: str) -> None:
    for path in ("/api/workflow/", "/api/metadata/workflow/", "/api/metadata/taskdefs/", "/api/tasks/", "/"):
        line = f"GET {path}{name} HTTP/1.1\r\nhost: a\r\n\r\n".encode()

        status, body = target.timely(lambda line=line: exchange(target.server.port, [line]))  # type: ignore[misc]

        assert status in (400, 404), body
        assert is_error_body(body, status)


REFUSED_SEARCHES = [
    {"query": "'"},
    {"query": "'; DROP TABLE workflow; --"},
    {"query": "status = 'A' OR 1=1"},
    {"query": 'status = "A" UNION SELECT 1'},
    {"query": "status = A) OR (1=1"},
    {"query": "nothing = 1"},
    {"query": "a" * 10_001},
    {"query": "(" * 51 + "status=A" + ")" * 51},
    {"query": "(" * 9_000},
    {"query": "status=A AND " * 700},
    {"query": "workflowType=" + "*a" * 11},
    {"query": f"status IN ({','.join(['A'] * 1_001)})"},
    {"query": "status = \x00"},
    {"query": "startTime > 99999999999999999999"},
    {"query": "startTime = NaN"},
    {"freeText": "\x00"},
    {"freeText": "a" * 10_001},
    {"sort": "startTime;DROP TABLE workflow"},
    {"sort": "startTime:ASC|" * 11},
    {"sort": "startTime:UP"},
    {"start": "-1"},
    {"size": "5001"},
    {"size": "9" * 30},
    {"start": "1e3"},
]
TAKEN_SEARCHES = [
    {"query": "workflowType = '%_%'"},
    {"query": "(" * 50 + "status=A" + ")" * 50},
    {"query": f"status IN ({','.join(['A'] * 1_000)})"},
    {"query": "workflowType='" + "a" * 9_000 + "'"},
    {"query": "workflowType=" + "*a" * 10},
    {"query": " OR ".join(["status=A"] * 700)},
    {"freeText": "'\"%_\\;--"},
    {"freeText": "a*" * 5_000},
    {"freeText": "*" * 10_000},
]


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


def nested(depth: int) -> list[Json]:
    steps = [simple("leaf")]
    for level in range(depth - 1):
        steps = [step("DO_WHILE", f"d{level}", loopCondition="false", loopOver=steps)]
    return steps


REFUSED_DEFINITIONS: dict[str, list[Json]] = {
    "20,000 steps": [simple(f"s{number}") for number in range(20_000)],
    "51 levels": nested(51),
    "100 levels": nested(100),
    "a name twice": [simple("a"), simple("a")],
    "a path that is none": [simple("a", x="${workflow.input.a" + "[0]" * 200_000 + "}")],
    "tokens in tokens": [simple("a", x="${" * 5_000 + "}" * 5_000)],
    "a reference to nothing": [simple("a", x="${b.output.x}")],
}


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


def thin(count: int) -> Json:
    """Return a definition with as many steps as fit into a payload."""
    steps = [{"name": "x", "taskReferenceName": f"{number}"} for number in range(count)]
    return {"name": "bomb", "version": 1, "tasks": steps}


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

TOO_MUCH: dict[str, tuple[list[Json], Json, str]] = {
    "variables that double": (
        [
            step("SET_VARIABLE", "v", inputParameters={"x": ["a"]}),
            *(step("SET_VARIABLE", f"v{n}", inputParameters={"x": ["${workflow.variables.x}"] * 2}) for n in range(40)),
        ],
        {},
        "variables payload size",
    ),
    "text that doubles": (
        [
            step("SET_VARIABLE", "v", inputParameters={"x": "a"}),
            *(step("SET_VARIABLE", f"v{n}", inputParameters={"x": "${workflow.variables.x}" * 2}) for n in range(40)),
        ],
        {},
        "variables payload size",
    ),
    "variables over their limit": (
        [step("SET_VARIABLE", inputParameters={"x": "${workflow.input.x}"})],
        {"x": "a" * 300_000},
        "variables payload size",
    ),
    "a text a thousand times": ([simple("a", x="${workflow.input.x}" * 1_000)], {"x": "a" * 900_000}, "expand to more"),
    "a value a thousand times": (
        [simple("a", **{f"x{n}": "${workflow.input.x}" for n in range(1_000)})],
        {"x": "a" * 900_000},
        "expand to more",
    ),
    "a value sixteen times": (
        [simple("a", **{f"x{n}": "${workflow.input}" for n in range(16)})],
        {"x": "a" * 900_000},
        "greater than the permissible limit",
    ),
    "branches with a value each": (
        [
            step("FORK_JOIN", forkTasks=[[simple(f"b{n}", x="${workflow.input.x}")] for n in range(1_000)]),
            step("JOIN", "j", joinOn=["b1"]),
        ],
        {"x": "a" * 900_000},
        "exceed 268435456 bytes",
    ),
    "a path that looks everywhere": (
        [simple("a", **{f"x{n}": "${workflow.input..*..*..*}" for n in range(50)})],
        {"a": [[list(range(50))] * 50] * 10},
        "visit more than",
    ),
    "a fork of 60,000": (
        [
            step("FORK_JOIN_DYNAMIC", inputParameters={"forkTaskInputs": "${workflow.input.x}", "forkTaskName": "x"}),
            step("JOIN", "j"),
        ],
        {"x": [0] * 60_000},
        "has more than 50000 tasks",
    ),
    "a fork of 45,000": (
        [
            step("FORK_JOIN_DYNAMIC", inputParameters={"forkTaskInputs": "${workflow.input.x}", "forkTaskName": "x"}),
            step("JOIN", "j"),
        ],
        {"x": [0] * 45_000},
        "take more than 1048576 bytes",
    ),
    "a script without end": (
        [step("INLINE", inputParameters={"evaluatorType": "javascript", "expression": "while(true){}"})],
        {},
        "interrupted",
    ),
}


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

FAILS = step("TERMINATE", "t", inputParameters={"terminationStatus": "FAILED"})


def starting(name: str, kind: str, ref: str) -> Json:
    if kind == "SUB_WORKFLOW":
        return step(kind, ref, subWorkflowParam={"name": name})
    return step(kind, ref, inputParameters={"startWorkflow": {"name": name, "version": 1}})


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
