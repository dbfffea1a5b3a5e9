"""How long and until when a WAIT waits: the texts that definitions use for it.

Pure: the zone for dates that name none is given, and only the system's time zone data is read.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SECONDS_MAX = 2**31 - 1
TEXT_MAX = 200

_UNITS = (
    (86_400, ("d", "day", "days")),
    (3_600, ("h", "hr", "hrs", "hour", "hours")),
    (60, ("m", "min", "mins", "minute", "minutes")),
    (1, ("s", "sec", "secs", "second", "seconds")),
)
_SECONDS_OF = {name: seconds for seconds, names in _UNITS for name in names}
_PART = re.compile(r"\s*([0-9]{1,10})\s*([a-z]+)\s*", re.ASCII)
_UNTIL = re.compile(r"([0-9]{1,4})-([0-9]{1,4})-([0-9]{1,4})(?: ([0-9]{1,4}):([0-9]{1,4})(?: (\S.*))?)?", re.ASCII)
_OFFSET = re.compile(r"(?:GMT|UTC)?([+-])([0-9]{1,2}):?([0-9]{2})", re.ASCII)
_ZONE_NAME = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,2}", re.ASCII)
# Abbreviations that time zone data doesn't know, or knows with another meaning; minutes east of Greenwich.
_ABBREVIATIONS = {"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 60, "BST": 60, "CET": 60, "CEST": 120}
_ABBREVIATIONS |= {"EET": 120, "EEST": 180, "MSK": 180, "IST": 330, "SGT": 480, "HKT": 480, "JST": 540}
_ABBREVIATIONS |= {"KST": 540, "AEST": 600, "AEDT": 660, "EST": -300, "EDT": -240, "CST": -360, "CDT": -300}
_ABBREVIATIONS |= {"MST": -420, "MDT": -360, "PST": -480, "PDT": -420}


def parse_duration_seconds(text: str) -> int:
    """Return the seconds of a text like `1 days 3 hours`, `90m` or `2s`.

    Units go from days down to seconds, each at most once, in any letter case. Raises ValueError
    with Conductor's message for anything else, and for more than 2147483647 seconds.
    """
    total, position, last_unit = 0, 0, SECONDS_MAX
    lowered = text.lower() if len(text) <= TEXT_MAX else ""
    while position < len(lowered) and (part := _PART.match(lowered, position)):
        unit = _SECONDS_OF.get(part[2], SECONDS_MAX)
        if unit >= last_unit:
            break
        total, position, last_unit = total + int(part[1]) * unit, part.end(), unit
    if position == 0 or position != len(lowered) or total > SECONDS_MAX:
        raise ValueError(f"Not valid duration: {text[:TEXT_MAX]}")
    return total


def parse_until_ms(text: str, default_zone: tzinfo = UTC) -> int:
    """Return the epoch milliseconds of `yyyy-MM-dd`, `yyyy-MM-dd HH:mm` or `yyyy-MM-dd HH:mm zone`.

    The calendar is lenient: month 13 is January of the next year. Raises ValueError with Conductor's message.
    """
    try:
        return _until_ms(text.strip(), default_zone)
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        message = f"Invalid/Unsupported Wait Until format.  Provided: {text[:TEXT_MAX]}"
        raise ValueError(message) from None


def _until_ms(text: str, default_zone: tzinfo) -> int:
    match = _UNTIL.fullmatch(text) if len(text) <= TEXT_MAX else None
    if match is None:
        raise ValueError(text)
    year, month, day, hour, minute = (int(number or 0) for number in match.group(1, 2, 3, 4, 5))
    years, months = divmod(month - 1, 12)
    zone = _zone(match[6]) if match[6] else default_zone
    month_begin = datetime(year + years, months + 1, 1, tzinfo=zone)
    # Adding moves the clock on the wall; the zone's offset is looked up afterwards.
    moment = month_begin + timedelta(days=day - 1, hours=hour, minutes=minute)
    return int(moment.timestamp()) * 1000


def _zone(name: str) -> tzinfo:
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    if name.upper() in _ABBREVIATIONS:
        return timezone(timedelta(minutes=_ABBREVIATIONS[name.upper()]))
    if not _ZONE_NAME.fullmatch(name):
        raise ValueError(name)
    return ZoneInfo(name)
