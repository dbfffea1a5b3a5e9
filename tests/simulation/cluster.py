"""The nodes of a run, each on a machine that crashes, freezes, is cut off and comes back, and the calls they answer."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any

from podium.engine.context import Script, ScriptAnswer
from podium.engine.task_type import Request, Response
from podium.model.errors import PodiumError
from podium.model.ids import RANDOM_BITS, workflow_id
from podium.runtime.clock import Clock
from podium.runtime.node import Node
from podium.service import Services
from podium.tasks import registry
from tests.property.definitions import answer
from tests.simulation.database import BEGIN_MS, Connection, Database
from tests.simulation.faults import Faults
from tests.simulation.loop import Process, VirtualLoop, in_process

GIVE_UP_S = 10.0

Use = Callable[[Services], Awaitable[Any]]


class Unanswered(Exception):
    """A call has no answer: nobody knows whether it had an effect."""


class SkewedClock(Clock):
    """The clock of a machine, and ids and chance from the seed."""

    def __init__(self, random: Random, skew_ms: int) -> None:
        super().__init__()
        self._random = random
        self._skew_ms = skew_ms

    def now_ms(self) -> int:
        return super().now_ms() if self._ahead_ns is not None else self.machine_ms()

    def machine_ms(self) -> int:
        """Return the time that the machine believes in."""
        return BEGIN_MS + self.monotonic_ns() // 1_000_000 + self._skew_ms

    def monotonic_ns(self) -> int:
        return int(asyncio.get_running_loop().time() * 1e9)

    def new_node_id(self) -> str:
        return f"{self._random.getrandbits(32):08x}"

    def new_workflow_id(self) -> str:
        return workflow_id(self.now_ms(), self._random.getrandbits(RANDOM_BITS))

    def jitter(self) -> float:
        return self._random.random()


class Outside:
    """What the server's own tasks call."""

    def __init__(self, random: Random) -> None:
        self._random = random

    async def http(self, request: Request) -> Response:
        await asyncio.sleep(self._random.choice([0.01, 0.5, 3.0]))
        if self._random.random() < 0.1:
            raise OSError("simulated: no route")
        return Response(200, "OK", {}, b"{}")


class Machine:
    """A place where a node runs, or does not."""

    def __init__(self, name: str, database: Database, random: Random, faults: Faults) -> None:
        self.name = name
        self.database = database
        self.random = random
        self.faults = faults
        self.skew_ms = random.randint(-faults.skew_ms, faults.skew_ms)
        self.process = Process(name)
        self.connection: Connection | None = None
        self.node: Node | None = None
        self.services: Services | None = None  # while it is up
        self.is_cut = False
        self.boots = 0

    @property
    def loop(self) -> VirtualLoop:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        return loop

    def boot(self) -> None:
        """Start a new node, which tries until the store lets it."""
        self.boots += 1
        self.process = Process(f"{self.name}.{self.boots}")
        in_process(self.process, self._run())

    async def _run(self) -> None:
        while True:
            connection = self.connection = Connection(self.database, self.process.name, self.random, self.faults)
            connection.is_cut = self.is_cut
            clock = SkewedClock(self.random, self.skew_ms)
            node = Node(connection, registry(), self._evaluate, clock=clock, io=Outside(self.random))
            node.committer.admission.now_s = self.loop.time
            try:
                await node.start()
            except PodiumError:
                await asyncio.sleep(0.5)
                continue
            self.node, self.services = node, Services(node)
            self.database.trace("up", self.process)
            return

    async def _evaluate(self, script: Script) -> ScriptAnswer:
        await asyncio.sleep(self.random.choice([0, 0.002, 0.3]))
        return answer(script)

    def crash(self) -> None:
        """End the node as a power failure does."""
        self.database.trace("crash", self.process)
        self.loop.kill(self.process)
        self.node = self.services = None

    async def stop(self) -> None:
        """End the node as an operator does."""
        services, self.services = self.services, None
        if services is None:
            return
        self.database.trace("stop", self.process)
        services.release_waiting()
        await asyncio.wait([in_process(self.process, services.node.stop())], timeout=60)
        self.loop.kill(self.process)
        self.node = None

    def freeze(self) -> None:
        """Let the node stand still, as when its machine is paused."""
        self.database.trace("freeze", self.process)
        self.loop.freeze(self.process)

    def thaw(self) -> None:
        """Let it go on."""
        self.database.trace("thaw", self.process)
        self.loop.thaw(self.process)

    def cut(self, is_cut: bool) -> None:
        """Cut the node off from the store, or heal that."""
        self.database.trace("cut" if is_cut else "healed", self.process)
        self.is_cut = is_cut
        if self.connection is not None:
            self.connection.is_cut = is_cut


class Network:
    """Carries the calls of clients to nodes."""

    def __init__(self, random: Random, faults: Faults) -> None:
        self._random = random
        self._faults = faults
        self._process = Process("network")

    async def call(self, machine: Machine, use: Use) -> Any:
        """Have a node do something; raises `PodiumError` as the node says, and `Unanswered`."""
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        for _ in range(2 if self._random.random() < self._faults.doubled else 1):
            self._later(lambda: self._arrive(machine, use, reply))
        timer = loop.call_later(GIVE_UP_S, _settle, reply, None, Unanswered())
        try:
            return await reply
        finally:
            timer.cancel()

    def _arrive(self, machine: Machine, use: Use, reply: "asyncio.Future[Any]") -> None:
        services = machine.services
        if services is None:
            self._later(lambda: _settle(reply, None, Unanswered()))
            return

        async def serve() -> None:
            result, error = None, None
            try:
                result = await use(services)
            except PodiumError as refusal:
                error = refusal
            self._later(lambda: _settle(reply, result, error))

        in_process(machine.process, serve())

    def _later(self, action: Callable[[], None]) -> None:
        if self._random.random() >= self._faults.lost:
            delay_s = self._random.choice([0.001, 0.001, 0.02, 0.2])
            asyncio.get_running_loop().call_later(delay_s, action, context=self._process.context)


def _settle(reply: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if reply.done():
        return
    if error is not None:
        reply.set_exception(error)
    else:
        reply.set_result(result)


class Trouble:
    """Makes the faults of machines happen, until it is told to stop."""

    def __init__(self, machines: list[Machine], random: Random, faults: Faults) -> None:
        self._machines = machines
        self._random = random
        self._faults = faults
        self._busy: set[str] = set()  # machines with which something is going on
        self._is_wanted = True
        self.counts: dict[str, int] = {}

    def begin(self) -> list["asyncio.Task[None]"]:
        """Return the tasks in which it happens."""
        kinds = {
            "crash": self._faults.crash_s,
            "stop": self._faults.stop_s,
            "freeze": self._faults.freeze_s,
            "partition": self._faults.partition_s,
        }
        loop = asyncio.get_running_loop()
        return [loop.create_task(self._run(kind, mean_s)) for kind, mean_s in kinds.items() if mean_s]

    async def _run(self, kind: str, mean_s: float) -> None:
        while self._is_wanted:
            await asyncio.sleep(self._random.expovariate(1 / mean_s))
            machine = self._random.choice(self._machines)
            if machine.name in self._busy or not self._is_wanted:
                continue
            self._busy.add(machine.name)
            self.counts[kind] = self.counts.get(kind, 0) + 1
            await getattr(self, f"_{kind}")(machine)
            self._busy.discard(machine.name)

    async def _crash(self, machine: Machine) -> None:
        machine.crash()
        await self._a_while()
        machine.boot()

    async def _stop(self, machine: Machine) -> None:
        await machine.stop()
        await self._a_while()
        if machine.node is None and machine.process.is_dead:
            machine.boot()

    async def _freeze(self, machine: Machine) -> None:
        machine.freeze()
        await self._a_while()
        machine.thaw()

    async def _partition(self, machine: Machine) -> None:
        machine.cut(True)
        await self._a_while()
        machine.cut(False)

    async def _a_while(self) -> None:
        await asyncio.sleep(self._random.choice([0.05, 0.5, 3, 3, 12]))

    async def end(self) -> None:
        """Begin nothing new, and wait until every machine is well again."""
        self._is_wanted = False
        with suppress(TimeoutError):
            async with asyncio.timeout(120):
                while self._busy or any(one.services is None for one in self._machines):  # noqa: ASYNC110
                    await asyncio.sleep(0.5)
