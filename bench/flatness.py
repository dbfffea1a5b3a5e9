"""Show whether the cost of a task depends on how much is already there.

Measures the server's CPU per task at the first tasks of a workflow against its last ones, for a DO_WHILE loop
and for a sequence, and at 10 waiting workflows against 100,000. One server, one run: only the ratios count.
"""

import argparse
import sys
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

import budget
import generator
import growth
from run import save
from server import ROOT, SERVERS, Missing

SCENARIOS = {"s5a": "DO_WHILE loop", "seq": "sequence"}


def main() -> int:
    """Run every comparison; 2 when something is missing on this machine."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 140)
    document: generator.Report = {
        "label": f"flatness-{options.server}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine_before": generator.machine(),
    }
    try:
        program = generator.build()
        with SERVERS[options.server]() as running:
            for scenario in SCENARIOS:
                report = generator.run(program, running, _growth_load(options, scenario))
                document[scenario] = report["results"][0]
            for count in (10, options.open):
                document[f"open_{count}"] = generator.run(program, running, _open_load(options, count))["s6"]
    except Missing as missing:
        console.print(str(missing), style="red", markup=False)
        return 2
    document["machine_after"] = generator.machine()
    rows = _task_rows(options, document) + _open_rows(options, document)
    document["ratios"] = [
        {"what": what, "at": at, "cpu_ms_per_task": round(cost, 4), "ratio": round(ratio, 3)}
        for what, at, cost, ratio, _ in rows
    ]
    console.print(_table(options.server, rows))
    console.print(f"written: {save(document).relative_to(ROOT)}")
    return 0


Row = tuple[str, str, float, float, str]


def _task_rows(options: argparse.Namespace, document: generator.Report) -> list[Row]:
    found: list[Row] = []
    for scenario, title in SCENARIOS.items():
        found += [(*row, "task") for row in growth.rows(title, document[scenario], options.workflows)]
    return found


def _open_rows(options: argparse.Namespace, document: generator.Report) -> list[Row]:
    few = document["open_10"]["s1_on_top"]["server_cpu_ms_per_task"]
    many = document[f"open_{options.open}"]["s1_on_top"]["server_cpu_ms_per_task"]
    started = document[f"open_{options.open}"]["started"]
    return [
        ("s1 beside waiting workflows", "10 waiting", few, 1.0, "open"),
        ("s1 beside waiting workflows", f"{started:,} waiting", many, many / few if few else 0.0, "open"),
    ]


def _table(server: str, rows: list[Row]) -> Table:
    drawn = Table(title="CPU per task, as the workflow or the database grows")
    for heading in ("what", "where"):
        drawn.add_column(heading)
    for heading in ("CPU ms/task", "ratio"):
        drawn.add_column(heading, justify="right")
    drawn.add_column("budget")
    for what, at, cost, ratio, kind in rows:
        measured = {"ratio": ratio} if ratio else {}  # what was not measured is missed
        promised = budget.verdict(measured, budget.limits(server, "flatness", kind))
        drawn.add_row(what, at, f"{cost:.3g}", f"{ratio:.2f}", promised)
    return drawn


def _growth_load(options: argparse.Namespace, scenario: str) -> dict[str, str]:
    # The first stretch begins when the workflow itself has been started; one in the middle and one at the end follow.
    marks = growth.stretches(options.tasks, [min(5, options.tasks // 10), options.tasks // 2, options.tasks])
    return growth.load(scenario, options.tasks, marks, options.workflows, options.seconds)


def _open_load(options: argparse.Namespace, count: int) -> dict[str, str]:
    return {
        "scenarios": "s6",
        "idle-n": str(count),
        "idle-watch": "3",
        "idle-max-seconds": str(options.seconds),
        "n": "s1=20000",
        "n-unloaded": "s1=10",
        "max-seconds": "15",
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=sorted(SERVERS), default="podium")
    parser.add_argument("--tasks", type=int, default=5000, help="tasks of one workflow (default 5,000)")
    parser.add_argument("--workflows", type=int, default=20, help="that many at once, to average over (default 20)")
    parser.add_argument("--open", type=int, default=100_000, help="waiting workflows (default 100,000)")
    parser.add_argument("--seconds", type=float, default=600, help="bound of each part (default 600)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
