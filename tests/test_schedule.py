"""The tag language, rule by rule. In November 2026 Berlin is an hour ahead of UTC; the 23rd is a Monday."""

import re
import struct
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import TypedDict, Unpack

import pytest

from office_hours import schedule as schedule_module
from office_hours.schedule import Schedule, ScheduleError, State, Transition, check_name, parse_dates, zones

NAMED = {"berlin": "mon-fri 08:00-18:00 Europe/Berlin"}
OFFICE = {"office": [date(2026, 11, 24)]}


class Settings(TypedDict, total=False):
    default_zone: str
    named: dict[str, str]
    calendars: dict[str, list[date]]
    maintenance_window: str | None


def changes(tag: str, first: str, last: str, **settings: Unpack[Settings]) -> list[str]:
    """The transitions from the first day's midnight to the end of the last day, in UTC."""
    schedule = Schedule.parse(tag, **settings)
    at = datetime.fromisoformat(first + "T00:00Z") - timedelta(microseconds=1)
    end = datetime.fromisoformat(last + "T00:00Z") + timedelta(days=1)
    found = []
    while (transition := schedule.next_transition(at)) and transition.at < end:
        found.append(f"{transition.at:%a %d %H:%M} {transition.to}".lower())
        at = transition.at
    return found


def refusal(tag: str, **settings: Unpack[Settings]) -> str:
    with pytest.raises(ScheduleError) as caught:
        Schedule.parse(tag, **settings)
    return str(caught.value)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Every example of the specification, a few days of it, and what it does in them.
EXAMPLES = [
    (
        "mon-fri 08:00-18:00 Europe/Berlin",
        ("2026-11-27", "2026-11-30"),
        ["fri 27 07:00 running", "fri 27 17:00 stopped", "mon 30 07:00 running", "mon 30 17:00 stopped"],
    ),
    (
        "mon-thu 07:30-19:00 fri 07:30-15:00 America/New_York holidays=US-NY",
        ("2026-11-25", "2026-11-29"),  # Thursday is Thanksgiving
        [
            "wed 25 00:00 stopped",
            "wed 25 12:30 running",
            "thu 26 00:00 stopped",
            "fri 27 12:30 running",
            "fri 27 20:00 stopped",
        ],
    ),
    (
        "daily 22:00-06:00 UTC",
        ("2026-11-23", "2026-11-24"),
        ["mon 23 06:00 stopped", "mon 23 22:00 running", "tue 24 06:00 stopped", "tue 24 22:00 running"],
    ),
    (
        "mon-fri 08:00-18:00 sat 10:00-14:00 Asia/Kolkata lead=20m",
        ("2026-11-27", "2026-11-29"),
        ["fri 27 02:10 running", "fri 27 12:30 stopped", "sat 28 04:10 running", "sat 28 08:30 stopped"],
    ),
    ("-19:00 Europe/London", ("2026-11-23", "2026-11-24"), ["mon 23 19:00 stopped", "tue 24 19:00 stopped"]),
    ("weekdays 08:00- Europe/London", ("2026-11-27", "2026-11-30"), ["fri 27 08:00 running", "mon 30 08:00 running"]),
    (
        "jan-mar mon-fri 07:00-20:00 apr-dec mon-fri 08:00-18:00 Europe/Paris",
        ("2026-03-31", "2026-04-01"),
        ["tue 31 05:00 running", "tue 31 18:00 stopped", "wed 01 06:00 running", "wed 01 16:00 stopped"],
    ),
    (
        "1st-mon 06:00-22:00 last-day 00:00-24:00 UTC",
        ("2026-11-30", "2026-12-31"),
        [
            "mon 30 00:00 running",
            "tue 01 00:00 stopped",
            "mon 07 06:00 running",
            "mon 07 22:00 stopped",
            "thu 31 00:00 running",
        ],
    ),
    ("berlin enforced", ("2026-11-23", "2026-11-23"), ["mon 23 07:00 running", "mon 23 17:00 stopped"]),
]


@pytest.mark.parametrize(("tag", "days", "expected"), EXAMPLES)
def test_an_example_of_the_specification_works(tag: str, days: tuple[str, str], expected: list[str]) -> None:
    assert changes(tag, *days, named=NAMED) == expected


@pytest.mark.parametrize("tag", [example[0] for example in EXAMPLES])
def test_rds_takes_every_example_as_a_tag_value(tag: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9\s_.:/=+@-]{1,256}", tag)


# The three questions.


@pytest.mark.parametrize(
    ("at", "desired", "latest", "following"),
    [
        ("2026-11-23T06:59:59.999999", "stopped", ("2026-11-20T17:00", "stopped"), ("2026-11-23T07:00", "running")),
        ("2026-11-23T07:00", "running", ("2026-11-23T07:00", "running"), ("2026-11-23T17:00", "stopped")),
        ("2026-11-23T16:59:59.999999", "running", ("2026-11-23T07:00", "running"), ("2026-11-23T17:00", "stopped")),
        ("2026-11-23T17:00", "stopped", ("2026-11-23T17:00", "stopped"), ("2026-11-24T07:00", "running")),
    ],
)
def test_an_edge_belongs_to_the_state_it_begins(
    at: str, desired: str, latest: tuple[str, str], following: tuple[str, str]
) -> None:
    schedule = Schedule.parse("mon-fri 08:00-18:00 Europe/Berlin")
    assert schedule.desired_state(utc(at)) is State(desired)
    assert schedule.latest_transition(utc(at)) == Transition(at=utc(latest[0]), to=State(latest[1]))
    assert schedule.next_transition(utc(at)) == Transition(at=utc(following[0]), to=State(following[1]))


def test_an_instant_may_be_given_in_any_zone() -> None:
    schedule = Schedule.parse("daily 08:00-18:00 UTC")
    assert schedule.desired_state(datetime.fromisoformat("2026-11-23T12:59+05:00")) is State.STOPPED
    assert schedule.desired_state(datetime.fromisoformat("2026-11-23T13:00+05:00")) is State.RUNNING


@pytest.mark.parametrize("tag", ["daily 08:00-18:00", "-19:00", "always", "never"])
@pytest.mark.parametrize("question", ["desired_state", "latest_transition", "next_transition"])
def test_a_datetime_without_a_zone_is_refused(tag: str, question: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        getattr(Schedule.parse(tag), question)(datetime(2026, 11, 23, 12))  # noqa: DTZ001 - the mistake under test


def test_transitions_years_away_are_found() -> None:
    schedule = Schedule.parse("feb 5th-mon 08:00-18:00 UTC")  # 29 February, a Monday in 2072 and then in 2112
    assert schedule.latest_transition(utc("2112-02-29T07:59")) == Transition(utc("2072-02-29T18:00"), State.STOPPED)
    assert schedule.next_transition(utc("2072-02-29T18:00")) == Transition(utc("2112-02-29T08:00"), State.RUNNING)


@pytest.mark.parametrize(
    ("tag", "latest", "upcoming"),
    [
        # Stopped for the first ten days of a year.
        ("feb-dec 00:00-24:00 jan d11-d31 00:00-24:00", "2026-01-11T00:00", "2027-01-01T00:00"),
        # Stopped on a leap day alone, and then on one that is a Monday.
        ("mar-jan 00:00-24:00 feb d1-d28 00:00-24:00", "2024-03-01T00:00", "2028-02-29T00:00"),
        ("mar-jan daily 00:00-24:00 feb d1-d28+tue-sun 00:00-24:00", "2016-03-01T00:00", "2044-02-29T00:00"),
        # Stopped for a closed day alone, or not even for that.
        ("00:00-24:00 closed=1990-05-01 closed=2060-05-01", "1990-05-02T00:00", "2060-05-01T00:00"),
        ("00:00-24:00 lead=1440m closed=2027-05-01 closed=2030-05-01:2030-05-02", None, "2030-05-01T00:00"),
        ("00:00-24:00 maintenance closed=2060-05-01", None, "2060-05-01T00:00"),
        # The next day's lead covers a closed day, but not one that is an hour longer.
        ("00:00-24:00 Europe/Berlin lead=1440m closed=2054-10-25", None, "2054-10-24T22:00"),
        # The next day's lead covers each public holiday, but not a day that is closed before another.
        ("00:00-24:00 lead=1440m holidays=HM closed=2060-05-01:2060-05-02", None, "2060-05-01T00:00"),
    ],
)
def test_what_ends_years_of_running_is_found(tag: str, latest: str | None, upcoming: str) -> None:
    schedule, at = Schedule.parse(tag, maintenance_window="sun:05:00-sun:06:00"), utc("2026-01-12T00:00")
    assert schedule.desired_state(at) is State.RUNNING
    assert schedule.latest_transition(at) == (Transition(utc(latest), State.RUNNING) if latest else None)
    assert schedule.next_transition(at) == Transition(utc(upcoming), State.STOPPED)


def test_a_lead_that_closes_a_gap_does_not_where_clocks_are_put_back() -> None:
    schedule = Schedule.parse("03:00-02:00 Europe/Berlin lead=60m closed=2400-01-01")
    stop, start = Transition(utc("2026-10-25T00:00"), State.STOPPED), Transition(utc("2026-10-25T01:00"), State.RUNNING)
    assert schedule.latest_transition(utc("2027-10-01T12:00")) == start
    assert schedule.next_transition(utc("2025-11-01T12:00")) == stop
    assert schedule.next_transition(stop.at) == start


@pytest.mark.parametrize(
    ("tag", "start", "end"),
    [
        ("d1 23:59-23:58 Pacific/Pago_Pago", "02T10:59", "03T10:58"),  # 11 hours behind
        ("d3 00:00-00:01 Pacific/Kiritimati lead=1440m", "01T10:00", "02T10:01"),  # 14 hours ahead
    ],
)
def test_a_day_that_utc_has_a_day_or_two_later_or_earlier_is_found(tag: str, start: str, end: str) -> None:
    schedule = Schedule.parse(tag)
    for month in [f"{year}-{month:02}" for year in range(2026, 2032) for month in range(1, 13)]:
        before, after = utc(f"{month}-01T00:00") - timedelta(days=10), utc(f"{month}-21T00:00")
        assert schedule.next_transition(before) == Transition(utc(f"{month}-{start}"), State.RUNNING)
        assert schedule.latest_transition(after) == Transition(utc(f"{month}-{end}"), State.STOPPED)


def test_clocks_never_change_twice_within_two_days() -> None:
    """A wall-clock time is worked out from its midnight where clocks show the same offset then and two days later."""
    tables = files("tzdata") / "zoneinfo"
    for zone in zones().values():
        data = tables.joinpath(*zone.split("/")).read_bytes()
        # The second part of the file, after a first one in 32 bits (RFC 9636): a header, then the instants.
        header = struct.Struct(">20x6l")
        utc_flags, standard_flags, leaps, instants, kinds, letters = header.unpack_from(data)
        start = 44 + instants * 5 + kinds * 6 + letters + leaps * 8 + standard_flags + utc_flags
        count = header.unpack_from(data, start)[3]
        changes = struct.unpack_from(f">{count}q", data, start + 44)
        assert all(later - earlier > 2 * 24 * 3600 for earlier, later in pairwise(changes)), zone


@pytest.mark.parametrize("tag", ["mon-fri 08:00-18:00 Europe/Berlin", "08:00- Asia/Kolkata", "-19:00 Pacific/Apia"])
def test_the_ends_of_the_calendar_break_nothing(tag: str) -> None:
    schedule = Schedule.parse(tag)
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert schedule.latest_transition(first) is None
    assert schedule.next_transition(last) is None
    assert schedule.next_transition(first)
    assert schedule.latest_transition(last)
    assert schedule.desired_state(first) is not State.RUNNING
    assert schedule.desired_state(last) is not None


# Hours.


def test_a_window_without_days_is_every_day() -> None:
    assert Schedule.parse("08:00-18:00 UTC") == Schedule.parse("daily 08:00-18:00 UTC")


def test_an_overnight_window_belongs_to_the_day_it_starts_on() -> None:
    assert changes("fri 22:00-06:00 UTC", "2026-11-26", "2026-11-29") == [
        "fri 27 22:00 running",
        "sat 28 06:00 stopped",
    ]


@pytest.mark.parametrize("end", ["24:00", "00:00"])
def test_a_window_may_end_with_the_day(end: str) -> None:
    assert changes(f"fri 20:00-{end} UTC", "2026-11-26", "2026-11-29") == [
        "fri 27 20:00 running",
        "sat 28 00:00 stopped",
    ]


def test_windows_that_touch_join() -> None:
    assert changes("08:00-12:00 12:00-18:00 UTC", "2026-11-23", "2026-11-23") == [
        "mon 23 08:00 running",
        "mon 23 18:00 stopped",
    ]


def test_windows_that_overlap_join() -> None:
    assert changes("08:00-13:00 09:00-10:00 12:00-18:00 UTC", "2026-11-23", "2026-11-23") == [
        "mon 23 08:00 running",
        "mon 23 18:00 stopped",
    ]


def test_windows_join_across_midnight() -> None:
    assert changes("mon-tue 00:00-24:00 wed 00:00-12:00 UTC", "2026-11-22", "2026-11-26") == [
        "mon 23 00:00 running",
        "wed 25 12:00 stopped",
    ]


# Days and months.


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("mon", [2, 9, 16, 23, 30]),
        ("mon-wed", [2, 3, 4, 9, 10, 11, 16, 17, 18, 23, 24, 25, 30]),
        ("sat-mon", [1, 2, 7, 8, 9, 14, 15, 16, 21, 22, 23, 28, 29, 30]),
        ("mon+sun", [1, 2, 8, 9, 15, 16, 22, 23, 29, 30]),
        ("weekdays", [2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 23, 24, 25, 26, 27, 30]),
        ("weekends", [1, 7, 8, 14, 15, 21, 22, 28, 29]),
        ("1st-sun", [1]),
        ("1st-sat", [7]),
        ("2nd-sun", [8]),
        ("3rd-sat", [21]),
        ("4th-sun", [22]),
        ("5th-sun", [29]),
        ("5th-tue", []),
        ("last-sun", [29]),
        ("last-mon", [30]),
        ("last-tue", [24]),
        ("d1", [1]),
        ("d15", [15]),
        ("d28-d31", [28, 29, 30]),
        ("d30-d2", [1, 2, 30]),
        ("d31", []),
        ("last-day", [30]),
        ("d3+1st-wed+last-day+sun", [1, 3, 4, 8, 15, 22, 29, 30]),
    ],
)
def test_days_of_november_2026(days: str, expected: list[int]) -> None:
    found = changes(f"{days} 08:00-18:00 UTC", "2026-11-01", "2026-11-30")
    assert [int(change[4:6]) for change in found if "running" in change] == expected


@pytest.mark.parametrize(("year", "last_day"), [(2026, "sat 28"), (2028, "tue 29")])
def test_the_last_day_of_february_depends_on_the_year(year: int, last_day: str) -> None:
    found = changes("last-day 08:00-18:00 UTC", f"{year}-02-01", f"{year}-03-01")
    assert found == [f"{last_day} 08:00 running", f"{last_day} 18:00 stopped"]


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        ("feb", [2]),
        ("jan-mar", [1, 2, 3]),
        ("nov-feb", [1, 2, 11, 12]),
        ("jan+mar-apr+dec", [1, 3, 4, 12]),
    ],
)
def test_months(months: str, expected: list[int]) -> None:
    schedule = Schedule.parse(f"{months} 08:00-18:00 UTC")
    noons = [datetime(2026, month, 15, 12, tzinfo=UTC) for month in range(1, 13)]
    assert [noon.month for noon in noons if schedule.desired_state(noon) is State.RUNNING] == expected


def test_both_month_and_day_must_fit() -> None:
    assert changes("dec fri 08:00-18:00 UTC", "2026-11-20", "2026-12-04") == [
        "fri 04 08:00 running",
        "fri 04 18:00 stopped",
    ]


def test_an_overnight_window_of_a_months_last_day_ends_in_the_next_month() -> None:
    assert changes("nov last-day 22:00-06:00 UTC", "2026-11-29", "2026-12-02") == [
        "mon 30 22:00 running",
        "tue 01 06:00 stopped",
    ]


# A window that leaves out what an earlier one named.


@pytest.mark.parametrize(
    ("tag", "as_before", "as_always"),
    [
        (
            "mon-fri 08:00-12:00 13:00-18:00",
            "mon-fri 08:00-12:00 mon-fri 13:00-18:00",
            "mon-fri 08:00-12:00 daily 13:00-18:00",
        ),
        (
            "mon-fri 08:00-12:00 13:00-18:00 Europe/Berlin lead=15m",
            "mon-fri 08:00-12:00 mon-fri 13:00-18:00 Europe/Berlin lead=15m",
            "mon-fri 08:00-12:00 daily 13:00-18:00 Europe/Berlin lead=15m",
        ),
        (
            "mon 08:00-12:00 daily 13:00-14:00 15:00-16:00",
            "mon 08:00-12:00 daily 13:00-14:00 mon 15:00-16:00",
            "mon 08:00-12:00 daily 13:00-14:00 daily 15:00-16:00",
        ),
        ("weekdays 08:00- -18:00", "weekdays 08:00- weekdays -18:00", "weekdays 08:00- daily -18:00"),
        (
            "jan-mar mon 08:00-12:00 mon 13:00-18:00",
            "jan-mar mon 08:00-12:00 jan-mar mon 13:00-18:00",
            "jan-mar mon 08:00-12:00 jan-dec mon 13:00-18:00",
        ),
        (
            "jan-mar 08:00-12:00 13:00-18:00",
            "jan-mar 08:00-12:00 jan-mar 13:00-18:00",
            "jan-mar 08:00-12:00 jan-dec 13:00-18:00",
        ),
    ],
)
def test_a_window_that_could_be_meant_in_two_ways_is_refused_with_both(
    tag: str, as_before: str, as_always: str
) -> None:
    what, hint = refusal(tag).split(f' in "{tag}": ')
    assert "two ways" in what
    shown = {Schedule.parse(text) for text in re.findall('"([^"]+)"', hint)}
    assert shown == {Schedule.parse(as_before), Schedule.parse(as_always)}


@pytest.mark.parametrize(
    ("tag", "written_out"),
    [
        ("daily 08:00-12:00 13:00-18:00", "daily 08:00-12:00 daily 13:00-18:00"),
        ("08:00-12:00 mon-fri 13:00-18:00", "daily 08:00-12:00 mon-fri 13:00-18:00"),
        ("jan-dec mon 08:00-12:00 tue 13:00-18:00", "mon 08:00-12:00 tue 13:00-18:00"),
    ],
)
def test_a_window_whose_readings_are_the_same_is_accepted(tag: str, written_out: str) -> None:
    assert Schedule.parse(tag) == Schedule.parse(written_out)


# Zones and clock changes.


def test_a_tag_without_a_zone_has_the_default_one() -> None:
    assert changes("08:00-18:00", "2026-11-23", "2026-11-23") == ["mon 23 08:00 running", "mon 23 18:00 stopped"]
    assert changes("08:00-18:00", "2026-11-23", "2026-11-23", default_zone="Asia/Kolkata") == [
        "mon 23 02:30 running",
        "mon 23 12:30 stopped",
    ]


@pytest.mark.parametrize("zone", ["UTC", "GB", "W-SU", "Etc/GMT+5", "America/Port-au-Prince", "Europe/Berlin"])
def test_every_iana_zone_is_known_in_any_case(zone: str) -> None:
    for written in (zone, zone.lower(), zone.upper()):
        assert Schedule.parse(f"08:00-18:00 {written}").zone.key == zone


@pytest.mark.parametrize("tag", ["always", "never", "08:00-18:00"])
def test_the_default_zone_is_the_schedules_zone_where_it_names_none(tag: str) -> None:
    assert Schedule.parse(tag, default_zone="Europe/Berlin").zone.key == "Europe/Berlin"


# Berlin's clocks skip from 02:00 to 03:00 at 01:00 UTC on Sunday, 29 March 2026.
@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("sun 02:30-10:00 Europe/Berlin", ["sun 29 01:00 running", "sun 29 08:00 stopped"]),
        ("sun 02:07-10:00 Europe/Berlin", ["sun 29 01:00 running", "sun 29 08:00 stopped"]),
        ("sun 02:00-10:00 Europe/Berlin", ["sun 29 01:00 running", "sun 29 08:00 stopped"]),
        ("sun 03:00-10:00 Europe/Berlin", ["sun 29 01:00 running", "sun 29 08:00 stopped"]),
        ("sat 20:00-02:30 Europe/Berlin", ["sat 28 19:00 running", "sun 29 01:00 stopped"]),
        ("sun 01:30-03:30 Europe/Berlin", ["sun 29 00:30 running", "sun 29 01:30 stopped"]),
        ("sun 02:30-10:00 Europe/Berlin lead=15m", ["sun 29 00:45 running", "sun 29 08:00 stopped"]),
        ("sun 02:15-02:45 Europe/Berlin", []),
        ("sun 02:00-03:00 Europe/Berlin", []),
        ("sun 02:15-02:45 Europe/Berlin lead=15m", []),
        ("sun 02:30- Europe/Berlin", ["sun 29 01:00 running"]),
        ("sun -02:30 Europe/Berlin", ["sun 29 01:00 stopped"]),
    ],
)
def test_a_time_that_a_clock_skips_is_the_first_instant_after_the_gap(tag: str, expected: list[str]) -> None:
    assert changes(tag, "2026-03-28", "2026-03-29") == expected


# Berlin's clocks go back from 03:00 to 02:00 at 01:00 UTC on Sunday, 25 October 2026.
@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ("sun 02:30-10:00", ["sun 25 00:30 running", "sun 25 09:00 stopped"]),
        ("sat 20:00-02:30", ["sat 24 18:00 running", "sun 25 00:30 stopped"]),
        ("sun 02:15-02:45", ["sun 25 00:15 running", "sun 25 00:45 stopped"]),
        ("sun 01:30-03:00", ["sat 24 23:30 running", "sun 25 02:00 stopped"]),
        ("sun 02:30-", ["sun 25 00:30 running"]),
        ("sun -02:30", ["sun 25 00:30 stopped"]),
    ],
)
def test_a_time_that_a_clock_repeats_is_the_first_of_the_two(hours: str, expected: list[str]) -> None:
    assert changes(f"{hours} Europe/Berlin", "2026-10-24", "2026-10-25") == expected


@pytest.mark.parametrize(
    ("tag", "days", "expected"),
    [
        # From 02:00 to 02:30.
        (
            "sun 02:15-03:00 Australia/Lord_Howe",
            ("2026-10-03", "2026-10-04"),
            ["sat 03 15:30 running", "sat 03 16:00 stopped"],
        ),
        # From 02:00 back to 01:30.
        (
            "sun 01:45-03:00 Australia/Lord_Howe",
            ("2026-04-04", "2026-04-05"),
            ["sat 04 14:45 running", "sat 04 16:30 stopped"],
        ),
        # From midnight to 01:00.
        (
            "sun 00:00-06:00 America/Sao_Paulo",
            ("2018-11-03", "2018-11-05"),
            ["sun 04 03:00 running", "sun 04 08:00 stopped"],
        ),
        (
            "sat 20:00-24:00 America/Sao_Paulo",
            ("2018-11-03", "2018-11-05"),
            ["sat 03 23:00 running", "sun 04 03:00 stopped"],
        ),
        # From midnight back to 23:00: Saturday's 23:30 comes twice, Sunday's midnight once, at 03:00 UTC.
        (
            "sat 20:00-23:30 America/Sao_Paulo",
            ("2019-02-16", "2019-02-17"),
            ["sat 16 22:00 running", "sun 17 01:30 stopped"],
        ),
        (
            "sat 20:00-24:00 America/Sao_Paulo",
            ("2019-02-16", "2019-02-17"),
            ["sat 16 22:00 running", "sun 17 03:00 stopped"],
        ),
    ],
)
def test_clocks_change_by_half_an_hour_and_at_midnight_too(
    tag: str, days: tuple[str, str], expected: list[str]
) -> None:
    assert changes(tag, *days) == expected


# Apia went from Thursday, 29 December 2011, 24:00, straight to Saturday: at 10:00 UTC on the 30th.
@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (
            "thu-sat 08:00-18:00 Pacific/Apia",
            ["thu 29 18:00 running", "fri 30 04:00 stopped", "fri 30 18:00 running", "sat 31 04:00 stopped"],
        ),
        ("thu 08:00-24:00 Pacific/Apia", ["thu 29 18:00 running", "fri 30 10:00 stopped"]),
        ("fri 08:00-18:00 Pacific/Apia", []),
        ("fri 22:00-06:00 Pacific/Apia", ["fri 30 10:00 running", "fri 30 16:00 stopped"]),
        ("fri 22:00-06:00 Pacific/Apia closed=2011-12-30", []),
        ("fri 22:00-06:00 Pacific/Apia closed=2011-12-31", ["fri 30 10:00 running", "fri 30 16:00 stopped"]),
    ],
)
def test_a_day_that_a_zone_skips_is_one_long_gap(tag: str, expected: list[str]) -> None:
    assert changes(tag, "2011-12-29", "2011-12-31") == expected


# One-sided windows.


def test_a_one_sided_schedule_asks_for_its_latest_edge() -> None:
    schedule = Schedule.parse("mon 08:00- fri -19:00 UTC")
    assert schedule.desired_state(utc("2026-11-23T07:59")) is State.STOPPED
    assert schedule.desired_state(utc("2026-11-23T08:00")) is State.RUNNING
    assert schedule.desired_state(utc("2026-11-27T18:59")) is State.RUNNING
    assert schedule.desired_state(utc("2026-11-27T19:00")) is State.STOPPED


def test_each_one_sided_edge_is_a_transition_though_the_state_stays() -> None:
    assert changes("08:00- 10:00- -18:00 -20:00 UTC", "2026-11-23", "2026-11-23") == [
        "mon 23 08:00 running",
        "mon 23 10:00 running",
        "mon 23 18:00 stopped",
        "mon 23 20:00 stopped",
    ]


def test_a_one_sided_end_may_be_the_end_of_the_day() -> None:
    assert changes("fri -24:00 UTC", "2026-11-26", "2026-11-29") == ["sat 28 00:00 stopped"]


def test_a_one_sided_schedule_asks_for_nothing_before_its_first_edge() -> None:
    schedule = Schedule.parse("mon 08:00- UTC closed=0001-01-01:2026-11-22")
    assert schedule.desired_state(utc("2026-11-23T07:59")) is None
    assert schedule.latest_transition(utc("2026-11-23T07:59")) is None
    assert schedule.next_transition(utc("2026-11-23T07:59")) == Transition(utc("2026-11-23T08:00"), State.RUNNING)
    assert schedule.desired_state(utc("2026-11-23T08:00")) is State.RUNNING


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        # 02:15 and 02:45 are the same instant on 29 March: what the clock would have shown later counts.
        ("sun -02:15 sun 02:45- Europe/Berlin", ["sun 29 01:00 running"]),
        ("sun 02:15- sun -02:45 Europe/Berlin", ["sun 29 01:00 stopped"]),
        # A lead moves the instant, not the time that counts.
        ("sun -09:45 sun 10:00- Europe/Berlin lead=15m", ["sun 29 07:45 running"]),
        # Saturday's 24:00 is Sunday's 00:00.
        ("sat -24:00 sun 00:00- Europe/Berlin", ["sat 28 23:00 running"]),
        ("sun 10:00- sun -10:00 Europe/Berlin", ["sun 29 08:00 running"]),
    ],
)
def test_of_edges_at_one_instant_the_later_time_counts_and_then_running(tag: str, expected: list[str]) -> None:
    assert changes(tag, "2026-03-28", "2026-03-29") == expected


@pytest.mark.parametrize(
    ("tag", "fault"),
    [
        ("08:00- mon 09:00-17:00", "09:00-17:00"),
        ("mon 09:00-17:00 tue -19:00", "09:00-17:00"),
        ("-19:00 maintenance", "maintenance"),
        ("08:00- enforced", "enforced"),
        ("-19:00 lead=15m", "lead=15m"),
    ],
)
def test_what_a_one_sided_window_cannot_be_combined_with_is_refused(tag: str, fault: str) -> None:
    assert re.search(f'"{re.escape(fault)}".* in "{re.escape(tag)}": .', refusal(tag))


# Closed days, holidays, calendars.


def test_no_window_starts_on_a_closed_day() -> None:
    assert changes("22:00-06:00 UTC closed=2026-11-24", "2026-11-23", "2026-11-25") == [
        "mon 23 06:00 stopped",
        "mon 23 22:00 running",
        "tue 24 06:00 stopped",  # Monday's window ends on the closed day, as ever
        "wed 25 22:00 running",
    ]


def test_a_closed_range_has_both_its_ends() -> None:
    assert changes("08:00-18:00 UTC closed=2026-11-24:2026-11-26", "2026-11-23", "2026-11-27") == [
        "mon 23 08:00 running",
        "mon 23 18:00 stopped",
        "fri 27 08:00 running",
        "fri 27 18:00 stopped",
    ]


def test_a_closed_day_is_a_local_one() -> None:
    assert changes("08:00-18:00 Pacific/Auckland closed=2026-11-25", "2026-11-23", "2026-11-25") == [
        "mon 23 05:00 stopped",
        "mon 23 19:00 running",
        "tue 24 05:00 stopped",
        "wed 25 19:00 running",
    ]


def test_no_one_sided_edge_falls_on_a_closed_day() -> None:
    assert changes("08:00- -24:00 UTC closed=2026-11-24", "2026-11-23", "2026-11-26") == [
        "mon 23 00:00 stopped",
        "mon 23 08:00 running",
        "tue 24 00:00 stopped",  # Monday's
        "wed 25 08:00 running",
        "thu 26 00:00 stopped",
        "thu 26 08:00 running",
    ]


@pytest.mark.parametrize(
    ("options", "open_days"),
    [
        ("closed=2026-11-23", [24, 25, 26]),
        ("closed=2026-11-23 closed=2026-11-25", [24, 26]),
        ("holidays=office", [23, 25, 26]),
        ("holidays=office closed=2026-11-26", [23, 25]),
        ("holidays=US", [23, 24, 25]),
        ("holidays=US holidays=office", [23, 25]),
        ("holidays=US holidays=DE", [23, 24, 25]),
        ("holidays=us", [23, 24, 25]),
        ("holidays=DE", [23, 24, 25, 26]),
    ],
)
def test_closed_days_add_up(options: str, open_days: list[int]) -> None:
    found = changes(f"08:00-18:00 UTC {options}", "2026-11-23", "2026-11-26", calendars=OFFICE)
    assert [int(change[4:6]) for change in found if "running" in change] == open_days


@pytest.mark.parametrize(("country", "desired"), [("DE", State.RUNNING), ("DE-BY", State.STOPPED)])
def test_a_part_of_a_country_has_holidays_of_its_own(country: str, desired: State) -> None:
    epiphany = utc("2026-01-06T12:00")
    assert Schedule.parse(f"08:00-18:00 UTC holidays={country}").desired_state(epiphany) is desired


def test_holidays_of_far_years_are_known() -> None:
    assert Schedule.parse("08:00-18:00 UTC holidays=DE").desired_state(utc("2045-12-25T12:00")) is State.STOPPED


def test_what_public_holidays_always_cover_never_happens() -> None:
    schedule, at = Schedule.parse("jan d1 08:00-18:00 UTC holidays=DE holidays=FR"), utc("2026-05-01T12:00")
    assert schedule.desired_state(at) is State.STOPPED
    assert (schedule.latest_transition(at), schedule.next_transition(at)) == (None, None)


def test_each_of_many_countries_counts() -> None:
    schedule = Schedule.parse("08:00-18:00 UTC holidays=DE holidays=US")
    unity, thanksgiving = utc("2026-10-03T12:00"), utc("2026-11-26T12:00")
    assert [schedule.desired_state(at) for at in (unity, thanksgiving)] == [State.STOPPED, State.STOPPED]


def test_the_day_on_which_one_of_many_countries_has_no_holiday_is_found() -> None:
    schedule = Schedule.parse(
        "jan d2 08:00-18:00 UTC holidays=DE holidays=FR holidays=US"
    )  # US: 1 January was a Sunday
    assert schedule.latest_transition(utc("2023-05-01T12:00")) == Transition(utc("2022-01-02T18:00"), State.STOPPED)
    assert schedule.next_transition(utc("2022-05-01T12:00")) == Transition(utc("2024-01-02T08:00"), State.RUNNING)


def test_the_holidays_package_is_imported_only_by_a_tag_that_uses_it() -> None:
    program = """
import sys
from office_hours.schedule import Schedule
Schedule.parse("mon-fri 08:00-18:00 Europe/Berlin holidays=office closed=2026-12-24", calendars={"office": []})
print("holidays" in sys.modules)
Schedule.parse("mon-fri 08:00-18:00 Europe/Berlin holidays=DE")
print("holidays" in sys.modules)
"""
    root = str(Path(schedule_module.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": root}
    )
    assert run.stdout.split() == ["False", "True"]


# Lead.


def test_a_lead_moves_starts_and_no_ends() -> None:
    assert changes("08:00-18:00 UTC lead=15m", "2026-11-23", "2026-11-23") == [
        "mon 23 07:45 running",
        "mon 23 18:00 stopped",
    ]


def test_a_lead_may_reach_into_the_day_before_though_that_is_closed() -> None:
    assert changes("tue 00:10-06:00 UTC lead=15m closed=2026-11-23", "2026-11-23", "2026-11-24") == [
        "mon 23 23:55 running",
        "tue 24 06:00 stopped",
    ]


def test_a_window_joins_the_one_that_its_lead_reaches() -> None:
    assert changes("08:00-12:00 12:10-18:00 UTC lead=10m", "2026-11-23", "2026-11-23") == [
        "mon 23 07:50 running",
        "mon 23 18:00 stopped",
    ]


def test_a_lead_may_be_a_whole_day() -> None:
    assert changes("wed 08:00-18:00 UTC lead=1440m", "2026-11-23", "2026-11-26") == [
        "tue 24 08:00 running",
        "wed 25 18:00 stopped",
    ]


def test_a_lead_moves_one_sided_starts() -> None:
    assert changes("08:00- -18:00 UTC lead=15m", "2026-11-23", "2026-11-23") == [
        "mon 23 07:45 running",
        "mon 23 18:00 stopped",
    ]


# Maintenance. RDS's window is weekly and in UTC, whatever the schedule's zone.


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("sun:05:00-sun:06:00", ["sun 29 04:50 running", "sun 29 06:00 stopped"]),
        ("sat:23:30-sun:00:30", ["sat 28 23:20 running", "sun 29 00:30 stopped"]),
        ("sun:00:05-sun:00:35", ["sat 28 23:55 running", "sun 29 00:35 stopped"]),
    ],
)
def test_maintenance_runs_the_cluster_from_ten_minutes_before_its_window(window: str, expected: list[str]) -> None:
    tag = "wed 08:00-18:00 Asia/Kolkata maintenance"
    assert changes(tag, "2026-11-28", "2026-11-29", maintenance_window=window) == expected


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("sun:23:30-mon:00:30", ["sun 29 23:20 running", "mon 30 00:30 stopped"]),
        ("mon:00:05-mon:00:35", ["sun 29 23:55 running", "mon 30 00:35 stopped"]),
    ],
)
def test_a_maintenance_window_may_wrap_around_the_week(window: str, expected: list[str]) -> None:
    tag = "wed 08:00-18:00 UTC maintenance"
    assert changes(tag, "2026-11-29", "2026-11-30", maintenance_window=window) == expected
    schedule = Schedule.parse(tag, maintenance_window=window)
    assert schedule.desired_state(utc("2026-11-30T00:00")) is State.RUNNING


def test_maintenance_joins_a_window_that_it_touches() -> None:
    tag = "mon 08:00-18:00 UTC maintenance"
    assert changes(tag, "2026-11-23", "2026-11-23", maintenance_window="mon:18:10-mon:18:40") == [
        "mon 23 08:00 running",
        "mon 23 18:40 stopped",
    ]


def test_maintenance_knows_neither_closed_days_nor_lead() -> None:
    tag = "wed 08:00-18:00 UTC lead=30m closed=2026-11-29 maintenance"
    assert changes(tag, "2026-11-28", "2026-11-29", maintenance_window="sun:05:00-sun:06:00") == [
        "sun 29 04:50 running",
        "sun 29 06:00 stopped",
    ]


@pytest.mark.parametrize(
    ("tag", "window"), [("mon 08:00-18:00 UTC maintenance", None), ("mon 08:00-18:00 UTC", "sun:05:00-sun:06:00")]
)
def test_maintenance_takes_both_the_word_and_the_window(tag: str, window: str | None) -> None:
    assert changes(tag, "2026-11-28", "2026-11-30", maintenance_window=window) == [
        "mon 30 08:00 running",
        "mon 30 18:00 stopped",
    ]


# Always, never, enforced.


@pytest.mark.parametrize(
    ("tag", "state"), [("always", State.RUNNING), ("never", State.STOPPED), ("NEVER", State.STOPPED)]
)
def test_always_and_never_have_no_transitions(tag: str, state: State) -> None:
    schedule = Schedule.parse(tag)
    assert schedule.desired_state(utc("2026-11-23T12:00")) is state
    assert schedule.latest_transition(utc("2026-11-23T12:00")) is None
    assert schedule.next_transition(utc("2026-11-23T12:00")) is None


@pytest.mark.parametrize(
    ("tag", "enforced"),
    [
        ("08:00-18:00", False),
        ("-18:00", False),
        ("08:00-18:00 maintenance", False),
        ("08:00-18:00 enforced", True),
        ("berlin", False),
        ("berlin enforced", True),
        ("always", True),
        ("never", True),
    ],
)
def test_what_is_enforced(tag: str, enforced: bool) -> None:
    assert Schedule.parse(tag, named=NAMED).enforced is enforced


# Named schedules.


@pytest.mark.parametrize(
    ("named", "tag", "written_out"),
    [
        ("08:00-18:00 Europe/Berlin", "office", "08:00-18:00 Europe/Berlin"),
        ("08:00-18:00 Europe/Berlin", "OFFICE", "08:00-18:00 Europe/Berlin"),
        ("08:00-18:00", "office", "08:00-18:00 Asia/Kolkata"),  # the default zone
        ("08:00-18:00 Europe/Berlin", "office America/New_York", "08:00-18:00 America/New_York"),
        ("08:00-18:00 UTC lead=15m", "office lead=30m", "08:00-18:00 UTC lead=30m"),
        ("08:00-18:00 UTC lead=15m", "office enforced", "08:00-18:00 UTC lead=15m enforced"),
        ("08:00-18:00 UTC enforced", "office maintenance", "08:00-18:00 UTC enforced maintenance"),
        (
            "08:00-18:00 UTC closed=2026-12-24",
            "office closed=2026-12-31",
            "08:00-18:00 UTC closed=2026-12-24 closed=2026-12-31",
        ),
        ("08:00-18:00 UTC holidays=DE", "office holidays=US", "08:00-18:00 UTC holidays=DE holidays=US"),
        ("never", "office", "never"),
    ],
)
def test_a_name_stands_for_its_schedule_and_what_follows_it(named: str, tag: str, written_out: str) -> None:
    found = Schedule.parse(tag, named={"office": named}, default_zone="Asia/Kolkata")
    assert found == Schedule.parse(written_out, default_zone="Asia/Kolkata")


def test_a_named_schedule_calls_no_other_by_name() -> None:
    assert '"berlin" in "berlin enforced"' in refusal("office", named={"office": "berlin enforced", **NAMED})


def test_a_name_is_known_in_any_case() -> None:
    assert Schedule.parse("office", named={"Office": "08:00-18:00"}) == Schedule.parse("08:00-18:00")


@pytest.mark.parametrize(
    ("tag", "fault"),
    [
        ("berlin sat 10:00-14:00", "sat"),
        ("sat 10:00-14:00 berlin", "berlin"),
        ("berlin UTC Europe/Paris", "Europe/Paris"),
    ],
)
def test_a_name_stands_alone_with_zone_and_options(tag: str, fault: str) -> None:
    assert re.search(f'"{fault}".* in "{tag}": .', refusal(tag, named=NAMED))


def test_an_error_in_a_named_schedule_shows_the_name_and_the_word_at_fault() -> None:
    message = refusal("office enforced", named={"office": "mno-fri 08:00-18:00"})
    assert '"office' in message
    assert 'unknown day "mno" in "mno-fri 08:00-18:00"' in message
    assert 'did you mean "mon"?' in message


# The wording of a tag, and a schedule written out.


def test_neither_case_nor_white_space_counts() -> None:
    tag = "jan-mar mon-fri 07:00-20:00 1st-sat 08:00-18:00 Europe/Berlin holidays=de-by lead=15m maintenance enforced"
    tag = tag.replace("1st-sat", "jan 1st-sat")
    assert Schedule.parse(" " + tag.upper().replace(" ", " \t\n") + " ") == Schedule.parse(tag)


@pytest.mark.parametrize(
    "tag",
    [
        *(example[0] for example in EXAMPLES),
        "always",
        "never",
        "nov-feb d28-d31+1st-mon+last-fri+last-day 08:00-12:00 nov fri-mon 13:00-24:00 Asia/Kolkata",
        "jan-mar 08:00-12:00 jan-dec 13:00-18:00 UTC",
        "mon 08:00-12:00 daily 13:00-18:00 UTC",
        "08:00- mon -18:00 UTC lead=15m closed=2026-12-24:2027-01-01",
        "08:00-18:00 holidays=office holidays=DE-BY closed=2026-12-24 closed=2026-12-31 lead=15m maintenance enforced",
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_schedule_written_out_parses_to_an_equal_one(tag: str, zone: str) -> None:
    schedule = Schedule.parse(tag, named=NAMED, calendars=OFFICE, default_zone=zone)
    assert Schedule.parse(str(schedule), calendars=OFFICE, default_zone=zone) == schedule


def test_a_schedule_written_out_names_its_zone() -> None:
    schedule = Schedule.parse("08:00-18:00", default_zone="Europe/Berlin")
    assert Schedule.parse(str(schedule)) == schedule


@pytest.mark.parametrize(
    "other",
    [
        "mon 08:00-18:01 UTC",
        "mon 08:01-18:00 UTC",
        "tue 08:00-18:00 UTC",
        "jan mon 08:00-18:00 UTC",
        "mon 08:00-18:00 Europe/Berlin",
        "mon 08:00-18:00 UTC lead=1m",
        "mon 08:00-18:00 UTC enforced",
        "mon 08:00-18:00 UTC maintenance",
        "mon 08:00-18:00 UTC closed=2026-12-24",
        "mon 08:00-18:00 UTC holidays=DE",
        "mon 08:00-",
        "always",
    ],
)
def test_different_schedules_are_not_equal(other: str) -> None:
    assert Schedule.parse(other) != Schedule.parse("mon 08:00-18:00 UTC")
    assert str(Schedule.parse(other)) != str(Schedule.parse("mon 08:00-18:00 UTC"))


# What is refused.


def test_an_error_reads_as_the_specification_says() -> None:
    assert refusal("mno-fri 08:00-18:00") == 'unknown day "mno" in "mno-fri 08:00-18:00": did you mean "mon"?'


@pytest.mark.parametrize(
    ("tag", "fault", "suggestion"),
    [
        ("mon-fir 08:00-18:00", "fir", "fri"),
        ("mon+teu 08:00-18:00", "teu", "tue"),
        ("dayly 08:00-18:00", "dayly", "daily"),
        ("wekdays 08:00-18:00", "wekdays", "weekdays"),
        ("weekend 08:00-18:00", "weekend", "weekends"),
        ("last-dya 08:00-18:00", "dya", "day"),
        ("lst-fri 08:00-18:00", "lst", "last"),
        ("1st-mno 08:00-18:00", "mno", "mon"),
        ("jna-mar mon 08:00-18:00", "jna", "jan"),
        ("jan-mrz mon 08:00-18:00", "mrz", "mar"),
        ("Monday 08:00-18:00", "Monday", "mon"),
        ("alway", "alway", "always"),
        ("nver", "nver", "never"),
        ("berln", "berln", "berlin"),
        ("08:00-18:00 Europe/Berln", "Europe/Berln", "Europe/Berlin"),
        ("08:00-18:00 Berlin", "Berlin", "Europe/Berlin"),
        ("08:00-18:00 UTV", "UTV", "UTC"),
        ("08:00-18:00 UTC enforcd", "enforcd", "enforced"),
        ("08:00-18:00 UTC maintainance", "maintainance", "maintenance"),
        ("08:00-18:00 led=15m", "led", "lead"),
        ("08:00-18:00 holiday=DE", "holiday", "holidays"),
        ("08:00-18:00 close=2026-12-24", "close", "closed"),
        ("08:00-18:00 holidays=ofice", "ofice", "office"),
        ("08:00-18:00 holidays=DE-BYY", "DE-BYY", "DE-BY"),
    ],
)
def test_a_misspelt_word_is_named_and_the_nearest_one_suggested(tag: str, fault: str, suggestion: str) -> None:
    message = refusal(tag, named={"berlin": NAMED["berlin"]}, calendars=OFFICE)
    assert re.search(f'"[^"]*{fault}[^"]*".* in "{re.escape(tag)}": did you mean "[^"]*{suggestion}[^"]*"', message)


@pytest.mark.parametrize(
    ("tag", "fault", "expected"),
    [
        # Hours.
        ("mon", "mon", "08:00-18:00"),
        ("mon-fri Europe/Berlin", "Europe/Berlin", "08:00-18:00"),
        ("8:00-18:00", "8:00-18:00", "08:00"),
        ("08:00-6pm", "08:00-6pm", "08:00-18:00"),
        ("0800-1800", "0800-1800", "08:00-18:00"),
        ("08:00", "08:00", "08:00-18:00"),
        ("08-18", "08-18", "08:00-18:00"),
        ("08:00-18:00-20:00", "08:00-18:00-20:00", "08:00-18:00"),
        ("08:00:00-18:00:00", "08:00:00-18:00:00", "08:00-18:00"),
        ("08:60-18:00", "08:60", "00:00"),
        ("08:00-25:00", "25:00", "24:00"),
        ("08:00-24:01", "24:01", "24:00"),
        ("24:00-06:00", "24:00", "00:00"),
        ("24:00-", "24:00", "00:00"),
        ("-", "-", "08:00-18:00"),
        ("08:00 - 18:00", "08:00", "08:00-18:00"),
        ("\N{ARABIC-INDIC DIGIT ZERO}8:00-18:00", "\N{ARABIC-INDIC DIGIT ZERO}8:00-18:00", "08:00-18:00"),
        ("08:00-08:00", "08:00-08:00", "equal"),
        # Days and months.
        ("d0 08:00-18:00", "d0", "d1 to d31"),
        ("d32 08:00-18:00", "d32", "d31"),
        ("d01 08:00-18:00", "d01", "d1"),
        ("6th-mon 08:00-18:00", "6th", "st-mon"),
        ("1th-mon 08:00-18:00", "1th", "1st"),
        ("mon- 08:00-18:00", "mon-", "mon"),
        ("mon++tue 08:00-18:00", "mon++tue", "mon"),
        ("mon-wed-fri 08:00-18:00", "wed-fri", "wed"),
        ("mon-jan 08:00-18:00", "mon", "jan"),
        ("mon-d5 08:00-18:00", "d5", "mon"),
        ("mon jan 08:00-18:00", "jan", "jan mon"),
        ("mon tue 08:00-18:00", "tue", "mon+tue"),
        ("jan mar 08:00-18:00", "mar", "jan+mar"),
        ("mon,tue 08:00-18:00", "mon,tue", "mon+tue"),
        # Zone and options.
        ("08:00-18:00 UTC Europe/Berlin", "Europe/Berlin", "one zone"),
        ("08:00-18:00 +02:00", "+02:00", "08:00-18:00"),
        ("08:00-18:00 ../etc/passwd", "../etc/passwd", "Europe/Berlin"),
        ("08:00-18:00 /etc/localtime", "/etc/localtime", "Europe/Berlin"),
        ("08:00-18:00 UTC sat 10:00-14:00", "sat", "before"),
        ("08:00-18:00 enforced UTC", "UTC", "before"),
        ("enforced 08:00-18:00", "enforced", "08:00-18:00"),
        ("Europe/Berlin 08:00-18:00", "Europe/Berlin", "08:00-18:00"),
        ("08:00-18:00 lead=15", "15", "lead=15m"),
        ("08:00-18:00 lead=1h", "1h", "lead=60m"),
        ("08:00-18:00 lead=-5m", "-5m", "lead=15m"),
        ("08:00-18:00 lead=1.5m", "1.5m", "lead=15m"),
        ("08:00-18:00 lead=1441m", "1441m", "1440"),
        ("08:00-18:00 lead=\N{ARABIC-INDIC DIGIT ONE}5m", "\N{ARABIC-INDIC DIGIT ONE}5m", "lead=15m"),
        ("08:00-18:00 lead=", "lead=", "lead=15m"),
        ("08:00-18:00 lead=5m lead=10m", "lead=10m", "one lead"),
        ("08:00-18:00 closed=2026-02-30", "2026-02-30", "2026-12-24"),
        ("08:00-18:00 closed=24.12.2026", "24.12.2026", "2026-12-24"),
        ("08:00-18:00 closed=20261224", "20261224", "2026-12-24"),
        ("08:00-18:00 closed=2026-12-24:2026-12-23", "2026-12-24:2026-12-23", "before"),
        ("08:00-18:00 closed=2026-12-24:2026-12-25:2026-12-26", "2026-12-24:2026-12-25:2026-12-26", "2026-12-24"),
        ("08:00-18:00 closed=", "closed=", "2026-12-24"),
        ("08:00-18:00 holidays=", "holidays=", "DE"),
        ("08:00-18:00 holidays=QQ", "QQ", "DE"),
        ("08:00-18:00 holidays=DE-QQ", "DE-QQ", "DE-BY"),
        ("08:00-18:00 enforced=yes", "enforced=yes", "enforced"),
        ("08:00-18:00 colour=blue", "colour", "lead"),
        ("08:00-18:00 zzzzzz", "zzzzzz", "Europe/Berlin"),
        # Always and never.
        ("always enforced", "enforced", "always"),
        ("never Europe/Berlin", "Europe/Berlin", "never"),
        ("always 08:00-18:00", "08:00-18:00", "always"),
    ],
)
def test_a_bad_tag_is_refused_with_the_word_at_fault_and_what_was_expected(tag: str, fault: str, expected: str) -> None:
    message = refusal(tag)
    what, hint = message.split(f' in "{tag}": ')
    assert f'"{fault}"' in what
    assert expected in hint


@pytest.mark.parametrize("tag", ["08:00-18:00 always", "08:00-18:00 UTC always", "mon always", "berlin always"])
def test_a_word_that_is_right_elsewhere_is_not_suggested_in_its_own_place(tag: str) -> None:
    what, hint = refusal(tag, named=NAMED).split(f' in "{tag}": ')
    assert '"always"' in what
    assert 'did you mean "always"' not in hint


@pytest.mark.parametrize("tag", ["", "   "])
def test_an_empty_tag_is_refused_with_what_was_expected(tag: str) -> None:
    assert re.search("empty.*08:00-18:00.*always.*never", refusal(tag))


@pytest.mark.parametrize(
    ("tag", "fault"),
    [
        ("feb d30 08:00-18:00", "feb d30"),
        ("apr+jun d31 08:00-18:00", "apr+jun d31"),
        ("feb d30-d31 08:00-18:00", "feb d30"),
        ("mon 08:00-18:00 feb d30 08:00-18:00", "feb d30"),
        ("feb d30 -18:00", "feb d30"),
    ],
)
def test_a_window_that_names_no_date_is_refused(tag: str, fault: str) -> None:
    what, hint = refusal(tag).split(f' in "{tag}": ')
    assert f'"{fault}' in what
    assert "can never happen" in hint


@pytest.mark.parametrize(
    "tag", ["feb d29 08:00-18:00", "feb 5th-mon 08:00-18:00", "feb d29-d31 08:00-18:00", "apr+may d31 08:00-18:00"]
)
def test_a_window_that_names_a_rare_date_is_accepted(tag: str) -> None:
    assert Schedule.parse(tag).next_transition(utc("2026-01-01"))


@pytest.mark.parametrize(
    "tag",
    [
        "00:00-24:00",
        "daily 00:00-24:00 Europe/Berlin",
        "mon-fri 00:00-24:00 sat-sun 00:00-24:00",
        "08:00-20:00 20:00-08:00",
        "00:00-23:50 lead=10m",
        "d1-d31 00:00-24:00 maintenance",
    ],
)
def test_a_schedule_that_never_stops_is_refused(tag: str) -> None:
    message = refusal(tag, maintenance_window="sun:05:00-sun:06:00")
    assert f'in "{tag}": ' in message
    assert "no transition" in message
    assert '"always"' in message


@pytest.mark.parametrize("tag", ["00:00-24:00 UTC closed=2026-12-24", "00:00-23:59 UTC", "mon-sat 00:00-24:00 UTC"])
def test_a_schedule_that_stops_at_all_is_accepted(tag: str) -> None:
    assert Schedule.parse(tag).next_transition(utc("2026-12-20"))


def test_a_schedule_error_is_a_value_error() -> None:
    assert issubclass(ScheduleError, ValueError)


# What the settings may define.


@pytest.mark.parametrize("name", ["berlin", "office-2", "Team_A", "mondays", "de"])
def test_a_name_that_no_word_of_the_grammar_is_may_be_given(name: str) -> None:
    check_name(name)


WORDS_OF_THE_GRAMMAR = """
    mon MON mon-fri jan nov-feb daily weekdays weekends last-fri last-day 5th-sun d1 d28-d31 08:00-18:00 08:00- -19:00
    UTC utc Europe/Berlin europe/berlin always never enforced maintenance holidays closed lead
    holidays=DE closed=2026-12-24 lead=15m
"""


@pytest.mark.parametrize("name", [*WORDS_OF_THE_GRAMMAR.split(), "", " ", "two words"])
def test_a_name_that_a_tag_would_read_as_something_else_is_refused(name: str) -> None:
    with pytest.raises(ScheduleError, match=re.escape(f'"{name}"')):
        check_name(name)


def test_dates_and_ranges_make_a_calendar() -> None:
    assert sorted(parse_dates(["2026-12-24", "2026-12-30:2027-01-01"])) == [
        date(2026, 12, 24),
        date(2026, 12, 30),
        date(2026, 12, 31),
        date(2027, 1, 1),
    ]


@pytest.mark.parametrize("days", ["daily+last-day", "weekdays+weekends+d15", "1st-mon+daily"])
def test_every_day_and_some_other_is_every_day(days: str) -> None:
    assert Schedule.parse(f"{days} 08:00-18:00 daily 08:00-18:00") == Schedule.parse("08:00-18:00")


@pytest.mark.parametrize("item", ["2026-02-30", "24.12.2026", "2026-12-24:2026-12-23", "", "2026-12-24:", "christmas"])
def test_what_is_no_date_is_refused_and_shown(item: str) -> None:
    with pytest.raises(ScheduleError, match=re.escape(f'"{item}"')):
        parse_dates(["2026-12-24", item])


@pytest.mark.parametrize(
    ("tag", "latest", "upcoming"),
    [
        ("00:00-24:00 UTC closed=2020-01-01", "2020-01-02", None),
        ("00:00-24:00 UTC closed=2040-01-01", None, "2040-01-01"),
        ("00:00-24:00 UTC closed=2001-01-01 closed=2015-05-05 closed=2045-06-06", "2015-05-06", "2045-06-06"),
        ("00:00-13:00 12:00-24:00 UTC holidays=office", "2026-12-25", None),
    ],
)
def test_a_schedule_that_always_runs_but_for_days_off_knows_them_across_years(
    tag: str, latest: str | None, upcoming: str | None
) -> None:
    schedule = Schedule.parse(tag, calendars={"office": [date(2026, 12, 24)]})
    at = datetime(2030, 6, 1, 12, tzinfo=UTC)
    found = schedule.latest_transition(at), schedule.next_transition(at)
    assert [each and f"{each.at:%Y-%m-%d}" for each in found] == [latest, upcoming]
    assert schedule.desired_state(at) is State.RUNNING


@pytest.mark.parametrize(
    ("tag", "word"),
    [
        ("feb d30-d31 08:00-18:00", "feb d30-d31"),
        ("22:00-06:00 08:00-", "22:00-06:00"),
        ("00:01-00:00 00:00-00:01", "00:01-00:00"),
    ],
)
def test_a_word_at_fault_is_shown_as_it_was_written(tag: str, word: str) -> None:
    assert f'"{word}" in "{tag}"' in refusal(tag)


def test_what_is_remembered_of_one_instant_is_not_said_of_another() -> None:
    schedule = Schedule.parse("mon-fri 08:00-18:00 UTC")
    hours = ((7, 59), (8, 0), (8, 1), (17, 59), (18, 0))
    days = [datetime(2026, 11, day, hour, minute, tzinfo=UTC) for day in (25, 20, 22) for hour, minute in hours]
    for at in (*days, *reversed(days)):
        fresh = Schedule.parse("mon-fri 08:00-18:00 UTC")
        assert schedule.desired_state(at) is fresh.desired_state(at)
        assert schedule.latest_transition(at) == fresh.latest_transition(at)
        assert schedule.next_transition(at) == fresh.next_transition(at)
