"""How much a fault test does: a short version within `make test`, full counts with `make chaos`; and its seed."""

import random
from dataclasses import dataclass

SEED = 20261127


@dataclass(frozen=True)
class Plan:
    """What the options of the command line ask for."""

    is_full: bool
    seed: int
    count_wanted: int | None

    def count(self, short: int, full: int) -> int:
        """Return how many faults to inject; `--count` wins."""
        return self.count_wanted or (full if self.is_full else short)

    def chance(self) -> random.Random:
        """Return a source of chance that gives the same numbers in each run with this seed."""
        return random.Random(self.seed)
