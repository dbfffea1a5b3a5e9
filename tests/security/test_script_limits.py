"""Scripts that eat time, memory, stack or output: each ends as its own failure, and quick scripts pass by."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from podium.scripting import ScriptLimits, ScriptPool, ScriptRequest, ScriptResult

LIMIT_S = 0.5
MARGIN_S = 0.5

BOMBS = {
    "endless loop": "for (;;);",
    "endless loop in a callback": "'x'.replace(/x/g, () => { for (;;); })",
    "endless loop in a getter of the result": "({get a() { for (;;); }})",
    "endless loop in a thrown error": "throw {get message() { for (;;); }}",
    "endless loop that catches": "for (;;) { try { for (;;); } catch {} }",
    "endless loop in finally": "try { for (;;); } finally { for (;;); }",
    "endless generator": "[...(function*() { for (;;) yield 1 })()]",
    "endless list of the result": "new Proxy([], {get: (t, k) => k === 'length' ? 2 ** 53 : 1})",
    "recursion": "function f() { f() } f()",
    "recursion through built-ins": "function f() { [1].map(f) } f()",
    "recursion of getters": "let o = {get a() { return o.a }}; o.a",
    "doubled text": "let s = 'x'; for (;;) s += s",
    "doubled text that is used": "let s = 'x'; for (;;) { s += s; s.charCodeAt(s.length - 1) }",
    "pushed doubled text": "let a = [], s = 'x'; for (;;) { a.push(s); s += s }",
    "pushed objects": "let a = []; for (;;) a.push({a: []})",
    "map without end": "const m = new Map(); for (let i = 0; ; i++) m.set(i, i)",
    "text of 2^29": "'x'.repeat(2 ** 29)",
    "padded text": "'x'.padEnd(2 ** 29 - 1, 'yz')",
    "typed array": "new Uint8Array(2 ** 31 - 1).fill(1)",
    "many typed arrays": "let a = []; for (;;) a.push(new Uint8Array(2 ** 20).fill(1))",
    "large list": "Array(3e7).fill(0).length",
    "list of 2^32": "new Array(2 ** 32 - 1)",
    "filled list of 2^32": "new Array(2 ** 32 - 1).fill(0)",
    "join of a sparse list": "Array(2 ** 31).join('x')",
    "includes in a sparse list": "Array(2 ** 32 - 1).includes(1)",
    "reverse of a sparse list": "let a = []; a[2 ** 32 - 2] = 1; a.reverse()",
    "sort of a huge list": "for (;;) Array.from({length: 4e5}, (_, i) => i * 7919 % 400009).sort((a, b) => a - b).length",
    "sort of texts": "for (;;) Array.from({length: 3e5}, (_, i) => 'x'.repeat(20) + (i * 7919 % 300007)).sort().length",
    "catastrophic regular expression": "/(a+)+$/.test('a'.repeat(40) + 'b')",
    "another one": "/^(([a-z])+.)+[A-Z]([a-z])+$/.test('a'.repeat(60))",
    "catastrophic back reference": "/(x+x+)+y\\1/.test('x'.repeat(50))",
    "split by a regular expression": "'a'.repeat(3e4).split(/(a*)*b/)",
    "doubling tree": "let t = {}; for (let i = 0; i < 26; i++) t = {a: t, b: t}; JSON.stringify(t).length",
    "doubling tree as the result": "let t = {}; for (let i = 0; i < 26; i++) t = {a: t, b: t}; t",
    "parsed doubling text": "JSON.parse('[' + '[1,2],'.repeat(3e6) + '1]').length",
    "deeply nested text": "JSON.parse('['.repeat(1e6))",
    "deeply nested program": "eval('('.repeat(1e6))",
    "long program": "eval('1;'.repeat(5e6))",
    "power of large integers": "(2n ** 100000n) ** 1000n",
    "product of large integers": "let x = 3n ** 200000n; for (;;) x = x * x",
    "text of a large integer": "(3n ** 3000000n).toString().length",
    "large output": "'x'.repeat(2e6)",
    "large list as output": "Array.from({length: 2e6}, (_, i) => i)",
    "large keys as output": "Object.fromEntries(Array.from({length: 2e5}, (_, i) => ['key number ' + i, i]))",
    "deep output": "let d = []; for (let i = 0; i < 1e5; i++) d = [d]; d",
    "circular output": "let r = {}; r.r = r; r",
    "deep concatenation": "let s = ''; for (let i = 0; i < 1e6; i++) s = 'a' + s + 'b'; s.length > 1 && s",
    "waiting": "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10000); for (;;);",
    "url encoding": "encodeURIComponent('\\u20ac'.repeat(5e6)).length > 1 && 'x'.repeat(2e6)",
    "normalised text": "('a' + '\\u0300'.repeat(3e5)).normalize('NFC').length && 'x'.repeat(2e6)",
    "template cooked": "String.raw({raw: {length: 2 ** 53 - 1}})",
    "apply with a length": "Math.max.apply(null, {length: 2 ** 31})",
    "array from a length": "Array.from({length: 2 ** 53 - 1})",
    "spread of a text": "[...'x'.repeat(1e7)].length > 1 && 'x'.repeat(2e6)",
}


def script(source: str) -> ScriptRequest:
    return ScriptRequest("javascript", source, b"{}")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 (there is no event for what the tests wait for)
            await asyncio.sleep(0.005)


async def timed(scripts: ScriptPool, source: str) -> tuple[ScriptResult, float]:
    started = time.perf_counter()
    result = await scripts.evaluate(script(source))
    return result, time.perf_counter() - started


@pytest.fixture(scope="module")
def runner() -> Iterator[tuple[asyncio.Runner, ScriptPool]]:
    with asyncio.Runner() as loop:
        scripts = ScriptPool(ScriptLimits(time_ms=int(LIMIT_S * 1000)))
        yield loop, scripts
        loop.run(scripts.close())


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_ends_in_time_and_quick_scripts_are_answered_meanwhile(
    runner: tuple[asyncio.Runner, ScriptPool], bomb: str
) -> None:
    loop, scripts = runner

    async def attack() -> None:
        await scripts.evaluate(script("1"))
        await until(lambda: scripts.processes >= 2)
        running = asyncio.create_task(timed(scripts, bomb))
        await asyncio.sleep(0)
        while not running.done():
            quick, quick_s = await timed(scripts, "40 + 2")
            assert quick.value == b"42"
            assert quick_s < LIMIT_S
        result, elapsed_s = await running
        assert result.kind in ("error", "timeout")
        assert result.error
        assert elapsed_s < LIMIT_S + MARGIN_S
        assert (await scripts.evaluate(script("$"))).value == b"{}"

    loop.run(attack())


def test_many_bombs_at_once_end_and_the_pool_serves_on() -> None:
    async def attack() -> None:
        scripts = ScriptPool(ScriptLimits(time_ms=100))
        results = await asyncio.gather(*(scripts.evaluate(script(bomb)) for bomb in BOMBS.values()))
        assert {result.kind for result in results} <= {"error", "timeout"}
        assert (await scripts.evaluate(script("40 + 2"))).value == b"42"
        assert scripts.processes <= scripts.size_max
        await scripts.close()

    asyncio.run(attack())


def resident_pages(process_id: int) -> int:
    return int(Path(f"/proc/{process_id}/statm").read_text().split()[1])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_memory_of_a_process_does_not_grow_from_script_to_script() -> None:
    async def measure() -> None:
        scripts = ScriptPool(size=1, size_max=1)
        sizes = []
        for _ in range(3):
            for _ in range(300):
                await scripts.evaluate(script("let a = []; for (let i = 0; i < 100; i++) a.push({i, s: 'x' + i}); a"))
            (worker,) = scripts._workers
            sizes.append(resident_pages(worker.process_id))
        assert sizes[2] - sizes[1] < 256
        await scripts.close()

    asyncio.run(measure())
