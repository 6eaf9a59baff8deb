"""A second reading of the tag's rules, slow and obvious, to compare the real one with.

It shares nothing with the real one. It is told a schedule's parts and never reads a tag; it knows a time zone only by
what the clocks there show at an instant; and it lists every window of some weeks, one by one, before it answers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
# The first Monday in view is up to a week away, and its maintenance window begins up to a week after it; all else that
# moves an edge from its day is less.
MARGIN = 14 * DAY

Edge = tuple[datetime, str]


@dataclass(frozen=True)
class Dates:
    """A word for some of the calendar's dates, and which they are."""

    text: str
    include: Callable[[date], bool] = field(repr=False, compare=False)


def around(first: int, last: int, size: int) -> list[int]:
    """The numbers from first to last on a dial that shows 0 to size - 1."""
    return [(first + step) % size for step in range((last - first) % size + 1)]


def span(names: tuple[str, ...], first: int, last: int) -> str:
    return names[first] if first == last else f"{names[first]}-{names[last]}"


def months(first: int, last: int) -> Dates:
    return Dates(span(MONTHS, first, last), lambda day: day.month - 1 in around(first, last, 12))


def week_days(first: int, last: int) -> Dates:
    return Dates(span(WEEK, first, last), lambda day: day.weekday() in around(first, last, 7))


def month_days(first: int, last: int) -> Dates:
    names = tuple(f"d{number}" for number in range(1, 32))
    return Dates(span(names, first - 1, last - 1), lambda day: day.day - 1 in around(first - 1, last - 1, 31))


def nth(number: int, week_day: int) -> Dates:
    """The first to fifth such day of a month: each seven dates from the first on hold one of every week day."""
    seven = range(number * 7 - 6, number * 7 + 1)
    text = f"{('1st', '2nd', '3rd', '4th', '5th')[number - 1]}-{WEEK[week_day]}"
    return Dates(text, lambda day: day.weekday() == week_day and day.day in seven)


def last(week_day: int) -> Dates:
    """The last such day of a month: a week on, it is another month."""
    text = f"last-{WEEK[week_day]}"
    return Dates(text, lambda day: day.weekday() == week_day and (day + 7 * DAY).month != day.month)


DAILY = Dates("daily", lambda _: True)
WEEKDAYS = Dates("weekdays", lambda day: WEEK[day.weekday()] not in ("sat", "sun"))
WEEKENDS = Dates("weekends", lambda day: WEEK[day.weekday()] in ("sat", "sun"))
LAST_DAY = Dates("last-day", lambda day: (day + DAY).month != day.month)


@dataclass(frozen=True)
class Window:
    """Start and end are minutes since midnight, None for the side that a one-sided window lacks."""

    start: int | None
    end: int | None
    days: tuple[Dates, ...] = ()
    months: tuple[Dates, ...] = ()
    zone: str = ""  # the plan's

    def names(self, day: date) -> bool:
        return all(not choice or any(dates.include(day) for dates in choice) for choice in (self.months, self.days))

    @property
    def text(self) -> str:
        choices = ["+".join(dates.text for dates in choice) for choice in (self.months, self.days)]
        hours = "-".join("" if at is None else f"{at // 60:02}:{at % 60:02}" for at in (self.start, self.end))
        return " ".join(word for word in (*choices, hours, self.zone) if word)


@dataclass(frozen=True)
class Plan:
    """A schedule's parts. Minutes of the maintenance week are counted from Monday 00:00 UTC.

    zone: that of the last windows; a window before them with a zone ends a group.
    """

    windows: tuple[Window, ...]
    zone: str
    closed: tuple[tuple[date, date], ...] = ()
    calendar: tuple[date, ...] = ()
    lead: int = 0
    maintenance: tuple[int, int] | None = None
    enforced: bool = False

    @property
    def text(self) -> str:
        """The tag's value; the calendar is the one that the settings name `office`."""
        closed = [f"closed={begin}" if begin == end else f"closed={begin}:{end}" for begin, end in self.closed]
        flags = {
            "holidays=office": self.calendar,
            f"lead={self.lead}m": self.lead,
            "maintenance": self.maintenance,
            "enforced": self.enforced,
        }
        words = [flag for flag, given in flags.items() if given]
        return " ".join([*(window.text for window in self.windows), self.zone, *closed, *words])

    @property
    def maintenance_window(self) -> str | None:
        """The text that RDS has for it, such as sun:05:00-sun:06:00."""
        if self.maintenance is None:
            return None
        return "-".join(f"{WEEK[at // 1440]}:{at % 1440 // 60:02}:{at % 60:02}" for at in self.maintenance)

    @property
    def one_sided(self) -> bool:
        return any(window.start is None or window.end is None for window in self.windows)

    @property
    def zoned(self) -> list[tuple[Window, str]]:
        """Each window with its zone: its own, or that of the next one which has one."""
        zones = [each.zone for each in self.windows]
        return [(each, next(filter(None, zones[at:]), self.zone)) for at, each in enumerate(self.windows)]

    def open(self, day: date) -> bool:
        return day not in self.calendar and not any(begin <= day <= end for begin, end in self.closed)


class SlowSchedule:
    """What a plan asks for around an instant; beyond `known_from` and `known_until` it does not know."""

    def __init__(self, plan: Plan, at: datetime, days: int = 40) -> None:
        self._plan = plan
        self._days = [at.date() + number * DAY for number in range(-days, days + 1)]
        begin, end = midnight(self._days[0]), midnight(self._days[-1])
        self.known_from, self.known_until = begin + MARGIN, end - MARGIN
        zones = {zone for _, zone in plan.zoned}
        self._clocks = {zone: clocks(zone, begin - MARGIN, end + MARGIN) for zone in zones}
        self._running = [] if plan.one_sided else join([*self._windows(), *self._maintenance()])
        edges = self._one_sided_edges() if plan.one_sided else self._two_sided_edges()
        self.edges = [edge for edge in sorted(edges) if self.known_from <= edge[0] < self.known_until]

    def desired_state(self, at: datetime) -> str | None:
        """The state, None where it hangs on an edge that lies too far back to be known."""
        if self._plan.one_sided:
            latest = self.latest(at)
            return latest[1] if latest else None
        return "running" if any(begin <= at < end for begin, end in self._running) else "stopped"

    def latest(self, at: datetime) -> Edge | None:
        return max((edge for edge in self.edges if edge[0] <= at), default=None)

    def next(self, after: datetime) -> Edge | None:
        return min((edge for edge in self.edges if edge[0] > after), default=None)

    def _open_windows(self) -> Iterator[tuple[date, Window, str]]:
        for day in self._days:
            for window, zone in self._plan.zoned:
                if window.names(day) and (self._plan.open(day) or window.start is None):
                    yield day, window, zone

    def _windows(self) -> Iterator[tuple[datetime, datetime]]:
        for day, window, zone in self._open_windows():
            assert window.start is not None
            assert window.end is not None
            begin = self._first_shown(zone, wall(day, window.start))
            end = self._first_shown(zone, wall(day if window.start < window.end else day + DAY, window.end))
            if begin < end:
                yield begin - self._plan.lead * MINUTE, end

    def _maintenance(self) -> Iterator[tuple[datetime, datetime]]:
        if self._plan.maintenance is None:
            return
        start, end = self._plan.maintenance
        for day in self._days:
            if day.weekday() == 0:
                begin = midnight(day) + start * MINUTE
                yield begin - 10 * MINUTE, begin + (end - start) % (7 * 24 * 60) * MINUTE

    def _two_sided_edges(self) -> Iterator[Edge]:
        for begin, end in self._running:
            yield begin, "running"
            yield end, "stopped"

    def _one_sided_edges(self) -> Iterator[Edge]:
        """Of several edges at one instant the one with the later wall-clock time counts, then running over stopped.

        Clocks of two zones are not compared: there, too, running counts over stopped.
        """
        found: dict[datetime, dict[str, list[tuple[datetime, bool]]]] = {}
        for day, window, zone in self._open_windows():
            starts = window.start is not None
            minutes = window.start if window.start is not None else window.end
            assert minutes is not None
            shown = wall(day, minutes)
            at = self._first_shown(zone, shown) - (self._plan.lead if starts else 0) * MINUTE
            found.setdefault(at, {}).setdefault(zone, []).append((shown, starts))
        for at, by_zone in found.items():
            yield at, "running" if any(max(edges)[1] for edges in by_zone.values()) else "stopped"

    def _first_shown(self, zone: str, shown: datetime) -> datetime:
        """The first instant at which the clocks show this time. One that they skip is later by what they skip."""
        before = self._clocks[zone][0][2]
        for begin, end, offset in self._clocks[zone]:
            if shown - offset < end:
                return shown - (offset if begin <= shown - offset else before)
            before = offset
        raise AssertionError(f"{shown} is beyond the days in view")


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def wall(day: date, minutes: int) -> datetime:
    """What a clock shows. It is labelled as UTC only so that it can be compared: it is no instant yet."""
    return midnight(day) + minutes * MINUTE


@cache
def clocks(zone: str, begin: datetime, end: datetime) -> list[tuple[datetime, datetime, timedelta]]:
    """The stretches of time in which a zone's clocks keep one distance from UTC, found by watching them.

    They are looked at every hour, and every minute of an hour in which they changed.
    """

    def offset(at: datetime) -> timedelta:
        found = at.astimezone(ZoneInfo(zone)).utcoffset()
        assert found is not None
        return found

    stretches = []
    since = at = begin
    while at < end:
        kept = offset(at)
        at += HOUR if offset(at + HOUR) == kept else MINUTE
        if offset(at) != kept:
            stretches.append((since, at, kept))
            since = at
    return [*stretches, (since, end, offset(since))]


def join(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The spans' union: those that overlap or touch become one."""
    joined: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined
