"""Cron expressions in time zones."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from podium.model.errors import InvalidRequest
from podium.runtime.cron import compile_cron

PARIS = "Europe/Paris"


def ms(text: str, zone: str = "UTC", fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


def slots(expression: str, after: int, count: int, zone: str = "UTC") -> list[str]:
    found = []
    for _ in range(count):
        after = compile_cron(expression, zone).next_ms(after)
        found.append(datetime.fromtimestamp(after / 1000, ZoneInfo(zone)).isoformat())
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/10 * * * * *", "2026-11-23T03:40:10"),
        ("0 */5 * * * *", "2026-11-23T03:45:00"),
        ("0 0 9 ? * MON-FRI", "2026-11-23T09:00:00"),
        ("0 0 0 L * ?", "2026-11-30T00:00:00"),
        ("0 0 9 ? * 5L", "2026-11-27T09:00:00"),
        ("0 0 9 ? * FRIL", "2026-11-27T09:00:00"),
        ("0 0 9 ? * FRI#2", "2026-12-11T09:00:00"),
        ("0 0 9 13 * FRI", "2027-08-13T09:00:00"),
        ("0 0 12 * * 7", "2026-11-29T12:00:00"),
        ("0 0 12 * * 0", "2026-11-29T12:00:00"),
        ("0 0 9 15W * ?", "2026-12-15T09:00:00"),
        ("@hourly", "2026-11-23T04:00:00"),
        ("@Daily", "2026-11-24T00:00:00"),
        ("@weekly", "2026-11-29T00:00:00"),
        ("@monthly", "2026-12-01T00:00:00"),
        ("@yearly", "2027-01-01T00:00:00"),
    ],
)
def test_the_next_slot(expression: str, expected: str):
    assert slots(expression, ms("2026-11-23T03:40:00"), 1) == [f"{expected}+00:00"]


def test_a_slot_is_strictly_after():
    assert slots("0 0 9 * * *", ms("2026-11-23T09:00:00"), 1) == ["2026-11-24T09:00:00+00:00"]
    assert slots("0 0 9 * * *", ms("2026-11-23T09:00:00") - 1, 1) == ["2026-11-23T09:00:00+00:00"]


def test_a_zone_shifts_with_its_summer_time():
    assert slots("0 0 9 * * *", ms("2026-03-28T00:00:00", PARIS), 3, PARIS) == [
        "2026-03-28T09:00:00+01:00", "2026-03-29T09:00:00+02:00", "2026-03-30T09:00:00+02:00",
    ]  # fmt: skip


def test_a_time_that_the_clock_skips_is_run_once_when_it_has_been_skipped():
    assert slots("0 30 2 * * *", ms("2026-03-28T12:00:00", PARIS), 2, PARIS) == [
        "2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00",
    ]  # fmt: skip


def test_a_time_that_comes_twice_is_run_the_first_time():
    assert slots("0 30 2 * * *", ms("2026-10-24T12:00:00", PARIS), 2, PARIS) == [
        "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00",
    ]  # fmt: skip


def test_an_expression_for_every_hour_follows_real_time():
    autumn = slots("0 30 * * * *", ms("2026-10-25T01:00:00", PARIS), 4, PARIS)
    spring = slots("0 30 * * * *", ms("2026-03-29T01:00:00", PARIS), 3, PARIS)

    assert autumn == [
        "2026-10-25T01:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00",
    ]  # fmt: skip
    assert spring == ["2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-29T04:30:00+02:00"]


def test_a_date_that_never_comes_has_no_slot():
    assert compile_cron("0 0 0 31 2 *", "UTC").next_ms(0) == 0


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 9 * * *", "expected six fields"),
        ("", "expected six fields"),
        ("60 * * * * *", "Invalid cron expression"),
        ("x * * * * *", "Invalid cron expression"),
        ("0 0 9 ? * FRI#L", "Invalid cron expression"),
        ("* " * 300, "longer than 200"),
    ],
)
def test_a_bad_expression_says_why(expression: str, said: str):
    with pytest.raises(InvalidRequest, match=said):
        compile_cron(expression, "UTC")


@pytest.mark.parametrize("zone", ["Mars/Base", "../etc/passwd", "/etc/passwd", "Europe"])
def test_a_bad_zone_says_why(zone: str):
    with pytest.raises(InvalidRequest, match="Unknown time zone"):
        compile_cron("@daily", zone)
