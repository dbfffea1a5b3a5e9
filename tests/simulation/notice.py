"""Whether the simulation notices a mistake: one of the first seeds breaks a law."""

from collections.abc import Callable

import pytest

from tests.simulation.run import has_calls, simulate

SEEDS = 40

Mistake = Callable[[pytest.MonkeyPatch], None]
"""Puts a mistake into the program."""


def is_noticed(*, nodes: int = 0, with_calls: bool = False) -> bool:
    """Play seeds until a law is broken; *with_calls* only those with HTTP tasks, 0 nodes as the seed says."""
    seeds = (seed for seed in range(SEEDS) if has_calls(seed) or not with_calls)
    return any(simulate(seed, nodes=nodes).fault for seed in seeds)
