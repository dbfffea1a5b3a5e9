"""Write the tables of docs/reference that follow from the code; with --check, only say which are out of date.

Replaces what stands below the mark in rest.md, cli.md and metrics.md, and the whole of settings.md. Everything comes
from the running parts themselves: /api-docs, the commands, the settings, the table of metrics.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
from typer.main import get_command

from podium import settings
from podium.bootstrap import compose
from podium.cli.app import app
from podium.observability.metrics import TABLE, Metric

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
MARK = "<!-- scripts/reference.py writes what follows -->\n"
METHODS = ("get", "post", "put", "delete")
Json = dict[str, Any]


def main() -> int:
    """Write or check the pages; 1 when a check finds one that is out of date."""
    parser = argparse.ArgumentParser(description=__doc__.partition(";")[0] + ".")
    parser.add_argument("--check", action="store_true", help="write nothing; say which pages are out of date")
    is_check = parser.parse_args().check
    stale = {name: text for name, text in pages().items() if text != (FOLDER / name).read_text(encoding="utf-8")}
    for name, text in stale.items():
        if not is_check:
            (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"{'out of date' if is_check else 'written'}: docs/reference/{name}")
    return 1 if stale and is_check else 0


def pages() -> dict[str, str]:
    """Return each page as it should be, by file name."""
    found = {"settings.md": settings.reference()}
    for name, make in TABLES.items():
        head, mark, _ = (FOLDER / name).read_text(encoding="utf-8").partition(MARK)
        found[name] = head + mark + "\n" + make()
    return found


def table(headings: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Return a table of Markdown."""
    names = list(headings)
    drawn = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    drawn += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]
    return "\n".join(drawn) + "\n"


# ---- REST

TITLES = {
    "workflow": "Workflows",
    "tasks": "Tasks",
    "metadata": "Definitions",
    "event": "Event handlers",
    "admin": "Administration",
    "token": "Authentication",
}
OTHERS = "The server itself"


def rest() -> str:
    """Return the tables of calls."""
    groups: dict[str, list[tuple[str, ...]]] = {title: [] for title in (*TITLES.values(), OTHERS)}
    for path, operations in asyncio.run(api_docs())["paths"].items():
        for method in METHODS:
            if method in operations:
                one = operations[method]
                groups[TITLES.get(one["tags"][0], OTHERS)].append(_call(method, path, one))
    headings = ("Call", "What it does", "Parameters", "Body", "Answer")
    return "\n".join(f"## {title}\n\n{table(headings, calls)}" for title, calls in groups.items())


async def api_docs() -> Json:
    """Return what the server answers to GET /api-docs."""
    application = compose(settings.Settings(database="memory:"))
    transport = httpx.ASGITransport(application.asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://podium") as client:
        found: Json = (await client.get("/api-docs")).raise_for_status().json()
        return found


def _call(method: str, path: str, operation: Json) -> tuple[str, ...]:
    query = [one for one in operation["parameters"] if one["in"] == "query"]
    content = operation.get("requestBody", {}).get("content", {})
    answer = next(one for status, one in operation["responses"].items() if status != "default")
    return (
        f"`{method.upper()} {path}`",
        operation["summary"],
        ", ".join(map(_parameter, query)),
        _content(content),
        _content(answer.get("content", {})),
    )


def _parameter(one: Json) -> str:
    default = one["schema"].get("default")
    if default is None:
        return f"`{one['name']}`{'*' if one['required'] else ''}"
    shown = str(default).lower() if isinstance(default, bool) else default
    return f"`{one['name']}={shown}`"


def _content(content: Json) -> str:
    for kind, one in content.items():
        return _type(one["schema"]) if kind == "application/json" else "text"
    return ""


def _type(schema: Json) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"] if one.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    inner = schema.get("additionalProperties")
    if schema.get("type") == "object" and isinstance(inner, dict) and inner:
        return f"map of {_type(inner)}"
    return {"string": "text", "integer": "number", "object": "object"}.get(str(schema.get("type")), "JSON")


# ---- commands

EVERYWHERE = {"--server", "--json"}
BY_SETTINGS = "serve"  # its options are the settings


def cli() -> str:
    """Return a section for each command."""
    return "\n".join(_section(path, one) for path, one in commands() if path != BY_SETTINGS)


def commands(root: Any = None, before: str = "") -> Iterator[tuple[str, Any]]:
    """Iterate over all commands with their words, like `workflow start`."""
    group: Any = root or get_command(app)
    for name, one in group.commands.items():
        if getattr(one, "commands", None):
            yield from commands(one, f"{before}{name} ")
        else:
            yield f"{before}{name}", one


def _section(path: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not EVERYWHERE & set(one.opts)]
    words = [_argument(one) if one.required else f"[{_argument(one)}]" for one in arguments]
    usage = " ".join(["podium", path, *words, *(["[OPTIONS]"] if options else [])])
    lines = [(f"`{_argument(one)}`", one.help or "") for one in arguments]
    lines += [(_option(one), _meaning(one)) for one in options]
    listed = f"\n{table(('Argument or option', 'Meaning'), lines)}" if lines else ""
    return f"## podium {path}\n\n{command.help}\n\n```sh\n{usage}\n```\n{listed}"


def _argument(one: Any) -> str:
    name: str = one.metavar or one.name.upper()
    return name if one.nargs != -1 or name.endswith("...") else f"{name}..."


def _option(one: Any) -> str:
    value = "" if one.is_flag else f" {one.metavar or 'VALUE'}"
    return ", ".join(f"`{word}{value}`" for word in [*sorted(one.opts, key=len, reverse=True), *one.secondary_opts])


def _meaning(one: Any) -> str:
    variable = f" Environment: `{one.envvar}`." if isinstance(one.envvar, str) else ""
    is_plain = one.is_flag or one.default in (None, "", 0) or callable(one.default)
    return f"{one.help or ''}{'' if is_plain else f' Default: `{one.default}`.'}{variable}"


# ---- metrics


def metrics() -> str:
    """Return the table of metrics."""
    headings = ("Metric", "Kind", "Labels", "Meaning")
    return table(headings, ((f"`{wire_name(one)}`", one.kind, _labels(one), one.meaning) for one in TABLE))


def wire_name(metric: Metric) -> str:
    """Return the name that Prometheus sees."""
    return metric.name + {"counter": "_total", "timer": "_seconds", "gauge": ""}[metric.kind]


def _labels(metric: Metric) -> str:
    return ", ".join(f"`{name}`" for name in metric.labels)


TABLES: dict[str, Callable[[], str]] = {"cli.md": cli, "metrics.md": metrics, "rest.md": rest}

if __name__ == "__main__":
    sys.exit(main())
