"""Watching one workflow: a live table on a terminal, one line per change elsewhere."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from podium.cli.client import Client
from podium.cli.failure import FAILED, UNREACHABLE, Failure
from podium.cli.output import console, duration, say, say_json, status, table, text

LOOK_S = 0.5
LOOK_S_MAX = 10.0
LOAD_SHARE = 10  # a look that takes long is repeated after ten times as long
UNREACHABLE_S_MAX = 60.0
ROWS_KEPT = 12  # of the screen's height, for what stands around the table
ENDED = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"})
OPEN = frozenset({"SCHEDULED", "IN_PROGRESS"})

Json = dict[str, Any]


def watch_workflow(client: Client, workflow_id: str, *, as_json: bool) -> int:
    """Show a workflow until it has ended; returns the exit code: 0 only for COMPLETED."""
    looks = _looks(client, workflow_id)
    if as_json:
        last = _last(looks)
        say_json(last)
    elif console().is_terminal:
        last = _live(looks)
    else:
        last = _lines(looks)
    if not as_json:
        _say_end(last)
    return 0 if last["status"] == "COMPLETED" else FAILED


def _looks(client: Client, workflow_id: str) -> Iterator[Json]:
    """Yield the workflow again and again, the last time when it has ended; bears a server that is away for a minute."""
    seen_s = -UNREACHABLE_S_MAX  # at first it must be there
    while True:
        began_s = time.monotonic()
        try:
            found: Json = client.get("workflow", workflow_id)
        except Failure as failure:
            if failure.exit_code != UNREACHABLE or began_s - seen_s > UNREACHABLE_S_MAX:
                raise
        else:
            seen_s = began_s
            yield found
            if found["status"] in ENDED:
                return
        took_s = time.monotonic() - began_s
        time.sleep(min(max(LOOK_S, took_s * LOAD_SHARE), LOOK_S_MAX))


def _last(looks: Iterator[Json]) -> Json:
    *_, last = looks
    return last


def _lines(looks: Iterator[Json]) -> Json:
    """Print one line for each task whose status has changed."""
    seen: dict[str, str] = {}
    found: Json = {}
    for found in looks:
        for task in found["tasks"]:
            if seen.get(task["taskId"]) != task["status"]:
                seen[task["taskId"]] = task["status"]
                say(change_line(task))
    return found


def change_line(task: Json) -> str:
    """Return a line about the present status of *task*."""
    attempt = f" attempt {task['retryCount'] + 1}" if task.get("retryCount") else ""
    took = f" {duration(_took_ms(task))}" if task["status"] not in OPEN and task.get("startTime") else ""
    reason = f": {task['reasonForIncompletion']}" if task.get("reasonForIncompletion") else ""
    return f"{task['referenceTaskName']} ({task['taskType']}){attempt} {task['status']}{took}{reason}"


def _live(looks: Iterator[Json]) -> Json:
    found: Json = {}
    with Live(console=console(), transient=False, auto_refresh=False) as live:
        for found in looks:
            live.update(picture(found, max(console().height - ROWS_KEPT, 5)), refresh=True)
    return found


def picture(found: Json, rows_max: int) -> RenderableType:
    """Return a workflow as it is shown on a terminal: counts, and the tasks that matter most now."""
    tasks = found["tasks"]
    rows = map(_row, _important(tasks, rows_max))
    head = Text.assemble(
        text(found["workflowName"], "bold"), " ", text(found["workflowId"]), " ", status(found["status"]), "  ",
        text(duration(_span_ms(found))),
    )  # fmt: skip
    counts = Counter(task["status"] for task in tasks)
    line = Text("  ").join([Text.assemble(status(name), f" {count}") for name, count in sorted(counts.items())])
    return Group(head, line, table(("task", "type", "status", ">attempt", ">took", "worker"), rows))


def _important(tasks: list[Json], count: int) -> list[Json]:
    """Return the open tasks and the latest ended ones, in their order; *count* at most."""
    opened = [task for task in tasks if task["status"] in OPEN][:count]
    left = count - len(opened)
    ended = [task for task in tasks if task["status"] not in OPEN][-left:] if left else []
    return sorted(opened + ended, key=lambda task: int(task["seq"]))


def _row(task: Json) -> tuple[object, ...]:
    return (
        task["referenceTaskName"],
        task["taskType"],
        status(task["status"]),
        (task.get("retryCount") or 0) + 1,
        duration(_took_ms(task)) if task.get("startTime") else "",
        task.get("workerId") or "",
    )


def _took_ms(task: Json) -> int:
    until_ms: int = task.get("endTime") or time.time_ns() // 1_000_000
    return max(until_ms - int(task["startTime"]), 0)


def _span_ms(found: Json) -> int:
    until_ms: int = found.get("endTime") or time.time_ns() // 1_000_000
    return max(until_ms - int(found["startTime"]), 0)


def _say_end(found: Json) -> None:
    reason = found.get("reasonForIncompletion")
    say(f"{found['workflowName']} {found['workflowId']} {found['status']} after {duration(_span_ms(found))}")
    if found["status"] != "COMPLETED" and reason:
        say(f"reason: {reason}")
