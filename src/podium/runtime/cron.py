"""Cron expressions in Spring's form: six fields from the second on, in a time zone.

Matching is croniter's; what a change of the clock means is decided here. A fixed time that the clock skips is run
when it has skipped it; one that comes twice is run the first time. An expression for every hour follows real time.
croniter is imported by the first expression.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from podium.model.errors import InvalidRequest

YEARS_MAX = 10
EXPRESSION_CHARS_MAX = 200
TURNS_MAX = 20  # changes of the clock between two slots
FIELDS = 6
MACROS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LAST_WEEKDAY = re.compile(r"^(\d|[A-Z]{3})L$", re.IGNORECASE)
_SECOND = timedelta(seconds=1)


class Cron:
    """A compiled expression."""

    def __init__(self, expression: str, zone: str) -> None:
        """Errors are `InvalidRequest`: they say what is wrong with the expression or the zone."""
        self.zone = _zone(zone)
        self._text = _spring_to_croniter(expression)
        self._has_fixed_hour = self._text.split()[2].isdigit()
        self._following(datetime(2026, 1, 1))  # noqa: DTZ001 (any local time: fails now if it can't be read)

    def next_ms(self, after_ms: int) -> int:
        """Return the first slot after a time, 0 when there is none in ten years."""
        instant = datetime.fromtimestamp(after_ms / 1000, UTC)
        offset = self._offset(instant)
        for _ in range(TURNS_MAX):
            local = self._following((instant + offset).replace(tzinfo=None))
            if local is None:
                return 0
            found = (local - offset).replace(tzinfo=UTC)
            if self._offset(found) == offset:
                if not (self._has_fixed_hour and found.astimezone(self.zone).fold):
                    return int(found.timestamp() * 1000)
                instant = found
            elif self._has_fixed_hour and self._is_skipped(local):
                return int(found.timestamp() * 1000)
            else:
                turn = self._turn(instant, found)
                offset = self._offset(turn)
                instant = turn - _SECOND
        return 0

    def _following(self, local: datetime) -> datetime | None:
        """Return the first match after a local time."""
        from croniter import CroniterBadDateError, croniter

        walk = croniter(self._text, local, second_at_beginning=True, day_or=False, max_years_between_matches=YEARS_MAX)
        try:
            found: datetime = walk.get_next(datetime)
        except CroniterBadDateError:
            return None
        return found

    def _offset(self, instant: datetime) -> timedelta:
        return instant.astimezone(self.zone).utcoffset() or timedelta()

    def _is_skipped(self, local: datetime) -> bool:
        """Whether the clock never shows *local*."""
        there = local.replace(tzinfo=self.zone).astimezone(UTC).astimezone(self.zone)
        return there.replace(tzinfo=None) != local

    def _turn(self, before: datetime, after: datetime) -> datetime:
        """Return the first second after *before* at which the clock has changed."""
        offset = self._offset(before)
        while after - before > _SECOND:
            middle = before + (after - before) // 2
            before, after = (middle, after) if self._offset(middle) == offset else (before, middle)
        return after.replace(microsecond=0)


@lru_cache(10_000)
def compile_cron(expression: str, zone: str) -> Cron:
    """Return the compiled expression; errors are `InvalidRequest`."""
    try:
        return Cron(expression, zone)
    except ValueError as error:
        raise InvalidRequest(f"Invalid cron expression: {expression[:EXPRESSION_CHARS_MAX]}: {error}") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        raise InvalidRequest(f"Unknown time zone: {name[:100]}; expected a name like Europe/Paris or UTC") from None


def _spring_to_croniter(expression: str) -> str:
    if len(expression) > EXPRESSION_CHARS_MAX:
        raise ValueError(f"longer than {EXPRESSION_CHARS_MAX} characters")
    fields = MACROS.get(expression.strip().lower(), expression).split()
    if len(fields) != FIELDS:
        raise ValueError(
            f"expected six fields (second minute hour day month weekday) or a macro like @daily, got {len(fields)}"
        )
    weekday = _LAST_WEEKDAY.match(fields[5])
    if weekday:  # the last one of the month is written the other way round
        day = weekday[1].upper()
        fields[5] = f"L{WEEKDAYS.index(day) if day in WEEKDAYS else day}"
    return " ".join(fields)
