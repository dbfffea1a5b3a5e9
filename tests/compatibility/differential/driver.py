"""Plays one scenario on a server that it knows only by its API, and returns the record."""

import asyncio
import json
import re
import time
import zlib
from typing import Any
from urllib.parse import quote

from tests.compatibility.differential.call import NOTHING, Call
from tests.compatibility.differential.outcome import HOLD, LEAVE, Outcome
from tests.compatibility.differential.record import Names, normalised
from tests.compatibility.differential.rest import BY_SERVER, ENDED, OPEN, is_at_rest, latest
from tests.compatibility.differential.scenario import Poll, Rest, Scenario, Step, Until, Work
from tests.compatibility.differential.wire import Answer, Wire

Json = Any
Record = list[Json]
REFERENCE = re.compile(r"@(w\d*|[tcp])\b(?:\.([\w#]+))?")
ROUNDS_MAX = 120
POLL_WITHIN_S = 30.0


async def play(
    scenario: Scenario,
    wire: Wire,
    *,
    name: str,
    patience_s: float,
    look_every_s: float,
    joins_in_pause: bool,
    salt: str = "",
) -> Record:
    """Play a scenario; *patience_s* is how long the server may take to come to rest before that is recorded.

    *name* and *salt* tell it apart from all others on the same server.
    """
    prefix = f"s{zlib.crc32((salt + name).encode()):08x}_"
    player = _Player(scenario, wire, prefix, patience_s, look_every_s, joins_in_pause)
    for step in scenario.steps:
        await player.make(step)
    return player.finished()


class _Player:
    def __init__(
        self,
        scenario: Scenario,
        wire: Wire,
        prefix: str,
        patience_s: float,
        look_every_s: float,
        joins_in_pause: bool,
    ) -> None:
        self._wire = wire
        self._patience_s = max(patience_s, scenario.patience_s) if patience_s > 20 else patience_s
        self._look_every_s = look_every_s
        self._joins_in_pause = joins_in_pause
        self._prefix = prefix
        self._names = Names()
        self._roots: dict[str, str] = {}  # ids by the names that calls gave them
        self._family: dict[str, Json] = {}
        self._held: set[str] = set()
        self._polled: list[Json] = []
        self._used: dict[str, int] = {}
        self._record: list[tuple[str, Json]] = []

    def finished(self) -> Record:
        return [[label, normalised(value, self._names, self._prefix)] for label, value in self._record]

    async def make(self, step: Step) -> None:
        match step:
            case Call():
                await self._call(step)
            case Work():
                await self._work(step)
            case Until():
                await self._until(step)
            case Poll():
                await self._poll(step)
            case Rest():
                await self._look()

    # ---- calls

    async def _send(
        self, method: str, path: str, body: Json = NOTHING, content_type: str = "application/json"
    ) -> Answer:
        text = path.replace("~", self._prefix)
        if body is NOTHING:
            data = None
        elif isinstance(body, bytes):
            data = body.replace(b"~", self._prefix.encode())
        else:
            data = json.dumps(body).replace("~", self._prefix).encode()
        return await self._wire.call(method, quote(text, safe="/?=&%+,*:-._~$<>'\"()[]|!@;"), data, content_type)

    async def _call(self, step: Call) -> None:
        path, body = self._filled(step.path), self._filled(step.body)
        full = path[1:] if path.startswith("//") else f"/api{path}"
        answer = await self._send(step.method, full, body, step.content_type)
        if step.keeps and answer.status == 200:
            self._keep(step.keeps, answer.text)
        shown = {"status": answer.status}
        if answer.text and step.is_shown:
            shown["body"] = _parsed(answer)
        self._record.append((f"{step.method} {step.path}", shown))
        if step.look:
            await self._look()

    def _keep(self, name: str, text: str) -> None:
        found = json.loads(text)["workflowId"] if text.startswith("{") else text
        self._roots[name] = found
        self._names.give(found, name)

    def _filled(self, value: Json) -> Json:
        if isinstance(value, str):
            return REFERENCE.sub(self._reference, value)
        if isinstance(value, list):
            return [self._filled(one) for one in value]
        if isinstance(value, dict):
            return {key: self._filled(one) for key, one in value.items()}
        return value

    def _reference(self, match: re.Match[str]) -> str:
        kind, ref = match.groups()
        if kind.startswith("w"):
            return self._roots.get(kind, "no-such-workflow")
        if kind == "p":
            return self._polled[-1]["taskId"] if self._polled else "nothing-polled"
        task = self._task(ref or "")
        if task is None:
            return "no-such-task"
        return str(
            task["taskId"] if kind == "t" else task.get("subWorkflowId") or task["outputData"].get("workflowId", "none")
        )

    def _task(self, ref: str) -> Json | None:
        ref, _, attempt = ref.partition("#")
        for flow in self._family.values():
            for task in [one for one in flow["tasks"] if one["referenceTaskName"] == ref and attempt]:
                if task["retryCount"] == int(attempt):
                    return task
            found = latest(flow, ref)
            if found is not None:
                return found
        return None

    # ---- executions

    async def _refresh(self) -> None:
        family: dict[str, Json] = {}
        waiting = list(self._roots.values())
        while waiting:
            found = waiting.pop(0)
            if found in family:
                continue
            answer = await self._send("GET", f"/api/workflow/{found}")
            if answer.status != 200:
                continue
            family[found] = flow = json.loads(answer.text)
            waiting += self._names.learn(flow)
        self._family = family

    async def _settle(self) -> bool:
        """Wait until nothing moves by itself; false when that takes too long."""
        deadline = time.monotonic() + self._patience_s
        while True:
            await self._refresh()
            if is_at_rest(self._family, joins_in_pause=self._joins_in_pause):
                return True
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(self._look_every_s)

    async def _look(self) -> None:
        rests = await self._settle()
        self._show("look" if rests else "look, restless")

    def _show(self, label: str) -> None:
        self._record.append((label, {f"<{self._names.give(key, 'w')}>": flow for key, flow in self._family.items()}))

    async def _until(self, step: Until) -> None:
        deadline = time.monotonic() + step.within_s
        while True:
            await self._refresh()
            if self._has_status(step) or time.monotonic() > deadline:
                break
            await asyncio.sleep(self._look_every_s)
        await self._look()

    def _has_status(self, step: Until) -> bool:
        if step.ref:
            task = self._task(step.ref)
            return task is not None and task["status"] == step.status
        return any(flow["status"] == step.status for flow in list(self._family.values())[:1])

    # ---- the worker

    async def _work(self, step: Work) -> None:
        self._used = {}
        for _ in range(ROUNDS_MAX):
            rests = await self._settle()
            if not await self._work_once(step, ROUNDS_MAX):
                self._show("look" if rests else "look, restless")
                return
        self._show("endless work")

    async def _work_once(self, step: Work, most: int) -> bool:
        """Report on the first open task that the script has something for."""
        for flow in self._family.values():
            if flow["status"] in ENDED:
                continue
            for task in sorted(flow["tasks"], key=lambda one: one["seq"]):
                outcome = self._outcome(step, task) if task["status"] in OPEN else None
                if outcome is not None and await self._report(flow, task, outcome):
                    return True
        return False

    def _outcome(self, step: Work, task: Json) -> Outcome | None:
        ref = task["referenceTaskName"].replace(self._prefix, "~")
        plain = ref.partition("__")[0]
        key = ref if ref in step.script else plain
        if task["taskType"] in BY_SERVER and key not in step.script:
            return None
        outcomes, used = step.script.get(key, ()), self._used.get(key, 0)
        if used >= len(outcomes):
            return None if task["taskType"] in BY_SERVER else Outcome("COMPLETED", {"outputData": {"from": ref}})
        found = outcomes[used]
        if found.status == LEAVE or (found.status == HOLD and task["taskId"] in self._held):
            return None
        self._used[key] = used + (found.status != HOLD)
        return found

    async def _report(self, flow: Json, task: Json, outcome: Outcome) -> bool:
        if task["taskType"] not in BY_SERVER and task["status"] == "SCHEDULED" and not await self._fetch(task):
            return False
        if outcome.status == HOLD:
            return True
        body = {"workflowInstanceId": flow["workflowId"], "taskId": task["taskId"], "workerId": "worker"}
        self._held.discard(task["taskId"])
        answer = await self._send("POST", "/api/tasks", body | {"status": outcome.status} | dict(outcome.fields))
        if answer.status != 200:
            self._record.append(
                (f"report on {task['referenceTaskName']}", {"status": answer.status, "body": _parsed(answer)})
            )
        return answer.status == 200

    async def _fetch(self, task: Json) -> bool:
        """Poll the queue of a task until it comes; others that come are held for their turn."""
        deadline = time.monotonic() + POLL_WITHIN_S
        domain = f"&domain={task['domain']}" if task.get("domain") else ""
        while task["taskId"] not in self._held and time.monotonic() < deadline:
            answer = await self._send("GET", f"/api/tasks/poll/{quote(task['taskType'])}?workerid=worker{domain}")
            if answer.status == 200:
                self._held.add(json.loads(answer.text)["taskId"])
            else:
                await asyncio.sleep(self._look_every_s)
        return task["taskId"] in self._held

    async def _poll(self, step: Poll) -> None:
        deadline = time.monotonic() + (POLL_WITHIN_S if step.until_found else 0)
        domain = f"&domain={step.domain}" if step.domain else ""
        while True:
            answer = await self._send("GET", f"/api/tasks/poll/{step.queue}?workerid=worker{domain}")
            if answer.status == 200 or time.monotonic() > deadline:
                break
            await asyncio.sleep(self._look_every_s)
        found = _parsed(answer) if answer.text else None
        if found is not None and answer.status == 200:
            self._polled.append(found)
            self._held.add(found["taskId"])
        self._record.append((f"poll {step.queue}", {"status": answer.status, "body": found}))


def _parsed(answer: Answer) -> Json:
    if answer.content_type.startswith("application/json"):
        return json.loads(answer.text)
    return answer.text
