"""Measure podium, and the upstream Java server beside it, with the same load on the same machine.

Prints one table with the budgets and writes bench/results/DATE-LABEL.json. `--help` lists the bounds.
"""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

import budget
import generator
from server import ROOT, SERVERS, Missing

DATABASES = {"sqlite": ["podium"], "postgresql": ["podium-postgresql"], "both": ["podium", "podium-postgresql"]}
BESIDE = {"podium": "java", "podium-postgresql": "java-postgresql"}  # each over the same database
SCENARIOS = "s1,s2,s3,s4,s4n,s5a,s5b,s6"
TIMES = ("workflows_per_s", "tasks_per_s", "cpu_ms_per_task", "p50_ms", "p99_ms")  # what servers are compared by
QUICK_COUNTS = "s1=2000,s2=300,s3=300,s4=300,s4n=300,s5a=4,s5b=4"
# bounded by --seconds; the counts only keep a fast server from ending early
FULL_COUNTS = "s1=200000,s2=40000,s3=40000,s4=40000,s4n=40000,s5a=64,s5b=64"
QUICK_COUNTS_UNLOADED = "s1=50,s2=5,s3=10,s4=10,s4n=10,s5a=1,s5b=1"
FULL_COUNTS_UNLOADED = "s1=100,s2=20,s3=30,s4=50,s4n=50,s5a=2,s5b=2"


def main() -> int:
    """Run what the command line asks for; 2 when something is missing on this machine."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 180)
    document: generator.Report = {
        "label": options.label,
        "date": _now(),
        "quick": options.quick,
        "servers": {},
    }
    document["machine_before"] = generator.machine()
    try:
        program = generator.build()
        for name in options.servers:
            with SERVERS[name]() as running:
                console.rule(f"{name}: ready after {running.ready_s} s")
                report = generator.run(program, running, _load(options, name))
                document["servers"][name] = {"ready_s": running.ready_s} | report
    except Missing as missing:
        console.print(str(missing), style="red", markup=False)
        return 2
    document["machine_after"] = generator.machine()
    console.print(table(document))
    path = save(document)
    console.print(f"written: {path.relative_to(ROOT)}")
    return 0


def table(document: generator.Report) -> Table:
    """Lay the figures of every server side by side, scenario by scenario."""
    drawn = Table(title=f"{document['label']}, {document['date']}, load average {_busy(document)}")
    for heading in ("scenario", "mode", "server"):
        drawn.add_column(heading)
    for heading in ("wf/s", "tasks/s", "CPU ms/task", "p50 ms", "p99 ms", "RSS MB", "not done"):
        drawn.add_column(heading, justify="right")
    drawn.add_column("budget")
    for scenario, mode, name, result in _ordered(document):
        figures = _figures(result)
        undone = result["failed"] + result["stuck"] + sum(result.get("errors", {}).values())
        numbers = [_number(value) for value in (*figures.values(), undone)]
        drawn.add_row(scenario, mode, name, *numbers, _promised(scenario, mode, name, figures))
    for name, report in document["servers"].items():
        for line in _server_rows(name, report):
            drawn.add_row(*line)
    for line in _times_rows(document):
        drawn.add_row(*line)
    return drawn


def save(document: generator.Report) -> Path:
    """Write *document* where the history of results lies."""
    day = document["date"][:10]
    path = ROOT / "bench" / "results" / f"{day}-{document['label']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return path


def _server_rows(name: str, report: generator.Report) -> list[list[str]]:
    """Rows for what no scenario shows: the start, the peak of memory, and waiting workflows."""
    start = {"ready_s": report["ready_s"], "rss_mb": report.get("rss_rest_mb", 0.0)}
    peak = {"rss_mb": max((result["rss_peak_mb"] for result in report.get("results", [])), default=0.0)}
    rows = [
        _row("server", "start", name, f"ready after {start['ready_s']} s", start),
        _row("server", "load", name, "highest of all scenarios", peak),
    ]
    if "s6" in report:
        idle = report["s6"]
        figures = {
            "disk_bytes_per_workflow": idle["disk_bytes_per_workflow"],
            "cores": idle["idle_cores_after"],
            "rss_mb": idle["rss_after_mb"],
        }
        waiting = f"{idle['started']:,} waiting, {idle['disk_bytes_per_workflow']:,.0f} bytes each"
        rows.append(_row("s6", "rest", name, f"{waiting}, {figures['cores']} cores", figures))
    return rows


def _times_rows(document: generator.Report) -> list[list[str]]:
    """Rows that say how many times better each podium was than the Java server beside it: figures of one machine.

    A rate is podium's divided by Java's, a cost or a time is Java's divided by podium's.
    """
    results = {(scenario, mode, name): _figures(result) for scenario, mode, name, result in _ordered(document)}
    rows = []
    for (scenario, mode, name), figures in results.items():
        java = BESIDE.get(name, "")
        other = results.get((scenario, mode, java))
        if other is None:
            continue
        times = {key: _times(key, figures[key], other[key]) for key in TIMES}
        shown = [f"×{_number(times[key])}" if times[key] else "" for key in TIMES]
        promised = budget.verdict(times, budget.limits(f"{name}-times", scenario, mode))
        rows.append([scenario, mode, f"{name} : {java}", *shown, "", "", promised])
    return rows


def _times(figure: str, ours: float, theirs: float) -> float:
    """Return how many times better *ours* is; 0 when one of them was not measured."""
    if not ours or not theirs:
        return 0.0
    return ours / theirs if figure.endswith("_per_s") else theirs / ours


def _row(scenario: str, mode: str, name: str, text: str, figures: dict[str, float]) -> list[str]:
    promised = _promised(scenario, mode, name, figures)
    remark = "; ".join(part for part in (text, promised) if part)
    return [scenario, mode, name, *[""] * 5, _number(figures["rss_mb"]), "", remark]


def _promised(scenario: str, mode: str, name: str, figures: dict[str, float]) -> str:
    return budget.verdict(figures, budget.limits(name, scenario, mode))


def _ordered(document: generator.Report) -> list[tuple[str, str, str, generator.Report]]:
    """Every result as (scenario, mode, server, result), the servers next to each other."""
    rows = []
    for name, report in document["servers"].items():
        rows += [(result["scenario"], result["mode"], name, result) for result in report.get("results", [])]
        if "s6" in report:
            rows.append(("s6 + s1", "load", name, report["s6"]["s1_on_top"]))
            rows.append(("s6 + s1", "unloaded", name, report["s6"]["s1_on_top_unloaded"]))
    return sorted(rows, key=lambda row: row[:2])


def _figures(result: generator.Report) -> dict[str, float]:
    return {
        "workflows_per_s": result["workflows_per_s"],
        "tasks_per_s": result["tasks_per_s"],
        "cpu_ms_per_task": result["server_cpu_ms_per_task"],
        "p50_ms": result["latency_ms"]["p50"],
        "p99_ms": result["latency_ms"]["p99"],
        "rss_mb": result["rss_peak_mb"],
    }


def _number(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _busy(document: generator.Report) -> str:
    return " to ".join(str(document[key]["load_average"][0]) for key in ("machine_before", "machine_after"))


def _load(options: argparse.Namespace, name: str) -> dict[str, str]:
    quick = options.quick
    return {
        "scenarios": options.scenarios,
        "n": QUICK_COUNTS if quick else FULL_COUNTS,
        "n-unloaded": QUICK_COUNTS_UNLOADED if quick else FULL_COUNTS_UNLOADED,
        "max-seconds": str(options.seconds or (6 if quick else 20)),
        "warmup": str(options.warmup[name] if not quick else options.warmup[name] / 3),
        "idle-n": "2000" if quick else "100000",
        "idle-max-seconds": "20" if quick else "300",
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="small counts: a few minutes instead of a quarter of an hour"
    )
    parser.add_argument("--java", action="store_true", help="measure the upstream Java server too, over the same")
    parser.add_argument(
        "--database",
        choices=sorted(DATABASES),
        default="sqlite",
        help="what podium stores in; PostgreSQL's server is started, and its CPU counted, too",
    )
    parser.add_argument("--only", choices=sorted(SERVERS), help="measure this server alone")
    parser.add_argument("--scenarios", default=SCENARIOS, help=f"which of {SCENARIOS}")
    parser.add_argument("--seconds", type=float, help="start workflows of one scenario for so long at most")
    parser.add_argument("--label", help="name of the result file; without it, the names of the servers")
    options = parser.parse_args()
    podiums = DATABASES[options.database]
    options.servers = [options.only] if options.only else podiums + [BESIDE[name] for name in podiums if options.java]
    options.label = options.label or "-".join(options.servers)
    options.warmup = {
        name: 60.0 if name in BESIDE.values() else 6.0 for name in SERVERS
    }  # a JIT compiler needs its time
    return options


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
