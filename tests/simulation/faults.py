"""What goes wrong in a run: drawn from the seed, so that each seed has its own mixture and some have none at all."""

from dataclasses import dataclass, fields
from random import Random

MEAN_S = (4.0, 10.0, 25.0)  # between two faults of one kind
RATES = (0.005, 0.03, 0.15)


@dataclass
class Faults:
    """How often, and how badly; 0 means never."""

    # of nodes: seconds between two, on average
    crash_s: float = 0
    stop_s: float = 0  # clean stops
    freeze_s: float = 0
    partition_s: float = 0  # between a node and the store
    # of calls of the store
    refused: float = 0  # Unavailable, nothing was done
    unknown: float = 0  # Unavailable, but it was done; to a file, it is done by the next start or never
    late: float = 0  # Unavailable, and it is done some time later
    slow: float = 0
    notice_lost: float = 0
    notice_doubled: float = 0
    # between clients and nodes
    lost: float = 0  # a request or an answer
    doubled: float = 0
    # of clocks
    skew_ms: int = 0

    def calm(self) -> None:
        """End all of them."""
        for field in fields(self):
            if field.name != "skew_ms":
                setattr(self, field.name, 0)

    def __str__(self) -> str:
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return " ".join(f"{name}={value}" for name, value in found.items() if value) or "none"


def drawn(random: Random, *, is_shared: bool) -> Faults:
    """Return the faults of a run; a store that nodes do not share is a file, and no network is between them."""
    found = Faults()
    for name in ("crash_s", "stop_s", "freeze_s", "partition_s"):
        if random.random() < 0.4:
            setattr(found, name, random.choice(MEAN_S))
    for name in ("refused", "unknown", "late", "slow", "lost", "doubled", "notice_lost", "notice_doubled"):
        if random.random() < 0.4:
            setattr(found, name, random.choice(RATES))
    found.skew_ms = random.choice([0, 0, 500, 3_600_000])
    if not is_shared:
        found.partition_s = found.late = found.skew_ms = 0
    return found
