"""`podium schedule …`: workflows that are started again and again."""

from typing import Annotated, Any

import typer

from podium.cli.client import Client
from podium.cli.options import DEFAULT_SERVER, AsJson, Server
from podium.cli.output import console, moment, say, say_json, table
from podium.cli.source import read_object, read_pairs

RUNS_SHOWN = 20

app = typer.Typer(help="Start workflows again and again.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the schedule.", metavar="NAME")]


@app.callback()
def group() -> None:
    """Start workflows again and again."""


@app.command()
def put(
    name: Name,
    workflow: Annotated[str, typer.Argument(help="Name of the workflow definition.")],
    cron: Annotated[str, typer.Argument(help="'SECOND MINUTE HOUR DAY MONTH WEEKDAY', or @daily and the like.")],
    version: Annotated[int | None, typer.Option(help="Version of the definition; the latest without.")] = None,
    zone: Annotated[str, typer.Option(help="Time zone, like Europe/Paris.")] = "UTC",
    given: Annotated[str | None, typer.Option("--input", "-i", help="Input as a JSON object.")] = None,
    pairs: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="key=value of the input; repeatable.")
    ] = None,
    catch_up: Annotated[bool, typer.Option(help="Run each time that was missed, not only the last.")] = False,
    server: Server = DEFAULT_SERVER,
) -> None:
    """Create a schedule, or replace the one of that name."""
    request = {"name": workflow, "input": {**read_object(given, None, "--input"), **read_pairs(pairs, "--param")}}
    body = {
        "name": name,
        "cronExpression": cron,
        "zoneId": zone,
        "runCatchupScheduleInstances": catch_up,
        "startWorkflowRequest": request if version is None else {**request, "version": version},
    }
    saved = Client(server).post("scheduler", "schedules", body=body)
    say(f"{name} runs next at {moment(saved.get('nextRunTime')) or 'no time'}")


@app.command()
def get(name: Name, server: Server = DEFAULT_SERVER) -> None:
    """Print a schedule as JSON."""
    say_json(Client(server).get("scheduler", "schedules", name))


@app.command("list")
def list_(server: Server = DEFAULT_SERVER, as_json: AsJson = False) -> None:
    """List the schedules with their next times."""
    found: list[dict[str, Any]] = Client(server).get("scheduler", "schedules") or []
    if as_json:
        say_json(found)
        return
    console().print(table(("name", "workflow", "cron", "zone", "next", "state"), map(_row, found)))


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    crons = one.get("cronSchedules") or [one]
    request = one.get("startWorkflowRequest") or {}
    state = f"paused {one.get('pausedReason') or ''}".strip() if one.get("paused") else ""
    expressions = ", ".join(str(cron.get("cronExpression")) for cron in crons)
    zones = ", ".join(dict.fromkeys(str(cron.get("zoneId") or "UTC") for cron in crons))
    return one["name"], request.get("name"), expressions, zones, moment(one.get("nextRunTime")), state


@app.command()
def runs(
    name: Annotated[str | None, typer.Argument(help="Only those of this schedule.")] = None,
    server: Server = DEFAULT_SERVER,
    as_json: AsJson = False,
) -> None:
    """Show the latest runs."""
    query = {"query": f"scheduleName = {name}"} if name else {}
    found = Client(server).get("scheduler", "search", "executions", size=RUNS_SHOWN, **query)
    if as_json:
        say_json(found)
        return
    rows = [
        (moment(one["scheduledTime"]), one["scheduleName"], one["state"], one.get("workflowId") or one.get("reason"))
        for one in found["results"]
    ]
    console().print(table(("time", "schedule", "state", "workflow"), rows))


@app.command()
def pause(
    name: Name,
    reason: Annotated[str | None, typer.Option(help="Why; shown with the schedule.")] = None,
    server: Server = DEFAULT_SERVER,
) -> None:
    """Run a schedule no more until it is resumed."""
    Client(server).call("PUT", ("scheduler", "schedules", name, "pause"), {"reason": reason})
    say(f"{name} is paused")


@app.command()
def resume(name: Name, server: Server = DEFAULT_SERVER) -> None:
    """Run a paused schedule again, from now on."""
    Client(server).put("scheduler", "schedules", name, "resume")
    say(f"{name} runs again")


@app.command()
def delete(name: Name, server: Server = DEFAULT_SERVER) -> None:
    """Delete a schedule and its records."""
    client = Client(server)
    client.get("scheduler", "schedules", name)  # the call that follows says nothing of one that is not there
    client.delete("scheduler", "schedules", name)
    say(f"{name} is deleted")
