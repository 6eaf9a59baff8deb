"""The `office-hours` tag: its grammar, its windows, its transitions. Pure: no AWS, no clock.

    value    = "always" | "never" | schedule
    schedule = (name | window+) [zone] option*
    window   = [months] [days] hours

`Schedule.parse` reads a tag value; `desired_state`, `latest_transition` and `next_transition` answer for an instant.
"""

import re
from calendar import monthrange
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NoReturn
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from holidays import HolidayBase

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_GROUPS = {"daily": range(7), "weekdays": range(5), "weekends": range(5, 7)}
_ORDINALS = {"1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5, "last": -1}
_MONTH_DAYS = tuple(f"d{day}" for day in range(1, 32))
_LAST_DAY = -1
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CONSTANTS = ("always", "never")
_FLAGS = ("maintenance", "enforced")
_OPTIONS = ("holidays", "closed", "lead")
_DAY_WORDS = frozenset((*_WEEKDAYS, *_DAY_GROUPS, *_ORDINALS))

_HOURS = re.compile(r"(\d\d:\d\d)?-(\d\d:\d\d)?")
_LEAD = re.compile(r"(\d{1,4})(m|h)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_MAINTENANCE = re.compile(r"(\w{3}):(\d\d):(\d\d)-(\w{3}):(\d\d):(\d\d)")

_DAY = 24 * 60  # minutes
_WEEK = 7 * _DAY
_LONGEST_LEAD = _DAY
_BEFORE_MAINTENANCE = 10
# The rarest date that a window can name, a fifth Monday in February, can be 40 years away (2072 to 2112).
_HORIZON = timedelta(days=41 * 366)
_MARGIN = timedelta(days=2)  # how far a window's edges can be from its own local day: a lead, a night, a skipped day

_EXPECTED_DAY = "expected a day such as mon, mon-fri, weekdays, 1st-mon, last-fri, d15 or last-day"
_EXPECTED_MONTH = "expected a month such as jan, jan-mar or nov-feb"
_EXPECTED_HOURS = "expected hours such as 08:00-18:00, 22:00-06:00, 08:00- or -18:00"
_EXPECTED_DATE = "expected a date such as 2026-12-24, or two, first:last"
_EXPECTED_OPTION = "expected an option: holidays=DE, closed=2026-12-24, lead=15m, maintenance or enforced"


class ScheduleError(ValueError):
    """A tag value that cannot be understood. Its text is a sentence that names the word at fault and what would be right."""


class State(StrEnum):
    """What a schedule or a hold asks of a cluster."""

    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, order=True)
class Transition:
    """An instant at which the desired state changes.

    at: the instant, aware, in UTC.
    to: the state from then on.
    """

    at: datetime
    to: State


class _Fault(Exception):
    """What is wrong with a word; `Schedule.parse` adds where it stood."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what, hint)
        self.what, self.hint = what, hint


@dataclass(frozen=True, slots=True)
class Days:
    """The local days of a month on which a window starts: the union of its parts.

    weekdays: 0 (Monday) to 6.
    ordinals: pairs of an ordinal (1 to 5, -1 for the last) and a weekday.
    month_days: 1 to 31, -1 for the last day of the month.
    """

    weekdays: frozenset[int] = frozenset()
    ordinals: frozenset[tuple[int, int]] = frozenset()
    month_days: frozenset[int] = frozenset()

    def __contains__(self, day: date) -> bool:
        weekday = day.weekday()
        if weekday in self.weekdays:
            return True
        if not (self.ordinals or self.month_days):
            return False
        last = monthrange(day.year, day.month)[1]
        return (
            day.day in self.month_days
            or (day.day == last and _LAST_DAY in self.month_days)
            or ((day.day + 6) // 7, weekday) in self.ordinals
            or (day.day > last - 7 and (-1, weekday) in self.ordinals)
        )

    def __str__(self) -> str:
        if len(self.weekdays) == len(_WEEKDAYS):
            return "daily"
        words = _ranges(sorted(self.weekdays), _WEEKDAYS)
        names = {number: name for name, number in _ORDINALS.items()}
        words += [f"{names[number]}-{_WEEKDAYS[weekday]}" for number, weekday in sorted(self.ordinals)]
        words += _ranges(sorted(day - 1 for day in self.month_days - {_LAST_DAY}), _MONTH_DAYS)
        words += ["last-day"] if _LAST_DAY in self.month_days else []
        return "+".join(words)


_EVERY_DAY = Days(weekdays=frozenset(range(7)))
_EVERY_MONTH = frozenset(range(1, 13))


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of local wall-clock time in which the cluster should run.

    start, end: minutes from the midnight that begins the window's day; `end` is over 1440 for a window that ends on
        the day after. None, for one of them, makes the window one-sided.
    """

    start: int | None
    end: int | None
    days: Days = _EVERY_DAY
    months: frozenset[int] = _EVERY_MONTH

    def falls_on(self, day: date) -> bool:
        """Whether the window belongs to this local day."""
        return day.month in self.months and day in self.days

    @property
    def hours(self) -> str:
        """The hours as they stand in a tag."""
        end = self.end if self.end is None or self.end <= _DAY else self.end - _DAY
        return f"{_clock(self.start)}-{_clock(end)}"


@dataclass(frozen=True, eq=False)
class Schedule:
    """What an `office-hours` tag means.

    windows: empty for `always` and `never`.
    zone: the time zone that the windows are written in.
    constant: the state that `always` or `never` asks for, else None.
    lead: minutes by which starts are moved earlier.
    closed: ranges of local days, first and last, sorted, on which no window happens.
    countries, calendars: the public holidays, as `DE` or `DE-BY`, and the calendars on which none happens.
    days_off: the dates of those calendars.
    maintenance: whether the cluster's own maintenance window counts.
    maintenance_window: that window, as minutes of the week in UTC from Monday 00:00, or None.
    enforced: whether changes by hand are undone.

    Two schedules are equal when they ask the same in the same canonical words.
    """

    windows: tuple[Window, ...]
    zone: ZoneInfo
    constant: State | None = None
    lead: int = 0
    closed: tuple[tuple[date, date], ...] = ()
    countries: tuple[str, ...] = ()
    calendars: tuple[str, ...] = ()
    days_off: frozenset[date] = frozenset()
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
        """Read a tag value.

        default_zone: the IANA zone of a value that names none.
        named: schedules that a value may call by name: name to tag value.
        calendars: lists of dates that `holidays=` may call by name.
        maintenance_window: the cluster's `PreferredMaintenanceWindow`, as RDS writes it (`sun:05:00-sun:06:00`, UTC);
            without it `maintenance` adds no window.

        Raises ScheduleError, whose text names the word at fault and what would be right.
        """
        names = {name.lower(): value for name, value in (named or {}).items()}
        dates = {name.lower(): (name, frozenset(days)) for name, days in (calendars or {}).items()}
        words = text.split()
        shown = " ".join(words)
        try:
            if not words:
                raise _Fault('no word ""', f"the tag is empty; {_EXPECTED_HOURS}, or always, or never")
            draft = _Draft(dates)
            if (name := words[0].lower()) in names:
                draft.read(names[name].split())
                draft.read_tail(words[1:], after=words[0])
            else:
                draft.read(words, names)
            return draft.schedule(default_zone, maintenance_window)
        except _Fault as fault:
            raise ScheduleError(f'{fault.what} in "{shown}": {fault.hint}') from None

    @cached_property
    def _text(self) -> str:
        if self.constant is not None:
            return _CONSTANTS[self.constant is State.STOPPED]
        words: list[str] = []
        months_named = days_named = False
        for window in self.windows:
            if months_named or window.months != _EVERY_MONTH:
                words.append("+".join(_ranges([month - 1 for month in sorted(window.months)], _MONTHS)))
                months_named = True
            if days_named or window.days != _EVERY_DAY:
                words.append(str(window.days))
                days_named = True
            words.append(window.hours)
        words.append(self.zone.key)
        words += [f"holidays={name}" for name in (*self.countries, *self.calendars)]
        words += [f"closed={first}" if first == last else f"closed={first}:{last}" for first, last in self.closed]
        words += [f"lead={self.lead}m"] if self.lead else []
        words += ["maintenance"] if self.maintenance else []
        words += ["enforced"] if self.enforced else []
        return " ".join(words)

    def __str__(self) -> str:
        """A tag value that parses to an equal schedule."""
        return self._text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        return (self._text, self.days_off, self.maintenance_window) == (
            other._text,
            other.days_off,
            other.maintenance_window,
        )

    def __hash__(self) -> int:
        return hash(self._text)

    @cached_property
    def _one_sided(self) -> bool:
        return any(window.start is None or window.end is None for window in self.windows)

    def desired_state(self, at: datetime) -> State | None:
        """What the schedule asks for at this instant; None before the first edge of a one-sided schedule.

        Raises ValueError for a naive datetime.
        """
        at = _utc(at)
        if self.constant is not None:
            return self.constant
        if self._one_sided:
            latest = self.latest_transition(at)
            return latest.to if latest else None
        running = any(start <= at < end for start, end in self._spans(at, at))
        return State.RUNNING if running else State.STOPPED

    def latest_transition(self, at: datetime) -> Transition | None:
        """The latest transition at or before this instant, or None. Raises ValueError for a naive datetime."""
        at = _utc(at)
        high, reach = at, timedelta(days=1)
        while at - high < _HORIZON:
            low = _shifted(high, -reach)
            if found := [each for each in self._transitions(low, high) if each.at <= at]:
                return found[-1]
            if low == high:
                break
            high, reach = low, reach * 4
        return None

    def next_transition(self, after: datetime) -> Transition | None:
        """The first transition strictly after this instant, or None. Raises ValueError for a naive datetime."""
        after = _utc(after)
        low, reach = after, timedelta(days=1)
        while low - after < _HORIZON:
            high = _shifted(low, reach)
            for each in self._transitions(low, high):
                if each.at > after:
                    return each
            if low == high:
                break
            low, reach = high, reach * 4
        return None

    def _transitions(self, low: datetime, high: datetime) -> list[Transition]:
        """All transitions from `low` to `high`, both included, in order."""
        if self._one_sided:
            return [each for each in self._edges(low, high) if low <= each.at <= high]
        merged: list[tuple[datetime, datetime]] = []
        for start, end in sorted(self._spans(low, high)):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        # Whatever touches an edge between low and high is among the spans, so none of these edges is a false one.
        found = [
            Transition(at, to)
            for span in merged
            for at, to in zip(span, (State.RUNNING, State.STOPPED), strict=True)
        ]
        return [each for each in found if low <= each.at <= high]

    def _spans(self, low: datetime, high: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Start and end of every window that reaches between `low` and `high` or touches them."""
        lead = timedelta(minutes=self.lead)
        for day, windows in self._open_days(low, high):
            for window in windows:
                assert window.start is not None and window.end is not None  # noqa: S101, PT018  two-sided: for the type checker
                start, end = instant(self.zone, day, window.start), instant(self.zone, day, window.end)
                if start < end:  # else a spring-forward has shrunk it to nothing
                    yield start - lead, end
        if self.maintenance_window:
            first, last = self.maintenance_window
            week = datetime.combine(low.date(), datetime.min.time(), UTC) - timedelta(days=low.weekday() + 7)
            while week <= high + _MARGIN:
                yield week + timedelta(minutes=first - _BEFORE_MAINTENANCE), week + timedelta(minutes=last)
                week += timedelta(weeks=1)

    def _edges(self, low: datetime, high: datetime) -> list[Transition]:
        """The edges of one-sided windows, in order; of several at one instant, that of the latest wall-clock time."""
        lead = timedelta(minutes=self.lead)
        edges: dict[datetime, tuple[date, int, State]] = {}
        for day, windows in self._open_days(low, high):
            for window in windows:
                minutes, to = (window.end, State.STOPPED) if window.start is None else (window.start, State.RUNNING)
                assert minutes is not None  # noqa: S101  one-sided: for the type checker
                at = instant(self.zone, day, minutes) - (lead if to is State.RUNNING else timedelta())
                edge = (day, minutes, to)
                # Where both are due at once the cluster is to be there: "running" sorts before "stopped".
                if at not in edges or (day, minutes, to is State.RUNNING) > (
                    *edges[at][:2],
                    edges[at][2] is State.RUNNING,
                ):
                    edges[at] = edge
        return [Transition(at, edge[2]) for at, edge in sorted(edges.items())]

    def _open_days(self, low: datetime, high: datetime) -> Iterator[tuple[date, list[Window]]]:
        """The local days around these instants on which windows happen, with those windows."""
        day = (low.astimezone(self.zone) - _MARGIN).date()
        last = (high.astimezone(self.zone) + _MARGIN).date()
        while day <= last:
            if day.month not in self._months:
                day = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
                continue
            closed_until = next((end for first, end in self.closed if first <= day <= end), None)
            if closed_until:
                if closed_until >= last:
                    return
                day = closed_until
            else:
                windows = [window for window in self.windows if window.falls_on(day)]
                if windows and not self._is_holiday(day):
                    yield day, windows
            day += timedelta(days=1)

    @cached_property
    def _months(self) -> frozenset[int]:
        return frozenset().union(*(window.months for window in self.windows)) or _EVERY_MONTH

    def _is_holiday(self, day: date) -> bool:
        return day in self.days_off or any(day in _public_holidays(country) for country in self.countries)


@dataclass
class _Draft:
    """A schedule while its words are read. What is read later wins over what a named schedule said before."""

    dates: Mapping[str, tuple[str, frozenset[date]]]
    constant: State | None = None
    windows: list[Window] = field(default_factory=list)
    zone: ZoneInfo | None = None
    lead: int = 0
    closed: list[tuple[date, date]] = field(default_factory=list)
    countries: list[str] = field(default_factory=list)
    calendars: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    lead_word: str = ""

    def read(self, words: list[str], names: Collection[str] = ()) -> None:
        """Read a whole value: always, never, or windows and what follows them."""
        if words[0].lower() in _CONSTANTS:
            self.constant = State.RUNNING if words[0].lower() == "always" else State.STOPPED
            self.read_tail(words[1:], after=words[0])
            return
        position = 0
        while position < len(words) and _kind(words[position]) in ("months", "days", "hours"):
            position = self._read_window(words, position)
        if not self.windows:
            word = words[0]
            kind = _kind(word)
            if kind is None:
                _unknown_word(word, names, "expected days and hours such as mon-fri 08:00-18:00, always or never")
            raise _Fault(f'"{word}" comes too early', f"hours come before {_A_KIND[kind]}; {_EXPECTED_HOURS}")
        self.read_tail(words[position:], after=words[position - 1])

    def _read_window(self, words: list[str], position: int) -> int:
        months = days = None
        word = words[position]
        if _kind(word) == "months":
            months = _months(word)
            position += 1
        if position < len(words) and _kind(word := words[position]) == "days":
            days = _days(word)
            position += 1
        if position == len(words):
            raise _Fault(f'no hours after "{words[-1]}"', _EXPECTED_HOURS)
        previous, word = words[position - 1], words[position]
        kind = _kind(word)
        if kind in ("months", "days"):
            if days is not None and kind == "months":
                raise _Fault(f'"{word}" comes after "{previous}"', f'months come first: "{word} {previous}"')
            raise _Fault(f'no hours between "{previous}" and "{word}"', f'did you mean "{previous}+{word}"?')
        if kind != "hours":
            if kind is None and not word[0].isdigit():
                _unknown_word(word, (), f'after "{previous}" {_EXPECTED_HOURS}')
            raise _Fault(f'no hours between "{previous}" and "{word}"', _EXPECTED_HOURS)
        start, end = _hours(word)
        self._check_plain(word, months, days)
        window = Window(start, end, days or _EVERY_DAY, months or _EVERY_MONTH)
        if not _can_happen(window):
            shown = "+".join(_ranges([month - 1 for month in sorted(window.months)], _MONTHS))
            raise _Fault(f'"{window.days}" with {shown}', "no such date exists, so the window can never happen")
        self.windows.append(window)
        return position + 1

    def _check_plain(self, hours: str, months: frozenset[int] | None, days: Days | None) -> None:
        """Refuse a window that leaves out what an earlier one named: it could be meant in two ways."""
        named_months = next((w.months for w in reversed(self.windows) if w.months != _EVERY_MONTH), None)
        named_days = next((w.days for w in reversed(self.windows) if w.days != _EVERY_DAY), None)
        ask_months = months is None and named_months is not None
        ask_days = days is None and named_days is not None
        if not (ask_months or ask_days):
            return
        one, other = [], []
        if ask_months and named_months is not None:
            one.append("+".join(_ranges([month - 1 for month in sorted(named_months)], _MONTHS)))
            other.append("jan-dec")
        elif months is not None:
            shown = "+".join(_ranges([month - 1 for month in sorted(months)], _MONTHS))
            one.append(shown)
            other.append(shown)
        if ask_days:
            one.append(str(named_days))
            other.append("daily")
        elif days is not None:
            one.append(str(days))
            other.append(str(days))
        raise _Fault(
            f'"{hours}" could be meant in two ways',
            f'write "{" ".join((*one, hours))}" or "{" ".join((*other, hours))}"',
        )

    def read_tail(self, words: list[str], *, after: str) -> None:
        """Read the zone and the options."""
        own: set[str] = set()
        zone_word = ""
        for word in words:
            kind = _kind(word)
            if self.constant is not None:
                raise _Fault(f'"{word}"', f'"{after}" stands alone, nothing can follow it')
            if kind == "zone":
                if zone_word:
                    raise _Fault(f'second zone "{word}"', f'there is "{zone_word}" already, and a schedule has one')
                if own:
                    raise _Fault(f'zone "{word}"', "the zone comes before the options")
                zone_word = word
                self.zone = ZoneInfo(_zones()[word.lower()])
            elif kind == "option":
                self._read_option(word, own)
            elif kind is None:
                expected = _EXPECTED_OPTION if zone_word or own else "expected a zone such as Europe/Berlin, or an option"
                _unknown_word(word, (), expected)
            elif zone_word or own:
                raise _Fault(f'"{word}"', "windows come before the zone and the options")
            else:
                raise _Fault(f'"{word}"', f'the schedule "{after}" has its own windows; expected a zone or an option')

    def _read_option(self, word: str, own: set[str]) -> None:
        key, equals, value = word.lower().partition("=")
        if key in _FLAGS:
            if equals:
                raise _Fault(f'"{word}"', f"{key} takes no value")
            self.flags.add(key)
        elif key == "lead":
            if key in own:
                raise _Fault(f'second "{word}"', "a schedule has one lead")
            match = _LEAD.fullmatch(value)
            minutes = int(match[1]) * (60 if match[2] == "h" else 1) if match else -1
            if not 0 <= minutes <= _LONGEST_LEAD:
                raise _Fault(f'unknown lead "{value}"', "expected minutes or hours, up to a day, such as lead=15m or lead=1h")
            self.lead, self.lead_word = minutes, word
        elif key == "closed":
            self.closed.append(_date_range(value))
        elif key == "holidays":
            self._read_holidays(value)
        else:
            raise _Fault(f'unknown option "{key}"', _suggestion(key, (*_OPTIONS, *_FLAGS), _EXPECTED_OPTION))
        own.add(key)

    def _read_holidays(self, value: str) -> None:
        if value in self.dates:
            self.calendars.append(self.dates[value][0])
            return
        self.countries.append(_country(value, [name for name, _ in self.dates.values()]))

    def schedule(self, default_zone: str, maintenance_window: str | None) -> Schedule:
        """The schedule that was read, checked as a whole."""
        if default_zone.lower() not in _zones():
            raise _Fault(f'unknown default zone "{default_zone}"', "expected an IANA name such as Europe/Berlin")
        zone = self.zone or ZoneInfo(_zones()[default_zone.lower()])
        if self.constant is not None:
            return Schedule((), zone, self.constant)
        one_sided = [window for window in self.windows if window.start is None or window.end is None]
        if one_sided:
            hours = one_sided[0].hours
            if len(one_sided) < len(self.windows):
                two_sided = next(window for window in self.windows if window not in one_sided)
                raise _Fault(f'one-sided "{hours}"', f'it cannot be combined with two-sided "{two_sided.hours}"')
            for flag in sorted(self.flags):
                raise _Fault(f'"{flag}"', f'it cannot be combined with one-sided "{hours}"')
        if self.lead_word and all(window.start is None for window in self.windows):
            raise _Fault(f'"{self.lead_word}"', "a lead needs a window with a start, and there is none")
        schedule = Schedule(
            windows=tuple(self.windows),
            zone=zone,
            lead=self.lead,
            closed=_joined(self.closed),
            countries=tuple(sorted(set(self.countries))),
            calendars=tuple(sorted(set(self.calendars))),
            days_off=frozenset().union(*(self.dates[name.lower()][1] for name in self.calendars)),
            maintenance="maintenance" in self.flags,
            maintenance_window=_week_minutes(maintenance_window) if "maintenance" in self.flags else None,
            enforced="enforced" in self.flags,
        )
        off = schedule.closed or schedule.countries or schedule.calendars
        if not one_sided and not off and _never_ends(schedule):
            raise _Fault(f'"{self.windows[0].hours}"', 'the schedule has no transition; write "always"')
        return schedule


_A_KIND = {"zone": "a zone", "option": "an option", "months": "months", "days": "days", "hours": "hours"}


def _kind(word: str) -> str | None:
    """What a word is meant to be, told from its shape or one known piece; None where nothing is known."""
    word = word.lower()
    if "=" in word or word in _FLAGS or word in _OPTIONS:
        return "option"
    if ":" in word or word == "-":
        return "hours"
    pieces = re.split(r"[+-]", word)
    if any(piece in _MONTHS for piece in pieces):
        return "months"
    if any(piece in _DAY_WORDS or re.fullmatch(r"d\d+", piece) for piece in pieces):
        return "days"
    return "zone" if word in _zones() else None


def _unknown_word(word: str, names: Collection[str], expected: str) -> NoReturn:
    """Raise for a word of no known kind, with the nearest word of any."""
    vocabulary = {
        **dict.fromkeys((*_CONSTANTS, *_FLAGS, *_OPTIONS), "word"),
        **dict.fromkeys(names, "word"),
        **dict.fromkeys(_MONTHS, "month"),
        **dict.fromkeys((*_WEEKDAYS, *_DAY_GROUPS, *_MONTH_DAYS), "day"),
    }
    for piece in (word, *re.split(r"[+,-]", word)):
        near = _nearest(piece, vocabulary)
        if near and (near[0] == piece[0].lower() or len(piece) == len(near)):
            raise _Fault(f'unknown {vocabulary[near]} "{piece}"', f'did you mean "{near}"?')
    cities = {zone.rpartition("/")[2]: zone for zone in reversed(_zones())}
    near = _nearest(word, _zones()) or cities.get(_nearest(word, cities) or "")
    hint = f'did you mean "{_zones()[near]}"?' if near else expected
    raise _Fault(f'unknown {"zone" if near or "/" in word else "word"} "{word}"', hint)


def _nearest(word: str, vocabulary: Iterable[str]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415  only an error needs it

    matches = get_close_matches(word.lower()[:64], list(vocabulary), n=1)
    return matches[0] if matches else None


def _suggestion(word: str, vocabulary: Iterable[str], expected: str) -> str:
    near = _nearest(word, vocabulary)
    return f'did you mean "{near}"?' if near else expected


def _position(word: str, vocabulary: tuple[str, ...], kind: str, expected: str, whole: str) -> int:
    if word in vocabulary:
        return vocabulary.index(word)
    if not word:
        raise _Fault(f'incomplete {kind} "{whole}"', expected)
    raise _Fault(f'unknown {kind} "{word}"', _suggestion(word, vocabulary, expected))


def _span(item: str, vocabulary: tuple[str, ...], kind: str, expected: str, whole: str) -> Iterator[int]:
    """The positions from one word to another, or of one; a range wraps past the end."""
    first, dash, last = item.partition("-")
    low = _position(first, vocabulary, kind, expected, whole)
    high = _position(last, vocabulary, kind, expected, whole) if dash else low
    length = (high - low) % len(vocabulary) + 1
    return ((low + step) % len(vocabulary) for step in range(length))


def _months(word: str) -> frozenset[int]:
    items = word.lower().split("+")
    return frozenset(m + 1 for item in items for m in _span(item, _MONTHS, "month", _EXPECTED_MONTH, word))


def _days(word: str) -> Days:
    weekdays: set[int] = set()
    ordinals: set[tuple[int, int]] = set()
    month_days: set[int] = set()
    for item in word.lower().split("+"):
        first, dash, rest = item.partition("-")
        if item in _DAY_GROUPS:
            weekdays.update(_DAY_GROUPS[item])
        elif item == "last-day":
            month_days.add(_LAST_DAY)
        elif first in _ORDINALS:
            if not dash:
                raise _Fault(f'incomplete day "{item}"', f"expected a weekday after it, such as {item}-mon")
            known = (*_WEEKDAYS, "day") if first == "last" else _WEEKDAYS
            ordinals.add((_ORDINALS[first], _position(rest, known, "day", _EXPECTED_DAY, word)))
        elif re.match(r"d\d", first):
            month_days.update(d + 1 for d in _span(item, _MONTH_DAYS, "day", "expected d1 to d31", word))
        elif first in _WEEKDAYS or rest in _WEEKDAYS:
            weekdays.update(_span(item, _WEEKDAYS, "day", _EXPECTED_DAY, word))
        else:
            known = (*_WEEKDAYS, *_DAY_GROUPS, "last-day")
            raise _Fault(f'unknown day "{item}"', _suggestion(item, known, _EXPECTED_DAY))
    return Days(frozenset(weekdays), frozenset(ordinals), frozenset(month_days))


def _hours(word: str) -> tuple[int | None, int | None]:
    match = _HOURS.fullmatch(word)
    if not match or word == "-":
        padded = re.sub(r"(?<!\d)(\d:\d\d)(?!\d)", r"0\1", word)
        near = padded != word and _HOURS.fullmatch(padded)
        raise _Fault(f'unknown hours "{word}"', f'did you mean "{padded}"?' if near else _EXPECTED_HOURS)
    start, end = (None if text is None else _minutes(text) for text in match.groups())
    if start == _DAY:
        raise _Fault(f'start "24:00" of "{word}"', "24:00 can only end a window; a day starts at 00:00")
    if start is not None and end is not None:
        if start == end:
            raise _Fault(f'start and end of "{word}"', 'they are equal; write 00:00-24:00 for a whole day, or "always"')
        if end < start:
            end += _DAY
    return start, end


def _minutes(text: str) -> int:
    hours, minutes = int(text[:2]), int(text[3:])
    if minutes > 59 or hours * 60 + minutes > _DAY:
        raise _Fault(f'unknown time "{text}"', "expected a time from 00:00 to 24:00")
    return hours * 60 + minutes


def _clock(minutes: int | None) -> str:
    return "" if minutes is None else f"{minutes // 60:02}:{minutes % 60:02}"


def _ranges(positions: list[int], vocabulary: tuple[str, ...]) -> list[str]:
    """Sorted positions in the words of a tag, runs of three and more as ranges."""
    words: list[str] = []
    while positions:
        length = next((n for n, (a, b) in enumerate(pairwise(positions), 1) if b != a + 1), len(positions))
        run, positions = positions[:length], positions[length:]
        whole = f"{vocabulary[run[0]]}-{vocabulary[run[-1]]}"
        words += [whole] if length > 2 else [vocabulary[position] for position in run]
    return words


def _date(text: str) -> date:
    try:
        if len(text) == len("2026-12-24"):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _Fault(f'unknown date "{text}"', _EXPECTED_DATE)


def _date_range(text: str) -> tuple[date, date]:
    first, colon, last = text.partition(":")
    low = _date(first)
    high = _date(last) if colon else low
    if high < low:
        raise _Fault(f'dates "{text}"', f'they end before they begin; did you mean "{last}:{first}"?')
    return low, high


def _joined(ranges: list[tuple[date, date]]) -> tuple[tuple[date, date], ...]:
    joined: list[tuple[date, date]] = []
    for first, last in sorted(ranges):
        if joined and first.toordinal() <= joined[-1][1].toordinal() + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)


def _can_happen(window: Window) -> bool:
    days = window.days
    longest = max(_LONGEST_MONTHS[month - 1] for month in window.months)
    return bool(days.weekdays or days.ordinals) or any(day <= longest for day in days.month_days)


def _never_ends(schedule: Schedule) -> bool:
    """Whether the windows of a schedule, without days off, join into one without end."""
    if sum((window.end or 0) - (window.start or 0) + schedule.lead for window in schedule.windows) < _DAY:
        return False  # too short to fill a day
    reach = None
    first = date(2000, 1, 1)
    for number in range(4 * 366):  # every month, weekday and leap day
        day = first + timedelta(days=number)
        midnight = number * _DAY
        for window in sorted(schedule.windows, key=lambda each: each.start or 0):
            if window.falls_on(day):
                start = midnight + (window.start or 0) - schedule.lead
                if reach is not None and start > reach:
                    return False
                reach = max(reach or 0, midnight + (window.end or 0))
        if number > 1 and (reach is None or reach < midnight - schedule.lead):
            return False
    return True


def _week_minutes(text: str | None) -> tuple[int, int] | None:
    """RDS's `sun:05:00-sun:06:00` as minutes of the week; the end is past the week's where the window wraps."""
    if not text:
        return None
    match = _MAINTENANCE.fullmatch(text.strip().lower())
    if not match or match[1] not in _WEEKDAYS or match[4] not in _WEEKDAYS:
        raise _Fault(f'maintenance window "{text}"', "expected RDS's form, such as sun:05:00-sun:06:00")
    first = _WEEKDAYS.index(match[1]) * _DAY + int(match[2]) * 60 + int(match[3])
    last = _WEEKDAYS.index(match[4]) * _DAY + int(match[5]) * 60 + int(match[6])
    return first, last if last > first else last + _WEEK


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    """IANA's zone names by their lower-case form, as the deployed `tzdata` lists them."""
    from importlib.resources import files  # noqa: PLC0415  once a process

    return {name.lower(): name for name in files("tzdata").joinpath("zones").read_text().split()}


@lru_cache(maxsize=65536)
def instant(zone: ZoneInfo, day: date, minutes: int) -> datetime:
    """The UTC instant of a wall-clock time: of a repeated one the first, of a skipped one the first after the gap."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minutes)
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    assert before is not None and after is not None  # noqa: S101, PT018  a ZoneInfo always knows
    naive = local.replace(tzinfo=UTC)
    if before >= after:
        return naive - before
    # In the gap, at `before` it would be after the shift and at `after` before it: the shift lies between, to the second.
    low, high = naive - after, naive - before
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (low, middle) if middle.astimezone(zone).utcoffset() == after else (middle, high)
    return high


@lru_cache(maxsize=64)
def _public_holidays(country: str) -> "HolidayBase":
    from holidays import country_holidays  # noqa: PLC0415  slow to import, and most tags do without

    code, _, part = country.partition("-")
    return country_holidays(code, subdiv=part or None)


@lru_cache(maxsize=256)
def _subdivisions(code: str) -> tuple[str, ...]:
    import holidays  # noqa: PLC0415  slow to import, and most tags do without

    return tuple(getattr(holidays, code).subdivisions)


def _country(value: str, calendars: list[str]) -> str:
    """A country's or its part's code as the `holidays` package writes it."""
    from holidays.registry import EntityLoader  # noqa: PLC0415  slow to import, and most tags do without

    codes = {code for code in EntityLoader.get_country_codes() if len(code) == 2}
    code, dash, part = value.partition("-")
    expected = "expected a country such as DE, a part of one such as DE-BY, or a calendar of the settings"
    if code.upper() not in codes:
        near = _nearest(value, [*(name.lower() for name in calendars), *(each.lower() for each in codes)])
        shown = {each.lower(): each for each in (*codes, *calendars)}
        raise _Fault(f'unknown holidays "{value}"', f'did you mean "{shown[near]}"?' if near else expected)
    if not dash:
        return code.upper()
    parts = {each.lower(): each for each in _subdivisions(code.upper())}
    if part not in parts:
        near = _nearest(part, parts)
        known = f"expected a part of {code.upper()} such as {', '.join(list(parts.values())[:8])}" if parts else expected
        hint = f'did you mean "{code.upper()}-{parts[near]}"?' if near else known
        raise _Fault(f'unknown holidays "{value}"', hint)
    return f"{code.upper()}-{parts[part]}"


def _utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError(f"{at!r} has no time zone: schedules are asked about an instant, an aware datetime")
    return at.astimezone(UTC)


def _shifted(at: datetime, by: timedelta) -> datetime:
    """An instant moved, but not over the ends of the calendar."""
    first, last = datetime.min.replace(tzinfo=UTC) + 8 * _MARGIN, datetime.max.replace(tzinfo=UTC) - 8 * _MARGIN
    if by < timedelta():
        return max(first, at + by) if at - first > -by else min(first, at)
    return min(last, at + by) if last - at > by else max(last, at)


def check_name(name: str) -> None:
    """Check the name of a schedule or a calendar of the settings.

    Raises ScheduleError where it is no single plain word, or is itself a word of the tag's grammar.
    """
    if not _NAME.fullmatch(name):
        raise ScheduleError(f'name "{name}": expected a letter, then letters, digits, "_", "." or "-", 64 at the most')
    if name.lower() in _CONSTANTS or _kind(name):
        raise ScheduleError(f'name "{name}" is itself a word of the tag: choose one that means nothing else')


def parse_dates(items: Iterable[str]) -> list[date]:
    """The days of a calendar of the settings, given as dates and ranges (`2026-12-24`, `2026-12-24:2027-01-01`).

    Raises ScheduleError that names the item at fault.
    """
    days: set[date] = set()
    for item in items:
        try:
            first, last = _date_range(item)
        except _Fault as fault:
            raise ScheduleError(f"{fault.what}: {fault.hint}") from None
        if (last - first).days > 3660:
            raise ScheduleError(f'dates "{item}": expected a range of ten years at the most')
        days.update(first + timedelta(days=number) for number in range((last - first).days + 1))
    return sorted(days)
