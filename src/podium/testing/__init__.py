"""Tools for tests of workflow definitions and of task types: workflows that run in memory, with a clock turned by hand.

A test of a definition reads like this:

    stage = Rehearsal()
    stage.register(steps.workflow("greet", steps.simple("say", {"to": "${workflow.input.who}"})))
    key = stage.start("greet", {"who": "you"})
    stage.complete(key, "say", {"said": "hello"})
    assert stage.workflow(key).head.status == "COMPLETED"
"""

from podium.runtime.rows import Rows
from podium.testing import steps
from podium.testing.rehearsal import Rehearsal

__all__ = ["Rehearsal", "Rows", "steps"]
