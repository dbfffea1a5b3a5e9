"""The small evaluator: what it answers (checked against a real engine), what it leaves to one, and its bounds."""

import json
import time
from typing import Any

import pytest
import quickjs

from podium.expressions.javascript import OutsideSubset, Script, compile_script, truth

DOLLAR: dict[str, Any] = {
    "a": 3,
    "neg": -4,
    "f": 1.5,
    "one": 1.0,
    "s": "abc",
    "ten": "10",
    "empty": "",
    "t": True,
    "n": None,
    "l": [1, "x", {"k": 2}],
    "m": {"k": "v", "x y": {"z": 0}},
    "lp": {"iteration": 2, "2": {"body": {"result": 7}}},
    "none": [],
    "astral": "a😀",
    "big": 2**53 + 1,
}


def evaluated(text: str, dollar: Any = DOLLAR) -> Any:
    script = compile_script(text)
    assert isinstance(script, Script), text
    return script.evaluate(dollar)


def real(text: str) -> Any:
    context = quickjs.Context()
    context.set("$", context.parse_json(json.dumps(DOLLAR)))
    value = context.eval(text)
    return json.loads(value.json()) if isinstance(value, quickjs.Object) else value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$.lp.iteration < 2", False),
        ("$.lp['iteration'] <= 2", True),
        ("$.lp['2'].body.result", 7),
        ("$.lp[2].body.result > 5", True),
        ("$.a + 1", 4),
        ("$.a + 0.5", 3.5),
        ("$.a * $.f", 4.5),
        ("$.a * 2 - 10 / 4 % 2", 5.5),
        ("7 / 2", 3.5),
        ("6 / 2", 3),
        ("-7 % 3", -1),
        ("0.1 + 0.2", 0.30000000000000004),
        ("2 - -1", 3),
        ("-$.a", -3),
        ("1 + 2 * 3 === 7", True),
        ("(1 + 2) * 3", 9),
        ("1e3", 1000),
        (".5", 0.5),
        ("$.one", 1),
        ("$.s + '-' + $.a", "abc-3"),
        ("$.s + true + null + undefined", "abctruenullundefined"),
        ("'a' + $.one", "a1"),
        ("'\\u0041\\x42\\n\\''", "AB\n'"),
        ("$.s.length", 3),
        ("$.l.length", 3),
        ("$.l[2].k", 2),
        ("$.l[9]", None),
        ("$.l[-1]", None),
        ("$.s[1]", "b"),
        ("$.s[$.a]", None),
        ("$.m['x y'].z", 0),
        ("$['m']['k']", "v"),
        ("$.m[$.l[1] + ' y'].z", 0),
        ("$.missing", None),
        ("$.n", None),
        ("undefined", None),
        ("$.missing == null", True),
        ("$.missing === null", False),
        ("$.missing < 1", False),
        ("$.n < 1", True),
        ("$.n == 0", False),
        ("$.ten > 9", True),
        ("$.ten == 10", True),
        ("$.ten === 10", False),
        ("$.s == 5", False),
        ("$.s > 5", False),
        ("$.t == 1", True),
        ("$.t === 1", False),
        ("$.one == 1", True),
        ("'10' < '9'", True),
        ("$.s === 'abc' && $.a != 3", False),
        ("$.m == null", False),
        ("$.l === 1", False),
        ("!$.none", False),
        ("!!$.empty", False),
        ("$.empty || 'default'", "default"),
        ("$.m && $.m.k", "v"),
        ("$.n && $.n.k", None),
        ("$.a > 2 ? 'big' : $.a > 1 ? 'mid' : 'small'", "big"),
        ("$.a?.5:1", 0.5),
        ("$.l", [1, "x", {"k": 2}]),
        ("$.m", {"k": "v", "x y": {"z": 0}}),
        ("(function () { return $.a * 2; })();", 6),
        ("(function(){ return $.a > 1 })()", True),
        ("(function(){ return $.a; }());", 3),
        (
            "(function pick() { if ($.a > 5) { return 'x'; } else if ($.t) { return 'y'; } else { return 'z'; } })()",
            "y",
        ),
        ("(function(){ if ($.a > 5) return 1; return 2; })()", 2),
        ("(function(){ $.a; })()", None),
        ("(function(){ return; })()", None),
        ("(() => $.a + 1)()", 4),
        ("(() => { return $.a })();", 3),
        ("(function(){ return 1 })() + (() => 2)()", 3),
        ("function e() { if ($.a > 1) { return 'long'; } else { return 'short'; } } e();", "long"),
        ("function check(){\n  if ($.a < 1)\n    return true\n  else\n    return false\n}\ncheck()", False),
        ("if ($.a > 1) { true; } else { false; }", True),
        ("if ($.a < 1) { true } else { false }", False),
        ("if ($.a < 1) { true }", None),
        ("if ($.a > 1) 'x'; else 'y'", "x"),
        ("1; $.a;", 3),
        ("1; ;", 1),
        ("1; if ($.t) {}", None),
        ("  \n $.a \t;\n", 3),
        ("", None),
        ("$", DOLLAR),
    ],
)
def test_samples_mean_the_same_in_a_real_engine(text: str, expected: Any) -> None:
    if text == "$":
        dollar = {"a": {"b": [1, 2.5]}}
        assert evaluated(text, dollar) is dollar
        return
    value = evaluated(text)

    assert value == expected
    assert type(value) is type(expected)
    assert real(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "this",
        "$x",
        "NaN",
        "Infinity",
        "Math.max(1, 2)",
        "$.s.toUpperCase()",
        "$.l.length()",
        "JSON.stringify($)",
        "$.a = 1",
        "$.a += 1",
        "$.a++",
        "--$.a",
        "1 --> 0",
        "$.a--1",
        "a <!--b",
        "+$.a",
        "~1",
        "2 ** 3",
        "1 << 2",
        "1 & 2",
        "$.a ?? 1",
        "$.m?.k",
        "typeof $.a",
        "'a' in $",
        "$ instanceof $",
        "void 0",
        "1, 2",
        "[1]",
        "({})",
        "{}",
        "{ 1 }",
        "`a`",
        "/a/",
        "1 // comment",
        "1 /* comment */",
        "010",
        "08",
        "0x10",
        "1_000",
        "10n",
        "1.",
        "1.a",
        "1.5.a",
        "1..a",
        "3in []",
        "9007199254740993",
        "1e400",
        "'a\nb'",
        "'\\q'",
        "'\\0'",
        "'\\ud800'",
        "'\\u{41}'",
        "'abc",
        "\\u0024",
        "$.__proto__",
        "$['__proto__']",
        "var x = 1; x",
        "let x = 1; x",
        "return 1",
        "if ($.a) { return 1 }",
        "(function(){ return\n 1 })()",
        "(function(){ return 1 }",
        "(function(x){ return x })(1)",
        "(function(){ return 1 })(2)",
        "(function(){ return 1 }).call()",
        "(function $(){ return $.a })()",
        "(function if(){ return 1 })()",
        "(async function(){ return 1 })()",
        "(()\n=> 1)()",
        "(x => 1)()",
        "(() => 1())",
        "(() => {return 1}())",
        "function e() { return e(); } e()",
        "function e() { return 1 } e() + e()",
        "function e() { return 1 } function e() { return 2 } e()",
        "e(); function e() { return 1 }",
        "function undefined() { return 1 } undefined()",
        "function e() { return 1 } e",
        "1 2",
        "$.a\n$.f",
        "1 +",
        "(1",
        "1)",
        "$.",
        "$.1",
        "$[]",
        "$.a ? 1",
        "if $.a 1",
        "if ($.a)",
        "else 1",
        "1;}",
        "\u00a01",
        "ä",
        "\ufeff1",
        "throw 1",
        "for(;;){}",
        "while(true){}",
    ],
)
def test_what_is_not_in_the_subset_does_not_compile(text: str) -> None:
    assert compile_script(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "$.missing.x",
        "$.n.x",
        "$.n[0]",
        "$.a.x",
        "$.t.x",
        "$.toString",
        "$.m.constructor",
        "$['hasOwnProperty']",
        "$.m['value' + 'Of']",
        "$['__pro' + 'to__']",
        "$.l.map",
        "$.l['0']",
        "$.l[0.5]",
        "$.l[$.n]",
        "$.s.trim",
        "$.astral.length",
        "$.astral[0]",
        "$.astral < '\uffff'",
        "'\ue000' < 'a'",
        "$.big + 0",
        "$.big > 1",
        "$.big == 1",
        "9007199254740992 + 1",
        "94906267 * 94906267",
        "1e308 * 10",
        "1 / 0",
        "$.a / $.missing",
        "5 % 0",
        "-0",
        "0 * -1",
        "-4 % 2",
        "1e300",
        "$.f + 'x'",
        "$.l + 'x'",
        "$.t + 1",
        "$.n + 1",
        "$.s - 1",
        "$.ten * 2",
        "-$.s",
        "-$.n",
        "$.l == $.l",
        "$.l === $.l",
        "$.l == 'x'",
        "$.l < 1",
        "$.empty < 1",
        "' 1' == 1",
        "'0x10' == 16",
        "'Infinity' > 1",
    ],
)
def test_operands_that_are_not_certain_are_left_to_a_real_engine(text: str) -> None:
    with pytest.raises(OutsideSubset):
        evaluated(text)


def test_results_that_an_engine_would_write_otherwise_are_left_to_it() -> None:
    for value in [{"f": 1.0}, [[1e300]], {"big": 2**53 + 1}]:
        with pytest.raises(OutsideSubset):
            evaluated("$.v", {"v": value})
    assert evaluated("$.v", {"v": [0.5, {"x": None}]}) == [0.5, {"x": None}]


def test_own_members_win_over_inherited_names() -> None:
    assert evaluated("$.constructor + $.m.length", {"constructor": "c", "m": {"length": 5}}) == "c5"


def test_a_large_number_is_handed_through_exactly() -> None:
    assert evaluated("$.big") == 2**53 + 1


def test_maps_that_load_entries_on_demand_are_read() -> None:
    class Iterations(dict[str, Any]):
        def __missing__(self, key: str) -> Any:
            if key != "2":
                raise KeyError(key)
            return {"x": 5}

        def whole(self) -> dict[str, Any]:
            return {"2": self["2"], **self}

    dollar = {"lp": Iterations(iteration=2)}

    assert evaluated("$.lp['2'].x", dollar) == 5
    assert evaluated("$.lp[2].x", dollar) == 5
    assert evaluated("$.lp[3]", dollar) is None
    assert evaluated("$.lp", dollar) == {"iteration": 2, "2": {"x": 5}}


def test_dollar_may_be_any_value() -> None:
    assert evaluated("$ > 1", 5) is True
    assert evaluated("$[0]", ["a"]) == "a"
    with pytest.raises(OutsideSubset):
        evaluated("$.a", None)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000,
        "(" * 300 + "1" + ")" * 300,
        "!" * 9000 + "1",
        "- " * 4000 + "1",
        "1" + "+1" * 4000,
        "$" + "[0]" * 3000,
        "1?" * 3000,
        "1?1:" * 2000 + "1",
        "if(1){" * 1500,
        "if(1)" * 1900 + "1",
        "if(1)1;else " * 800 + "1",
        "(function(){return " * 500,
        "(()=>" * 1900,
        "1;" * 6000,
        "'" + "\\n" * 6000 + "'",
    ],
)
def test_long_and_deep_scripts_are_left_to_a_real_engine(text: str) -> None:
    start = time.perf_counter()

    assert compile_script(text) is None

    assert time.perf_counter() - start < 2


def test_a_script_at_the_limits_runs() -> None:
    assert evaluated("$" + ".m" * 40, json.loads('{"m":' * 41 + "1" + "}" * 41)) == {"m": 1}
    assert evaluated("1;" * 4999) == 1
    assert evaluated("(" * 40 + "1" + ")" * 40) == 1


def test_text_that_grows_is_left_to_a_real_engine() -> None:
    with pytest.raises(OutsideSubset):
        evaluated("$.s" + "+$.s" * 50, {"s": "x" * 10_000})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (False, False),
        (1, True),
        (0.5, True),
        (0, False),
        (-1, False),
        ("true", False),
        (None, False),
        ([1], False),
    ],
)
def test_only_true_and_numbers_above_zero_are_true(value: Any, expected: bool) -> None:
    assert truth(value) is expected
