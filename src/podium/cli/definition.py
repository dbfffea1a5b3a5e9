"""`podium def …`: definitions of workflows and, with --task, of tasks."""

from typing import Annotated, Any

import typer

from podium.cli.client import Client
from podium.cli.failure import FAILED, USAGE, Failure
from podium.cli.options import DEFAULT_SERVER, AsJson, Server
from podium.cli.output import console, moment, say, say_json, table
from podium.cli.source import read_file
from podium.cli.validation import Checked, check_by_server, check_here, show

app = typer.Typer(help="Register and read definitions of workflows and tasks.", no_args_is_help=True)

Files = Annotated[list[str], typer.Argument(help="JSON files with a definition or a list of them; - is stdin.")]
IsTask = Annotated[bool, typer.Option("--task", "-t", help="Task definitions instead of workflow definitions.")]


@app.command()
def put(files: Files, is_task: IsTask = False, server: Server = DEFAULT_SERVER) -> None:
    """Register definitions; those of the same name (and version) are replaced."""
    definitions = _read(files)
    if not definitions:
        say("nothing to register")
        return
    client = Client(server)
    if is_task:
        client.post("metadata", "taskdefs", body=definitions)
    else:
        answer = client.put("metadata", "workflow", body=definitions) or {}
        _refuse(answer.get("bulkErrorResults") or {})
    for definition in definitions:
        say(f"registered {_title(definition)}")


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="Name of the definition.")],
    version: Annotated[int | None, typer.Option(help="Version of a workflow definition; the latest without.")] = None,
    is_task: IsTask = False,
    server: Server = DEFAULT_SERVER,
) -> None:
    """Print a definition as JSON."""
    client = Client(server)
    if is_task:
        say_json(client.get("metadata", "taskdefs", name))
    else:
        say_json(client.get("metadata", "workflow", name, version=version))


@app.command("list")
def list_(is_task: IsTask = False, server: Server = DEFAULT_SERVER, as_json: AsJson = False) -> None:
    """List definitions."""
    found = Client(server).get("metadata", "taskdefs" if is_task else "workflow") or []
    if as_json:
        say_json(found)
    elif is_task:
        headings = ("name", ">retries", ">timeout s", ">response timeout s", "description")
        console().print(table(headings, [_task_row(one) for one in found]))
    else:
        headings = ("name", ">version", ">steps", "registered", "description")
        console().print(table(headings, [_workflow_row(one) for one in found]))


def _task_row(one: dict[str, Any]) -> tuple[object, ...]:
    return (
        one["name"],
        one.get("retryCount"),
        one.get("timeoutSeconds") or "",
        one.get("responseTimeoutSeconds"),
        one.get("description"),
    )


def _workflow_row(one: dict[str, Any]) -> tuple[object, ...]:
    when = moment(one.get("updateTime") or one.get("createTime"))
    return one["name"], one.get("version"), len(one.get("tasks") or ()), when, one.get("description")


@app.command()
def validate(
    files: Files,
    is_task: IsTask = False,
    is_strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail, too.")] = False,
    is_local: Annotated[bool, typer.Option("--local", help="Ask no server, not even that of the environment.")] = False,
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            "-s",
            envvar=["PODIUM_SERVER", "CONDUCTOR_SERVER_URL"],
            metavar="URL",
            help="A server to ask, which knows its definitions; without one the files are checked here.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check definitions without registering them: errors are refused by a server, warnings are likely mistakes.

    The exit code is 1 when there are errors, and with --strict when there are warnings.
    """
    client = Client(server) if server and not is_local else None
    checked = []
    for name in files:
        for definition in _read([name]):
            report = check_by_server(client, definition, is_task) if client else check_here(definition, is_task)
            checked.append(Checked(name, _title(definition), report))
    show(checked, as_json)
    if any(not one.report["valid"] or (is_strict and one.count("warning")) for one in checked):
        raise typer.Exit(FAILED)


def _read(files: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in files:
        value = read_file(name)
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(one, dict) for one in values):
            raise Failure(f"{name}: expected a JSON object, or a list of them.", exit_code=USAGE)
        found += values
    return found


def _title(definition: dict[str, Any]) -> str:
    version = definition.get("version")
    return f"{definition.get('name')}" + (f" version {version}" if version is not None else "")


def _refuse(errors: dict[str, str]) -> None:
    if errors:
        lines = [f"{name}: {message}" for name, message in errors.items()]
        raise Failure("\n".join(lines), "Nothing of these was registered.", FAILED)
