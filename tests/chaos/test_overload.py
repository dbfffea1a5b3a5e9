"""R14: five times as many starts arrive as the server can do. It refuses most, does what it has taken, and recovers.

What it can do is measured in the same run, and all that is judged are ratios and generous bounds, so how busy the
machine is matters little. Clients arrive whether or not those before them were answered; they and the workers are
processes of their own.
"""

import asyncio
import itertools
import json
import math
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import uvloop

from tests.process import Server

from .audit import verdict
from .client import Client
from .plan import Plan
from .report import Report
from .waiting import until

TIMES = 5
CAPACITY_SHORT_S, CAPACITY_FULL_S = 1.0, 10.0
CALM_S, CALM_SHARE = 1.0, 0.25
SHORT_S, FULL_S = 4.0, 600.0
STARTERS, CONNECTIONS_MAX = 32, 500
WORKERS, BATCH, POLL_MS = 100, 5, 200
STEADY, STEPS = 10, 5  # workflows that are on their way before, each with a worker
WAIT_MS_MAX = 200
REFUSED_MIN, TRIES = 100, 5
ANSWER_MS_MAX = 30_000  # however busy the machine is
GOODPUT_MIN = 0.1  # of the capacity; clients and workers share the processors with the server
SLOWER_MAX, NORMAL_S_MAX = 3.0, 90.0
DONE_S_MAX = 3_600.0  # for what was taken and waits for workers
MEMORY_MB_MAX = 150  # of growth
LOOK_S = 0.5


def _definition(name: str, steps: int) -> dict[str, Any]:
    tasks = [{"name": name, "taskReferenceName": f"t{number}", "type": "SIMPLE"} for number in range(steps)]
    return {"name": name, "version": 1, "tasks": tasks, "outputParameters": {"k": "${workflow.input.k}"}}


class Workers:
    """Do all tasks, and measure how long polls that bring some and results take."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.faults: list[str] = []
        self.all_ended = 0
        self.begin()

    def begin(self) -> None:
        """Begin to count and to measure anew."""
        self.begun_s = time.monotonic()
        self.ended: Counter[str] = Counter()  # by type of task
        self.result_s: list[float] = []
        self.poll_s: list[float] = []
        self.put_off = 0

    async def work(self, name: str) -> None:
        """Do tasks for ever."""
        client = Client(self._server.address, timeout_s=60.0)
        while True:
            begun_s = time.monotonic()
            polled = await client.get(f"/api/tasks/poll/batch/{name}?count={BATCH}&timeout={POLL_MS}")
            if polled.status == 429:  # a lease is a command, too
                await self._put_off()
                continue
            tasks = polled.json()
            if tasks:
                self.poll_s.append(time.monotonic() - begun_s)
            for task in tasks:
                await self._report(client, name, task)

    async def _report(self, client: Client, name: str, task: dict[str, Any]) -> None:
        ids = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"]}
        begun_s = time.monotonic()
        while (answer := await client.post("/api/tasks", {**ids, "status": "COMPLETED"})).status == 429:
            await self._put_off()
        self.result_s.append(time.monotonic() - begun_s)
        self.ended[name] += 1
        self.all_ended += name == "crowd"
        if not answer.is_ok:
            self.faults.append(f"a result got {answer.status}")

    async def _put_off(self) -> None:
        self.put_off += 1
        await asyncio.sleep(1)


class Crowd:
    """The process of the clients."""

    def __init__(self, server: Server, file: Path) -> None:
        self._server = server
        self._file = file
        self.taken = 0
        self.faults: list[str] = []

    async def start(self) -> None:
        command = (sys.executable, "-m", "tests.chaos.arrivals", *map(str, self._server.address), "crowd", self._file)
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)

    async def arrive(self, per_s: float, seconds: float, connections_max: int) -> dict[str, Any]:
        """Let clients arrive; returns what became of them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([per_s, seconds, connections_max]).encode() + b"\n")
        found: dict[str, Any] = json.loads(await self._process.stdout.readline())
        self.taken += found["taken"]
        self.faults += found["faults"]
        return found

    def ids(self) -> list[str]:
        return self._file.read_text().split()

    async def stop(self) -> None:
        self._process.kill()
        await self._process.wait()


class Site:
    """The server, its workers and its clients."""

    def __init__(self, server: Server, plan: Plan) -> None:
        self.server = server
        self.is_full = plan.is_full
        self.workers = Workers(server)
        self.crowd = Crowd(server, Path(server.log).with_suffix(".ids"))
        self.client = Client(server.address, timeout_s=60.0)
        self._work: list[asyncio.Task[None]] = []
        self.per_s = 0.0  # what the server can do
        self.memory_mb: list[float] = []

    async def start(self) -> None:
        """Have workers and clients ready."""
        names = itertools.chain(["steady"] * STEADY, ["crowd"] * WORKERS)
        self._work = [asyncio.create_task(self.workers.work(name)) for name in names]
        await self.crowd.start()

    async def stop(self) -> None:
        """End them."""
        await self.crowd.stop()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    async def start_steady(self) -> str:
        """Start a workflow of several steps, however often that has to be tried."""
        while not (answer := await self.client.post("/api/workflow", {"name": "steady", "input": {"k": 1}})).is_ok:
            assert answer.status == 429, answer
            await asyncio.sleep(LOOK_S)
        return answer.text

    async def measure(self) -> float:
        """Find how many workflows a second can be done; returns the p99 in ms of starts when fewer come."""
        seconds = CAPACITY_FULL_S if self.is_full else CAPACITY_SHORT_S
        for _ in range(3):  # the best one counts: the machine may be busy with something else
            before, begun_s = self.workers.all_ended, time.monotonic()
            await self.crowd.arrive(0, seconds, STARTERS)
            self.per_s = max(self.per_s, (self.workers.all_ended - before) / (time.monotonic() - begun_s))
            await self.all_done()
        calm_ms = math.inf
        for _ in range(TRIES):
            calm_ms = min(calm_ms, await self.calm_ms())
            if calm_ms < math.inf:
                break
        return calm_ms

    async def calm_ms(self) -> float:
        found = await self.crowd.arrive(max(self.per_s * CALM_SHARE, 10), CALM_S, CONNECTIONS_MAX)
        return math.inf if found["refused"] else float(found["taken_p99_ms"])

    async def overload(self) -> dict[str, Any]:
        """Let far too many arrive; returns what became of them, and notes the memory meanwhile."""
        seconds = FULL_S if self.is_full else SHORT_S
        self.memory_mb.clear()
        crowd = asyncio.create_task(self.crowd.arrive(TIMES * self.per_s, seconds, CONNECTIONS_MAX))
        while not crowd.done():
            self.memory_mb.append(_memory_mb(self.server))
            await asyncio.wait([crowd], timeout=LOOK_S)
        return crowd.result()

    def figures(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return what was measured during the overload."""
        workers, memory_mb = self.workers, self.memory_mb
        share = workers.ended["crowd"] / (time.monotonic() - workers.begun_s) / self.per_s
        return {
            "workflows/s before": self.per_s,
            "offered": found["offered"],
            "held back": found["held_back"],
            "p50 ms of a refusal": found["refused_p50_ms"],
            "p99 ms of a refusal": found["refused_p99_ms"],
            "p99 ms of a start taken": found["taken_p99_ms"],
            "p99 ms of a result": _p99_ms(workers.result_s),
            "p99 ms of a poll": _p99_ms(workers.poll_s),
            "calls of workers put off": workers.put_off,
            "steps of those before": workers.ended["steady"],
            "share of the capacity done meanwhile": share,
            "MB": memory_mb[0],
            "MB in the middle": memory_mb[len(memory_mb) // 2],
            "MB at the end": memory_mb[-1],
        }

    async def normal_after_s(self, before_ms: float) -> float:
        """Return for how long starts have been slower than before."""
        begun_s = time.monotonic()
        while await self.calm_ms() > SLOWER_MAX * before_ms + 50:
            if time.monotonic() - begun_s > NORMAL_S_MAX:
                break
        return time.monotonic() - begun_s

    async def all_done(self) -> None:
        """Wait until each workflow that was taken has ended."""
        await until(lambda: self.workers.all_ended >= self.crowd.taken, DONE_S_MAX)


def test_what_is_too_much_is_refused_and_the_rest_is_done(tmp_path: Path, plan: Plan, report: Report) -> None:
    server = Server(tmp_path / "crowd.db", options=("--start-wait-ms-max", str(WAIT_MS_MAX)))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_overload(server, plan, report))
    finally:
        server.kill()


async def _overload(server: Server, plan: Plan, report: Report) -> None:
    await asyncio.to_thread(server.start)
    site = Site(server, plan)
    for name, steps in (("crowd", 1), ("steady", STEPS)):
        assert (await site.client.post("/api/metadata/workflow", _definition(name, steps))).is_ok
    await site.start()
    for _ in range(TRIES):  # it can do more than was found when the machine was busier then
        before_ms = await site.measure()
        site.workers.begin()
        steady = [await site.start_steady() for _ in range(STEADY)]
        found = await site.overload()
        if found["refused"] >= REFUSED_MIN:
            break
    report.faults.update({"starts refused": found["refused"], "starts taken": found["taken"]})
    report.figures = {**site.figures(found), "p99 ms before": before_ms}
    normal_s = report.figures["seconds until it is so again"] = await site.normal_after_s(before_ms)
    await site.all_done()
    await site.stop()
    ids = site.crowd.ids()
    lost = [one for one in (*steady, *ids[:: max(len(ids) // 500, 1)]) if not await _ended(site.client, one)]
    site.client.close()
    server.kill()
    report.happened(**{"starts refused": REFUSED_MIN, "starts taken": 10})
    _judge(report.figures, found, plan)
    assert normal_s < NORMAL_S_MAX
    assert max(site.memory_mb) - site.memory_mb[0] < MEMORY_MB_MAX
    verdict(site.crowd.faults + site.workers.faults + lost, server.database)


def _judge(figures: dict[str, Any], found: dict[str, Any], plan: Plan) -> None:
    assert found["lost"] == 0
    assert found["refused_p50_ms"] < found["taken_p50_ms"], "a refusal comes sooner than an answer"
    assert max(value for name, value in figures.items() if name.startswith("p99 ms of")) < ANSWER_MS_MAX
    assert figures["share of the capacity done meanwhile"] > GOODPUT_MIN
    steps_min = STEADY * (STEPS if plan.is_full else 1)
    assert figures["steps of those before"] >= steps_min, "workflows that were on their way go on meanwhile"


async def _ended(client: Client, workflow_id: str) -> bool:
    found = (await client.get(f"/api/workflow/{workflow_id}")).json()
    return bool(found["status"] == "COMPLETED" and found["output"] == {"k": 1})


def _p99_ms(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98] * 1000 if len(seconds) > 1 else 0.0


def _memory_mb(server: Server) -> float:
    text = Path(f"/proc/{server.pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024
