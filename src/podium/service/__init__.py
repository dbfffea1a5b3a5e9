"""The use cases of the server, one method each: validation, limits, and the errors that clients see.

Everything above translates between a protocol and these methods; everything below knows nothing of clients.
"""

from collections.abc import Mapping

from podium.model.retention import Retention
from podium.model.wire import Json
from podium.runtime.node import Node
from podium.service.admin import Admin
from podium.service.archive import Archive
from podium.service.bulk import Bulk
from podium.service.checking import Checking, ScriptError
from podium.service.control import Control
from podium.service.environment import Environment, SecretStore
from podium.service.event_queues import EventQueues
from podium.service.events import Events
from podium.service.janitor import Janitor
from podium.service.metadata import Metadata
from podium.service.payload_location import PayloadLocations
from podium.service.queues import Queues
from podium.service.reading import Reading
from podium.service.rehearsal import Rehearsals
from podium.service.retention import RetentionRules
from podium.service.schedules import Schedules
from podium.service.schemas import Schemas
from podium.service.search import Searches
from podium.service.secrets import Secrets
from podium.service.signals import Signals
from podium.service.tagged import TaggedMetadata
from podium.service.tags import Tags
from podium.service.tasks import Tasks
from podium.service.validation import validation_of
from podium.service.watch import Watch
from podium.service.workflows import Workflows

__all__ = ["Services"]


class Services:
    """All services over one node; operators are shown *settings*.

    *script_error* compiles scripts of definitions. *archive* takes removed workflows, None keeps nothing of them.
    *retention* says how long ended ones stay where no definition does.
    """

    def __init__(
        self,
        node: Node,
        *,
        script_error: ScriptError | None = None,
        settings: Mapping[str, Json] | None = None,
        archive: Archive | None = None,
        retention: Retention | None = None,
    ) -> None:
        checking = Checking(node.catalog.task_def, script_error)
        self.node = node
        self.reading = Reading(node)
        self._watch = Watch(node.changes)
        node.committer.on_commit += [self._watch.note]
        self.workflows = Workflows(node, checking)
        self.tasks = Tasks(node, self.reading, Secrets(node.variables))
        self.metadata = Metadata(node, checking)
        self.admin = Admin(node, self.reading, settings or {})
        self.archive = archive or Archive(None)
        self.control = Control(node, self.reading, self.archive)
        self.retention = RetentionRules(node, retention or Retention())
        self.janitor = Janitor(node, self.reading, self.retention, self.archive)
        node.housekeeping.chores.append(self.janitor.tidy)
        self.bulk = Bulk(self.control, self.reading)
        self.environment = Environment(node.variables)
        self.secret_store = SecretStore(node.variables)
        self.events = Events(node)
        self.event_queues = EventQueues(node, self.tasks)
        self.tags = Tags(node, self.metadata)
        self.tagged_metadata = TaggedMetadata(self.metadata, self.tags)
        self.payload_locations = PayloadLocations(node)
        self.queues = Queues(node)
        self.rehearsals = Rehearsals(node, checking)
        self.schedules = Schedules(node, checking)
        self.schemas = Schemas(node)
        self.search = Searches(node, self.reading)
        self.validation = validation_of(node, checking)
        self.signals = Signals(node, self.reading, self.workflows, self._watch)

    async def refresh(self) -> bool:
        """Read the definitions and the like that other nodes have changed; whether there were any."""
        return await self.node.documents.look()

    def release_waiting(self) -> None:
        """Answer everybody who waits for tasks or workflows: the server is about to stop."""
        self.node.dispatcher.release_all()
        self._watch.release_all()
