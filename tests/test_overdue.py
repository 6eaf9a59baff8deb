"""When a cluster counts as overdue: two runs after a transition it is not on its way to the desired state.

Runs are five minutes apart here. The 24th of November 2026 is a Tuesday; `8-17` closes at 17:00 UTC.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from office_hours.decision import Action, Decision, Reason, decide, overdue
from office_hours.hold import Hold, HoldError
from office_hours.schedule import Schedule, ScheduleError, State

TO_CLOSE = Schedule.parse("mon-fri 08:00-17:00 UTC")
EVERY = timedelta(minutes=5)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-24T{text}").replace(tzinfo=UTC)


def is_overdue(
    now: str,
    *,
    status: str = "available",
    schedule: Schedule | ScheduleError = TO_CLOSE,
    hold: Hold | HoldError | None = None,
    **members: object,
) -> bool:
    snapshot: Any = {
        "Status": status,
        "ClusterCreateTime": LONG_AGO,
        "DBClusterMembers": [{"DBInstanceIdentifier": "a-1"}],
    } | members
    decision = decide(snapshot, schedule, hold, [], at(now))
    return overdue(snapshot, schedule, hold, decision, at(now), EVERY)


@pytest.mark.parametrize(
    ("now", "expected"), [("16:59", False), ("17:00", False), ("17:10", False), ("17:10:01", True), ("23:00", True)]
)
def test_it_is_overdue_once_two_runs_have_gone_by(now: str, *, expected: bool) -> None:
    assert is_overdue(now) is expected


@pytest.mark.parametrize("status", ["stopped", "stopping", "starting"])
def test_what_is_there_or_on_its_way_or_being_started_by_somebody_is_not(status: str) -> None:
    assert not is_overdue("18:00", status=status)


@pytest.mark.parametrize("status", ["modifying", "backing-up"])
def test_what_rds_keeps_busy_running_after_closing_time_is(status: str) -> None:
    assert is_overdue("18:00", status=status)


@pytest.mark.parametrize("status", ["modifying", "starting", "stopping"])
def test_in_office_hours_nothing_that_rds_is_busy_with_is(status: str) -> None:
    assert not is_overdue("09:00", status=status)


def test_what_is_stopped_in_office_hours_is() -> None:
    assert is_overdue("09:00", status="stopped")


def test_what_has_no_instances_or_was_created_since_is_not() -> None:
    assert not is_overdue("18:00", DBClusterMembers=[])
    assert not is_overdue("18:00", status="creating", ClusterCreateTime=at("17:30"))


def test_the_end_of_a_hold_counts_as_a_transition_and_under_a_hold_nothing_is() -> None:
    hold = Hold(State.RUNNING, at("20:00"))
    assert not is_overdue("19:00", hold=hold)
    assert not is_overdue("20:10", hold=hold)
    assert is_overdue("20:11", hold=hold)
    assert not is_overdue("19:00", hold=Hold(State.STOPPED))


def test_what_is_left_for_a_reason_that_a_person_can_see_to_is_not() -> None:
    assert not is_overdue("18:00", schedule=ScheduleError("x"))
    assert not is_overdue("18:00", hold=HoldError("x"))
    assert not is_overdue("18:00", GlobalClusterIdentifier="world")


def test_what_a_person_changed_is_not() -> None:
    by_hand = Decision(Action.LEAVE, Reason.CHANGED_BY_HAND, "")
    snapshot: Any = {"Status": "available", "DBClusterMembers": [{}]}
    assert not overdue(snapshot, TO_CLOSE, None, by_hand, at("18:00"), EVERY)


@pytest.mark.parametrize("tag", ["always", "never"])
def test_without_a_transition_nobody_knows_since_when(tag: str) -> None:
    for status in ("available", "stopped", "modifying"):
        assert not is_overdue("18:00", status=status, schedule=Schedule.parse(tag))


def test_a_hold_is_read_in_the_schedules_zone() -> None:
    hold = Hold.parse("running until 2026-11-24T20:00", zone=ZoneInfo("UTC"))
    assert is_overdue("20:30", hold=hold)
