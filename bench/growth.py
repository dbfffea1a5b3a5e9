"""The curve of CPU per task within one large workflow: what to ask of the generator, and the rows that follow."""

import generator

Row = tuple[str, str, float, float]
"""What, where in it, CPU in ms per task, and that held against the first stretch."""


def load(scenario: str, tasks: int, marks: list[int], workflows: int, seconds: float) -> dict[str, str]:
    """Return the generator's options for *workflows* of *tasks* tasks each."""
    return {
        "scenarios": scenario,
        "modes": "load",
        "n": f"{scenario}={workflows}",
        "loop": str(tasks),
        "seq": str(tasks),
        "fan": str(tasks),
        "marks": ",".join(map(str, marks)),
        "wf-timeout": str(seconds / 4),  # the generator gives large workflows four times this
    }


def stretches(tasks: int, begins: list[int]) -> list[int]:
    """Return task numbers in pairs, the bounds of a stretch each; *begins* beyond the end mean the last stretch."""
    width = max(tasks // 20, 4)  # the speed of a small machine scatters over shorter ones
    ending = max(tasks // 50, 1)  # while these are on their way, the end of the workflow, with all it puts out, is too
    marks: set[int] = set()
    for begin in begins:
        first = min(begin, tasks - width - ending)
        marks |= {first, first + width}
    return sorted(marks)


def together(results: list[generator.Report]) -> generator.Report:
    """Return one result for several runs of the same load, its CPU that of all of them."""
    cpu_s: dict[int, float] = {}
    for mark in (mark for result in results for mark in result.get("marks", [])):
        cpu_s[mark["task"]] = cpu_s.get(mark["task"], 0.0) + mark["server_cpu_s"]
    return {
        "marks": [{"task": task, "server_cpu_s": spent_s} for task, spent_s in cpu_s.items()],
        "completed_verified": sum(result["completed_verified"] for result in results),
    }


def rows(title: str, result: generator.Report, workflows: int) -> list[Row]:
    """Return CPU per task in each stretch, held against the first one."""
    found: list[Row] = []
    marks = sorted(result.get("marks", []), key=lambda mark: mark["task"])
    base = 0.0
    for begin, end in zip(marks[::2], marks[1::2], strict=False):
        tasks = (end["task"] - begin["task"]) * workflows
        cost = (end["server_cpu_s"] - begin["server_cpu_s"]) * 1000 / tasks
        base = base or cost
        where = f"task {begin['task']:,} to {end['task']:,}"
        found.append((title, where, cost, cost / base if base else 0.0))
    if result["completed_verified"] < workflows:
        found.append((f"{title}: not every workflow completed", "", 0.0, 0.0))
    return found
