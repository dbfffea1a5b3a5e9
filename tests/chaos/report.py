"""The protocol of one fault test: its seed, the faults that were injected, what was measured, and the audit."""

from collections import Counter
from typing import Any


class Report:
    """Counts while the test runs. A test whose faults did not happen proves nothing, so `happened` fails then."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.seed = seed
        self.faults: Counter[str] = Counter()
        self.figures: dict[str, Any] = {}
        self.audit: dict[str, Any] = {}

    def happened(self, **least: int) -> None:
        """Assert that each fault was injected at least that often."""
        missing = {name: (self.faults[name], count) for name, count in least.items() if self.faults[name] < count}
        assert not missing, f"faults that did not happen (found, wanted): {missing}"

    def __str__(self) -> str:
        parts = (("faults", self.faults), ("figures", self.figures), ("audit", self.audit))
        words = [f"{name}: " + _listed(values) for name, values in parts if values]
        return "; ".join([f"{self.name}: seed {self.seed}", *words])


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )
