"""Every way to write or read an instant. Pure: it reads no clock."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# The calendar's two ends, less room for an offset and for windows that reach over from the next week.
FIRST, LAST = datetime(1, 2, 1, tzinfo=UTC), datetime(9999, 11, 1, tzinfo=UTC)
_MIDNIGHT, _MINUTE = time(), timedelta(minutes=1)
_HOUR = r"([01]?\d|2[0-3]|24(?=:00(?::00)?(?![:.,\d])))"  # Python itself reads 24:00 from 3.13 on
_DATE_TIME = re.compile(rf"(\d{{4}}-\d\d-\d\d)(?:(?:T| +){_HOUR}(:\d\d.*))?", re.ASCII | re.IGNORECASE)
_TIME_OF_DAY = re.compile(rf"{_HOUR}:([0-5]\d)", re.ASCII)
_DURATION = re.compile(r"(?=.*[1-9])(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,5})m)?", re.ASCII | re.IGNORECASE)
# Abbreviations that are IANA zones, but without the summer time that people who use them have; and what they are then.
TRAPS = {"est": "Etc/GMT+5", "mst": "Etc/GMT+7", "hst": "Etc/GMT+10", "gmt": "UTC"}


def utc(at: datetime, timespec: str = "seconds") -> str:
    """For programs: 2026-11-23T18:00:00Z."""
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def local(at: datetime, zone: ZoneInfo) -> str:
    """For people: Mon 2026-11-23 19:00 Europe/Berlin."""
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M} {zone.key}"


def instant(zone: ZoneInfo, day: date, minutes: int) -> datetime:
    """The UTC instant at which a zone's clocks show this time, in minutes since the day's midnight.

    A time that they skip moves forward by the gap; a time that they repeat means the first (RFC 5545, 3.3.5).
    """
    midnight = _steady_midnight(zone, day) or datetime.combine(day, _MIDNIGHT, zone)
    return (midnight + minutes * _MINUTE).astimezone(UTC)


@lru_cache(maxsize=4096)
def _steady_midnight(zone: ZoneInfo, day: date) -> datetime | None:
    """A day's midnight in UTC, if the zone's clocks are not changed from then until two days later."""
    midnight = datetime.combine(day, _MIDNIGHT, zone)
    return midnight.astimezone(UTC) if midnight.utcoffset() == (midnight + timedelta(days=2)).utcoffset() else None


def moment(text: str, zone: ZoneInfo, now: datetime | None = None) -> datetime | None:
    """The instant in UTC of an ISO 8601 date-time, or of a date, which is its first instant; None for anything else.

    With `now` also the end of a duration, rounded up to the minute, and the next occurrence of a time of day. What has
    no offset is local to `zone`, or to the zone that the text ends with.
    """
    before, _, name = text.strip().rpartition(" ")
    if known := zones().get(name.lower()):
        text, zone = before, ZoneInfo(known)
    text = text.strip()
    if now and (duration := _DURATION.fullmatch(text)):
        days, hours, minutes = map(int, duration.groups("0"))
        end = _later(now, timedelta(days=days, hours=hours, minutes=minutes))
        return end + timedelta(seconds=-end.second % 60, microseconds=-end.microsecond)
    if now and (time_of_day := _TIME_OF_DAY.fullmatch(text)):
        minutes, today = int(time_of_day[1]) * 60 + int(time_of_day[2]), now.astimezone(zone).date()
        each_day = (instant(zone, today + timedelta(days=ahead), minutes) for ahead in range(-1, 3))
        return next(at for at in each_day if at > now)
    match = _DATE_TIME.fullmatch(text)
    if not match:
        return None
    try:
        at = datetime.fromisoformat(f"{match[1]}T00{match[3] or ':00'}".upper())
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=zone)
    return _later(max(at, FIRST), timedelta(hours=int(match[2] or 0))).astimezone(UTC)


def _later(at: datetime, length: timedelta) -> datetime:
    """So much later on the same clock, or the calendar's end: "until the year 9999" is a way to say "for good"."""
    return min(at, LAST - length) + length


@lru_cache(maxsize=1)
def zones() -> dict[str, str]:
    """IANA's zone names by lower case, as the deployed `tzdata` lists them, without the traps."""
    from importlib.resources import files  # noqa: PLC0415  once a process

    names = files("tzdata").joinpath("zones").read_text().split()
    return {name.lower(): name for name in names if name.lower() not in TRAPS}
