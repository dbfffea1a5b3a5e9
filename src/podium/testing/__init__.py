"""Tools for tests of workflow definitions and of task types: workflows that run in memory, with a clock turned by hand.

A test of a definition reads like this:

    stage = Rehearsal()
    stage.register(steps.workflow("greet", steps.simple("say", {"to": "${workflow.input.who}"})))
    key = stage.start("greet", {"who": "you"})
    stage.complete(key, "say", {"said": "hello"})
    assert stage.workflow(key).head.status == "COMPLETED"

The names are imported when they are used: pytest loads this package for its fixtures in every run.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podium.runtime.rows import Rows
    from podium.testing import steps
    from podium.testing.outcome import completed, failed
    from podium.testing.rehearsal import Rehearsal
    from podium.testing.server import LocalServer

__all__ = ["LocalServer", "Rehearsal", "Rows", "completed", "failed", "steps"]

_PLACES = {
    "LocalServer": "podium.testing.server",
    "Rehearsal": "podium.testing.rehearsal",
    "Rows": "podium.runtime.rows",
    "completed": "podium.testing.outcome",
    "failed": "podium.testing.outcome",
}


def __getattr__(name: str) -> Any:
    if name == "steps":
        return import_module("podium.testing.steps")
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
