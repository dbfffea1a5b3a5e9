"""`podium serve`: options from the table of settings, then the server. Needs neither Typer nor Rich."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from podium.cli.failure import FAILED, USAGE
from podium.settings import TABLE, BadSetting, load

EPILOG = "Every option can also be an environment variable or a line of the file; see `podium settings`."


def serve(arguments: Sequence[str]) -> int:
    """Run a server until it is told to stop; the exit code is 0 when it stopped as told."""
    given = vars(parser().parse_args(arguments))
    config = given.pop("config", None)
    try:
        settings = load(os.environ, given, config)
    except BadSetting as error:
        print(f"podium: {error}", file=sys.stderr)
        return USAGE
    if settings.workers > 1:
        from podium.cli.workers import serve_workers

        return serve_workers(settings)
    from podium.bootstrap import StartFailed, run

    try:
        run(settings, os.environ)
    except (BadSetting, StartFailed) as error:
        print(f"podium: {error}", file=sys.stderr)
        return FAILED if isinstance(error, StartFailed) else USAGE
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the options of `podium serve`; those that are not given are not in the result."""
    made = argparse.ArgumentParser(
        prog="podium serve", description="Run a server.", epilog=EPILOG, argument_default=argparse.SUPPRESS
    )
    made.add_argument("--config", metavar="FILE", help="TOML file with settings (environment: PODIUM_CONFIG)")
    for setting in TABLE.values():
        words: dict[str, Any] = {"dest": setting.name, "help": f"{setting.meaning} Default: {setting.default}"}
        if setting.type is bool:
            made.add_argument(setting.option, action=argparse.BooleanOptionalAction, **words)
        else:
            made.add_argument(setting.option, metavar=(setting.unit or "value").upper(), **words)
    return made
