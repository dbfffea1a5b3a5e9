"""jq programs that look around, wait or grow: they see an empty environment, no file, and end within their limits."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.scripting import ScriptLimits, ScriptPool, ScriptRequest, ScriptResult

SECRET = "canary-51c0de"
LIMIT_S = 0.5
MARGIN_S = 0.5

LOOKS = {
    "environment": "env",
    "environment as a variable": "$ENV",
    "one variable": "$ENV.PODIUM_CANARY, env.PODIUM_CANARY",
    "paths of the environment": "[env | paths]",
    "file name": "input_filename",
    "more input": "input",
    "all more input": "[inputs]",
    "first input": "first(inputs)",
    "line number": "try input_line_number catch .",
    "library path": "get_search_list",
    "imported module": 'import "FILE" as x; x::x',
    "imported data": 'import "FILE" as $x; $x',
    "imported data by a search path": 'import "canary" as $x {search: "FOLDER"}; $x',
    "included file": 'include "FILE"; .',
    "included by a search path": 'include "canary" {search: "FOLDER"}; .',
    "included home": 'include ".jq"; .',
    "module's facts": '"FILE" | modulemeta',
    "module directive": 'module {search: "/"}; .',
    "location": "$__loc__",
    "program arguments": "$__prog_args",
    "named arguments": "$ARGS, $named",
    "halt": "halt",
    "halt in the middle": "1, halt, 2",
    "halt with an error": '"x" | halt_error',
    "halt with a code": "halt_error(3)",
    "debug": "debug",
    "debug with a text": 'debug("\\u001b[31m")',
    "standard error": "stderr",
    "shell": '@sh "echo \\(.)"',
    "shell of a text": '"$(cat FILE)`cat FILE`" | @sh',
    "closing the wrapper": ") | env | (.",
    "comment": ". # ) | env",
    "redefined writer": "def tojson: env; .",
    "redefined clock": "def now: 1; now",
    "input as a file": "input_filename // inputs",
    "local time": "0 | localtime, strflocaltime(\"%Z\")",
    "time zones": "\"10:00 Europe/Paris\" | try strptime(\"%H:%M %Z\") catch .",
    "splits of nothing": '"" | [splits("")]',
    "ltrimstr of a number": "ltrimstr(1)",
    "builtins": "builtins | length",
    "sql": 'INDEX(.[]?; .) ',
    "an error with the input": "error(.)",
    "an error with a null byte": 'error("\\u0000FILE")',
    "text with a null byte": '"a\\u0000b"',
    "getpath into text": 'try getpath(["s", 0, 1]) catch .',
    "negative index": ".l[-1000000000000000000000]",
    "fractional index": ".l[1.9e300]?",
    "slice of infinity": ".l[nan:infinite]?",
    "implode of no characters": "try ([55296, 1114112, -1] | implode) catch .",
}  # fmt: skip

BOMBS = {
    "endless range": "[range(infinite)]",
    "endless results": "range(infinite)",
    "endless results of nothing": "range(infinite) | empty",
    "endless recursion": "def f: f; f",
    "deep recursion": "def f: 1 + f; f",
    "endless recurse": "[recurse(. ; true)]",
    "endless repeat": "[repeat(1)]",
    "endless until": "until(false; .)",
    "endless while": "last(while(true; .))",
    "endless limit": "[limit(infinite; repeat(1))]",
    "doubled list": "def f: . + . | f; [1] | f",
    "doubled text": "reduce range(40) as $i (\"x\"; . + .)",
    "doubled text repeated": '"x" * 1000000000 | length',
    "doubling tree": "reduce range(40) as $i ({}; {a: ., b: .}) | tojson | length",
    "doubling tree as the result": "reduce range(40) as $i ({}; {a: ., b: .})",
    "deep list": "reduce range(10000000) as $i (.; [.])",
    "deep list as the result": "reduce range(5000) as $i (.; [.])",
    "deep path": "getpath([range(100000) | \"a\"]) as $x | error",
    "deep setpath": "setpath([range(1000000) | 0]; 1)",
    "far index": ".l[1000000000] = 1",
    "farther index": ".l[1e15] = 1",
    "many paths": "[limit(100000000; range(1e9))] | paths",
    "combinations": "[range(100)] as $a | [$a, $a, $a, $a, $a] | [combinations] | length",
    "catastrophic regular expression": '"\\("a" * 40)b" | test("(a+)+$")',
    "global substitution": '"a" * 100000 | gsub(""; "bb") | gsub(""; "cc")',
    "sort of a huge list": "[range(3000000)] | sort_by(-.) | length | error",
    "power": "[range(1e8)] | map(pow(2; .)) | add",
    "large output": '"x" * 2000000',
    "many outputs": "range(1000000)",
    "long literal": '"9" * 1000000 | tonumber | tojson | length | error',
    "walk of a doubling tree": "reduce range(30) as $i ({}; {a: ., b: .}) | walk(.)",
    "nested json text": "reduce range(25) as $i (\"x\"; tojson) | length | error",
    "label without end": "label $f | repeat(1) | if . == 2 then break $f else empty end",
    "foreach without end": "foreach repeat(1) as $x (0; . + $x; empty)",
    "environment in a loop": "last(range(infinite) | env)",
    "clock in a loop": "def f: if now > 1e12 then 1 else f end; f",
}  # fmt: skip


class Attacked:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("canary", "canary.jq", "canary.json", ".jq"):
            (folder / name).write_text(f'"{SECRET}"' if name == "canary.json" else f'def x: "{SECRET}";')
        self.runner = asyncio.Runner()
        self.pool = ScriptPool(ScriptLimits(time_ms=int(LIMIT_S * 1000)))

    def evaluate(self, program: str) -> ScriptResult:
        program = program.replace("FILE", str(self.folder / "canary")).replace("FOLDER", str(self.folder))
        return self.runner.run(self.pool.evaluate(ScriptRequest("jq", program, b'{"l":[1],"s":"x"}')))


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    os.environ["PODIUM_CANARY"] = SECRET
    target = Attacked(tmp_path_factory.mktemp("canary"))
    yield target
    target.runner.run(target.pool.close())
    target.runner.close()
    del os.environ["PODIUM_CANARY"]


@pytest.mark.parametrize("program", LOOKS.values(), ids=LOOKS.keys())
def test_a_program_sees_nothing_of_the_process(attacked: Attacked, program: str) -> None:
    before = attacked.pool.restarts
    result = attacked.evaluate(program)
    assert SECRET not in repr(result)
    assert b"PATH" not in (result.value or b"")
    assert attacked.pool.restarts == before
    assert attacked.evaluate(".l").value == b"[[1]]"


def test_the_environment_is_empty(attacked: Attacked) -> None:
    assert attacked.evaluate("env, $ENV").value == b"[{},{}]"


def test_definitions_of_one_program_are_not_those_of_the_next(attacked: Attacked) -> None:
    assert attacked.evaluate("def left: 1; left").value == b"[1]"
    assert attacked.evaluate("left").kind == "syntax"
    assert attacked.evaluate("def length: 666; .l | length").value == b"[666]"
    assert attacked.evaluate(".l | length").value == b"[1]"


@pytest.mark.parametrize("program", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_ends_in_time(attacked: Attacked, program: str) -> None:
    attacked.evaluate(".")
    started = time.perf_counter()
    result = attacked.evaluate(program)
    assert result.kind in ("error", "timeout")
    assert result.error
    assert time.perf_counter() - started < LIMIT_S + MARGIN_S
    assert attacked.evaluate(".l").value == b"[[1]]"
