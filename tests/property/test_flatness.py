"""The cost of a command does not grow with its workflow: rows written, and functions called (counts, not time)."""

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from podium.engine.commands import PollTask, UpdateTask
from podium.testing import Rehearsal, steps

RATIO_MAX = 1.3


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions *work* calls, those written in C included."""
    count = 0

    def see(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gc.collect()
    gc.disable()
    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


class Costs:
    """What the completion of one task costs at a point of a workflow."""

    def __init__(self, stage: Rehearsal, key: str, seq: int) -> None:
        stage.send(key, PollTask(seq, "w"))
        before = len(stage.commits)
        self.calls = calls_of(lambda: stage.send(key, UpdateTask(seq, "COMPLETED", b'{"o":1}')))
        change = stage.commits[-1]
        assert len(stage.commits) == before + 1
        self.rows = stage.last_rows
        self.tasks = (len(change.inserted), len(change.updated), len(change.enqueued), len(change.dequeued))


def open_worker_task(stage: Rehearsal, key: str) -> int:
    return min(seq for seq, task in stage.workflow(key).open.items() if task.runs == "worker")


# ---- loops


def loop_costs(iterations: tuple[int, ...], definition: dict[str, Any], given: dict[str, Any]) -> list[Costs]:
    stage = Rehearsal()
    stage.register(definition)
    key = stage.start("w", given)
    found = []
    for number in range(1, max(iterations) + 1):
        seq = open_worker_task(stage, key)
        if number in iterations:
            found.append(Costs(stage, key, seq))
        else:
            stage.send(key, UpdateTask(seq, "COMPLETED", b'{"o":1}'))
    return found


def loop(condition: str, **fields: Any) -> dict[str, Any]:
    body = [steps.simple("a", {"i": "${lp.output.iteration}"}), steps.inline("b", "$.x", {"x": "${a.output.o}"})]
    return steps.workflow("w", steps.do_while("lp", condition, *body, **fields))


LOOPS = {
    "condition": (loop("$.lp.iteration < 3000"), {}),
    "condition in brackets": (loop("$.lp['iteration'] < 3000"), {}),
    "condition on the body": (loop("$.a.o == 1"), {}),
    "list": (loop("", items="${workflow.input.l}"), {"l": list(range(3000))}),
    "few kept": (loop("true", inputs={"keepLastN": 3}), {}),
}


@pytest.mark.parametrize("name", LOOPS)
def test_iteration_2000_costs_what_iteration_5_does(name: str) -> None:
    early, late = loop_costs((5, 2000), *LOOPS[name])

    assert late.calls <= early.calls * RATIO_MAX, f"{early.calls} calls, then {late.calls}"
    assert (late.rows, late.tasks) == (early.rows, early.tasks)


def test_a_loop_of_a_loop_costs_the_same() -> None:
    inner = steps.do_while("inner", "$.inner.iteration < 4", steps.simple("a"))
    definition = steps.workflow("w", steps.do_while("lp", "true", inner))

    early, late = loop_costs((6, 1002), definition, {})  # both second in their inner loop

    assert late.calls <= early.calls * RATIO_MAX
    assert (late.rows, late.tasks) == (early.rows, early.tasks)


# ---- forks


def fork_cost(width: int, definition: dict[str, Any], given: dict[str, Any], at: float = 0.5) -> Costs:
    stage = Rehearsal()
    stage.register(definition)
    key = stage.start("w", given)
    seqs = [seq for seq, task in sorted(stage.workflow(key).open.items()) if task.runs == "worker"]
    assert len(seqs) == width
    return Costs(stage, key, seqs[int(width * at)])


def static_fork(width: int) -> tuple[dict[str, Any], dict[str, Any]]:
    branches = [[steps.simple(f"a{number}"), steps.simple(f"b{number}")] for number in range(width)]
    return steps.workflow("w", *steps.fork("f", *branches)), {}


def dynamic_fork(width: int) -> tuple[dict[str, Any], dict[str, Any]]:
    given = {"forkTaskInputs": "${workflow.input.l}", "forkTaskName": "work"}
    definition = steps.workflow("w", steps.step("df", "FORK_JOIN_DYNAMIC", given), steps.step("j", "JOIN"))
    return definition, {"l": list(range(width))}


def waiting_branches(width: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Branches in a loop, and as many people who wait beside them."""
    branches = [[steps.simple("s")], *[[steps.step(f"h{number}", "HUMAN")] for number in range(width - 1)]]
    return steps.workflow("w", steps.do_while("lp", "true", *steps.fork("f", *branches))), {}


@pytest.mark.parametrize("make", [static_fork, dynamic_fork])
def test_a_branch_of_2000_costs_what_one_of_10_does(make: Any) -> None:
    narrow, wide = fork_cost(10, *make(10)), fork_cost(2000, *make(2000))

    assert wide.calls <= narrow.calls * RATIO_MAX, f"{narrow.calls} calls, then {wide.calls}"
    assert (wide.rows, wide.tasks) == (narrow.rows, narrow.tasks)


def test_a_task_beside_2000_waiting_ones_costs_what_one_beside_10_does() -> None:
    narrow, wide = (fork_cost(1, *waiting_branches(width), at=0) for width in (10, 2000))

    assert wide.calls <= narrow.calls * RATIO_MAX
    assert (wide.rows, wide.tasks) == (narrow.rows, narrow.tasks)


# ---- time and polls


def wake_cost(width: int) -> int:
    """Return the calls of one of many waits that are over at different times."""
    stage = Rehearsal()
    branches = [[steps.step(f"w{number}", "WAIT", {"duration": f"{10 + number} seconds"})] for number in range(width)]
    stage.register(steps.workflow("w", *steps.fork("f", *branches)))
    stage.start("w")
    stage.advance(12)
    return calls_of(lambda: stage.advance(1))


def test_one_of_2000_deadlines_costs_what_one_of_10_does() -> None:
    assert wake_cost(2000) <= wake_cost(10) * RATIO_MAX


@pytest.mark.parametrize("make", [static_fork, dynamic_fork])
def test_a_poll_among_2000_costs_what_one_among_10_does(make: Any) -> None:
    def cost(width: int) -> int:
        stage = Rehearsal()
        definition, given = make(width)
        stage.register(definition)
        key = stage.start("w", given)
        seq = max(seq for seq, task in stage.workflow(key).open.items() if task.runs == "worker")
        return calls_of(lambda: stage.send(key, PollTask(seq, "w")))

    assert cost(2000) <= cost(10) * RATIO_MAX


# ---- results, time and leases one after the other


def test_the_memory_of_a_loop_does_not_hold_its_tasks() -> None:
    stage = Rehearsal()
    stage.register(loop("$.lp.iteration < 3000", inputs={"keepLastN": 2}))
    key = stage.start("w")
    for _ in range(300):
        stage.send(key, UpdateTask(open_worker_task(stage, key), "COMPLETED", b'{"o":1}'))

    flow = stage.workflow(key)
    kept = flow.loops["lp"]
    assert (len(flow.latest), len(kept.outputs), len(kept.tasks)) == (3, 3, 3)
    assert len(stage.tasks(key)) == 6
    assert len(flow.wakes) <= 1
