"""A real server in a thread of the tests' process, on a free port, with an HTTP client of it."""

import asyncio
import socket
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from podium.api.rest.server import Server
from podium.bootstrap import compose, listener_for
from podium.model.wire import Json
from podium.settings import load

START_S = 20.0
STOP_S = 10.0
LOOK_S = 0.01
ENDED = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"})


class LocalServer:
    """Use it in a `with`, or `start` and `stop` it. Settings are those of `podium serve`, by their names."""

    def __init__(
        self, database: str = "memory:", environment: Mapping[str, str] | None = None, **settings: Json
    ) -> None:
        """*environment* holds what definitions may refer to: CONDUCTOR_ENV_… and CONDUCTOR_SECRET_… variables."""
        self._settings = load({}, {"port": 0, "database": database, **settings})
        self._environment = environment or {}
        self._listener: socket.socket | None = None
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._http: httpx.Client | None = None

    # ---- life

    def start(self) -> Self:
        """Start the server and return it when it answers; raises what keeps it from starting."""
        self._listener = listener_for(self._settings)
        self._ready.clear()
        self._thread = threading.Thread(target=self._run, name="podium", daemon=True)
        self._thread.start()
        self._ready.wait(START_S)
        if self._error is not None or not self._ready.is_set():
            self._listener.close()
            raise self._error or TimeoutError(f"the server did not start in {START_S:.0f} s")
        return self

    def stop(self) -> None:
        """Stop the server; what SQLite has stays, what is in memory is gone."""
        if self._http is not None:
            self._http.close()
            self._http = None
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(STOP_S)
        if self._listener is not None:
            self._listener.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 (told to whoever starts the server)
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        application = compose(self._settings, self._environment)
        self._server = application.server(self._ready.set)
        await application.start()
        try:
            await self._server.serve([self._listener] if self._listener else None)
        finally:
            await application.stop()

    # ---- addresses

    @property
    def url(self) -> str:
        """The root, as `podium --server` takes it."""
        if self._listener is None:
            raise RuntimeError("the server is not started")
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def api_url(self) -> str:
        """What Conductor's clients call the server URL: the root with /api."""
        return f"{self.url}/api"

    @property
    def http(self) -> httpx.Client:
        """A client whose paths begin below /api; an error answer is no exception."""
        if self._http is None:
            self._http = httpx.Client(base_url=self.api_url, timeout=30.0, trust_env=False)
        return self._http

    # ---- what most tests need

    def register(self, *definitions: dict[str, Json]) -> None:
        """Register definitions; a map with `tasks` is one of a workflow, any other map one of a task."""
        for body in definitions:
            if "tasks" in body:
                self._call("POST", "/metadata/workflow", json=body, params={"overwrite": "true"})
            else:
                self._call("POST", "/metadata/taskdefs", json=[body])

    def begin(self, name: str, given: dict[str, Json] | None = None, **fields: Json) -> str:
        """Start a workflow and return its id; *fields* are those of Conductor's start request."""
        return self._call("POST", "/workflow", json={"name": name, "input": given or {}, **fields}).text

    def complete(self, workflow_id: str, ref: str, output: dict[str, Json] | None = None) -> None:
        """Report success of the open task with the reference name *ref*."""
        self._call("POST", f"/tasks/{workflow_id}/{ref}/COMPLETED", json=output or {})

    def workflow(self, workflow_id: str) -> dict[str, Json]:
        """Return a workflow with its tasks."""
        found: dict[str, Json] = self._call("GET", f"/workflow/{workflow_id}").json()
        return found

    def ended(self, workflow_id: str, timeout_s: float = 10.0) -> dict[str, Json]:
        """Wait until a workflow has ended and return it; raises `TimeoutError`, which says what is open."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = self.workflow(workflow_id)
            if found["status"] in ENDED:
                return found
            if time.monotonic() > deadline:
                waits = [task["referenceTaskName"] for task in found["tasks"] if task["status"] in _OPEN]
                raise TimeoutError(f"{found['workflowName']} is {found['status']} after {timeout_s} s; open: {waits}")
            time.sleep(LOOK_S)

    def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self.http.request(method, path, **options)
        if answer.is_error:
            raise AssertionError(f"{method} {path} was answered {answer.status_code}: {answer.text}")
        return answer


_OPEN = ("SCHEDULED", "IN_PROGRESS")
