"""Random sequences of commands, played on a workflow and on the children that it starts."""

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st
from tests.property.definitions import QUEUES, Json, definition_of, stage

from podium.engine import commands
from podium.engine.commands import Command, UpdateTask
from podium.engine.context import Limits
from podium.model.errors import PodiumError
from podium.model.status import CANCELED, COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, PAUSED
from podium.testing import Rehearsal

ROUNDS_MAX = 400


class Move(NamedTuple):
    """One thing that happens; *choice* picks the workflow and task that it happens to."""

    kind: str
    choice: int
    detail: int


KINDS = ["poll"] * 4 + ["finish"] * 9 + ["advance"] * 3 + ["batch", "batch", "progress", "repeat", "late", "lease"]
KINDS += [
    "pause",
    "pause",
    "resume",
    "resume",
    "wake",
    "wake",
    "terminate",
    "retry",
    "retry",
    "rerun",
    "rerun",
    "restart",
    "skip",
]
KINDS += ["decide", "callbacks", "variables"]


class Plot(NamedTuple):
    """A definition, the input of the workflow, what happens then, and how many inline tasks one decision may start."""

    definition: Json
    given: Json
    moves: list[Move]
    cut: int = 1_000

    def begin(self, look: "Look | None" = None, *, is_forgetful: bool = False) -> "Play":
        """Start the workflow."""
        limits = Limits(inline_tasks_per_decision=self.cut)
        return Play(self.definition, self.given, look=look, is_forgetful=is_forgetful, limits=limits)

    def play(self, look: "Look | None" = None, *, is_forgetful: bool = False) -> "Play":
        """Start the workflow and make all moves."""
        scene = self.begin(look, is_forgetful=is_forgetful)
        scene.run(self.moves)
        return scene


def plot_of(seed: int) -> Plot:
    """Return the plot that *seed* stands for."""
    draw = Random(seed)
    given = {"by": draw.choice("abc"), "list": [1, 2]}
    cut = draw.choice([1_000, 1_000, 1_000, 1])
    moves = [Move(draw.choice(KINDS), draw.randrange(31), draw.randrange(31)) for _ in range(draw.randint(10, 30))]
    return Plot(definition_of(seed), given, moves, cut)


# Drawn piece by piece, most plots would repeat a few small ones; a number below 2**24 is drawn evenly.
plots = st.integers(0, 2**24 - 1).map(plot_of)


class Play:
    """A stage with a workflow on it; *look* is called after each move with the kind of the move."""

    def __init__(self, definition: Json, given: Json, *, look: "Look | None" = None, **fields: Any) -> None:
        self.stage = stage(definition, **fields)
        self.look = look
        self.last: tuple[str, Command] | None = None
        self.root = self.stage.start("drawn", given)
        self._looked("start")

    def _looked(self, kind: str) -> None:
        if self.look is not None:
            self.look(self, kind)

    def run(self, sequence: list[Move]) -> None:
        """Make all moves; a refusal is an answer like any other."""
        for move in sequence:
            self.make(move)

    def make(self, move: Move) -> None:
        """Make one move."""
        with suppress(PodiumError):
            _MOVES[move.kind](self, self._pick(move.choice), move.detail)
        self._looked(move.kind)

    def _pick(self, choice: int) -> str:
        keys = self.stage.workflow_ids()
        return self.root if choice % 3 else keys[choice % len(keys)]

    def send(self, key: str, command: Command) -> None:
        """Send a command and remember it."""
        self.last = (key, command)
        self.stage.send(key, command)

    def finish_all(self) -> None:
        """Bring every workflow to its end, as diligent workers would."""
        self.stage.active_queues.clear()
        for _ in range(ROUNDS_MAX):
            open_keys = [key for key in self.stage.workflow_ids() if not self.stage.workflow(key).is_terminal]
            if not open_keys:
                return
            for key in open_keys:
                self._nurse(key)
            self.stage.advance(5)
            self._looked("finish")
        states = [f"{key} {self.stage.workflow(key).head.status} {self.stage.lines(key)}" for key in open_keys]
        raise AssertionError("never ends: " + "\n".join(states))

    def _nurse(self, key: str) -> None:
        flow = self.stage.workflow(key)
        if flow.is_paused:
            self.stage.send(key, commands.Resume())
            self._looked("resume")
        for seq in sorted(flow.open):
            task = self.stage.workflow(key).open.get(seq)
            if task is not None and (task.runs != "engine" or task.type in ("HUMAN", "WAIT", "EVENT")):
                self.stage.send(key, UpdateTask(seq, COMPLETED, b'{"done":true}', from_system=task.runs == "system"))
                self._looked("finish")


def _poll(play: Play, key: str, detail: int) -> None:
    play.stage.poll(QUEUES[detail % len(QUEUES)])


def _open_seq(play: Play, key: str, detail: int) -> int:
    seqs = _reportable(play, key)
    return seqs[detail % len(seqs)] if seqs else 1


def _reportable(play: Play, key: str) -> list[int]:
    """Return the numbers of open tasks that somebody may report on; a loop that ends from outside leaves its body."""
    return [seq for seq, task in sorted(play.stage.workflow(key).open.items()) if task.type != "DO_WHILE"]


def _finish(play: Play, key: str, detail: int) -> None:
    flow = play.stage.workflow(key)
    seqs = [seq for seq, task in sorted(flow.open.items()) if task.type not in ("JOIN", "EXCLUSIVE_JOIN", "DO_WHILE")]
    if seqs:
        status = _RESULTS[detail % len(_RESULTS)]
        play.send(
            key, UpdateTask(seqs[detail % len(seqs)], status, b'{"o":%d}' % detail, reason="r" if detail % 2 else None)
        )


_RESULTS = [COMPLETED] * 9 + [FAILED] * 3 + [FAILED_WITH_TERMINAL_ERROR, CANCELED]


def _progress(play: Play, key: str, detail: int) -> None:
    seq = _open_seq(play, key, detail)
    play.send(key, UpdateTask(seq, IN_PROGRESS, b'{"p":1}', merge=detail % 2 == 0, callback_after_s=detail % 4))


def _late(play: Play, key: str, detail: int) -> None:
    if detail + 1 in play.stage.workflow(key).open and detail + 1 not in _reportable(play, key):
        return
    play.send(key, UpdateTask(detail + 1, (COMPLETED, FAILED)[detail % 2], b'{"late":1}'))


def _repeat(play: Play, key: str, detail: int) -> None:
    if play.last is not None:
        play.stage.send(*play.last)


def _batch(play: Play, key: str, detail: int) -> None:
    """Send several commands that are decided and committed together."""
    seqs = _reportable(play, key) or [1]
    one, other = seqs[detail % len(seqs)], seqs[(detail + 1) % len(seqs)]
    between: Command = (commands.Decide(), commands.Pause(), commands.Resume(), commands.Wake())[detail % 4]
    wanted = [
        commands.PollTask(one, "w"),
        UpdateTask(one, COMPLETED, b'{"b":1}'),
        between,
        commands.PollTask(other, "w"),
    ]
    wanted += [commands.ExtendLease(other), UpdateTask(other, (FAILED, COMPLETED, IN_PROGRESS)[detail % 3], b'{"b":2}')]
    play.stage.send(key, *wanted)


def _rerun(play: Play, key: str, detail: int) -> None:
    tasks = play.stage.tasks(key)
    seq = tasks[detail % len(tasks)].seq if tasks and detail % 5 else 0
    play.send(key, commands.Rerun(seq))


def _skip(play: Play, key: str, detail: int) -> None:
    refs = list(play.stage.workflow(key).graph.steps)
    play.send(key, commands.SkipTask(refs[detail % len(refs)]))


_MOVES: dict[str, Callable[[Play, str, int], None]] = {
    "poll": _poll,
    "finish": _finish,
    "progress": _progress,
    "late": _late,
    "repeat": _repeat,
    "advance": lambda play, key, detail: play.stage.advance((1, 3, 7, 16, 61)[detail % 5]),
    "pause": lambda play, key, detail: play.send(key, commands.Pause()),
    "resume": lambda play, key, detail: play.send(key, commands.Resume()),
    "terminate": lambda play, key, detail: play.send(key, commands.Terminate("enough" if detail % 2 else None)),
    "retry": lambda play, key, detail: play.send(key, commands.Retry(resume_subworkflows=detail % 2 == 0)),
    "restart": lambda play, key, detail: play.send(key, commands.Restart()),
    "rerun": _rerun,
    "batch": _batch,
    "skip": _skip,
    "lease": lambda play, key, detail: play.send(key, commands.ExtendLease(_open_seq(play, key, detail))),
    "wake": lambda play, key, detail: play.send(key, commands.Wake()),
    "decide": lambda play, key, detail: play.send(key, commands.Decide()),
    "callbacks": lambda play, key, detail: play.send(key, commands.ResetCallbacks()),
    "variables": lambda play, key, detail: play.send(key, commands.SetVariables(b'{"x":%d}' % detail)),
}


def has_wake_up(play: Play, key: str) -> bool:
    """Whether something will make an open workflow go on: an outer event, a worker, the clock, or another workflow."""
    flow = play.stage.workflow(key)
    if flow.head.status == PAUSED or flow.head.wake_ms:
        return True
    queued = {row.seq for row in play.stage.rows(key).queue_rows()}
    return any(_is_waited_for(play.stage, queued, task) for task in flow.open.values())


def _is_waited_for(made: Rehearsal, queued: set[int], task: Any) -> bool:
    if task.seq in queued:
        return True
    if task.type == "SUB_WORKFLOW":
        child = task.sub_workflow_id
        return child in made.workflow_ids() and not made.workflow(child).is_terminal
    if task.runs == "engine":
        return task.type in ("HUMAN", "EVENT") or (task.type == "WAIT" and not task.due_ms)
    # in the hands of a worker that has no lease, or of the server's runner that waits for somebody else
    return task.status == IN_PROGRESS and (not task.response_timeout_s or task.runs == "system")


Look = Callable[[Play, str], None]
