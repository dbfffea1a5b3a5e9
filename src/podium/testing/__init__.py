"""Tools for tests of workflow definitions and of task types: workflows that run in memory, with a clock turned by hand.

from podium.testing import Rehearsal

stage = Rehearsal()
stage.register({"name": "greet", "tasks": [{"name": "say", "taskReferenceName": "say", "type": "SIMPLE"}]})
key = stage.start("greet", {"who": "you"})
stage.complete(key, "say", {"said": "hello"})
assert stage.workflow(key).head.status == "COMPLETED"
"""

from podium.testing.rehearsal import Rehearsal
from podium.testing.rows import Rows

__all__ = ["Rehearsal", "Rows"]
