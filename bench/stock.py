"""Fill a database with open workflows, and meter the server that then has them.

A node in this process starts one workflow of each kind. What the engine has made of it, header, payloads and tasks, is
then written again and again through the port of the store, under new ids. One in three waits for a time, one in three
for a person, each of those in turn as a sub-workflow of the third: so half of those without a parent have a
sub-workflow.
"""

import asyncio
import itertools
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from podium.bootstrap import compose
from podium.model.ids import RANDOM_BITS, workflow_id
from podium.model.start import StartWorkflowRequest
from podium.model.task_def import TaskDef
from podium.model.transition import Transition
from podium.model.wire import convert
from podium.model.workflow import Workflow
from podium.model.workflow_def import WorkflowDef
from podium.service import Services
from podium.settings import Settings
from podium.store import Store
from podium.store.query import parse
from podium.store.records import StoredWorkflow

AT_ONCE = 250  # families in one commit
FIRST = "scale_first"
"""The task type of some workflows that wait for a worker, to see when a server hands out its first task."""
FIRST_WORKFLOWS = 100
TICKS_S = os.sysconf("SC_CLK_TCK")


def _step(ref: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}


def _child(name: str) -> dict[str, Any]:
    return _step("inner", "SUB_WORKFLOW", inputParameters={"k": "${workflow.input.k}"}, subWorkflowParam={"name": name})


DEFINITIONS = {
    "scale_wait": _step("hold", "WAIT", inputParameters={"duration": "30 days", "k": "${workflow.input.k}"}),
    "scale_human": _step("hold", "HUMAN", inputParameters={"k": "${workflow.input.k}"}),
    "scale_over_wait": _child("scale_wait"),
    "scale_over_human": _child("scale_human"),
    "scale_first": _step(FIRST, "SIMPLE", inputParameters={"k": "${workflow.input.k}"}),
}
TURNS = ("scale_over_wait", "scale_human", "scale_over_human", "scale_wait")


def fill(database: str, count: int, progress: Callable[[int, int], None]) -> float:
    """Write about *count* open workflows to a database that no server has open; returns the seconds that took."""
    began = time.monotonic()
    asyncio.run(_fill(database, count, progress))
    return time.monotonic() - began


async def _fill(database: str, count: int, progress: Callable[[int, int], None]) -> None:
    application = compose(Settings(database=database, metrics=False, log_level="warning"))
    await application.start()
    try:
        await _register(application.services)
        for number in range(min(FIRST_WORKFLOWS, count)):
            await _start(application.services, FIRST, number)
        families = [await _family(application.services, name) for name in TURNS]
        await _write(application.node.store, families, count, progress)
        page = await application.node.store.search_workflows(parse("workflow", query="status = RUNNING", size=0))
        progress(page.total, page.total)
    finally:
        await application.stop()


async def _register(services: Services) -> None:
    await services.metadata.register_tasks([convert(TaskDef, {"name": FIRST, "ownerEmail": "a@b.c"})])
    definitions = [{"name": name, "version": 1, "tasks": [step]} for name, step in DEFINITIONS.items()]
    await services.metadata.update_workflows([convert(WorkflowDef, one) for one in definitions])


async def _start(services: Services, name: str, number: int) -> str:
    return await services.workflows.start(StartWorkflowRequest(name=name, input={"k": f"value-{number}"}))


async def _family(services: Services, name: str) -> list[StoredWorkflow]:
    """Start a workflow and return its rows, and those of its sub-workflow."""
    top = await _start(services, name, 1_000_000)
    await services.node.settle()
    store = services.node.store
    parent = (await store.load([top]))[top]
    inner = [task.sub_workflow_id for task in parent.tasks if task.sub_workflow_id]
    return [parent, *(await store.load(inner)).values()]


async def _write(
    store: Store, families: list[list[StoredWorkflow]], count: int, progress: Callable[[int, int], None]
) -> None:
    done = 0
    for family in itertools.cycle(families):
        if done >= count:
            return
        copies = [one for _ in range(AT_ONCE) for one in _copy(family)]
        assert all(await store.commit(copies))
        done += len(copies)
        progress(done, count)


def _copy(family: list[StoredWorkflow]) -> Iterator[Transition]:
    """Yield transitions that create a family once more, under ids of now."""
    now_ms = time.time_ns() // 1_000_000
    ids = {one.head.id: workflow_id(now_ms, random.getrandbits(RANDOM_BITS)) for one in family}
    for one in family:
        head = replace(
            one.head,
            id=ids[one.head.id],
            created_ms=now_ms,
            updated_ms=now_ms,
            parent_id=ids.get(one.head.parent_id or ""),
            root_id=ids.get(one.head.root_id or ""),
        )
        workflow = Workflow(head, None, one.input)
        workflow.output, workflow.variables = one.output, one.variables
        tasks = [replace(task, sub_workflow_id=ids.get(task.sub_workflow_id or "")) for task in one.tasks]
        yield Transition(workflow, -1, inserted=tasks)


# ---- meters


def tree(pid: int) -> Iterator[int]:
    """Yield the ids of a process and of all below it."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return
    for child in children:
        yield from tree(int(child))


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process and all below it have taken."""
    return sum(_cpu_s(one) for one in tree(pid))


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_S


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process and all below it."""
    return sum(_rss_kb(one) for one in tree(pid)) / 1024


def _rss_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


def disk_mb(folder: Path) -> float:
    """Return what the files below a folder hold."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
