"""A server in the process of the tests: the ASGI application over an empty store, and a client of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeVar

import httpx
import pytest
from tests.postgres import emptied

from podium.api.rest.app import App, create_app
from podium.engine.context import Script, ScriptAnswer
from podium.runtime.cipher import Cipher
from podium.runtime.node import Node
from podium.service import Services
from podium.service.archive import Archive
from podium.service.checking import ScriptError
from podium.store import Store
from podium.store.memory import MemoryStore
from podium.store.postgres import PostgresStore
from podium.store.sqlite import SqliteStore
from podium.tasks import registry
from podium.testing.scripts import evaluate_here

T = TypeVar("T")
Json = Any

SECRETS = {"CONDUCTOR_SECRET_PASSWORD": "s3cret", "CONDUCTOR_ENV_REGION": "eu"}
STORES: dict[str, Callable[[pytest.FixtureRequest], Store]] = {
    "memory": lambda _: MemoryStore(),
    "sqlite": lambda request: SqliteStore(request.getfixturevalue("tmp_path") / "podium.db"),
    "postgres": lambda request: empty_postgres(request),
}


def empty_postgres(request: pytest.FixtureRequest) -> Store:
    url: str = request.getfixturevalue("postgres_url")
    asyncio.run(emptied(url))
    return PostgresStore(url, connections=4)


async def evaluate(script: Script) -> ScriptAnswer:
    if script.language == "json_schema":
        return evaluate_here(script)
    raise AssertionError(f"no test here needs the real engine: {script.source}")


def simple(ref: str, name: str | None = None, **fields: Any) -> dict[str, Json]:
    """A step for a worker; its type of task is *name*, or the reference name."""
    return {"name": name or ref, "taskReferenceName": ref, "type": "SIMPLE", **fields}


def wait(ref: str = "wait") -> dict[str, Json]:
    return {"name": ref, "taskReferenceName": ref, "type": "WAIT"}


def child(ref: str, name: str) -> dict[str, Json]:
    return {"name": ref, "taskReferenceName": ref, "type": "SUB_WORKFLOW", "subWorkflowParam": {"name": name}}


class Api:
    """Calls the server; each call runs its event loop until the answer is there."""

    def __init__(
        self,
        store: Store,
        *,
        script_error: ScriptError | None = None,
        cipher: Cipher | None = None,
        archive: Archive | None = None,
        **options: Any,
    ) -> None:
        self.node = Node(store, registry(), evaluate, variables=SECRETS, cipher=cipher)
        self.services = Services(
            self.node,
            script_error=script_error,
            settings={"port": 8080},
            archive=archive,
        )
        self.app: App = create_app(
            self.services, on_startup=self.node.start, on_shutdown=self.node.stop, instance="node-1", **options
        )
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=True), base_url="http://podium"
        )
        self._runner.run(self.node.start())

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.run(self.node.stop())
        self._runner.close()

    def run(self, work: Awaitable[T]) -> T:
        async def main() -> T:
            return await work

        return self._runner.run(main())

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self._client.request(method, path, **options)

    def call(self, method: str, path: str, body: Json = ..., **options: Any) -> httpx.Response:
        """Call /api*path*, or *path* itself when it begins with `//`."""
        url = path[1:] if path.startswith("//") else f"/api{path}"
        if body is not ...:
            options["json"] = body
        return self.run(self.request(method, url, **options))

    def get(self, path: str, **options: Any) -> Json:
        answer = self.call("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    # ---- what most tests need

    def define(self, *tasks: Mapping[str, Json], name: str = "w", **fields: Any) -> None:
        body = {"name": name, "tasks": list(tasks) or [simple("a")], **fields}
        answer = self.call("POST", "/metadata/workflow?overwrite=true", body)
        assert answer.status_code == 200, answer.text

    def start(self, name: str = "w", given: Json = ..., **fields: Any) -> str:
        body = {"name": name, **fields} if given is ... else {"name": name, "input": given, **fields}
        answer = self.call("POST", "/workflow", body)
        assert answer.status_code == 200, answer.text
        return answer.text

    def poll(self, name: str = "a") -> Json:
        return self.get(f"/tasks/poll/{name}?workerid=me")

    def report(self, task: Mapping[str, Json], status: str = "COMPLETED", **fields: Any) -> httpx.Response:
        return self.call("POST", "/tasks", result(task, status, **fields))

    def finish(self, name: str = "a", status: str = "COMPLETED", **fields: Any) -> Json:
        """Poll a task and report it."""
        task = self.poll(name)
        assert self.report(task, status, **fields).status_code == 200
        return task

    def workflow(self, workflow_id: str) -> Json:
        return self.get(f"/workflow/{workflow_id}")

    def statuses(self, workflow_id: str) -> dict[str, str]:
        return {task["referenceTaskName"]: task["status"] for task in self.workflow(workflow_id)["tasks"]}


def result(task: Mapping[str, Json], status: str = "COMPLETED", **fields: Any) -> dict[str, Json]:
    ids = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"]}
    return {**ids, "status": status, "workerId": "me", **fields}


@pytest.fixture(params=STORES)
def api(request: pytest.FixtureRequest) -> Iterator[Api]:
    """A server with an empty store, one of each adapter."""
    server = Api(STORES[request.param](request))
    yield server
    server.close()


@pytest.fixture
def wire() -> Iterator[Api]:
    """A server for tests of the wire alone, over the store in memory."""
    server = Api(MemoryStore(), body_bytes_max=10_000)
    yield server
    server.close()
