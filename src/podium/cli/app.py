"""All commands but `serve`, and how a failure of theirs is told."""

from collections.abc import Sequence

import typer

from podium import __version__
from podium.cli import cluster, database, definition, queue, retention, schedule, settings, task, workflow
from podium.cli.failure import Failure
from podium.cli.options import AsJson
from podium.cli.output import complain, say, say_json

HELP = "Run a podium server, and talk to one. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 server not reachable."

app = typer.Typer(name="podium", help=HELP, no_args_is_help=True, pretty_exceptions_show_locals=False)
app.add_typer(workflow.app, name="workflow")
app.add_typer(definition.app, name="def")
app.add_typer(task.app, name="task")
app.add_typer(queue.app, name="queue")
app.add_typer(schedule.app, name="schedule")
app.add_typer(cluster.app, name="cluster")
app.add_typer(retention.app, name="retention")
app.add_typer(database.app, name="db")
app.command("settings")(settings.show)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        app(list(arguments), prog_name="podium")
    except Failure as failure:
        complain(failure.message, failure.hint)
        return failure.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


# `main` takes this command away before Typer sees it; it stands here for the help and for completion.
@app.command(
    "serve", add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
)
def serve(context: typer.Context) -> None:
    """Run a server; `podium serve --help` lists its options."""
    from podium.cli.serve import serve as run_server

    raise SystemExit(run_server(context.args))


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    if as_json:
        say_json({"version": __version__})
    else:
        say(f"podium {__version__}")
