"""Admission: a workflow with a `rateLimitConfig` begins when its key has a place free.

Upstream accepts the field without effect. Here policy REJECT refuses the start over the limit; QUEUE stores the
workflow without tasks, and it begins when a place is free, the longest waiting first.
"""

from podium.engine.session import Session
from podium.expressions.java_text import java_text
from podium.expressions.parameters import compile_template
from podium.model.errors import Conflict
from podium.model.workflow_def import RateLimitConfig

LOOK_AGAIN_MS = 60_000  # a free place is announced; this is for announcements that were lost with their node
KEY_CHARS_MAX = 1_000


def admit_new(session: Session) -> bool:
    """Whether a workflow that starts may begin; `Conflict` when it is refused."""
    config = session.graph.definition.rateLimitConfig
    if config is None or not config.rateLimitKey:
        return True
    key = java_text(session.scope.resolve(compile_template(config.rateLimitKey)))[:KEY_CHARS_MAX]
    session.head.rate_limit_key = key
    if _has_place(session, config):
        return True
    if config.policy == "REJECT":
        raise Conflict(
            f"Workflow {session.head.name} is not started: {config.concurrentExecLimit} workflows with the rate limit "
            f"key {key} run already"
        )
    session.head.is_held = True
    return False


def admit_held(session: Session) -> bool:
    """Whether a workflow that was held back may begin now; its time-out counts from here."""
    head, config = session.head, session.graph.definition.rateLimitConfig
    if config is not None and not _has_place(session, config):
        return False
    head.is_held = False
    head.last_retried_ms = session.now_ms
    session.change.is_changed = True
    return True


def _has_place(session: Session, config: RateLimitConfig) -> bool:
    head = session.head
    limit = config.concurrentExecLimit
    return limit <= 0 or session.context.has_place(head.name, head.rate_limit_key or "", limit, head.id)
