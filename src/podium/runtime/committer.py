"""Group commit: commands of many workflows, decided one after the other, stored in one transaction.

While a commit is on its way, commands gather; the next commit takes them all. A workflow is in at most one commit at
a time, and a caller is answered only after the commit that holds its change. When a commit fails, what was decided is
dropped and read again.
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from podium.engine.commands import NEEDS_HISTORY, Command, PollTask, Release, Remove, StartWorkflow, UpdateTask
from podium.engine.context import Script, ScriptAnswer
from podium.engine.decide import Decision, decide, new_workflow, seal
from podium.engine.restore import restore
from podium.engine.session import Session
from podium.engine.update import start_attempt
from podium.model.errors import Conflict, NotFound, Overloaded, PodiumError, Quarantined
from podium.model.task import Task
from podium.model.transition import Transition
from podium.model.workflow import Workflow
from podium.runtime.cache import Cache
from podium.runtime.dispatch import Dispatcher
from podium.runtime.mail import Mail, Work, advance, reply, split
from podium.runtime.membership import Membership
from podium.runtime.overload import BATCH_MAX, Admission
from podium.runtime.slots import Slots
from podium.runtime.world import Sight, World
from podium.store import Store

STALE_TRIES_MAX = 20
STALE_TRIES_AT_ONCE = 2
STALE_DELAY_S = 0.02
DOUBT_MAX, DOUBT_WEIGHT = 0.02, 0.1
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
    ) -> None:
        self._store = store
        self._world = world
        self._cache = cache
        self._dispatcher = dispatcher
        self._evaluate = evaluate
        self._membership = membership
        self._doubt = 0.0  # the share of workflows that others had changed, lately
        self._mail: OrderedDict[str, list[Mail]] = OrderedDict()
        self._called: dict[str, None] = {}  # those among them that somebody waits for
        self._reported: dict[str, None] = {}  # and those with results of tasks
        self.admission = Admission()
        self.slots: Slots | None = None  # where limits hold over several nodes
        # Workflows with changes that are not committed, and who waits for that; mostly nobody.
        self._busy: dict[str, list[asyncio.Future[None]] | None] = {}
        self._histories: dict[str, tuple[Workflow, list[Task]]] = {}
        self._ready: deque[Work] = deque()  # decided after their scripts were evaluated
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_commit: list[Callable[[Transition], None]] = []
        self.on_unknown: list[Callable[[Transition], None]] = []  # it has failed, but may be in the store
        self.commits = 0
        self.transitions = 0
        self.stale = 0

    # ---- for callers

    def submit(self, workflow_id: str, command: Command, message_id: int = 0) -> asyncio.Future[Any]:
        """Queue a command; the future has its answer, or an error of `model.errors`, after the commit."""
        if not message_id:
            self.admission.admit(command, len(self._mail))
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._post(workflow_id, Mail(command, answer, message_id))
        return answer

    def _post(self, workflow_id: str, mail: Mail) -> None:
        self.admission.add(mail.command)
        mails = self._mail.get(workflow_id)
        if mails is None:
            self._mail[workflow_id] = [mail]
        else:
            mails.append(mail)
        if not mail.message_id:
            (self._reported if type(mail.command) is UpdateTask else self._called)[workflow_id] = None
        self._wake.set()

    async def read(self, workflow_id: str) -> Workflow | None:
        """Return the workflow as it is committed, or None when it does not exist; callers must not change it."""
        workflow = await self.remembered(workflow_id)
        if workflow is not None:
            return workflow
        before = self.transitions
        loaded = (await self._load([workflow_id], keep=False)).get(workflow_id)
        if loaded is not None and before == self.transitions and workflow_id not in self._busy:
            self._cache.put(loaded)  # else it may have changed since it was read
        return loaded

    async def remembered(self, workflow_id: str) -> Workflow | None:
        """Return the workflow as it is committed if it is in memory; what another node has changed is forgotten."""
        await self.quiet(workflow_id)
        if not self._membership.is_alone and self._cache.get(workflow_id) is not None:
            versions = await self._store.versions([workflow_id])
            await self.quiet(workflow_id)
            self._forget_outdated([workflow_id], versions)
        return self._cache.get(workflow_id)

    def _forget_outdated(self, workflow_ids: Iterable[str], versions: dict[str, int]) -> int:
        """Forget workflows of which the store has a newer version, or none; returns how many those were."""
        count = 0
        for workflow_id in workflow_ids:
            known = self._cache.get(workflow_id)
            if known is not None and known.head.version < versions.get(workflow_id, 1 << 62):
                self._cache.drop(workflow_id)
                count += 1
        return count

    async def quiet(self, workflow_id: str) -> None:
        """Wait until the workflow has no change on its way."""
        while workflow_id in self._busy:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waiters = self._busy[workflow_id]
            if waiters is None:
                self._busy[workflow_id] = [waiter]
            else:
                waiters.append(waiter)
            await waiter

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is on its way."""
        return not self._mail and not self._busy and not self._ready

    def wait_s(self) -> float:
        """Return the estimate of how long a new command waits for its commit."""
        return self.admission.wait_s(len(self._mail))

    # ---- the loop

    async def run(self) -> None:
        """Commit for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._has_work():
                await self._cycle()

    def _has_work(self) -> bool:
        return bool(self._ready) or any(key not in self._busy for key in self._mail)

    async def _cycle(self) -> None:
        batch = self.admission.begin()
        try:
            decided = await self._decide_all(await self._take())
            done = [*self._ready, *decided]
            self._ready.clear()
            if done:
                await self._commit(done)
        finally:
            self.admission.end(batch)

    async def _take(self) -> list[Work]:
        """Take the mail of up to 256 workflows, and load those that are not in memory."""
        works: list[Work] = []
        for workflow_id in self._next_ids():
            if len(works) >= BATCH_MAX:
                break
            if workflow_id in self._busy:
                continue
            mails = self._mail.pop(workflow_id)
            self._called.pop(workflow_id, None)
            self._reported.pop(workflow_id, None)
            for mail in mails:
                self.admission.remove(mail.command)
            mails, rest = split(mails)
            for mail in rest:
                self._post(workflow_id, mail)
            self._busy[workflow_id] = None
            works.append(Work(workflow_id, mails))
        await self._ensure_loaded(works)
        return works

    def _next_ids(self) -> list[str]:
        """Return whose mail to take, in order: half of a batch is for results, a quarter for other callers."""
        if len(self._mail) <= BATCH_MAX:
            return list(self._mail)
        reported, called, every = (
            (key for key in keys if key not in self._busy) for keys in (self._reported, self._called, self._mail)
        )
        first = (*islice(reported, BATCH_MAX // 2), *islice(called, BATCH_MAX // 4))
        return list(dict.fromkeys((*first, *islice(every, BATCH_MAX))))

    async def _ensure_loaded(self, works: list[Work]) -> None:
        """Bring to memory what the commands need; those for which that fails are refused and no longer in *works*."""
        if self._doubt > DOUBT_MAX and not self._membership.is_alone:
            await self._check_versions(works)
        try:
            await self._read_for(works)
        except PodiumError as error:
            self._abandon(works, error)
            works.clear()
        except Exception as error:
            log.exception("what %d workflows need can't be read", len(works))
            if len(works) == 1:
                self._refuse(works.pop(), PodiumError(f"The workflow can't be read: {type(error).__name__}"))
                return
            apart = [[work] for work in works]  # one of them took the others with it
            for one in apart:
                await self._ensure_loaded(one)
            works[:] = [work for one in apart for work in one]

    async def _read_for(self, works: list[Work]) -> None:
        missing, history = [], set()
        for work in works:
            first = work.mails[0].command
            if type(first) in NEEDS_HISTORY:
                self._cache.drop(work.workflow_id)
                history.add(work.workflow_id)
            # An id that is to be new is looked up only when the store has refused it.
            if isinstance(first, StartWorkflow) and not work.mails[0].tries:
                if self._world.catalog.graph_by_hash(first.def_hash) is None:
                    await self._world.catalog.fetch(first.def_hash)
            elif self._cache.get(work.workflow_id) is None:
                missing.append(work.workflow_id)
        if missing:
            found = await self._load(missing, history)
            for work in works:
                work.loaded = found.get(work.workflow_id)

    async def _check_versions(self, works: list[Work]) -> None:
        """Forget what others have changed before it is decided on in vain; of use only when that happens often."""
        known = [work.workflow_id for work in works if self._cache.get(work.workflow_id) is not None]
        if known:
            with contextlib.suppress(PodiumError):  # whoever needs the store will see
                self._note_doubt(self._forget_outdated(known, await self._store.versions(known)), len(known))

    def _note_doubt(self, outdated: int, count: int) -> None:
        self._doubt += (outdated / count - self._doubt) * DOUBT_WEIGHT

    async def _load(
        self, ids: Sequence[str], history: set[str] | None = None, *, keep: bool = True
    ) -> dict[str, Workflow]:
        found = {}
        for key, stored in (await self._store.load(ids)).items():
            graph = await self._world.catalog.fetch(stored.head.def_hash)
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
                    self._spawn(self._with_scripts(work, decision, mail, rest, scripts))
                    return False
            self._close(work)
        except PodiumError as error:
            self._refuse(work, error)
            return False
        except Exception as error:  # noqa: BLE001 (a fault of the engine must stop one workflow, not the server)
            self._quarantine(work, error)
            return False
        return True

    def _session(self, work: Work) -> tuple[Session, list[Task] | None]:
        context = self._world.context()
        first = work.mails[0].command
        held = self._histories.pop(work.workflow_id, None)
        workflow = held[0] if held else self._cache.get(work.workflow_id) or work.loaded
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
        return Session(workflow, context), held[1] if held else None

    async def _with_scripts(
        self, work: Work, decision: Decision[Any], mail: Mail, rest: list[Mail], scripts: tuple[Script, ...]
    ) -> None:
        """Go on with a decision that waits for scripts; the workflow stays busy, the others do not wait."""
        session = work.session
        assert session is not None  # noqa: S101
        sight: Sight = session.context  # type: ignore[assignment]
        try:
            waiting: tuple[Script, ...] | None = scripts
            while True:
                while waiting:
                    for first in range(0, len(waiting), SCRIPTS_AT_ONCE):
                        batch = waiting[first : first + SCRIPTS_AT_ONCE]
                        answers = await asyncio.gather(*(self._evaluate(script) for script in batch))
                        for script, answer in zip(batch, answers, strict=True):
                            sight.learn(script, answer)
                    waiting = advance(decision, mail, work)
                if not rest:
                    break
                mail = rest.pop(0)
                decision = decide(session, mail.command)
                waiting = advance(decision, mail, work)
            self._close(work)
        except PodiumError as error:
            self._refuse(work, error)
        except Exception as error:  # noqa: BLE001
            self._quarantine(work, error)
        else:
            self._ready.append(work)
            self._wake.set()

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
        changed = [work for work in works if work.change is not None and work.change.is_changed]
        if changed:
            try:
                await self._world.catalog.save()
                held = await self._store.commit([work.change for work in changed if work.change])
            except PodiumError as error:
                self._abandon(works, error)
                self._tell_unknown([work.change for work in changed if work.change])
                return
            except Exception as error:
                log.exception("the store failed in a commit of %d workflows", len(changed))
                await self._commit_apart(works, error)
                return
            self.commits += 1
            stale = {work.workflow_id for work, is_held in zip(changed, held, strict=True) if not is_held}
            doubtful = sum(work.workflow_id in stale and not work.refused for work in changed)
            if doubtful:
                self._note_doubt(doubtful, len(changed))
        else:
            stale = set()
        if len(changed) < len(works) and not self._membership.is_alone:
            try:
                stale |= await self._outdated(works)
            except PodiumError as error:
                unsure = [work for work in works if work.change is None or not work.change.is_changed]
                self._abandon(unsure, error)
                works = [work for work in works if work not in unsure]
        for work in works:
            if work.workflow_id in stale:
                self._spawn(self._again(work))
                continue
            try:
                self._finish(work)
            except Exception:
                log.exception("the commit of workflow %s can't be made known", work.workflow_id)
                self._refuse(work, PodiumError("Internal server error"))

    async def _outdated(self, works: list[Work]) -> set[str]:
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
            self._note_doubt(len(found), len(unchanged))
        return found

    async def _commit_apart(self, works: list[Work], error: Exception) -> None:
        """Commit one workflow after the other: the failure was no outage, so one of them can't be stored."""
        if len(works) == 1:
            self._quarantine(works[0], error)
            return
        for work in works:
            await self._commit([work])

    def _finish(self, work: Work) -> None:
        """Make a committed change known: to the cache, to waiting workers, to the callers."""
        change, session = work.change, work.session
        assert session is not None  # noqa: S101
        workflow = session.workflow
        if change is not None and change.removed:
            self._cache.drop(work.workflow_id)
        else:
            self._cache.put(workflow)
        hand_outs, work.hand_outs = work.hand_outs, []
        for poll, task in hand_outs:
            self._dispatcher.deliver(poll, workflow, task)
        if change is not None and change.is_changed:
            self.transitions += 1
            self._dispatcher.note(change)
            for listener in self.on_commit:
                listener(change)
        for mail, answer in work.answers:
            leased = isinstance(mail.command, PollTask) and isinstance(answer, Task)
            reply(mail, (workflow, answer) if leased else answer)
        self._release(work)

    def _release(self, work: Work) -> None:
        for waiter in self._busy.pop(work.workflow_id, None) or ():
            if not waiter.done():
                waiter.set_result(None)
        if work.workflow_id in self._mail:
            self._wake.set()

    async def _again(self, work: Work) -> None:
        """Somebody else has changed the workflow, or applied a message, or there was no room: decide again."""
        self._cache.drop(work.workflow_id)
        self._give_back(work)
        if work.refused:
            self._turn_away(work, work.refused)
        else:
            self.stale += 1
        try:
            work.mails = await self._unapplied(work.mails)
        except PodiumError as error:
            self._refuse(work, error)
            return
        tries = max((mail.tries for mail in work.mails), default=0)
        if tries > STALE_TRIES_AT_ONCE:  # whoever it is that changes it, let one of us get through
            await asyncio.sleep(STALE_DELAY_S * min(tries, 10) * self._world.clock.jitter())
        for mail in work.mails:
            mail.tries += 1
            if mail.tries > STALE_TRIES_MAX:
                reply(mail, Overloaded(f"Workflow {work.workflow_id} is changed by too many at once, try again"))
            else:
                self._post(work.workflow_id, mail)
        self._release(work)

    def _turn_away(self, work: Work, scope: str) -> None:
        """Let go of the tasks that were to be leased over a limit, and have the rest decided again."""
        if self.slots is not None and self.slots.refuse(work.workflow_id, scope):
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

    def _tell_unknown(self, changes: list[Transition]) -> None:
        """Have everybody look for themselves: the answer of the store may have been lost after it had written."""
        for change in changes:
            for listener in self.on_unknown:
                listener(change)

    def _abandon(self, works: list[Work], error: PodiumError) -> None:
        for work in works:
            self._refuse(work, error)

    def _refuse(self, work: Work, error: PodiumError) -> None:
        """Answer all commands of one workflow with an error; what was decided in memory is dropped."""
        self._cache.drop(work.workflow_id)
        self._give_back(work)
        for mail in work.mails:
            reply(mail, error)
        self._release(work)

    def _quarantine(self, work: Work, error: Exception) -> None:
        """Hold a workflow that the engine can't decide, so that it harms no other; what was committed stays."""
        log.error("deciding on workflow %s failed", work.workflow_id, exc_info=error)
        self._spawn(self._hold(work, f"{type(error).__name__}: {error}"))

    async def _hold(self, work: Work, reason: str) -> None:
        self._cache.drop(work.workflow_id)
        try:
            workflow = (await self._load([work.workflow_id])).get(work.workflow_id)
            if workflow is not None:
                change = Transition(workflow, workflow.head.version, is_changed=True, dequeued_all=True)
                workflow.head.version += 1
                workflow.head.quarantine, workflow.head.wake_ms = reason, 0
                await self._store.commit([change])
        except Exception:
            log.exception("workflow %s could not be marked as quarantined", work.workflow_id)
        self._refuse(work, Quarantined(f"Workflow {work.workflow_id} is quarantined: {reason}"))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
