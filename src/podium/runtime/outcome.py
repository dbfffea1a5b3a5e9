"""What becomes of the commands of a workflow after its decision and commit: answered, decided again, or refused.

Whatever it is, each command is answered once, and the workflow is released for the next commit.
"""

import asyncio
import logging
from collections.abc import Callable

from podium.engine.commands import PollTask
from podium.model.errors import InternalError, Overloaded, PodiumError, Quarantined
from podium.model.task import Task
from podium.model.transition import Transition
from podium.runtime.background import Background
from podium.runtime.clock import Clock
from podium.runtime.dispatch import Dispatcher
from podium.runtime.mail import Mail, Work, reply
from podium.runtime.mailboxes import Mailboxes
from podium.runtime.slots import Slots
from podium.runtime.working_set import WorkingSet
from podium.store import Store

STALE_TRIES_MAX = 20
STALE_TRIES_AT_ONCE = 2
STALE_DELAY_S = 0.02

log = logging.getLogger(__name__)


def told(error: Exception, what: str) -> PodiumError:
    """Return what callers are told of a failure; the log says *what* it was if nobody foresaw it."""
    if isinstance(error, PodiumError):
        return error
    log.error(what, exc_info=error)
    return InternalError()


class Outcomes:
    """Makes known what was committed, and takes back what was not."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        mailboxes: Mailboxes,
        working_set: WorkingSet,
        dispatcher: Dispatcher,
        slots: Slots | None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._mailboxes = mailboxes
        self._working_set = working_set
        self._dispatcher = dispatcher
        self._slots = slots
        self._background = Background()
        self.on_commit: list[Callable[[Transition], None]] = []
        self.on_unknown: list[Callable[[Transition], None]] = []
        self.stale = 0

    # ---- it is committed, or left as it was

    def finish(self, work: Work) -> None:
        """Make it known: to the memory, to waiting workers, to the callers."""
        change, session = work.change, work.session
        assert session is not None  # noqa: S101
        workflow = session.workflow
        self._working_set.learn(workflow, change)
        begun, hand_outs, work.hand_outs = work.leased, work.hand_outs, []
        for poll, task in hand_outs:
            self._dispatcher.deliver(poll, workflow, task)
        if change is not None and change.is_changed:
            self._dispatcher.note(change, begun)
            for listener in self.on_commit:
                listener(change)
        for mail, answer in work.answers:
            leased = isinstance(mail.command, PollTask) and isinstance(answer, Task)
            reply(mail, (workflow, answer) if leased else answer)
        self._mailboxes.release(work.workflow_id)

    # ---- the store has not taken it: somebody else has changed the workflow, or there was no room

    def retry(self, work: Work) -> None:
        """Have the commands decided again."""
        self._background.spawn(self._again(work))

    async def _again(self, work: Work) -> None:
        self._working_set.forget(work.workflow_id)
        self._give_back(work)
        if work.refused:
            self._turn_away(work, work.refused)
        else:
            self.stale += 1
        try:
            work.mails = await self._unapplied(work.mails)
        except Exception as error:  # noqa: BLE001 (it is the answer)
            self.refuse(work, told(error, f"which messages workflow {work.workflow_id} has applied can't be read"))
            return
        tries = max((mail.tries for mail in work.mails), default=0)
        if tries > STALE_TRIES_AT_ONCE:  # whoever it is that changes it, let one of us get through
            await asyncio.sleep(STALE_DELAY_S * min(tries, 10) * self._clock.jitter())
        for mail in work.mails:
            mail.tries += 1
            if mail.tries > STALE_TRIES_MAX:
                reply(mail, Overloaded(f"Workflow {work.workflow_id} is changed by too many at once, try again"))
            else:
                self._mailboxes.post(work.workflow_id, mail)
        self._mailboxes.release(work.workflow_id)

    def _turn_away(self, work: Work, scope: str) -> None:
        """Let go of the tasks that were to be leased over a limit, and have the rest decided again."""
        if self._slots is not None and self._slots.refuse(work.workflow_id, scope):
            for mail in work.mails:
                if isinstance(mail.command, PollTask):
                    reply(mail, None)
            work.mails = [mail for mail in work.mails if not isinstance(mail.command, PollTask)]

    async def _unapplied(self, mails: list[Mail]) -> list[Mail]:
        """Return what is still to be decided: of messages those that nobody has applied meanwhile."""
        ids = [mail.message_id for mail in mails if mail.message_id]
        there = {message.id for message in await self._store.pending(ids)} if ids else set()
        for mail in mails:
            if mail.message_id and mail.message_id not in there:
                reply(mail, None)
        return [mail for mail in mails if not mail.message_id or mail.message_id in there]

    def _give_back(self, work: Work) -> None:
        for poll, task in work.hand_outs:
            self._dispatcher.give_back(poll, task.name)
        work.hand_outs.clear()

    # ---- it failed

    def refuse(self, work: Work, error: PodiumError) -> None:
        """Answer all commands of one workflow with an error; what was decided in memory is dropped."""
        self._working_set.forget(work.workflow_id)
        self._give_back(work)
        for mail in work.mails:
            reply(mail, error)
        self._mailboxes.release(work.workflow_id)

    def abandon(self, works: list[Work], error: PodiumError) -> None:
        """Refuse several workflows."""
        for work in works:
            self.refuse(work, error)

    def tell_unknown(self, changes: list[Transition]) -> None:
        """Have everybody look for themselves: the answer of the store may have been lost after it had written."""
        self._working_set.note_unknown(change.workflow.head.id for change in changes)
        for change in changes:
            for listener in self.on_unknown:
                listener(change)

    def quarantine(self, work: Work, error: Exception) -> None:
        """Hold a workflow that the engine can't decide, so that it harms no other; what was committed stays."""
        log.error("deciding on workflow %s failed", work.workflow_id, exc_info=error)
        self._background.spawn(self._hold(work, f"{type(error).__name__}: {error}"))

    async def _hold(self, work: Work, reason: str) -> None:
        self._working_set.forget(work.workflow_id)
        try:
            workflow = (await self._working_set.load([work.workflow_id])).get(work.workflow_id)
            if workflow is not None:
                change = Transition(workflow, workflow.head.version, is_changed=True, dequeued_all=True)
                workflow.head.version += 1
                workflow.head.quarantine, workflow.head.wake_ms = reason, 0
                await self._store.commit([change])
        except Exception:
            log.exception("workflow %s could not be marked as quarantined", work.workflow_id)
        self.refuse(work, Quarantined(f"Workflow {work.workflow_id} is quarantined: {reason}"))
