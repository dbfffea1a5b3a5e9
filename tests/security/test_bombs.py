"""Small requests that ask for much, and requests that make no sense: refused in time, nothing kept, nobody else hurt.

One server for the whole file. Beside each test an ordinary workflow goes on, over and over; the last tests look
whether it ever failed, and what all of it left in memory.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
import pytest
from msgspec import inspect
from tests.process import Server

from podium.model.task_def import TaskDef
from podium.model.workflow_def import WorkflowDef

from .control import NAME as CONTROL
from .control import Control

T = TypeVar("T")
Json = Any

SECONDS_MAX = 1.0
TRIES = 3  # on a busy machine a single time says little
ENDS_S_MAX = 20.0
GROWTH_MB_MAX = 60
MB = 1 << 20
BODY_BYTES_MAX = 20 * MB  # the default
JSON_TYPE = {"content-type": "application/json"}
# Low limits, so that what is within them does not hide what is beyond them.
LIMITS = {
    "PODIUM_TASK_PAYLOAD_KB_MAX": "1024",
    "PODIUM_WORKFLOW_PAYLOAD_KB_MAX": "1024",
    "PODIUM_SCRIPT_TIME_MS": "300",
    "PODIUM_CACHE_MB": "4",
}


class Target:
    """The server, one open workflow on it, and what it holds."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = httpx.Client(base_url=server.url, timeout=30.0)
        self.define("idle", [simple("a")])
        self.workflow_id = self.start("idle")
        self.task_id = self.workflow_id[:-8] + "00000001"
        self._names = 0

    def define(self, name: str, steps: list[Json], **fields: Json) -> None:
        body = {"name": name, "version": 1, "tasks": steps, **fields}
        answer = self.client.post("/api/metadata/workflow", json=body)
        assert answer.status_code == 200, answer.text

    def start(self, name: str, given: Json = None) -> str:
        answer = self.client.post("/api/workflow", json={"name": name, "input": given or {}})
        assert answer.status_code == 200, answer.text
        return answer.text

    def run(self, steps: list[Json], given: Json = None, name: str = "", **fields: Json) -> dict[str, Json]:
        """Define and start a workflow, and return it when it has ended."""
        self._names += 1
        name = name or f"bomb{self._names}"
        self.define(name, steps, **fields)
        return self.ended(self.start(name, given))

    def ended(self, workflow_id: str) -> dict[str, Json]:
        found: dict[str, Json] = {}

        def has_ended() -> bool:
            nonlocal found
            found = self.client.get(f"/api/workflow/{workflow_id}").json()
            return found["status"] != "RUNNING"

        eventually(has_ended)
        return found

    def count(self, query: str) -> int:
        found = self.client.get("/api/workflow/search", params={"query": query, "size": 0}).json()
        return int(found["totalHits"])

    def held(self) -> Json:
        """Return what the server holds, apart from the control workflows."""
        get = self.client.get
        return {
            "definitions": get("/api/metadata/workflow/names-and-versions").json(),
            "tasks": [one["name"] for one in get("/api/metadata/taskdefs").json()],
            "handlers": get("/api/event").json(),
            "workflows": self.count(f"workflowType != {CONTROL}"),
            "open": get(f"/api/workflow/{self.workflow_id}").json(),
        }


def simple(ref: str, **given: Json) -> dict[str, Json]:
    return {"name": "x", "taskReferenceName": ref, "type": "SIMPLE", "inputParameters": given}


def step(kind: str, ref: str = "s", **fields: Json) -> dict[str, Json]:
    return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}


def eventually(condition: Callable[[], bool], within_s: float = ENDS_S_MAX) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, f"not within {within_s} s"
        time.sleep(0.02)


def timely(call: Callable[[], T]) -> T:
    """Return what *call* returns; at least one of a few tries must be in time."""
    took = []
    for _ in range(TRIES):
        begun = time.monotonic()
        found = call()
        took.append(time.monotonic() - begun)
        if took[-1] < SECONDS_MAX:
            return found
    raise AssertionError(f"took {took} s")


def is_error_body(body: bytes, status: int) -> bool:
    found = json.loads(body)
    return bool(found["status"] == status and found["message"] and found["retryable"] is False)


def resident_mb(server: Server, field: str = "VmRSS") -> float:
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


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
def target(server: Server, control: Control, begin_mb: float) -> Iterator[Target]:
    found = Target(server)
    yield found
    found.client.close()


def refused(target: Target, status: int, method: str, path: str, **options: Any) -> None:
    """Expect *status* in time with an error body."""
    answer = timely(lambda: target.client.request(method, path, **options))
    assert answer.status_code == status, f"{method} {path[:100]}: {answer.status_code} {answer.text[:300]}"
    assert is_error_body(answer.content, status), answer.text[:300]


# ---- JSON that is none, or too much

FRAGMENTS: dict[str, bytes] = {
    "nothing": b"",
    "a word": b"tru",
    "a name": b"undefined",
    "not a number": b"NaN",
    "infinity": b"Infinity",
    "less than infinity": b"-Infinity",
    "a leading zero": b"01",
    "a bare fraction": b".5",
    "hexadecimal": b"0x10",
    "a number over all range": b"1e400",
    "an exponent without end": b"1e999999999",
    "a million digits": b"9" * 1_000_000,
    "a million negative digits": b"-" + b"9" * 1_000_000,
    "single quotes": b"'a'",
    "an unknown escape": b'"\\x"',
    "half an escape": b'"\\u12"',
    "a high surrogate": b'"\\ud800"',
    "surrogates in the wrong order": b'"\\udc00\\ud800"',
    "no UTF-8": b'"\xff"',
    "half a character": b'"\xc3"',
    "an overlong character": b'"\xc0\x80"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "a control character": b'"\x01"',
    "a line break": b'"a\nb"',
    "a byte order mark": b"\xef\xbb\xbf1",
    "a comment": b"/**/1",
    "a trailing comma": b"[1,]",
    "no colon": b'{"a" 1}',
    "a key that is a number": b"{1:2}",
    "a key twice": b'{"a":1,"a":2}',
    "a key twice, far down": b'[[{"a":{"b":1,"b":2}}]]',
    "a key twice, once escaped": b'{"a":1,"\\u0061":2}',
    "a key twice among colons": b'{"a:":1,"\\u003a":2,"b":"::","b":"::::"}',
    "arrays 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "objects 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "arrays without an end": b"[" * 100_000,
    "arrays 251 deep": b"[" * 251 + b"]" * 251,
    "a million keys": b"{" + b",".join(b'"k%d":0' % number for number in range(1_000_000)) + b"}",
    "millions of arrays": b"[" + b"[]," * 3_000_000 + b"0]",
}


def bodies(target: Target) -> dict[str, bytes]:
    """Return a valid body for each call that takes JSON, with a place for a value."""
    ids = b'"workflowInstanceId":"%s","taskId":"%s"' % (target.workflow_id.encode(), target.task_id.encode())
    one_step = b'"tasks":[{"name":"x","taskReferenceName":"a","type":"SIMPLE"}]'
    return {
        "/api/metadata/workflow": b'{"name":"bomb",' + one_step + b',"inputTemplate":{"x":$}}',
        "/api/metadata/taskdefs": b'[{"name":"bomb","inputTemplate":{"x":$}}]',
        "/api/event": b'{"name":"bomb","event":"a:b","actions":[{"action":"complete_task","complete_task":{"output":{"x":$}}}]}',
        "/api/workflow": b'{"name":"idle","input":{"x":$}}',
        "/api/workflow/idle": b'{"x":$}',
        "/api/workflow/execute/idle/1": b'{"input":{"x":$}}',
        "/api/tasks": b"{" + ids + b',"status":"COMPLETED","outputData":{"x":$}}',
        "/api/tasks/update-v2": b"{" + ids + b',"status":"COMPLETED","outputData":{"x":$}}',
        f"/api/tasks/{target.workflow_id}/a/COMPLETED": b'{"x":$}',
        f"/api/workflow/{target.workflow_id}/variables": b'{"x":$}',
        f"/api/workflow/{target.workflow_id}/rerun": b'{"workflowInput":{"x":$}}',
    }


@pytest.mark.parametrize("name", FRAGMENTS)
def test_broken_json_is_refused(target: Target, name: str) -> None:
    before = target.held()

    for path, body in bodies(target).items():
        refused(target, 400, "POST", path, content=body.replace(b"$", FRAGMENTS[name]), headers=JSON_TYPE)

    assert target.held() == before


@pytest.mark.parametrize("body", [b"", b" ", b"null", b"{", b"]", b"{}{}", b"\x00", b"\xff\xfe{\x00}\x00"])
def test_a_body_that_is_no_json_is_refused(target: Target, body: bytes) -> None:
    before = target.held()

    for path in bodies(target):
        refused(target, 400, "POST", path, content=body, headers=JSON_TYPE)

    assert target.held() == before


@pytest.mark.parametrize("body", [b"5", b'"a"', b"true", b"1.5"])
def test_a_body_that_is_no_object_is_refused(target: Target, body: bytes) -> None:
    before = target.held()

    for path in bodies(target):
        refused(target, 400, "POST", path, content=body, headers=JSON_TYPE)

    assert target.held() == before


def test_what_is_unusual_but_json_is_taken(target: Target) -> None:
    for fragment in (b"1e-400", b"0." + b"1" * 100_000, b'"\\u0000"', b"[" * 240 + b"]" * 240, b'"\xed\x9f\xbf"'):
        body = b'{"name":"idle","input":{"x":' + fragment + b"}}"
        answer = target.client.post("/api/workflow", content=body, headers=JSON_TYPE)
        assert answer.status_code == 200, answer.text
        assert target.client.delete(f"/api/workflow/{answer.text}").status_code == 200


# ---- a value of the wrong type in each field

WRONG: dict[type, list[Json]] = {
    inspect.IntType: [[], {}, "one", "1.5x", 10**30],
    inspect.FloatType: [[], {}, "one"],
    inspect.BoolType: [[], {}, "perhaps"],
    inspect.StrType: [[], {}],
    inspect.ListType: [5, "a", {"a": 1}, True],
    inspect.DictType: [5, "a", [1], True],
    inspect.StructType: [5, "a", [1], True],
    inspect.LiteralType: [[], {}, "NO_SUCH_WORD", 5],
}


def wrong_values(node: inspect.Type) -> list[Json]:
    """Return values that no field of this type takes, however lenient it is."""
    if isinstance(node, inspect.Metadata):
        return wrong_values(node.type)
    if isinstance(node, inspect.UnionType):
        members = [wrong_values(one) for one in node.types if not isinstance(one, inspect.NoneType)]
        return [value for value in members[0] if all(value in other for other in members)]
    return WRONG.get(type(node), [])


def wrong_fields(wire_type: type) -> Iterator[dict[str, Json]]:
    node = inspect.type_info(wire_type)
    assert isinstance(node, inspect.StructType)
    for field in node.fields:
        for value in wrong_values(field.type):
            yield {field.encode_name: value}


VALID: dict[str, tuple[type, Callable[[dict[str, Json]], Json]]] = {
    "/api/metadata/taskdefs": (TaskDef, lambda wrong: [{"name": "bomb", **wrong}]),
    "/api/metadata/workflow": (WorkflowDef, lambda wrong: {"name": "bomb", "tasks": [simple("a")], **wrong}),
    "/api/metadata/workflow/validate": (
        type(WorkflowDef().tasks) and msgspec.structs.fields(WorkflowDef)[0].__class__,
        lambda wrong: wrong,
    ),
}


def test_a_wrong_type_in_a_task_definition_is_refused(target: Target) -> None:
    refuse_all(target, "/api/metadata/taskdefs", TaskDef, lambda wrong: [{"name": "bomb", **wrong}], 100)


def refuse_all(target: Target, path: str, wire_type: type, body: Callable[[dict[str, Json]], Json], least: int) -> None:
    before, count = target.held(), 0
    for wrong in wrong_fields(wire_type):
        refused(target, 400, "POST", path, json=body(wrong))
        count += 1
    assert count >= least
    assert target.held() == before
