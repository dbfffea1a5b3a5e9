"""Checks of definitions for `podium def validate`: by a server, or here without one."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.text import Text

from podium.cli.client import Client
from podium.cli.output import console, say, say_json, table, text

Json = Any

_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


class Checked(NamedTuple):
    """A definition, where it comes from, and what was found."""

    file: str
    title: str
    report: dict[str, Json]

    def count(self, severity: str) -> int:
        """Return how many findings have *severity*."""
        return sum(one["severity"] == severity for one in self.report["findings"])


def check_by_server(client: Client, definition: dict[str, Json], is_task: bool) -> dict[str, Json]:
    """Return the report of a server, which knows the definitions that others use."""
    report: dict[str, Json] = client.post("metadata", "taskdefs" if is_task else "workflow", "advice", body=definition)
    return report


def check_here(definition: dict[str, Json], is_task: bool) -> dict[str, Json]:
    """Return the same report without a server: no name is called unknown, and scripts are not compiled."""
    from podium.model.wire import to_json_value
    from podium.service.validation import local_validation
    from podium.tasks import registry

    validation = local_validation(frozenset(registry().names()))
    report: dict[str, Json] = to_json_value(
        asyncio.run((validation.task if is_task else validation.workflow)(definition))
    )
    return report


def show(checked: Sequence[Checked], as_json: bool) -> None:
    """Print the findings, the gravest of each definition first."""
    if as_json:
        say_json([{"file": one.file, "definition": one.title, **one.report} for one in checked])
        return
    for one in checked:
        if not one.report["findings"]:
            say(f"valid: {one.title}")
            continue
        verdict = "valid" if one.report["valid"] else "not valid"
        say(f"{verdict}: {one.title} ({one.file}), {_counts(one)}")
        console().print(table(("", "where", "what"), [_row(finding) for finding in one.report["findings"]]))


def _counts(one: Checked) -> str:
    found = [(one.count(severity), severity) for severity in _COLOURS]
    names = {"error": "errors", "warning": "warnings", "info": "notes"}
    return ", ".join(
        f"{count} {names[severity] if count > 1 else _single(severity)}" for count, severity in found if count
    )


def _single(severity: str) -> str:
    return "note" if severity == "info" else severity


def _row(finding: dict[str, Json]) -> tuple[Text, Text, Text]:
    severity = finding["severity"]
    what = text(finding["message"])
    if finding.get("suggestion"):
        what.append_text(text(f"\n→ {finding['suggestion']}", "bright_black"))
    return text(severity, _COLOURS.get(severity, "")), text(finding["path"]), what
