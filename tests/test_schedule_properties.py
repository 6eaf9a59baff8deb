"""What holds for every schedule: thousands of random ones, compared with a slow and obvious reading of the rules.

The slow reading shares no code with the real one. It gets a schedule's parts instead of a tag, knows a time zone only
by what its clocks show at an instant, and lists every window of several weeks before it answers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from office_hours.schedule import Schedule, ScheduleError, State, Transition

# A machine that is busy is no fault of a schedule's. The numbers follow the profile in use, which says 100 by default.
USUAL = settings(deadline=None)
THOROUGH = settings(USUAL, max_examples=3 * USUAL.max_examples)

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTH_DAYS = tuple(f"d{number}" for number in range(1, 32))
# What moves an edge from its day is less.
MARGIN = 4 * DAY

Edge = tuple[datetime, str]


# The slow reading


def includes(word: str, day: date) -> bool:
    """Whether a word, such as nov-feb, fri-mon, d31, 1st-mon, last-fri or weekdays, names this day."""
    first, _, last = {"daily": "mon-sun", "weekdays": "mon-fri", "weekends": "sat-sun"}.get(word, word).partition("-")
    for dial, at in ((MONTHS, day.month - 1), (WEEK, day.weekday()), (MONTH_DAYS, day.day - 1)):
        if first in dial:
            low, high = dial.index(first), dial.index(last or first)
            return (at - low) % len(dial) <= (high - low) % len(dial)
    if last == "day":
        return (day + DAY).day == 1
    is_nth = (day + 7 * DAY).month != day.month if first == "last" else first[0] == f"{(day.day + 6) // 7}"
    return WEEK[day.weekday()] == last and is_nth


@dataclass(frozen=True)
class Window:
    """Start and end are minutes since midnight, None for the side that a one-sided window lacks."""

    start: int | None
    end: int | None
    days: tuple[str, ...] = ()
    months: tuple[str, ...] = ()
    zone: str = "UTC"

    def names(self, day: date) -> bool:
        return all(not words or any(includes(each, day) for each in words) for words in (self.months, self.days))

    @property
    def text(self) -> str:
        hours = "-".join("" if at is None else f"{at // 60:02}:{at % 60:02}" for at in (self.start, self.end))
        return " ".join(word for word in ("+".join(self.months), "+".join(self.days), hours) if word)


@dataclass(frozen=True)
class Plan:
    """A schedule's parts, but for the maintenance window, which test_schedule.py adds."""

    windows: tuple[Window, ...] = ()
    closed: tuple[tuple[date, date], ...] = ()
    calendar: tuple[date, ...] = ()
    lead: int = 0
    enforced: bool = False

    @property
    def text(self) -> str:
        """The tag's value; the calendar is the one that the settings name `office`."""
        groups = [
            window.text if following and following.zone == window.zone else f"{window.text} {window.zone}"
            for window, following in zip(self.windows, (*self.windows[1:], None), strict=True)
        ]
        closed = [f"closed={begin}:{end}" for begin, end in self.closed]
        flags = {"holidays=office": self.calendar, f"lead={self.lead}m": self.lead, "enforced": self.enforced}
        return " ".join([*groups, *closed, *(flag for flag, given in flags.items() if given)])

    @property
    def one_sided(self) -> bool:
        return any(None in (window.start, window.end) for window in self.windows)

    def happening(self, days: list[date]) -> Iterator[tuple[date, Window]]:
        for day in days:
            is_open = day not in self.calendar and not any(begin <= day <= end for begin, end in self.closed)
            yield from ((day, each) for each in self.windows if each.names(day) and (is_open or each.start is None))


class SlowSchedule:
    """What a plan asks for around an instant; beyond `known_from` and `known_until` it does not know."""

    def __init__(self, plan: Plan, at: datetime, number: int) -> None:
        self._plan, self._days = plan, [at.date() + each * DAY for each in range(-number, number + 1)]
        self.known_from, self.known_until = midnight(self._days[0]) + MARGIN, midnight(self._days[-1]) - MARGIN
        self._running = [] if plan.one_sided else join(sorted(self._windows()))
        edges = [edge for begin, end in self._running for edge in ((begin, "running"), (end, "stopped"))]
        edges += self._one_sided_edges() if plan.one_sided else []
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

    def _windows(self) -> Iterator[tuple[datetime, datetime]]:
        for day, window in self._plan.happening(self._days):
            assert window.start is not None
            assert window.end is not None
            begin = first_shown(window.zone, midnight(day) + window.start * MINUTE)
            last_day = day if window.start < window.end else day + DAY
            end = first_shown(window.zone, midnight(last_day) + window.end * MINUTE)
            if begin < end:
                yield begin - self._plan.lead * MINUTE, end

    def _one_sided_edges(self) -> Iterator[Edge]:
        """Of several edges at one instant, a start counts."""
        found: dict[datetime, bool] = {}
        for day, window in self._plan.happening(self._days):
            starts = window.start is not None
            shown = midnight(day) + (window.start or 0 if starts else window.end or 0) * MINUTE
            at = first_shown(window.zone, shown) - (self._plan.lead if starts else 0) * MINUTE
            found[at] = found.get(at, False) or starts
        yield from ((at, "running" if starts else "stopped") for at, starts in found.items())


def midnight(day: date) -> datetime:
    """Also what a clock shows is labelled as UTC, so that it can be compared."""
    return datetime.combine(day, time(), UTC)


def first_shown(zone: str, shown: datetime) -> datetime:
    """The first instant at which the clocks show this time. One that they skip is later by what they skip."""
    around = [(shown + near).astimezone(ZoneInfo(zone)).utcoffset() or timedelta() for near in (-2 * DAY, 2 * DAY)]
    instants = [shown - offset for offset in around]
    shows = [at for at in instants if at.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC) == shown]
    return min(shows, default=instants[0])


def join(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The union of spans that are in order: those that overlap or touch become one."""
    joined: list[tuple[datetime, datetime]] = []
    for begin, end in spans:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined


# Random schedules

# Zones, and the instants at which their clocks change: random instants lie around these.
CLOCK_CHANGES = {
    "Africa/Casablanca": ["2024-03-10T02:00Z", "2024-04-14T02:00Z"],  # twice within five weeks
    "America/New_York": ["2026-03-08T07:00Z", "2026-11-01T06:00Z"],
    "America/Sao_Paulo": ["2018-11-04T03:00Z", "2019-02-17T02:00Z"],  # at midnight, the southern summer
    "America/St_Johns": ["2010-03-14T03:31Z", "2010-11-07T02:31Z"],  # a minute after midnight
    "Antarctica/Troll": ["2026-03-29T01:00Z", "2026-10-25T01:00Z"],  # two hours
    "Asia/Kolkata": ["2026-03-29T01:00Z"],  # never, in our time
    "Australia/Lord_Howe": ["2026-04-04T15:00Z", "2026-10-03T15:30Z"],  # half an hour
    "Europe/Dublin": ["2026-03-29T01:00Z", "2026-10-25T01:00Z"],  # the winter is the exception
    "Pacific/Apia": ["2011-12-30T10:00Z", "2012-03-31T14:00Z"],  # 30 December 2011 does not exist
    "Pacific/Kwajalein": ["1993-08-21T12:00Z"],  # 21 August 1993 does not exist
    "UTC": ["2024-02-29T00:00Z", "2027-01-01T00:00Z"],
}


def ranges(names: tuple[str, ...]) -> st.SearchStrategy[str]:
    single = st.sampled_from(names)
    return single | st.tuples(single, single).map("-".join)


MONTH_CHOICES = st.lists(ranges(MONTHS), min_size=1, max_size=3).map(tuple)
DAY_CHOICES = st.lists(
    st.sampled_from(["daily", "daily", "weekdays", "weekends", "last-day"])
    | ranges(WEEK)
    | ranges(MONTH_DAYS)
    | st.tuples(st.sampled_from(["1st", "2nd", "3rd", "4th", "5th", "last"]), st.sampled_from(WEEK)).map("-".join),
    min_size=1,
    max_size=3,
).map(tuple)
# Most clock changes lie between 23:00 and 03:00: so do most times, to fall into gaps and repeated hours.
USUAL_TIMES = [0, 1, 15, 30, 60, 90, 107, 120, 137, 150, 165, 180, 1380, 1410, 1439]
STARTS = st.sampled_from(USUAL_TIMES) | st.integers(0, 1439)
ENDS = st.sampled_from([*USUAL_TIMES, 1440]) | st.integers(0, 1440)
WHOLE_DAYS = st.sampled_from([(0, 1440), (0, 1439)])
TWO_SIDED = WHOLE_DAYS | st.tuples(STARTS, ENDS).filter(lambda hours: hours[0] != hours[1])
ONE_SIDED = st.tuples(STARTS, st.none()) | st.tuples(st.none(), ENDS)


@st.composite
def windows(draw: st.DrawFn, zone: str, hours: st.SearchStrategy[Any]) -> tuple[Window, ...]:
    """One to three windows, of which the first ones may leave out their days or months: later ones would be unclear."""
    drawn = draw(st.lists(hours, min_size=1, max_size=3))
    no_days, no_months = (draw(st.integers(0, len(drawn))) for _ in "dm")
    found = []
    for number, (start, end) in enumerate(drawn):
        days = () if number < no_days else draw(DAY_CHOICES)
        # Mostly all windows have one zone. Dublin's clocks change with Berlin's.
        its_zone = draw(st.sampled_from([zone] * 4 + ["Europe/Dublin", "Europe/Berlin", "Asia/Kolkata"]))
        found.append(Window(start, end, days, () if number < no_months else draw(MONTH_CHOICES), its_zone))
    return tuple(found)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Plan, datetime]:
    """A plan, and an instant near a change of its clocks."""
    zone = draw(st.sampled_from(sorted(CLOCK_CHANGES)))
    at = datetime.fromisoformat(draw(st.sampled_from(CLOCK_CHANGES[zone])))
    at += timedelta(hours=draw(st.integers(-72, 72)), minutes=draw(st.sampled_from([0, 0, -1, 15, 29, 30, 45])))
    days = st.integers(-9, 9).map(lambda number: at.date() + number * DAY)
    ranges = st.tuples(days, st.integers(0, 4)).map(lambda drawn: (drawn[0], drawn[0] + drawn[1] * DAY))
    closed = tuple(draw(st.lists(ranges, max_size=2)))
    calendar = tuple(draw(st.lists(days, max_size=3)))
    lead = draw(st.sampled_from([0, 0, 1, 15, 60, 300, 1439, 1440]))
    if draw(st.integers(0, 3)) == 0:
        edges = draw(windows(zone, ONE_SIDED))
        return Plan(edges, closed, calendar, lead if any(each.start is not None for each in edges) else 0), at
    return Plan(draw(windows(zone, TWO_SIDED)), closed, calendar, lead, draw(st.booleans())), at


def read(plan: Plan) -> Schedule:
    """Parse a plan's tag, and leave aside those that are refused for a reason: that is tested below."""
    assume(all(can_happen(window) for window in plan.windows))
    found = parse(plan, plan.text)
    if isinstance(found, ScheduleError):
        assume('write "always"' not in str(found))
        raise found
    return found


def parse(plan: Plan, text: str, maintenance_window: str | None = None) -> Schedule | ScheduleError:
    try:
        return Schedule.parse(
            text,
            named={"berlin": "mon-fri 08:00-18:00 Europe/Berlin"},
            calendars={"office": list(plan.calendar)},
            maintenance_window=maintenance_window,
        )
    except ScheduleError as error:
        return error


def can_happen(window: Window) -> bool:
    """Whether a window names any date. Years are of 14 kinds, and 28 in a row have them all."""
    first = date(2000, 1, 1)
    return any(window.names(first + number * DAY) for number in range(28 * 366))


# The longest lead moves a start at midnight to a midnight, and the day before can be far from any window.
FAR = Plan((Window(0, 1440, ("d15",), (), "Asia/Kolkata"),), lead=1440)


@THOROUGH
@given(cases(), st.sampled_from([*[40] * 9, 400]), st.sampled_from([" ", "  ", "\t", "\n "]))
@example((FAR, datetime(2026, 6, 1, tzinfo=UTC)), 400, " ")
def test_a_schedule_asks_for_what_the_slow_reading_asks_for(case: tuple[Plan, datetime], days: int, space: str) -> None:
    plan, at = case
    schedule, slow = read(plan), SlowSchedule(plan, at, days)
    # Neither case nor the kind of white space counts.
    assert parse(plan, space.join(["", *plan.text.upper().split(), ""])) == schedule

    def known(found: Transition | None) -> Edge | None:
        return (found.at, found.to.value) if found and slow.known_from <= found.at < slow.known_until else None

    beside = [found[0] for found in (slow.latest(at), slow.next(at)) if found]
    for instant in [at, *beside, *(edge - timedelta(microseconds=1) for edge in beside)]:
        assert known(schedule.latest_transition(instant)) == slow.latest(instant)
        assert known(schedule.next_transition(instant)) == slow.next(instant)
        desired = slow.desired_state(instant)
        assert schedule.desired_state(instant) == desired or (plan.one_sided and desired is None)
    for expected in slow.edges:
        if expected[0] > at:
            assert known(schedule.next_transition(at)) == expected
            at = expected[0]


@USUAL
@given(TWO_SIDED | ONE_SIDED, DAY_CHOICES, MONTH_CHOICES)
@example((480, 1080), ("d30",), ("feb",))
@example((480, 1080), ("d31",), ("apr", "jun"))
@example((480, 1080), ("5th-mon",), ("feb",))
def test_a_window_that_names_no_date_is_refused_and_no_other(
    hours: tuple[int | None, int | None], days: tuple[str, ...], months: tuple[str, ...]
) -> None:
    window = Window(*hours, days, months)
    assert can_happen(window) is ("can never happen" not in str(parse(Plan(), window.text)))


# Whole words, parts of words, and characters that belong into none.
FRAGMENTS = """
    mon tue sat jan dec daily weekdays weekends last last-day 1st 5th 6th d d1 d32 0 08:00 18:00 24:00 Europe/Berlin UTC
    holidays= closed= lead= grace= 15m m DE DE-BY 2026-12-24 2026-02-30 0001-01-01 9999-12-31 maintenance enforced
    always never ignore office berlin - + : = / . @ _ .. \0 é ß \N{SUPERSCRIPT TWO} \N{DEVANAGARI DIGIT ONE}
"""
WORDS = st.lists(st.sampled_from(FRAGMENTS.split()), min_size=1, max_size=5).map("".join)
# Tags are hostile: whoever can write one can write anything. Here it is RDS's 256 characters of any kind; then of the
# grammar's own words, in an order that may be right.
ODD_WINDOWS = """
    00:00-24:00 00:00-23:00 03:00-02:00 00:00-01:00 01:00-02:00 08:00- -19:00 daily mon-fri sat+sun 1st-mon 5th-mon
    last-fri last-day d1 d2 d29 d30 d1-d28 d31-d1 jan feb mar-jan jan-dec
"""
ODD_OPTIONS = """
    lead=60m lead=1440m grace=12h closed=2400-01-01 closed=0001-01-01 closed=2027-01-01 closed=1990-01-01:2060-12-31
    closed=2026-01-01:9999-12-31 holidays=DE holidays=US holidays=ES holidays=HM maintenance enforced
"""
TEXTS = st.text(max_size=256) | st.lists(WORDS, max_size=40).map(" ".join)
TAGS = st.builds(
    lambda windows, zone, options: " ".join((*windows, zone, *options)),
    st.lists(st.sampled_from(ODD_WINDOWS.split()), min_size=1, max_size=12),
    st.sampled_from(["", "Eurpoe/Berlin", *CLOCK_CHANGES]),
    st.lists(st.sampled_from([*ODD_OPTIONS.split(), *ODD_WINDOWS.split()[:2]]), max_size=8),
)
ANY_TIME = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=12))]))
AN_HOUR, NEARLY_A_WEEK = "sun:05:00-sun:06:00", "wed:12:00-wed:11:30"


@THOROUGH
@given(TEXTS | TAGS, ANY_TIME, st.sampled_from([AN_HOUR, NEARLY_A_WEEK]) | TEXTS)
@example("00:00-24:00 lead=1440m holidays=ES closed=2400-01-01", datetime(2026, 11, 24, tzinfo=UTC), AN_HOUR)
@example("-maintenance", datetime(2026, 11, 24, tzinfo=UTC), AN_HOUR)
@example("08:00-18:00 =", datetime(2026, 11, 24, tzinfo=UTC), AN_HOUR)
@example("00:00-23:59 America/New_York maintenance", datetime(2026, 11, 24, tzinfo=UTC), NEARLY_A_WEEK)
@example("mon-fri 08:00-18:00 Europe/Berlin", datetime.min.replace(tzinfo=UTC), AN_HOUR)
@example("-19:00 Pacific/Apia", datetime.max.replace(tzinfo=UTC), AN_HOUR)
@example("mon 08:00-18:00 Australia/Melbiurne", datetime(2026, 11, 24, tzinfo=UTC), AN_HOUR)
def test_any_text_is_refused_with_a_sentence_that_shows_it_or_is_a_schedule_that_answers_for_any_instant(
    text: str, at: datetime, maintenance_window: str
) -> None:
    schedule = parse(Plan(), text := text[:256], maintenance_window)
    if isinstance(schedule, ScheduleError):
        fault, shown, _ = str(schedule).partition(f' in "{" ".join(text.split())}": ')
        assert shown or '"' in text or not text.split() or "maintenance window" in str(schedule)
        assert '""' not in fault or not shown or '"' in text
        assert not re.search(r'"(.+)".*did you mean "\1"', str(schedule), re.IGNORECASE)
        return
    assert str(schedule) == text
    latest, upcoming, desired = schedule.latest_transition(at), schedule.next_transition(at), schedule.desired_state(at)
    assert latest is None or latest.at <= at.astimezone(UTC)
    assert upcoming is None or upcoming.at > at.astimezone(UTC)
    assert desired in (latest.to if latest else None, State.RUNNING, State.STOPPED)
