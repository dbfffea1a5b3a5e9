"""Runs `podium serve` with faults of its own: `python tests/chaos/faulty.py FAULT... serve OPTION...`.

The server's code knows nothing of these; they are put in its place from outside, before it starts:

clock=FILE    the process's clock is off by the milliseconds that the file holds at the time
broken=NAME   the engine fails on each command to a workflow of that name
exit=N        the process ends at once before the N-th statement of SQLite's writer
exit=call:N   ... before the N-th commit is sent to PostgreSQL
exit=answer:N ... after its answer has come
early         calls are answered before the commit: what a test must notice
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CODE = 137
LOOK_S = 0.05


def clock(file: str) -> None:
    """Let the process see another time."""
    real_ns = time.time_ns
    seen = {"at": -1.0, "offset_ns": 0}

    def time_ns() -> int:
        now_s = time.monotonic()
        if now_s - seen["at"] > LOOK_S:
            seen["at"], seen["offset_ns"] = now_s, int(Path(file).read_text() or 0) * 1_000_000
        return real_ns() + int(seen["offset_ns"])

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9


def broken(name: str) -> None:
    """Let the engine fail on a workflow."""
    from podium.runtime import committer

    real = committer.decide

    def decide(session: Any, *rest: Any) -> Any:
        if session.workflow.head.name == name:
            raise ZeroDivisionError("a fault of the engine")
        return real(session, *rest)

    committer.decide = decide


def leave_at(point: str) -> None:
    """End the process at a point of a commit."""
    kind, _, number = point.rpartition(":")
    left = int(number)

    def pass_by() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(CODE)

    if kind:
        _around_calls(pass_by, is_before=kind == "call")
    else:
        _before_statements(pass_by)


def _before_statements(pass_by: Callable[[], None]) -> None:
    from podium.store.sqlite import adapter

    real = adapter.Writer

    def make(connection: Any, path: Path) -> Any:
        connection.set_exec_trace(lambda *_: pass_by() or True)
        return real(connection, path)

    adapter.Writer = make


def _around_calls(pass_by: Callable[[], None], *, is_before: bool) -> None:
    from podium.store.postgres.commit import Commit

    real = Commit._write

    async def write(self: Commit, connection: Any) -> None:
        if is_before:
            pass_by()
        await real(self, connection)
        if not is_before:
            pass_by()

    Commit._write = write


def early(_: str) -> None:
    """Answer before the commit, and commit later."""
    from podium.engine.commands import PollTask
    from podium.runtime.committer import Committer

    real = Committer._commit
    late: set[asyncio.Task[None]] = set()

    async def later(self: Committer, works: list[Any]) -> None:
        await asyncio.sleep(0.2)
        await real(self, works)

    async def commit(self: Committer, works: list[Any]) -> None:
        for work in works:
            for mail, answer in work.answers:
                if mail.reply is None or mail.reply.done() or isinstance(mail.command, PollTask):
                    continue
                if not isinstance(answer, Exception):
                    mail.reply.set_result(answer)
        task = asyncio.create_task(later(self, works))
        late.add(task)
        task.add_done_callback(late.discard)

    Committer._commit = commit


FAULTS: dict[str, Callable[[str], None]] = {"clock": clock, "broken": broken, "exit": leave_at, "early": early}


def program(*faults: str) -> tuple[str, ...]:
    """Return how to run a server with *faults*."""
    return (sys.executable, __file__, *faults, "serve")


if __name__ == "__main__":
    at = sys.argv.index("serve")
    for fault in sys.argv[1:at]:
        name, _, value = fault.partition("=")
        FAULTS[name](value)
    sys.argv = ["podium", *sys.argv[at:]]
    from podium.cli import main

    sys.exit(main())
