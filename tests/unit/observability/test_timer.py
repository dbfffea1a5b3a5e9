"""Timers: count and sum are exact, quantiles nearly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.observability.timer import Timer


def test_count_and_sum_are_exact() -> None:
    timer = Timer()
    for duration_us in (5, 0, 1_000_000):
        timer.observe(duration_us)

    assert (timer.count, timer.total_us, timer.max_us) == (3, 1_000_005, 1_000_000)


def test_quantiles_are_off_by_an_eighth_at_most() -> None:
    timer = Timer()
    for duration_us in range(1, 10_001):
        timer.observe(duration_us)

    found = timer.quantiles_us()
    assert list(found) == [0.5, 0.75, 0.9, 0.95, 0.99]
    for quantile, value_us in found.items():
        assert value_us == pytest.approx(10_000 * quantile, rel=0.126)


@given(st.integers(min_value=0, max_value=1 << 60))
def test_one_duration_is_its_own_median(duration_us: int) -> None:
    timer = Timer()
    timer.observe(duration_us)

    assert timer.quantiles_us()[0.5] == pytest.approx(duration_us, rel=0.126)


def test_quantiles_forget_the_window_before_the_last_one() -> None:
    timer = Timer()
    timer.observe(5_000_000)
    timer.rotate()
    timer.observe(10)
    assert timer.max_us == 5_000_000

    timer.rotate()

    assert timer.max_us == 10
    assert timer.quantiles_us()[0.99] == pytest.approx(10, rel=0.126)
    assert timer.count == 2


def test_an_empty_timer_has_no_quantiles() -> None:
    assert Timer().quantiles_us() == {}


def test_a_clock_that_was_set_back_counts_as_no_time() -> None:
    timer = Timer()
    timer.observe(-5)

    assert (timer.count, timer.total_us) == (1, 0)
