"""`podium cluster …`: the nodes that share a database."""

from typing import Any

import typer

from podium.cli.client import Client
from podium.cli.options import DEFAULT_SERVER, AsJson, Server
from podium.cli.output import console, moment, say, say_json, table

app = typer.Typer(help="See the nodes that share a database.", no_args_is_help=True)

COLUMNS = ("node", "address", "version", "started", "last beat", ">polls", ">cached", ">commits", ">stale", ">refused")


@app.callback()
def group() -> None:
    """See the nodes that share a database."""


@app.command()
def status(server: Server = DEFAULT_SERVER, as_json: AsJson = False) -> None:
    """List the living nodes, with what each counts since its start."""
    nodes: list[dict[str, Any]] = Client(server).get("admin", "cluster")
    if as_json:
        say_json(nodes)
        return
    console().print(table(COLUMNS, [_row(node) for node in nodes]))
    silent = [node["id"] for node in nodes if not node.get("counts")]
    if silent:
        say(f"no answer within a second: {', '.join(silent)}")


def _row(node: dict[str, Any]) -> tuple[object, ...]:
    counts = node.get("counts") or {}
    names = ("waitingPolls", "cachedWorkflows", "commits", "stale", "refused")
    figures = (counts.get(name, "") for name in names)
    name = f"{node['id']} *" if node.get("isAsked") else node["id"]
    return name, node["address"], node["version"], moment(node["startedMs"]), moment(node["lastBeatMs"]), *figures
