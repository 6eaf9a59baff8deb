"""What holds for every schedule: thousands of random ones, compared with a slow and obvious reading of the rules."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import slow_schedule as rules
from office_hours.schedule import Schedule, ScheduleError, State, Transition
from slow_schedule import DAY, Dates, Plan, SlowSchedule, Window

# A machine that is busy is no fault of a schedule's. The numbers follow the profile in use, which says 100 by default.
USUAL = settings(deadline=None)
THOROUGH = settings(USUAL, max_examples=3 * USUAL.max_examples)

# Zones, and the instants at which their clocks change: random instants lie around these.
CLOCK_CHANGES = {
    "Africa/Casablanca": ["2024-03-10T02:00Z", "2024-04-14T02:00Z"],  # twice within five weeks
    "America/New_York": ["2026-03-08T07:00Z", "2026-11-01T06:00Z"],
    "America/Sao_Paulo": ["2018-11-04T03:00Z", "2019-02-17T02:00Z"],  # at midnight, the southern summer
    "America/St_Johns": ["2010-03-14T03:31Z", "2010-11-07T02:31Z"],  # a minute after midnight
    "Antarctica/Troll": ["2026-03-29T01:00Z", "2026-10-25T01:00Z"],  # two hours
    "Asia/Kolkata": ["2026-03-29T01:00Z"],  # never, in our time
    "Australia/Lord_Howe": ["2026-04-04T15:00Z", "2026-10-03T15:30Z"],  # half an hour
    "Europe/Berlin": ["2026-03-29T01:00Z", "2026-10-25T01:00Z"],
    "Europe/Dublin": ["2026-03-29T01:00Z", "2026-10-25T01:00Z"],  # the winter is the exception
    "Pacific/Apia": ["2011-12-30T10:00Z", "2012-03-31T14:00Z"],  # 30 December 2011 does not exist
    "Pacific/Chatham": ["2026-04-04T14:00Z", "2026-09-26T14:00Z"],  # at 02:45
    "Pacific/Kwajalein": ["1993-08-21T12:00Z"],  # 21 August 1993 does not exist
    "UTC": ["2024-02-29T00:00Z", "2027-01-01T00:00Z"],
}


@st.composite
def instants(draw: st.DrawFn, zone: str) -> datetime:
    change = datetime.fromisoformat(draw(st.sampled_from(CLOCK_CHANGES[zone])))
    hours = draw(st.integers(-72, 72))
    return change + timedelta(hours=hours, minutes=draw(st.sampled_from([0, 0, -1, 15, 29, 30, 45])))


def ranges(rule: Callable[[int, int], Dates], first: int, last: int) -> st.SearchStrategy[Dates]:
    single = st.integers(first, last).map(lambda number: rule(number, number))
    return single | st.builds(rule, st.integers(first, last), st.integers(first, last))


MONTH_CHOICES = st.lists(ranges(rules.months, 0, 11), min_size=1, max_size=3).map(tuple)
DAY_CHOICES = st.lists(
    st.sampled_from([rules.DAILY, rules.DAILY, rules.WEEKDAYS, rules.WEEKENDS, rules.LAST_DAY])
    | ranges(rules.week_days, 0, 6)
    | ranges(rules.month_days, 1, 31)
    | st.builds(rules.nth, st.integers(1, 5), st.integers(0, 6))
    | st.builds(rules.last, st.integers(0, 6)),
    min_size=1,
    max_size=3,
).map(tuple)
# Most clock changes lie between 23:00 and 03:00: so do most times, to fall into gaps and repeated hours.
USUAL_TIMES = [0, 1, 15, 30, 60, 90, 107, 120, 137, 150, 165, 180, 1380, 1410, 1439]
STARTS = st.sampled_from(USUAL_TIMES) | st.integers(0, 1439)
ENDS = st.sampled_from([*USUAL_TIMES, 1440]) | st.integers(0, 1440)
WHOLE_DAYS = st.sampled_from([(0, 1440), (0, 1439)])
TWO_SIDED = WHOLE_DAYS | st.tuples(STARTS, ENDS).filter(lambda hours: hours[0] != hours[1])
# Mostly all windows have one zone. Dublin's clocks change with Berlin's.
ZONES_BETWEEN = st.sampled_from(["", "", "", "", "Europe/Dublin", "Europe/Berlin", "Asia/Kolkata"])
ONE_SIDED = st.tuples(STARTS, st.none()) | st.tuples(st.none(), ENDS)


@st.composite
def windows(draw: st.DrawFn, hours: st.SearchStrategy[Any]) -> tuple[Window, ...]:
    """One to three windows, of which the first ones may leave out their days or months: later ones would be unclear."""
    drawn = draw(st.lists(hours, min_size=1, max_size=3))
    no_days, no_months = (draw(st.integers(0, len(drawn))) for _ in "dm")
    found = []
    for number, (start, end) in enumerate(drawn):
        days = () if number < no_days else draw(DAY_CHOICES)
        zone = draw(ZONES_BETWEEN) if number + 1 < len(drawn) else ""
        found.append(Window(start, end, days, () if number < no_months else draw(MONTH_CHOICES), zone))
    return tuple(found)


@st.composite
def plans(draw: st.DrawFn, zone: str, at: datetime) -> Plan:
    days = st.integers(-9, 9).map(lambda number: at.date() + number * DAY)
    ranges = st.tuples(days, st.integers(0, 4)).map(lambda drawn: (drawn[0], drawn[0] + drawn[1] * DAY))
    closed = tuple(draw(st.lists(ranges, max_size=2)))
    calendar = tuple(draw(st.lists(days, max_size=3)))
    lead = st.sampled_from([0, 0, 1, 15, 60, 300, 1439, 1440])
    if draw(st.integers(0, 3)) == 0:
        edges = draw(windows(ONE_SIDED))
        started = any(window.start is not None for window in edges)
        return Plan(edges, zone, closed, calendar, lead=draw(lead) if started else 0)
    week = 7 * 24 * 60
    begin = (at.weekday() * 1440 + at.hour * 60 + draw(st.integers(-2880, 2880))) % week
    maintenance = begin, (begin + draw(st.sampled_from([30, 60, 1440, week - 30]))) % week
    return Plan(
        draw(windows(TWO_SIDED)),
        zone,
        closed,
        calendar,
        draw(lead),
        maintenance if draw(st.integers(0, 3)) == 0 else None,
        enforced=draw(st.booleans()),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Plan, datetime]:
    zone = draw(st.sampled_from(sorted(CLOCK_CHANGES)))
    at = draw(instants(zone))
    return draw(plans(zone, at)), at


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
            maintenance_window=maintenance_window or plan.maintenance_window,
        )
    except ScheduleError as error:
        return error


def can_happen(window: Window) -> bool:
    """Whether a window names any date. Years are of 14 kinds, and 28 in a row have them all."""
    first = date(2000, 1, 1)
    return any(window.names(first + number * DAY) for number in range(28 * 366))


def edge(transition: Transition | None) -> tuple[datetime, str] | None:
    return (transition.at, transition.to.value) if transition else None


@THOROUGH
@given(cases())
def test_a_schedule_asks_for_what_the_slow_reading_asks_for(case: tuple[Plan, datetime]) -> None:
    plan, at = case
    schedule, slow = read(plan), SlowSchedule(plan, at)

    def known(found: Transition | None) -> tuple[datetime, str] | None:
        return edge(found) if found and slow.known_from <= found.at < slow.known_until else None

    beside = [found[0] for found in (slow.latest(at), slow.next(at)) if found]
    for instant in [at, *beside, *(edge - timedelta(microseconds=1) for edge in beside)]:
        assert known(schedule.latest_transition(instant)) == slow.latest(instant)
        assert known(schedule.next_transition(instant)) == slow.next(instant)
        desired = slow.desired_state(instant)
        assert schedule.desired_state(instant) == desired or (plan.one_sided and desired is None)


@settings(USUAL, max_examples=USUAL.max_examples // 3)
@given(cases())
# The longest lead moves a start at midnight to a midnight, and the day before can be far from any window.
@example(
    (Plan((Window(0, 1440, (rules.month_days(15, 15),)),), "Asia/Kolkata", lead=1440), datetime(2026, 6, 1, tzinfo=UTC))
)
def test_nothing_is_overlooked_on_the_way_to_a_far_transition(case: tuple[Plan, datetime]) -> None:
    plan, at = case
    schedule, slow = read(plan), SlowSchedule(plan, at, days=400)
    here = at
    for expected in slow.edges:
        if expected[0] > at:
            assert edge(schedule.next_transition(here)) == expected
            here = expected[0]


@USUAL
@given(cases(), st.sampled_from([" ", "  ", "\t", "\n "]))
def test_neither_case_nor_the_kind_of_white_space_counts(case: tuple[Plan, datetime], space: str) -> None:
    plan, _ = case
    schedule = read(plan)
    written = space.join(["", *plan.text.upper().split(), ""])
    assert parse(plan, written) == schedule
    assert str(parse(plan, written)) == written


@USUAL
@given(TWO_SIDED | ONE_SIDED, DAY_CHOICES, MONTH_CHOICES)
@example((480, 1080), (rules.month_days(30, 30),), (rules.months(1, 1),))
@example((480, 1080), (rules.month_days(31, 31),), (rules.months(3, 3), rules.months(5, 5)))
@example((480, 1080), (rules.nth(5, 0),), (rules.months(1, 1),))
def test_a_window_that_names_no_date_is_refused_and_no_other(
    hours: tuple[int | None, int | None], days: tuple[Dates, ...], months: tuple[Dates, ...]
) -> None:
    window = Window(*hours, days, months)
    found = parse(Plan((window,), "UTC"), window.text)
    assert can_happen(window) is ("can never happen" not in str(found))


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
    schedule = parse(Plan((), "UTC"), text := text[:256], maintenance_window)
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
