"""The tag language, rule by rule. In November 2026 Berlin is an hour ahead of UTC; the 23rd is a Monday."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TypedDict, Unpack
from zoneinfo import ZoneInfo

import pytest

from bench import tags
from office_hours.days_off import parse_dates
from office_hours.schedule import Schedule, ScheduleError, State, Transition
from office_hours.slips import likely_zones

OFFICE = "mon-fri 08:00-18:00 Europe/Berlin"
NAMED = {"berlin": OFFICE}
CALENDARS = {"office": [date(2026, 11, 24)]}


class Settings(TypedDict, total=False):
    default_zone: str
    named: dict[str, str]
    calendars: dict[str, list[date]]
    maintenance_window: str | None


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def changes(tag: str, first: str, last: str, **settings: Unpack[Settings]) -> list[str]:
    """The transitions from the first day's midnight to the end of the last day, in UTC."""
    schedule = Schedule.parse(tag, **settings)
    at, end = utc(first) - timedelta(microseconds=1), utc(last) + timedelta(days=1)
    found = []
    while (transition := schedule.next_transition(at)) and transition.at < end:
        found.append(f"{transition.at:%a %d %H:%M} {'up' if transition.to is State.RUNNING else 'down'}".lower())
        at = transition.at
    return found


def refusal(tag: str, **settings: Unpack[Settings]) -> str:
    with pytest.raises(ScheduleError) as caught:
        Schedule.parse(tag, **settings)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


# A tag, some days, and what it does on them in UTC: first the specification's own examples, then rule by rule.
EXAMPLES = """
    mon-fri 08:00-18:00 Europe/Berlin | 2026-11-27 2026-11-30 |
        fri 27 07:00 up, fri 27 17:00 down, mon 30 07:00 up, mon 30 17:00 down
    mon-thu 07:30-19:00 fri 07:30-15:00 America/New_York holidays=US-NY | 2026-11-26 2026-11-27 |
        thu 26 00:00 down, fri 27 12:30 up, fri 27 20:00 down
    daily 22:00-06:00 UTC | 2026-11-23 2026-11-23 | mon 23 06:00 down, mon 23 22:00 up
    mon-fri 08:00-18:00 sat 10:00-14:00 Asia/Kolkata lead=20m | 2026-11-28 2026-11-29 |
        sat 28 04:10 up, sat 28 08:30 down
    -19:00 Europe/London | 2026-11-23 2026-11-24 | mon 23 19:00 down, tue 24 19:00 down
    weekdays 08:00- Europe/London | 2026-11-27 2026-11-30 | fri 27 08:00 up, mon 30 08:00 up
    jan-mar mon-fri 07:00-20:00 apr-dec mon-fri 08:00-18:00 Europe/Paris | 2026-03-31 2026-04-01 |
        tue 31 05:00 up, tue 31 18:00 down, wed 01 06:00 up, wed 01 16:00 down
    1st-mon 06:00-22:00 last-day 00:00-24:00 UTC | 2026-11-30 2026-12-30 |
        mon 30 00:00 up, tue 01 00:00 down, mon 07 06:00 up, mon 07 22:00 down
    berlin enforced | 2026-11-23 2026-11-23 | mon 23 07:00 up, mon 23 17:00 down
    mon-fri 08:00-18:00 Europe/Sofia mon-fri 09:00-18:00 Asia/Kolkata | 2026-11-23 2026-11-23 |
        mon 23 03:30 up, mon 23 16:00 down
"""
RULES = {
    "a zone is that of the windows before it, and at the end the default": """
        mon 08:00-09:00 tue 08:00-09:00 Asia/Kolkata wed 08:00-09:00 | 2026-11-23 2026-11-25 |
            mon 23 02:30 up, mon 23 03:30 down, tue 24 02:30 up, tue 24 03:30 down, wed 25 08:00 up, wed 25 09:00 down
    """,
    "a day is closed by the calendar of each zone": """
        08:00-09:00 UTC 08:00-09:00 Pacific/Auckland closed=2026-11-24 | 2026-11-23 2026-11-24 |
            mon 23 08:00 up, mon 23 09:00 down, tue 24 19:00 up, tue 24 20:00 down
    """,
    "the last monday of a month is the one before the next month": """
        last-mon 08:00-18:00 UTC | 2026-11-22 2026-11-30 | mon 30 08:00 up, mon 30 18:00 down
    """,
    "a zone can put an edge days from where utc has it": """
        sat 22:00-20:00 Pacific/Honolulu | 2026-11-22 2026-11-23 | sun 22 08:00 up, mon 23 06:00 down
        tue 00:00-00:01 Pacific/Kiritimati lead=1440m | 2026-11-22 2026-11-24 | sun 22 10:00 up, mon 23 10:01 down
    """,
    # Berlin's clocks skip from 02:00 to 03:00 at 01:00 UTC on Sunday, 29 March 2026; Apia's the whole of Friday,
    # 30 December 2011.
    "a time that a clock skips moves forward by the gap": """
        sun 02:30-10:00 Europe/Berlin | 2026-03-28 2026-03-29 | sun 29 01:30 up, sun 29 08:00 down
        fri 08:00-18:00 Pacific/Apia | 2011-12-29 2011-12-31 | fri 30 18:00 up, sat 31 04:00 down
    """,
    "a window that a clock shrinks to nothing does not happen, nor does its lead": """
        sun 02:00-03:00 Europe/Berlin | 2026-03-28 2026-03-29 | nothing
        sun 02:30-03:15 Europe/Berlin lead=60m | 2026-03-28 2026-03-29 | nothing
    """,
    # Berlin's clocks go back from 03:00 to 02:00 at 01:00 UTC on Sunday, 25 October 2026.
    "a time that a clock repeats is the first of the two": """
        sun 02:30-10:00 Europe/Berlin | 2026-10-24 2026-10-25 | sun 25 00:30 up, sun 25 09:00 down
    """,
    "each edge of a one sided schedule is a transition though the state stays": """
        08:00- 10:00- -18:00 -20:00 UTC | 2026-11-23 2026-11-23 |
            mon 23 08:00 up, mon 23 10:00 up, mon 23 18:00 down, mon 23 20:00 down
    """,
    "of edges at one instant a start counts": """
        sun -02:30 sun 03:30- Europe/Berlin | 2026-03-28 2026-03-29 | sun 29 01:30 up
        sun 00:00- sat -24:00 Europe/Berlin | 2026-03-28 2026-03-29 | sat 28 23:00 up
        -18:00 Europe/Berlin 17:00- Europe/London | 2026-11-23 2026-11-23 | mon 23 17:00 up
    """,
    "no window starts on a closed day": """
        22:00-06:00 UTC closed=2026-11-24 | 2026-11-23 2026-11-25 |
            mon 23 06:00 down, mon 23 22:00 up, tue 24 06:00 down, wed 25 22:00 up
    """,
    "on a closed day a one sided schedule stops and does not start": """
        08:00- -19:00 UTC closed=2026-11-24 | 2026-11-24 2026-11-25 |
            tue 24 19:00 down, wed 25 08:00 up, wed 25 19:00 down
    """,
    "a lead moves starts and no ends": """
        tue 00:10-06:00 UTC lead=15m closed=2026-11-23 | 2026-11-23 2026-11-24 | mon 23 23:55 up, tue 24 06:00 down
    """,
}


def lines(text: str) -> list[list[str]]:
    """The lines of a table, in columns; what follows on the next line is joined."""
    joined = re.sub(r"\|\n +", "| ", text)
    return [[column.strip() for column in line.split("|")] for line in joined.splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("rule", "tag", "days", "expected"),
    [
        (rule, *line)
        for rule, text in {"an example of the specification": EXAMPLES, **RULES}.items()
        for line in lines(text)
    ],
)
def test_rule(rule: str, tag: str, days: str, expected: str) -> None:
    assert ", ".join(changes(tag, *days.split(), named=NAMED)) == expected.removesuffix("nothing"), rule


# The three questions.


def test_an_instant_has_a_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Schedule.parse("always").next_transition(datetime(2026, 11, 23, 12))  # noqa: DTZ001 - the mistake under test


def test_a_one_sided_schedule_asks_for_its_latest_edge_and_for_nothing_before_the_first() -> None:
    schedule = Schedule.parse("mon 08:00- fri -19:00 UTC")
    edges = ("2026-11-23T07:59", "2026-11-23T08:00", "2026-11-27T18:59", "2026-11-27T19:00")
    assert [schedule.desired_state(utc(at)) for at in edges] == ["stopped", "running", "running", "stopped"]
    assert Schedule.parse("-17:00 17:00- UTC").desired_state(utc("2026-11-23T17:00")) is State.RUNNING
    schedule = Schedule.parse("mon 08:00- UTC closed=0001-01-01:2026-11-22")
    assert schedule.desired_state(utc("2026-11-23T07:59")) is None
    assert schedule.latest_transition(utc("2026-11-23T07:59")) is None
    assert schedule.desired_state(utc("2026-11-23T08:00")) is State.RUNNING


@pytest.mark.parametrize(
    ("tag", "desired", "following"),
    [
        ("feb d29 08:00-18:00 UTC", State.STOPPED, Transition(utc("2028-02-29T08:00"), State.RUNNING)),
        ("mar-jan 00:00-24:00 feb d1-d28 00:00-24:00 UTC", State.RUNNING, Transition(utc("2028-02-29"), State.STOPPED)),
        ("feb d29 08:00- UTC", None, Transition(utc("2028-02-29T08:00"), State.RUNNING)),
    ],
)
def test_a_transition_counts_for_two_years(tag: str, desired: State | None, following: Transition) -> None:
    schedule = Schedule.parse(tag)
    assert schedule.next_transition(utc("2026-03-02")) == following
    assert schedule.next_transition(utc("2026-01-02")) is None
    assert schedule.latest_transition(utc("2026-02-20")) is not None
    at = utc("2026-09-01")
    assert schedule.latest_transition(at) is None
    assert schedule.desired_state(at) is desired


@pytest.mark.parametrize(
    ("tag", "state"),
    [
        ("always", State.RUNNING),
        ("NEVER", State.STOPPED),
        ("ignore", None),
        ("08:00-20:00 20:00-08:00", State.RUNNING),
        ("00:00-23:50 lead=10m", State.RUNNING),
    ],
)
def test_what_never_changes_has_no_transitions(tag: str, state: State | None) -> None:
    schedule, at = Schedule.parse(tag), utc("2026-11-23")
    assert schedule.desired_state(at) is state
    assert (schedule.latest_transition(at), schedule.next_transition(at)) == (None, None)


def test_the_hardest_tags_are_answered_in_seconds() -> None:
    """Tags are hostile: whoever can write one can write anything."""
    assert max(tags.seconds([tag], [utc("2026-11-23")]) for tag in tags.hostile(20)) < 10


# Days, months, zones.


# A window that leaves out what an earlier one named, and the two that it could mean.
TWO_WAYS = """
    mon-fri 08:00-12:00 13:00-18:00 UTC lead=5m   | mon-fri 13:00-18:00     | daily 13:00-18:00
    mon 08:00-12:00 daily 13:00-14:00 15:00-16:00 | mon 15:00-16:00         | daily 15:00-16:00
    jan-mar mon 08:00-12:00 mon 13:00-18:00       | jan-mar mon 13:00-18:00 | jan-dec mon 13:00-18:00
"""


@pytest.mark.parametrize(("tag", "as_before", "as_always"), lines(TWO_WAYS))
def test_a_window_that_could_be_meant_in_two_ways_is_refused_with_both(
    tag: str, as_before: str, as_always: str
) -> None:
    what, hint = refusal(tag).split(f' in "{tag}": ')
    assert "two ways" in what
    for shown, meant in zip(re.findall('"([^"]+)"', hint), (as_before, as_always), strict=True):
        assert meant in shown
        Schedule.parse(shown)


@pytest.mark.parametrize(
    ("tag", "written_out"),
    [
        ("08:00-12:00 mon-fri 13:00-18:00", "daily 08:00-12:00 mon-fri 13:00-18:00"),
        ("jan-dec mon 08:00-12:00 tue 13:00-18:00", "mon 08:00-12:00 tue 13:00-18:00"),
        ("daily 08:00-12:00 13:00-18:00", "1st-mon+daily 08:00-12:00 daily 13:00-18:00"),
        ("monday-friday 08:00-18:00 Europe/Berlin", OFFICE),
        ("January-March 1st-Monday 8:00-9:30", "jan-mar 1st-mon 08:00-09:30"),
    ],
)
def test_what_can_be_meant_in_one_way_is_read(tag: str, written_out: str) -> None:
    assert Schedule.parse(tag) == Schedule.parse(written_out)


@pytest.mark.parametrize(
    ("tag", "shown", "is_default"),
    [
        ("08:00-18:00", "Asia/Tokyo", True),
        ("08:00-18:00 UTC", "UTC", False),
        ("mon 08:00-18:00 Europe/Sofia tue 08:00-18:00", "Europe/Sofia", True),
        ("two Europe/Sofia", "Europe/Sofia", False),
    ],
)
def test_the_first_zone_is_shown_and_whether_the_default_is_used(tag: str, shown: str, is_default: bool) -> None:
    found = Schedule.parse(tag, default_zone="Asia/Tokyo", named={"two": "08:00-18:00"})
    assert (found.zone.key, found.in_default_zone) == (shown, is_default)


def test_a_name_with_several_zones_takes_no_other() -> None:
    message = refusal("two UTC", named={"two": "mon 08:00-18:00 Europe/Sofia tue 08:00-18:00 Asia/Kolkata"})
    assert '"two" has several zones' in message


@pytest.mark.parametrize("zone", ["UTC", "GB", "W-SU", "Etc/GMT+5", "America/Port-au-Prince", "Europe/Berlin"])
def test_every_iana_zone_is_known_in_any_case(zone: str) -> None:
    for written in (zone, zone.lower(), zone.upper()):
        assert Schedule.parse(f"08:00-18:00 {written}").zone.key == zone


def test_holidays_are_each_clusters_own() -> None:
    thai, american = (Schedule.parse(f"mon-fri 08:00-18:00 Asia/Bangkok holidays={code}") for code in ("TH", "US"))
    fathers_day, thanksgiving = datetime(2025, 12, 5, 5, tzinfo=UTC), datetime(2026, 11, 26, 5, tzinfo=UTC)
    assert [each.desired_state(fathers_day) for each in (thai, american)] == ["stopped", "running"]
    assert [each.desired_state(thanksgiving) for each in (thai, american)] == ["running", "stopped"]


# Maintenance. RDS's window is weekly and in UTC, whatever the schedule's zone.


@pytest.mark.parametrize(
    ("options", "window", "expected"),
    [
        ("Asia/Kolkata maintenance", "sun:05:00-sun:06:00", "sun 29 04:50 up, sun 29 06:00 down"),
        ("lead=30m closed=2026-11-29 maintenance", "sun:05:00-sun:06:00", "sun 29 04:50 up, sun 29 06:00 down"),
        ("maintenance", "sun:23:30-mon:00:30", "sun 29 23:20 up, mon 30 00:30 down"),
        ("maintenance", "mon:00:00-mon:00:30", "sun 29 23:50 up, mon 30 00:30 down"),
        ("maintenance", None, ""),
        ("UTC", "sun:05:00-sun:06:00", ""),
    ],
)
def test_maintenance_runs_the_cluster_from_ten_minutes_before_its_window(
    options: str, window: str | None, expected: str
) -> None:
    found = changes(f"wed 08:00-18:00 {options}", "2026-11-28", "2026-11-30", maintenance_window=window)
    assert ", ".join(found) == expected


# Enforced, and named schedules.


def test_what_is_enforced() -> None:
    tags = ("08:00-18:00", "-18:00", "08:00-18:00 enforced", "berlin", "berlin enforced", "always", "never")
    found = [tag for tag in tags if Schedule.parse(tag, named=NAMED).enforced]
    assert found == ["08:00-18:00 enforced", "berlin enforced", "always", "never"]


# What the settings call "Office", a tag that names it, and what that means.
NAMES = """
    08:00-18:00 Europe/Berlin    | OFFICE                  | 08:00-18:00 Europe/Berlin
    08:00-18:00                  | office                  | 08:00-18:00 Asia/Kolkata
    08:00-18:00 Europe/Berlin    | office America/New_York | 08:00-18:00 America/New_York
    08:00-18:00 UTC lead=15m     | office lead=30m         | 08:00-18:00 UTC lead=30m
    08:00-18:00 UTC grace=15m    | office grace=12h        | 08:00-18:00 UTC grace=720m
    08:00-18:00 UTC enforced     | office maintenance      | 08:00-18:00 UTC enforced maintenance
    08:00-18:00 UTC holidays=DE  | office holidays=US      | 08:00-18:00 UTC holidays=DE holidays=US
    never                        | office                  | never
"""


@pytest.mark.parametrize(("named", "tag", "written_out"), lines(NAMES))
def test_a_name_stands_for_its_schedule_and_what_follows_it(named: str, tag: str, written_out: str) -> None:
    found = Schedule.parse(tag, named={"Office": named}, default_zone="Asia/Kolkata")
    assert found == Schedule.parse(written_out, default_zone="Asia/Kolkata")
    assert str(found) == tag


def test_an_error_in_a_named_schedule_shows_the_name_and_the_word_at_fault() -> None:
    assert refusal("office enforced", named={"office": "mno-fri 08:00-18:00"}) == (
        'bad schedule "office" in "office enforced": '
        'unknown day "mno" in "mno-fri 08:00-18:00": did you mean "mon-fri 08:00-18:00"?'
    )


# What is refused.


# What of a tag is at fault, and what of the hint is right.
REFUSED = """
    mon-fir 08:00-18:00                         | fir               | "mon-fri 08:00-18:00"?
    nver                                        | nver              | did you mean "never"
    08:00-18:00 Europe/Berln                    | Europe/Berln      | "08:00-18:00 Europe/Berlin"?
    08:00-18:00 holiday=DE                      | holiday           | "08:00-18:00 holidays=DE"?
    08:00-18:00 holidays=ofice                  | ofice             | "08:00-18:00 holidays=office"?
    08:00-18:00 holidays=DE-BYY                 | DE-BYY            | "08:00-18:00 holidays=DE-BY"?

    mon                                         | mon               | 08:00-18:00
    mon tue 08:00-18:00                         | tue               | "mon+tue 08:00-18:00"?
    08:00-24:01                                 | 08:00-24:01       | only an end may be 24:00
    08:60-18:00                                 | 08:60-18:00       | only an end may be 24:00
    24:00-06:00                                 | 24:00-06:00       | only an end may be 24:00
    \N{ARABIC-INDIC DIGIT ZERO}8:00-18:00       | \N{ARABIC-INDIC DIGIT ZERO}8:00-18:00 | 08:00-18:00
    08:00-08:00                                 | 08:00-08:00       | equal
    00:00-24:00                                 | 00:00-24:00       | write "always"

    6th-mon 08:00-18:00                         | 6th               | 1st-mon
    mon-wed-fri 08:00-18:00                     | mon-wed-fri       | mon-fri
    1st-weekends 08:00-18:00                    | 1st-weekends      | 1st-mon
    jan+mon-fri 08:00-18:00                     | mon               | jan-mar
    mon jan 08:00-18:00                         | jan               | "jan mon 08:00-18:00"?
    feb d30 08:00-18:00                         | feb d30           | can never happen

    08:00-18:00 UTC Europe/Berlin               | Europe/Berlin     | their zone
    08:00-18:00 ../etc/passwd                   | ../etc/passwd     | Europe/Berlin
    08:00-18:00 lead=5m sat 10:00-14:00         | sat               | "08:00-18:00 sat 10:00-14:00 lead=5m"?
    Europe/Berlin lead=5m 08:00-18:00           | Europe/Berlin     | "08:00-18:00 Europe/Berlin lead=5m"?
    08:00-18:00 lead=15                         | 15                | such as lead=15m
    08:00-18:00 lead=5m lead=10m                | lead=10m          | one lead
    -19:00 lead=15m                             | lead=15m          | the start
    08:00-18:00 grace=90minutes                 | 90minutes         | grace=90m
    08:00-18:00 grace=13h                       | 13h               | up to 12h, such as grace=90m or grace=2h
    08:00-18:00 enforced=no                     | enforced=no       | or enforced
    08:00- grace=90m                            | grace=90m         | the end
    never grace=2h                              | grace=2h          | alone
    08:00-18:00 closed=2026-02-30               | 2026-02-30        | 2026-12-24
    08:00-18:00 holidays=QQ                     | QQ                | DE
    08:00-18:00 UTC always                      | always            | alone
    holidays=DE                                 | holidays=DE       | windows
    berlin sat 10:00-14:00                      | sat               | windows
    08:00- mon 09:00-17:00                      | 09:00-17:00       | one-sided
    08:00- enforced                             | enforced          | one-sided
"""


@pytest.mark.parametrize(("tag", "fault", "right"), lines(REFUSED))
def test_a_bad_tag_is_refused_with_the_word_at_fault_and_what_is_right(tag: str, fault: str, right: str) -> None:
    what, hint = refusal(tag, named=NAMED, calendars=CALENDARS).split(f' in "{tag}": ')
    assert f'"{fault}"' in what
    assert right in hint


def test_a_name_is_refused_where_the_settings_have_no_schedules() -> None:
    assert refusal("berlin enforced").endswith('; the setting "schedules" has no schedule of that name')


@pytest.mark.parametrize("tag", ["", "   "])
def test_an_empty_tag_is_refused_with_what_was_expected(tag: str) -> None:
    assert re.search("empty.*08:00-18:00.*always.*never", refusal(tag))


def test_an_unknown_default_zone_is_refused() -> None:
    assert refusal("08:00-18:00", default_zone="Europe/Berln") == (
        'unknown default zone "Europe/Berln": did you mean "Europe/Berlin"?'
    )


# What real users wrote to a tool of this kind, from public questions and bug reports.

# Refused, and the whole value that is suggested: it can be read.
SUGGESTED = [
    ("mon-fri 9 am - 5:30 pm", "mon-fri 09:00-17:30"),
    ("mon-fri 12am-12pm", "mon-fri 00:00-12:00"),
    ("mon-fri 08.00-18.00", "mon-fri 08:00-18:00"),
    ("mon-fri 0800-1800", "mon-fri 08:00-18:00"),
    ("mon-fri 22-6", "mon-fri 22:00-06:00"),
    ("mon - fri 08:00 - 18:00", "mon-fri 08:00-18:00"),
    ("mon to fri 08:00 to 18:00", "mon-fri 08:00-18:00"),
    ("mo-fr 8-18 Europe/Berln", OFFICE),  # three slips
    ("mon-fri 08:00-18:00;", "mon-fri 08:00-18:00"),
    ("mon, wed 08:00-18:00", "mon+wed 08:00-18:00"),
    ("weekday 08:00-18:00", "weekdays 08:00-18:00"),
    ("every day 8-18", "daily 08:00-18:00"),
    ("mo tu we th fr 08:00-18:00", "mon+tue+wed+thu+fri 08:00-18:00"),
    ("thursd+fridy 08:00-18:00", "thursday+friday 08:00-18:00"),
    ("-7pm Europe/Madrid", "-19:00 Europe/Madrid"),
    ("wed#3 21:30-23:59", "3rd-wed 21:30-23:59"),
    ("3rd wed 21:30-23:59", "3rd-wed 21:30-23:59"),
    ("mon-fri 08:00-18:00 EST", "mon-fri 08:00-18:00 America/New_York"),
    ("mon-fri 08:00-18:00 PST", "mon-fri 08:00-18:00 America/Los_Angeles"),
    ("mon-fri 08:00-18:00 MST", "mon-fri 08:00-18:00 America/Denver"),
    ("mon-fri 08:00-18:00 HST", "mon-fri 08:00-18:00 Pacific/Honolulu"),
    ("mon-fri 08:00-18:00 Asia/Mumbai", "mon-fri 08:00-18:00 Asia/Kolkata"),
    *(
        (f"{key}mon-fri 8-18 New York", "mon-fri 08:00-18:00 America/New_York")
        for key in ("office-hours=", "Key=office-hours,Value=")
    ),
    ("mon-fri 08:00-18:00 UTC+1", "mon-fri 08:00-18:00 Etc/GMT-1"),
    ("-19:00 -5", "-19:00 Etc/GMT+5"),
    ("mon-fri 08:00-18:00 Asia/Samara", "mon-fri 08:00-18:00 Europe/Samara"),
    ("mon-fri 08:00-18:00 UTC+5:30", "mon-fri 08:00-18:00 Asia/Kolkata"),
    *((word, "never") for word in ("off", "stopped", "Stop", "paused")),
    *((word, "always") for word in ("on", "running", "true", "24/7")),
    *((word, "ignore") for word in ("none", "skip")),
]


@pytest.mark.parametrize(("tag", "whole"), SUGGESTED)
def test_suggested(tag: str, whole: str) -> None:
    assert f'did you mean "{whole}"?' in refusal(tag)
    Schedule.parse(whole)


def test_the_zones_suggested_for_an_offset_have_it_in_winter() -> None:
    for minutes in range(-12 * 60, 14 * 60 + 1, 15):
        offset = timedelta(minutes=minutes)
        for zone in likely_zones(str(timezone(offset))):
            seasons = [datetime(2027, month, 1, tzinfo=ZoneInfo(zone)) for month in (1, 7)]
            assert min(at.utcoffset() or timedelta() for at in seasons) == offset, zone


# Refused, and words that the error has, and has not.
WORDS = [
    ("mon-fri 08:00-18:00 EST", ["Or Etc/GMT+5. UTC and Etc/ zones have no daylight saving time."], ["MST"]),
    ("mon-fri 08:00-18:00 GMT", ["Europe/London"], []),
    ("mon-fri 08:00-18:00 PDT", ['America/Los_Angeles"?'], ["MST", "Etc/"]),
    ("mon-fri 08:00-18:00 UTC+1", ["Europe/Berlin", "Africa/Lagos"], ['00 UTC"?']),
    ("mon-fri 08:00-18:00 GMT-5", ["America/New_York"], ['00 UTC"?']),
    ("mon-fri 08:00-18:00 Etc/GMT+55", ["Europe/Berlin"], ["did you mean"]),
    ("mon-fri 08:00-18:00 XST", ["Europe/Berlin"], ["did you mean"]),
    # No zones, but spelled much like Minsk, Jakarta, Australia/West and America/Moncton.
    *(
        (f"mon-fri 08:00-18:00 {word}", ["Europe/Berlin"], ["did you mean"])
        for word in ("Europe/Milan", "Asia/Ankara", "WST", "wst", "America/Houston", "US/West", "Asia/BST")
    ),
    ("1-5 08:00-18:00", ["mon-fri"], ["did you mean"]),  # days?
    # The nearest word would leave out the other.
    *((f"{word} 08:00-18:00", ["mon-fri"], ["did you mean"]) for word in ("sat/sun", "jan/mar", "mon_fri", "d6-d")),
    ("mon-fri 9-5 Europe/London", ["08:00-18:00"], ["did you mean"]),  # in the afternoon, or overnight?
    ("mon-fri 5-9pm", ["08:00-18:00"], ["did you mean"]),
    ("off 19:00-07:00", ['"never" keeps a cluster stopped'], ["did you mean"]),
    *((word, ['"ignore" leaves it alone'], ["/Vostok", "/Skopje", "/Reunion", '"tue"']) for word in ("off", "stop")),
    *((word, ['"never"', '"ignore"'], ["/", '"tue"']) for word in ("running", "true")),
    ("zurich", ['"schedules" has no schedule of that name, only berlin, office'], ["did you mean"]),
    ("ofice enforced", ['did you mean "office enforced"?'], []),
    ("ERLIN Asia/Tokyo lead=5m", ['did you mean "berlin Asia/Tokyo lead=5m"?'], []),
]


@pytest.mark.parametrize(("tag", "there", "absent"), WORDS)
def test_words_of_a_refusal(tag: str, there: list[str], absent: list[str]) -> None:
    message = refusal(tag, named=NAMED | {"office": OFFICE})
    _, hint = message.split(f'"{tag}": ', 1)
    assert all(words in hint for words in there), hint
    assert not any(words in hint for words in absent), hint


# What the settings may define.


def test_dates_and_ranges_make_a_calendar() -> None:
    days = [f"{day}" for day in parse_dates(["2026-12-30:2027-01-01", "2026-12-24"])]
    assert days == ["2026-12-24", "2026-12-30", "2026-12-31", "2027-01-01"]


@pytest.mark.parametrize(
    "item", ["2026-02-30", "20261224", "2026-12-24:2026-12-23", "", "2026-12-24:", "2020-01-01:2030-12-31"]
)
def test_what_is_no_date_or_too_many_is_refused_and_shown(item: str) -> None:
    with pytest.raises(ScheduleError, match=re.escape(f'"{item}"')):
        parse_dates(["2026-12-24", item])
