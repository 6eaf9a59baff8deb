"""The `office-hours` tag: its grammar, its windows, its transitions. Pure: no AWS, no clock.

    value    = "always" | "never" | schedule
    schedule = (name | window+) [zone] option*
    window   = [months] [days] hours

`Schedule.parse` reads a tag's value. The schedule then answers for an instant: `desired_state`, `latest_transition`,
`next_transition`.
"""

import re
import warnings
from bisect import bisect_right
from calendar import isleap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache, cached_property, lru_cache
from itertools import pairwise
from operator import attrgetter
from threading import Lock
from typing import TYPE_CHECKING, NoReturn, TypeVar
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from holidays import HolidayBase

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_GROUPS = {"daily": range(7), "weekdays": range(5), "weekends": range(5, 7)}
_MONTH_DAYS = tuple(f"d{number}" for number in range(1, 32))
_ORDINALS = {"1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5, "last": -1}
_EVERY = 0  # the ordinal of a weekday that has none
_LAST_DAY = -1  # the month day that `last-day` names
_FEBRUARY = 2
_LEAP_MONTHS = (_FEBRUARY, 3)  # those that another day makes longer, or comes before
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_FLAGS = ("maintenance", "enforced")
_OPTIONS = ("holidays", "closed", "lead", *_FLAGS)
_HOURS = re.compile(r"([0-9]{2}:[0-9]{2})?-([0-9]{2}:[0-9]{2})?")
_MAINTENANCE = re.compile(r"(\w{3}):(\d\d):(\d\d)-(\w{3}):(\d\d):(\d\d)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")

_HOUR = 60  # minutes, as all numbers here that are no days
_DAY = 24 * _HOUR
_WEEK = 7 * _DAY
_BEFORE_MAINTENANCE = timedelta(minutes=10)
# How far a window's edge can be from its own local day: a night or a lead, and a day that a zone skipped.
_MARGIN = 2  # days
# A fifth Monday in February can be 40 years away (2072 to 2112): no window is rarer. What public holidays have kept
# from happening for eight years they are taken to keep for ever, but beside closed days; and what clocks do they do
# every year.
_HORIZON, _YEARS_OF_HOLIDAYS, _YEARS_OF_CLOCKS = 41, 8, 1
# Room for margins at the calendar's two ends.
_FIRST, _LAST = datetime(1, 2, 1, tzinfo=UTC), datetime(9999, 11, 1, tzinfo=UTC)
_FIRST_MONTH, _LAST_MONTH = _FIRST.date(), _LAST.date()
_ONE_MINUTE, _ONE_DAY, _LONGEST_MONTH = timedelta(minutes=1), timedelta(days=1), timedelta(days=31)
_BLOCK = 4  # days of which the transitions are worked out, and remembered, together
_MOST_BLOCKS = 2_000  # of a schedule that are remembered
_MOST_PARSED = 10_000  # values of which the schedules are remembered
_INSTANT = attrgetter("at")
_MIDNIGHT = time()
_LONGEST_RANGE = timedelta(days=3653)

_Point = TypeVar("_Point", int, float, datetime)
_Numbers = tuple[int, ...]
_Beside = tuple[_Numbers, _Numbers, _Numbers]
_Clock = tuple[int, timedelta]
_MonthKind = tuple[int, int, bool]
_WindowDays = tuple[frozenset[tuple[int, int]], frozenset[int], frozenset[int]]

_EXPECTED_MONTHS = "expected months such as jan, jan-mar or nov-feb"
_EXPECTED_DAYS = "expected days such as mon, mon-fri, weekdays, 1st-mon, last-fri, d15 or last-day"
_EXPECTED_HOURS = "expected hours such as 08:00-18:00, 22:00-06:00, 08:00- or -18:00"
_EXPECTED_DATES = "expected a date such as 2026-12-24, or a range such as 2026-12-24:2027-01-01"
_EXPECTED_OPTION = "expected an option: holidays=DE, closed=2026-12-24, lead=15m, maintenance or enforced"
_EXPECTED_ZONE = "expected a zone such as Europe/Berlin, or an option"
_EXPECTED_HOLIDAYS = "expected a country such as DE, a part of one such as DE-BY, or a calendar of the settings"


class ScheduleError(ValueError):
    """A tag's value that cannot be understood: a sentence that names the word at fault and what would be right."""


class State(StrEnum):
    """What a schedule or a hold asks of a cluster."""

    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Transition:
    """An instant at which the desired state changes.

    at: the instant, aware, in UTC.
    to: the desired state from then on.
    """

    at: datetime
    to: State


class _Fault(Exception):  # noqa: N818  never leaves this module: `Schedule.parse` adds where the word stood
    """What is wrong with a word, and what would be right."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what, hint)
        self.what, self.hint = what, hint


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of local wall-clock time in which the cluster should run.

    start, end: minutes from the midnight that begins the window's day; `end` is past 24:00 for a window that ends on
        the day after. One of them is None for a one-sided window.
    weekdays: pairs of an ordinal in the month (1 to 5, -1 for the last, 0 for each) and a weekday (0 is Monday).
    month_days: days of the month, -1 for the last. A day of either kind counts.
    months: 1 to 12.
    """

    start: int | None
    end: int | None
    weekdays: frozenset[tuple[int, int]]
    month_days: frozenset[int]
    months: frozenset[int]

    @property
    def can_happen(self) -> bool:
        """Whether there is any such date: 30 February is none."""
        return bool(self.weekdays) or any(
            day <= _LONGEST_MONTHS[month - 1] for day in self.month_days for month in self.months
        )

    @property
    def months_text(self) -> str:
        """The months as they stand in a tag."""
        return "+".join(_ranges([month - 1 for month in self.months], _MONTHS))

    @property
    def days_text(self) -> str:
        """The days as they stand in a tag."""
        each = [weekday for ordinal, weekday in self.weekdays if ordinal == _EVERY]
        if len(each) == len(_WEEKDAYS):
            return "daily"
        words = _ranges(each, _WEEKDAYS)
        for name, ordinal in _ORDINALS.items():
            words += [f"{name}-{_WEEKDAYS[weekday]}" for number, weekday in sorted(self.weekdays) if number == ordinal]
        words += _ranges([day - 1 for day in self.month_days if day != _LAST_DAY], _MONTH_DAYS)
        words += ["last-day"] if _LAST_DAY in self.month_days else []
        return "+".join(words)

    @property
    def hours_text(self) -> str:
        """The hours as they stand in a tag."""
        end = self.end - _DAY if self.end is not None and self.end > _DAY else self.end
        return "-".join("" if edge is None else f"{edge // 60:02}:{edge % 60:02}" for edge in (self.start, end))


_DAILY = frozenset((_EVERY, weekday) for weekday in range(7))
_EVERY_MONTH = frozenset(range(1, 13))


class _Pattern:
    """Which windows name which local days, days off left aside: the windows of a day are a tuple of their numbers.

    What it works out it keeps: months are of 98 kinds, by name, first weekday and whether a leap day is in or before.
    """

    def __init__(self, windows: Sequence[Window], maintenance_window: tuple[int, int] | None = None) -> None:
        self._windows = windows
        self._maintenance_window = maintenance_window
        self._named: dict[_MonthKind, list[_Numbers]] = {}
        self._restless: dict[tuple[_MonthKind, int, timedelta | None], list[int] | None] = {}
        self._covered: dict[tuple[_Beside, int, _Clock | None], bool] = {}

    def named(self, day: date) -> _Numbers:
        """The windows that name this day."""
        kind = day.month, (day.weekday() - day.day + 1) % 7, day.month in _LEAP_MONTHS and isleap(day.year)
        return (self._named.get(kind) or self._name(kind))[day.day - 1]

    def _name(self, kind: _MonthKind) -> list[_Numbers]:
        days = tuple((window.weekdays, window.month_days, window.months) for window in self._windows)
        self._named[kind] = _named_in(days, kind)
        return self._named[kind]

    def is_restless(self, beside: _Beside, lead: int, clock: _Clock | None = None) -> bool:
        """Whether there can be a transition on a day, told by its windows and those of the day before and after.

        Not where they cover the day, with the maintenance window if a clock is given; nor where there are none at all.

        clock: the day's weekday, and how far clocks are ahead of UTC.
        """
        if not (self._maintenance_window or any(beside)):
            return False
        key = beside, lead, clock
        if key not in self._covered:
            spans: list[tuple[float, float]] = [
                (midnight + window.start - lead, midnight + window.end)
                for midnight, numbers in zip((-_DAY, 0, _DAY), beside, strict=True)
                for window in (self._windows[number] for number in numbers)
                if window.start is not None and window.end is not None
            ]
            if self._maintenance_window and clock:
                first, last = self._maintenance_window
                monday = clock[1] / _ONE_MINUTE - clock[0] * _DAY
                for week in range(-2, 2):
                    begin = monday + week * _WEEK
                    spans.append((begin + first - _BEFORE_MAINTENANCE / _ONE_MINUTE, begin + last))
            # A lead of a day can reach back to midnight sharp, and the day before be far from any window.
            self._covered[key] = any(start < 0 and end >= _DAY for start, end in _union(spans))
        return not self._covered[key]

    def restless_in(self, first: date, lead: int, ahead: timedelta | None = None) -> list[int] | None:
        """Such days, by number, of the month that begins on this one; None where no window is near any.

        ahead: how far clocks are ahead of UTC, where there is a maintenance window.
        """
        kind = first.month, first.weekday(), first.month in _LEAP_MONTHS and isleap(first.year)
        key = kind, lead, ahead
        if key not in self._restless:
            days = self._named.get(kind) or self._name(kind)
            before, after = (self.named(date.fromordinal(first.toordinal() + number)) for number in (-1, len(days)))
            is_near = self._maintenance_window or before or after or any(days)
            found = []
            for number, beside in enumerate(zip((before, *days[:-1]), days, (*days[1:], after), strict=True)):
                clock = None if ahead is None else ((first.weekday() + number) % 7, ahead)
                if is_near and self.is_restless(beside, lead, clock):
                    found.append(number + 1)
            self._restless[key] = found if is_near else None
        return self._restless[key]

    def never_ends(self, lead: int) -> bool:
        """Whether the windows join into one without end. All kinds of months come in 28 years."""
        if sum((window.end or 0) - (window.start or 0) + lead for window in self._windows) < _DAY:
            return False
        months = (date(year, month, 1) for year in range(2000, 2028) for month in range(1, 13))
        return not any(self.restless_in(first, lead) for first in months)


@lru_cache(maxsize=1024)
def _named_in(windows: tuple[_WindowDays, ...], kind: _MonthKind) -> list[_Numbers]:
    """For each day of a month the numbers of the windows that name it. Many tags have the same days."""
    month, first, leap = kind
    length = _LONGEST_MONTHS[month - 1] - (month == _FEBRUARY and not leap)
    named: list[list[int]] = [[] for _ in range(length)]
    for number, (weekdays, month_days, months) in enumerate(windows):
        for day in _days_named(weekdays, month_days, first, length) if month in months else ():
            named[day - 1].append(number)
    return [tuple(numbers) for numbers in named]


@lru_cache(maxsize=1024)
def _days_named(
    weekdays: frozenset[tuple[int, int]], month_days: frozenset[int], first: int, length: int
) -> frozenset[int]:
    """The days that a window names in a month of this length, whose first day is this weekday."""
    days = {length if day == _LAST_DAY else day for day in month_days if day <= length}
    for ordinal, weekday in weekdays:
        such = range(1 + (weekday - first) % 7, length + 1, 7)
        days.update(such if ordinal == _EVERY else such[-1:] if ordinal < 0 else such[ordinal - 1 : ordinal])
    return frozenset(days)


@dataclass(frozen=True, eq=False)
class Schedule:
    """What an `office-hours` tag means. Two are equal when they ask for the same in the same words.

    windows: empty for `always` and `never`.
    zone: the time zone in which the windows are written.
    constant: the state that `always` or `never` asks for, else None.
    lead: minutes by which starts are moved earlier.
    closed: ranges of local days, first and last, on which no window happens; sorted, apart from each other.
    holidays: names of public holidays (`DE`, `DE-BY`) and of calendars, on whose days no window happens.
    countries: those of `holidays` that name public holidays.
    days_off: the days of those that name calendars.
    maintenance: whether the cluster also runs in its maintenance window.
    maintenance_window: that window, where it is known: its edges in minutes of the week, from Monday 00:00 UTC.
    enforced: whether changes by hand are undone.
    """

    windows: tuple[Window, ...]
    zone: ZoneInfo
    constant: State | None = None
    lead: int = 0
    closed: tuple[tuple[date, date], ...] = ()
    holidays: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    days_off: frozenset[date] = frozenset()
    maintenance: bool = False
    maintenance_window: tuple[int, int] | None = None
    enforced: bool = False
    _known: dict[tuple[int, int], tuple[Transition, ...]] = field(default_factory=dict, init=False, repr=False)
    _latest_country: list[str] = field(default_factory=list, init=False, repr=False)

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
        """Read a tag's value.

        default_zone: the IANA zone of a value that names none.
        named: schedules that a value may call by name: name to tag value.
        calendars: dates that `holidays=` may call by name.
        maintenance_window: the cluster's `PreferredMaintenanceWindow`, as RDS writes it (`sun:05:00-sun:06:00`, UTC);
            without it `maintenance` adds no window.

        Raises ScheduleError, whose text names the word at fault and what would be right.
        """
        names = tuple((named or {}).items())
        days = tuple((name, frozenset(each)) for name, each in (calendars or {}).items())
        found = _parse(text, default_zone, names, days, maintenance_window)
        if isinstance(found, str):
            raise ScheduleError(found)
        return found

    def __str__(self) -> str:
        """A tag value that parses to an equal schedule."""
        if self.constant is not None:
            return "always" if self.constant is State.RUNNING else "never"
        words: list[str] = []
        months_named = days_named = False
        for window in self.windows:
            months_named = months_named or window.months != _EVERY_MONTH
            days_named = days_named or window.days_text != "daily"
            words += [window.months_text] if months_named else []
            words += [window.days_text] if days_named else []
            words.append(window.hours_text)
        words.append(self.zone.key)
        words += [f"holidays={name}" for name in self.holidays]
        words += [f"closed={first}" if first == last else f"closed={first}:{last}" for first, last in self.closed]
        words += [f"lead={self.lead}m"] if self.lead else []
        words += ["maintenance"] if self.maintenance else []
        words += ["enforced"] if self.enforced else []
        return " ".join(words)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        return (str(self), self.days_off, self.maintenance_window) == (
            str(other),
            other.days_off,
            other.maintenance_window,
        )

    def __hash__(self) -> int:
        return hash(str(self))

    def desired_state(self, at: datetime) -> State | None:
        """What the schedule asks for at this instant; None before the first edge of a one-sided schedule.

        Raises ValueError for a naive datetime, as the next two do.
        """
        latest = self.latest_transition(at)
        if latest or self.constant or self.one_sided:
            return latest.to if latest else self.constant
        at = _utc(at)
        running = any(start <= at < end for start, end in self._spans(at, at))
        return State.RUNNING if running else State.STOPPED

    def latest_transition(self, at: datetime) -> Transition | None:
        """The latest transition at or before this instant, or None."""
        block, edges, place = self._place(at)
        return (edges[:place] or self._near(block, -1) or (None,))[-1]

    def next_transition(self, after: datetime) -> Transition | None:
        """The first transition strictly after this instant, or None."""
        block, edges, place = self._place(after)
        return (edges[place:] or self._near(block, 1) or (None,))[0]

    def _place(self, at: datetime) -> tuple[int, tuple[Transition, ...], int]:
        """The block in which this instant lies, the block's transitions, and how many of them are no later."""
        at = _utc(at)
        block = at.toordinal() // _BLOCK
        edges = self._near(block, 0)
        return block, edges, bisect_right(edges, at, key=_INSTANT)

    def _near(self, block: int, step: int) -> tuple[Transition, ...]:
        """The transitions in a block of days (step 0), or the one that is nearest to it before (-1) or after (1).

        They are remembered, as run after run asks for the same.
        """
        found = self._known.get((block, step))
        if found is None:
            if step:
                blocks = (self._near(each, 0) for each in self._blocks(block, step))
                found = next((edges[::step][:1] for edges in blocks if edges), ())
            else:
                low, high = (datetime.fromordinal(each * _BLOCK).replace(tzinfo=UTC) for each in (block, block + 1))
                found = self._transitions(max(low, _FIRST), min(high, _LAST))
            if len(self._known) >= _MOST_BLOCKS:
                self._known.clear()
            self._known[block, step] = found
        return found

    def _blocks(self, block: int, step: int) -> Iterator[int]:
        """The blocks before (-1) or after (1) this one in which there can be a transition, the nearest first."""
        if not self.windows:
            return
        block += step
        yield block  # as a rule it has one
        start = date.fromordinal(block * _BLOCK)
        years_of_holidays = set[int]()
        for month in range(_HORIZON * 12):
            year, month_before = divmod(start.year * 12 + start.month - 1 + step * month, 12)
            first = date(year, month_before + 1, 1)
            if not _FIRST_MONTH <= first < _LAST_MONTH:
                return
            closed_alone = len(years_of_holidays) > _YEARS_OF_HOLIDAYS
            restless = self._restless(first, clocks=month <= _YEARS_OF_CLOCKS * 12, closed_alone=closed_alone)
            if restless is None:
                continue
            if self.countries:
                years_of_holidays.add(year)
            for day in restless[::step]:
                # On a local day UTC's may be the one before or after.
                for each in (day - step, day + step):
                    if (each // _BLOCK - block) * step > 0:
                        block = each // _BLOCK
                        yield block

    def _restless(self, first: date, *, clocks: bool, closed_alone: bool) -> list[int] | None:
        """The local days on which there can be a transition in the month that begins on this one; None: far from any.

        Days are returned by their ordinals.

        clocks: whether to heed when clocks change even where there is no day off.
        closed_alone: whether to look beside closed days only.
        """
        start, begin, end = first.toordinal(), first - _ONE_DAY, first + _LONGEST_MONTH
        upkeep = self.maintenance_window is not None
        closed = [(opening, closing) for opening, closing in self.closed if opening <= end and begin <= closing]
        if closed_alone and not closed:
            return None
        if closed and not upkeep and closed[0][0] <= begin and end <= closed[0][1]:
            return None
        # The maintenance window is in UTC: where clocks change in the month, each distance from UTC can be right.
        days = (begin, first + _LONGEST_MONTH / 2, end) if upkeep else ()
        offsets = {datetime.combine(day, _MIDNIGHT, self.zone).utcoffset() for day in days} or {None}
        months = [self._pattern.restless_in(first, self.lead, ahead) for ahead in offsets]
        if months == [None]:
            return None
        found = {start + number - 1 for restless in months for number in restless or ()}
        # Where windows cover all days, days off count only as they are there: beside them.
        everywhere = closed or (found and self.holidays)
        off = self._holidays_between(begin, end) if self.holidays and not everywhere else set()
        # A lead is a length of time: what it closes on the wall clock it may not close where clocks change. Nor may
        # the maintenance window.
        heeds_clocks = (clocks or closed or off) and (self.lead or upkeep)
        changing = _changing_days(self.zone, start) if heeds_clocks else set()
        if not (everywhere or off or changing):
            return sorted(found)
        happening = cache(lambda day: self._happening(date.fromordinal(day)))
        for day in range(start, start + 31):
            if everywhere or day in changing or not off.isdisjoint((day - 1, day, day + 1)):
                beside = happening(day - 1), happening(day), happening(day + 1)
                lead = 0 if day in changing else self.lead
                clocks_shown = [
                    None if ahead is None or day in changing else ((day - 1) % 7, ahead) for ahead in offsets
                ]
                found -= {day}
                if any(self._pattern.is_restless(beside, lead, clock) for clock in clocks_shown):
                    found.add(day)
        return sorted(found)

    @cached_property
    def _pattern(self) -> _Pattern:
        return _Pattern(self.windows, self.maintenance_window)

    @cached_property
    def one_sided(self) -> bool:
        """Whether its windows have a start or an end alone, and it asks for nothing between its edges."""
        return any(None in (window.start, window.end) for window in self.windows)

    def _transitions(self, low: datetime, high: datetime) -> tuple[Transition, ...]:
        """The transitions from `low` on, before `high`, in order."""
        if self.one_sided:
            edges = self._edges(low, high)
        else:
            # Whatever touches low or high is among the spans, so no edge between them is a false one.
            union = _union(self._spans(low, high))
            edges = [edge for start, end in union for edge in ((start, State.RUNNING), (end, State.STOPPED))]
        return tuple(Transition(at, to) for at, to in edges if low <= at < high)

    def _spans(self, low: datetime, high: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Start and end of the two-sided windows around this time: all that reach or touch it, and some others."""
        lead = timedelta(minutes=self.lead)
        for day, window in self._occurrences(low, high):
            if window.start is not None and window.end is not None:
                start, end = instant(self.zone, day, window.start), instant(self.zone, day, window.end)
                if start < end:  # else a spring-forward shrank it to nothing
                    yield start - lead, end
        if self.maintenance_window:
            first, last = (timedelta(minutes=edge) for edge in self.maintenance_window)
            monday = datetime(low.year, low.month, low.day, tzinfo=UTC) - timedelta(days=low.weekday() + 7)
            while monday <= high + _MARGIN * _ONE_DAY:
                yield monday + first - _BEFORE_MAINTENANCE, monday + last
                monday += timedelta(weeks=1)

    def _edges(self, low: datetime, high: datetime) -> list[tuple[datetime, State]]:
        """The edges of one-sided windows. Of several at once the latest on the wall clock counts, else a start."""
        edges: list[tuple[datetime, date, int, bool]] = []
        for day, window in self._occurrences(low, high):
            if window.start is not None:
                at = instant(self.zone, day, window.start) - timedelta(minutes=self.lead)
                edges.append((at, day, window.start, True))
            elif window.end is not None:
                edges.append((instant(self.zone, day, window.end), day, window.end, False))
        last_of_each = {at: starts for at, _, _, starts in sorted(edges)}
        return [(at, State.RUNNING if starts else State.STOPPED) for at, starts in last_of_each.items()]

    def _occurrences(self, low: datetime, high: datetime) -> Iterator[tuple[date, Window]]:
        """The windows that happen around this time, each with its local day."""
        first, last = (at.astimezone(self.zone).toordinal() for at in (low, high))
        for ordinal in range(first - _MARGIN, last + (_MARGIN if self.lead else 1) + 1):
            day = date.fromordinal(ordinal)
            for number in self._happening(day):
                yield day, self.windows[number]

    def _happening(self, day: date) -> _Numbers:
        """The windows that happen on this local day."""
        named = self._pattern.named(day)
        if not named or not (self.closed or self.holidays):
            return named
        if day in self.days_off:
            return ()
        for first, last in self.closed:
            if first <= day <= last:
                return ()
        # The country that had the latest one comes first: what one of many always covers is soon told.
        for name in (*self._latest_country, *self.countries):
            if day in _public_holidays(name, day.year):
                self._latest_country[:] = [name]
                return ()
        return named

    def _holidays_between(self, begin: date, end: date) -> set[int]:
        """The holidays from one day to another, by their ordinals."""
        days = frozenset(date.fromordinal(day) for day in range(begin.toordinal(), end.toordinal() + 1))
        public = (_public_holidays(name, year) for name in self.countries for year in {begin.year, end.year})
        return {day.toordinal() for holidays in (self.days_off, *public) for day in days & holidays}


@dataclass
class _Draft:
    """A schedule while its words are read: a named one's words first, then the tag's own, which win."""

    calendars: Mapping[str, tuple[str, frozenset[date]]]
    constant: State | None = None
    windows: list[Window] = field(default_factory=list)
    hours: list[str] = field(default_factory=list)  # of each window, as written
    zone: ZoneInfo | None = None
    lead: tuple[int, str] = (0, "")
    closed: list[tuple[date, date]] = field(default_factory=list)
    countries: set[str] = field(default_factory=set)
    days_off: dict[str, frozenset[date]] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)

    def read(self, words: list[str], names: Collection[str] = ()) -> None:
        """Read a whole value: always, never, or windows and what follows them."""
        if not words:
            raise _Fault("an empty value", f"{_EXPECTED_HOURS}, or always, or never")
        first = words[0]
        if _kind(first) == "constant":
            self.constant = State.RUNNING if first.lower() == "always" else State.STOPPED
            self.read_tail(words[1:], after=first)
            return
        at = 0
        while at < len(words) and _kind(words[at]) in ("months", "days", "hours"):
            at = self._read_window(words, at)
        if not self.windows:
            if not (kind := _kind(first)):
                _unknown(
                    first,
                    (*names, *_EVERYTHING),
                    "expected days and hours such as mon-fri 08:00-18:00, always or never",
                )
            raise _Fault(f'no hours before "{first}"', f"hours come before the {kind}; {_EXPECTED_HOURS}")
        self.read_tail(words[at:], after=words[at - 1])

    def _read_window(self, words: list[str], at: int) -> int:  # noqa: C901  a ladder of what the next word can be
        """Read the window that begins at this place; return the place after it."""
        months, days, begin = None, None, at
        if _kind(words[at]) == "months":
            months, at = _months(words[at]), at + 1
        if at < len(words) and _kind(words[at]) == "days":
            days, at = _days(words[at]), at + 1
        if at == len(words):
            raise _Fault(f'no hours after "{words[-1]}"', _EXPECTED_HOURS)
        word, before = words[at], words[at - 1]
        kind = _kind(word)
        if kind == "months" and days:
            raise _Fault(f'"{word}" after "{before}"', f'months come before days; did you mean "{word} {before}"?')
        if kind in ("months", "days"):
            raise _Fault(f'no hours between "{before}" and "{word}"', f'did you mean "{before}+{word}"?')
        if kind is None and not word[0].isdigit():
            _unknown(word, _EVERYTHING, f'after "{before}" {_EXPECTED_HOURS}')
        if kind in ("zone", "option"):
            raise _Fault(f'no hours between "{before}" and "{word}"', f"hours follow their days; {_EXPECTED_HOURS}")
        start, end = _hours(word)
        weekdays, month_days = days or (_DAILY, frozenset())
        window = Window(start, end, weekdays, month_days, months or _EVERY_MONTH)
        if not window.can_happen:
            raise _Fault(f'"{" ".join(words[begin:at])}"', "there is no such date, the window can never happen")
        # A window that leaves out what an earlier one named could mean the same again, or all.
        named_months = next((each.months_text for each in self.windows[::-1] if each.months != _EVERY_MONTH), None)
        named_days = next((each.days_text for each in self.windows[::-1] if each.weekdays != _DAILY), None)
        same, every = words[begin:at], words[begin:at]
        if named_days and not days:
            same, every = [*same, named_days], [*every, "daily"]
        if named_months and not months:
            same, every = [named_months, *same], ["jan-dec", *every]
        if same != every:
            texts = (" ".join((*words[:begin], *added, *words[at:])) for added in (same, every))
            raise _Fault(f'"{word}" could be meant in two ways', 'write "{}" or "{}"'.format(*texts))
        self.windows.append(window)
        self.hours.append(word)
        return at + 1

    def read_tail(self, words: list[str], *, after: str) -> None:  # noqa: C901  as above
        """Read the zone and the options."""
        zone_word, options = "", set[str]()
        for word in words:
            kind = _kind(word)
            if self.constant is not None:
                raise _Fault(f'"{word}"', f'nothing can follow "{after}"')
            if kind == "zone":
                if zone_word:
                    raise _Fault(f'second zone "{word}"', f'a schedule has one zone, and "{zone_word}" is it')
                if options:
                    raise _Fault(f'zone "{word}"', "the zone comes before the options")
                zone_word, self.zone = word, ZoneInfo(zones()[word.lower()])
            elif kind == "option":
                key = word.lower().partition("=")[0]
                if key == "lead" and key in options:
                    raise _Fault(f'second "{word}"', "a schedule has one lead")
                options.add(key)
                self._read_option(word)
            elif kind is None:
                _unknown(word, _EVERYTHING, _EXPECTED_OPTION if zone_word or options else _EXPECTED_ZONE)
            elif kind == "constant":
                raise _Fault(f'"{word}"', f'"{word}" stands alone, with nothing before it')
            elif zone_word or options:
                raise _Fault(f'"{word}"', "windows come before the zone and the options")
            else:
                raise _Fault(f'"{word}"', f'the schedule "{after}" has its windows; {_EXPECTED_ZONE}')

    def _read_option(self, word: str) -> None:
        key, equals, value = word.partition("=")
        key = key.lower()
        if key in _FLAGS:
            if equals:
                raise _Fault(f'"{word}"', f'"{key}" takes no value')
            self.flags.add(key)
        elif key in _OPTIONS and not value:
            raise _Fault(f'incomplete "{word}"', _EXPECTED_OPTION)
        elif key == "lead":
            match = re.fullmatch(r"([0-9]{1,4})m", value.lower())
            if not match or int(match[1]) > _DAY:
                hours = re.fullmatch(r"([0-9]{1,2})h", value.lower())
                minutes = int(hours[1]) * _HOUR if hours else value
                hint = f'did you mean "lead={minutes}m"? ' if hours or value.isdecimal() else ""
                raise _Fault(f'unknown lead "{value}"', f"{hint}expected minutes up to {_DAY}, such as lead=15m")
            self.lead = int(match[1]), word
        elif key == "closed":
            self.closed.append(_date_range(value))
        elif key == "holidays":
            if calendar := self.calendars.get(value.lower()):
                self.days_off[calendar[0]] = calendar[1]
            else:
                self.countries.add(_country(value, tuple(name for name, _ in self.calendars.values())))
        else:
            raise _Fault(f'unknown option "{key}"', _suggestion(key, _OPTIONS, _EXPECTED_OPTION))

    def schedule(self, default_zone: str, maintenance_window: str | None) -> Schedule:
        """The schedule that was read, checked as a whole."""
        if default_zone.lower() not in zones():
            raise _Fault(f'unknown default zone "{default_zone}"', _suggestion(default_zone, zones(), _EXPECTED_ZONE))
        zone = self.zone or ZoneInfo(zones()[default_zone.lower()])
        if self.constant is not None:
            return Schedule((), zone, self.constant, enforced=True)
        one_sided, two_sided = list[str](), list[str]()
        for word, window in zip(self.hours, self.windows, strict=True):
            (one_sided if None in (window.start, window.end) else two_sided).append(word)
        for other in (*two_sided, *sorted(self.flags)) if one_sided else ():
            raise _Fault(f'"{other}"', f'it cannot be combined with the one-sided "{one_sided[0]}"')
        lead, lead_word = self.lead
        if lead_word and all(window.start is None for window in self.windows):
            raise _Fault(f'"{lead_word}"', "a lead needs a window with a start, and there is none")
        windows = tuple(dict.fromkeys(self.windows))
        if two_sided and not (self.closed or self.countries or self.days_off) and _Pattern(windows).never_ends(lead):
            raise _Fault(f'no transition with "{two_sided[0]}"', 'the cluster would always run; write "always"')
        return Schedule(
            windows=windows,
            zone=zone,
            lead=lead,
            closed=_joined(self.closed),
            holidays=(*sorted(self.countries), *sorted(self.days_off)),
            countries=tuple(sorted(self.countries)),
            days_off=frozenset().union(*self.days_off.values()),
            maintenance="maintenance" in self.flags,
            maintenance_window=_week_minutes(maintenance_window) if "maintenance" in self.flags else None,
            enforced="enforced" in self.flags,
        )


@lru_cache(maxsize=_MOST_PARSED)
def _parse(
    text: str,
    default_zone: str,
    named: tuple[tuple[str, str], ...],
    calendars: tuple[tuple[str, frozenset[date]], ...],
    maintenance_window: str | None,
) -> Schedule | str:
    """See `Schedule.parse`; what is wrong is returned. Clusters share values, and run after run reads the same ones."""
    words = text.split()
    names = {name.lower(): value for name, value in named}
    draft = _Draft({name.lower(): (name, days) for name, days in calendars})
    where = whole = f'"{" ".join(words)}"'
    try:
        if words and (name := words[0].lower()) in names:
            where = f'"{names[name]}", the schedule "{words[0]}"'
            draft.read(names[name].split())
            where = whole
            draft.read_tail(words[1:], after=words[0])
        else:
            draft.read(words, names)
        return draft.schedule(default_zone, maintenance_window)
    except _Fault as fault:
        return f"{fault.what} in {where}: {fault.hint}"


# --- Words


@lru_cache(maxsize=4096)
def _kind(word: str) -> str | None:
    """What a word is meant to be, told by its shape or by a piece that is known; None where nothing is."""
    word = word.lower()
    if word in ("always", "never"):
        return "constant"
    if "=" in word or word in _OPTIONS:
        return "option"
    if ":" in word or word == "-":
        return "hours"
    pieces = re.split(r"[+-]", word)
    if any(piece in _MONTHS for piece in pieces):
        return "months"
    if any(piece in _DAY_WORDS or re.fullmatch(r"d[0-9]+", piece) for piece in pieces):
        return "days"
    return "zone" if word in zones() else None


_DAY_WORDS = frozenset((*_WEEKDAYS, *_DAY_GROUPS, *_ORDINALS))
_EVERYTHING = ("always", "never", *_OPTIONS, *_MONTHS, *_WEEKDAYS, *_DAY_GROUPS, "last-day")


def _unknown(word: str, vocabulary: Sequence[str], expected: str) -> NoReturn:
    """Raise for a word of no known kind, with the nearest of any."""
    if "," in word and _kind(plus := word.replace(",", "+")):
        raise _Fault(f'unknown word "{word}"', f'did you mean "{plus}"?')
    for piece in dict.fromkeys((word, *re.split(r"[+-]", word))):
        near = nearest(piece, vocabulary)
        if near and near != piece.lower() and (near[0] == piece[0].lower() or sorted(near) == sorted(piece.lower())):
            kind = "day" if near in _DAY_WORDS else "month" if near in _MONTHS else "word"
            raise _Fault(f'unknown {kind} "{piece}"', f'did you mean "{near}"?')
    cities = {zone.rpartition("/")[2]: zone for zone in reversed(zones())}
    if near := nearest(word, zones(), likeness=0.7) or cities.get(nearest(word, cities) or ""):
        raise _Fault(f'unknown zone "{word}"', f'did you mean "{zones()[near]}"?')
    raise _Fault(f'unknown {"zone" if "/" in word else "word"} "{word}"', expected)


def nearest(word: str, vocabulary: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The word of this vocabulary that was most likely meant, if any is near; case does not count."""
    from difflib import get_close_matches  # noqa: PLC0415  only an error needs it

    by_lower = {each.lower(): each for each in vocabulary}
    matches = get_close_matches(word := word.lower()[:64], by_lower, cutoff=likeness)
    matches.sort(key=lambda match: sorted(match) != sorted(word))  # letters in another order are the likeliest slip
    return by_lower[matches[0]] if matches else None


def _suggestion(word: str, vocabulary: Iterable[str], expected: str) -> str:
    near = nearest(word, vocabulary)
    return f'did you mean "{near}"?' if near else expected


def _position(word: str, vocabulary: Sequence[str], whole: str, expected: str) -> int:
    if word in vocabulary:
        return vocabulary.index(word)
    kind = "month" if vocabulary is _MONTHS else "day"
    if not word:
        raise _Fault(f'incomplete {kind}s "{whole}"', expected)
    near_ones = () if vocabulary is _MONTH_DAYS else vocabulary
    raise _Fault(f'unknown {kind} "{word}"', _suggestion(word, near_ones, expected))


def _positions(item: str, vocabulary: Sequence[str], whole: str, expected: str) -> list[int]:
    """The positions that a word or a range of two names; a range goes on past the end."""
    first, dash, last = item.partition("-")
    low = _position(first, vocabulary, whole, expected)
    high = _position(last, vocabulary, whole, expected) if dash else low
    size = len(vocabulary)
    return [(low + step) % size for step in range((high - low) % size + 1)]


def _ranges(positions: Iterable[int], vocabulary: Sequence[str]) -> list[str]:
    """Positions as the words of a tag, three and more in a row as a range."""
    words: list[str] = []
    rest = sorted(positions)
    while rest:
        length = next((n for n, (a, b) in enumerate(pairwise(rest), 1) if b != a + 1), len(rest))
        run, rest = [vocabulary[position] for position in rest[:length]], rest[length:]
        words += run if length < len("abc") else [f"{run[0]}-{run[-1]}"]
    return words


@lru_cache(maxsize=1024)
def _months(word: str) -> frozenset[int]:
    items = word.lower().split("+")
    return frozenset(at + 1 for item in items for at in _positions(item, _MONTHS, word, _EXPECTED_MONTHS))


@lru_cache(maxsize=1024)
def _days(word: str) -> tuple[frozenset[tuple[int, int]], frozenset[int]]:
    """The weekdays and the month days of a window."""
    weekdays: set[tuple[int, int]] = set()
    month_days: set[int] = set()
    for item in word.lower().split("+"):
        first, dash, rest = item.partition("-")
        if item == "last-day":
            month_days.add(_LAST_DAY)
        elif item in _DAY_GROUPS:
            weekdays.update((_EVERY, weekday) for weekday in _DAY_GROUPS[item])
        elif first in _ORDINALS:
            if not dash:
                raise _Fault(f'incomplete day "{item}"', f"expected a weekday after it, such as {item}-mon")
            known = (*_WEEKDAYS, "day") if first == "last" else _WEEKDAYS
            weekdays.add((_ORDINALS[first], _position(rest, known, word, _EXPECTED_DAYS)))
        elif re.match(r"d[0-9]", first):
            month_days.update(at + 1 for at in _positions(item, _MONTH_DAYS, word, "expected d1 to d31"))
        elif first in _WEEKDAYS:
            weekdays.update((_EVERY, at) for at in _positions(item, _WEEKDAYS, word, _EXPECTED_DAYS))
        else:
            near_ones = () if first[:1].isdigit() else (*_WEEKDAYS, *(("last",) if dash else _DAY_GROUPS))
            _position(first, near_ones, word, _EXPECTED_DAYS)
    # Beside every day, any other word says nothing, and is not written out again.
    return (_DAILY, frozenset()) if weekdays >= _DAILY else (frozenset(weekdays), frozenset(month_days))


def _hours(word: str) -> tuple[int | None, int | None]:
    match = _HOURS.fullmatch(word)
    if not match or word == "-":
        padded = re.sub(r"(?<![0-9])([0-9]:[0-9]{2})(?![0-9])", r"0\1", word)
        near = padded != word and _HOURS.fullmatch(padded)
        raise _Fault(f'unknown hours "{word}"', f'did you mean "{padded}"?' if near else _EXPECTED_HOURS)
    start, end = (None if text is None else _minutes(text) for text in match.groups())
    if start == _DAY:
        raise _Fault(f'start "24:00" of "{word}"', "24:00 only ends a day; write 00:00 for the start of the next")
    if start == end:
        raise _Fault(f'start and end of "{word}"', 'they are equal; write 00:00-24:00 for a whole day, or "always"')
    if start is not None and end is not None and end < start:
        end += _DAY
    return start, end


def _minutes(text: str) -> int:
    hours, minutes = int(text[:2]), int(text[3:])
    if minutes >= _HOUR or hours * _HOUR + minutes > _DAY:
        raise _Fault(f'unknown time "{text}"', "expected a time from 00:00 to 24:00")
    return hours * _HOUR + minutes


def _date_range(text: str) -> tuple[date, date]:
    parts = text.split(":")
    if len(parts) > len(("first", "last")) or "" in parts:
        raise _Fault(f'unknown dates "{text}"', _EXPECTED_DATES)
    days = []
    for part in parts:
        try:
            if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", part):
                raise _Fault(f'unknown date "{part}"', _EXPECTED_DATES)
            days.append(date.fromisoformat(part))
        except ValueError as error:
            raise _Fault(f'unknown date "{part}"', f"{error}; {_EXPECTED_DATES}") from None
    if days[-1] < days[0]:
        raise _Fault(f'dates "{text}"', f'they end before they begin; did you mean "{days[-1]}:{days[0]}"?')
    return days[0], days[-1]


@lru_cache(maxsize=1024)
def _country(value: str, calendars: tuple[str, ...]) -> str:
    """A country's or its part's code, written as the `holidays` package does."""
    import holidays  # noqa: PLC0415  slow to import, and most tags do without

    countries = {code: parts for code, parts in holidays.list_supported_countries().items() if len(code) == len("DE")}
    code, dash, part = value.partition("-")
    code = code.upper()
    if code not in countries:
        raise _Fault(f'unknown holidays "{value}"', _suggestion(value, (*calendars, *countries), _EXPECTED_HOLIDAYS))
    if not dash:
        return code
    parts = {each.lower(): each for each in countries[code]}
    if part.lower() not in parts:
        shown = f"expected a part such as {', '.join(f'{code}-{each}' for each in countries[code])}"
        known = shown if parts else f"the holidays of {code} have no parts"
        near = nearest(part, parts.values())
        raise _Fault(f'unknown holidays "{value}"', f'did you mean "{code}-{near}"?' if near else known)
    return f"{code}-{parts[part.lower()]}"


def _week_minutes(text: str | None) -> tuple[int, int] | None:
    """RDS's `sun:05:00-sun:06:00` as minutes of the week; an end in the week after is past the week's."""
    if not text:
        return None
    match = _MAINTENANCE.fullmatch(text.strip().lower())
    if not match or match[1] not in _WEEKDAYS or match[4] not in _WEEKDAYS:
        raise _Fault(f'maintenance window "{text}"', "expected RDS's form, such as sun:05:00-sun:06:00")
    first, last = (_WEEKDAYS.index(match[at]) * _DAY + int(match[at + 1]) * 60 + int(match[at + 2]) for at in (1, 4))
    return first, last if last > first else last + _WEEK


# --- Time


def instant(zone: ZoneInfo, day: date, minutes: int) -> datetime:
    """The UTC instant of a wall-clock time, less than two days after the day began.

    Of a time that is repeated the first, of one that is skipped the first instant after the gap.
    """
    midnight, is_steady = _midnight(zone, day)
    if is_steady:
        return midnight + timedelta(minutes=minutes)
    local = datetime.combine(day, _MIDNIGHT, zone) + timedelta(minutes=minutes)
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    if before is None or after is None:
        raise ValueError(f"{zone} knows no offset from UTC")
    if before >= after:
        return local.astimezone(UTC)
    # In a gap: the clock is put forward somewhere between these two, and shows the offset `after` from then on.
    wall = local.replace(tzinfo=UTC)
    low, high = wall - after, wall - before
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (low, middle) if middle.astimezone(zone).utcoffset() == after else (middle, high)
    return high


@lru_cache(maxsize=8192)
def _midnight(zone: ZoneInfo, day: date) -> tuple[datetime, bool]:
    """The UTC instant at which a local day begins, and whether clocks keep their distance from UTC for two days."""
    midnight = datetime.combine(day, _MIDNIGHT, zone)
    return midnight.astimezone(UTC), midnight.utcoffset() == (midnight + timedelta(days=2)).utcoffset()


def _utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError(f"{at!r} has no time zone: a schedule answers for an instant, an aware datetime")
    return (at if 1 < at.year < 9999 else clear_of_the_ends(at)).astimezone(UTC)


def clear_of_the_ends(at: datetime) -> datetime:
    """This date-time, or the nearest to it that leaves room for an offset and a margin at the calendar's ends."""
    return min(max(at, _FIRST.replace(tzinfo=at.tzinfo)), _LAST.replace(tzinfo=at.tzinfo))


def _changing_days(zone: ZoneInfo, start: int) -> set[int]:
    """The days of the month that begins on this day on which, or on the one before or after, clocks change."""
    days = (date.fromordinal(day) for day in range(start - 1, start + 33))
    offsets = [datetime.combine(day, _MIDNIGHT, zone).utcoffset() for day in days]
    return {
        day for day, (before, after) in enumerate(zip(offsets, offsets[3:], strict=False), start) if before != after
    }


def _union(spans: Iterable[tuple[_Point, _Point]]) -> list[tuple[_Point, _Point]]:
    """The spans in order, those that overlap or touch made one."""
    union: list[tuple[_Point, _Point]] = []
    for start, end in sorted(spans):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        else:
            union.append((start, end))
    return union


def _joined(ranges: Iterable[tuple[date, date]]) -> tuple[tuple[date, date], ...]:
    """The ranges of days in order, those that overlap or follow each other made one."""
    union = _union((first.toordinal(), last.toordinal() + 1) for first, last in ranges)
    return tuple((date.fromordinal(first), date.fromordinal(end - 1)) for first, end in union)


@lru_cache(maxsize=1)
def zones() -> dict[str, str]:
    """IANA's zone names by their lower-case form, as the deployed `tzdata` lists them."""
    from importlib.resources import files  # noqa: PLC0415  once a process

    return {name.lower(): name for name in files("tzdata").joinpath("zones").read_text().split()}


@lru_cache(maxsize=4096)
def _public_holidays(name: str, year: int) -> frozenset[date]:
    with _one_at_a_time:
        calendar = _calendar(name)
        calendar.get(date(year, 1, 1))  # reads the year, unless it has been read
        return frozenset(day for day in calendar if day.year == year)


_one_at_a_time = Lock()


@lru_cache(maxsize=256)
def _calendar(name: str) -> "HolidayBase":
    import holidays  # noqa: PLC0415  slow to import, and most tags do without

    # Where the package's knowledge of a country ends it says so at each look, in a line that is no JSON.
    warnings.filterwarnings("ignore", message="Requested Holidays are available only")
    country, _, part = name.partition("-")
    return holidays.country_holidays(country, subdiv=part or None)


# --- The names and calendars of the settings


def check_name(name: str) -> None:
    """Check the name of a schedule or a calendar.

    Raises ScheduleError where it is not one plain word, or is itself a word of the tag's grammar.
    """
    if not _NAME.fullmatch(name):
        raise ScheduleError(f'name "{name}": expected a letter, then letters, digits, "_", "." or "-", 64 at the most')
    if name.lower() in _EVERYTHING or _kind(name):
        raise ScheduleError(f'name "{name}" is itself a word of the tag: choose one that means nothing else')


def parse_dates(items: Iterable[str]) -> list[date]:
    """The days of a calendar, given as dates and ranges (`2026-12-24`, `2026-12-24:2027-01-01`).

    Raises ScheduleError that names the item at fault.
    """
    days: set[date] = set()
    for item in items:
        try:
            first, last = _date_range(item)
        except _Fault as fault:
            raise ScheduleError(f"{fault.what}: {fault.hint}") from None
        if last - first > _LONGEST_RANGE:
            raise ScheduleError(f'dates "{item}": expected a range of ten years at the most')
        days.update(first + timedelta(days=number) for number in range((last - first).days + 1))
    return sorted(days)
