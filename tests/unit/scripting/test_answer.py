"""The bounds of what leaves a worker."""

import json

from podium.scripting.answer import DEPTH_MAX, broken_bound, failed


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_a_value_within_its_bounds_passes() -> None:
    assert broken_bound(nested(DEPTH_MAX), 10_000) is None
    assert broken_bound(b"[" + b"[],{}," * 1_000 + b"1]", 10_000) is None


def test_size_is_bounded() -> None:
    assert broken_bound(b'"xx"', 3) == "The result is too large"


def test_depth_is_bounded() -> None:
    assert "deeper" in (broken_bound(nested(DEPTH_MAX + 1), 10_000) or "")
    assert "deeper" in (broken_bound(b'{"a":' * 501 + b"1" + b"}" * 501, 10_000) or "")


def test_brackets_in_text_do_not_count() -> None:
    assert broken_bound(json.dumps(["[{" * 600, '"[' * 600, "\\"]).encode(), 10_000) is None


def test_the_text_of_an_error_is_always_utf_8() -> None:
    assert failed("\ud800")[1] == b"?"
