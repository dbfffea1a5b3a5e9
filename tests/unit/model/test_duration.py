"""Texts of durations and dates of a WAIT."""

import contextlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.model.duration import parse_duration_seconds, parse_until_ms

HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2s", 2),
        ("90m", 5400),
        ("1 days 3 hours", DAY + 3 * HOUR),
        ("1d2h3m4s", DAY + 2 * HOUR + 184),
        ("  1 D  2 Hrs 3 MINS 4 Secs  ", DAY + 2 * HOUR + 184),
        *[(f"3 {unit}", 3 * DAY) for unit in ("d", "day", "days")],
        *[(f"3{unit}", 3 * HOUR) for unit in ("h", "hr", "hrs", "hour", "hours")],
        *[(f"3{unit}", 180) for unit in ("m", "min", "mins", "minute", "minutes")],
        *[(f"3{unit}", 3) for unit in ("s", "sec", "secs", "second", "seconds")],
        ("0s", 0),
        ("1d 5s", DAY + 5),
        ("2147483647s", 2147483647),
    ],
)
def test_durations(text: str, seconds: int):
    assert parse_duration_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "5",
        "s",
        "5 x",
        "5ms",
        "1h 1d",
        "1h 2h",
        "1s1",
        "-1s",
        "1.5h",
        "1h,2m",
        "٣s",
        "P1D",
        "2147483648s",
        "9" * 50 + "s",
    ],
)
def test_other_texts_are_no_durations(text: str):
    with pytest.raises(ValueError, match=r"^Not valid duration: "):
        parse_duration_seconds(text)


def test_a_hostile_text_is_refused_at_once_and_not_echoed_in_full():
    with pytest.raises(ValueError) as refusal:
        parse_duration_seconds(" " * 10_000_000 + "x")
    assert len(str(refusal.value)) < 300


@given(
    st.integers(0, 20_000),
    st.integers(0, 30),
    st.integers(0, 90),
    st.integers(0, 90),
    st.sampled_from(["", " "]),
)
def test_parts_add_up(days: int, hours: int, minutes: int, seconds: int, gap: str):
    text = gap.join([f"{days}d", f"{hours}{gap}hours", f"{minutes}min", f"{seconds}sec"])
    assert parse_duration_seconds(text) == days * DAY + hours * HOUR + minutes * 60 + seconds


def ms(*parts: int, zone: str = "UTC") -> int:
    return int(datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp()) * 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22", ms(2026, 11, 22)),
        ("2026-11-22 20:01", ms(2026, 11, 22, 20, 1)),
        (" 2026-1-2 3:4 ", ms(2026, 1, 2, 3, 4)),
        ("2026-11-22 20:01 UTC", ms(2026, 11, 22, 20, 1)),
        ("2026-11-22 20:01 GMT", ms(2026, 11, 22, 20, 1)),
        ("2026-11-22 20:01 PST", ms(2026, 11, 23, 4, 1)),
        ("2026-07-22 20:01 PDT", ms(2026, 7, 23, 3, 1)),
        ("2026-07-22 20:01 CET", ms(2026, 7, 22, 19, 1)),
        ("2026-07-22 20:01 Europe/Berlin", ms(2026, 7, 22, 18, 1)),
        ("2026-12-22 20:01 America/Argentina/Buenos_Aires", ms(2026, 12, 22, 23, 1)),
        ("2026-11-22 20:01 +0130", ms(2026, 11, 22, 18, 31)),
        ("2026-11-22 20:01 -05:00", ms(2026, 11, 23, 1, 1)),
        ("2026-11-22 20:01 GMT+2:00", ms(2026, 11, 22, 18, 1)),
        ("2026-13-32 25:61", ms(2027, 2, 2, 2, 1)),
        ("2026-00-00", ms(2025, 11, 30)),
        ("1969-12-31 23:59", -60_000),
    ],
)
def test_dates(text: str, expected: int):
    assert parse_until_ms(text) == expected


@pytest.mark.parametrize(
    ("hours", "names"),
    [
        (0, "UTC GMT Z WET"),
        (1, "WEST BST CET"),
        (2, "CEST EET"),
        (3, "EEST MSK"),
        (5.5, "IST"),
        (8, "SGT HKT"),
        (9, "JST KST"),
        (10, "AEST"),
        (11, "AEDT"),
        (-4, "EDT"),
        (-5, "EST CDT"),
        (-6, "CST MDT"),
        (-7, "MST PDT"),
        (-8, "PST"),
    ],
)
def test_abbreviations_of_zones_are_fixed_offsets_all_year(hours: float, names: str):
    for name in names.split():
        for month in (1, 7):
            assert parse_until_ms(f"2026-0{month}-15 12:00 {name}") == ms(2026, month, 15, 12) - hours * 3_600_000


def test_a_date_without_a_zone_is_in_the_default_zone():
    berlin = ZoneInfo("Europe/Berlin")
    assert parse_until_ms("2026-07-01 12:00", berlin) == ms(2026, 7, 1, 10)
    assert parse_until_ms("2026-07-01 12:00 UTC", berlin) == ms(2026, 7, 1, 12)


def test_days_that_roll_over_a_change_of_the_clocks_keep_the_time_on_the_wall():
    # The clocks of Berlin go forward on 29 March 2026.
    assert parse_until_ms("2026-03-31 12:00", ZoneInfo("Europe/Berlin")) == ms(2026, 3, 31, 12, zone="Europe/Berlin")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-11-22T20:01",
        "2026-11-22 20:01:30",
        "22.11.2026",
        "2026-11-22 20:01 Nowhere/Town",
        "2026-11-22 20:01 ../../etc/passwd",
        "2026-11-22 20:01 /etc/localtime",
        "2026-11-22 20:01 America",
        "2026-11-22 20:01 +9999",
        "0000-01-01",
        "9999-12-99",
        "0001-01-01 00:00 Asia/Tokyo\x00",
        "2026-11-22 20:01 " + "x" * 1000,
    ],
)
def test_other_texts_are_no_dates(text: str):
    with pytest.raises(ValueError, match=r"^Invalid/Unsupported Wait Until format.  Provided: "):
        parse_until_ms(text)


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))  # noqa: DTZ001
def test_every_minute_is_read_back(moment: datetime):
    minute = moment.replace(second=0, microsecond=0, tzinfo=UTC)
    text = f"{minute.year:04}-{minute.month:02}-{minute.day:02} {minute.hour:02}:{minute.minute:02}"
    assert parse_until_ms(text) == int(minute.timestamp()) * 1000


@given(st.text(alphabet="0123456789-: +GMTUCzabe/._", max_size=40))
def test_any_text_is_read_or_refused_as_a_value_error(text: str):
    for parse in (parse_duration_seconds, parse_until_ms):
        with contextlib.suppress(ValueError):
            assert isinstance(parse(text), int)
