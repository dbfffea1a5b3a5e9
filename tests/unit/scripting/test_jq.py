"""jq programs: the answers of upstream's jq on the usual ones, its error texts, the bounds."""

import importlib
import json

import pytest

from podium.scripting import frame, jq

INPUT = {
    "k": [{"x": 1, "n": "a"}, {"x": "s", "n": "b"}],
    "nums": [3, 1, 2.5, -4],
    "s": "Hello, World",
    "o": {"a": 1, "b": 2},
    "nul": None,
    "big": 9007199254740993,
    "dbl": 1.0,
    "kv": [{"key": "a", "value": 1}, {"name": "b", "value": 2}],
    "dup": [1, 2, 1],
}


@pytest.fixture(scope="module")
def evaluator() -> jq.Evaluator:
    return jq.Evaluator(importlib.import_module("jq"), 4_096)


def results_of(evaluator: jq.Evaluator, source: str) -> str:
    kind, body = evaluator.evaluate(source, json.dumps(INPUT).encode())
    assert kind == frame.OK, body
    return body.decode()


@pytest.mark.parametrize(
    ("source", "results"),
    [
        (".k[] | .x", '[1,"s"]'),
        (".k[0].x", "[1]"),
        (".missing", "[null]"),
        (".k[-1:]", '[[{"x":"s","n":"b"}]]'),
        ("empty", "[]"),
        (".nul.a.b, .nul[0], .nul[1:]", "[null,null,null]"),
        (".big", "[9007199254740993]"),
        (".dbl", "[1.0]"),
        ("4 / 2, 10 / 4", "[2,2.5]"),
        (".nums | add, min, max", "[2.5,-4,3]"),
        (".nums | sort", "[[-4,1,2.5,3]]"),
        (".dup | unique, group_by(.)", "[[1,2],[[1,1],[2]]]"),
        ("[.k[] | select(.x == 1) | .n]", '[["a"]]'),
        (".k | map({(.n): .x}) | add", '[{"a":1,"b":"s"}]'),
        (".kv | from_entries", '[{"a":1,"b":2}]'),
        (".o | to_entries", '[[{"key":"a","value":1},{"key":"b","value":2}]]'),
        (".o | with_entries(.value += 1)", '[{"a":2,"b":3}]'),
        ("{} | .a.b.c = 1", '[{"a":{"b":{"c":1}}}]'),
        ("{} | .a[1] |= 3", '[{"a":[null,3]}]'),
        ("[1] | .[3] = 1", "[[1,null,null,1]]"),
        ("[1,2,3] | del(.[0,2])", "[[2]]"),
        (".o | del(.a)", '[{"b":2}]'),
        ('[1,null,"a"] | join(",")', '["1,,a"]'),
        ('.s | [scan("[A-Z]")]', '[["H","W"]]'),
        ('.s | split(", "), test("w"; "i"), ascii_downcase', '[["Hello","World"],true,"hello, world"]'),
        ('.s | sub("l"; "L"), gsub("l"; "L")', '["HeLlo, World","HeLLo, WorLd"]'),
        ('"\\(.o.a + 1)-x"', '["2-x"]'),
        ("if .nul then 1 elif .o then 2 else 3 end", "[2]"),
        ('.missing // "d"', '["d"]'),
        ("reduce .dup[] as $i (0; . + $i)", "[4]"),
        ("[limit(2; range(infinite))]", "[[0,1]]"),
        ('"x" | @base64, @uri, @json', '["eA==","x","\\"x\\""]'),
        ('try error("x") catch .', '["x"]'),
        ("[.o | leaf_paths]", '[[["a"],["b"]]]'),
        ("1 as $x | def f: $x + 1; f # end", "[2]"),
        (".o | tojson | fromjson | .a", "[1]"),
    ],
)
def test_usual_programs_answer_as_upstream(evaluator: jq.Evaluator, source: str, results: str) -> None:
    assert results_of(evaluator, source) == results


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (".k.x", 'Cannot index array with string "x"'),
        (".s.x", 'Cannot index string with string "x"'),
        (".[0]", "Cannot index object with number"),
        (".nul[]", "Cannot iterate over null"),
        ('1 + "a"', 'number (1) and string ("a") cannot be added'),
        ("1 / 0", "number (1) and number (0) cannot be divided because the divisor is zero"),
        ('error("\\(.s)!")', "Hello, World!"),
        ('1, error("late")', "late"),
    ],
)
def test_errors_read_as_upstreams(evaluator: jq.Evaluator, source: str, text: str) -> None:
    assert evaluator.evaluate(source, json.dumps(INPUT).encode()) == (frame.ERROR, text.encode())


@pytest.mark.parametrize("source", ["{", ".k |", "foo", "$x", "", 'import "x" as x; 1', 'include "/etc/passwd"; 1'])
def test_a_program_that_does_not_compile(evaluator: jq.Evaluator, source: str) -> None:
    kind, text = evaluator.evaluate(source, b"{}")
    assert kind == frame.SYNTAX
    assert text.startswith(b"jq: error: ")
    assert b"tojson" not in text
    assert evaluator.check(source) == (kind, text)


def test_a_program_that_compiles_passes_the_check_without_running(evaluator: jq.Evaluator) -> None:
    assert evaluator.check("[range(infinite)]") == (frame.OK, b"")


def test_numbers_beyond_java_become_doubles(evaluator: jq.Evaluator) -> None:
    data = b'{"a":100000000000000000000,"b":9223372036854775807,"c":1e1000}'
    assert evaluator.evaluate(".", data) == (
        frame.OK,
        b'{"a":1e+20,"b":9223372036854775807,"c":1.7976931348623157e+308}'.join((b"[", b"]")),
    )
    assert evaluator.evaluate('"1" * 3000 | tonumber', b"null") == (frame.OK, b"[1.7976931348623157e+308]")


def test_results_are_bounded(evaluator: jq.Evaluator) -> None:
    assert evaluator.evaluate("range(infinite)", b"null") == (frame.ERROR, b"The result is too large")
    assert evaluator.evaluate('"x" * 5000', b"null") == (frame.ERROR, b"The result is too large")
    kind, text = evaluator.evaluate("reduce range(600) as $i (.; [.])", b"null")
    assert (kind, text) == (frame.ERROR, b"The result is nested deeper than 500 levels")


def test_the_clock_shows_no_more_than_milliseconds(evaluator: jq.Evaluator) -> None:
    readings = json.loads(results_of(evaluator, "[range(50) | now * 1000 | . - round | fabs] | max"))
    assert readings[0] < 0.01


def test_input_that_is_no_json_is_an_error(evaluator: jq.Evaluator) -> None:
    assert evaluator.evaluate(".", b"{")[0] == frame.ERROR
