"""`podium queue …`: what waits for workers, and who asks for it."""

from typing import Any

import typer

from podium.cli.client import Client
from podium.cli.options import DEFAULT_SERVER, AsJson, Server
from podium.cli.output import console, moment, say, say_json, table

app = typer.Typer(help="See what waits for workers.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """See what waits for workers."""


@app.command("list")
def list_(server: Server = DEFAULT_SERVER, as_json: AsJson = False) -> None:
    """List the queues: how many tasks wait, and which worker polled last."""
    client = Client(server)
    sizes: dict[str, int] = client.get("tasks", "queue", "all") or {}
    polls: list[dict[str, Any]] = client.get("tasks", "queue", "polldata", "all") or []
    if as_json:
        say_json({"queues": sizes, "polls": polls})
        return
    last = {_queue(one): one for one in polls}
    rows = [_row(name, sizes.get(name, 0), last.get(name)) for name in sorted({*sizes, *last})]
    console().print(table(("queue", ">waiting", "last poll", "by worker"), rows))
    deserted = [name for name, size in sorted(sizes.items()) if size and name not in last]
    if deserted:
        say(f"tasks wait, but no worker has asked since the server started: {', '.join(deserted)}")


def _queue(poll: dict[str, Any]) -> str:
    return f"{poll['domain']}:{poll['queueName']}" if poll.get("domain") else str(poll["queueName"])


def _row(name: str, size: int, poll: dict[str, Any] | None) -> tuple[object, ...]:
    return name, size, moment(poll.get("lastPollTime")) if poll else "", poll.get("workerId") if poll else ""
