"""`podium settings`: what a server started here and now would run with."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from podium.cli.failure import USAGE, Failure
from podium.cli.options import AsJson
from podium.cli.output import console, say_json, table
from podium.settings import CONFIG_VARIABLE, TABLE, BadSetting, from_environment, from_file, reference, shown


def show(
    config: Annotated[str | None, typer.Option(envvar=CONFIG_VARIABLE, metavar="FILE", help="TOML file.")] = None,
    markdown: Annotated[bool, typer.Option(help="Print the reference page of all settings instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the settings in effect, and where each comes from."""
    if markdown:
        sys.stdout.write(reference())
        return
    try:
        stored = from_file(Path(config)) if config else {}
        given = from_environment(os.environ)
    except BadSetting as error:
        raise Failure(str(error), exit_code=USAGE) from error
    values = {name: setting.default for name, setting in TABLE.items()} | stored | given
    values = {name: shown(name, value) for name, value in values.items()}
    if as_json:
        say_json(values)
        return
    origin = dict.fromkeys(stored, config) | dict.fromkeys(given, "environment")
    rows = [(name, value, origin.get(name, ""), TABLE[name].meaning) for name, value in values.items()]
    console().print(table(("setting", "value", "from", "meaning"), rows))
