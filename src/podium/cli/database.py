"""`podium db …`: look after a database whose server is stopped."""

import asyncio
from typing import Annotated

import typer

from podium.cli.failure import FAILED, USAGE, Failure
from podium.cli.options import AsJson
from podium.cli.output import say, say_json
from podium.model.errors import PodiumError
from podium.settings import TABLE, BadSetting

app = typer.Typer(help="Look after a database whose server is stopped.", no_args_is_help=True)

_SETTING = TABLE["database"]


@app.callback()
def group() -> None:
    """Look after a database whose server is stopped."""


@app.command()
def check(
    database: Annotated[
        str, typer.Option(envvar=_SETTING.environment, metavar="URL", help="The database, like sqlite:///podium.db.")
    ] = _SETTING.default,
    as_json: AsJson = False,
) -> None:
    """Check that every open workflow will be moved on by something; exit code 1 when a promise is broken."""
    try:
        found = asyncio.run(_faults(database))
    except BadSetting as error:
        raise Failure(str(error), exit_code=USAGE) from error
    except PodiumError as error:
        raise Failure(error.message) from error
    if as_json:
        say_json(found)
    else:
        for fault in found:
            say(fault)
        say(f"{database}: {len(found)} broken promises" if found else f"{database}: all is well")
    if found:
        raise typer.Exit(FAILED)


async def _faults(database: str) -> list[str]:
    from podium.bootstrap import existing_store

    store = existing_store(database)
    await store.open()
    try:
        return [fault async for fault in store.check()]
    finally:
        await store.close()
