"""R9: reports of workers that come several times, late, in any order, and against what was said before.

The first report of an attempt that a server takes counts; all others change nothing.
"""

import asyncio
import random
from typing import Any

from tests.process import Server

from . import model
from .audit import Audit, verdict
from .client import Client
from .load import Load, Size
from .plan import Plan
from .report import Report
from .waiting import until

SHORT, FULL = 600, 100_000
DELAY_SHORT_S, DELAY_FULL_S = 1.0, 60.0
COPIES_MAX = 5
CONTRADICTED = 0.2  # share of tasks that a worker later says the opposite of
CLIENTS = 32
LATE = (200, 409)
FULL_S_MAX = 3_600
SHORT_STORES = ("postgres",)


class Repeating(Load):
    """A load whose workers repeat themselves."""

    def __init__(self, address: tuple[str, int], chance: random.Random, delay_s: float, report: Report) -> None:
        super().__init__(address, size=Size(open_max=500 if delay_s == DELAY_FULL_S else 40, response_s=3_600))
        self._chance = chance
        self._delay_s = delay_s
        self._report = report
        self._clients: asyncio.Queue[Client] = asyncio.Queue()
        for _ in range(CLIENTS):
            self._clients.put_nowait(Client(address))
        self._sendings: set[asyncio.Task[None]] = set()

    async def perform(self, client: Client, task: dict[str, Any]) -> None:
        """Report at once where the model demands it, else some time later; and then again."""
        found = model.answer_to(task)
        if found is None:
            return
        result = self.result(task, *found)
        delays_s = sorted(self._chance.uniform(0, self._delay_s) for _ in range(self._chance.randint(1, COPIES_MAX)))
        if task["taskDefName"] == model.SILENT:  # their time is short
            await self.report(client, task, result)
        for number, at_s in enumerate(delays_s):
            self._send(task, result, at_s, "repeated" if number else "reports")
        if self._chance.random() < CONTRADICTED:
            status = "FAILED" if found[0] == "COMPLETED" else "COMPLETED"
            opposite = {**result, "status": status, "outputData": {"by": "nobody", "value": -1}}
            self._send(task, opposite, self._chance.uniform(0, self._delay_s), "contradictions")

    def _send(self, task: dict[str, Any], result: dict[str, Any], delay_s: float, kind: str) -> None:
        sending = asyncio.create_task(self._deliver(task, result, delay_s, kind))
        self._sendings.add(sending)
        sending.add_done_callback(self._sendings.discard)

    async def _deliver(self, task: dict[str, Any], result: dict[str, Any], delay_s: float, kind: str) -> None:
        await asyncio.sleep(delay_s)
        if kind == "contradictions":  # it is one only after the truth
            await until(lambda: task["taskId"] in self.acknowledged, FULL_S_MAX)
        client = await self._clients.get()
        try:
            answer = await self.report(client, task, result, is_counted=kind != "contradictions")
        finally:
            self._clients.put_nowait(client)
        self._report.faults[kind] += 1
        assert answer is not None
        assert answer.status in LATE, answer

    async def finish(self) -> None:
        """Wait for all reports that are under way."""
        while self._sendings:
            await asyncio.gather(*self._sendings)
        while not self._clients.empty():
            self._clients.get_nowait().close()


def test_repeated_and_reordered_reports_count_once(server: Server, plan: Plan, report: Report) -> None:
    asyncio.run(_repeat(server, plan, report))


async def _repeat(server: Server, plan: Plan, report: Report) -> None:
    wanted = plan.count(SHORT, FULL)
    await asyncio.to_thread(server.start)
    load = Repeating(server.address, plan.chance(), DELAY_FULL_S if plan.is_full else DELAY_SHORT_S, report)
    audit = Audit(load)
    await load.register()
    async with load.running():
        await until(lambda: report.faults.total() >= wanted, FULL_S_MAX)
        await Audit(load).run()  # all have ended, and reports still come
        await load.finish()
    await audit.run()
    server.kill()
    report.audit = audit.figures
    report.happened(reports=wanted // 10, repeated=wanted // 4, contradictions=wanted // 40)
    verdict(audit.faults, server.database)
