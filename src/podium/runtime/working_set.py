"""The workflows in memory: read from the store when they are needed, forgotten when another node has changed them.

What lies in memory is a guess, and the commit, which compares versions, has the last word. While the guesses are often
wrong, versions are compared before a decision too. After a commit of which it is not known whether it happened, or yet
will, its workflows are read each time.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence

from podium.engine.commands import NEEDS_HISTORY, StartWorkflow
from podium.engine.restore import restore
from podium.model.errors import PodiumError
from podium.model.task import Task
from podium.model.transition import Transition
from podium.model.workflow import Workflow
from podium.runtime.cache import Cache
from podium.runtime.catalog import Catalog
from podium.runtime.mail import Work
from podium.runtime.mailboxes import Mailboxes
from podium.runtime.membership import Membership
from podium.store import Store

DOUBT_MAX, DOUBT_WEIGHT = 0.02, 0.1
UNKNOWN_S = 120.0  # for so long a statement whose answer was given up may lie somewhere, and be carried out yet
UNKNOWN_MAX = 10_000  # workflows

log = logging.getLogger(__name__)


class WorkingSet:
    """What a node has in memory of the store, and how far that is to be trusted."""

    def __init__(
        self, store: Store, catalog: Catalog, cache: Cache, membership: Membership, mailboxes: Mailboxes
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._cache = cache
        self._membership = membership
        self._mailboxes = mailboxes
        self._doubt = 0.0  # the share of workflows that others had changed, lately
        self._unknown: dict[str, float] = {}  # workflows with an unknown commit, and until when it may happen yet
        self._histories: dict[str, tuple[Workflow, list[Task]]] = {}
        self.transitions = 0  # committed by this node

    # ---- for readers

    async def read(self, workflow_id: str) -> Workflow | None:
        """Return the workflow as it is committed, or None when it does not exist; callers must not change it."""
        workflow = await self.remembered(workflow_id)
        if workflow is not None:
            return workflow
        before = self.transitions
        loaded = (await self.load([workflow_id], keep=False)).get(workflow_id)
        if loaded is not None and before == self.transitions and not self._mailboxes.is_busy(workflow_id):
            self._cache.put(loaded)  # else it may have changed since it was read
        return loaded

    async def remembered(self, workflow_id: str) -> Workflow | None:
        """Return the workflow as it is committed if it is in memory; what another node has changed is forgotten."""
        await self._mailboxes.quiet(workflow_id)
        self._forget_unknown(workflow_id)
        if not self._membership.is_alone and self._cache.get(workflow_id) is not None:
            versions = await self._store.versions([workflow_id])
            await self._mailboxes.quiet(workflow_id)
            self._forget_outdated([workflow_id], versions)
        return self._cache.get(workflow_id)

    # ---- for decisions

    async def prepare(self, works: list[Work]) -> None:
        """Bring to memory what the commands need."""
        if self._doubt > DOUBT_MAX and not self._membership.is_alone:
            await self._check_versions(works)
        missing, history = [], set()
        for work in works:
            first = work.mails[0].command
            self._forget_unknown(work.workflow_id)
            if type(first) in NEEDS_HISTORY:
                self._cache.drop(work.workflow_id)
                history.add(work.workflow_id)
            # An id that is to be new is looked up only when the store has refused it.
            if isinstance(first, StartWorkflow) and not work.mails[0].tries:
                if self._catalog.graph_by_hash(first.def_hash) is None:
                    await self._catalog.fetch(first.def_hash)
            elif self._cache.get(work.workflow_id) is None:
                missing.append(work.workflow_id)
        if missing:
            found = await self.load(missing, history)
            for work in works:
                work.loaded = found.get(work.workflow_id)

    def take(self, work: Work) -> tuple[Workflow | None, list[Task] | None]:
        """Return the workflow to decide on, if there is one, and all its tasks where the commands need them."""
        workflow, history = self._histories.pop(work.workflow_id, (None, None))
        return workflow or self._cache.get(work.workflow_id) or work.loaded, history

    async def load(
        self, ids: Sequence[str], history: set[str] | None = None, *, keep: bool = True
    ) -> dict[str, Workflow]:
        """Return those of the workflows that the store has; of those in *history* all tasks are held for `take`."""
        found = {}
        for key, stored in (await self._store.load(ids)).items():
            graph = await self._catalog.fetch(stored.head.def_hash)
            if graph is None:
                log.error("workflow %s refers to the unknown definition %s", key, stored.head.def_hash)
                continue
            payloads = (stored.input, stored.output, stored.variables)
            workflow = restore(stored.head, graph, payloads, stored.tasks)
            workflow.row = stored.row
            found[key] = workflow
            if keep:
                self._cache.put(workflow)
            if history and key in history:
                self._histories[key] = (workflow, stored.tasks)
        return found

    def learn(self, workflow: Workflow, change: Transition | None) -> None:
        """Take over what has become of a workflow, after its commit."""
        if change is not None and change.removed:
            self._cache.drop(workflow.head.id)
        else:
            self._cache.put(workflow)
        if change is not None and change.is_changed:
            self.transitions += 1

    def forget(self, workflow_id: str) -> None:
        """Drop what is in memory; it is read again when it is needed."""
        self._cache.drop(workflow_id)

    # ---- what a lost commit may change yet

    def note_unknown(self, workflow_ids: Iterable[str]) -> None:
        """Learn of workflows that may change without anybody being told; of very many the latest are known."""
        until_s = asyncio.get_running_loop().time() + UNKNOWN_S
        for workflow_id in workflow_ids:
            self._unknown.pop(workflow_id, None)
            self._unknown[workflow_id] = until_s
        while len(self._unknown) > UNKNOWN_MAX:
            del self._unknown[next(iter(self._unknown))]

    def _forget_unknown(self, workflow_id: str) -> None:
        """Forget a workflow whose memory may be wrong by now; for the last time once that is over."""
        until_s = self._unknown.get(workflow_id) if self._unknown else None
        if until_s is not None:
            self._cache.drop(workflow_id)
            if asyncio.get_running_loop().time() > until_s:
                del self._unknown[workflow_id]

    # ---- what other nodes have changed

    async def outdated(self, works: list[Work]) -> set[str]:
        """Return the workflows that were left as they are by decisions on what another node has changed since.

        No commit has compared their versions, and the answer may be a refusal, or nothing, where there was much to do.
        """
        unchanged = {
            work.workflow_id: work.change.expected_version
            for work in works
            if work.change is not None and not work.change.is_changed and work.change.expected_version >= 0
        }
        versions = await self._store.versions(list(unchanged))
        found = {key for key, version in unchanged.items() if versions.get(key) != version}
        if found:
            self.note_doubt(len(found), len(unchanged))
        return found

    def note_doubt(self, outdated: int, count: int) -> None:
        """Learn how many of the workflows in memory were outdated."""
        self._doubt += (outdated / count - self._doubt) * DOUBT_WEIGHT

    async def _check_versions(self, works: list[Work]) -> None:
        """Forget what others have changed before it is decided on in vain; of use only when that happens often."""
        known = [work.workflow_id for work in works if self._cache.get(work.workflow_id) is not None]
        if known:
            with contextlib.suppress(PodiumError):  # whoever needs the store will see
                self.note_doubt(self._forget_outdated(known, await self._store.versions(known)), len(known))

    def _forget_outdated(self, workflow_ids: Iterable[str], versions: dict[str, int]) -> int:
        """Forget workflows of which the store has a newer version, or none; returns how many those were."""
        count = 0
        for workflow_id in workflow_ids:
            known = self._cache.get(workflow_id)
            if known is not None and known.head.version < versions.get(workflow_id, 1 << 62):
                self._cache.drop(workflow_id)
                count += 1
        return count
