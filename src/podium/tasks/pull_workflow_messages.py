"""PULL_WORKFLOW_MESSAGES: take what was pushed to the workflow, or wait until something is."""

from podium.engine.messages import PULL, pull
from podium.engine.session import Session
from podium.model.task import Task
from podium.tasks.kind import Kind


class PullWorkflowMessages(Kind):
    """Ends with up to `batchSize` messages, the oldest first; a push to the workflow ends one that waits."""

    name = PULL

    def start(self, task: Task, session: Session) -> None:
        """Take what is there already."""
        pull(session, task)
