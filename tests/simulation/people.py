"""Those who use the cluster: clients that start workflows, workers, operators; impatient, forgetful, and repeating."""

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

import msgspec

from podium.engine.commands import UpdateTask
from podium.model.errors import PodiumError
from podium.model.ids import seq_of, task_id, workflow_of
from podium.model.start import RerunWorkflowRequest, StartWorkflowRequest, UpgradeWorkflowRequest
from podium.model.status import COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, WORKFLOW_TERMINAL
from podium.service.task_result import TaskResult
from tests.property.definitions import QUEUES
from tests.simulation.cluster import Machine, Network, Unanswered, Use
from tests.simulation.database import Database, finished
from tests.simulation.laws import Laws

WORKED = tuple(name for name in QUEUES if name != "HTTP")  # the others are the server's own
Refused = (PodiumError, Unanswered)


class Stage:
    """What all of them share."""

    def __init__(
        self, machines: list[Machine], network: Network, database: Database, laws: Laws, random: Random
    ) -> None:
        self.machines = machines
        self.network = network
        self.database = database
        self.laws = laws
        self.random = random
        self.is_calm = False
        self.started: list[str] = []  # acknowledged
        self.keys: set[str] = set()  # idempotency keys used
        self.acks = self.refusals = 0
        self._numbers = 0

    def number(self) -> int:
        """Return a number that is used once."""
        self._numbers += 1
        return self._numbers

    async def call(self, name: str, use: Use) -> Any:
        """Call a node, any one, as a load balancer would."""
        machine = self.random.choice(self.machines)
        try:
            found = await self.network.call(machine, use)
        except Refused as error:
            self.refusals += 1
            self.database.trace("answer", name, machine.process, type(error).__name__, str(error)[:60])
            raise
        self.acks += 1
        self.database.trace("answer", name, machine.process, "ok")
        return found


class Client:
    """Starts workflows."""

    def __init__(self, stage: Stage, names: list[str], count: int) -> None:
        self._stage = stage
        self._names = names
        self._count = count

    async def run(self) -> None:
        stage, draw = self._stage, self._stage.random
        for _ in range(self._count):
            name = draw.choice(self._names)
            if draw.random() < 0.3:
                await self._herd(name, draw.choice([*sorted(stage.keys)[-2:], f"key{stage.number()}"]))
            else:
                await self._start(name)
            await asyncio.sleep(draw.choice([0, 0.1, 2.0, 6.0]))

    async def _herd(self, name: str, key: str) -> None:
        """Start one workflow from several places at once, each of which tries until it knows which one it is."""
        self._stage.keys.add(key)
        await asyncio.gather(*(self._insist(name, key) for _ in range(self._stage.random.choice([1, 2, 4]))))

    async def _insist(self, name: str, key: str) -> None:
        for _ in range(5):
            await asyncio.sleep(self._stage.random.choice([0, 0, 0.001, 0.5]))
            if await self._start(name, idempotencyKey=key, idempotencyStrategy="RETURN_EXISTING"):
                return

    async def _start(self, name: str, **fields: Any) -> bool:
        draw = self._stage.random
        given = {"by": draw.choice("abc"), "list": [1, 2]}
        version = draw.choice([None, 1, 1]) if name.startswith("drawn") else None
        request = StartWorkflowRequest(
            name=name, version=version, input=given, priority=draw.choice([0, 0, 5]), **fields
        )
        try:
            workflow_id = await self._stage.call(f"start {name}", lambda services: services.workflows.start(request))
        except Refused:
            return False
        self._stage.laws.started(workflow_id)
        self._stage.started.append(workflow_id)
        return True


class Worker:
    """Polls the queues in turn, does what it gets at its own pace, and reports, sometimes twice or too late."""

    def __init__(self, stage: Stage, name: str, sent: dict[str, set[str]]) -> None:
        self._stage = stage
        self._name = name
        self._sent = sent  # nonces by task, of all workers
        self._at_work: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        draw = self._stage.random
        queues = draw.sample(WORKED, len(WORKED))
        await asyncio.gather(*(self._serve(queue) for queue in queues))

    async def _serve(self, queue: str) -> None:
        draw = self._stage.random
        while True:
            count, wait_ms = 20 if self._stage.is_calm else draw.choice([1, 1, 3]), draw.choice([0, 100, 4_000])
            try:
                body = await self._stage.call(
                    f"poll {queue}",
                    lambda services, n=count, ms=wait_ms: services.tasks.poll_batch(queue, self._name, None, n, ms),
                )
            except Refused:
                await asyncio.sleep(1)
                continue
            tasks = msgspec.json.decode(body)
            for task in tasks:
                self._take(task)
            self._stage.laws.polled(queue, count - len(tasks))
            await asyncio.sleep(draw.choice([0, 0.2, 1.0]) if not wait_ms or self._at_work else 0)
            await asyncio.sleep(2.0 if self._stage.is_calm else 0)

    def _take(self, task: dict[str, Any]) -> None:
        self._stage.laws.handed(workflow_of(task["taskId"]), seq_of(task["taskId"]))
        work = asyncio.get_running_loop().create_task(self._work(task["taskId"]))
        self._at_work.add(work)
        work.add_done_callback(self._at_work.discard)

    async def _work(self, task: str) -> None:
        draw, calm = self._stage.random, self._stage.is_calm
        if not calm and draw.random() < 0.05:
            return  # it has died
        await asyncio.sleep(draw.choice([0, 0, 0.1, 1.0] if calm else [0, 0, 0.1, 1.0, 5.0, 25.0]))
        status = COMPLETED if calm else draw.choice(_RESULTS)
        nonce = f"n{self._stage.number()}"
        self._sent.setdefault(task, set()).add(nonce)
        report = self._report(task, status, nonce)
        if not calm and draw.random() < 0.15:  # again, by another way
            await asyncio.gather(report, self._again(task, status, nonce))
        else:
            await report

    async def _again(self, task: str, status: str, nonce: str) -> None:
        draw = self._stage.random
        await asyncio.sleep(draw.choice([0, 0.001, 0.5, 30.0]))
        if draw.random() < 0.3:
            status, nonce = draw.choice(_RESULTS), f"n{self._stage.number()}"
            self._sent.setdefault(task, set()).add(nonce)
        await self._report(task, status, nonce)

    async def _report(self, task: str, status: str, nonce: str) -> None:
        workflow_id, seq = workflow_of(task), seq_of(task)
        body = msgspec.Raw(b'{"nonce":"%s"}' % nonce.encode())
        result = TaskResult(
            workflowInstanceId=workflow_id,
            taskId=task,
            status=status,  # type: ignore[arg-type]
            outputData=body,
            workerId=self._name,
            callbackAfterSeconds=3 if status == IN_PROGRESS else 0,
            reasonForIncompletion="simulated" if status not in (COMPLETED, IN_PROGRESS) else None,
        )
        for _ in range(6):
            try:
                await self._stage.call(f"report {task} {status}", lambda services: services.tasks.update(result))
            except Unanswered:
                continue
            except PodiumError as error:
                if not error.retryable:
                    return
                await asyncio.sleep(1)
                continue
            self._stage.laws.reported(workflow_id, seq, status, self._sent[task])
            return


_RESULTS = [COMPLETED] * 12 + [FAILED] * 3 + [FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, IN_PROGRESS]


class Operator:
    """Pauses, resumes, ends and brings back workflows."""

    def __init__(self, stage: Stage, mean_s: float) -> None:
        self._stage = stage
        self._mean_s = mean_s

    async def run(self) -> None:
        draw = self._stage.random
        while True:
            await asyncio.sleep(draw.expovariate(1 / self._mean_s))
            keys = list(self._stage.laws.known)
            if keys:
                await self._act(draw.choice(keys), draw.choice(_OPERATIONS))

    async def _act(self, key: str, kind: str) -> None:
        stage, laws, known = self._stage, self._stage.laws, self._stage.laws.known[key]
        if kind in _REVIVALS:
            laws.operated.add(known.family)
        tasks = list(known.tasks.values())
        task = stage.random.choice(tasks) if tasks else None
        uses: dict[str, Use] = {
            "pause": lambda services: services.control.pause(key),
            "resume": lambda services: services.control.resume(key),
            "terminate": lambda services: services.control.terminate(key, "enough"),
            "decide": lambda services: services.control.decide(key),
            "callbacks": lambda services: services.control.reset_callbacks(key),
            "variables": lambda services: services.control.set_variables(key, {"x": 1}),
            "retry": lambda services: services.control.retry(key, resume_subworkflows=True),
            "restart": lambda services: services.control.restart(key, use_latest=False),
            "rerun": lambda services: services.control.rerun(
                key, RerunWorkflowRequest(reRunFromTaskId=task_id(key, task.seq) if task else None)
            ),
            "jump": lambda services: services.control.jump(key, task.ref if task else "none", None, None),
            "upgrade": lambda services: services.control.upgrade(key, UpgradeWorkflowRequest(version=2)),
            "message": lambda services: services.control.push_message(key, {"n": 1}),
            "signal": lambda services: services.signals.signal(key, COMPLETED, {"nonce": "signal"}),
            "remove": lambda services: services.control.remove(key, archive=False),
        }
        if kind == "remove" and known.status not in WORKFLOW_TERMINAL:
            return
        version = known.version
        with suppress(*Refused):
            await stage.call(f"{kind} {key}", uses[kind])
            wanted = _EFFECTS.get(kind)
            if wanted:
                laws.operated_on(key, version, wanted | WORKFLOW_TERMINAL)


_REVIVALS = ("retry", "restart", "rerun", "jump", "upgrade")  # after which what has ended may go on
_OTHERS = ["terminate", "decide", "callbacks", "variables", "message", "signal", "signal", "remove"]
_OPERATIONS = [*["pause"] * 3, *["resume"] * 3, *_OTHERS, *_REVIVALS]
_EFFECTS = {"pause": {"PAUSED"}, "resume": {"RUNNING"}, "terminate": {"TERMINATED"}}


class Nurse:
    """When the faults are over: resumes what is paused, and ends the tasks that wait for somebody outside.

    Nothing of what the cluster should do by itself.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def round(self) -> list[str]:
        """Help each workflow that has not ended; returns their ids."""
        still = [key for key, known in self._stage.laws.known.items() if known.status not in WORKFLOW_TERMINAL]
        for key in still:
            with suppress(*Refused):
                await self._help(key)
        return still

    async def _help(self, key: str) -> None:
        known = self._stage.laws.known[key]
        if known.status == "PAUSED":
            await self._stage.call(f"resume {key}", lambda services: services.control.resume(key))
        rows = finished(self._stage.database.rows.load([key]))[key]
        queued = self._stage.database.rows._workflows[key].queued
        for task in rows.tasks:
            outside = task.type in ("HUMAN", "EVENT") or (task.type == "WAIT" and not task.due_ms)
            left = task.status == IN_PROGRESS and task.runs != "engine" and task.seq not in queued
            if task.is_open and (outside or (left and not task.response_timeout_s)):
                command = UpdateTask(task.seq, COMPLETED, b'{"nonce":"nurse"}')
                await self._stage.call(
                    f"help {task_id(key, task.seq)}",
                    lambda services, c=command: services.node.committer.submit(key, c),
                )
