"""The hold tag: a state, and until when it is kept."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from office_hours.hold import Hold, HoldError
from office_hours.schedule import State

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "until"),
    [
        ("2026-11-24T22:00", "2026-11-24T21:00"),
        ("2026-11-24T22:00Z", "2026-11-24T22:00"),
        ("2026-11-24T22:00:30.250Z", "2026-11-24T22:00:30.250"),
        ("2026-11-24T22:00+05:30", "2026-11-24T16:30"),
        ("2026-11-24t24:00z", "2026-11-25T00:00"),
        ("2026-03-29T02:30", "2026-03-29T01:30"),  # skipped: it moves forward by the gap
        ("2026-10-25T02:30", "2026-10-25T00:30"),  # repeated: the first of the two
        ("2026-11-24 7:00", "2026-11-24T06:00"),
        ("2026-11-24T22:00 America/New_York", "2026-11-25T03:00"),
        ("2027-01-04", "2027-01-03T23:00"),  # a date: its first instant
        ("2018-11-04 America/Sao_Paulo", "2018-11-04T03:00"),  # 01:00, for its clocks skipped an hour
    ],
)
def test_an_end_is_local_to_the_schedules_zone_unless_it_has_an_offset(written: str, until: str) -> None:
    found = Hold.parse(f"stopped until {written}", zone=BERLIN).until
    assert found == utc(until)
    assert found.tzinfo is UTC


def test_a_hold_lasts_until_the_instant_it_names_or_for_good() -> None:
    hold = Hold.parse(" RUNNING\tUntil  2026-11-24T22:00 ", zone=BERLIN)
    assert hold.to is State.RUNNING
    assert hold.in_force(utc("2026-11-24T20:59:59.999999"))
    assert not hold.in_force(utc("2026-11-24T21:00"))
    assert Hold.parse("  STOPPED ", zone=BERLIN) == Hold(State.STOPPED)
    assert Hold(State.STOPPED).in_force(utc("2099-01-01T00:00"))


def test_a_hold_may_begin_later() -> None:
    hold = Hold.parse("stopped from 2026-12-24 until 2027-01-04", zone=BERLIN)
    assert not hold.in_force(utc("2026-12-23T22:59"))
    assert hold.in_force(utc("2026-12-23T23:00"))
    assert not hold.in_force(utc("2027-01-03T23:00"))
    assert Hold.parse("running from 2026-12-24T20:00", zone=BERLIN).in_force(utc("2099-01-01T00:00"))


def test_a_hold_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(HoldError, match='"2026-12-24" is not after the start "2026-12-24"'):
        Hold.parse("stopped from 2026-12-24 until 2026-12-24", zone=BERLIN)


@given(
    st.sampled_from(State),
    st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
    st.none() | st.datetimes(datetime(1990, 1, 1), datetime(1999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata"]).map(ZoneInfo),
)
def test_a_hold_written_out_parses_to_an_equal_one_in_any_zone(
    state: State, until: datetime | None, since: datetime | None, zone: ZoneInfo
) -> None:
    hold = Hold(state, until, since)
    assert Hold.parse(hold.written(zone), zone=zone) == hold
    assert re.fullmatch(r"[A-Za-z0-9\s_.:/=+@-]{1,256}", hold.written(zone))


@pytest.mark.parametrize(
    ("text", "fault", "expected"),
    [
        ("on", "on", "running"),
        ("\u017ftopped", "\u017ftopped", "stopped"),  # which Unicode takes for an s
        ("running 2026-11-24T22:00", "2026-11-24T22:00", "until"),
        ("Running till 2026-11-24T22:00", "till", "until"),
        ("running until", "until", "2026-11-24T22:00"),
        ("running until 20:00", "20:00", "2026-11-24T22:00"),
        ("running from 20:00 until 2026-11-25", "20:00", "2026-11-24T22:00"),
        ("running until 2026-11-25 20:00 PST", "2026-11-25 20:00 PST", "2026-11-24T22:00"),
        ("running until 2026-11-24T24:30", "2026-11-24T24:30", "2026-11-24T22:00"),
    ],
)
def test_a_bad_hold_is_refused_with_the_word_at_fault_and_what_was_expected(
    text: str, fault: str, expected: str
) -> None:
    with pytest.raises(HoldError) as caught:
        Hold.parse(text, zone=BERLIN)
    assert isinstance(caught.value, ValueError)
    what, hint = str(caught.value).split(f'"{text}": ')
    assert f'"{fault}"' in what
    assert expected in hint


@pytest.mark.parametrize("end", ["9999-12-31T23:59", "9999-12-31T23:59Z", "9999-12-31T23:59-14:00", "9999-12-31T24:00"])
def test_the_last_day_of_the_calendar_is_a_way_to_say_for_good(end: str) -> None:
    hold = Hold.parse(f"running until {end}", zone=BERLIN)
    assert hold.in_force(datetime(9000, 1, 1, tzinfo=UTC))
    assert Hold.parse(hold.written(BERLIN), zone=BERLIN) == hold
    assert hold.until is not None
    assert hold.until.astimezone(BERLIN).year == 9999  # which every decision shows


@given(st.text(max_size=40) | st.text("0123456789-:TZ+. ", max_size=30).map("running until {}".format))
def test_whatever_is_no_hold_is_refused(text: str) -> None:
    try:
        hold = Hold.parse(text, zone=BERLIN)
    except HoldError:
        return
    assert Hold.parse(hold.written(BERLIN), zone=BERLIN) == hold
