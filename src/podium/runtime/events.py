"""Event handlers: what follows when a message arrives on a queue.

A message is handled at least once (its outbox row is deleted, or its broker told, afterwards), and each action is made
so that doing it again changes nothing: a workflow is started under an id that follows from message, handler and action;
what is changed in a workflow is noted there by the same commit; what a broker delivers again is known by the records of
its actions.
"""

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from podium.engine.commands import Command, Once, SetVariables, Terminate, UpdateTask
from podium.engine.context import Script, ScriptAnswer
from podium.engine.lineage import Lineage, next_lineage
from podium.engine.requests import resolve_start
from podium.expressions.document import MapDocument
from podium.expressions.javascript import OutsideSubset, compile_script, truth
from podium.expressions.parameters import compile_template
from podium.model.errors import Conflict, InvalidRequest, PodiumError
from podium.model.event import Action, EventHandler, StartWorkflowAction, TaskAction
from podium.model.ids import RANDOM_BITS, seq_of, workflow_id, workflow_of
from podium.model.start import StartWorkflowRequest
from podium.model.status import COMPLETED, FAILED, IN_PROGRESS, SKIPPED
from podium.model.wire import Json, to_json_value
from podium.runtime.committer import Committer
from podium.runtime.world import World
from podium.store import Store
from podium.store.records import EventExecution

EXPAND_DEPTH_MAX = 20
NOTED_BYTES_MAX = 2_000  # of a message in a record

log = logging.getLogger(__name__)
encode = msgspec.json.Encoder().encode

Evaluate = Callable[[Script], Awaitable[ScriptAnswer]]


class Incoming(msgspec.Struct, frozen=True):
    """A message as it arrives; a foreign one was not in the outbox, and may arrive again however late.

    The last delivery is the one at which an action that can't be done, for whatever reason, ends with a record.
    """

    id: str
    body: bytes
    is_foreign: bool = False
    is_last: bool = False

    @property
    def is_own(self) -> bool:
        """Whether it is from the outbox, and its id that of a task here."""
        return not self.is_foreign and bool(seq_of(self.id))


class Cause(msgspec.Struct, frozen=True):
    """Why an action is done: all of it follows from message, handler and action, so that it is the same again."""

    message_id: str
    event: str
    key: int  # of what it changes
    new_id: str  # of the workflow that it starts

    @classmethod
    def of(cls, message_id: str, handler: EventHandler, number: int, begun_ms: int) -> "Cause":
        """Return the cause of the action *number*, which was begun then if the message is not of a workflow."""
        text = f"{message_id}\0{handler.name}\0{number}"
        key = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
        own = workflow_of(message_id) if seq_of(message_id) else ""
        time_ms = int(own[:13].replace("-", ""), 16) if own else begun_ms
        return cls(message_id, handler.event, key, workflow_id(time_ms, key & ((1 << RANDOM_BITS) - 1)))

    def as_fields(self) -> dict[str, str]:
        """Return what inputs and outputs say of it."""
        return {"conductor.event.messageId": self.message_id, "conductor.event.name": self.event}


class Events:
    """Runs the actions of active handlers for each message."""

    def __init__(self, store: Store, world: World, committer: Committer, evaluate: Evaluate) -> None:
        self._store = store
        self._world = world
        self._committer = committer
        self._evaluate = evaluate

    async def handle(self, queue: str, message: Incoming) -> None:
        """Run what the handlers of *queue* want done; an error means that it has to be done again."""
        payload = _parsed(message.body)
        for handler in list(self._world.catalog.event_handlers.values()):
            if handler.active and handler.event == queue:
                await self._run(handler, message, payload)

    async def _run(self, handler: EventHandler, message: Incoming, payload: Json) -> None:
        now_ms = self._world.clock.now_ms()
        try:
            holds = await self._holds(handler, payload)
        except Exception as error:  # noqa: BLE001 (`_failure` raises what has to be tried again)
            await self._record(handler, message, 0, "", FAILED, _failure(error, message), now_ms)
            return
        if not holds:
            note = {"msg": encode(payload).decode(), "condition": handler.condition}
            await self._record(handler, message, 0, "", SKIPPED, note, now_ms)
            return
        for number, action in enumerate(handler.actions):
            begun_ms = await self._begun_ms(handler, message, number, action.action)
            if begun_ms is None:
                continue
            try:
                cause = Cause.of(message.id, handler, number, begun_ms)
                status, output = COMPLETED, await self._act(action, cause, payload)
            except Exception as error:  # noqa: BLE001
                status, output = FAILED, _failure(error, message)
            await self._record(handler, message, number, action.action, status, output, begun_ms)

    async def note_refused(self, queue: str, message_id: str, body: bytes, reason: str) -> None:
        """Record that a message could not be published, as there is nobody any more to tell."""
        output = {"exception": reason, "msg": body[:NOTED_BYTES_MAX].decode("utf-8", "replace")}
        execution = EventExecution(
            id=f"{message_id}_publish",
            handler=queue,
            event=queue,
            message_id=message_id,
            action="publish",
            status=FAILED,
            created_ms=self._world.clock.now_ms(),
            output=encode(output),
        )
        await self._store.add_event_execution(execution, replace=True)

    async def _begun_ms(self, handler: EventHandler, message: Incoming, number: int, action: str | None) -> int | None:
        """Return when an action was begun, None when it is done already: a broker may deliver a message again.

        What begins here is recorded first, so that an action that is done again after a crash knows its own time, of
        which the id of a workflow that it starts is made. Messages of workflows bring a time of their own.
        """
        now_ms = self._world.clock.now_ms()
        if message.is_own:
            return now_ms
        known = await self._store.event_execution(_execution_id(message.id, number, handler))
        if known is None:
            await self._record(handler, message, number, action, IN_PROGRESS, {}, now_ms)
            return now_ms
        return known.created_ms if known.status == IN_PROGRESS else None

    async def _record(
        self,
        handler: EventHandler,
        message: Incoming,
        number: int,
        action: str | None,
        status: str,
        output: Json,
        begun_ms: int,
    ) -> None:
        execution = EventExecution(
            id=_execution_id(message.id, number, handler),
            handler=handler.name,
            event=handler.event,
            message_id=message.id,
            action=action or "",
            status=status,
            created_ms=begun_ms,
            output=encode(output),
        )
        await self._store.add_event_execution(execution, replace=not message.is_own)

    async def _holds(self, handler: EventHandler, payload: Json) -> bool:
        condition = handler.condition
        if not condition or not condition.strip():
            return True
        expanded = expand(payload)
        if handler.evaluatorType == "value-param":
            return truth(expanded.get(condition) if isinstance(expanded, dict) else None)
        small = compile_script(condition)
        if small is not None:
            try:
                return truth(small.evaluate(expanded))
            except OutsideSubset:
                pass
        language = "python" if handler.evaluatorType == "python" else "javascript"
        answer = await self._evaluate(Script(language, condition, encode(expanded)))
        if answer.error is not None:
            log.warning("the condition of event handler %s failed: %s", handler.name, answer.error)
        return answer.value is not None and truth(msgspec.json.decode(answer.value))

    # ---- actions

    async def _act(self, action: Action, cause: Cause, payload: Json) -> Json:
        document = MapDocument(expand(payload) if action.expandInlineJSON else payload)
        if action.start_workflow is not None and action.action == "start_workflow":
            return await self._start(action.start_workflow, cause, document)
        if action.complete_task is not None and action.action == "complete_task":
            return await self._finish_task(action.complete_task, COMPLETED, cause, document)
        if action.fail_task is not None and action.action == "fail_task":
            return await self._finish_task(action.fail_task, FAILED, cause, document)
        if action.terminate_workflow is not None and action.action == "terminate_workflow":
            given = _resolved(to_json_value(action.terminate_workflow), document)
            await self._change(given.get("workflowId"), Terminate(given.get("terminationReason")), cause)
            return given
        if action.update_workflow_variables is not None and action.action == "update_workflow_variables":
            given = _resolved(to_json_value(action.update_workflow_variables), document)
            variables = SetVariables(encode(given.get("variables") or {}), append=bool(given.get("appendArray")))
            await self._change(given.get("workflowId"), variables, cause)
            return given
        raise InvalidRequest(f"Action not supported {action.action} for event {cause.event}")

    async def _change(self, target: Any, command: Command, cause: Cause) -> None:
        await self._committer.submit(str(target), Once(cause.key, command))

    async def _start(self, action: StartWorkflowAction, cause: Cause, document: MapDocument) -> Json:
        given = _resolved({"input": action.input, "correlationId": action.correlationId}, document)
        payload_domains = document.field("$", "taskToDomain")
        domains = action.taskToDomain or (payload_domains if isinstance(payload_domains, dict) else {})
        request = StartWorkflowRequest(
            name=action.name,
            version=action.version,
            correlationId=None if given["correlationId"] is None else str(given["correlationId"]),
            input={**(given["input"] or {}), **cause.as_fields()},
            taskToDomain=domains,
        )
        lineage = await self._lineage(cause.message_id)
        command = msgspec.structs.replace(
            resolve_start(self._world.context(), request),
            event=cause.event,
            depth=lineage.depth,
            root_id=lineage.root_id,
        )
        try:
            await self._committer.submit(cause.new_id, command)
        except Conflict:
            log.info("the workflow for message %s was started before", cause.message_id)
        return {"workflowId": cause.new_id}

    async def _lineage(self, message_id: str) -> Lineage:
        """Return the place of a workflow that is started by a message, which another workflow may have published."""
        seq = seq_of(message_id)
        workflow = await self._committer.read(workflow_of(message_id)) if seq else None
        if workflow is None:
            return Lineage()
        task = await self._store.task(workflow.id, seq)
        is_at_once = task is not None and task.scheduled_ms == workflow.head.created_ms
        return next_lineage(workflow.head, self._world.context(), is_at_once=is_at_once)

    async def _finish_task(self, action: TaskAction, status: str, cause: Cause, document: MapDocument) -> Json:
        given = _resolved(to_json_value(action), document)
        target, seq = await self._target(given)
        if not seq:
            text = "No task found with task id: {taskId}, reference name: {taskRefName}, workflow id: {workflowId}"
            return {"error": text.format_map({"taskId": None, "taskRefName": None, "workflowId": None, **given})}
        output = {
            **{key: given.get(key) for key in ("workflowId", "taskId", "taskRefName", "reasonForIncompletion")},
            **(given.get("output") or {}),
            **cause.as_fields(),
        }
        reason = given.get("reasonForIncompletion")
        command = UpdateTask(seq, status, encode(output), reason=None if reason is None else str(reason))
        await self._change(target, command, cause)
        return output

    async def _target(self, given: dict[str, Any]) -> tuple[str, int]:
        """Return the workflow and number of the task that an action means; of a loop, its latest iteration."""
        task_id = given.get("taskId")
        if isinstance(task_id, str) and seq_of(task_id):
            return workflow_of(task_id), seq_of(task_id)
        key, ref = str(given.get("workflowId")), given.get("taskRefName")
        workflow = await self._committer.read(key)
        if workflow is None:
            return key, 0
        task = workflow.latest.get(str(ref)) or workflow.plain.get(str(ref))
        return key, task.seq if task is not None else 0


def _failure(error: Exception, message: Incoming) -> Json:
    """Return what is recorded of an action that failed for good; raises *error* when it has to be tried again."""
    if isinstance(error, PodiumError):
        if error.retryable:
            raise error
        return {"exception": error.message}
    if not message.is_last:
        raise error
    log.error("message %s of an event breaks its handler, and is given up", message.id, exc_info=error)
    shown = message.body[:NOTED_BYTES_MAX].decode("utf-8", "replace")
    return {"exception": f"{type(error).__name__}: {error}"[:NOTED_BYTES_MAX], "msg": shown}


def _execution_id(message_id: str, number: int, handler: EventHandler) -> str:
    return f"{message_id}_{number}:{handler.name}"


def _resolved(value: dict[str, Any], document: MapDocument) -> dict[str, Any]:
    found: dict[str, Any] = compile_template(value).resolve(document)
    return found


def _parsed(body: bytes) -> Json:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "replace")


def expand(value: Json, depth: int = 0) -> Json:
    """Return *value* with JSON text inside of strings parsed, in maps and lists down to twenty levels."""
    if depth >= EXPAND_DEPTH_MAX:
        return value
    if isinstance(value, dict):
        return {key: expand(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return [expand(one, depth + 1) for one in value]
    if isinstance(value, str) and value[:1] in "{[" and value[:1]:
        try:
            return expand(json.loads(value), depth + 1)
        except (ValueError, RecursionError):
            return value
    return value
