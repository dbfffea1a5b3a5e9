"""Group commit: commands of many workflows, decided one after the other, stored in one transaction.

While a commit is on its way, commands gather in the `mailboxes`; the next commit takes them all. What a decision needs
comes from the `working_set`, and what becomes of its commands is for `outcome` to say: a caller is answered only after
the commit that holds its change. When a commit fails, what was decided is dropped and read again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from podium.engine.commands import PollTask, Release, Remove, StartWorkflow, Wake
from podium.engine.context import Script, ScriptAnswer
from podium.engine.decide import Decision, decide, new_workflow, seal
from podium.engine.session import Session
from podium.engine.update import start_attempt
from podium.model.errors import Conflict, InternalError, NotFound, PodiumError, Quarantined
from podium.model.task import Task
from podium.runtime.background import Background
from podium.runtime.cache import Cache
from podium.runtime.dispatch import Dispatcher
from podium.runtime.mail import Mail, Work, advance
from podium.runtime.mailboxes import Mailboxes
from podium.runtime.membership import Membership
from podium.runtime.outcome import Outcomes, told
from podium.runtime.slots import Slots
from podium.runtime.working_set import WorkingSet
from podium.runtime.world import Sight, World
from podium.store import Store

TURN = 32  # workflows that are decided in one turn of the event loop
SCRIPTS_AT_ONCE = 200  # of one decision; the pool refuses when too many wait

log = logging.getLogger(__name__)

Evaluate = Callable[[Script], Awaitable[ScriptAnswer]]


class Committer:
    """Takes commands, decides, commits, answers."""

    def __init__(
        self,
        store: Store,
        world: World,
        cache: Cache,
        dispatcher: Dispatcher,
        evaluate: Evaluate,
        membership: Membership,
        mailboxes: Mailboxes,
        slots: Slots | None = None,  # where limits hold over several nodes
    ) -> None:
        self._store = store
        self._world = world
        self._dispatcher = dispatcher
        self._evaluate = evaluate
        self._membership = membership
        self._mailboxes = mailboxes
        self.slots = slots
        self._working_set = WorkingSet(store, world.catalog, cache, membership, mailboxes)
        self._outcomes = Outcomes(store, world.clock, mailboxes, self._working_set, dispatcher, slots)
        self._ready: deque[Work] = deque()  # decided after their scripts were evaluated
        self._background = Background()
        self.commits = 0
        # What callers use is bound here to the parts that do it: a command goes straight to its mailbox.
        self.submit = mailboxes.submit
        self.start_refusal = mailboxes.start_refusal
        self.quiet = mailboxes.quiet
        self.wait_s = mailboxes.wait_s
        self.admission = mailboxes.admission
        self.read = self._working_set.read
        self.remembered = self._working_set.remembered
        self.on_commit = self._outcomes.on_commit
        self.on_unknown = self._outcomes.on_unknown  # it has failed, but may be in the store

    @property
    def transitions(self) -> int:
        """How many changes of workflows were committed."""
        return self._working_set.transitions

    @property
    def stale(self) -> int:
        """How many decisions were made again, as somebody else had changed the workflow."""
        return self._outcomes.stale

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is on its way."""
        return self._mailboxes.is_idle and not self._ready

    # ---- the loop

    async def run(self) -> None:
        """Commit for ever."""
        while True:
            await self._mailboxes.wake.wait()
            self._mailboxes.wake.clear()
            while self._ready or self._mailboxes.has_mail:
                await self._cycle()

    async def _cycle(self) -> None:
        batch = self.admission.begin()
        try:
            works = self._mailboxes.take()
            await self._prepare(works)
            decided = await self._decide_all(works)
            done = [*self._ready, *decided]
            self._ready.clear()
            if done:
                await self._commit(done)
        finally:
            self.admission.end(batch)

    async def _prepare(self, works: list[Work]) -> None:
        """Bring to memory what the commands need; those for which that fails are refused and no longer in *works*."""
        try:
            await self._working_set.prepare(works)
        except PodiumError as error:
            self._outcomes.abandon(works, error)
            works.clear()
        except Exception as error:
            log.exception("what %d workflows need can't be read", len(works))
            if len(works) == 1:
                self._outcomes.refuse(works.pop(), PodiumError(f"The workflow can't be read: {type(error).__name__}"))
                return
            apart = [[work] for work in works]  # one of them took the others with it
            for one in apart:
                await self._prepare(one)
            works[:] = [work for one in apart for work in one]

    # ---- decide

    async def _decide_all(self, works: list[Work]) -> list[Work]:
        """Decide workflow by workflow; in between calls are taken and refused, which do not wait for a whole batch."""
        done = []
        for place, work in enumerate(works, 1):
            if self._decide(work):
                done.append(work)
            if place % TURN == 0:
                await asyncio.sleep(0)
        return done

    def _decide(self, work: Work) -> bool:
        """Decide all commands of one workflow; False when scripts must be evaluated first."""
        try:
            session, history = self._session(work)
            work.session = session
            for mail in work.mails:
                decision = decide(session, mail.command, history)
                scripts = advance(decision, mail, work)
                if scripts:
                    rest = work.mails[work.mails.index(mail) + 1 :]
                    self._background.spawn(self._with_scripts(work, decision, mail, rest, scripts))
                    return False
            self._close(work)
        except PodiumError as error:
            self._outcomes.refuse(work, error)
            return False
        except Exception as error:  # noqa: BLE001 (a fault of the engine must stop one workflow, not the server)
            self._outcomes.quarantine(work, error)
            return False
        return True

    def _session(self, work: Work) -> tuple[Session, list[Task] | None]:
        context = self._world.context()
        first = work.mails[0].command
        workflow, history = self._working_set.take(work)
        if isinstance(first, StartWorkflow):
            if workflow is not None:
                raise Conflict(f"Workflow with id {work.workflow_id} already exists!")
            graph = self._world.catalog.graph_by_hash(first.def_hash)
            if graph is None:
                raise NotFound(f"No such workflow defined. name={first.name}, version={first.version}")
            workflow = new_workflow(work.workflow_id, first, graph, context.now_ms)
        if workflow is None:
            raise NotFound(f"No such workflow found by id: {work.workflow_id}")
        if workflow.head.quarantine and not isinstance(first, Release | Remove):
            raise Quarantined(f"Workflow {work.workflow_id} is quarantined: {workflow.head.quarantine}")
        return Session(workflow, context), history

    async def _with_scripts(
        self, work: Work, decision: Decision[Any], mail: Mail, rest: list[Mail], scripts: tuple[Script, ...]
    ) -> None:
        """Go on with a decision that waits for scripts; the workflow stays busy, the others do not wait."""
        session = work.session
        assert session is not None  # noqa: S101
        try:
            waiting: tuple[Script, ...] | None = scripts
            while True:
                while waiting:
                    await self._evaluate_all(waiting, session.context)  # type: ignore[arg-type]
                    waiting = advance(decision, mail, work)
                if not rest:
                    break
                mail = rest.pop(0)
                decision = decide(session, mail.command)
                waiting = advance(decision, mail, work)
            self._close(work)
        except PodiumError as error:
            self._outcomes.refuse(work, error)
        except Exception as error:  # noqa: BLE001
            self._outcomes.quarantine(work, error)
        else:
            self._ready.append(work)
            self._mailboxes.wake.set()

    async def _evaluate_all(self, scripts: tuple[Script, ...], sight: Sight) -> None:
        for first in range(0, len(scripts), SCRIPTS_AT_ONCE):
            batch = scripts[first : first + SCRIPTS_AT_ONCE]
            answers = await asyncio.gather(*(self._evaluate(script) for script in batch))
            for script, answer in zip(batch, answers, strict=True):
                sight.learn(script, answer)

    def _close(self, work: Work) -> None:
        """Hand new tasks straight to workers that wait for them, and seal the change."""
        session = work.session
        assert session is not None  # noqa: S101
        change = session.change
        for row in [*change.enqueued.values()] if change.enqueued else ():
            if row.visible_ms > session.now_ms:
                continue
            poll = self._dispatcher.take(row)
            if poll is None:
                continue
            task = start_attempt(session, PollTask(row.seq, poll.worker_id))
            if task is not None:
                work.hand_outs.append((poll, task))
        for mail in work.mails:
            if mail.message_id:
                change.applied.append(mail.message_id)
                change.is_changed = True
        work.change = seal(session)
        if self.slots is not None:
            work.change.slots = self.slots.of(session, work.leased)

    # ---- commit

    async def _commit(self, works: list[Work]) -> None:
        changed: list[Work] = []
        unchanged: list[Work] = []
        for work in works:
            (changed if work.change is not None and work.change.is_changed else unchanged).append(work)
        stale: set[str] = set()
        if changed:
            changes = [work.change for work in changed if work.change]
            try:
                await self._world.catalog.save()
                held = await self._store.commit(changes)
            except PodiumError as error:
                self._outcomes.abandon(works, error)
                self._outcomes.tell_unknown(changes)
                return
            except Exception as error:
                log.exception("the store failed in a commit of %d workflows", len(changed))
                await self._commit_apart(works, error)
                return
            self.commits += 1
            stale = self._not_held(changed, held)
        if unchanged and self._may_be_outdated(unchanged):
            try:
                stale |= await self._working_set.outdated(unchanged)
            except Exception as error:  # noqa: BLE001 (it is the answer)
                failure = told(error, f"the versions of {len(unchanged)} workflows can't be read")
                self._outcomes.abandon(unchanged, failure)
                works = changed
        self._settle(works, stale)

    def _may_be_outdated(self, unchanged: list[Work]) -> bool:
        """Whether versions are to be compared of what was left as it is.

        On a lone node only after a wake-up that was none: it was for something that is not known here.
        """
        is_alone = self._membership.is_alone
        return not is_alone or any(type(mail.command) is Wake for work in unchanged for mail in work.mails)

    async def _commit_apart(self, works: list[Work], error: Exception) -> None:
        """Commit one workflow after the other: the failure was no outage, so one of them can't be stored."""
        if len(works) == 1:
            self._outcomes.quarantine(works[0], error)
            return
        for work in works:
            await self._commit([work])

    def _not_held(self, changed: list[Work], held: list[bool]) -> set[str]:
        """Return the workflows whose change the store has not taken."""
        stale = {work.workflow_id for work, is_held in zip(changed, held, strict=True) if not is_held}
        doubtful = sum(work.workflow_id in stale and not work.refused for work in changed)
        if doubtful:
            self._working_set.note_doubt(doubtful, len(changed))
        return stale

    def _settle(self, works: list[Work], stale: set[str]) -> None:
        for work in works:
            if work.workflow_id in stale:
                self._outcomes.retry(work)
                continue
            try:
                self._outcomes.finish(work)
            except Exception:
                log.exception("the commit of workflow %s can't be made known", work.workflow_id)
                self._outcomes.refuse(work, InternalError())  # whatever it was: the change is stored
