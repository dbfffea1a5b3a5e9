"""The pool: who runs where, what waits, and what happens when a process does not come back."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from podium.model.errors import Overloaded, Unavailable
from podium.scripting import ScriptLimits, ScriptPool, ScriptRequest, ScriptResult, frame, pool, process

LOOP = "for (;;);"
STUCK_IN_A_BUILT_IN = "let t = {}; for (let i = 0; i < 26; i++) t = {a: t, b: t}; JSON.stringify(t).length"


def javascript(source: str, data: bytes = b"{}") -> ScriptRequest:
    return ScriptRequest("javascript", source, data)


def with_pool(
    use: Callable[[ScriptPool], Coroutine[Any, Any, None]], time_ms: int = 2_000, **settings: int
) -> ScriptPool:
    """Run *use* with a pool that is closed afterwards."""

    async def run() -> ScriptPool:
        scripts = ScriptPool(ScriptLimits(time_ms=time_ms), **settings)
        await scripts.start()
        try:
            await use(scripts)
        finally:
            await scripts.close()
        return scripts

    return asyncio.run(run())


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition, at most ten seconds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 (there is no event for what the tests wait for)
            await asyncio.sleep(0.005)


def process_ids(scripts: ScriptPool) -> list[int]:
    return [worker.process_id for worker in scripts._workers]


def test_scripts_of_each_language_are_evaluated() -> None:
    async def use(scripts: ScriptPool) -> None:
        assert await scripts.evaluate(javascript("$.a + 1", b'{"a":1}')) == ScriptResult("ok", value=b"2")
        body = ScriptRequest("javascript", "return [$.a]", b'{"a":1}', is_function_body=True)
        assert await scripts.evaluate(body) == ScriptResult("ok", value=b"[1]")
        assert await scripts.evaluate(ScriptRequest("jq", ".a, 2", b'{"a":1}')) == ScriptResult("ok", value=b"[1,2]")
        assert (await scripts.evaluate(javascript("1 +"))).kind == "syntax"
        assert (await scripts.evaluate(javascript("throw 1"))).kind == "error"

    assert with_pool(use).evaluations == 5


def test_python_is_refused_without_a_process() -> None:
    async def use(scripts: ScriptPool) -> None:
        result = await scripts.evaluate(ScriptRequest("python", "return 1", b"{}"))
        assert result.kind == "error"
        assert "Python scripts are off" in (result.error or "")
        assert scripts.processes == 0

    with_pool(use)


def test_syntax_is_checked() -> None:
    async def use(scripts: ScriptPool) -> None:
        assert await scripts.check_syntax("javascript", "missing.x") is None
        assert (await scripts.check_syntax("javascript", "1 +") or "").startswith("SyntaxError: inline:1:3 ")
        assert await scripts.check_syntax("jq", ".a") is None
        assert (await scripts.check_syntax("jq", "{") or "").startswith("jq: error: ")
        assert "off" in (await scripts.check_syntax("python", "return 1") or "")

    with_pool(use)


def test_processes_start_with_the_first_script_and_stay() -> None:
    async def use(scripts: ScriptPool) -> None:
        assert scripts.processes == 0
        await scripts.evaluate(javascript("1"))
        await until(lambda: scripts.processes == 2)
        before = set(process_ids(scripts))
        await asyncio.gather(*(scripts.evaluate(javascript("1")) for _ in range(20)))
        assert set(process_ids(scripts)) == before
        assert len(scripts.jail) > 5

    with_pool(use)


def test_answers_go_to_whom_they_belong() -> None:
    async def use(scripts: ScriptPool) -> None:
        results = await asyncio.gather(*(scripts.evaluate(javascript(f"{n} * 2")) for n in range(100)))
        assert [result.value for result in results] == [str(n * 2).encode() for n in range(100)]

    with_pool(use)


def test_a_loop_times_out_with_conductors_text() -> None:
    async def use(scripts: ScriptPool) -> None:
        result = await scripts.evaluate(javascript(LOOP))
        assert result == ScriptResult("timeout", error="Script not evaluated within 0.2 seconds, interrupted.")
        assert ScriptLimits().timeout_text == "Script not evaluated within 4 seconds, interrupted."

    assert with_pool(use, time_ms=200).timeouts == 1


def test_what_does_not_stop_is_killed_and_its_process_replaced() -> None:
    async def use(scripts: ScriptPool) -> None:
        await scripts.evaluate(javascript("1"))
        await until(lambda: scripts.processes == 2)
        before = set(process_ids(scripts))
        assert (await scripts.evaluate(javascript(STUCK_IN_A_BUILT_IN))).kind == "timeout"
        assert (scripts.kills, scripts.timeouts, scripts.restarts) == (1, 1, 1)
        await until(lambda: scripts.processes == 2)
        assert len(before & set(process_ids(scripts))) == 1
        assert (await scripts.evaluate(javascript("1"))).value == b"1"

    with_pool(use, time_ms=200)


def test_quick_scripts_pass_a_stuck_one() -> None:
    async def use(scripts: ScriptPool) -> None:
        await scripts.evaluate(javascript("1"))
        await until(lambda: scripts.processes == 2)
        stuck = asyncio.create_task(scripts.evaluate(javascript(LOOP)))
        for _ in range(20):
            assert (await scripts.evaluate(javascript("1"))).value == b"1"
        assert not stuck.done()
        assert (await stuck).kind == "timeout"

    with_pool(use)


def test_the_pool_grows_while_slow_scripts_hold_all_processes() -> None:
    async def use(scripts: ScriptPool) -> None:
        slow = [asyncio.create_task(scripts.evaluate(javascript(LOOP))) for _ in range(2)]
        await until(lambda: scripts.processes == 2 and scripts.waiting == 0)
        assert (await scripts.evaluate(javascript("1"))).value == b"1"
        assert scripts.processes == 3
        assert not any(task.done() for task in slow)
        await asyncio.gather(*slow)

    with_pool(use, size_max=3)


def test_the_pool_never_grows_above_its_bound() -> None:
    async def use(scripts: ScriptPool) -> None:
        slow = [asyncio.create_task(scripts.evaluate(javascript(LOOP))) for _ in range(5)]
        most = 0
        while not all(task.done() for task in slow):
            most = max(most, scripts.processes)
            await asyncio.sleep(0.01)
        assert most <= 2

    with_pool(use, time_ms=300, size=1, size_max=2)


def test_spare_processes_end_when_they_have_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_SPARE_S", 0.05)

    async def use(scripts: ScriptPool) -> None:
        slow = [asyncio.create_task(scripts.evaluate(javascript(LOOP))) for _ in range(2)]
        await until(lambda: scripts.processes == 2)
        await asyncio.gather(*slow)
        await until(lambda: scripts.processes == 1)
        assert (await scripts.evaluate(javascript("1"))).value == b"1"

    with_pool(use, time_ms=500, size=1, size_max=2)


def test_too_many_waiting_scripts_are_refused() -> None:
    async def use(scripts: ScriptPool) -> None:
        await scripts.evaluate(javascript("1"))
        waiting = [asyncio.create_task(scripts.evaluate(javascript(LOOP))) for _ in range(3)]
        await until(lambda: scripts.waiting == 2)
        with pytest.raises(Overloaded):
            await scripts.evaluate(javascript("1"))
        assert [result.kind for result in await asyncio.gather(*waiting)] == ["timeout"] * 3

    with_pool(use, time_ms=200, size=1, size_max=1, waiting_max=2)


def test_a_process_that_is_killed_from_outside_is_replaced_and_the_script_repeated() -> None:
    async def use(scripts: ScriptPool) -> None:
        await scripts.evaluate(javascript("1"))
        for process_id in process_ids(scripts):
            os.kill(process_id, signal.SIGKILL)
        assert (await scripts.evaluate(javascript("1"))).value == b"1"

    assert with_pool(use).kills == 0


def test_a_process_that_is_killed_under_a_script_is_not_the_scripts_fault() -> None:
    async def use(scripts: ScriptPool) -> None:
        await scripts.evaluate(javascript("1"))
        running = asyncio.create_task(scripts.evaluate(javascript("let n = 0; for (let i = 0; i < 3e6; i++) n++; n")))
        await until(lambda: any(worker.busy_since_s for worker in scripts._workers))
        for worker in scripts._workers:
            if worker.busy_since_s:
                os.kill(worker.process_id, signal.SIGKILL)
        assert (await running).value == b"3000000"

    with_pool(use, size=1)


def test_a_cancelled_script_gives_its_place_back() -> None:
    async def use(scripts: ScriptPool) -> None:
        running = asyncio.create_task(scripts.evaluate(javascript(LOOP)))
        await until(lambda: scripts.processes == 1 and scripts.waiting == 0)
        waiting = asyncio.create_task(scripts.evaluate(javascript(LOOP)))
        await until(lambda: scripts.waiting == 1)
        waiting.cancel()
        running.cancel()
        await asyncio.gather(waiting, running, return_exceptions=True)
        assert scripts.waiting == 0
        assert (await scripts.evaluate(javascript("1"))).value == b"1"

    with_pool(use, size=1, size_max=1)


def test_a_closed_pool_refuses_and_ends_what_it_has() -> None:
    async def use(scripts: ScriptPool) -> None:
        tasks = [asyncio.create_task(scripts.evaluate(javascript(LOOP))) for _ in range(3)]
        await until(lambda: scripts.processes == 1 and scripts.waiting == 2)
        (process_id,) = process_ids(scripts)
        await scripts.close()
        assert all(isinstance(end, Unavailable) for end in await asyncio.gather(*tasks, return_exceptions=True))
        with pytest.raises(Unavailable):
            await scripts.evaluate(javascript("1"))
        with pytest.raises(ProcessLookupError):
            os.kill(process_id, 0)
        await scripts.start()
        assert (await scripts.evaluate(javascript("1"))).value == b"1"

    with_pool(use, size=1, size_max=1)


def test_input_is_bounded() -> None:
    async def use(scripts: ScriptPool) -> None:
        scripts.limits = ScriptLimits(input_bytes=100)
        result = await scripts.evaluate(javascript("1", b'"' + b"x" * 200 + b'"'))
        assert result.kind == "error"
        assert "larger than 100 bytes" in (result.error or "")

    with_pool(use)


def test_without_a_process_the_scripts_are_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.DEVNULL)

    monkeypatch.setattr(process, "_spawn", broken)

    async def use(scripts: ScriptPool) -> None:
        ends = await asyncio.gather(*(scripts.evaluate(javascript("1")) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(end, Unavailable) for end in ends)
        assert scripts.processes == 0

    with_pool(use)


@pytest.mark.parametrize(
    "data",
    [
        frame.ANSWER_HEAD.pack(10_000_000, frame.OK),
        frame.ANSWER_HEAD.pack(1, 200) + b"1",
        frame.answer(frame.OK, b"1"),
    ],
    ids=["too long", "unknown kind", "not asked for"],
)
def test_a_process_that_does_not_keep_the_protocol_is_dropped(data: bytes) -> None:
    worker = process.WorkerProcess(1_000)
    worker.data_received(data)
    assert not worker.is_alive


@pytest.mark.parametrize("body", [b"{", b"1 2", b"\xff", b'"\xff"', b"nope"])
def test_a_value_that_is_no_json_never_leaves_the_pool(body: bytes) -> None:
    scripts, worker = ScriptPool(), process.WorkerProcess(1_000)
    assert scripts._result(worker, "ok", body).kind == "error"
    assert not worker.is_alive
