"""`podium retention …`: how long ended workflows are kept."""

from typing import Annotated, Any

import typer
from rich.console import Console

from podium.cli.client import Client
from podium.cli.failure import USAGE, Failure
from podium.cli.options import DEFAULT_SERVER, AsJson, Server
from podium.cli.output import console, moment, say, say_json, status, table

app = typer.Typer(help="Say how long ended workflows are kept.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the workflow definition.", metavar="NAME")]
_TIME = "Time for those {}, like 7d, 12h or forever."


@app.callback()
def group() -> None:
    """Say how long ended workflows are kept."""


@app.command()
def show(server: Server = DEFAULT_SERVER, as_json: AsJson = False) -> None:
    """Show what is kept for how long, who says so, and how many are to go."""
    found = Client(server).get("admin", "retention") or []
    if as_json:
        say_json(found)
    else:
        _print(found)


@app.command("set")
def set_(
    name: Name,
    completed: Annotated[str | None, typer.Option(help=_TIME.format("that ended well"), metavar="TIME")] = None,
    failed: Annotated[str | None, typer.Option(help=_TIME.format("that failed"), metavar="TIME")] = None,
    timed_out: Annotated[
        str | None, typer.Option(help=_TIME.format("that timed out") + " As failed without.", metavar="TIME")
    ] = None,
    terminated: Annotated[
        str | None, typer.Option(help=_TIME.format("that were terminated") + " As failed without.", metavar="TIME")
    ] = None,
    server: Server = DEFAULT_SERVER,
) -> None:
    """Set how long ended workflows of a definition are kept, in place of what was set before."""
    given = {"completed": completed, "failed": failed, "timed_out": timed_out, "terminated": terminated}
    rule = {status: time for status, time in given.items() if time is not None}
    if not rule:
        raise Failure("No time is given.", "For example --completed 7d --failed 30d.", USAGE)
    Client(server).put("admin", "retention", name, body=rule)
    say(f"{name}: " + ", ".join(f"{status} {time}" for status, time in rule.items()))


@app.command()
def clear(name: Name, server: Server = DEFAULT_SERVER) -> None:
    """Remove what was set for a definition; its metadata and the server's setting hold again."""
    Client(server).delete("admin", "retention", name)
    say(f"{name}: nothing is set")


@app.command()
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
    server: Server = DEFAULT_SERVER,
    as_json: AsJson = False,
) -> None:
    """Remove now what is to go; the server does so by itself every minute."""
    client = Client(server)
    if dry_run:
        _show_expired(client, as_json)
        return
    removed, answer = 0, {"left": True}
    with Console(stderr=True).status("removing") as shown:
        while answer["left"]:
            answer = client.post("admin", "retention", "run")
            removed += answer["removed"]
            shown.update(f"removing: {removed:,} so far")
    if as_json:
        say_json({**answer, "removed": removed})
        return
    if answer["elsewhere"]:
        say("another node is removing already")
    say(f"{removed:,} workflows removed, {answer['skipped']:,} left as they have open children or have changed")


def _show_expired(client: Client, as_json: bool) -> None:
    found = [row for row in client.get("admin", "retention") or [] if row["expired"]]
    if as_json:
        say_json(found)
        return
    _print(found)
    say(f"{sum(row['expired'] for row in found):,} workflows would be removed, with their sub-workflows")


def _print(found: list[dict[str, Any]]) -> None:
    headings = ("workflow", "status", "keep", "set by", ">stored", ">to go", "oldest ended")
    console().print(table(headings, map(_row, found)))


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    counts = (f"{one['stored']:,}", f"{one['expired']:,}")
    return one["workflowName"], status(one["status"]), one["keep"], one["source"], *counts, moment(one["oldestEndTime"])
