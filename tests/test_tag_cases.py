"""What real users asked of a tool of this kind, put into this one's words: the input, and what is right.

Each comes from a public question or bug report. The 23rd of November 2026 is a Monday.
"""

from datetime import UTC, datetime, timedelta

import pytest

from aws_server import Account
from invocation import decisions, start, stop
from office_hours.reporting.explain import explain
from office_hours.schedule import Schedule, ScheduleError, State, Transition
from office_hours.settings import Settings

pytest_plugins = ["aws_server", "invocation"]

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
OFFICE = "mon-fri 08:00-18:00 Europe/Berlin"


def transitions(tag: str, days: int = 7) -> list[Transition]:
    """Those of some days from Monday on."""
    schedule, at, found = Schedule.parse(tag), MONDAY - timedelta(microseconds=1), []
    while (each := schedule.next_transition(at)) and each.at < MONDAY + timedelta(days=days):
        found.append(each)
        at = each.at
    return found


# Windows: the tag, the hours of a week, and its transitions in UTC on Monday, or until Saturday.
WINDOWS = """
    mon 08:00-24:00 tue-thu 00:00-24:00 fri 00:00-20:00 America/New_York          | 108  | mon 13:00, sat 01:00
    daily 06:00-01:00 UTC                                                         | 133  | mon 01:00, mon 06:00
    daily 09:00-18:00 daily 23:30-00:30 Asia/Singapore           | 70 | mon 01:00, mon 10:00, mon 15:30, mon 16:30
    sun-fri 06:00-22:30 Asia/Jerusalem                                            | 99   | mon 04:00, mon 20:30
    mon-fri 08:00-18:00 Europe/Sofia mon-fri 09:00-18:00 Asia/Kolkata             | 62.5 | mon 03:30, mon 16:00
"""


@pytest.mark.parametrize(("tag", "hours", "expected"), [line.split("|") for line in WINDOWS.strip().splitlines()])
def test_windows(tag: str, hours: str, expected: str) -> None:
    days = 7 if "sat" in expected else 1
    assert ", ".join(f"{each.at:%a %H:%M}" for each in transitions(tag, days)).lower() == expected.strip()
    schedule, steps = Schedule.parse(tag), (MONDAY + timedelta(minutes=30 * step) for step in range(7 * 48))
    assert sum(schedule.desired_state(at) is State.RUNNING for at in steps) / 2 == float(hours)


def test_two_offices_are_right_in_summer_as_well() -> None:
    schedule = Schedule.parse("mon-fri 08:00-18:00 Europe/Sofia mon-fri 09:00-18:00 Asia/Kolkata")
    edges = [datetime(2026, 7, 6, hour, minute, tzinfo=UTC) for hour, minute in ((3, 29), (3, 30), (14, 59), (15, 0))]
    assert [schedule.desired_state(at) for at in edges] == ["stopped", "running", "running", "stopped"]


def test_holidays_are_each_clusters_own() -> None:
    thai, american = (Schedule.parse(f"mon-fri 08:00-18:00 Asia/Bangkok holidays={code}") for code in ("TH", "US"))
    fathers_day, thanksgiving = datetime(2025, 12, 5, 5, tzinfo=UTC), datetime(2026, 11, 26, 5, tzinfo=UTC)
    assert [each.desired_state(fathers_day) for each in (thai, american)] == [State.STOPPED, State.RUNNING]
    assert [each.desired_state(thanksgiving) for each in (thai, american)] == [State.RUNNING, State.STOPPED]


# Read as they are: what people write, and the same in the grammar's short words.
READ = [
    ("mon-fri 8:00-18:00 Europe/Berlin", OFFICE),
    ("monday-friday 08:00-18:00 Europe/Berlin", OFFICE),
    ("January-March Mon 8:00-9:30 Europe/Berlin", "jan-mar mon 08:00-09:30 Europe/Berlin"),
]


@pytest.mark.parametrize(("tag", "short"), READ)
def test_read(tag: str, short: str) -> None:
    assert Schedule.parse(tag) == Schedule.parse(short)


# Refused, and the whole value that is suggested: it can be read.
SUGGESTED = [
    ("mon-fri 8-18 Europe/Berlin", OFFICE),
    ("mon-fri 9am-5pm", "mon-fri 09:00-17:00"),
    ("mon-fri 9 am - 5:30 pm", "mon-fri 09:00-17:30"),
    ("mon-fri 12am-12pm", "mon-fri 00:00-12:00"),
    ("mon-fri 08.00-18.00", "mon-fri 08:00-18:00"),
    ("mon-fri 0800-1800", "mon-fri 08:00-18:00"),
    ("mon-fri 22-6", "mon-fri 22:00-06:00"),
    ("mon - fri 08:00 - 18:00", "mon-fri 08:00-18:00"),
    ("mon to fri 08:00 to 18:00", "mon-fri 08:00-18:00"),
    ("mo-fr 08:00-18:00", "mon-fri 08:00-18:00"),
    ("mo-fr 8-18 Europe/Berln", OFFICE),  # three slips
    ("mon-fri 08:00-18:00 Aisa/Toyko", "mon-fri 08:00-18:00 Asia/Tokyo"),
    ("weekday 08:00-18:00", "weekdays 08:00-18:00"),
    ("-7pm Europe/Madrid", "-19:00 Europe/Madrid"),
    (
        "wed#3 21:30-23:59 mon-fri 08:00-18:00 Pacific/Auckland",
        "3rd-wed 21:30-23:59 mon-fri 08:00-18:00 Pacific/Auckland",
    ),
    ("3rd wed 21:30-23:59", "3rd-wed 21:30-23:59"),
    ("mon-fri 08:00-18:00 EST", "mon-fri 08:00-18:00 America/New_York"),
    ("mon-fri 08:00-18:00 PST", "mon-fri 08:00-18:00 America/Los_Angeles"),
    ("mon-fri 08:00-18:00 MST", "mon-fri 08:00-18:00 America/Denver"),
    ("mon-fri 08:00-18:00 HST", "mon-fri 08:00-18:00 Pacific/Honolulu"),
    ("mon-fri 08:00-18:00 BST", "mon-fri 08:00-18:00 Europe/London"),
    ("mon-fri 08:00-18:00 UTC+1", "mon-fri 08:00-18:00 Etc/GMT-1"),
    ("mon-fri 08:00-18:00 GMT-5", "mon-fri 08:00-18:00 Etc/GMT+5"),
    ("mon-fri 08:00-18:00 UTC+5:30", "mon-fri 08:00-18:00 Asia/Kolkata"),
    *((word, "never") for word in ("off", "stopped", "Stop", "paused")),
    *((word, "always") for word in ("on", "running", "true", "24/7")),
    *((word, "ignore") for word in ("none", "skip")),
]


def refusal(tag: str, **settings: dict[str, str]) -> str:
    with pytest.raises(ScheduleError) as caught:
        Schedule.parse(tag, **settings)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize(("tag", "whole"), SUGGESTED)
def test_suggested(tag: str, whole: str) -> None:
    assert f'did you mean "{whole}"?' in refusal(tag)
    Schedule.parse(whole)


# Refused, and words that the error has, and has not.
WORDS = [
    ("mon-fri 08:00-18:00 EST", ["Etc/GMT+5"], ["MST"]),
    ("mon-fri 08:00-18:00 GMT", ["Europe/London"], []),
    ("mon-fri 08:00-18:00 PST", ["America/Los_Angeles"], ["MST"]),
    ("mon-fri 08:00-18:00 UTC+1", ["Europe/Berlin", "Africa/Lagos"], ['00 UTC"?']),
    ("mon-fri 08:00-18:00 GMT-5", ["America/New_York"], ['00 UTC"?']),
    ("mon-fri 08:00-18:00 Etc/GMT+55", ["Europe/Berlin"], ["did you mean"]),
    ("mon-fri 08:00-18:00 UTC+99", ["Europe/Berlin"], ["did you mean"]),
    ("mon-fri 08:00-18:00 XST", ["Europe/Berlin"], ["did you mean"]),
    # No zones, but spelled much like Dubai, Minsk, Jakarta, Australia/West and America/Moncton.
    *(
        (f"mon-fri 08:00-18:00 {word}", ["Europe/Berlin"], ["did you mean"])
        for word in ("Asia/Mumbai", "Europe/Milan", "Asia/Ankara", "WST", "America/Houston")
    ),
    ("1-5 08:00-18:00", ["mon-fri"], ["did you mean"]),  # days?
    ("mon-fri 9-5 Europe/London", ["08:00-18:00"], ["did you mean"]),  # in the afternoon, or overnight?
    ("mon-fri 5-9pm", ["08:00-18:00"], ["did you mean"]),
    *((word, ['"ignore" leaves it alone'], ["/Vostok", "/Skopje", "/Reunion", '"tue"']) for word in ("off", "stop")),
    *((word, ['"never"', '"ignore"'], ["/", '"tue"']) for word in ("running", "true")),
    ("zurich", ["the settings have the schedules berlin, office"], ["did you mean"]),
    ("ofice enforced", ['did you mean "office enforced"?'], []),
]


@pytest.mark.parametrize(("tag", "there", "absent"), WORDS)
def test_words_of_a_refusal(tag: str, there: list[str], absent: list[str]) -> None:
    message = refusal(tag, named={"berlin": OFFICE, "office": OFFICE})
    _, hint = message.split(f'"{tag}": ', 1)
    assert all(words in hint for words in there), hint
    assert not any(words in hint for words in absent), hint


# Decisions: the tag, what was done by hand, and what is decided.


def test_started_by_hand_and_stopped_every_evening(account: Account) -> None:
    account.add("a", "-22:00 Europe/Madrid")
    account.log("a", "DB cluster started", "2026-11-23T15:00:00Z")
    assert decisions(stop("2026-11-23T20:59:00Z")) == {"a": ("leave", "changed-by-hand")}
    assert decisions(stop("2026-11-23T21:00:00Z")) == {"a": ("stop", "scheduled")}


def test_a_one_sided_stop_happens_on_closed_days(account: Account) -> None:
    account.add("a", "-19:00 Europe/Berlin closed=2026-12-24:2027-01-01")
    account.log("a", "DB cluster started", "2026-12-23T19:00:00Z")
    assert decisions(stop("2026-12-24T17:00:00Z")) == {"a": ("leave", "changed-by-hand")}
    assert decisions(stop("2026-12-24T18:00:00Z")) == {"a": ("stop", "scheduled")}


def test_never_is_stopped_again_after_seven_days(account: Account) -> None:
    account.add("a", "never")
    assert decisions(stop("2026-11-23T12:00:00Z")) == {"a": ("stop", "enforced")}


@pytest.mark.parametrize("hold", ["running", "nonsense"])
def test_what_is_ignored_is_left_whatever_its_hold_is(account: Account, hold: str) -> None:
    tags = {"office-hours": "ignore", "office-hours-hold": hold}
    account.add("a", TagList=[{"Key": key, "Value": value} for key, value in tags.items()])
    for run in (stop, start):
        answer = run("2026-11-23T12:00:00Z")
        assert decisions(answer) == {"a": ("leave", "ignored")}
        assert answer["clusters"][0]["next"] is None


@pytest.mark.parametrize(
    ("hold", "at", "expected"),
    [
        ("stopped until 2027-01-04", "2027-01-03T22:59:00Z", ("stop", "held")),
        ("stopped until 2027-01-04", "2027-01-04T07:00:00Z", ("leave", "as-scheduled")),
        ("stopped from 2026-12-24 until 2027-01-04", "2026-12-23T12:00:00Z", ("leave", "as-scheduled")),
        ("stopped from 2026-12-24 until 2027-01-04", "2026-12-24T12:00:00Z", ("stop", "held")),
    ],
)
def test_down_over_the_holidays(account: Account, hold: str, at: str, expected: tuple[str, str]) -> None:
    tags = {"office-hours": OFFICE, "office-hours-hold": hold}
    account.add("a", TagList=[{"Key": key, "Value": value} for key, value in tags.items()])
    assert decisions(stop(at)) == {"a": expected}


def test_patching_tonight(account: Account) -> None:
    account.add("db", OFFICE, Status="stopped")
    start("2026-12-01T18:00:00Z", {"clusters": ["db"], "from": "2026-12-01T20:00", "until": "2026-12-01T23:00"})
    assert account.tag("db") == "running from 2026-12-01T20:00+01:00 until 2026-12-01T23:00+01:00"
    assert decisions(start("2026-12-01T18:59:00Z")) == {"db": ("leave", "as-scheduled")}
    assert decisions(start("2026-12-01T19:00:00Z")) == {"db": ("start", "held")}


def test_explain_names_the_country_and_the_offset() -> None:
    told = explain("mon-fri 08:00-18:00 Etc/GMT+5 holidays=BY", Settings(), MONDAY)
    assert "Belarus" in str(told["message"])
    assert "UTC-5" in str(told["message"])
