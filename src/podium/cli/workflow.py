"""`podium workflow …`: start, look at, and steer workflows."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.console import Group

from podium.cli.client import Client
from podium.cli.failure import FAILED, Failure
from podium.cli.options import DEFAULT_SERVER, AsJson, Server
from podium.cli.output import compact, complain, console, duration, moment, say, say_json, status, table, text
from podium.cli.source import read_object, read_pairs
from podium.cli.watch import watch_workflow

TASKS_SHOWN_MAX = 200
QUERY_FIELDS = {"name": "workflowType", "status": "status", "correlation_id": "correlationId"}

app = typer.Typer(help="Start, look at, and steer workflows.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="Workflow id.", metavar="ID")]
Ids = Annotated[list[str], typer.Argument(help="Workflow ids.", metavar="ID...")]


@app.command()
def start(
    name: Annotated[str, typer.Argument(help="Name of the definition.")],
    version: Annotated[int | None, typer.Option(help="Version of the definition; the latest without.")] = None,
    given: Annotated[str | None, typer.Option("--input", "-i", help="Input as a JSON object.")] = None,
    file: Annotated[str | None, typer.Option("--input-file", "-f", help="File with the input; - is stdin.")] = None,
    pairs: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="key=value of the input; repeatable.")
    ] = None,
    correlation_id: Annotated[str | None, typer.Option(help="Your own name for what it is about.")] = None,
    priority: Annotated[int, typer.Option(help="0 to 99; higher ones get workers first.", min=0, max=99)] = 0,
    domains: Annotated[list[str] | None, typer.Option("--domain", help="TASK=DOMAIN; repeatable.")] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="Start once only for this key.")] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay and watch it to its end.")] = False,
    server: Server = DEFAULT_SERVER,
    as_json: AsJson = False,
) -> None:
    """Start a workflow and print its id."""
    request = {
        "name": name,
        "version": version,
        "input": {**read_object(given, file, "--input"), **read_pairs(pairs, "--param")},
        "correlationId": correlation_id,
        "priority": priority,
        "taskToDomain": {key: str(value) for key, value in read_pairs(domains, "--domain").items()},
        "idempotencyKey": idempotency_key,
        "idempotencyStrategy": "RETURN_EXISTING" if idempotency_key else None,
    }
    client = Client(server)
    try:
        workflow_id = client.post("workflow", body={key: one for key, one in request.items() if one is not None})
    except Failure as failure:
        if failure.exit_code == FAILED and "No such workflow" in failure.message:
            raise Failure(
                failure.message, "Register it with `podium def put FILE`; see `podium def list`."
            ) from failure
        raise
    if watch:
        raise typer.Exit(watch_workflow(client, workflow_id, as_json=as_json))
    if as_json:
        say_json({"workflowId": workflow_id})
    else:
        say(workflow_id)


@app.command()
def get(
    workflow_id: Id,
    tasks: Annotated[bool, typer.Option(help="With its tasks.")] = True,
    server: Server = DEFAULT_SERVER,
    as_json: AsJson = False,
) -> None:
    """Show a workflow."""
    found = Client(server).get("workflow", workflow_id, includeTasks="true" if tasks else "false")
    if as_json:
        say_json(found)
        return
    console().print(_details(found))
    if tasks:
        _show_tasks(found["tasks"])


def _details(found: dict[str, Any]) -> Group:
    ended_ms = found.get("endTime") or 0
    took = duration(ended_ms - found["startTime"]) if ended_ms else ""
    rows = [
        ("workflow", f"{found['workflowName']} version {found['workflowVersion']}"),
        ("id", found["workflowId"]),
        ("status", status(found["status"])),
        ("started", moment(found["startTime"])),
        ("ended", f"{moment(ended_ms)}  after {took}" if ended_ms else ""),
        ("correlation id", found.get("correlationId")),
        ("parent", found.get("parentWorkflowId")),
        ("reason", found.get("reasonForIncompletion")),
        ("failed tasks", ", ".join(found.get("failedReferenceTaskNames") or ())),
        ("input", compact(found.get("input"), 2_000)),
        ("output", compact(found.get("output"), 2_000)),
        ("variables", compact(found["variables"], 2_000) if found.get("variables") else ""),
    ]
    return Group(table(("", ""), [row for row in rows if row[1]]), text(""))


def _show_tasks(tasks: list[dict[str, Any]]) -> None:
    shown = tasks[-TASKS_SHOWN_MAX:]
    headings = ("reference", "type", "status", ">attempt", "started", ">took", "worker", "reason")
    console().print(table(headings, map(_task_row, shown)))
    if len(shown) < len(tasks):
        say(f"… the last {len(shown)} of {len(tasks)} tasks; --json shows all")


def _task_row(task: dict[str, Any]) -> tuple[object, ...]:
    begin_ms, end_ms = task.get("startTime") or 0, task.get("endTime") or 0
    return (
        task["referenceTaskName"],
        task["taskType"],
        status(task["status"]),
        (task.get("retryCount") or 0) + 1,
        moment(begin_ms),
        duration(max(end_ms - begin_ms, 0)) if begin_ms and end_ms else "",
        task.get("workerId") or "",
        task.get("reasonForIncompletion") or "",
    )


@app.command()
def search(
    query: Annotated[str | None, typer.Argument(help="Search expression: status = FAILED AND priority > 5.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the definition.")] = None,
    status_: Annotated[str | None, typer.Option("--status", help="RUNNING, COMPLETED, FAILED …")] = None,
    correlation_id: Annotated[str | None, typer.Option(help="Correlation id.")] = None,
    free_text: Annotated[str, typer.Option("--text", help="Text in ids, names, reason, input or output.")] = "*",
    sort: Annotated[str, typer.Option(help="FIELD:ASC or FIELD:DESC.")] = "startTime:DESC",
    start: Annotated[int, typer.Option("--from", help="Leave out that many.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="Show that many at most.", min=1, max=5_000)] = 20,
    server: Server = DEFAULT_SERVER,
    as_json: AsJson = False,
) -> None:
    """Find workflows, the newest first."""
    given = {"name": name, "status": status_ and status_.upper(), "correlation_id": correlation_id}
    parts = [f"({query})"] if query else []
    parts += [f"{QUERY_FIELDS[key]} = {_quoted(value)}" for key, value in given.items() if value]
    found = Client(server).get(
        "workflow", "search", query=" AND ".join(parts) or None, freeText=free_text, sort=sort, start=start, size=limit
    )
    if as_json:
        say_json(found)
        return
    headings = ("id", "name", "status", "started", ">took", "correlation id", "reason")
    console().print(table(headings, map(_hit_row, found["results"])))
    say(f"{len(found['results'])} of {found['totalHits']}")


def _hit_row(hit: dict[str, Any]) -> tuple[object, ...]:
    return (
        hit["workflowId"],
        f"{hit['workflowType']} v{hit['version']}",
        status(hit["status"]),
        moment(hit.get("startTime")),
        duration(hit["executionTime"]) if hit.get("executionTime") and hit.get("endTime") else "",
        hit.get("correlationId") or "",
        compact(hit["reasonForIncompletion"], 60).strip('"') if hit.get("reasonForIncompletion") else "",
    )


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@app.command()
def watch(workflow_id: Id, server: Server = DEFAULT_SERVER, as_json: AsJson = False) -> None:
    """Watch a workflow to its end; the exit code is 1 when it does not end COMPLETED."""
    raise typer.Exit(watch_workflow(Client(server), workflow_id, as_json=as_json))


# ---- steering


@app.command()
def pause(workflow_ids: Ids, server: Server = DEFAULT_SERVER) -> None:
    """Schedule nothing more in these workflows until they are resumed."""
    client = Client(server)
    _each(workflow_ids, lambda one: client.put("workflow", one, "pause"), "paused")


@app.command()
def resume(workflow_ids: Ids, server: Server = DEFAULT_SERVER) -> None:
    """Go on with paused workflows."""
    client = Client(server)
    _each(workflow_ids, lambda one: client.put("workflow", one, "resume"), "resumed")


@app.command()
def retry(
    workflow_ids: Ids,
    sub_workflows: Annotated[bool, typer.Option(help="Let failed sub-workflows go on, not begin anew.")] = False,
    server: Server = DEFAULT_SERVER,
) -> None:
    """Run the failed tasks of ended workflows again."""
    client = Client(server)
    flag = "true" if sub_workflows else "false"
    _each(workflow_ids, lambda one: client.post("workflow", one, "retry", resumeSubworkflowTasks=flag), "retried")


@app.command()
def restart(
    workflow_ids: Ids,
    latest: Annotated[bool, typer.Option(help="With the latest version of the definition.")] = False,
    server: Server = DEFAULT_SERVER,
) -> None:
    """Run ended workflows from the beginning."""
    client = Client(server)
    flag = "true" if latest else "false"
    _each(workflow_ids, lambda one: client.post("workflow", one, "restart", useLatestDefinitions=flag), "restarted")


@app.command()
def terminate(
    workflow_ids: Ids,
    reason: Annotated[str | None, typer.Option(help="Why; stays with the workflow.")] = None,
    compensate: Annotated[bool, typer.Option("--compensate", help="Start their failure workflows.")] = False,
    server: Server = DEFAULT_SERVER,
) -> None:
    """End workflows now."""
    client, flag = Client(server), "true" if compensate else None
    _each(
        workflow_ids,
        lambda one: client.delete("workflow", one, reason=reason, triggerFailureWorkflow=flag),
        "terminated",
    )


@app.command()
def remove(
    workflow_ids: Ids,
    open_too: Annotated[bool, typer.Option("--open", help="Also those that have not ended.")] = False,
    server: Server = DEFAULT_SERVER,
) -> None:
    """Delete ended workflows with all that belongs to them; a server with an archive writes them there first."""
    client, flag = Client(server), "false" if open_too else "true"

    def act(one: str) -> None:
        try:
            client.delete("workflow", one, "remove", archiveWorkflow=flag)
        except Failure as failure:
            if "Cannot archive workflow" in failure.message:
                failure.hint = "It is open: terminate it first, or remove it with --open."
            raise

    _each(workflow_ids, act, "removed")


@app.command()
def release(workflow_ids: Ids, server: Server = DEFAULT_SERVER) -> None:
    """Go on with quarantined workflows."""
    client = Client(server)
    _each(workflow_ids, lambda one: client.post("admin", "workflow", one, "release"), "released")


@app.command()
def rerun(
    workflow_id: Id,
    task_id: Annotated[str | None, typer.Option("--from-task", help="Task id to begin with; else the start.")] = None,
    task_input: Annotated[str | None, typer.Option(help="New input of that task, a JSON object.")] = None,
    workflow_input: Annotated[str | None, typer.Option(help="New input of the workflow, a JSON object.")] = None,
    server: Server = DEFAULT_SERVER,
) -> None:
    """Run an ended workflow again from one of its tasks."""
    request: dict[str, Any] = {"reRunFromTaskId": task_id}
    if task_input is not None:
        request["taskInput"] = read_object(task_input, None, "--task-input")
    if workflow_input is not None:
        request["workflowInput"] = read_object(workflow_input, None, "--workflow-input")
    body = {key: value for key, value in request.items() if value is not None}
    Client(server).post("workflow", workflow_id, "rerun", body=body)
    say(f"{workflow_id} runs again")


def _each(workflow_ids: list[str], act: Callable[[str], Any], done: str) -> None:
    """Do *act* for each workflow; one that fails does not stop the others."""
    failed = 0
    for workflow_id in workflow_ids:
        try:
            act(workflow_id)
        except Failure as failure:
            if failure.exit_code != FAILED:
                raise
            failed += 1
            complain(f"{workflow_id}: {failure.message}", failure.hint)
        else:
            say(f"{workflow_id} {done}")
    if failed:
        raise typer.Exit(FAILED)
