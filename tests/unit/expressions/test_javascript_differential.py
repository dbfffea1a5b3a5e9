"""Whatever the small evaluator answers, a real engine must answer too: samples, generated expressions and token soup."""

import json

import quickjs
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.expressions.javascript import OutsideSubset, compile_script

KEYS = ["a", "b", "c", "lp", "x y", "length", "constructor", "toString", "0", "__proto__", "valueOf"]

numbers = st.one_of(
    st.integers(-3, 12),
    st.sampled_from([2**31, -(2**31), 2**53, 2**53 + 1, -(2**53), 10**17, 10**25]),
    st.sampled_from([0.0, -0.0, 0.5, 1.0, 1.5, -2.25, 0.1, 0.2, 1e21, 1e300, 5e-324, 123456789.125]),
)
strings = st.one_of(
    st.sampled_from(["", "a", "b", "1", "01", "-1", "1.5", " 1", "0x1", "1e3", "abc", "Infinity", "NaN", "true", "null"]),
    st.text(alphabet="ab1é\ud7ff\ue000\uffff😀\u2028'\"\\", max_size=4).filter(lambda s: s.isprintable() or True),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, strings)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS[:-2]), inner, max_size=3)
    ),
    max_leaves=6,
)
dollars = st.dictionaries(st.sampled_from(KEYS[:-2]), values, max_size=5)


def literal(value: object) -> str:
    if isinstance(value, float | int) and not isinstance(value, bool) and (value < 0 or str(value).startswith("-")):
        return f"(-{literal(abs(value))})"
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, float) else repr(value).replace("e+", "e")


names = st.sampled_from(["a", "b", "c", "lp", "length", "constructor", "toString", "valueOf", "__proto__"])
literals = st.one_of(scalars.map(literal), st.just("undefined"))
paths = st.lists(st.one_of(names.map(".{}".format), st.sampled_from(["[0]", "[1]", "[-1]", "['x y']", '["a"]', "['0']"])), max_size=3)
leaves = st.one_of(literals, paths.map(lambda parts: "$" + "".join(parts)), paths.map(lambda parts: "$" + "".join(parts)))
OPERATORS = ["+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "===", "!==", "&&", "||"]


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("{} ? {} : {}".format, inner, inner, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        inner.map("!{}".format),
        inner.map("- {}".format),
        inner.map("({})".format),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("({}).{}".format, inner, names),
        inner.map("(function () {{ return {}; }})()".format),
        inner.map("(() => {})()".format),
        st.builds("(function(){{ if ({}) {{ return {}; }} else return {}; }}())".format, inner, inner, inner),
    )


expressions = st.recursive(leaves, grown, max_leaves=8)


def programs(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner,
        inner.map("{};".format),
        st.builds("{}; {};".format, inner, inner),
        st.builds("if ({}) {{ {}; }} else {{ {}; }}".format, inner, inner, inner),
        st.builds("if ({}) {{ {}; }}".format, inner, inner),
        st.builds("{}; if ({}) {{}} ; {{}}".format, inner, inner),
        st.builds("if ({}) {}; else if ({}) {}; else {};".format, inner, inner, inner, inner, inner),
        st.builds("function e() {{ if ({}) {{ return {} }} return {} }} e();".format, inner, inner, inner),
        st.builds("function f() {{ {}; if ({}) return {}\n else if ({}) {{}} }}\nf()".format, inner, inner, inner, inner),
    )


soup = st.lists(
    st.sampled_from(
        ["$", ".a", ".b", "[", "]", "(", ")", "{", "}", ";", "\n", " ", "1", "0", "2.5", ".5", "'a'", '"', "'", "+", "-", "*", "/", "%",
         "!", "=", "==", "===", "<", ">", "<=", "&&", "||", "?", ":", "?.", "=>", "()", "function", "return", "if", "else", "true",
         "null", "undefined", ",", "e", "x", "`", "//", "/*", "\\", "let", "var", "$.a", "if ($.a) 1", "else 2", "(function(){", "})()", "return 1"]
    ),
    max_size=9,
).map(" ".join)  # fmt: skip
tight_soup = st.text(alphabet="$.a[]0(){};!-+=<>&|?:'1 \n/*e", max_size=9)


def real(script: str, dollar: object) -> object:
    """Return what QuickJS makes of it, whole numbers as ints."""
    context = quickjs.Context()
    context.set("$", context.parse_json(json.dumps(dollar)))
    value = context.eval(script)
    if isinstance(value, quickjs.Object):
        value = json.loads(value.json())
    return whole(value)


def whole(value: object) -> object:
    if isinstance(value, float) and value.is_integer() and str(value) != "-0.0":
        return int(value)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return value


def agrees(text: str, dollar: object) -> bool:
    """Check one script; tell whether it was evaluated here at all."""
    script = compile_script(text)
    if script is None:
        return False
    try:
        value = script.evaluate(dollar)
    except OutsideSubset:
        return False
    if type(value) is int and abs(value) > 2**53:  # handed through exactly, where the engine would round
        return False
    assert json.dumps(value) == json.dumps(real(text, dollar)), (text, dollar)
    return True


@given(programs(expressions), dollars)
@settings(max_examples=1500, deadline=None)
def test_generated_programs_mean_the_same_in_a_real_engine(text: str, dollar: dict[str, object]) -> None:
    agrees(text, dollar)


@given(st.one_of(soup, tight_soup), dollars)
@settings(max_examples=1500, deadline=None)
def test_accepted_token_soup_means_the_same_in_a_real_engine(text: str, dollar: dict[str, object]) -> None:
    agrees(text, dollar)
