"""The promised figures of budgets.toml, and how a measured figure stands against them."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

Figures = Mapping[str, float]
Limits = Mapping[str, Mapping[str, float]]

_FILE = Path(__file__).with_name("budgets.toml")


def limits(server: str, scenario: str, mode: str) -> Limits:
    """Return the limits of one scenario and mode by figure name; empty when nothing is promised of that server."""
    found: Limits = tomllib.loads(_FILE.read_text()).get(server, {}).get(scenario, {}).get(mode, {})
    return found


def kept(value: float, limit: Mapping[str, float]) -> bool:
    """Say whether *value* lies within *limit*."""
    return limit.get("min", value) <= value <= limit.get("max", value)


def verdict(figures: Figures, promised: Limits) -> str:
    """Write each promised figure as rich markup, green where it is kept and red where it is missed."""
    parts = []
    for name, limit in promised.items():
        bound = " ".join(f"{'≥' if side == 'min' else '≤'} {number:,g}" for side, number in limit.items())
        ok = name in figures and kept(figures[name], limit)
        parts.append(f"[{'green' if ok else 'red'}]{name} {bound} {'kept' if ok else 'missed'}[/]")
    return ", ".join(parts)
