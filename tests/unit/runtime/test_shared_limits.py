"""The window of starts that several nodes share."""

import random

import pytest

from podium.runtime.shared_limits import PARTS, Starts, taken_starts


def test_no_more_are_taken_than_the_limit_of_a_window() -> None:
    starts, added, wait_ms = taken_starts([], 10_000, 1_000, 10, 25, 0)
    assert added == 10
    assert 1_000 <= wait_ms <= 1_000 + 1_000 // PARTS

    starts, added, _ = taken_starts(starts, 10_000 + wait_ms - 1, 1_000, 10, 25, 0)
    assert added == 0
    assert taken_starts(starts, 10_000 + wait_ms, 1_000, 10, 25, 0)[1] == 10


def test_what_was_not_used_is_given_back() -> None:
    starts, _, _ = taken_starts([], 10_000, 1_000, 10, 6, 0)
    starts, _, _ = taken_starts(starts, 10_500, 1_000, 10, 4, 0)

    assert taken_starts(starts, 10_600, 1_000, 10, 10, 0)[1] == 0
    assert taken_starts(starts, 10_600, 1_000, 10, 10, 3)[1] == 3
    assert taken_starts(starts, 10_600, 1_000, 10, 10, 7)[1] == 7
    assert taken_starts([], 10_600, 1_000, 10, 10, 7)[1] == 10  # their window has passed


def test_a_clock_that_is_behind_does_no_harm() -> None:
    starts, _, _ = taken_starts([], 10_000, 1_000, 10, 5, 0)
    starts, added, _ = taken_starts(starts, 9_900, 1_000, 10, 5, 0)

    assert added == 5
    assert sorted(at_ms for at_ms, _ in starts) == [at_ms for at_ms, _ in starts]
    assert taken_starts(starts, 10_950, 1_000, 10, 5, 0)[1] == 0


@pytest.mark.parametrize(("limit", "window_ms"), [(1, 1_000), (10, 1_000), (500, 1_000), (100, 60_000), (7, 3_000)])
def test_under_a_backlog_98_to_100_percent_are_used_and_no_window_has_more(limit: int, window_ms: int) -> None:
    chance = random.Random(limit)
    starts: Starts = []
    taken: list[int] = []
    now_ms, end_ms = 5_000, 5_000 + 50 * window_ms
    while now_ms < end_ms:
        starts, added, wait_ms = taken_starts(starts, now_ms, window_ms, limit, chance.randint(1, 2 * limit), 0)
        taken += [now_ms] * added
        now_ms += max(1, wait_ms if not added else chance.randint(1, 3))

    first = 0
    for last, at_ms in enumerate(taken):
        while taken[first] <= at_ms - window_ms:
            first += 1
        assert last - first + 1 <= limit
    assert 0.98 * limit * 50 <= len(taken) <= limit * 51
    assert len(starts) <= PARTS + 2
