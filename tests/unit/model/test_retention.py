"""Times by status: their texts, and which of them speaks for a status."""

from typing import Any

import pytest

from podium.model.retention import FOREVER_MS, Retention, keep_ms, parse, read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Retention()),
        (" ", Retention()),
        ("completed=7d", Retention(completed="7d")),
        ("completed=7d, failed: 30 days,terminated 2h 5m", Retention("7d", "30 days", None, "2h 5m")),
        ("timed_out=forever", Retention(timed_out="forever")),
    ],
)
def test_a_text_is_pairs(text: str, expected: Retention) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("7d", "expected pairs like completed=7d, not '7d'"),
        ("completed=7d,", "expected pairs"),
        ("completed=soon", "completed: expected a time like 7d, 12h or forever, not 'soon'"),
        ("running=7d", "unknown field `running`"),
    ],
)
def test_a_text_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


@pytest.mark.parametrize("value", [7, None, [], {"completed": 7}, {"x": "7d"}, {"failed": ""}])
def test_an_object_that_is_no_rule_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="."):
        read(value)


def test_failed_speaks_for_what_has_no_time_of_its_own() -> None:
    rule = Retention(failed="30d", terminated="1d")

    assert [rule.time_of(status) for status in ("COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED", "RUNNING")] == [
        None,
        "30d",
        "30d",
        "1d",
        None,
    ]


def test_times_are_ms() -> None:
    assert keep_ms("7d") == 7 * 86_400_000
    assert keep_ms("0s") == 0
    assert keep_ms("Forever") == FOREVER_MS
