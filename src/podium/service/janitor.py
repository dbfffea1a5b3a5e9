"""Deletes ended workflows that nobody wants to keep any more, in small batches with pauses between them.

A workflow goes with its sub-workflows, and only when all of them have ended. With an archive, all are written there
durably first. What is deleted is what was looked at: the command carries the version, so a workflow that somebody
retries meanwhile stays. A tree is noted in the store before its first row goes, so that a crash leaves no children
behind. Of several nodes one does this at a time.
"""

import asyncio
import logging
import time
from collections.abc import Sequence

import msgspec

from podium.engine.commands import Remove
from podium.model.errors import Conflict, InvalidRequest, NotFound, PodiumError
from podium.model.status import WORKFLOW_TERMINAL
from podium.model.wire import decode, encode_json
from podium.runtime.node import Node
from podium.service.archive import Archive, line
from podium.service.reading import Reading
from podium.service.retention import Expiry, RetentionRules
from podium.store.query import Condition, Search
from podium.store.records import Document, Ended

BEGUN = "removal"
ROOTS = 20  # in a batch
AT_ONCE = 20  # in one commit
CHILDREN_PAGE = 1_000
TREE_MAX = 50_000
SKIPPED_MAX = 1_000  # of a kind, in a pass
ARCHIVE_BYTES = 1 << 20  # in one write
PASS_S_MAX = 10.0
PAUSE_SHARE = 4  # times as long as the batch before it took
PAUSE_S_MAX = 1.0

log = logging.getLogger(__name__)

Tree = list[Ended]
"""A workflow and all below it, each before its children."""


class RetentionResult(msgspec.Struct):
    """What a pass has done; `left` says that time was over before the work was."""

    removed: int = 0
    skipped: int = 0
    left: bool = False
    elsewhere: bool = False  # another node is at it


class Janitor:
    """Works when it is asked to."""

    def __init__(self, node: Node, reading: Reading, rules: RetentionRules, archive: Archive) -> None:
        self._node = node
        self._reading = reading
        self._rules = rules
        self._archive = archive
        self._turn = asyncio.Lock()
        self.removed = 0
        self.skipped = 0
        self.failures = 0

    async def tidy(self) -> None:
        """Remove all that is to go, pass after pass; what goes wrong is logged and left for the next time."""
        try:
            while (await self.run(PASS_S_MAX)).left:
                pass
        except PodiumError as error:
            self.failures += 1
            log.warning("retention: %s", error.message)

    async def run(self, seconds: float = PASS_S_MAX) -> RetentionResult:
        """Make one pass, of *seconds* at most."""
        async with self._turn, self._node.store.alone("retention") as is_ours:
            result = RetentionResult(elsewhere=not is_ours)
            if is_ours:
                end = time.monotonic() + seconds
                await self._finish_begun()
                for expiry in await self._rules.expiries():
                    await self._expire(expiry, end, result)
            self.removed += result.removed
            self.skipped += result.skipped
            return result

    async def _expire(self, expiry: Expiry, end: float, result: RetentionResult) -> None:
        passed: set[str] = set()  # could not go, and come first again
        while len(passed) < SKIPPED_MAX and not result.left:
            began = time.monotonic()
            found = await self._node.store.ended(expiry.name, expiry.status, expiry.before_ms, len(passed) + ROOTS)
            roots = [one for one in found if one.id not in passed]
            if not roots:
                break
            gone = await self._remove(roots, result)
            passed.update(root.id for root in roots if root.id not in gone)
            result.left = time.monotonic() > end
            await asyncio.sleep(min(PAUSE_SHARE * (time.monotonic() - began), PAUSE_S_MAX))
        result.skipped += len(passed)

    async def _remove(self, roots: Sequence[Ended], result: RetentionResult) -> set[str]:
        """Archive and delete these workflows with all below them; returns the ids of those of *roots* that are gone."""
        trees = await self._archived(await self._trees(roots))
        families = [tree for tree in trees if len(tree) > 1]
        key = self._node.clock.new_workflow_id()
        if families:
            body = encode_json(families)
            await self._node.store.put_document(Document(BEGUN, key, 0, body, self._node.clock.now_ms()))
        gone = await self._delete(trees, result)
        if families:
            await self._node.store.delete_document(BEGUN, key)
        return gone

    async def _finish_begun(self) -> None:
        """Delete what a crash has left of trees whose deletion had begun."""
        for document in await self._node.store.documents(BEGUN):
            await self._delete(decode(list[Tree], document.body), RetentionResult(), is_begun=True)
            await self._node.store.delete_document(BEGUN, document.name)

    async def _delete(self, trees: list[Tree], result: RetentionResult, *, is_begun: bool = False) -> set[str]:
        """Delete the roots, then what was below those that could go; with *is_begun*, a root may be gone already."""
        roots = await self._delete_each([tree[0] for tree in trees], result)
        gone = {one for one, is_gone in roots.items() if is_gone or (is_gone is None and is_begun)}
        below = [one for tree in trees if tree[0].id in gone for one in tree[1:]]
        for place in range(0, len(below), AT_ONCE):
            await self._delete_each(below[place : place + AT_ONCE], result)
        return gone

    async def _delete_each(self, found: Sequence[Ended], result: RetentionResult) -> dict[str, bool | None]:
        """Return for each whether it was deleted; None when there is no such workflow."""
        answers = await asyncio.gather(*(self._delete_one(one) for one in found))
        result.removed += answers.count(True)
        return {one.id: answer for one, answer in zip(found, answers, strict=True)}

    async def _delete_one(self, one: Ended) -> bool | None:
        try:
            await self._node.committer.submit(one.id, Remove(archive=True, version=one.version))
        except NotFound:
            return None
        except (Conflict, InvalidRequest):  # it was changed meanwhile
            return False
        return True

    # ---- trees

    async def _trees(self, roots: Sequence[Ended]) -> list[Tree]:
        """Return *roots*, each with all below it; not those of which something is open, or which are too large."""
        trees = {root.id: [root] for root in roots}
        root_of = {root.id: root.id for root in roots}
        level = list(root_of)
        while level:
            following = []
            for workflow_id, version, parent_id, is_open in await self._children(level):
                root = root_of[parent_id]
                if root not in trees:
                    continue
                if is_open or len(trees[root]) >= TREE_MAX:
                    del trees[root]
                    continue
                root_of[workflow_id] = root
                trees[root].append(Ended(workflow_id, version))
                following.append(workflow_id)
            level = following
        return list(trees.values())

    async def _children(self, parents: Sequence[str]) -> list[tuple[str, int, str, bool]]:
        found = []
        for place in range(0, len(parents), CHILDREN_PAGE):
            condition = Condition("parentWorkflowId", "IN", tuple(parents[place : place + CHILDREN_PAGE]))
            start, total = 0, 1
            while start < min(total, TREE_MAX + 1):
                search = Search("workflow", condition, start=start, size=CHILDREN_PAGE)
                page = await self._node.store.search_workflows(search)
                total, start = page.total, start + CHILDREN_PAGE
                heads = (row.head for row in page.rows)
                found += [
                    (one.id, one.version, one.parent_id or "", one.status not in WORKFLOW_TERMINAL) for one in heads
                ]
        return found

    # ---- archive

    async def _archived(self, trees: list[Tree]) -> list[Tree]:
        """Write trees to the archive, if there is one; returns those that are there as they were looked at."""
        if not self._archive.is_kept:
            return trees
        lines = list[bytes]()
        kept = [tree for tree in trees if await self._add_lines(tree, lines)]
        await self._write(lines, 0)
        return kept

    async def _add_lines(self, tree: Tree, lines: list[bytes]) -> bool:
        """Add the lines of a tree; False when something of it has changed or can't be read."""
        for one in tree:
            try:
                version, view = await self._reading.stored(one.id)
            except NotFound as error:
                log.warning("retention: workflow %s is not removed: %s", one.id, error.message)
                return False
            if version != one.version:
                return False
            lines.append(line(view))
            await self._write(lines, ARCHIVE_BYTES)
        return True

    async def _write(self, lines: list[bytes], bytes_max: int) -> None:
        """Hand *lines* over to the archive when they are more than so many bytes."""
        if sum(map(len, lines)) > bytes_max:
            await self._archive.write(lines, self._node.clock.now_ms())
            lines.clear()
