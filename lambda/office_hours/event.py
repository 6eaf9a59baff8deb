"""What an invocation is asked to do: the event, read as one whole. Pure: no AWS, no clock."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from office_hours.clock import moment
from office_hours.text import as_json, nearest, some

_ACCEPTED = (
    'Accepted: {} to do what the schedules say now, {"dry_run": true}, {"time": "2026-12-24T12:00:00+01:00"}, '
    '{"clusters": ["reporting"], "until": "20:00"}, {"clusters": ["reporting"], "from": "2026-12-24", "until": '
    '"2027-01-04"}, {"clusters": ["reporting"], "resume": true}'
)
_DAY_AND_TIME = "a date such as 2026-11-24, or a date-time such as 2026-11-24T20:00 or 2026-11-24T20:00+01:00"
_EXPECTED = {
    "clusters": 'a list of names: "reporting", "eu-west-1/reporting", a cluster\'s ARN, or "*" alone for them all',
    "from": _DAY_AND_TIME,
    "until": f"a time of day such as 20:00, a duration such as 90m, 4h or 3d, {_DAY_AND_TIME}",
    "time": _DAY_AND_TIME,
    "dry_run": "true or false",
    "resume": "true or false",
}
KEYS = (*_EXPECTED, "widgetContext")
_NAME = re.compile(r"(?:arn:[a-z-]+:rds:([a-z0-9-]+):\d{12}:cluster:|([^/:*]+)/)?([^/:*]+)")
_MOST_UNKNOWN = 10  # keys
MOST_SHOWN = 20  # mistakes
_UTC = ZoneInfo("UTC")


class EventError(ValueError):
    """The event can't be carried out, and nothing was done. Names each mistake and what would be right."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = some(mistakes, MOST_SHOWN)
        super().__init__("\n".join([*self.mistakes, "Nothing was done."]))


class Name(NamedTuple):
    """A cluster as a person names it, in lower case as RDS keeps it. `text` is the whole name."""

    text: str
    identifier: str
    region: str | None


@dataclass(frozen=True)
class Event:
    """What is asked for.

    clusters: those that are named; empty for every tagged one, None for a run by the schedules.
    since, until: when a command's holds begin and end, as written; None means now, and the next transition.
    resume: whether holds end now instead, which gives the clusters back to their schedules.
    time: the instant that is asked about; None for the present.
    mistakes: what is wrong, a sentence each. Names are looked up anyway, so that all mistakes are shown at once.
    """

    clusters: tuple[Name, ...] | None = None
    until: str | None = None
    dry_run: bool = False
    time: datetime | None = None
    since: str | None = None
    resume: bool = False
    mistakes: tuple[str, ...] = ()

    @property
    def is_command(self) -> bool:
        """Whether it holds clusters, rather than do what their schedules say."""
        return self.clusters is not None and self.time is None

    @classmethod
    def read(cls, event: object, now: datetime, zone: ZoneInfo = _UTC) -> "Event":
        """Read what Lambda was given at this instant. A `time` without an offset is in `zone`, the default zone."""
        if not isinstance(event, dict):
            return cls(mistakes=(f"The event is not a JSON object. {_ACCEPTED}.",))
        mistakes = unknown_keys(event, KEYS, _ACCEPTED)
        names, wrong = _names(event["clusters"]) if "clusters" in event else (None, [])
        mistakes += [_wrong("clusters", each) for each in wrong]
        times = dict[str, datetime]()
        for key in [key for key in ("from", "until", "time") if key in event]:
            if at := moment(str(event[key]), zone, now if key == "until" else None):
                times[key] = at
            else:
                from office_hours.slips import likely_time  # noqa: PLC0415  only a mistake needs it

                mistakes.append(_wrong(key, event[key], likely_time(key, event[key], now, zone)))
        switches = [key for key in ("dry_run", "resume") if not isinstance(event.get(key, False), bool)]
        mistakes += [_wrong(key, event[key]) for key in switches]
        mistakes += _wrong_together(event)
        since, until = (str(event[key]) if key in times else None for key in ("from", "until"))
        dry_run = event.get("dry_run") is True or "time" in event
        return cls(names, until, dry_run, times.get("time"), since, event.get("resume") is True, tuple(mistakes))


def _wrong_together(event: Mapping[object, object]) -> Iterator[str]:
    """What is wrong with the combination of keys."""
    given = [key for key in ("from", "until", "resume", "time") if event.get(key, False) is not False]
    if "clusters" not in event:
        yield from (f'"{key}" is for clusters by name: "clusters" is missing.' for key in given if key != "time")
    if len(given) > 1 and given != ["from", "until"]:
        yield f"{' and '.join(map(as_json, given))} do not go together."


def _names(given: object) -> tuple[tuple[Name, ...] | None, list[object]]:
    """The named clusters, and what isn't a name."""
    if isinstance(given, str):
        given = re.split(r"[\s,]+", given.strip(", \t\r\n"))
    if given == ["*"]:
        return (), []
    if not isinstance(given, list) or not given:
        return None, [given]
    names, wrong = list[Name](), list[object]()
    for text in given:
        if isinstance(text, str) and (match := _NAME.fullmatch(text.strip().lower())):
            names.append(Name(match[0], match[3], match[1] or match[2]))
        else:
            wrong.append(text)
    return tuple(dict.fromkeys(names)) or None, wrong


def unknown_keys(event: Mapping[object, object], known: Sequence[str], accepted: str) -> list[str]:
    """A sentence for the unknown keys of the event, with what is accepted; none if all are known."""
    unknown = [str(key) for key in event if key not in known]
    near = nearest(unknown[0], known) if len(unknown) == 1 else []
    meant = f'Did you mean "{near[0]}"? ' if near else ""
    named = ", ".join(some(map(as_json, unknown), _MOST_UNKNOWN))
    return [f"Unknown keys: {named}. {meant}{accepted}."] if unknown else []


def _wrong(key: str, value: object, form: str = "") -> str:
    meant = f'did you mean "{form}"? Expected' if form else "expected"
    return f'"{key}" is {as_json(value)}: {meant} {_EXPECTED[key]}.'
