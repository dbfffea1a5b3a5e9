"""The standard load: clients that start workflows and workers that do their tasks, against servers that may vanish.

Everything that was acknowledged is written down, so that an audit can compare it with what the servers hold.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import model
from .client import FAILURES, Answer, Client

PAUSE_S = 0.05
BATCH = 5
POLL_MS = 200
RETRY_LATER = (429, 503)


class Acknowledged(NamedTuple):
    """A result that a server has taken."""

    status: str
    nonce: str
    at_ms: float


@dataclass
class Size:
    """How many take part, and how patient they are."""

    starters: int = 4
    workers: int = 16
    open_max: int = 200
    response_s: int = 1  # after which a task whose worker is silent is handed out again
    silent_s: int = 1  # the same for the tasks at which workers are silent on purpose
    pause_s: float = 0.0  # of a starter after each start
    tries: int = 3  # of a call that had no answer, or was asked to come later
    timeout_s: float = 10.0  # of one try


class Load:
    """Clients and workers, who work in `running`."""

    def __init__(self, *addresses: tuple[str, int], size: Size | None = None) -> None:
        self.addresses = addresses
        self.size = size or Size()
        self.is_starting = True
        self.is_working = True
        self.started: dict[str, int] = {}  # workflow -> its number
        self.acknowledged: dict[str, Acknowledged] = {}  # by task
        self.handed_out: Counter[str] = Counter()  # by task
        self.answers: Counter[int] = Counter()  # by HTTP status
        self.lost_answers = 0
        self.refused_connections = 0
        self.failed_calls: list[str] = []  # without an answer, or refused, in all tries
        self.no_retry_after = 0  # refusals that don't say when to come again
        self.last_started_s = 0.0
        self._starters: list[asyncio.Task[None]] = []
        self._open: set[int] = set()
        self._numbers = itertools.count(1)
        self._nonces = itertools.count(1)

    async def register(self) -> None:
        """Register the definitions."""
        client = Client(*self.addresses)
        definitions = [model.task_def(name, self.size.response_s) for name in (model.TASK, model.FLAKY)]
        definitions.append(model.task_def(model.SILENT, self.size.silent_s))
        assert (await client.post("/api/metadata/taskdefs", definitions)).is_ok
        for definition in (model.CHILD, model.PARENT):
            assert (await client.post("/api/metadata/workflow?overwrite=true", definition)).is_ok
        client.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work during the block, and come to an end after it."""
        self._starters = [asyncio.create_task(self._start_many(number)) for number in range(self.size.starters)]
        workers = [asyncio.create_task(self._work(number)) for number in range(self.size.workers)]
        try:
            yield
        finally:
            await self.end_starts()
            self.is_working = False
            await asyncio.gather(*workers)

    async def end_starts(self) -> None:
        """Start nothing more; the workers go on."""
        self.is_starting = False
        await asyncio.gather(*self._starters)

    async def call(self, client: Client, method: str, path: str, body: Any = None) -> Answer | None:
        """Call until there is an answer that is not "later"; None when there was none in all tries."""
        answer, reasons = None, []
        for attempt in range(self.size.tries):
            if attempt:
                await asyncio.sleep(PAUSE_S)
            try:
                answer = await client.call(method, path, body)
            except ConnectionRefusedError:
                self.refused_connections += 1
                reasons.append("refused")
                continue
            except FAILURES as error:
                self.lost_answers += 1  # it is unknown what became of the call
                reasons.append(repr(error))
                continue
            reasons.append(str(answer.status))
            self.answers[answer.status] += 1
            if answer.status < 500 and answer.status != 429:
                return answer
            self.no_retry_after += answer.status in RETRY_LATER and "retry-after" not in answer.headers
        self.failed_calls.append(f"{method} {path.partition('?')[0]}: {', '.join(reasons)}")
        return None

    def _client(self, number: int) -> Client:
        """Return a client that begins at another address than the one before it."""
        at = number % len(self.addresses)
        return Client(*self.addresses[at:], *self.addresses[:at], timeout_s=self.size.timeout_s)

    # ---- clients

    async def _start_many(self, number: int) -> None:
        client = self._client(number)
        while self.is_starting:
            if len(self._open) >= self.size.open_max:
                await asyncio.sleep(PAUSE_S)
                continue
            await self._start(client, next(self._numbers))
            await asyncio.sleep(self.size.pause_s)
        client.close()

    async def _start(self, client: Client, k: int) -> None:
        self._open.add(k)
        body = {"name": "chaos_parent", "version": 1, "input": model.input_of(k)}
        answer = await self.call(client, "POST", "/api/workflow", body)
        if answer is not None and answer.is_ok:
            self.started[answer.text] = k
            self.last_started_s = time.monotonic()
        else:
            self._open.discard(k)

    # ---- workers

    async def _work(self, number: int) -> None:
        name = {6: model.FLAKY, 7: model.SILENT}.get(number % 8, model.TASK)
        path = f"/api/tasks/poll/batch/{name}?workerid=w{number}&count={BATCH}&timeout={POLL_MS}"
        client = self._client(number)
        while self.is_working:
            answer = await self.call(client, "GET", path)
            for task in (answer.json() or ()) if answer is not None and answer.is_ok else ():
                self.handed_out[task["taskId"]] += 1
                await self.perform(client, task)
        client.close()

    async def perform(self, client: Client, task: dict[str, Any]) -> None:
        """Do a task as the model says and report it."""
        found = model.answer_to(task)
        if found is not None:
            await self.report(client, task, self.result(task, *found))

    def result(self, task: dict[str, Any], status: str, output: dict[str, Any]) -> dict[str, Any]:
        """Return a report, with a mark of its own."""
        ids = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"]}
        return {**ids, "status": status, "outputData": {**output, "by": f"n{next(self._nonces)}"}}

    async def report(
        self, client: Client, task: dict[str, Any], result: dict[str, Any], *, is_counted: bool = True
    ) -> Answer | None:
        """Send a report; what is acknowledged must be found by the audit."""
        answer = await self.call(client, "POST", "/api/tasks", result)
        if answer is not None and answer.is_ok and is_counted:
            told = Acknowledged(result["status"], result["outputData"]["by"], time.time() * 1000)
            self.acknowledged.setdefault(task["taskId"], told)
            if task["referenceTaskName"] == "last":
                self._open.discard(task["inputData"]["k"])
        return answer
