"""Everything that can happen to a workflow.

Commands are frozen values. Those that one workflow sends to another travel through the outbox, therefore each has a tag
and can be written as MessagePack. Times are epoch ms; payloads are compact JSON objects as bytes.
"""

import msgspec
from msgspec.structs import replace

from podium.model.status import FAILED
from podium.model.task import EMPTY


class Command(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """The root of all commands."""


class StartWorkflow(Command, frozen=True, tag="start"):
    """Create the workflow; the definition is bound already and known by its hash."""

    name: str
    version: int
    def_hash: str
    input: bytes = EMPTY
    correlation_id: str | None = None
    priority: int = 0
    task_to_domain: dict[str, str] = {}
    parent_id: str | None = None
    parent_task_seq: int = 0
    event: str | None = None
    owner_app: str = ""
    created_by: str | None = None
    idempotency_key: str | None = None
    idempotency_strategy: str | None = None  # of a start that travels as a message: it is looked at on arrival
    starter_id: str | None = None  # the workflow, not its parent, of which a task waits to hear of the start
    starter_seq: int = 0
    external_input_path: str | None = None
    rate_limit_key: str | None = None
    depth: int = 0
    root_id: str | None = None
    is_checked: bool = False  # whoever sends it has held the input against its schema


class UpdateTask(Command, frozen=True, tag="update"):
    """A worker, a person or a system task runner reports on a task."""

    seq: int
    status: str
    output: bytes = EMPTY
    merge: bool = False  # lay the output over the stored one instead of replacing it
    reason: str | None = None
    worker_id: str | None = None
    keep_worker: bool = False
    callback_after_s: int = 0
    sub_workflow_id: str | None = None
    external_output_path: str | None = None
    from_system: bool = False  # by the server's own runner, to which asyncComplete does not apply


class ExtendLease(Command, frozen=True, tag="extend"):
    """Put off the response timeout of a task by its full length."""

    seq: int


class PollTask(Command, frozen=True, tag="poll"):
    """Lease a scheduled task to a worker."""

    seq: int
    worker_id: str | None = None


class Wake(Command, frozen=True, tag="wake"):
    """Some deadline of the workflow has come."""


class ChildEnded(Command, frozen=True, tag="child_ended"):
    """A sub-workflow has ended, which may be another one than its parent has asked for."""

    seq: int
    child_id: str
    status: str
    output: bytes = EMPTY
    reason: str | None = None
    child_name: str = ""
    child_version: int = 0
    asked_id: str | None = None  # the id that the parent knows, when it is not `child_id`


class ChildRevived(Command, frozen=True, tag="child_revived"):
    """A sub-workflow that had ended runs again: its parent must wait for it again."""

    seq: int
    child_id: str
    chain: str = ""  # "name.version/id" of each workflow on the way up
    verb: str = "retried"


class AskEnd(Command, frozen=True, tag="ask_end"):
    """A parent that waits again asks a child that may have ended meanwhile; its news may have come in another order."""

    parent_id: str
    parent_task_seq: int


class Decide(Command, frozen=True, tag="decide"):
    """Look whether anything follows from the present state."""


class Release(Command, frozen=True, tag="release"):
    """Go on with a workflow that was quarantined, from where the last commit left it."""


class Pause(Command, frozen=True, tag="pause"):
    """Schedule nothing more until resumed."""


class Resume(Command, frozen=True, tag="resume"):
    """Go on after a pause."""


class Terminate(Command, frozen=True, tag="terminate"):
    """End the workflow now."""

    reason: str | None = None
    by_parent: bool = False  # then an ended workflow is no error, and the parent is not told
    compensate: bool = False  # start the failure workflow


class Restart(Command, frozen=True, tag="restart"):
    """Begin anew under the same id; `def_hash` names the latest definition when that is wanted."""

    def_hash: str | None = None
    def_version: int = 0


class Retry(Command, frozen=True, tag="retry"):
    """Run again what failed or was cancelled, or let the failed sub-workflows do so."""

    resume_subworkflows: bool = False
    by_parent: bool = False
    parent_id: str | None = None  # who asks
    parent_task_seq: int = 0
    is_awaited: bool = False  # who asks waits already, and need not be revived
    refused: ChildEnded | None = None  # answer of a child that had nothing to run again: the parent must do it


class Rerun(Command, frozen=True, tag="rerun"):
    """Run again from one task (seq) or from the beginning (0)."""

    seq: int = 0
    task_input: bytes | None = None
    workflow_input: bytes | None = None
    correlation_id: str | None = None


class SkipTask(Command, frozen=True, tag="skip"):
    """Mark a step that has not been reached as skipped."""

    ref: str
    input: bytes = EMPTY
    output: bytes = EMPTY


class ResetCallbacks(Command, frozen=True, tag="reset_callbacks"):
    """Make every waiting worker task visible now."""


class RequeueTask(Command, frozen=True, tag="requeue"):
    """Make one scheduled task visible now."""

    seq: int


class SetVariables(Command, frozen=True, tag="set_variables"):
    """Lay *variables* over the workflow's variables, or add them to the lists that are there."""

    variables: bytes
    append: bool = False


class Jump(Command, frozen=True, tag="jump"):
    """Cancel what is open and go on with the step *ref*, whose input *input* is laid over."""

    ref: str
    input: bytes = EMPTY


class Upgrade(Command, frozen=True, tag="upgrade"):
    """Go on under another version of the definition."""

    def_hash: str
    outputs: dict[str, bytes] = {}  # of steps that are to be skipped, by reference name
    input: bytes | None = None  # laid over the workflow's input


class PushMessage(Command, frozen=True, tag="push_message"):
    """Put a message into the workflow's own queue."""

    id: str
    payload: bytes


class Once(Command, frozen=True, tag="once"):
    """Apply *command*, unless one with this *key*, 64 bits, has been applied already."""

    key: int
    command: Command


class Remove(Command, frozen=True, tag="remove"):
    """Delete the workflow and all of its rows; with a *version*, only as it was then."""

    archive: bool = True
    version: int = 0


NEEDS_HISTORY = frozenset({Restart, Retry, Rerun, ChildRevived, Jump, Upgrade})
"""Commands whose decision looks at superseded attempts, so the caller loads all tasks of the workflow."""


def bounced(target: str, command: Command, reason: str) -> tuple[str, Command] | None:
    """Return whom to tell, and what, when *target* can't take a command because of *reason*; None for nobody.

    Without it a parent would wait for ever for a child that was not started or that was removed.
    """
    if isinstance(command, StartWorkflow) and command.starter_id:
        return command.starter_id, UpdateTask(command.starter_seq, FAILED, reason=reason, from_system=True)
    if not isinstance(command, StartWorkflow | Retry | AskEnd) or not command.parent_id:
        return None
    ended = ChildEnded(command.parent_task_seq, target, FAILED, reason=reason)
    if isinstance(command, StartWorkflow):
        ended = replace(ended, child_name=command.name, child_version=command.version)
        return command.parent_id, ended
    is_awaited = isinstance(command, AskEnd) or command.is_awaited
    return command.parent_id, (ended if is_awaited else Retry(refused=ended))
