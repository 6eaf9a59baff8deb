"""What untagged clusters are suggested, by made-up series of how many were connected.

It is asked on Monday, the 23rd of November 2026, at 06:00 UTC: the data are of the four weeks before.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from office_hours.reporting.suggest import Connections, propose
from office_hours.reporting.windows import windows
from office_hours.schedule import Schedule, State
from office_hours.settings import Settings

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
Series = Callable[[datetime], float | None]  # how many at a local time; None for no data


def series(of: Series, zone: str = "UTC", *, now: datetime = NOW, days: int = 28) -> Connections:
    hours = [now - HOUR * (1 + number) for number in range(days * 24)]
    return {at: most for at in hours if (most := of(at.astimezone(ZoneInfo(zone)))) is not None}


def at_work(at: datetime) -> float:
    return 12 if at.weekday() < 5 and 8 <= at.hour < 18 else 0


def proposed(of: Series, zone: str = "UTC", *, now: datetime = NOW, days: int = 28, **members: Any) -> tuple[str, str]:  # noqa: ANN401  as many types as RDS has
    """The tag and the note; and no hour of use is one in which the tag would have it stopped."""
    seen, snapshot = series(of, zone, now=now, days=days), members
    tag, note = propose(cast("Any", snapshot), seen, Settings(default_zone=zone), now)
    assert left_out(tag, seen, zone) == []
    return tag, note


def left_out(tag: str, seen: Connections, zone: str) -> list[datetime]:
    """The hours of use, to the minute, in which the cluster would not run throughout."""
    assert len(tag) <= 256
    schedule = Schedule.parse(tag or "always", default_zone=zone)
    used = [at for at, most in seen.items() if most > min(seen.values())]
    minutes = [0, 1, 15, 29, 30, 31, 45, 59]
    is_up = [
        all(schedule.desired_state(at + timedelta(minutes=each)) is State.RUNNING for each in minutes) for at in used
    ]
    return [at for at, up in zip(used, is_up, strict=True) if not up]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland"])
def test_office_hours(zone: str) -> None:
    assert proposed(at_work, zone) == ("mon-fri 08:00-18:00", "From 28 days of data.")


def test_a_pool_that_never_lets_go_is_no_use() -> None:
    tag, note = proposed(lambda at: 40 + at_work(at))
    assert tag == "mon-fri 08:00-18:00"
    assert "40 always connected" in note


def test_a_constant_number_tells_nothing() -> None:
    tag, note = proposed(lambda _: 40)
    assert tag == ""
    assert "Always 40 connected" in note


@pytest.mark.parametrize(
    ("used", "tag"),
    [
        (lambda at: at.hour >= 22 or at.hour < 6, "daily 22:00-06:00"),
        (lambda at: at.weekday() in (5, 6) and 10 <= at.hour < 14, "sat-sun 10:00-14:00"),
        (lambda at: at.weekday() in (6, 0), "sun-mon 00:00-24:00"),
        # From Friday evening to Monday's beginning, and a night that belongs to Sunday.
        (lambda at: at.weekday() > 4 or (at.weekday() == 4 and at.hour >= 20), "fri 20:00-24:00 sat-sun 00:00-24:00"),
        (lambda at: (at.weekday(), at.hour) in ((6, 23), (0, 0), (0, 1)), "sun 23:00-02:00"),
        # A short burst, in one week only.
        (lambda at: bool(at_work(at)) or (at.day, at.hour) == (11, 3), "mon-fri 08:00-18:00 wed 03:00-04:00"),
        # An hour at noon is not worth a stop and a start, two are.
        (lambda at: bool(at_work(at)) and at.hour != 12, "mon-fri 08:00-18:00"),
        (lambda at: bool(at_work(at)) and at.hour not in (12, 13), "mon-fri 08:00-12:00 mon-fri 14:00-18:00"),
        (lambda _: False, "never"),
    ],
)
def test_windows_cover_what_is_used(used: Callable[[datetime], bool], tag: str) -> None:
    assert proposed(lambda at: 3 if used(at) else 0)[0] == tag


@pytest.mark.parametrize(
    ("zone", "now"),
    [("Europe/Berlin", "2026-11-09"), ("Europe/Berlin", "2026-04-13"), ("America/New_York", "2026-03-23")],
)
@pytest.mark.parametrize("hour", [0, 1, 2, 3])
def test_clocks_that_change_in_the_period(zone: str, now: str, hour: int) -> None:
    tag, _ = proposed(lambda at: float(at.hour == hour), zone, now=datetime.fromisoformat(f"{now}T00:00Z"))
    assert tag == f"daily {hour:02}:00-{hour + 1:02}:00"


def test_an_offset_of_half_an_hour_covers_both_hours() -> None:
    # 09:00 to 10:00 UTC is 14:30 to 15:30 in India.
    assert proposed(lambda at: float(at.hour == 14), "Asia/Kolkata")[0] == "daily 14:00-16:00"


@pytest.mark.parametrize("hours", [range(24), (23, 0, 1), (1,), (2, 3)])
def test_clocks_that_go_back_by_two_hours(hours: tuple[int, ...]) -> None:
    proposed(
        lambda at: float(at.weekday() == 6 and at.hour in hours),
        "Antarctica/Troll",
        now=datetime(2026, 11, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("of", "members", "words"),
    [
        (lambda at: at.day * 24 + at.hour, {}, "Never idle"),
        (at_work, {"ClusterCreateTime": NOW - timedelta(days=6)}, "Younger than a week"),
        (lambda at: at_work(at) if at.day == 20 else None, {}, "Too little data: 1.0 days"),
        (lambda _: None, {}, "Too little data"),
        (at_work, {"ServerlessV2ScalingConfiguration": {"MinCapacity": 0.0}}, "needs no tag"),
    ],
)
def test_where_there_is_none_the_note_says_why(of: Series, members: dict[str, Any], words: str) -> None:
    tag, note = proposed(of, **members)
    assert tag == ""
    assert words in note


def test_missing_hours_are_neither_idle_nor_used() -> None:
    # No data at night, as of a cluster that people stop: it stays up. A gap in one week only changes nothing.
    tag, note = proposed(lambda at: None if at.hour < 6 or at.day == 4 else at_work(at))
    assert tag == "daily 00:00-06:00 mon-fri 08:00-18:00"
    assert "No data for 42 hours of the week" in note


def test_few_data_are_said() -> None:
    assert proposed(at_work, days=8) == ("mon-fri 08:00-18:00", "From 8 days of data.")


def test_too_many_windows_become_wider_ones() -> None:
    # Each day other hours, every three hours.
    tag, _ = proposed(lambda at: float((at.hour + at.weekday()) % 3 == 0 and at.hour != at.weekday()))
    assert len(tag) <= 256


@given(st.frozensets(st.integers(0, 167)))
def test_windows_leave_out_no_hour_of_the_week(hours: frozenset[int]) -> None:
    tag, monday = windows(hours), datetime(2026, 11, 16, tzinfo=UTC)
    schedule = Schedule.parse(tag) if tag else Schedule.parse("always" if hours else "never")
    assert len(tag) <= 256
    assert all(schedule.desired_state(monday + HOUR * hour) is State.RUNNING for hour in hours)


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Antarctica/Troll",
]
BURSTS = st.dictionaries(st.integers(0, 28 * 24 - 1), st.none() | st.integers(0, 9))


@examples(deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    first=st.integers(0, 23),
    length=st.integers(0, 23),
    days=st.sets(st.integers(0, 6)),
    pool=st.integers(0, 3),
    bursts=BURSTS,
    month=st.integers(1, 12),
)
def test_on_made_up_fleets_no_suggestion_stops_a_cluster_in_an_hour_of_use(  # noqa: PLR0913  what a fleet is made of
    *, zone: str, first: int, length: int, days: set[int], pool: int, bursts: dict[int, int | None], month: int
) -> None:
    now, data = datetime(2026, month, 28, tzinfo=UTC), {}
    for number in range(28 * 24):
        at = (now - HOUR * (1 + number)).astimezone(ZoneInfo(zone))
        is_used = at.weekday() in days and (at.hour - first) % 24 < length
        if (burst := bursts.get(number, 0)) is not None:
            data[at.astimezone(UTC)] = pool + burst + 5.0 * is_used
    tag, _ = propose({}, data, Settings(default_zone=zone), now)
    assert left_out(tag, data, zone) == []
