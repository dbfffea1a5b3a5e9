"""`rateLimitConfig` of workflow definitions: how many workflows with one key may be open at once.

Exact within this node: the open ones are read from the store when a definition is first started, and followed by the
commits from then on. Policy REJECT refuses a start over the limit; under QUEUE, workflows start at once as upstream
has it, and carry their key.
"""

from podium.expressions.java_text import java_text
from podium.expressions.parameters import MapDocument, compile_template
from podium.model.errors import Conflict
from podium.model.transition import Transition
from podium.model.wire import Json
from podium.model.workflow_def import RateLimitConfig
from podium.store import Store
from podium.store.query import parse

PAGE = 1_000
KEY_CHARS_MAX = 1_000


class WorkflowLimits:
    """Counts the open workflows by definition name and key."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[str, dict[str, set[str]]] = {}

    def note(self, change: Transition) -> None:
        """Learn of a commit; called for each."""
        workflow = change.workflow
        keys = self._open.get(workflow.head.name) if workflow.head.rate_limit_key else None
        if keys is None or workflow.head.rate_limit_key is None:
            return
        if workflow.is_terminal or change.removed:
            self._release(keys, workflow.head.rate_limit_key, workflow.id)
        else:
            keys.setdefault(workflow.head.rate_limit_key, set()).add(workflow.id)

    async def reserve(self, name: str, key: str, config: RateLimitConfig, workflow_id: str) -> None:
        """Take a place for *workflow_id*; `Conflict` when REJECT is set and there is none."""
        keys = self._open.get(name)
        if keys is None:
            keys = await self._read(name)
        held = keys.setdefault(key, set())
        if config.policy == "REJECT" and config.concurrentExecLimit > 0 and len(held) >= config.concurrentExecLimit:
            raise Conflict(
                f"Workflow {name} is not started: {len(held)} workflows with the rate limit key {key} run already, "
                f"at most {config.concurrentExecLimit} may"
            )
        held.add(workflow_id)

    def cancel(self, name: str, key: str, workflow_id: str) -> None:
        """Give a place back: nothing came of the start."""
        self._release(self._open.get(name, {}), key, workflow_id)

    async def _read(self, name: str) -> dict[str, set[str]]:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        query = f'workflowType = "{quoted}" AND status IN (RUNNING, PAUSED)'
        # Set before the look: what is committed meanwhile is counted, and a set takes nothing twice.
        keys = self._open.setdefault(name, {})
        start, ended = 0, False
        while not ended:
            page = await self._store.search_workflows(parse("workflow", query=query, start=start, size=PAGE))
            for row in page.rows:
                if row.head.rate_limit_key:
                    keys.setdefault(row.head.rate_limit_key, set()).add(row.head.id)
            start += PAGE
            ended = len(page.rows) < PAGE
        return keys

    @staticmethod
    def _release(keys: dict[str, set[str]], key: str, workflow_id: str) -> None:
        held = keys.get(key)
        if held is not None:
            held.discard(workflow_id)
            if not held:
                del keys[key]


def limit_key(config: RateLimitConfig, workflow: dict[str, Json]) -> str:
    """Return the key of a start: the configured text with its `${workflow.…}` resolved."""
    value = compile_template(config.rateLimitKey or "").resolve(MapDocument({"workflow": workflow}))
    return java_text(value)[:KEY_CHARS_MAX]
