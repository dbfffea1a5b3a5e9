"""`podium db …`: look after a database: check it, copy it, put a copy in its place."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podium.cli.failure import FAILED, USAGE, Failure
from podium.cli.options import AsJson
from podium.cli.output import progress_of_bytes, say, say_json
from podium.model.errors import PodiumError
from podium.settings import TABLE, BadSetting, without_password

if TYPE_CHECKING:
    from podium.store import Store

FAULTS_SHOWN_MAX = 20

app = typer.Typer(help="Look after a database.", no_args_is_help=True)

_SETTING = TABLE["database"]

Database = Annotated[
    str, typer.Option(envvar=_SETTING.environment, metavar="URL", help="The database, like sqlite:///podium.db.")
]


@app.callback()
def group() -> None:
    """Look after a database."""


@app.command()
def check(database: Database = _SETTING.default, as_json: AsJson = False) -> None:
    """Check that every open workflow will be moved on by something, while no server runs; exit code 1 when a promise
    is broken."""
    from podium.bootstrap import existing_store

    with _failures():
        found = asyncio.run(_faults(existing_store(database)))
    shown = without_password(database)
    if as_json:
        say_json(found)
    else:
        for fault in found:
            say(fault)
        say(f"{shown}: {len(found)} broken promises" if found else f"{shown}: all is well")
    if found:
        raise typer.Exit(FAILED)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to make; it must not be there yet.", metavar="FILE")],
    database: Database = _SETTING.default,
) -> None:
    """Copy an SQLite database as it is at this moment; its server may run, and works on meanwhile."""
    from podium.bootstrap import back_up

    with _failures(), progress_of_bytes("copying") as progress:
        back_up(database, file, progress)
    say(f"{file}: {file.stat().st_size / 1e6:,.1f} MB, complete")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `podium db backup` has made.", metavar="FILE")],
    database: Database = _SETTING.default,
) -> None:
    """Check a backup and put it in the place of an SQLite database whose server is stopped; what was there is kept
    beside it, as FILE.replaced-TIME."""
    from podium.bootstrap import restore as put_back

    with _failures(), progress_of_bytes("copying") as progress:
        put_back(database, file, progress, _refuse_broken)
    say(f"{database} is {file} now")


def _refuse_broken(store: "Store") -> None:
    found = asyncio.run(_faults(store))
    if found:
        more = [f"… and {len(found) - FAULTS_SHOWN_MAX} more"] if len(found) > FAULTS_SHOWN_MAX else []
        raise Failure("\n".join(["The backup is broken and was not restored:", *found[:FAULTS_SHOWN_MAX], *more]))


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except BadSetting as error:
        raise Failure(str(error), exit_code=USAGE) from error
    except PodiumError as error:
        raise Failure(error.message) from error


async def _faults(store: "Store") -> list[str]:
    await store.open()
    try:
        return [fault async for fault in store.check()]
    finally:
        await store.close()
