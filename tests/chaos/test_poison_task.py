"""R12: a few tasks are poison: they fail, hang, or are reported with what no server should swallow.

They end by their retry policy; the server lives, and the rest of the load is done as well as without them. That load
leaves the server time to spare, as otherwise everything that is done beside it costs the same. Phases with poison and
without it take turns, so that what else the machine does falls upon both.
"""

import asyncio
import itertools
import json
import statistics
import sys
import time
from collections.abc import Iterable
from typing import Any

from tests.process import Server

from .audit import Audit, verdict
from .client import Client
from .load import Load, Size
from .plan import Plan
from .poison import DEFINITION, POISONS, RETRIES, TASK_DEF
from .report import Report
from .waiting import until

SHORT, FULL = 12, 600
ROUND = 60  # workflows of one kind, and then of all in turn
SIZE = Size(starters=2, workers=8, open_max=40, pause_s=0.2)  # about ten workflows and 130 tasks a second
PER_S = 3.0  # poisoned workflows of two attempts: one in twenty tasks
SAMPLES_SHORT, SAMPLES_FULL = 200, 1_500  # of a phase, at least
SLOWER_MAX, SLOWER_SHORT_MAX = 1.5, 5.0  # of the p99 of others; the short version shares its machine
ALL = "all"


class Timed(Load):
    """A load that measures how long reports take."""

    def __init__(self, *addresses: tuple[str, int]) -> None:
        super().__init__(*addresses, size=SIZE)
        self.seconds: list[float] = []
        self.samples_min = SAMPLES_SHORT

    async def call(self, client: Client, method: str, path: str, body: Any = None) -> Any:
        """Call and measure."""
        begun_s = time.monotonic()
        try:
            return await super().call(client, method, path, body)
        finally:
            if path == "/api/tasks":
                self.seconds.append(time.monotonic() - begun_s)

    async def phase(self, work: Any = None) -> list[float]:
        """Return what was measured during *work*, and until there is enough."""
        self.seconds = []
        if work is not None:
            await work
        await until(lambda: len(self.seconds) > self.samples_min)
        return self.seconds


class Feeder:
    """The process that starts poisoned workflows and does their tasks."""

    def __init__(self, address: tuple[str, int], report: Report) -> None:
        self._address = address
        self._report = report
        self.ids: dict[str, str] = {}
        self.wrong: list[str] = []

    async def start(self) -> None:
        command = (sys.executable, "-m", "tests.chaos.poison", *map(str, self._address))
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=1 << 24)

    async def feed(self, kinds: Iterable[str]) -> None:
        """Have workflows of these kinds started and ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([[*kinds], PER_S]).encode() + b"\n")
        found = json.loads(await self._process.stdout.readline())
        self.ids |= found["ids"]
        self.wrong += found["wrong"]
        self._report.faults.update(found["done"])

    async def stop(self) -> None:
        self._process.kill()
        await self._process.wait()


def test_poison_harms_nothing_else(server: Server, plan: Plan, report: Report) -> None:
    asyncio.run(_poison(server, plan, report))


async def _poison(server: Server, plan: Plan, report: Report) -> None:
    await asyncio.to_thread(server.start)
    pid, load, client = server.pid, Timed(server.address), Client(server.address)
    feeder = Feeder(server.address, report)
    await feeder.start()
    await load.register()
    assert (await client.post("/api/metadata/taskdefs", [TASK_DEF])).is_ok
    assert (await client.post("/api/metadata/workflow", DEFINITION)).is_ok
    audit = Audit(load)
    async with load.running():
        await load.phase()  # warm
        load.samples_min = SAMPLES_FULL if plan.is_full else SAMPLES_SHORT
        alone, beside = await _phases(load, feeder, plan.count(SHORT, FULL), by_kind=plan.is_full)
        await audit.run()
    await feeder.stop()
    faults = audit.faults + feeder.wrong
    faults += [fault for one, how in feeder.ids.items() if (fault := await _end(client, one, how))]
    client.close()
    assert server.pid == pid
    server.kill()
    report.figures = {"p99 ms alone": _p99_ms(alone)}
    report.figures |= {f"p99 ms beside {how}": _p99_ms(seconds) for how, seconds in beside.items()}
    report.audit = audit.figures
    report.happened(**{how: len(feeder.ids) // len(POISONS) for how in POISONS})
    most_ms = _p99_ms(alone) * (SLOWER_MAX if plan.is_full else SLOWER_SHORT_MAX) + 100
    assert _p99_ms(beside[ALL]) < most_ms
    assert b"Traceback" not in server.log.read_bytes()
    verdict(faults, server.database)


async def _phases(
    load: Timed, feeder: Feeder, count: int, *, by_kind: bool
) -> tuple[list[float], dict[str, list[float]]]:
    """Return the seconds of reports without poison, and beside it: beside each kind, if wanted, and beside all."""
    alone: list[float] = []
    beside: dict[str, list[float]] = {}
    phases = itertools.cycle([*(POISONS if by_kind else ()), ALL])
    while len(feeder.ids) < count or ALL not in beside:
        how = next(phases)
        kinds = itertools.islice(itertools.cycle(POISONS if how == ALL else [how]), min(count, ROUND))
        alone += await load.phase()
        beside.setdefault(how, []).extend(await load.phase(feeder.feed(kinds)))
    return alone, beside


async def _end(client: Client, workflow_id: str, how: str) -> str | None:
    """Return what is wrong with the end of a poisoned workflow."""
    workflow = (await client.get(f"/api/workflow/{workflow_id}")).json()
    attempts = len(workflow["tasks"])
    if workflow["status"] in POISONS[how][2] and attempts <= RETRIES + 1:
        return None
    return f"workflow {workflow_id} with a task that {how} is {workflow['status']} after {attempts} attempts"


def _p99_ms(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98] * 1000
