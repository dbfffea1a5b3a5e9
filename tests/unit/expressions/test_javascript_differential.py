"""Whatever the small evaluator answers, a real engine must answer too: generated programs and token soup."""

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
    st.sampled_from(
        ["", "a", "b", "1", "01", "-1", "1.5", " 1", "0x1", "1e3", "abc", "Infinity", "NaN", "true", "null"]
    ),
    st.text(alphabet="ab1é\ud7ff\ue000\uffff😀\u2028'\"\\", max_size=4),
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
paths = st.lists(
    st.one_of(names.map(".{}".format), st.sampled_from(["[0]", "[1]", "[-1]", "['x y']", '["a"]', "['0']"])), max_size=3
)
leaves = st.one_of(
    literals, paths.map(lambda parts: "$" + "".join(parts)), paths.map(lambda parts: "$" + "".join(parts))
)
OPERATORS = ["+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "===", "!==", "&&", "||"]
SHAPES = [
    *(f"{{}} {operator} {{}}" for operator in OPERATORS),
    "{} ? {} : {}",
    "!{}",
    "- {}",
    "({})",
    "({})[{}]",
    "({}).length",
    "({}).a",
    "({}).toString",
    "(function () {{ return {}; }})()",
    "(() => {})()",
    "(() => {{ return {} }})()",
    "(function(){{ if ({}) {{ return {}; }} else return {}; }}())",
]
PROGRAMS = [
    "{}",
    "{};",
    "{}; {};",
    "if ({}) {{ {}; }} else {{ {}; }}",
    "if ({}) {{ {}; }}",
    "{}; if ({}) {{}} ;",
    "{}; if ({}) {}",
    "if ({}) {}; else if ({}) {}; else {};",
    "if ({}) {{ {}; {} }}",
    "function e() {{ if ({}) {{ return {} }} return {} }} e();",
    "function f() {{ {}; if ({}) return {}\n else if ({}) {{}} }}\nf()",
    "(function() {{ {}; return }})();",
]


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    """A random expression; brackets around an operand are left to chance, so that precedence is tried as well."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(leaves)
    shape = draw(st.sampled_from(SHAPES))
    parts = [draw(expressions(depth - 1)) for _ in range(shape.count("{}"))]
    return shape.format(*(f"({part})" if draw(st.booleans()) else part for part in parts))


@st.composite
def programs(draw: st.DrawFn) -> str:
    shape = draw(st.sampled_from(PROGRAMS))
    return shape.format(*(draw(expressions()) for _ in range(shape.count("{}"))))


WORDS = """
    $ .a .b [ ] ( ) { } ; 1 0 2.5 .5 'a' " ' + - * / % ! = == === < > <= && || ? : ?. => () function return if else true
    null undefined , e x ` // /* \\ let var $.a (function(){ })() return$.a if($.a) (()=>
"""
soup = st.lists(st.sampled_from([*WORDS.split(), " ", "\n", "if ($.a) 1", "else 2", "return 1"]), max_size=9).map(
    " ".join
)
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
    assert json.dumps(value, sort_keys=True) == json.dumps(real(text, dollar), sort_keys=True), (text, dollar)
    return True


@given(programs(), dollars)
@settings(max_examples=400, deadline=None)
def test_generated_programs_mean_the_same_in_a_real_engine(text: str, dollar: dict[str, object]) -> None:
    agrees(text, dollar)


@given(st.one_of(soup, tight_soup), dollars)
@settings(max_examples=400, deadline=None)
def test_accepted_token_soup_means_the_same_in_a_real_engine(text: str, dollar: dict[str, object]) -> None:
    agrees(text, dollar)
