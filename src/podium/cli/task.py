"""`podium task …`: look at tasks, and do a worker's part by hand."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from podium.cli.client import Client
from podium.cli.failure import USAGE, Failure
from podium.cli.options import DEFAULT_SERVER, AsJson, Server
from podium.cli.output import compact, console, moment, say, say_json, status, table
from podium.cli.source import read_object, read_pairs

WAIT_MS_MAX = 5_000

app = typer.Typer(help="Look at tasks, and do a worker's part by hand.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="Task id.", metavar="ID")]


class Outcome(StrEnum):
    """What a task may be set to."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    FAILED_WITH_TERMINAL_ERROR = "FAILED_WITH_TERMINAL_ERROR"
    CANCELED = "CANCELED"


@app.command()
def get(task_id: Id, server: Server = DEFAULT_SERVER, as_json: AsJson = False) -> None:
    """Show a task."""
    found = Client(server).get("tasks", task_id)
    if as_json:
        say_json(found)
    else:
        console().print(table(("", ""), [row for row in _details(found) if row[1]]))


def _details(found: dict[str, Any]) -> list[tuple[str, object]]:
    return [
        ("task", f"{found['referenceTaskName']} ({found['taskType']})"),
        ("id", found["taskId"]),
        ("status", status(found["status"])),
        ("workflow", f"{found['workflowType']} {found['workflowInstanceId']}"),
        ("attempt", (found.get("retryCount") or 0) + 1),
        ("polls", found.get("pollCount")),
        ("scheduled", moment(found.get("scheduledTime"))),
        ("started", moment(found.get("startTime"))),
        ("ended", moment(found.get("endTime"))),
        ("worker", found.get("workerId")),
        ("domain", found.get("domain")),
        ("reason", found.get("reasonForIncompletion")),
        ("input", compact(found.get("inputData"), 2_000)),
        ("output", compact(found.get("outputData"), 2_000)),
    ]


@app.command()
def update(
    task: Annotated[str, typer.Argument(help="Task id, or with --workflow its reference name.")],
    outcome: Annotated[Outcome, typer.Argument(help="The new status.", case_sensitive=False)],
    workflow_id: Annotated[str | None, typer.Option("--workflow", "-w", help="Workflow of a reference name.")] = None,
    output: Annotated[str | None, typer.Option("--output", "-o", help="Output as a JSON object.")] = None,
    file: Annotated[str | None, typer.Option("--output-file", "-f", help="File with the output; - is stdin.")] = None,
    pairs: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="key=value of the output; repeatable.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why it failed.")] = None,
    server: Server = DEFAULT_SERVER,
) -> None:
    """Report the outcome of a task, as its worker would."""
    data = {**read_object(output, file, "--output"), **read_pairs(pairs, "--param")}
    client = Client(server)
    if workflow_id is not None:
        if reason:
            raise Failure("--reason goes with a task id, not with --workflow.", exit_code=USAGE)
        answer = client.post("tasks", workflow_id, task, outcome.value, body=data)
        if not answer:
            hint = f"See `podium workflow get {workflow_id}`."
            raise Failure(f"No open task {task} in workflow {workflow_id}.", hint)
    else:
        found = client.get("tasks", task)
        result = {
            "taskId": task,
            "workflowInstanceId": found["workflowInstanceId"],
            "status": outcome.value,
            "outputData": data,
            "workerId": found.get("workerId"),
            "reasonForIncompletion": reason,
        }
        client.post("tasks", body={key: value for key, value in result.items() if value is not None})
    say(f"{task} {outcome.value}")


@app.command()
def poll(
    task_type: Annotated[str, typer.Argument(help="Task type.", metavar="TYPE")],
    count: Annotated[int, typer.Option(help="Take that many at most.", min=1, max=1_000)] = 1,
    wait_ms: Annotated[int, typer.Option(help="Wait that long for one.", min=0, max=WAIT_MS_MAX)] = 100,
    domain: Annotated[str | None, typer.Option(help="Domain of the worker.")] = None,
    worker_id: Annotated[str, typer.Option(help="Name of the worker.")] = "podium-cli",
    server: Server = DEFAULT_SERVER,
) -> None:
    """Take tasks from a queue as a worker does, and print them as JSON: they are yours to finish."""
    found = Client(server).get(
        "tasks", "poll", "batch", task_type, count=count, timeout=wait_ms, domain=domain, workerid=worker_id
    )
    say_json(found or [])


@app.command()
def logs(
    task_id: Id,
    add: Annotated[str | None, typer.Option(help="Add this line instead of printing.")] = None,
    server: Server = DEFAULT_SERVER,
    as_json: AsJson = False,
) -> None:
    """Print what the worker of a task has logged."""
    client = Client(server)
    if add is not None:
        client.post("tasks", task_id, "log", body=add)
        return
    found = client.get("tasks", task_id, "log") or []
    if as_json:
        say_json(found)
        return
    for line in found:
        say(f"{moment(line.get('createdTime'))}  {line.get('log')}")
