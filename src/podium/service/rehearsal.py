"""Test runs of workflows: the decisions of the server in memory, with given results of tasks and a clock of their own.

A run works in a thread and in one piece; scripts are evaluated in the jailed processes, as always.
"""

import asyncio
import time
from threading import Event

from podium.engine.context import Script, ScriptAnswer
from podium.engine.requests import resolve_start
from podium.engine.view import WorkflowView
from podium.model.errors import InvalidRequest, Overloaded
from podium.model.rules import check_start_request
from podium.model.start import WorkflowTestRequest
from podium.runtime.node import Node
from podium.runtime.play import Endless, Play
from podium.runtime.stage import Stage
from podium.service.checking import Checking
from podium.service.masking import mask_workflow

RUNS_MAX = 1  # at once: the run takes time from everything else that the server does
WAITING_MAX = 10
RUN_S_MAX = 5.0
AT = "testWorkflow.arg0"


class Rehearsals:
    """Runs workflows that never were."""

    def __init__(self, node: Node, checking: Checking) -> None:
        self._node = node
        self._checking = checking
        self._turns = asyncio.Semaphore(RUNS_MAX)
        self._waiting = 0

    async def run(self, request: WorkflowTestRequest) -> WorkflowView:
        """Run a workflow to its end, or until a task waits that the request has no result for.

        Errors: those of a start, and `InvalidRequest` for a run that takes too much.
        """
        if request.workflowDef is not None:
            await self._checking.refuse(lambda checks: check_start_request(request, AT, checks))
        if self._waiting >= WAITING_MAX:
            raise Overloaded("Too many test runs are waiting: try again in a moment")
        self._waiting += 1
        gone = Event()
        try:
            async with self._turns:
                return await asyncio.to_thread(self._play, request, asyncio.get_running_loop(), gone)
        finally:
            gone.set()
            self._waiting -= 1

    def _play(self, request: WorkflowTestRequest, loop: asyncio.AbstractEventLoop, gone: Event) -> WorkflowView:
        deadline = time.monotonic() + RUN_S_MAX

        def check() -> None:
            if gone.is_set() or time.monotonic() > deadline:
                raise Endless(f"The run takes longer than {RUN_S_MAX:.0f} s")

        stage = self._stage(loop)
        play = Play(stage, check)
        workflow_id = stage.new_workflow_id()
        try:
            play.run(workflow_id, resolve_start(stage, request, AT), request)
        except (Endless, TimeoutError) as error:
            raise InvalidRequest(str(error) or "A script takes too long") from None
        view = stage.seen(workflow_id)
        fields = stage.workflow(workflow_id).graph.definition.maskedFields
        if fields:
            mask_workflow(view, frozenset(fields))
        return view

    async def _evaluated(self, script: Script) -> ScriptAnswer:
        return await self._node.evaluate(script)

    def _stage(self, loop: asyncio.AbstractEventLoop) -> Stage:
        node = self._node

        def evaluate(script: Script) -> ScriptAnswer:
            return asyncio.run_coroutine_threadsafe(self._evaluated(script), loop).result(RUN_S_MAX)

        return Stage(
            evaluate,
            limits=node.world.limits,
            types=node.world.types,
            environment=node.variables.environment,
            definitions=node.catalog,
            begin_ms=node.clock.now_ms(),
            schema_data=node.schemas.data,
            new_id=node.clock.new_workflow_id,
        )
