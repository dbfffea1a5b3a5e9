"""R2: the process ends, or the database refuses, before and after each statement that changes something.

For each step of the course and each statement of its commits: what lies on the disk at this point is a state between two
commits and keeps all promises; a node that starts from it goes on to the end; and where the statement was refused
instead, the same node repeats the command, and comes to where it would have come without the fault.
"""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw

from podium.engine import commands
from podium.model.errors import PodiumError
from podium.runtime import relay, timers
from podium.store.sqlite import SqliteStore

from .plan import Plan
from .report import Report
from .script import COURSE, Stage

WRITES = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE", "REPLACE", "COMMIT")
TRIES_MAX = 5
POINTS_LEAST = 350
STATE = (
    "SELECT id, version, status, wake_ms, body FROM workflow ORDER BY id",
    "SELECT w.id, t.key & 16777215, t.status, t.body FROM task t JOIN workflow w ON w.row = t.key >> 24 ORDER BY 1, 2",
    "SELECT w.id, p.key & 3, p.body FROM payload p JOIN workflow w ON w.row = p.key >> 2 ORDER BY 1, 2",
    "SELECT w.id, q.key & 16777215, q.queue, q.visible_ms FROM queue q JOIN workflow w ON w.row = q.key >> 24 ORDER BY 1, 2",
    "SELECT target, kind, body FROM message ORDER BY id",
)


class Points:
    """The points of one run: the places before each statement that writes; at one of them something may happen."""

    def __init__(self, at: int = 0, action: Callable[[], None] | None = None) -> None:
        self.statements: list[str] = []
        self._at = at
        self._action = action

    def __call__(self, _: Any, sql: str, __: Any) -> bool:
        """Pass one; the driver calls this before it carries out *sql*."""
        if sql.lstrip().startswith(WRITES):
            self.statements.append(sql)
            if len(self.statements) == self._at and self._action is not None:
                self._action()
        return True


def test_no_statement_is_a_bad_moment(tmp_path: Path, plan: Plan, report: Report, monkeypatch: Any) -> None:
    monkeypatch.setattr(relay, "TRY_AGAIN_S", 0.005)
    monkeypatch.setattr(timers, "LOOK_AGAIN_S", 0.005)
    every = 1 if plan.is_full else 8

    asyncio.run(_all(tmp_path, every, plan.seed, report))

    report.happened(**{"crashes": POINTS_LEAST // every, "refused statements": POINTS_LEAST // every})


def test_the_course_has_every_kind_of_command() -> None:
    sent_by_others = {"StartWorkflow", "ChildEnded", "ChildRevived", "AskEnd"}  # start, and what follows for relatives
    text = (Path(__file__).parent / "script.py").read_text()
    kinds = {kind.__name__ for kind in commands.Command.__subclasses__()}

    assert {kind for kind in kinds - sent_by_others if f"c.{kind}" not in text} == set()


async def _all(folder: Path, every: int, seed: int, report: Report) -> None:
    before = folder / "step-0.db"
    async with Stage(SqliteStore(before), 0) as stage:
        await stage.register()
    number_of_point = seed
    for number, (name, _) in enumerate(COURSE, 1):
        after = folder / f"step-{number}.db"
        states, count = await _undisturbed(before, after, number)
        for at in range(1, count + 2):
            number_of_point += 1
            if number_of_point % every == 0:
                await _disturbed(folder, before, number, at, states, report)
        report.figures["steps"] = number
        report.figures["points"] = report.figures.get("points", 0) + count + 1
        assert count or name == "decide", f"{name} writes nothing"
        before = after


async def _undisturbed(before: Path, after: Path, number: int) -> tuple[list[Any], int]:
    """Make a step; returns the states before and after each of its commits, and the number of its statements."""
    _copy(before, after)
    states = [_state(after)]
    async with _stage(after, number) as stage:
        points = Points()
        await _trace(stage, points)
        stage.node.committer.on_commit.append(lambda _: states.append(_state(after)))
        await COURSE[number - 1][1](stage)
        await _settled(stage)
    states.append(_state(after))
    return states, len(points.statements)


async def _disturbed(folder: Path, before: Path, number: int, at: int, states: list[Any], report: Report) -> None:
    """Make the step again with a fault at one point, which is behind the last statement for the last number."""
    name, _ = COURSE[number - 1]
    trial, image = folder / "trial.db", folder / "image.db"
    _copy(before, trial)

    def fault() -> None:
        _copy(trial, image)
        report.faults["refused statements"] += 1
        raise apsw.FullError("a fault of the disk")

    async with _stage(trial, number) as stage:
        points = Points(at, fault)
        await _trace(stage, points)
        await _repeated(stage, number)
        statement = (points.statements[at - 1 :] or ["the end"])[0]
        where = f"{name}, before {' '.join(statement.split())[:80]} ({at})"
        assert await _complaints(stage) == [], where
    assert _state(trial) == states[-1], f"{where}: the step repeated comes to something else"
    if len(points.statements) < at:
        _copy(trial, image)
    report.faults["crashes"] += 1
    assert _state(image) in states, f"{where}: what lies on the disk is no state between two commits"
    async with _stage(image, number) as stage:
        assert await _complaints(stage) == [], where
        await _repeated(stage, number)
        assert await _complaints(stage) == [], where
        assert await stage.drive() == [], where
        assert await _complaints(stage) == [], where


def _stage(path: Path, number: int) -> Stage:
    return Stage(SqliteStore(path), number)


async def _trace(stage: Stage, points: Points) -> None:
    """Watch the writer's statements from now on."""
    await _settled(stage)
    stage.store._writer.connection.set_exec_trace(points)


async def _settled(stage: Stage) -> None:
    await stage.node.settle()
    await stage.store._writer.drain()


async def _repeated(stage: Stage, number: int) -> None:
    """Make a step as clients do: again when the server asks for it; a refusal means that it was made before."""
    for _ in range(TRIES_MAX):
        stage.clock.begin(number)
        try:
            await COURSE[number - 1][1](stage)
            break
        except PodiumError as error:
            if not error.retryable:
                break
    await _settled(stage)


async def _complaints(stage: Stage) -> list[str]:
    return [line async for line in stage.store.check()]


def _copy(source: Path, target: Path) -> None:
    """Copy a database as the disk has it at this moment: the file and its log."""
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            target.with_name(target.name + suffix).unlink()
        with suppress(FileNotFoundError):
            shutil.copyfile(source.with_name(source.name + suffix), target.with_name(target.name + suffix))


def _state(path: Path) -> list[Any]:
    """Return all rows of workflows, without the keys that the adapter makes up."""
    connection = apsw.Connection(str(path))
    try:
        return [connection.execute(sql).fetchall() for sql in STATE]
    finally:
        connection.close()
