"""One run: a cluster, its users and its faults from one seed, and what came of it."""

import asyncio
import gc
import hashlib
import logging
import random
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.cluster import Machine, Network, Trouble
from tests.simulation.database import Database, finished
from tests.simulation.faults import Faults, drawn
from tests.simulation.installed import SCHEDULED_S, install, install_calls
from tests.simulation.laws import LATE_MS_MAX, Broken, Laws
from tests.simulation.loop import Deadlock, Restless, VirtualLoop
from tests.simulation.people import Client, Nurse, Operator, Stage, Worker

RECOVERY_S_MAX = 60  # from the last fault until everything is in time again
CALM_S_MAX = 3_600
LINES_KEPT = 60
CALLS_RATE = 0.3


class Trace:
    """What happened, line by line; the hash of all lines tells whether two runs were the same."""

    def __init__(self) -> None:
        self.tail: deque[str] = deque(maxlen=LINES_KEPT)
        self.sink: Any = None  # a file, for all lines
        self.count = 0
        self._hash = hashlib.blake2b(digest_size=16)

    def __call__(self, *words: object) -> None:
        line = f"{asyncio.get_running_loop().time():.6f} " + " ".join(map(str, words))
        self.count += 1
        self.tail.append(line)
        self._hash.update(line.encode() + b"\n")
        if self.sink is not None:
            self.sink.write(line + "\n")

    @property
    def digest(self) -> str:
        """The hash of all lines so far."""
        return self._hash.hexdigest()


@dataclass
class Outcome:
    """What came of a run."""

    seed: int
    nodes: int
    is_shared: bool
    faults: str
    fault: str = ""  # the law that was broken, or nothing
    digest: str = ""
    commits: int = 0
    stale: int = 0
    workflows: int = 0
    calls: int = 0
    virtual_s: float = 0
    happened: dict[str, int] = field(default_factory=dict)
    tail: list[str] = field(default_factory=list)

    @property
    def command(self) -> str:
        """How to see it again."""
        return f'make sim ARGS="--seed {self.seed}"'

    def told(self) -> str:
        """Return what a developer wants to know of a failure."""
        return "\n".join([*self.tail, "", f"seed {self.seed}, {self.nodes} nodes, faults: {self.faults}", self.fault,
                          f"again: {self.command}"])  # fmt: skip


def simulate(seed: int, *, nodes: int = 0, sink: Any = None) -> Outcome:
    """Play the run that *seed* stands for; the outcome says whether a law was broken."""
    loop = VirtualLoop(Random(f"{seed} loop"))
    trace = Trace()
    trace.sink = sink
    plan = Random(f"{seed} plan")
    nodes = nodes or plan.choice([1, 1, 2, 2, 3])
    is_shared = nodes > 1 or plan.random() < 0.5
    faults = drawn(plan, is_shared=is_shared)
    outcome = Outcome(seed, nodes, is_shared, str(faults))
    with _alone(seed):
        try:
            loop.run(_Run(seed, outcome, faults, plan, trace).play())
        except (Broken, Deadlock, Restless) as error:
            outcome.fault = f"{type(error).__name__}: {error}"
        if not outcome.fault and loop.errors:
            outcome.fault = f"an error that nobody has caught: {loop.errors[0]}"
    outcome.virtual_s, outcome.digest, outcome.tail = loop.time(), trace.digest, list(trace.tail)
    return outcome


def has_calls(seed: int) -> bool:
    """Whether the clients of a run start workflows whose tasks are the server's own."""
    return Random(f"{seed} calls").random() < CALLS_RATE


@contextmanager
def _alone(seed: int) -> Iterator[None]:
    """No logs, since errors are wanted here; no garbage collection, whose moments nobody knows; chance from the seed."""
    gc.disable()
    state = random.getstate()
    random.seed(seed)
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        random.setstate(state)
        logging.disable(before)
        gc.enable()


class _Run:
    def __init__(self, seed: int, outcome: Outcome, faults: Faults, plan: Random, trace: Trace) -> None:
        self._seed = seed
        self._outcome = outcome
        self._faults = faults
        self._plan = plan
        self._trace = trace

    async def play(self) -> None:
        """Everything from the first boot to the last look."""
        outcome, faults = self._outcome, self._faults
        database = Database(self._trace, is_shared=outcome.is_shared)
        laws = Laws(database)
        names = install(database, laws, self._plan)
        if has_calls(self._seed):
            names += [install_calls(database, laws)] * 2
        machines = [
            Machine(f"node{number}", database, Random(f"{self._seed} node {number}"), faults)
            for number in range(outcome.nodes)
        ]
        network = Network(Random(f"{self._seed} network"), faults)
        stage = Stage(machines, network, database, laws, Random(f"{self._seed} people"))
        trouble = Trouble(machines, Random(f"{self._seed} trouble"), faults)
        try:
            for machine in machines:
                machine.boot()
            await self._stormy(stage, trouble, names)
            await self._calm(stage, trouble)
            laws.at_rest()
            for machine in machines:
                if machine.node is not None:
                    laws.counts_at_rest(machine.node.start_limits)
        finally:
            outcome.commits, outcome.stale, outcome.workflows = database.commits, database.stale, len(laws.known)
            outcome.calls, outcome.happened = stage.acks, trouble.counts

    async def _stormy(self, stage: Stage, trouble: Trouble, names: list[str]) -> None:
        draw = self._plan
        sent: dict[str, set[str]] = {}
        clients = [self._begin(Client(stage, names, draw.randint(4, 12)).run()) for _ in range(draw.randint(1, 3))]
        self._workers = [self._begin(Worker(stage, f"w{n}", sent).run()) for n in range(draw.randint(1, 2))]
        trouble.begin()
        has_operator, mean_s = draw.random() < 0.6, draw.choice([3.0, 15.0])
        operators = [self._begin(Operator(stage, mean_s).run())] if has_operator else []
        _, late = await asyncio.wait(clients, timeout=90)
        await asyncio.sleep(draw.choice([5, 20, 60]))
        self._trace("calm")
        stage.is_calm = True
        self._faults.calm()
        for one in (*operators, *late):
            one.cancel()

    def _begin(self, coro: Any) -> "asyncio.Task[Any]":
        """Start somebody; who finds a law broken ends the run."""
        task = asyncio.get_running_loop().create_task(coro)
        task.add_done_callback(self._look)
        return task

    def _look(self, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled() and task.exception() is not None:
            task.get_loop().failure = task.exception()  # type: ignore[attr-defined]

    async def _calm(self, stage: Stage, trouble: Trouble) -> None:
        """Without faults everything comes to its end in time."""
        await trouble.end()
        nurse, loop = Nurse(stage), asyncio.get_running_loop()
        stage.laws.calm_ms = stage.database.now_ms() + LATE_MS_MAX
        await asyncio.sleep(max(SCHEDULED_S + 10 - loop.time(), 0))
        since = loop.time()
        while still := await nurse.round():
            if loop.time() > since + RECOVERY_S_MAX:
                stage.laws.in_time()
            if loop.time() > since + CALM_S_MAX:
                raise Broken("never ends: " + "; ".join(self._shown(stage, key) for key in still))
            await asyncio.sleep(10)
        for worker in self._workers:
            worker.cancel()
        await asyncio.sleep(120)  # for messages, and reports that are still to come

    @staticmethod
    def _shown(stage: Stage, key: str) -> str:
        full = finished(stage.database.rows.load([key]))[key]
        tasks = " ".join(f"{task.seq}:{task.ref}:{task.type}:{task.status}" for task in full.tasks if task.is_open)
        messages = [one.id for one in stage.database.rows._messages.values() if one.target == key]
        return f"{key} {full.head.name} {full.head.status} wake {full.head.wake_ms} [{tasks}] messages {messages}"
