import re
import time

import pytest

from podium.expressions.pattern import compile_pattern


@pytest.mark.parametrize(
    ("text", "flags", "subject", "expected"),
    [
        ("a.*", "", "abc", True),
        ("a", "", "ab", False),  # all of the subject
        ("A.C", "i", "abc", True),
        ("a.c", "s", "a\nc", True),
        ("a.c", "", "a\nc", False),
        ("(foo|bar)-[0-9]{2,3}", "", "bar-123", True),
        ("(?:foo|bar)?x+", "", "xx", True),
        ("\\d+\\.\\d*", "", "12.", True),
        ("[^a-c\\s]+", "", "xyz", True),
        ("^a$", "", "a", True),
        ("a{3}", "", "aaa", True),
    ],
)
def test_common_expressions_match(text: str, flags: str, subject: str, expected: bool) -> None:
    pattern = compile_pattern(text, flags)

    assert pattern is not None
    assert pattern.matches(subject) is expected


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("(a+)+", ""),
        ("(a|a)*b", ""),
        ("(a*){2,5}", ""),
        ("(.)\\1", ""),
        ("(?=a)a", ""),
        ("(?P<n>a)", ""),
        ("a++", ""),
        ("[a", ""),
        ("(a", ""),
        ("a|" * 30, ""),
        ("x" * 501, ""),
        ("a", "z"),
        ("a{5,2}", ""),
    ],
)
def test_what_has_no_known_bound_or_no_sense_is_refused(text: str, flags: str) -> None:
    assert compile_pattern(text, flags) is None


def test_the_cost_bounds_the_work() -> None:
    pattern = compile_pattern("a*a*a*b", "")
    assert pattern is not None
    subject = "a" * 200
    start = time.perf_counter()
    pattern.matches(subject)
    spent = time.perf_counter() - start

    assert pattern.cost(subject) > 200**3
    assert spent < 1
    assert re.fullmatch("a*a*a*b", subject + "b")
