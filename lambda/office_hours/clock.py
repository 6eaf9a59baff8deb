"""TEMPORARY until the schedule branch is merged."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo
from office_hours.schedule import instant as instant
from office_hours.hold import moment as moment


def utc(at: datetime, timespec: str = "seconds") -> str:
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M} {zone.key}"


def shown(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    here, utc = at.astimezone(zone), at.astimezone(UTC)
    shows = f"{here:%H:%M} {zone.key}" if here.date() == now.astimezone(zone).date() else local(at, zone)
    if here.utcoffset() == utc.utcoffset():
        return shows
    return f"{shows} ({utc:%H:%M} UTC)" if here.date() == utc.date() else f"{shows} ({utc:%a %H:%M} UTC)"
