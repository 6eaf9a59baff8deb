"""Every way to write or read an instant. Pure: it reads no clock."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# The calendar's two ends, less room for an offset and for windows that reach over from the next week.
FIRST, LAST = datetime(1, 2, 1, tzinfo=UTC), datetime(9999, 11, 1, tzinfo=UTC)
_MIDNIGHT, _MINUTE = time(), timedelta(minutes=1)
_DATE_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:(?:T| +)(\d\d?)(:\d\d.*))?", re.ASCII)
# Abbreviations that are IANA zones, but without the summer time that people who use them have.
TRAPS = ("est", "mst", "hst", "gmt")


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
    return (datetime.combine(day, _MIDNIGHT, zone) + minutes * _MINUTE).astimezone(UTC)


def moment(text: str, zone: ZoneInfo) -> datetime | None:
    """The instant of an ISO 8601 date-time or date, in UTC; None for anything else.

    Without an offset it is local to `zone`, or to the zone that its text ends with. A date is that day's first instant.
    """
    text, zone = in_zone(text, zone)
    match = _DATE_TIME.fullmatch(text.upper())
    if not match:
        return None
    day, hour, rest = match[1], match[2] or "0", match[3] or ":00"
    # Midnight at the end of a day, which Python reads from 3.13 on.
    ends_day = hour == "24" and rest.startswith(":00")
    try:
        at = datetime.fromisoformat(f"{day}T{'00' if ends_day else hour.zfill(2)}{rest}")
    except ValueError:
        return None
    # "Until the year 9999" is a way to say "for good".
    at, more = at if at.tzinfo else at.replace(tzinfo=zone), timedelta(days=1 if ends_day else 0)
    return (min(max(at, FIRST), LAST - more) + more).astimezone(UTC)


def in_zone(text: str, zone: ZoneInfo) -> tuple[str, ZoneInfo]:
    """The text without the zone that it ends with, and that zone; or the text and `zone`."""
    before, _, name = text.strip().rpartition(" ")
    known = zones().get(name.lower()) if before else None
    return (before.strip(), ZoneInfo(known)) if known else (text.strip(), zone)


@lru_cache(maxsize=1)
def zones() -> dict[str, str]:
    """IANA's zone names by lower case, as the deployed `tzdata` lists them, without the traps."""
    from importlib.resources import files  # noqa: PLC0415  once a process

    names = files("tzdata").joinpath("zones").read_text().split()
    return {name.lower(): name for name in names if name.lower() not in TRAPS}
