"""Commands on their way to workflows, and what one commit does with those of one workflow."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from podium.engine.commands import NEEDS_HISTORY, Command, PollTask, Release, StartWorkflow
from podium.engine.context import Script
from podium.engine.decide import Decision
from podium.engine.session import Session
from podium.model.errors import PodiumError
from podium.model.task import Task
from podium.model.transition import Transition
from podium.model.workflow import Workflow
from podium.runtime.poll import Poll

_STANDS_ALONE = NEEDS_HISTORY | {StartWorkflow, Release}


@dataclass(slots=True)
class Mail:
    """A command on its way to a workflow, and who waits for the answer."""

    command: Command
    reply: asyncio.Future[Any] | None
    message_id: int = 0
    payload_bytes: int = 0
    tries: int = 0


@dataclass(slots=True)
class Work:
    """The commands of one workflow in one commit."""

    workflow_id: str
    mails: list[Mail]
    loaded: Workflow | None = None  # where the cache does not keep it
    session: Session | None = None
    answers: list[tuple[Mail, Any]] = field(default_factory=list)
    hand_outs: list[tuple[Poll, Task]] = field(default_factory=list)
    change: Transition | None = None

    @property
    def leased(self) -> list[int]:
        """The tasks that the decision hands out to workers."""
        polled = [one.seq for mail, one in self.answers if isinstance(mail.command, PollTask) and isinstance(one, Task)]
        return [*(task.seq for _, task in self.hand_outs), *polled]

    @property
    def refused(self) -> str:
        """The scope in which there was no room for the change; empty when it was stale, if anything."""
        return self.change.refused if self.change is not None else ""


def split(mails: list[Mail]) -> tuple[list[Mail], list[Mail]]:
    """Separate what can be decided together.

    A command that needs the whole history stands alone, and so does one that is refused for what the others ask for:
    a message must not be turned away since the workflow exists already.
    """
    for place, mail in enumerate(mails):
        if type(mail.command) in _STANDS_ALONE:
            cut = place or 1
            return mails[:cut], mails[cut:]
    return mails, []


def advance(decision: Decision[Any], mail: Mail, work: Work) -> tuple[Script, ...] | None:
    """Run a decision to its end or to the next scripts; its answer, or its refusal, is noted."""
    try:
        return next(decision)
    except StopIteration as end:
        work.answers.append((mail, end.value))
    except PodiumError as error:
        work.answers.append((mail, error))
    return None


def reply(mail: Mail, answer: Any) -> None:
    """Answer who waits, if anybody does still."""
    if mail.reply is None or mail.reply.done():
        return
    if isinstance(answer, PodiumError):
        mail.reply.set_exception(answer)
    else:
        mail.reply.set_result(answer)
