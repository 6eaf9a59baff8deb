"""All ways to write or read an instant. Pure: it reads no clock."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# Room for an offset, and for what reaches over from a week nearby, at the calendar's two ends.
FIRST, LAST = datetime(1, 2, 1, tzinfo=UTC), datetime(9999, 11, 1, tzinfo=UTC)
_MIDNIGHT = time()


def utc(at: datetime, timespec: str = "seconds") -> str:
    """For programs: 2026-11-23T18:00:00Z."""
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def local(at: datetime, zone: ZoneInfo) -> str:
    """For people: Mon 2026-11-23 19:00 Europe/Berlin."""
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M} {zone.key}"


def shown(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """For people who act now: 19:00 Europe/Berlin (18:00 UTC), with its day where that is not today."""
    here, there = at.astimezone(zone), at.astimezone(UTC)
    text = f"{here:%H:%M} {zone.key}" if here.date() == now.astimezone(zone).date() else local(at, zone)
    if here.utcoffset() == there.utcoffset():
        return text
    return f"{text} ({there:%H:%M} UTC)" if here.date() == there.date() else f"{text} ({there:%a %H:%M} UTC)"


def instant(zone: ZoneInfo, day: date, minutes: int) -> datetime:
    """The UTC instant at which a zone's clocks show this time, in minutes from the day's midnight.

    A time that they skip moves forward by the gap; of one that they repeat it is the first (RFC 5545, 3.3.5).
    """
    return (datetime.combine(day, _MIDNIGHT, zone) + timedelta(minutes=minutes)).astimezone(UTC)


def moment(text: str, zone: ZoneInfo) -> datetime | None:
    """The instant of an ISO 8601 date-time, in UTC; without an offset it is local to `zone`. None for anything else."""
    # Midnight at the end of a day, which Python reads from 3.13 on.
    start, ends_day, rest = text.upper().partition("T24:00")
    try:
        at = datetime.fromisoformat(f"{start}T00:00{rest}" if ends_day else start) if "T" in text.upper() else None
    except ValueError:
        at = None
    if at is None:
        return None
    # "Until the year 9999" is a way to say: for good.
    at = clear_of_the_ends(at) + timedelta(days=1 if ends_day else 0)
    return clear_of_the_ends((at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC))


def clear_of_the_ends(at: datetime) -> datetime:
    """This date-time, or the nearest to it that leaves room for an offset at the calendar's ends."""
    return min(max(at, FIRST.replace(tzinfo=at.tzinfo)), LAST.replace(tzinfo=at.tzinfo))


@lru_cache(maxsize=1)
def zones() -> dict[str, str]:
    """IANA's zone names by their lower-case form, as the deployed `tzdata` lists them."""
    from importlib.resources import files  # noqa: PLC0415  once a process

    return {name.lower(): name for name in files("tzdata").joinpath("zones").read_text().split()}
