"""Options that many commands share."""

from typing import Annotated

import typer

from podium.cli.client import DEFAULT_SERVER

__all__ = ["DEFAULT_SERVER", "AsJson", "Server"]

Server = Annotated[
    str,
    typer.Option(
        "--server", "-s", envvar=["PODIUM_SERVER", "CONDUCTOR_SERVER_URL"], metavar="URL", help="The server to talk to."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON as the server gives it.")]
