"""JSONPath as Conductor's definitions know it; the tables were taken down from upstream's own library."""

import time
from typing import Any

import pytest

from podium.expressions.bounds import ExpressionTooLarge
from podium.expressions.json_path import InvalidPath, compile_path

DOCUMENT: dict[str, Any] = {
    "a": 1,
    "s": "str",
    "m": {"x": 1, "n": None, "l": [1, "q"]},
    "l": [{"x": 1}, {"x": 2}],
    "nums": [3, 1, 2.5],
    "deep": [[1, 2], [3, [4]]],
    "e": [],
    "q'q": 5,
    "d.d": 6,
    "a b": 7,
    "a-b:c@d": 8,
    "mix": [
        {"x": "1", "t": "aa/b"},
        {"x": 1, "t": "bb"},
        {"x": None},
        {"y": 1},
        {"x": [1, 2]},
        {"x": True},
        {"x": "abc"},
    ],
}


def read(path: str, document: Any = DOCUMENT) -> Any:
    return compile_path(path).read(document)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", 1),
        ("$.a", 1),
        ("@.a", 1),
        ("$['a']", 1),
        ("['m'].x", 1),
        ('m["x"]', 1),
        ("m[ 'x' ]", 1),
        ("m.['x']", 1),
        ("['q\\'q']", 5),
        ('["q\'q"]', 5),
        ("['d.d']", 6),
        ("['a b']", 7),
        ("a-b:c@d", 8),
        ("['\\u0061']", 1),
        ("l[0].x", 1),
        ("l[ -1 ].x", 2),
        ("l[00].x", 1),
        ("m.n", None),
        ("m['x','n','no']", {"x": 1, "n": None}),
        ("m['no','nope']", {}),
        ("a ", 1),
    ],
)
def test_definite_paths_yield_the_value(path: str, expected: Any) -> None:
    assert compile_path(path).is_definite
    assert read(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "no",
        "no.x",
        "a.x",
        "m.n.x",
        "l.x",
        "l['x']",
        "l[2]",
        "l[-3]",
        "m[0]",
        "s[0]",
        "s.length",
        "l.0",
        "['']",
        "a*",
        "m.x}",
    ],
)
def test_definite_paths_to_nothing_yield_null(path: str) -> None:
    assert compile_path(path).is_definite
    assert read(path) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("l[*].x", [1, 2]),
        ("l.*.x", [1, 2]),
        ("m.*", [1, None, [1, "q"]]),
        ("m[ * ]", [1, None, [1, "q"]]),
        ("a.*", []),
        ("no[*]", []),
        ("no..x", []),
        ("l[*].y", []),
        ("deep[*][*]", [1, 2, 3, [4]]),
        ("deep[*][0]", [1, 3]),
        ("m..x", [1]),
        ("$.l..x", [1, 2]),
        (".x", [1, 1, 2, "1", 1, None, [1, 2], True, "abc"]),
        ("$..l[0]", [{"x": 1}, 1]),
        ("$..m['x','n']", [{"x": 1, "n": None}]),
        ("mix..['x','t']", [{"x": "1", "t": "aa/b"}, {"x": 1, "t": "bb"}]),
        ("deep..*", [[1, 2], [3, [4]], 1, 2, 3, [4], 4]),
        ("deep..[0]", [[1, 2], 1, 3, 4]),
        ("['m','l'].x", [1]),
        ("l[0,1].x", [1, 2]),
        ("l[1 , 0].x", [2, 1]),
        ("l[0,9].x", [1]),
        ("nums[0:2]", [3, 1]),
        ("nums[1:]", [1, 2.5]),
        ("nums[:1]", [3]),
        ("nums[-1:]", [2.5]),
        ("nums[:-1]", [3, 1]),
        ("nums[-2:-1]", [1]),
        ("nums[1:-1]", []),
        ("nums[-2:2]", [1, 2.5, 3, 1]),  # upstream wraps around
        ("nums[0:9]", [3, 1, 2.5]),
        ("nums[9:]", []),
        ("nums[-9:]", [3, 1, 2.5]),
        ("nums[0:3:2]", [3, 1, 2.5]),  # and ignores the step
        ("m[0:1]", []),
    ],
)
def test_indefinite_paths_yield_lists(path: str, expected: list[Any]) -> None:
    assert not compile_path(path).is_definite
    assert read(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("l.length()", 2),
        ("l.size()", 2),
        ("m.length()", 3),
        ("s.length()", None),
        ("no.length()", None),
        ("length($.l)", 2),
        ("l.length( )", 2),
        ("l.length().x.y", 2),  # what follows a function is ignored
        ("m.keys()", ["x", "n", "l"]),
        ("l.keys()", None),
        ("nums.min()", 1.0),
        ("nums.max()", 3.0),
        ("nums.sum()", 6.5),
        ("nums.avg()", 2.1666666666666665),
        ("nums.stddev()", 0.8498365855987975),
        ("nums.sum(1,$.a)", 8.5),
        ("$.sum($.l[*].x)", 3.0),
        ("$.max(1,2,3)", 3.0),
        ("l.sum()", None),
        ("e.min()", None),
        ("nums.first()", 3),
        ("nums.last()", 2.5),
        ("nums.index(1)", 1),
        ("nums.index(-1)", 2.5),
        ("nums.index(9)", None),
        ("nums.index()", None),
        ("e.first()", None),
        ("s.first()", None),
        ("nums.append(9,'x')", [3, 1, 2.5, 9, "x"]),
        ("m.append(1)", {"x": 1, "n": None, "l": [1, "q"]}),
        ("$.concat($.s,'-',$.a, 1.5, true, null)", "str-11.5"),
        ("m.l.concat($.l)", "q{x=1}{x=2}"),
        ("nums.foo()", None),
    ],
)
def test_functions(path: str, expected: Any) -> None:
    assert compile_path(path).is_definite
    assert read(path) == expected
    assert DOCUMENT["nums"] == [3, 1, 2.5]


def test_a_function_after_an_indefinite_path_applies_to_each() -> None:
    assert read("l[*].length()") == [1, 1]
    assert read("mix[?(@.t)].t.concat('a')") == ["a", "a"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("@.x", ["1", 1, None, [1, 2], True, "abc"]),
        ("!@.x", ["y"]),
        ("!(@.x)", ["y"]),
        ("!!@.x == 1", ["1", 1]),
        ("@.x == 1", ["1", 1]),
        ("@.x == '1'", ["1", 1]),
        ("'1' == @.x", ["1", 1]),
        ("@.x===1", [1]),
        ("@.x !== 1", ["1", None, "y", [1, 2], True, "abc"]),
        ("@.x != 1", [None, "y", [1, 2], True, "abc"]),
        ("@.x == null", [None, "y"]),
        ("@.x != null", ["1", 1, [1, 2], True, "abc"]),
        ("@.x == true", [True]),
        ('@.x == "abc"', ["abc"]),
        ("@.x == [1,2]", [[1, 2]]),
        ("@.x == [ 1 , '2' ]", []),
        ("@['x'] > 0", [1]),
        ("0 < @.x", [1]),
        ("@.x >= 1 && @.x<=1", [1]),
        ("@.x >= '1'", ["1", "abc"]),
        ("@.x < 'b'", ["1", "abc"]),
        ("@.x > null", []),
        ("@.x == 1 || @.x == 'abc' && @.x == 2", ["1", 1]),
        ("(@.x == 1 || @.x == 'abc') && @.x != 1", ["abc"]),
        ("@.x&&@.x == 1", ["1", 1]),
        ("@.x in [1,'abc']", ["1", 1, "abc"]),
        ("@.x NIN [1,'abc']", [None, "y", [1, 2], True]),
        ("@.x in 1", []),
        ("@.x in $.nums", ["1", 1]),
        ("1 in @.x", [[1, 2]]),
        ("@.x contains 1", [[1, 2]]),
        ("@.x contains 'b'", ["abc"]),
        ("@.x size 2", [[1, 2]]),
        ("@.x size 3", ["abc"]),
        ("@.x empty false", ["1", [1, 2], "abc"]),
        ("@.x subsetof [1,2,3]", [[1, 2]]),
        ("@.x anyof [2]", [[1, 2]]),
        ("@.x noneof [1]", []),
        ("@.x noneof [3]", [[1, 2]]),
        ("@.x all [1]", [[1, 2]]),
        ("@.x[0] == 1", [[1, 2]]),
        ("@.x.length() == 2", [[1, 2]]),
        ("@.x == $.a", ["1", 1]),
        ("$.a == 1", ["1", 1, None, "y", [1, 2], True, "abc"]),
        ("$.nosuch", []),
        ("@..z", ["1", 1, None, "y", [1, 2], True, "abc"]),
        ("@.t =~ /a.*/", ["1"]),
        ("@.t =~ /B+/i", [1]),
        ("@.t =~ /aa\\/b/", ["1"]),
        ("@.t =~ /a/", []),
        ("@.x =~ /[12]/", ["1", 1, [1, 2]]),
        ("@.x =~ 'abc'", None),
        ("@.t =~ /(a+)+/", None),  # no bound for its cost: not supported
    ],
)
def test_filters(condition: str, expected: list[Any] | None) -> None:
    found = read(f"mix[?({condition})]")

    assert (found if found is None else [item.get("x", "y" if "y" in item else None) for item in found]) == expected


def test_filters_of_other_things_than_lists_of_maps() -> None:
    assert read("nums[?(@ > 1)]") == [3, 2.5]
    assert read("m[?(@.x == 1)]") == [DOCUMENT["m"]]
    assert read("m[?(@.x == 2)]") == []
    assert read("a[?(@.x == 1)]") is None
    assert read("no[?(@.x == 1)]") == []
    assert read("l[*].x[?(@ == 1)]") == []
    assert read("$..[?(@.x == 1)]") == [DOCUMENT["m"], {"x": 1}, *DOCUMENT["mix"][:2]]
    assert read("mm[?(@.n == {'z': 2})].v", {"mm": [{"n": {"z": 2}, "v": 1}, {"n": {}, "v": 2}]}) == [1]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "   ",
        " a",
        "a b",
        "a. b",
        "a .b",
        "$a",
        "$ .a",
        "$.",
        "a.",
        "a..",
        "a...b",
        "..a",
        "a[",
        "a[]",
        "a[b]",
        "a['b'",
        "a['b",
        "a['b\"]",
        "a['b',]",
        "a['b' 'c']",
        "a[:]",
        "a[::2]",
        "a[0 1]",
        "a[0,]",
        "a[,0]",
        "a[+1]",
        "a[--1]",
        "a[1-]",
        "a[- 1]",
        "a[0 : 1]",
        "a[2147483648]",
        "a[:99999999999999999999]",
        "a['b']c",
        "a.length(",
        "a.length(1",
        "a.concat('x'",
        "a[?]",
        "a[?()]",
        "a[?(@.x]",
        "a[?(@.x>)]",
        "a[?(@.x=1)]",
        "a[?(@.x <> 1)]",
        "a[?(@.x lt 1)]",
        "a[?(@.x == True)]",
        "a[?(@.x == [1)]",
        "a[?(@.x == {1:2})]",
        "a[?(@.x =~ /a)]",
        "a[?(1)]",
        "a[?(@.x && )]",
        "a[?(@.x == 1 @.y)]",
        "a[?@.x]",
        "a[(@.length-1)]",
        "a" * 5000,
    ],
)
def test_what_is_no_path_does_not_compile(path: str) -> None:
    with pytest.raises(InvalidPath):
        compile_path(path)


def test_the_error_says_where_and_what() -> None:
    with pytest.raises(InvalidPath, match=r"'\$\.a\[b\]': expected an index.* at position 4"):
        compile_path("a[b]")


def test_plain_paths_give_their_keys() -> None:
    assert compile_path("$.a['b c'].d[-1]").plain == ("a", "b c", "d", -1)
    assert compile_path("$").plain == ()
    for path in ["a[*]", "a..b", "a[0,1]", "a['b','c']", "a.length()", "a[0:1]", "a[?(@.b)]"]:
        assert compile_path(path).plain is None


def test_reading_shares_the_document() -> None:
    assert read("m") is DOCUMENT["m"]
    assert read("$") is DOCUMENT


@pytest.mark.parametrize(
    "path",
    [
        "$..*..*..*..*",
        "$" + "..*" * 300,
        "$..[?($..[?(@..x == 1)] == 1)]",
        "$..[?($..*..x == 1)]",
        "l[?(@.k in $..x)]",
    ],
)
def test_no_path_visits_nodes_without_end(path: str) -> None:
    chain: Any = 1
    for _ in range(300):
        chain = [chain, {"x": 2}]
    document = {"l": [{"x": i} for i in range(2000)], "chain": chain}
    start = time.perf_counter()

    with pytest.raises(ExpressionTooLarge):
        read(path, document)

    assert time.perf_counter() - start < 20


def test_patterns_are_on_the_same_account() -> None:
    document = {"l": ["a" * 3000] * 10}

    assert read("l[?(@ =~ /a*/)]", document) == document["l"]
    with pytest.raises(ExpressionTooLarge):
        read("l[?(@ =~ /a*a*b/)]", document)


def test_brackets_inside_each_other_are_bounded() -> None:
    for path in [
        "a[?(" + "(" * 500,
        "a[?(" + "!" * 500 + "@)]",
        "a" + "[?(@.b" * 500,
        "a[?(@ == " + "[" * 500,
        "a(" + "$.a(" * 500,
    ]:
        with pytest.raises(InvalidPath):
            compile_path(path)


def test_deep_documents_are_descended_without_recursion() -> None:
    deep: Any = {"x": 1}
    for _ in range(20_000):
        deep = [deep]

    assert read("$..x", deep) == [1]
    with pytest.raises(ExpressionTooLarge):
        read("l[?(@ == $.l[1])]", {"l": [deep, [deep]]})
