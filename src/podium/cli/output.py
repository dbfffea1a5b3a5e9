"""How results are shown: tables and colours on a terminal, plain text elsewhere, JSON on demand.

Text that comes from a server is never read as markup, and its control characters are escaped.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from podium.observability.logs import escape_controls

PLAIN_WIDTH = 200  # of output that is no terminal

_COLOURS = {
    "COMPLETED": "green",
    "RUNNING": "cyan",
    "IN_PROGRESS": "cyan",
    "SCHEDULED": "blue",
    "PAUSED": "yellow",
    "SKIPPED": "bright_black",
    "COMPLETED_WITH_ERRORS": "yellow",
    "CANCELED": "bright_black",
    "FAILED": "red",
    "FAILED_WITH_TERMINAL_ERROR": "red",
    "TIMED_OUT": "red",
    "TERMINATED": "magenta",
}


@cache
def console() -> Console:
    """Return the console of standard output."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)


def say(message: str) -> None:
    """Print one line."""
    console().print(text(message), soft_wrap=True)


def complain(message: str, hint: str | None = None) -> None:
    """Print an error, and what to do about it, to standard error."""
    shown = Console(stderr=True, highlight=False)
    shown.print(Text(_cleaned(message), style="red"), soft_wrap=True)
    if hint:
        shown.print(Text(hint, style="yellow"), soft_wrap=True)


def say_json(value: Any) -> None:
    """Print *value* as JSON; ASCII only, so that nothing in it steers a terminal."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def text(value: object, style: str = "") -> Text:
    """Return *value* as text without markup; None is empty."""
    return Text("" if value is None else _cleaned(str(value)), style=style)


def _cleaned(value: str) -> str:
    return "\n".join(escape_controls(line) for line in value.split("\n"))


def status(value: object) -> Text:
    """Return a status in its colour."""
    return text(value, _COLOURS.get(str(value), ""))


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Lay *rows* under *headings*; a heading that begins with > is right-aligned."""
    made = Table(show_header=any(headings), header_style="bold", box=None, pad_edge=False)
    for heading in headings:
        right = heading.startswith(">")
        made.add_column(heading.removeprefix(">"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else text(cell) for cell in row))
    return made


def moment(value: Any) -> str:
    """Return epoch ms, or the ISO text of a search result, as local time; nothing for 0 and None."""
    if not value:
        return ""
    try:
        when = datetime.fromtimestamp(value / 1000) if isinstance(value, int) else datetime.fromisoformat(value)  # noqa: DTZ006
    except (ValueError, OverflowError, OSError, TypeError):
        return str(value)
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(value_ms: int) -> str:
    """Return a duration in the two largest units that matter."""
    if value_ms < 1_000:
        return f"{value_ms} ms"
    seconds = value_ms / 1_000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def compact(value: Any, chars_max: int = 80) -> str:
    """Return *value* as one line of JSON, cut when it is long."""
    line = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return line if len(line) <= chars_max else line[: chars_max - 1] + "…"


@contextmanager
def progress_of_bytes(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, and nothing elsewhere; yields what to tell of bytes done, and of how many."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (what, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    shown = Console(stderr=True)
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
