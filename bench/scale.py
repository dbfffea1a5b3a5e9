"""Measure what many open workflows, large ones, and several nodes cost: over SQLite and over PostgreSQL.

Each part runs on servers of its own, and only what is measured side by side, or one after the other, on the same
machine is held against each other. Writes bench/results/DATE-LABEL.json. `--help` lists the parts and their sizes.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

import budget
import generator
import growth
import waiting
from database import DATABASES, Database
from run import save
from server import ROOT, Missing, Server, serve
from table import number, table

PARTS = ("open", "large", "nodes")
LARGE = {"s5a": "loop", "s5b": "dynamic fork"}
STRETCHES = [100, 10_000, 50_000]

Report = generator.Report


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


# ---- large workflows


def large_part(options: argparse.Namespace, program: Path, kind: str) -> Report:
    """Measure CPU per task along a loop and a dynamic fork: one after the other, and as many as give as many tasks."""
    sizes = {"s5a": options.tasks, "s5b": min(options.tasks, options.width)}
    found: Report = {}
    with DATABASES[kind]() as database, serve("scale", database.url, database.data) as server:
        for scenario, tasks in sizes.items():
            marks = growth.stretches(tasks, STRETCHES)
            load = growth.load(scenario, tasks, marks, 1, options.large_seconds)
            count = options.workflows * options.tasks // tasks
            results = [generator.run(program, server, load)["results"][0] for _ in range(count)]
            rows = growth.rows(f"{LARGE[scenario]} of {tasks:,}", growth.together(results), count)
            found[scenario] = {"tasks": tasks, "results": results, "rows": rows}
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
                report = generator.run(program, server, generator.short_load(options.seconds) | told)
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


def large_table(kind: str, found: Report) -> Table:
    """Show the cost along each large workflow."""
    drawn = table(f"large workflows over {kind}", ("workflow", "where", ">CPU ms/task", ">ratio", "budget"))
    for one in found.values():
        for what, where, cost, ratio in one["rows"]:
            promised = budget.verdict({"ratio": ratio} if ratio else {}, budget.limits("podium", "flatness", "task"))
            drawn.add_row(what, where, number(cost), f"{ratio:.2f}", promised)
    return drawn


def nodes_table(kind: str, found: Report) -> Table:
    """Show throughput by the number of nodes."""
    headings = ("nodes", "scenario", ">workflows/s", ">tasks/s", ">CPU ms/task", ">p50 ms", ">p99 ms")
    drawn = table(f"nodes over {kind}", headings)
    for nodes, results in found.items():
        for key, one in results.items():
            latency = one["latency_ms"]
            cost = one["server_cpu_ms_per_task"]
            figures = (one["workflows_per_s"], one["tasks_per_s"], cost, latency["p50"], latency["p99"])
            drawn.add_row(nodes, key, *map(number, figures))
    return drawn


MEASURES: dict[str, Callable[[argparse.Namespace, Path, str], Report]] = {
    "open": waiting.open_part,
    "large": large_part,
    "nodes": nodes_part,
}
TABLES: dict[str, Callable[[str, Report], Table]] = {
    "open": waiting.open_table,
    "large": large_table,
    "nodes": nodes_table,
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--databases", nargs="+", choices=sorted(DATABASES), default=["sqlite", "postgres"])
    parser.add_argument("--open", type=int, default=1_000_000, help="open workflows (default 1,000,000)")
    parser.add_argument("--idle", type=float, default=600, help="seconds of watching the idle server (default 600)")
    parser.add_argument("--seconds", type=float, default=10, help="seconds of load of each scenario (default 10)")
    parser.add_argument("--turns", type=int, default=4, help="times of load on each of both servers (default 4)")
    parser.add_argument("--tasks", type=int, default=50_000, help="tasks of the loop (default 50,000)")
    parser.add_argument("--width", type=int, default=10_000, help="branches of the dynamic fork (default 10,000)")
    parser.add_argument("--workflows", type=int, default=2, help="loops, and forks of as many tasks (default 2)")
    parser.add_argument("--large-seconds", type=float, default=3_600, help="bound of each large workflow")
    parser.add_argument("--label", default="scale", help="name of the result file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
