"""What is decided about one cluster: a test for each rule, then the awkward histories as a table."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from types_boto3_rds.type_defs import DBClusterTypeDef, EventTypeDef

from office_hours.decision import Action, Reason, decide, evidence_since, next_change
from office_hours.hold import Hold, HoldError
from office_hours.schedule import Schedule, ScheduleError

WEEKDAYS = Schedule.parse("mon-fri 08:00-18:00 UTC")
BERLIN = ZoneInfo("Europe/Berlin")

STOPPED = "DB cluster stopped."
STARTED = "DB cluster started."
STOP_FAILED = "DB cluster stop failed."
RESTART = "DB cluster is being started due to it exceeding the maximum allowed time being stopped."


def at(text: str) -> datetime:
    """An instant of the week that begins on Monday, 16 November 2026: `tue 18:05`, or `-fri 18:00` before it."""
    day, clock = text.split()
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(day[-3:]) - 7 * day.count("-")
    hours, minutes = clock.split(":")
    return datetime(2026, 11, 16, tzinfo=UTC) + timedelta(days=days, hours=int(hours), minutes=int(minutes))


def cluster(status: str = "available", /, **members: object) -> DBClusterTypeDef:
    snapshot = {
        "DBClusterIdentifier": "reporting",
        "Engine": "aurora-postgresql",
        "Status": status,
        "ClusterCreateTime": datetime(2024, 1, 1, tzinfo=UTC),
        "DBClusterMembers": [{"DBInstanceIdentifier": "reporting-1"}],
        **members,
    }
    return cast("DBClusterTypeDef", snapshot)


def log(history: str) -> list[EventTypeDef]:
    """RDS's events for a history such as `mon 18:05 stopped, mon 19:10 started`."""
    messages = {"stopped": STOPPED, "started": STARTED, "failed": STOP_FAILED, "restart": RESTART}
    events: list[EventTypeDef] = []
    for entry in filter(None, history.split(", ")):
        instant, _, what = entry.rpartition(" ")
        events.append({"Date": at(instant), "Message": messages[what], "SourceIdentifier": "reporting"})
    return events


# --- Rule 2: what cannot be read


def test_a_tag_that_cannot_be_read_leaves_the_cluster_alone() -> None:
    decision = decide(cluster(), ScheduleError('unknown day "mno"'), None, [], at("mon 20:00"))
    assert (decision.action, decision.reason) == (Action.LEAVE, Reason.INVALID_TAG)
    assert 'unknown day "mno"' in decision.message


def test_a_hold_that_cannot_be_read_leaves_the_cluster_alone() -> None:
    decision = decide(cluster(), WEEKDAYS, HoldError('unknown state "up"'), [], at("mon 20:00"))
    assert (decision.action, decision.reason) == (Action.LEAVE, Reason.INVALID_TAG)
    assert 'unknown state "up"' in decision.message


# --- Rule 3: what RDS cannot stop


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"EngineMode": "serverless"}, "serverless"),
        ({"EngineMode": "parallelquery"}, "parallelquery"),
        ({"GlobalClusterIdentifier": "worldwide"}, "worldwide"),
        ({"ReplicationSourceIdentifier": "arn:aws:rds:us-east-1:123456789012:cluster:primary"}, "primary"),
        ({"ReadReplicaIdentifiers": ["arn:aws:rds:us-east-1:123456789012:cluster:replica"]}, "replica"),
    ],
)
def test_a_cluster_that_rds_cannot_stop_is_ineligible_and_told_why(members: dict[str, object], named: str) -> None:
    decision = decide(cluster(**members), Schedule.parse("never"), None, [], at("mon 20:00"))
    assert (decision.action, decision.reason) == (Action.LEAVE, Reason.INELIGIBLE)
    assert named in decision.message


@pytest.mark.parametrize(
    "members",
    [
        {"EngineMode": "provisioned"},
        {"EngineMode": ""},
        {"GlobalClusterIdentifier": "", "ReplicationSourceIdentifier": "", "ReadReplicaIdentifiers": []},
        {"EngineMode": "provisioned", "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 8.0}},
    ],
)
def test_a_provisioned_cluster_and_serverless_v2_can_be_stopped(members: dict[str, object]) -> None:
    assert decide(cluster(**members), Schedule.parse("never"), None, [], at("mon 20:00")).action is Action.STOP


# --- Rule 4: what is on its way already


@pytest.mark.parametrize("status", ["stopping", "starting", "backing-up", "upgrading", "creating", "something-new", ""])
def test_a_cluster_that_is_neither_available_nor_stopped_is_busy(status: str) -> None:
    decision = decide(cluster(status), Schedule.parse("never"), None, [], at("mon 20:00"))
    assert (decision.action, decision.reason) == (Action.LEAVE, Reason.BUSY)
    assert f'"{status}"' in decision.message


@pytest.mark.parametrize("members", [[], None])
def test_a_cluster_without_instances_is_busy(members: list[object] | None) -> None:
    decision = decide(cluster(DBClusterMembers=members), Schedule.parse("never"), None, [], at("mon 20:00"))
    assert (decision.action, decision.reason) == (Action.LEAVE, Reason.BUSY)


# --- Rule 5: a hold in force


@pytest.mark.parametrize(
    ("status", "to", "action"),
    [
        ("available", "running", Action.LEAVE),
        ("stopped", "running", Action.START),
        ("available", "stopped", Action.STOP),
        ("stopped", "stopped", Action.LEAVE),
    ],
)
@pytest.mark.parametrize("schedule", ["mon-fri 08:00-18:00 UTC", "mon-fri 08:00-18:00 UTC enforced", "always", "never"])
def test_a_hold_in_force_is_followed_whatever_the_schedule_says(
    status: str, to: str, action: Action, schedule: str
) -> None:
    hold = Hold.parse(f"{to} until 2026-11-16T22:00", zone=BERLIN)
    decision = decide(cluster(status), Schedule.parse(schedule), hold, [], at("mon 20:59"))
    assert (decision.action, decision.reason) == (action, Reason.HELD)


def test_a_hold_without_an_end_lasts() -> None:
    decision = decide(cluster(), WEEKDAYS, Hold.parse("stopped", zone=BERLIN), [], at("mon 12:00"))
    assert (decision.action, decision.reason) == (Action.STOP, Reason.HELD)


def test_a_hold_is_over_at_the_instant_of_its_end() -> None:
    hold = Hold.parse("running until 2026-11-16T20:00Z", zone=BERLIN)
    assert decide(cluster(), WEEKDAYS, hold, [], at("mon 19:59")).reason is Reason.HELD
    assert decide(cluster(), WEEKDAYS, hold, [], at("mon 20:00")).reason is Reason.SCHEDULED


# --- Rule 6: as it should be


@pytest.mark.parametrize(("status", "now"), [("available", "mon 12:00"), ("stopped", "mon 20:00")])
def test_a_cluster_in_its_desired_state_is_left(status: str, now: str) -> None:
    decision = decide(cluster(status), WEEKDAYS, None, [], at(now))
    assert (decision.action, decision.reason) == (Action.LEAVE, Reason.AS_SCHEDULED)


@pytest.mark.parametrize("status", ["available", "stopped"])
def test_nothing_is_done_before_the_first_edge_of_a_one_sided_schedule(status: str) -> None:
    schedule = Schedule.parse("08:00- UTC closed=1900-01-01:2026-11-30")
    decision = decide(cluster(status), schedule, None, [], at("mon 20:00"))
    assert (decision.action, decision.reason) == (Action.LEAVE, Reason.AS_SCHEDULED)


def test_a_one_sided_schedule_stops_and_never_starts() -> None:
    schedule = Schedule.parse("-19:00 UTC")
    assert decide(cluster(), schedule, None, [], at("mon 19:00")).action is Action.STOP
    assert decide(cluster("stopped"), schedule, None, [], at("tue 08:00")).action is Action.LEAVE


# --- Rule 7: no change by hand counts


@pytest.mark.parametrize(
    ("tag", "status", "action"),
    [
        ("mon-fri 08:00-18:00 UTC enforced", "available", Action.STOP),
        ("never", "available", Action.STOP),
        ("always", "stopped", Action.START),
    ],
)
def test_an_enforced_schedule_undoes_what_was_done_by_hand(tag: str, status: str, action: Action) -> None:
    events = log("mon 19:30 started") if status == "available" else log("mon 19:30 stopped")
    schedule = Schedule.parse(tag)
    assert evidence_since(cluster(status), schedule, None, at("mon 20:00")) is None
    decision = decide(cluster(status), schedule, None, events, at("mon 20:00"))
    assert (decision.action, decision.reason) == (action, Reason.ENFORCED)


# --- Rules 8 and 9: the awkward histories. Each cluster is not in the state that "mon-fri 08:00-18:00 UTC" asks for:
# --- the columns are the status, the event log, the present, and what is decided why.

HISTORIES = {
    "closing time, nothing in the log": ("available", "", "mon 18:00", "stop scheduled"),
    "opening time, nothing in the log": ("stopped", "", "mon 08:00", "start scheduled"),
    "opening time, stopped on Friday evening": ("stopped", "-fri 18:06 stopped", "mon 08:00", "start scheduled"),
    "a missed run is made good by a later one": ("available", "mon 08:04 started", "mon 23:40", "stop scheduled"),
    # Changes that were under way when the transition came.
    "a stop that ends just after the next start was due": (
        "stopped",
        "mon 08:03 stopped",
        "mon 08:05",
        "start scheduled",
    ),
    "a start that ends just after closing": ("available", "mon 18:04 started", "mon 18:05", "stop scheduled"),
    "a start that ends 29 minutes after closing": ("available", "mon 18:29 started", "mon 18:35", "stop scheduled"),
    # What people did.
    "a stop by hand before opening": ("stopped", "mon 07:40 stopped", "mon 08:00", "start scheduled"),
    "a stop by hand at noon": ("stopped", "mon 08:06 started, mon 12:10 stopped", "mon 12:15", "leave changed-by-hand"),
    "a stop by hand at noon, seen in the evening before closing": (
        *("stopped", "mon 08:06 started, mon 12:10 stopped", "mon 17:59", "leave changed-by-hand"),
    ),
    "the same at the next opening": ("stopped", "mon 12:10 stopped", "tue 08:00", "start scheduled"),
    "a start by hand before closing": ("available", "mon 17:40 started", "mon 18:00", "stop scheduled"),
    "a start by hand at night": (
        *("available", "mon 18:06 stopped, mon 22:10 started", "mon 22:15", "leave changed-by-hand"),
    ),
    "the same at the next closing": ("available", "mon 22:10 started", "tue 18:00", "stop scheduled"),
    "a start by hand at exactly half an hour": ("available", "mon 18:30 started", "mon 18:35", "leave changed-by-hand"),
    "a start by hand within half an hour of closing": (
        *("available", "mon 18:06 stopped, mon 18:20 started", "mon 18:25", "leave changed-by-hand"),
    ),
    "a stop by hand within half an hour of opening": (
        *("stopped", "mon 08:06 started, mon 08:20 stopped", "mon 08:25", "leave changed-by-hand"),
    ),
    "a start by hand whose event is not there yet": (
        *("available", "mon 18:06 stopped", "mon 22:10", "leave changed-by-hand"),
    ),
    "a stop by hand whose event is not there yet": (
        "stopped",
        "mon 08:06 started",
        "mon 12:10",
        "leave changed-by-hand",
    ),
    "a stop by hand just before closing, and a start that ends just after": (
        *("available", "mon 17:45 stopped, mon 18:10 started", "mon 18:15", "stop scheduled"),
    ),
    "a stop that ends at the very transition, and a start since": (
        *("available", "mon 18:00 stopped", "mon 18:20", "leave changed-by-hand"),
    ),
    # AWS starts a cluster that was stopped for seven days.
    "an automatic restart at the weekend": (
        *("available", "sat 03:00 restart, sat 03:08 started", "sat 03:10", "stop auto-restarted"),
    ),
    "an automatic restart whose end is not logged yet": (
        "available",
        "sat 03:00 restart",
        "sat 03:10",
        "stop auto-restarted",
    ),
    "an automatic restart across a transition": (
        *("available", "fri 17:55 restart, fri 18:40 started", "fri 18:45", "stop auto-restarted"),
    ),
    "an automatic restart, put right, then a start by hand": (
        *("available", "sat 03:00 restart, sat 03:08 started, sat 03:15 stopped, sat 11:00 started"),
        *("sat 11:05", "leave changed-by-hand"),
    ),
    "the same, in a log out of order": (
        *("available", "sat 03:15 stopped, sat 11:00 started, sat 03:08 started, sat 03:00 restart"),
        *("sat 11:05", "leave changed-by-hand"),
    ),
    "an automatic restart, then a stop by hand that is not logged yet": (
        *("stopped", "mon 08:40 restart, mon 08:50 started", "mon 09:30", "leave changed-by-hand"),
    ),
    # A stop that fails leaves the cluster available.
    "a stop that failed ten minutes ago": ("available", "mon 18:10 failed", "mon 18:20", "leave busy"),
    "a stop that failed half an hour ago": ("available", "mon 18:10 failed", "mon 18:40", "stop scheduled"),
    "a stop that failed, and a start by hand since": (
        *("available", "mon 18:06 stopped, mon 18:10 failed, mon 18:35 started", "mon 18:36", "leave changed-by-hand"),
    ),
    "a stop that failed, and then succeeded, when it is to start": (
        *("stopped", "mon 07:55 failed", "mon 08:00", "start scheduled"),
    ),
}


@pytest.mark.parametrize(("status", "history", "now", "expected"), HISTORIES.values(), ids=HISTORIES.keys())
def test_history(status: str, history: str, now: str, expected: str) -> None:
    decision = decide(cluster(status), WEEKDAYS, None, log(history), at(now))
    assert f"{decision.action} {decision.reason}" == expected


def test_a_change_that_the_log_does_not_tell_of_yet_is_told_as_such() -> None:
    decision = decide(cluster(), WEEKDAYS, None, log("mon 18:06 stopped"), at("mon 22:10"))
    assert "after Mon 2026-11-16 18:06 UTC (RDS's event log does not tell when)" in decision.message


def test_windows_minutes_apart_take_up_a_change_under_way() -> None:
    """The stop at noon ends after ten past twelve, when the cluster was due to start again."""
    schedule = Schedule.parse("08:00-12:00 12:10-18:00 UTC")
    decision = decide(cluster("stopped"), schedule, None, log("mon 12:14 stopped"), at("mon 12:15"))
    assert (decision.action, decision.reason) == (Action.START, Reason.SCHEDULED)


def test_a_cluster_created_at_night_is_left_until_the_next_transition_without_a_look_at_the_log() -> None:
    created = cluster(ClusterCreateTime=at("mon 21:30"))
    assert evidence_since(created, WEEKDAYS, None, at("mon 22:00")) is None
    decision = decide(created, WEEKDAYS, None, [], at("mon 22:00"))
    assert (decision.action, decision.reason) == (Action.LEAVE, Reason.CHANGED_BY_HAND)
    assert decide(created, WEEKDAYS, None, [], at("tue 18:00")).action is Action.STOP


def test_a_cluster_created_at_the_very_transition_counts_as_changed_by_hand() -> None:
    created = cluster(ClusterCreateTime=at("mon 18:00"))
    assert decide(created, WEEKDAYS, None, [], at("mon 18:01")).reason is Reason.CHANGED_BY_HAND


def test_where_there_never_was_a_transition_a_stop_by_hand_is_respected() -> None:
    schedule = Schedule.parse("00:00-24:00 UTC closed=2026-12-24:2026-12-26")
    noon = datetime(2026, 11, 16, 12, tzinfo=UTC)
    event: Any = {"Date": noon, "Message": "DB cluster stopped."}
    snapshot: Any = {"Status": "stopped", "DBClusterMembers": [{}]}
    assert decide(snapshot, schedule, None, [event], noon).reason is Reason.CHANGED_BY_HAND
    assert decide(snapshot, schedule, None, [], noon).reason is Reason.SCHEDULED


class TestATransitionOlderThanTheEventLog:
    """Closed for three weeks: the latest transition is the stop on 6 November, RDS's log begins on 14 November."""

    CLOSED = Schedule.parse("mon-fri 08:00-18:00 UTC closed=2026-11-07:2026-11-30")
    NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)

    def test_a_cluster_that_should_be_stopped_is_left_since_nobody_knows(self) -> None:
        decision = decide(cluster(), self.CLOSED, None, [], self.NOW)
        assert (decision.action, decision.reason) == (Action.LEAVE, Reason.CHANGED_BY_HAND)
        assert '{"clusters": ["reporting"]}' in decision.message

    def test_one_that_aws_restarted_is_stopped(self) -> None:
        events = log("thu 03:00 restart, thu 03:09 started")
        assert decide(cluster(), self.CLOSED, None, events, self.NOW).reason is Reason.AUTO_RESTARTED

    def test_one_that_should_be_running_is_started(self) -> None:
        schedule = Schedule.parse("nov 00:00-24:00 UTC")
        decision = decide(cluster("stopped"), schedule, None, [], self.NOW)
        assert (decision.action, decision.reason) == (Action.START, Reason.SCHEDULED)

    def test_one_that_was_stopped_within_the_log_was_stopped_by_hand(self) -> None:
        schedule = Schedule.parse("nov 00:00-24:00 UTC")
        decision = decide(cluster("stopped"), schedule, None, log("wed 12:00 stopped"), self.NOW)
        assert (decision.action, decision.reason) == (Action.LEAVE, Reason.CHANGED_BY_HAND)

    def test_a_schedule_that_never_had_a_transition_leaves_a_running_cluster(self) -> None:
        schedule = Schedule.parse("mon-fri 08:00-18:00 UTC closed=1900-01-01:2026-11-30")
        assert decide(cluster(), schedule, None, [], self.NOW).reason is Reason.CHANGED_BY_HAND


class TestAHoldThatEnded:
    """Started at 19:00, held running until 20:00: the end of the hold is a transition."""

    HOLD = Hold.parse("running until 2026-11-16T20:00Z", zone=BERLIN)
    EVENTS = log("mon 18:06 stopped, mon 19:05 started")

    def test_what_was_done_under_the_hold_is_no_later_change_by_hand(self) -> None:
        decision = decide(cluster(), WEEKDAYS, self.HOLD, self.EVENTS, at("mon 20:00"))
        assert (decision.action, decision.reason) == (Action.STOP, Reason.SCHEDULED)
        assert "hold ended" in decision.message

    def test_what_was_done_after_the_hold_is(self) -> None:
        events = [*self.EVENTS, *log("mon 20:06 stopped, mon 21:00 started")]
        assert decide(cluster(), WEEKDAYS, self.HOLD, events, at("mon 21:05")).reason is Reason.CHANGED_BY_HAND

    def test_a_hold_that_ended_before_the_latest_transition_plays_no_part(self) -> None:
        decision = decide(cluster(), WEEKDAYS, self.HOLD, log("tue 08:06 started"), at("tue 18:00"))
        assert (decision.action, decision.reason) == (Action.STOP, Reason.SCHEDULED)
        assert "hold" not in decision.message

    def test_a_cluster_created_before_the_end_of_the_hold_is_stopped(self) -> None:
        created = cluster(ClusterCreateTime=at("mon 19:00"))
        assert decide(created, WEEKDAYS, self.HOLD, [], at("mon 20:00")).action is Action.STOP

    def test_the_log_is_read_from_an_hour_before_its_end(self) -> None:
        assert evidence_since(cluster(), WEEKDAYS, self.HOLD, at("mon 20:00")) == at("mon 19:00")


# --- What is asked of the log


def test_the_log_is_read_from_an_hour_before_the_latest_transition() -> None:
    assert evidence_since(cluster(), WEEKDAYS, None, at("mon 20:00")) == at("mon 17:00")


def test_the_log_is_never_asked_for_more_than_it_keeps() -> None:
    schedule = Schedule.parse("jan mon-fri 08:00-18:00 UTC")
    now = at("mon 20:00")
    assert evidence_since(cluster(), schedule, None, now) == now - timedelta(days=14) + timedelta(hours=1)


@pytest.mark.parametrize(
    ("snapshot", "schedule", "hold"),
    [
        (cluster("stopped"), WEEKDAYS, None),
        (cluster("stopping"), WEEKDAYS, None),
        (cluster(GlobalClusterIdentifier="worldwide"), WEEKDAYS, None),
        (cluster(DBClusterMembers=[]), WEEKDAYS, None),
        (cluster(), WEEKDAYS, Hold.parse("running", zone=BERLIN)),
        (cluster(), ScheduleError("unreadable"), None),
    ],
)
def test_the_log_is_not_read_where_an_earlier_rule_decides(
    snapshot: DBClusterTypeDef, schedule: Schedule | ScheduleError, hold: Hold | None
) -> None:
    assert evidence_since(snapshot, schedule, hold, at("mon 20:00")) is None


def test_messages_are_matched_without_regard_to_case_and_the_final_stop() -> None:
    events: list[EventTypeDef] = [{"Date": at("mon 22:10"), "Message": "DB Cluster Started"}]
    assert decide(cluster(), WEEKDAYS, None, events, at("mon 22:15")).reason is Reason.CHANGED_BY_HAND


def test_other_events_say_nothing() -> None:
    other = (
        "DB cluster created.",
        "Completed failover to DB instance: reporting-1",
        "The DB cluster started something",
    )
    events: list[EventTypeDef] = [{"Date": at("mon 22:10"), "Message": message} for message in other]
    assert decide(cluster(), WEEKDAYS, None, [*events, {}], at("mon 22:15")).reason is Reason.SCHEDULED


def test_events_that_are_yet_to_come_say_nothing() -> None:
    assert decide(cluster(), WEEKDAYS, None, log("mon 22:10 started"), at("mon 18:00")).reason is Reason.SCHEDULED


# --- When the desired state may change next


def test_the_next_change_is_the_end_of_a_hold_in_force_else_the_next_transition() -> None:
    hold = Hold.parse("running until 2026-11-16T20:00Z", zone=BERLIN)
    assert next_change(WEEKDAYS, None, at("mon 12:00")) == at("mon 18:00")
    assert next_change(WEEKDAYS, hold, at("mon 12:00")) == at("mon 20:00")
    assert next_change(WEEKDAYS, hold, at("mon 20:00")) == at("tue 08:00")
    assert next_change(WEEKDAYS, Hold.parse("running", zone=BERLIN), at("mon 12:00")) is None
    assert next_change(Schedule.parse("always"), None, at("mon 12:00")) is None
