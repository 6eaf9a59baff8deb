"""What an invocation is asked to do: the event, read as one whole. Pure: no AWS, no clock."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from office_hours.clock import in_zone, instant, moment
from office_hours.text import as_json, nearest

KEYS = ("clusters", "from", "until", "resume", "dry_run", "time", "widgetContext")
_ACCEPTED = (
    'Accepted: {} to do what the schedules say now, {"dry_run": true}, {"time": "2026-12-24T12:00:00+01:00"}, '
    '{"clusters": ["reporting"], "until": "20:00"}, {"clusters": ["reporting"], "from": "2026-12-24", "until": '
    '"2027-01-04"}, {"clusters": ["reporting"], "resume": true}'
)
_NAMES = '"reporting", "eu-west-1/reporting", an ARN of a cluster, or "*" alone for every tagged one'
_UNTIL = (
    "a time of day such as 20:00, a date such as 2026-11-24, a date-time such as 2026-11-24T20:00 or "
    "2026-11-24T20:00+01:00, or a duration such as 90m, 4h or 3d"
)
_FROM = "a date such as 2026-12-24, or a date-time such as 2026-12-24T20:00 or 2026-12-24T20:00+01:00"
_TIME = "a date-time such as 2026-12-24T12:00, 2026-12-24T12:00:00+01:00 or 2026-12-24T11:00:00Z"
_ARN = re.compile(r"arn:[a-z-]+:rds:([a-z0-9-]+):\d{12}:cluster:([^:/]+)")
_TIME_OF_DAY = re.compile(r"(\d{1,2}):([0-5]\d)")
_DURATION = re.compile(r"(?=.*[1-9])(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,5})m)?")
# Wherever tags have a meaning, and far from where the calendar ends.
_YEARS = range(1970, 3000)
_MOST_TOLD = 10  # unknown keys
MOST_SHOWN = 20  # mistakes
_UTC = ZoneInfo("UTC")
_NEEDS_CLUSTERS = '"{}" is for clusters by name: "clusters" is missing.'
_LAST_ZONE = ZoneInfo("Etc/GMT+12")  # where each time of the clock comes last
_JUST_NOW = timedelta(minutes=30)


class EventError(ValueError):
    """What is asked for cannot be done as it stands, and nothing was done. Names each mistake and what is right."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        told = list(mistakes)
        more = [f"And {len(told) - MOST_SHOWN} more mistakes."] if len(told) > MOST_SHOWN else []
        self.mistakes = [*told[:MOST_SHOWN], *more]
        super().__init__("\n".join([*self.mistakes, "Nothing was done."]))


@dataclass(frozen=True)
class Name:
    """A cluster as a person names it, in lower case, as RDS keeps it.

    text: the whole of what was written.
    identifier: the cluster's own part of it.
    region: the Region, where it was written.
    """

    text: str
    identifier: str
    region: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Name | None":
        """Read an identifier, `region/identifier` or an ARN; None for anything else."""
        plain = text.strip().lower()
        if plain.startswith("arn:"):
            arn = _ARN.fullmatch(plain)
            return cls(plain, identifier=arn[2], region=arn[1]) if arn else None
        region, slash, identifier = plain.rpartition("/")
        if not identifier or "/" in region or bool(slash) != bool(region) or "*" in plain:
            return None
        return cls(plain, identifier, region or None)

    def is_of(self, region: str, identifier: str, arn: str) -> bool:
        """Whether this is the cluster that is meant."""
        if self.text.startswith("arn:"):
            return self.text == arn.lower()
        return self.identifier == identifier and self.region in (None, region)


@dataclass(frozen=True)
class Until:
    """When a hold is to end: a time of day, a date, a date-time or a duration, as written."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "Until | None":
        """Read one; None for what is none."""
        until = cls(text.strip())
        return until if until.instant(datetime(2026, 1, 1, tzinfo=UTC), _UTC) else None

    def instant(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """The instant that is meant in this zone, in UTC: a time of day's next occurrence, a duration's full minute."""
        if days := self._occurrences(now, zone):
            return next(at for at in days if at > now)
        if duration := _DURATION.fullmatch(self.text.lower()):
            days_, hours, minutes = (int(part or 0) for part in duration.groups())
            end = now + timedelta(days=days_, hours=hours, minutes=minutes)
            return end + timedelta(seconds=-end.second % 60, microseconds=-end.microsecond)
        return moment(self.text, zone)

    def just_passed(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When a time of day was, where that is less than half an hour ago: it may be meant, rather than the next."""
        return next((at for at in self._occurrences(now, zone) if timedelta(0) <= now - at < _JUST_NOW), None)

    def _occurrences(self, now: datetime, zone: ZoneInfo) -> list[datetime]:
        """A time of day's instants from yesterday on; none where the text is no time of day."""
        text, zone = in_zone(self.text, zone)
        time = _TIME_OF_DAY.fullmatch(text)
        if not time or (minutes := int(time[1]) * 60 + int(time[2])) > 24 * 60:
            return []
        today = now.astimezone(zone).date()
        return [instant(zone, today + timedelta(days=ahead), minutes) for ahead in range(-2, 3)]


@dataclass(frozen=True)
class Event:
    """What is asked for.

    clusters: those that are named; empty for every tagged one, None for a run by the schedules.
    until: when the holds of a command end; None for each cluster's next transition.
    since: when they begin; None for now.
    resume: whether they end now instead, so that the schedules have the clusters again.
    dry_run: whether to change nothing.
    time: the instant that is asked about; None for the present.
    mistakes: what is wrong, a sentence each. Names are looked up all the same, so that all mistakes are told at once.
    """

    clusters: tuple[Name, ...] | None = None
    until: Until | None = None
    dry_run: bool = False
    time: datetime | None = None
    since: Until | None = None
    resume: bool = False
    mistakes: tuple[str, ...] = ()

    @property
    def is_command(self) -> bool:
        """Whether clusters are to be held, rather than to do what their schedules say."""
        return self.clusters is not None and self.time is None

    @classmethod
    def read(cls, event: object, now: datetime, zone: ZoneInfo = _UTC) -> "Event":
        """Read what Lambda was given at this instant; without an offset its times are in this zone, the default one."""
        if not isinstance(event, dict):
            return cls(mistakes=(f"The event is no JSON object. {_ACCEPTED}.",))
        mistakes = unknown_keys(event, KEYS, _ACCEPTED)
        names = _names(event, mistakes)
        since, until = (_end(key, event, now, zone, mistakes) for key in ("from", "until"))
        mistakes += [
            _wrong(key, event[key], "true or false")
            for key in ("dry_run", "resume")
            if not isinstance(event.get(key, False), bool)
        ]
        resume, dry_run = event.get("resume") is True, event.get("dry_run") is True
        if resume:
            mistakes += [
                f'"resume" and "{key}" do not go together.' for key in ("from", "until", "time") if key in event
            ]
            mistakes += [] if "clusters" in event else [_NEEDS_CLUSTERS.format("resume")]
        time = _instant(event["time"], zone) if "time" in event else None
        if "time" in event and time is None:
            mistakes.append(_wrong("time", event["time"], _TIME))
        return cls(names, until, dry_run or time is not None, time, since, resume, tuple(mistakes))


def _end(key: str, event: Mapping[object, object], now: datetime, zone: ZoneInfo, mistakes: list[str]) -> Until | None:
    """When the holds of a command end, or begin; what is wrong with it is added to the mistakes."""
    if key not in event:
        return None
    given = event[key]
    until = Until.parse(given) if isinstance(given, str) else None
    # A start has a day of its own.
    if until is None or (key == "from" and not moment(until.text, zone)):
        from office_hours.slips import form_of  # noqa: PLC0415  only a mistake needs it

        near = form_of(given, now.astimezone(zone), with_day=key == "from")
        mistakes.append(_wrong(key, given, _FROM if key == "from" else _UNTIL, near))
    elif (end := until.instant(now, _LAST_ZONE)) and end <= now:
        mistakes.append(_wrong(key, given, "a time in the future"))
        until = None
    if "clusters" not in event:
        mistakes.append(_NEEDS_CLUSTERS.format(key))
    if "time" in event:
        mistakes.append(f'"{key}" and "time" do not go together: "time" only asks what the schedules would do then.')
    return until


def _names(event: Mapping[object, object], mistakes: list[str]) -> tuple[Name, ...] | None:
    """The clusters that are named; what is wrong with them is added to the mistakes."""
    if "clusters" not in event:
        return None
    given = event["clusters"]
    if isinstance(given, str):
        given = re.split(r"[\s,]+", given.strip(", \t\r\n"))
    if given == ["*"]:
        return ()
    if not isinstance(given, list) or not given:
        mistakes.append(_wrong("clusters", given, f"a list of names: {_NAMES}"))
        return None
    names = [Name.parse(text) if isinstance(text, str) else None for text in given]
    mistakes += [_wrong("clusters", text, _NAMES) for text, name in zip(given, names, strict=True) if name is None]
    return tuple(dict.fromkeys(name for name in names if name)) or None


def unknown_keys(event: Mapping[object, object], known: Sequence[str], accepted: str) -> list[str]:
    """A sentence for each of the event's keys that is not known, and what is accepted; none where all are."""
    told = []
    unknown = [key for key in event if key not in known]
    for key in unknown[:_MOST_TOLD]:
        near = nearest(str(key), known)
        told.append(f'Unknown key {as_json(key)}: did you mean "{near}"?' if near else f"Unknown key {as_json(key)}.")
    more = [f"And {len(unknown) - _MOST_TOLD} more unknown keys."] if len(unknown) > _MOST_TOLD else []
    return [*told, *more, f"{accepted}."] if told else []


def _wrong(key: str, value: object, expected: str, near: str = "") -> str:
    meant = f'did you mean "{near}"? Expected' if near else "expected"
    return f'"{key}" has {as_json(value)}: {meant} {expected}.'


def _instant(text: object, zone: ZoneInfo) -> datetime | None:
    """A date-time or a date, in a year that schedules can be asked about; None for anything else."""
    at = moment(text, zone) if isinstance(text, str) else None
    return at if at and at.year in _YEARS else None
