"""Many runs of the whole cluster, each from a seed: no law is broken, and the same seed gives the same run."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.run import Outcome, simulate

ROOT = Path(__file__).parents[2]
SEEDS = 200
AT_ONCE = 10


@functools.cache
def played(seed: int) -> Outcome:
    return simulate(seed)


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_no_law_is_broken(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        outcome = played(seed)
        if outcome.fault:
            pytest.fail(outcome.told(), pytrace=False)


def test_the_runs_are_worth_their_time() -> None:
    """Faults happen, and work is done in spite of them."""
    outcomes = [played(seed) for seed in range(30)]

    happened = {kind for outcome in outcomes for kind in outcome.happened}
    assert {"crash", "stop", "freeze"} <= happened
    assert sum(outcome.commits for outcome in outcomes) > 30 * 30
    assert sum(outcome.virtual_s for outcome in outcomes) > 3_600


def test_the_same_seed_gives_the_same_trace_in_another_process() -> None:
    """Byte for byte; another process has other hashes and addresses, which must not matter."""
    program = "from tests.simulation.run import simulate; print([simulate(seed).digest for seed in (0, 3, 7, 11)])"

    traces = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
            check=True,
            capture_output=True,
            text=True,
            timeout=100,
        ).stdout
        for hash_seed in (1, 4)
    }

    assert len(traces) == 1


def test_a_failure_says_how_to_see_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.simulation.run.CALM_S_MAX", -1)

    outcome = next(found for found in map(simulate, range(20)) if found.fault)

    assert "never ends" in outcome.told()
    assert f'make sim ARGS="--seed {outcome.seed}"' in outcome.told()
