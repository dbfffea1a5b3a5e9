"""Measure what many open workflows, large ones, and several nodes cost: over SQLite and over PostgreSQL.

Each part runs on a server of its own, and only what is measured one after the other on the same machine is held
against each other. Writes bench/results/DATE-scale-LABEL.json. `--help` lists the parts and their sizes.
"""

import argparse
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

import budget
import generator
import growth
import stock
from run import save
from server import ROOT, Missing, Server, empty_folder, postgresql, serve

PARTS = ("open", "large", "nodes")
LARGE = {"s5a": "loop", "s5b": "dynamic fork"}
STRETCHES = [100, 10_000, 50_000]
SETTLE_S = 5.0

Report = generator.Report


@dataclass(frozen=True)
class Database:
    """An empty database: its URL, the folder where it lies, and the id of its server's process, 0 without one."""

    url: str
    data: Path
    pid: int = 0


def main() -> int:
    """Run the parts; 2 when something is missing on this machine."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 150)
    document: Report = {
        "label": options.label,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": {name: value for name, value in vars(options).items() if name != "label"},
        "machine_before": generator.machine(),
    }
    try:
        program = generator.build()
        for part in options.parts:
            for kind in options.databases:
                console.rule(f"{part} over {kind}")
                document[f"{part}_{kind}"] = found = MEASURES[part](options, program, kind)
                console.print(TABLES[part](kind, found))
                save(document)
    except Missing as missing:
        console.print(str(missing), style="red", markup=False)
        return 2
    document["machine_after"] = generator.machine()
    console.print(f"written: {save(document).relative_to(ROOT)}")
    return 0


# ---- databases


@contextmanager
def sqlite() -> Iterator[Database]:
    """Make a file."""
    data = empty_folder("scale-sqlite")
    yield Database(f"sqlite:///{data / 'podium.db'}", data)


@contextmanager
def postgres() -> Iterator[Database]:
    """Run a server of PostgreSQL."""
    with postgresql() as server:
        yield Database(server.url("podium"), server.folder / "data" / "base", server.process_id())


DATABASES = {"sqlite": sqlite, "postgres": postgres}


# ---- many open workflows


def open_part(options: argparse.Namespace, program: Path, kind: str) -> Report:
    """Measure an empty server, fill its database, and measure again."""
    with DATABASES[kind]() as database:
        found: Report = {"empty": _rest_and_load(options, program, database)}
        before_mb = stock.disk_mb(database.data)
        with _progress(f"starting over {kind}", options.open) as progress:
            found["fill_s"] = round(stock.fill(database.url, options.open, progress), 1)
        found["open"] = progress.last
        filled_mb = stock.disk_mb(database.data)
        found["full"] = _rest_and_load(options, program, database, first=True)
        found["disk_bytes_per_workflow"] = (filled_mb - before_mb) * 1e6 / found["open"]
        grown_mb = found["full"]["rss_mb"] - found["empty"]["rss_mb"]
        found["memory_bytes_per_workflow"] = grown_mb * (1 << 20) / found["open"]
    return found


def _rest_and_load(options: argparse.Namespace, program: Path, database: Database, *, first: bool = False) -> Report:
    """Start a server, leave it alone, then put load on it."""
    began = time.monotonic()
    with serve("scale", database.url, database.data) as server:
        found: Report = {"ready_s": server.ready_s, "ready_cpu_s": stock.cpu_s(server.pids[0])}
        if first:
            found["first_task_s"] = _first_task_s(server, began)
        time.sleep(SETTLE_S)
        found["rss_mb"] = stock.rss_mb(server.pids[0])
        found |= _idle(server, database, options.idle)
        report = generator.run(program, server, _load(options))
        found["results"] = {f"{one['scenario']} {one['mode']}": one for one in report["results"]}
        found["rss_after_load_mb"] = stock.rss_mb(server.pids[0])
    return found


def _first_task_s(server: Server, began: float) -> float:
    """Return the seconds from the start of the process until a worker has a task."""
    path = f"{server.url}/api/tasks/poll/batch/{stock.FIRST}?count=1&timeout=1000"
    while True:
        with urllib.request.urlopen(path, timeout=10) as answer:
            if answer.read() != b"[]":
                return round(time.monotonic() - began, 2)


def _idle(server: Server, database: Database, seconds: float) -> Report:
    pids = {"idle_cores": server.pids[0], "idle_database_cores": database.pid}
    before = {name: stock.cpu_s(pid) for name, pid in pids.items() if pid}
    time.sleep(seconds)
    return {name: round((stock.cpu_s(pids[name]) - cpu_s) / seconds, 5) for name, cpu_s in before.items()}


def _load(options: argparse.Namespace) -> dict[str, str]:
    return {
        "scenarios": "s1,s2",
        "n": "s1=1000000,s2=200000",
        "n-unloaded": "s1=200,s2=20",
        "max-seconds": str(options.seconds),
        "warmup": str(options.seconds / 2),
    }


# ---- large workflows


def large_part(options: argparse.Namespace, program: Path, kind: str) -> Report:
    """Measure CPU per task along a loop and a dynamic fork."""
    sizes = {"s5a": options.tasks, "s5b": min(options.tasks, options.width)}
    found: Report = {}
    with DATABASES[kind]() as database, serve("scale", database.url, database.data) as server:
        for scenario, tasks in sizes.items():
            marks = growth.stretches(tasks, STRETCHES)
            load = growth.load(scenario, tasks, marks, options.workflows, options.large_seconds)
            result = generator.run(program, server, load)["results"][0]
            rows = growth.rows(f"{LARGE[scenario]} of {tasks:,}", result, options.workflows)
            found[scenario] = {"tasks": tasks, "result": result, "rows": rows}
    return found


# ---- nodes


def nodes_part(options: argparse.Namespace, program: Path, kind: str) -> Report:
    """Measure nodes side by side, the CPU of the database included; SQLite has one node.

    With affinity a worker reports to the node that gave it the task, without to the next one in turn.
    """
    found: Report = {}
    for nodes in (1, 2, 3) if kind == "postgres" else (1,):
        for affinity in (True, False) if nodes > 1 else (True,):
            with DATABASES[kind]() as database, _nodes(database, nodes) as server:
                told = {"pollers": "6", "scatter": str(not affinity).lower()}
                report = generator.run(program, server, _load(options) | told)
            name = f"{nodes}, affinity" if affinity else f"{nodes}, in turn"
            found[name] = {f"{one['scenario']} {one['mode']}": one for one in report["results"]}
    return found


@contextmanager
def _nodes(database: Database, count: int) -> Iterator[Server]:
    """Run several nodes over a database; the server that stands for them has the addresses of all."""
    with ExitStack() as stack:
        nodes = [stack.enter_context(serve(f"scale-{n}", database.url, database.data)) for n in range(count)]
        pids = (*(pid for node in nodes for pid in node.pids), *([database.pid] if database.pid else []))
        yield replace(nodes[0], url=",".join(node.url for node in nodes), pids=pids)


# ---- tables


def open_table(kind: str, found: Report) -> Table:
    """Hold the full server against the empty one."""
    drawn = _table(f"{found['open']:,} open workflows over {kind}", ("figure", ">empty", ">full", "budget"))
    empty, full = found["empty"], found["full"]
    for name in ("ready_s", "ready_cpu_s", "rss_mb", "idle_cores", "idle_database_cores"):
        if name in empty:
            drawn.add_row(name, _number(empty[name]), _number(full[name]), _promised("open", {name: full[name]}))
    drawn.add_row("first_task_s", "", _number(full["first_task_s"]), _promised("open", full, "first_task_s"))
    for name in ("disk_bytes_per_workflow", "memory_bytes_per_workflow"):
        drawn.add_row(name, "", _number(found[name]), _promised("open", found, name))
    for key, before in empty["results"].items():
        after = full["results"][key]
        rates = before["workflows_per_s"], after["workflows_per_s"]
        ratio = {f"{key.split()[0]}_ratio": rates[1] / rates[0]} if rates[0] and key.endswith(" load") else {}
        drawn.add_row(f"{key}: workflows/s", *map(_number, rates), _promised("open", ratio))
        drawn.add_row(f"{key}: p99 ms", *(_number(one["latency_ms"]["p99"]) for one in (before, after)), "")
        costs = before["server_cpu_ms_per_task"], after["server_cpu_ms_per_task"]
        ratio = {"cpu_ratio": costs[1] / costs[0]} if costs[0] and key.endswith(" load") else {}
        drawn.add_row(f"{key}: CPU ms/task", *map(_number, costs), _promised("open", ratio))
    drawn.add_row("loaded in s", "", _number(found["fill_s"]), "")
    return drawn


def large_table(kind: str, found: Report) -> Table:
    """Show the cost along each large workflow."""
    drawn = _table(f"large workflows over {kind}", ("workflow", "where", ">CPU ms/task", ">ratio", "budget"))
    for one in found.values():
        for what, where, cost, ratio in one["rows"]:
            promised = budget.verdict({"ratio": ratio} if ratio else {}, budget.limits("podium", "flatness", "task"))
            drawn.add_row(what, where, _number(cost), f"{ratio:.2f}", promised)
    return drawn


def nodes_table(kind: str, found: Report) -> Table:
    """Show throughput by the number of nodes."""
    headings = ("nodes", "scenario", ">workflows/s", ">tasks/s", ">CPU ms/task", ">p50 ms", ">p99 ms")
    drawn = _table(f"nodes over {kind}", headings)
    for nodes, results in found.items():
        for key, one in results.items():
            latency = one["latency_ms"]
            cost = one["server_cpu_ms_per_task"]
            figures = (one["workflows_per_s"], one["tasks_per_s"], cost, latency["p50"], latency["p99"])
            drawn.add_row(nodes, key, *map(_number, figures))
    return drawn


def _table(title: str, headings: tuple[str, ...]) -> Table:
    drawn = Table(title=title)
    for heading in headings:
        drawn.add_column(heading.removeprefix(">"), justify="right" if heading.startswith(">") else "left")
    return drawn


def _promised(mode: str, figures: Report, *names: str) -> str:
    """Say how figures stand against the budget, those named or all of them."""
    limits = {
        name: limit for name, limit in budget.limits("podium", "scale", mode).items() if name in (names or figures)
    }
    return budget.verdict(figures, limits)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


MEASURES: dict[str, Callable[[argparse.Namespace, Path, str], Report]] = {
    "open": open_part,
    "large": large_part,
    "nodes": nodes_part,
}
TABLES: dict[str, Callable[[str, Report], Table]] = {"open": open_table, "large": large_table, "nodes": nodes_table}


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


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--databases", nargs="+", choices=sorted(DATABASES), default=["sqlite", "postgres"])
    parser.add_argument("--open", type=int, default=1_000_000, help="open workflows (default 1,000,000)")
    parser.add_argument("--idle", type=float, default=600, help="seconds of watching the idle server (default 600)")
    parser.add_argument("--seconds", type=float, default=20, help="seconds of load of each scenario (default 20)")
    parser.add_argument("--tasks", type=int, default=50_000, help="tasks of the loop (default 50,000)")
    parser.add_argument("--width", type=int, default=10_000, help="branches of the dynamic fork (default 10,000)")
    parser.add_argument("--workflows", type=int, default=2, help="large workflows at once (default 2)")
    parser.add_argument("--large-seconds", type=float, default=3_600, help="bound of each large workflow")
    parser.add_argument("--label", default="scale", help="name of the result file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
