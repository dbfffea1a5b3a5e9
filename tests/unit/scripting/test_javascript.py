"""The JavaScript evaluator by itself: what a script's value becomes, and how its errors read.

The expected values and texts were observed on upstream's engine, unless the comment of a group says otherwise.
"""

import importlib
import json
from typing import Any

import pytest

from podium.scripting import frame, javascript

INPUT = {"a": {"b": 1}, "s": "str", "n": 3, "list": [1, 2, 3], "nul": None, "double": 1.0, "half": 1.5}


@pytest.fixture(scope="module")
def evaluator() -> javascript.Evaluator:
    return javascript.Evaluator(importlib.import_module("_quickjs"), 1_000, 32 << 20, 1 << 20, 4_096)


def value_of(evaluator: javascript.Evaluator, source: str, data: Any = INPUT) -> str:
    kind, body = evaluator.evaluate(source, json.dumps(data).encode())
    assert kind == frame.OK, body
    return body.decode()


def error_of(evaluator: javascript.Evaluator, source: str) -> str:
    kind, body = evaluator.evaluate(source, json.dumps(INPUT).encode())
    assert kind in (frame.ERROR, frame.SYNTAX), body
    return body.decode()


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1.0", "1"),
        ("1.5", "1.5"),
        ("-0", "-0.0"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("2147483648", "2147483648"),
        ("2 ** 62", "4611686018427387904"),
        ("-(2 ** 63)", "-9223372036854775808"),
        ("2 ** 63", "9223372036854776000.0"),
        ("1e18", "1000000000000000000"),
        ("1e21", "1e+21"),
        ("5e-324", "5e-324"),
        ("NaN", '"NaN"'),
        ("1e400", '"Infinity"'),
        ("-Infinity", '"-Infinity"'),
        ("[NaN, 1, 2.50]", '["NaN",1,2.5]'),
        ("10n", "10"),
        ("({a: 5n})", '{"a":5}'),
        ("undefined", "null"),
        ("null", "null"),
        ("true", "true"),
        ("'s'", '"s"'),
        ("''", '""'),
        ("'\\u0000\"'", '"\\u0000\\""'),
    ],
)
def test_scalars_become_what_java_makes_of_them(evaluator: javascript.Evaluator, source: str, value: str) -> None:
    assert value_of(evaluator, source) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("[1, undefined, null]", "[1,null,null]"),
        ("[1, , 3]", "[1,null,3]"),
        ("({a: undefined, b: 1, c: function(){}, d: new Date(0), e: null})", '{"a":null,"b":1,"c":{},"d":{},"e":null}'),
        ("(function(){})", "{}"),
        ("Object.assign(function(){}, {x: 1})", '{"x":1}'),
        ("new Date(0)", "{}"),
        ("/x/g", "{}"),
        ("new Error('q')", "{}"),
        ("new Set([1])", "{}"),
        ("Symbol('x')", "{}"),
        ("({[Symbol('x')]: 1, a: 2})", '{"a":2}'),
        ("new Map([['a', 1], ['b', new Map()]])", '{"a":1,"b":{}}'),
        ("new Map([[1, 2], ['__proto__', 3]])", '{"1":2,"__proto__":3}'),
        ("({m: new Map([['x', {y: 1}]])})", '{"m":{"x":{"y":1}}}'),
        ("new String('s')", '"s"'),
        ("new Number(5)", "5"),
        ("new Boolean(false)", "false"),
        ("new Int8Array([1, 2])", "[1,2]"),
        ("new Float64Array([1.5, NaN])", '[1.5,"NaN"]'),
        ("new ArrayBuffer(2)", "{}"),
        ("class A { constructor() { this.x = 1 } get y() { return 2 } }; new A()", '{"x":1}'),
        ("({get a() { return 7 }})", '{"a":7}'),
        ("Object.defineProperty({}, 'h', {value: 1})", "{}"),
        ("Object.create({inherited: 1}, {own: {value: 2, enumerable: true}})", '{"own":2}'),
        ("Object.assign([1], {x: 2})", "[1]"),
        ("(function*() { yield 1 })()", "{}"),
        ("Promise.resolve(1)", "{}"),
        ("(async () => 1)()", "{}"),
        ("({toJSON() { return 5 }})", '{"toJSON":{}}'),
        ("({1: 'a', b: 2, 0: 'c'})", '{"0":"c","1":"a","b":2}'),
        ("new Proxy({a: 1}, {})", '{"a":1}'),
        ('JSON.parse(\'{"__proto__": {"x": 1}}\')', '{"__proto__":{"x":1}}'),
    ],
)
def test_composites_become_lists_and_objects(evaluator: javascript.Evaluator, source: str, value: str) -> None:
    assert value_of(evaluator, source) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("if ($.n > 2) { true; } else { false; }", "true"),
        ("for (var i = 0; i < 3; i++) { i * 2 }", "4"),
        ("{a: 1}", "1"),
        ("var x = 1;", "null"),
        ("let y = 2", "null"),
        ("x = 5; x", "5"),
        ("function f() { return 1 }", "null"),
        ("", "null"),
        ("// nothing", "null"),
        ("(function(){ return 1 })()", "1"),
        ("(() => {})()", "null"),
        ("'use strict'; this === globalThis", "true"),
        ("let $$ = $; $ = 1; $$.n + $", "4"),
    ],
)
def test_the_value_is_the_completion_value(evaluator: javascript.Evaluator, source: str, value: str) -> None:
    assert value_of(evaluator, source) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("$.a", '{"b":1}'),
        ("$['a'].b", "1"),
        ("$.missing", "null"),
        ("$.missing === undefined", "true"),
        ("$.nul === null", "true"),
        ("$.double", "1"),
        ("$.half", "1.5"),
        ("$.s + $.n", '"str3"'),
        ("$.list.map(x => x * 2)", "[2,4,6]"),
        ("$.list.length", "3"),
        ("[].concat($.list)", "[1,2,3]"),
        ("({...$.a})", '{"b":1}'),
        ("$.a.c = 3; $.a", '{"b":1,"c":3}'),
        ("delete $.s; $.s", "null"),
        ("this.$ === $", "true"),
        # Upstream shows Java's maps here; a plain object is what a script expects.
        ("Object.keys($.a)", '["b"]'),
        ("'a' in $ && $.hasOwnProperty('a')", "true"),
        ("JSON.stringify($.a)", '"{\\"b\\":1}"'),
    ],
)
def test_the_input_is_an_ordinary_object(evaluator: javascript.Evaluator, source: str, value: str) -> None:
    assert value_of(evaluator, source) == value


# Decided here, not upstream's: a large BigInt is text and not {}, half of a pair of surrogates is U+FFFD and not "?".
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("123456789012345678901234567890n", '"123456789012345678901234567890"'),
        ("'\\ud800'", '"\\ufffd"'),
        ("['\\\\ud800', '\\\\\\ud800']", '["\\\\ud800","\\\\\\ufffd"]'),
        ("'\\ud83d\\ude00'", '"😀"'),
    ],
)
def test_values_that_json_or_java_can_not_hold(evaluator: javascript.Evaluator, source: str, value: str) -> None:
    assert value_of(evaluator, source) == value


def test_a_long_that_is_only_passed_on_keeps_its_digits(evaluator: javascript.Evaluator) -> None:
    data = {"id": 1234567890123456789, "other": [-9007199254740993], "text": "12345678901234567890"}
    assert value_of(evaluator, "({copy: $.id, list: $.other})", data) == (
        '{"copy":1234567890123456789,"list":[-9007199254740993]}'
    )
    assert value_of(evaluator, "$.id", data) == "1234567890123456789"


def test_two_longs_that_are_one_double_stay_that_double(evaluator: javascript.Evaluator) -> None:
    assert value_of(evaluator, "$", [9007199254740993, 9007199254740992]) == "[9007199254740993,9007199254740993]"
    assert value_of(evaluator, "$", [9007199254740995, 9007199254740997]) == "[9007199254740996,9007199254740996]"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("throw new Error('x')", "`Error: x`"),
        ("\nthrow new Error('x')", "`Error: x`"),
        ("(function() {\n throw new TypeError('boo') })()", "`TypeError: boo`"),
        ("throw TypeError('q')", "`TypeError: q`"),
        ("throw (() => new Error('arrow'))()", "`Error: arrow`"),
        ("throw new Error()", "`Error`"),
        ("let e = new Error('m'); e.name = 'Foo'; throw e", "`Foo: m`"),
        ("class A extends Error {}; throw new A('z')", "`A: z`"),
        ("class A extends Error { constructor(m) { super(m); this.name = 'B' } }; throw new A('z')", "`B: z`"),
        ("[].reduce((a, b) => a)", "`TypeError: empty array`"),
        ("({get a() { throw new Error('g') }})", "`Error: g`"),
        ("foo.bar", "`ReferenceError: foo is not defined` at line 1"),
        ("\n\nfoo.bar", "`ReferenceError: foo is not defined` at line 3"),
        ("$.missing.x", "`TypeError: Cannot read property 'x' of undefined` at line 1"),
        ("$.nul.x", "`TypeError: Cannot read property 'x' of null` at line 1"),
        ("var o = {};\no.f();", "`TypeError: o.f is not a function` at line 2"),
        ("new 5", "`TypeError: 5 is not a constructor` at line 1"),
        ("const q = 1; q = 2", '`TypeError: Assignment to constant "q"` at line 1'),
        ("\n'use strict';\nmissing = 1;", "`ReferenceError: missing is not defined` at line 3"),
        ("function f() { f() }; f()", "`RangeError: Maximum call stack size exceeded` at line 1"),
        ("throw 'str'", "`str` at line 1"),
        ("var a = 1;\nthrow 42", "`42` at line 2"),
        ("throw null", "`null` at line 1"),
        ("throw undefined", "`undefined` at line 1"),
        ("throw 10n", "`10n` at line 1"),
        ("throw Symbol('q')", "`Symbol(q)` at line 1"),
        ("throw {a: 1}", "`Error` at line 1"),
        ("throw {message: 'm'}", "`Error: m` at line 1"),
        ("throw {message: 'm', name: 'N'}", "`N: m` at line 1"),
        ("throw [1, 2]", "`Array` at line 1"),
        ("throw new (class Foo {})", "`Foo` at line 1"),
        ("throw Object.create(null)", "`Error` at line 1"),
        ("throw {toString() { throw 1 }}", "`Error` at line 1"),
        ("console", "`ReferenceError: console is not defined` at line 1"),
    ],
)
def test_errors_read_as_conductors(evaluator: javascript.Evaluator, source: str, text: str) -> None:
    assert error_of(evaluator, source) == f"Error evaluating the script {text}"


def test_a_syntax_error_shows_its_place(evaluator: javascript.Evaluator) -> None:
    kind, body = evaluator.evaluate("var a = 1;\n  a = 1 +* 2", b"{}")
    assert kind == frame.SYNTAX
    assert body.decode() == (
        "Error evaluating the script `SyntaxError: inline:2:9 Expected an operand but found *\n"
        "  a = 1 +* 2\n         ^\n` at line 2"
    )


def test_a_syntax_error_of_evaluated_text_is_an_error_of_the_run(evaluator: javascript.Evaluator) -> None:
    assert evaluator.evaluate("eval('1 +')", b"{}")[0] == frame.ERROR


def test_a_function_body_gives_its_value_by_return(evaluator: javascript.Evaluator) -> None:
    assert evaluator.evaluate_body("return {z: $.k + 1} // done", b'{"k":1}') == (frame.OK, b'{"z":2}')
    assert evaluator.evaluate_body("$.k", b'{"k":1}') == (frame.OK, b"null")


def test_errors_of_a_function_body_have_the_lines_of_the_body(evaluator: javascript.Evaluator) -> None:
    _, first = evaluator.evaluate_body("foo.x", b"{}")
    _, second = evaluator.evaluate_body("var a;\nreturn a.x", b"{}")
    _, thrown = evaluator.evaluate_body("throw new Error('x')", b"{}")
    _, broken = evaluator.evaluate_body("return 1 +", b"{}")
    assert first.endswith(b"at line 1")
    assert second.endswith(b"at line 2")
    assert thrown == b"Error evaluating the script `Error: x`"
    assert b"inline:1:10" in broken


@pytest.mark.parametrize(
    "source", ["$.a > 1", "foo()", "", "throw 1", "for (;;);", "function f() {}", "$.x.y.z", "'use strict'; 1"]
)
def test_a_program_that_compiles_passes_the_check_without_running(evaluator: javascript.Evaluator, source: str) -> None:
    assert evaluator.check(source) == (frame.OK, b"")


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("1 +", "1:3"),
        ("\n  if (", "2:6"),
        ("let x; let x", "1:12"),
        ("return 1", "1:0"),
        ("'use strict'; with (a) {}", "1:14"),
    ],
)
def test_a_program_that_does_not_compile_fails_the_check(
    evaluator: javascript.Evaluator, source: str, place: str
) -> None:
    kind, detail = evaluator.check(source)
    assert kind == frame.SYNTAX
    assert detail.decode().startswith(f"SyntaxError: inline:{place} ")


def test_results_are_bounded_in_size_and_depth(evaluator: javascript.Evaluator) -> None:
    large = "Error evaluating the script `RangeError: The result is too large`"
    assert error_of(evaluator, "'x'.repeat(5000)") == large
    assert error_of(evaluator, "Array(5000).fill(1)") == large
    assert error_of(evaluator, "'é'.repeat(3000)") == large
    assert value_of(evaluator, "'[{'.repeat(600)") == json.dumps("[{" * 600)
    deep = error_of(evaluator, "let d = []; for (let i = 0; i < 600; i++) d = [d]; d")
    assert deep == "Error evaluating the script `RangeError: The result is nested deeper than 500 levels`"
    assert "circular" in error_of(evaluator, "let r = []; r[0] = r; r")


def test_a_loop_is_stopped_with_conductors_text(evaluator: javascript.Evaluator) -> None:
    kind, body = evaluator.evaluate("for (;;);", b"{}")
    assert (kind, body) == (frame.TIMEOUT, b"Script not evaluated within 1 seconds, interrupted.")


def test_a_script_can_not_pretend_to_be_stopped(evaluator: javascript.Evaluator) -> None:
    kind, _ = evaluator.evaluate("throw new InternalError('interrupted')", b"{}")
    assert kind == frame.ERROR


def test_an_exhausted_heap_is_an_error(evaluator: javascript.Evaluator) -> None:
    assert "out of memory" in error_of(evaluator, "let a = []; for (;;) a.push('x'.repeat(1e5) + a.length)")


def test_input_that_is_no_json_is_an_error(evaluator: javascript.Evaluator) -> None:
    kind, body = evaluator.evaluate("1", b"{")
    assert kind == frame.ERROR
    assert b"SyntaxError" in body


def test_only_ecmascript_and_the_input_are_there(evaluator: javascript.Evaluator) -> None:
    names = json.loads(value_of(evaluator, "Object.getOwnPropertyNames(globalThis)"))
    foreign = {"console", "print", "load", "std", "os", "performance", "queueMicrotask", "btoa", "atob", "DOMException"}
    assert "$" in names
    assert not foreign & set(names)
