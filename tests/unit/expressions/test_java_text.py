from typing import Any

import pytest

from podium.expressions.bounds import ExpressionTooLarge
from podium.expressions.java_text import java_text, json_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-12, "-12"),
        (2**70, "1180591620717411303424"),
        ("", ""),
        ("a=b, c", "a=b, c"),
        ({}, "{}"),
        ([], "[]"),
        ({"a": 1, "l": ["x", "y"], "n": None, "m": {"k": "v"}}, "{a=1, l=[x, y], n=null, m={k=v}}"),
        ([[], {}, [[1]], True, 1.0], "[[], {}, [[1]], true, 1.0]"),
    ],
)
def test_values_print_as_in_java(value: Any, text: str) -> None:
    assert java_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (100.0, "100.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (0.001, "0.001"),
        (0.0009, "9.0E-4"),
        (0.00012345, "1.2345E-4"),
        (9999999.0, "9999999.0"),
        (9999999.999, "9999999.999"),
        (1e7, "1.0E7"),
        (12345678.9, "1.23456789E7"),
        (1e10, "1.0E10"),
        (-1.5e300, "-1.5E300"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (5e-324, "4.9E-324"),
        (2e-323, "2.0E-323"),
        (123456789012345680.0, "1.2345678901234568E17"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (float("nan"), "NaN"),
    ],
)
def test_doubles_print_as_in_java(value: float, text: str) -> None:
    assert java_text(value) == text
    assert java_text([value]) == f"[{text}]"


def test_results_of_indefinite_paths_print_as_json() -> None:
    value = [1, "a/b", 'q"\\', {"k/": None, "f": 1e10}, [], {}, "\n\x01\x7f\u2028é😀"]

    assert json_text(value) == ('[1,"a\\/b","q\\"\\\\",{"k\\/":null,"f":1.0E10},[],{},"\\n\\u0001\\u007F\\u2028é😀"]')


def test_deep_values_print_without_recursion() -> None:
    deep: Any = 1
    for _ in range(50_000):
        deep = [deep]

    assert java_text(deep) == "[" * 50_000 + "1" + "]" * 50_000


def test_shared_values_that_multiply_are_stopped() -> None:
    doubling: Any = ["x"]
    for _ in range(60):
        doubling = [doubling, doubling]

    for text in (java_text, json_text):
        with pytest.raises(ExpressionTooLarge):
            text(doubling, limit=100_000)
    with pytest.raises(ExpressionTooLarge):
        java_text(["abc"], limit=4)
