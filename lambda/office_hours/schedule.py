"""Windows and transitions: the state that a tag means at an instant. Pure: no AWS, no clock."""

import re
from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
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
_MAINTENANCE_EDGE = re.compile(f"({'|'.join(WEEKDAYS)}):([0-9][0-9]):([0-9][0-9])")


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
    def one_sided(self) -> bool:
        return None in (self.start, self.end)

    def edges(self, day: date, lead: timedelta) -> list[tuple[datetime, State]]:
        """When it starts and ends if it happens on this day; none if a spring-forward shrinks it to nothing."""
        start = None if self.start is None else instant(self.zone, day, self.start)
        end = None if self.end is None else instant(self.zone, day, self.end)
        if start and end:
            return [(start - lead, State.RUNNING), (end, State.STOPPED)] if start < end else []
        return [(start - lead, State.RUNNING)] if start else [(end, State.STOPPED)] if end else []


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
    maintenance_window: from when to when it runs for that, since Monday 00:00 UTC; None if it doesn't count.
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
    maintenance_window: tuple[timedelta, timedelta] | None = None
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
        return replace(found, maintenance_window=_since_monday(maintenance_window))

    @property
    def one_sided(self) -> bool:
        """Whether its windows have only a start or only an end."""
        return any(window.one_sided for window in self.windows)

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
        at, monday = _week_of(at)
        passed = [to for edge, to in self.edges(monday) if edge <= at]
        return State.RUNNING if passed.count(State.RUNNING) > passed.count(State.STOPPED) else State.STOPPED

    def latest_transition(self, at: datetime) -> Transition | None:
        """The latest transition at or before this instant, not more than two years back, or None."""
        return self._nearest(at, -1)

    def next_transition(self, after: datetime) -> Transition | None:
        """The first transition strictly after this instant, not more than two years away, or None."""
        return self._nearest(after, 1)

    def _nearest(self, at: datetime, direction: int) -> Transition | None:
        """The nearest transition after this instant (1), or at or before it (-1), searched week by week."""
        at, first = _week_of(at)
        has_room = 3 < at.year < 9997  # in the calendar
        for monday in range(first, first + direction * _TWO_YEARS, direction * 7) if has_room and self.windows else ():
            for transition in _transitions(self, monday)[::direction]:
                if (transition.at > at) == (direction > 0):
                    return transition
        return None

    def edges(self, monday: int) -> list[tuple[datetime, State]]:
        """Where windows start and end, in order: all whose night, lead or zone can reach into this week.

        Of several at one instant, starts come first: windows that touch join, and of one-sided ones a start counts.
        """
        edges, lead = list[tuple[datetime, State]](), timedelta(minutes=self.lead)
        for day in map(date.fromordinal, range(monday - 2, monday + 9)):
            words = _words_for(day)
            windows = [each for each in self.windows if each.days & words and each.months & words]
            if windows and day in self.days_off:
                windows = [each for each in windows if each.start is None]  # nothing starts, but one-sided stops happen
            for window in windows:
                edges += window.edges(day, lead)
        if self.maintenance_window:
            first, last = self.maintenance_window
            for week in map(datetime.fromordinal, (monday - 7, monday, monday + 7)):
                begin = week.replace(tzinfo=UTC)
                edges += [(begin + first, State.RUNNING), (begin + last, State.STOPPED)]
        return sorted(edges)


@lru_cache(maxsize=10_000)
def _transitions(schedule: Schedule, monday: int) -> Sequence[Transition]:
    """The transitions of a week, in order. Cached: every run needs the same ones."""
    one_sided, found, windows, last = schedule.one_sided, list[Transition](), 0, None
    for at, to in schedule.edges(monday):
        before, windows = windows, windows + (1 if to is State.RUNNING else -1)
        # One-sided windows change at each edge, others where the first one starts or the last one ends.
        is_change = at != last if one_sided else not before or not windows
        if is_change and monday <= at.toordinal() < monday + 7:
            found.append(Transition(at, to))
        last = at
    return found


def _since_monday(window: str) -> tuple[timedelta, timedelta]:
    """RDS's `sun:05:00-sun:06:00`, from ten minutes before it. An end in the next week is more than seven days."""
    edges = _MAINTENANCE_EDGE.findall(window.lower())
    if len(edges) != 2:
        raise ScheduleError(f'maintenance window "{window}"', "expected RDS's form, such as sun:05:00-sun:06:00")
    start, end = (timedelta(WEEKDAYS.index(day), hours=int(hour), minutes=int(minute)) for day, hour, minute in edges)
    return start - timedelta(minutes=10), end if end > start else end + timedelta(weeks=1)


@lru_cache(maxsize=4096)
def _words_for(day: date) -> frozenset[str]:
    """The words of the grammar that name this day: its month, mon, 4th-mon, last-mon, d23, last-day."""
    month, weekday = MONTHS[day.month - 1], WEEKDAYS[day.weekday()]
    days_left = monthrange(day.year, day.month)[1] - day.day
    last = [f"last-{weekday}"] * (days_left < 7) + ["last-day"] * (days_left == 0)
    return frozenset((month, weekday, f"{ORDINALS[(day.day - 1) // 7]}-{weekday}", f"d{day.day}", *last))


def _week_of(at: datetime) -> tuple[datetime, int]:
    """The instant in UTC, and the Monday of its week there: its ordinal, as of all days here."""
    if at.utcoffset() is None:
        raise ValueError(f"{at!r} has no time zone: a schedule answers for an instant, an aware datetime")
    at = min(max(at, FIRST), LAST).astimezone(UTC)
    return at, at.toordinal() - at.weekday()
