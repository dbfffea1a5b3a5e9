"""Where clients may put payloads that are too large for a call.

No store for such payloads can be configured, so an answer has a path and no `uri`, as upstream's without one.
"""

from msgspec import UNSET, Struct, UnsetType

from podium.model.errors import InvalidRequest
from podium.runtime.node import Node

OPERATIONS = ("READ", "WRITE")
PAYLOAD_TYPES = ("WORKFLOW_INPUT", "WORKFLOW_OUTPUT", "TASK_INPUT", "TASK_OUTPUT")


class ExternalStorageLocation(Struct, kw_only=True):
    """Conductor's answer: the address to read from or write to, and the name for later requests."""

    uri: str | UnsetType = UNSET
    path: str


class PayloadLocations:
    """Answers clients that have a large payload."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def location(self, _path: str, operation: str, payload_type: str) -> ExternalStorageLocation:
        """Return a place for a payload; whatever path the client proposes, the name is a new one."""
        if operation.upper() not in OPERATIONS or payload_type.upper() not in PAYLOAD_TYPES:
            raise InvalidRequest(
                f"Invalid input - Operation: {operation[:100]}, PayloadType: {payload_type[:100]}; "
                f"expected {' or '.join(OPERATIONS)}, and one of {', '.join(PAYLOAD_TYPES)}"
            )
        return ExternalStorageLocation(path=f"{self._node.clock.new_workflow_id()}.json")
