"""Where commands wait for a commit, by workflow, and which of them the next commit takes.

A workflow is in at most one commit at a time: from `take` to `release` it is busy, and its mail gathers.
"""

import asyncio
from collections import OrderedDict
from itertools import islice
from typing import Any

from podium.engine.commands import Command, UpdateTask
from podium.model.errors import Overloaded
from podium.runtime.mail import Mail, Work, split
from podium.runtime.overload import BATCH_MAX, Admission, payload_size


class Mailboxes:
    """The mail of all workflows of this node."""

    def __init__(self) -> None:
        self.admission = Admission()
        self.wake = asyncio.Event()  # there may be something to take
        self._mail: OrderedDict[str, list[Mail]] = OrderedDict()
        self._called: dict[str, None] = {}  # those among them that somebody waits for
        self._reported: dict[str, None] = {}  # and those with results of tasks
        # Workflows with changes that are not committed, and who waits for that; mostly nobody.
        self._busy: dict[str, list[asyncio.Future[None]] | None] = {}

    # ---- in

    def submit(self, workflow_id: str, command: Command, message_id: int = 0) -> asyncio.Future[Any]:
        """Queue a command; the future has its answer, or an error of `model.errors`, after the commit."""
        if not message_id:
            self.admission.admit(command, len(self._mail))
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.post(workflow_id, Mail(command, answer, message_id, payload_size(command)))
        return answer

    def start_refusal(self) -> Overloaded | None:
        """Return why the start of a workflow would be refused now; None when it would not."""
        return self.admission.refusal(len(self._mail), is_start=True)

    def post(self, workflow_id: str, mail: Mail) -> None:
        """Queue what has been admitted."""
        self.admission.add(mail.payload_bytes)
        mails = self._mail.get(workflow_id)
        if mails is None:
            self._mail[workflow_id] = [mail]
        else:
            mails.append(mail)
        if not mail.message_id:
            (self._reported if type(mail.command) is UpdateTask else self._called)[workflow_id] = None
        self.wake.set()

    # ---- out

    @property
    def has_mail(self) -> bool:
        """Whether there is something to take."""
        return any(key not in self._busy for key in self._mail)

    def take(self) -> list[Work]:
        """Take the mail of up to 256 workflows, which are busy from now on."""
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
                self.admission.remove(mail.payload_bytes)
            mails, rest = split(mails)
            for mail in rest:
                self.post(workflow_id, mail)
            self._busy[workflow_id] = None
            works.append(Work(workflow_id, mails))
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

    # ---- busy workflows

    def is_busy(self, workflow_id: str) -> bool:
        """Whether a change of the workflow is on its way."""
        return workflow_id in self._busy

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

    def release(self, workflow_id: str) -> None:
        """Let the next commit have the workflow."""
        for waiter in self._busy.pop(workflow_id, None) or ():
            if not waiter.done():
                waiter.set_result(None)
        if workflow_id in self._mail:
            self.wake.set()

    # ---- how full they are

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is on its way."""
        return not self._mail and not self._busy

    def wait_s(self) -> float:
        """Return the estimate of how long a new command waits for its commit."""
        return self.admission.wait_s(len(self._mail))
