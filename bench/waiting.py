"""What a million open workflows cost: an empty server and a full one, side by side, at rest and under load in turns."""

import argparse
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

import budget
import generator
import stock
from database import DATABASES, Database
from server import Server, serve
from table import number, table

Report = generator.Report

SETTLE_S = 5.0
FIGURES = (
    ("workflows/s", "workflows_per_s", "rate_ratio"),
    ("p50 ms", "latency_ms.p50", ""),
    ("p99 ms", "latency_ms.p99", ""),
    ("CPU ms/task", "server_cpu_ms_per_task", "cpu_ratio"),
)
"""What is compared of a load, where it lies in a report, and the name under which the ratio may be promised."""


def open_part(options: argparse.Namespace, program: Path, kind: str) -> Report:
    """Measure a server over an empty database and one over a full one, at the same time and under load in turns."""
    with DATABASES[kind]("empty") as empty, DATABASES[kind]("full") as full:
        before_mb = stock.disk_mb(full.data)
        with _progress(f"starting over {kind}", options.open) as progress:
            fill_s = round(stock.fill(full.url, options.open, progress), 1)
        disk = (stock.disk_mb(full.data) - before_mb) * 1e6 / progress.last
        found: Report = {"open": progress.last, "fill_s": fill_s, "disk_bytes_per_workflow": disk}
        with ExitStack() as stack:
            sides = {}
            for name, database in (("empty", empty), ("full", full)):
                began = time.monotonic()
                server = stack.enter_context(serve(f"scale-{name}", database.url, database.data))
                found[name] = {"ready_s": server.ready_s, "ready_cpu_s": stock.cpu_s(server.pids[0])}
                sides[name] = server, database
            found["full"]["first_task_s"] = _first_task_s(server, began)
            time.sleep(SETTLE_S)
            _rest(options, sides, found)
            _load_in_turns(options, program, sides, found)
        grown_mb = found["full"]["rss_mb"] - found["empty"]["rss_mb"]
        found["memory_bytes_per_workflow"] = grown_mb * (1 << 20) / found["open"]
    return found


Sides = dict[str, tuple[Server, Database]]


def _rest(options: argparse.Namespace, sides: Sides, found: Report) -> None:
    """Leave the servers alone for some time."""
    for name, (server, _) in sides.items():
        found[name]["rss_mb"] = stock.rss_mb(server.pids[0])
    pids = {
        (name, figure): pid
        for name, (server, database) in sides.items()
        for figure, pid in (("idle_cores", server.pids[0]), ("idle_database_cores", database.pid))
        if pid
    }
    before = {key: stock.cpu_s(pid) for key, pid in pids.items()}
    time.sleep(options.idle)
    for (name, figure), cpu_s in before.items():
        found[name][figure] = round((stock.cpu_s(pids[name, figure]) - cpu_s) / options.idle, 5)


def _load_in_turns(options: argparse.Namespace, program: Path, sides: Sides, found: Report) -> None:
    """Put load on one server after the other, several times: the speed of a small machine drifts."""
    runs: dict[str, list[dict[str, Report]]] = {name: [] for name in sides}
    for turn in range(options.turns):
        for name in list(sides)[:: -1 if turn % 2 else 1]:
            told = generator.short_load(options.seconds) | ({"warmup": "0"} if turn else {})
            report = generator.run(program, sides[name][0], told)
            runs[name].append({f"{one['scenario']} {one['mode']}": one for one in report["results"]})
    for name, (server, _) in sides.items():
        found[name] |= {"runs": runs[name], "rss_after_load_mb": stock.rss_mb(server.pids[0])}


def _first_task_s(server: Server, began: float) -> float:
    """Return the seconds from the start of the process until a worker has a task."""
    path = f"{server.url}/api/tasks/poll/batch/{stock.FIRST}?count=1&timeout=1000"
    while True:
        with urllib.request.urlopen(path, timeout=10) as answer:
            if answer.read() != b"[]":
                return round(time.monotonic() - began, 2)


def open_table(kind: str, found: Report) -> Table:
    """Hold the full server against the empty one."""
    drawn = table(f"{found['open']:,} open workflows over {kind}", ("figure", ">empty", ">full", "budget"))
    empty, full = found["empty"], found["full"]
    for name in ("ready_s", "ready_cpu_s", "rss_mb", "idle_cores", "idle_database_cores", "rss_after_load_mb"):
        if name in empty:
            drawn.add_row(name, number(empty[name]), number(full[name]), _promised({name: full[name]}))
    drawn.add_row("first_task_s", "", number(full["first_task_s"]), _promised({"first_task_s": full["first_task_s"]}))
    for name in ("disk_bytes_per_workflow", "memory_bytes_per_workflow"):
        drawn.add_row(name, "", number(found[name]), _promised({name: found[name]}))
    for key in empty["runs"][0]:
        for what, figure, promised in FIGURES:
            before, after = (_figures(side["runs"], key, figure) for side in (empty, full))
            ratios = [one / other for one, other in zip(after, before, strict=True) if other]
            ratio = {promised: median(ratios)} if ratios and promised and key.endswith(" load") else {}
            drawn.add_row(f"{key}: {what}", *(number(median(one)) for one in (before, after)), _verdict(key, ratio))
    drawn.add_row("loaded in s", "", number(found["fill_s"]), "")
    return drawn


def _figures(runs: list[dict[str, Report]], key: str, figure: str) -> list[float]:
    """Return a figure of each run; it may lie in a table, whose name stands before the dot."""
    within, _, name = figure.rpartition(".")
    return [(run[key][within] if within else run[key])[name] for run in runs]


def _verdict(key: str, ratio: dict[str, float]) -> str:
    """Say what part of the empty server's figure the full one has, and what was promised of it."""
    scenario = key.partition(" ")[0]
    told = "".join(f"{value:.2f} of the empty one's; " for value in ratio.values())
    return told + _promised({f"{scenario}_{name}": value for name, value in ratio.items()})


def _promised(figures: Report) -> str:
    """Say how those of the figures stand of which something was promised."""
    limits = {name: limit for name, limit in budget.limits("podium", "scale", "open").items() if name in figures}
    return budget.verdict(figures, limits)


class _Told:
    """A bar of progress that remembers how far it is."""

    def __init__(self, show: Callable[[int, int], None]) -> None:
        self._show = show
        self.last = 0

    def __call__(self, done: int, total: int) -> None:
        self.last = done
        self._show(done, total)


@contextmanager
def _progress(what: str, total: int) -> Iterator[_Told]:
    columns = (what, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield _Told(lambda done, of: bar.update(task, completed=done, total=of))
