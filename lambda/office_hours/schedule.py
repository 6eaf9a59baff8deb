"""Windows and transitions: the state that a tag means at an instant. Pure: no AWS, no clock."""

import re
from calendar import monthrange
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from office_hours.clock import FIRST, LAST, instant
from office_hours.days_off import DaysOff
from office_hours.text import ScheduleError

__all__ = ["Schedule", "ScheduleError", "State", "Transition", "Window"]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "last")
EVERY_DAY, EVERY_MONTH = frozenset(WEEKDAYS), frozenset(MONTHS)
DAY = 24 * 60  # minutes

_TWO_YEARS = 106 * 7  # days to look for a transition, each way
_CALENDAR = range(FIRST.toordinal() + 1, LAST.toordinal() - 6)  # the Mondays that `datetime` has room for
_BEFORE_MAINTENANCE = timedelta(minutes=10)
_MAINTENANCE = re.compile(r"(\w{3}):(\d\d):(\d\d)-(\w{3}):(\d\d):(\d\d)", re.ASCII)


class State(StrEnum):
    """What a cluster should be, by a schedule or a hold."""

    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of local wall-clock time in which the cluster should run.

    start, end: minutes since the midnight that begins the window's day; `end` is past 24:00 if the window ends the day
        after. One of them is None for a one-sided window.
    zone: whose clocks show start and end.
    days: mon to sun, 1st-mon to last-sun, d1 to d31, last-day; any of them is enough.
    months: jan to dec.
    """

    start: int | None
    end: int | None
    zone: ZoneInfo
    days: frozenset[str] = EVERY_DAY
    months: frozenset[str] = EVERY_MONTH

    @property
    def is_one_sided(self) -> bool:
        return self.start is None or self.end is None


@dataclass(frozen=True, slots=True)
class Transition:
    """An instant, aware and in UTC, from which on this state is desired."""

    at: datetime
    to: State


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What an `office-hours` tag means. Two are equal if they mean the same, however they are written.

    text: the tag's value as it was written.
    windows: empty for `always`, `never` and `ignore`.
    zone: the first time zone. Times are shown in it, and a hold without an offset is in it.
    in_default_zone: whether any window has no zone of its own.
    constant: the state that `always` or `never` means, else None.
    ignored: whether the cluster is never touched.
    lead: minutes by which starts are moved earlier.
    grace: the most minutes that a stop waits while somebody is connected.
    days_off: the local days on which no window starts.
    maintenance: whether the cluster also runs in its maintenance window.
    maintenance_window: its edges, in minutes since Monday 00:00 UTC; None if it doesn't count.
    enforced: whether changes by hand are undone.
    """

    text: str = field(default="", compare=False)
    windows: tuple[Window, ...] = ()
    zone: ZoneInfo
    in_default_zone: bool = field(default=False, compare=False)
    constant: State | None = None
    ignored: bool = False
    lead: int = 0
    grace: int = 0
    days_off: DaysOff = field(default_factory=DaysOff)
    maintenance: bool = False
    maintenance_window: tuple[int, int] | None = None
    enforced: bool = False

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        default_zone: str = "UTC",
        named: Mapping[str, str] | None = None,
        calendars: Mapping[str, Collection[date]] | None = None,
        maintenance_window: str | None = None,
    ) -> "Schedule":
        """Read a tag's value, under the stack's settings. Raises ScheduleError.

        maintenance_window: the cluster's `PreferredMaintenanceWindow`, as RDS writes it (`sun:05:00-sun:06:00`, UTC);
            without it `maintenance` adds no window.
        """
        from office_hours.tag import read  # noqa: PLC0415  it imports this module

        lower_named = tuple((name.lower(), value) for name, value in (named or {}).items())
        lower_calendars = tuple((name.lower(), frozenset(days)) for name, days in (calendars or {}).items())
        found = read(text, default_zone, lower_named, lower_calendars)
        if isinstance(found, str):
            raise ScheduleError(found)
        if not found.maintenance or not maintenance_window:
            return found
        return replace(found, maintenance_window=_minutes_of_the_week(maintenance_window))

    @property
    def one_sided(self) -> bool:
        """Whether its windows have only a start or only an end."""
        return any(window.is_one_sided for window in self.windows)

    def __str__(self) -> str:
        return self.text

    def desired_state(self, at: datetime) -> State | None:
        """The desired state at this instant; None before the first edge of a one-sided schedule.

        Raises ValueError for a naive datetime, as the next two methods do.
        """
        if latest := self.latest_transition(at):
            return latest.to
        if self.one_sided or not self.windows:
            return self.constant
        # Nothing changed for two years: there is a window without end, or none.
        at = _in_utc(at)
        is_running = any(start <= at < end for start, end in self.running(_monday(at)))
        return State.RUNNING if is_running else State.STOPPED

    def latest_transition(self, at: datetime) -> Transition | None:
        """The latest transition at or before this instant, not more than two years back, or None."""
        return self._nearest(at, -1)

    def next_transition(self, after: datetime) -> Transition | None:
        """The first transition strictly after this instant, not more than two years away, or None."""
        return self._nearest(after, 1)

    def _nearest(self, at: datetime, step: int) -> Transition | None:
        """The nearest transition after this instant (step 1), or at or before it (-1), searched week by week."""
        at = _in_utc(at)
        first = _monday(at)
        for monday in range(first, first + step * _TWO_YEARS, step * 7) if self.windows else ():
            if monday not in _CALENDAR:
                break
            for transition in _transitions(self, monday)[::step]:
                if (transition.at > at) == (step > 0):
                    return transition
        return None

    def running(self, monday: int) -> list[tuple[datetime, datetime]]:
        """When the cluster should run, joined: all stretches that reach into this week or touch it, and some others."""
        lead, spans = timedelta(minutes=self.lead), []
        for day, window in self._happening(monday):
            if window.start is not None and window.end is not None:
                start, end = instant(window.zone, day, window.start), instant(window.zone, day, window.end)
                if start < end:  # else a spring-forward shrank it to nothing
                    spans.append((start - lead, end))
        if self.maintenance_window:
            first, last = (timedelta(minutes=edge) for edge in self.maintenance_window)
            weeks = [_midnight(each) for each in (monday - 7, monday, monday + 7)]
            spans += [(week + first - _BEFORE_MAINTENANCE, week + last) for week in weeks]
        union: list[tuple[datetime, datetime]] = []
        for start, end in sorted(spans):
            if union and start <= union[-1][1]:
                union[-1] = (union[-1][0], max(end, union[-1][1]))
            else:
                union.append((start, end))
        return union

    def edges(self, monday: int) -> list[tuple[datetime, State]]:
        """The edges of one-sided windows. Of several at once, the latest on the wall clock counts, else a start."""
        edges = []
        for day, window in self._happening(monday):
            is_start = window.start is not None
            minutes = (window.start if is_start else window.end) or 0
            at = instant(window.zone, day, minutes) - timedelta(minutes=self.lead if is_start else 0)
            edges.append((at, day, minutes, is_start, window.zone.key))
        latest = {(at, zone): is_start for at, _, _, is_start, zone in sorted(edges)}
        # Two zones' clocks can't be compared: a start in either counts.
        starts = {at for (at, _), is_start in latest.items() if is_start}
        return [(at, State.RUNNING if at in starts else State.STOPPED) for at in dict.fromkeys(at for at, _ in latest)]

    def _happening(self, monday: int) -> Iterator[tuple[date, Window]]:
        """The windows of every day whose night, lead or zone can reach into this week."""
        for day in map(date.fromordinal, range(monday - 2, monday + 9)):
            words = _words_for(day)
            named = [each for each in self.windows if each.days & words and each.months & words]
            is_off = bool(named) and day in self.days_off
            # Nothing starts on a day off. One-sided stops still happen.
            yield from ((day, window) for window in named if window.start is None or not is_off)


@lru_cache(maxsize=10_000)
def _transitions(schedule: Schedule, monday: int) -> Sequence[Transition]:
    """The transitions of a week, in order. Cached: every run needs the same ones."""
    if schedule.one_sided:
        edges = schedule.edges(monday)
    else:
        edges = [
            edge for start, end in schedule.running(monday) for edge in ((start, State.RUNNING), (end, State.STOPPED))
        ]
    low, high = _midnight(monday), _midnight(monday + 7)
    return [Transition(at, to) for at, to in edges if low <= at < high]


def _minutes_of_the_week(text: str) -> tuple[int, int]:
    """RDS's `sun:05:00-sun:06:00` as minutes of the week; an end in the next week is past its last minute."""
    match = _MAINTENANCE.fullmatch(text.strip().lower())
    if not match or match[1] not in WEEKDAYS or match[4] not in WEEKDAYS:
        raise ScheduleError(f'maintenance window "{text}"', "expected RDS's form, such as sun:05:00-sun:06:00")
    first, last = (WEEKDAYS.index(match[at]) * DAY + int(match[at + 1]) * 60 + int(match[at + 2]) for at in (1, 4))
    return first, last if last > first else last + 7 * DAY


@lru_cache(maxsize=4096)
def _words_for(day: date) -> frozenset[str]:
    """The words of the grammar that name this day: its month, mon, 4th-mon, last-mon, d23, last-day."""
    month, weekday = MONTHS[day.month - 1], WEEKDAYS[day.weekday()]
    days_left = monthrange(day.year, day.month)[1] - day.day
    last = [f"last-{weekday}"] * (days_left < 7) + ["last-day"] * (days_left == 0)
    return frozenset((month, weekday, f"{ORDINALS[(day.day - 1) // 7]}-{weekday}", f"d{day.day}", *last))


def _in_utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError(f"{at!r} has no time zone: a schedule answers for an instant, an aware datetime")
    return (at if 1 < at.year < 9999 else min(max(at, FIRST), LAST)).astimezone(UTC)


def _monday(at: datetime) -> int:
    """The Monday of the UTC week, as all days here by its ordinal."""
    return at.toordinal() - at.weekday()


def _midnight(day: int) -> datetime:
    return datetime.fromordinal(day).replace(tzinfo=UTC)
