"""What is decided about one cluster: a test for each rule, the awkward histories as a table, then what is overdue."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from types_boto3_rds.type_defs import EventTypeDef

from office_hours.decision import Action, Call, Decision, Dispute, decide
from office_hours.settings import Cluster, Settings

WEEKDAYS = "mon-fri 08:00-18:00 UTC"
ALWAYS_BUT = "00:00-24:00 UTC closed=2040-01-01"
LATER = "08:00- UTC closed=1900-01-01:2026-11-30"

EVERY = timedelta(minutes=5)
MESSAGES = {
    "stopped": "DB cluster stopped.",
    "started": "DB cluster started.",
    "STARTED": "DB Cluster Started",
    "created": "DB cluster created.",
    "something": "The DB cluster started something",
    "failed": "DB cluster stop failed.",
    "failover": "Completed failover to DB instance: reporting-1",
    "restart": "DB cluster is being started due to it exceeding the maximum allowed time being stopped.",
}


def at(text: str) -> datetime:
    """An instant of the week that begins on Monday, 16 November 2026: `tue 18:05`, or `-fri 18:00` before it."""
    day, clock = text.split()
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(day[-3:]) - 7 * day.count("-")
    hours, minutes = clock.split(":")
    return datetime(2026, 11, 16, tzinfo=UTC) + timedelta(days=days, hours=int(hours), minutes=int(minutes))


def cluster(status: str = "available", /, tag: str = WEEKDAYS, hold: str | None = None, **members: object) -> Cluster:
    tags = {"office-hours": tag} | ({"office-hours-hold": hold} if hold else {})
    snapshot: Any = {
        "DBClusterIdentifier": "reporting",
        "Engine": "aurora-postgresql",
        "Status": status,
        "ClusterCreateTime": datetime(2024, 1, 1, tzinfo=UTC),
        "DBClusterMembers": [{"DBInstanceIdentifier": "reporting-1"}],
        "TagList": [{"Key": key, "Value": value} for key, value in tags.items()],
        **members,
    }
    return Settings().cluster("eu-west-1", snapshot)


def evidence(history: str) -> tuple[list[EventTypeDef], Call | None]:
    """RDS's events and CloudTrail's call, for a history such as `mon 18:05 stopped, mon 19:04 alice`.

    `alice` is a person who called, and `us` our own function.
    """
    events, call = list[EventTypeDef](), None
    for entry in history.split(", ") if " " in history else ():
        instant, _, what = entry.rpartition(" ")
        if what in MESSAGES:
            events.append({"Date": at(instant), "Message": MESSAGES[what], "SourceIdentifier": "reporting"})
        else:
            call = Call(at(instant), None if what == "us" else what)
    return events, call


def decided(
    of: Cluster, now: str | datetime, history: str = "", connections: int | None = None, every: timedelta = EVERY
) -> Decision:
    found = decide(of, at(now) if isinstance(now, str) else now)
    return found.settle(*evidence(history), connections, every) if isinstance(found, Dispute) else found


def said(decision: Decision) -> str:
    return f"{decision.action} {decision.reason}"


# --- Rules 2 to 4: what is never acted on


def test_what_is_ignored_is_left_whatever_its_hold_is() -> None:
    assert said(decided(cluster(tag="ignore", hold="up"), "mon 20:00")) == "leave ignored"


@pytest.mark.parametrize(("tags", "named"), [({"tag": "mno"}, '"mno"'), ({"hold": "up"}, '"up"')])
def test_a_tag_or_a_hold_that_cannot_be_read_leaves_the_cluster_alone(tags: dict[str, str], named: str) -> None:
    decision = decided(cluster(**tags), "mon 20:00")
    assert said(decision) == "leave invalid-tag"
    assert named in decision.message


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"Engine": "mysql"}, "not Aurora"),  # a Multi-AZ DB cluster
        ({"EngineMode": "serverless"}, "serverless"),
        ({"GlobalClusterIdentifier": "worldwide"}, "worldwide"),
        ({"ReplicationSourceIdentifier": "arn:aws:rds:us-east-1:123456789012:cluster:primary"}, "primary"),
        ({"ReadReplicaIdentifiers": ["arn:aws:rds:us-east-1:123456789012:cluster:replica"]}, "replica"),
    ],
    ids=str,
)
def test_a_cluster_that_cannot_be_stopped_is_ineligible_and_told_why(members: dict[str, Any], named: str) -> None:
    decision = decided(cluster(tag="never", **members), "mon 20:00")
    assert said(decision) == "leave ineligible"
    assert named in decision.message


@pytest.mark.parametrize(
    "members",
    [
        {"Engine": "aurora-mysql", "EngineMode": ""},
        {"GlobalClusterIdentifier": "", "ReplicationSourceIdentifier": "", "ReadReplicaIdentifiers": []},
        {"EngineMode": "provisioned", "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 8.0}},
    ],
)
def test_a_provisioned_cluster_and_serverless_v2_can_be_stopped(members: dict[str, Any]) -> None:
    assert decided(cluster(tag="never", **members), "mon 20:00").action is Action.STOP


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"Status": "backing-up"}, '"backing-up"'),
        ({"Status": ""}, '""'),
        ({"DBClusterMembers": []}, "no instances yet"),
    ],
)
def test_a_cluster_that_is_in_between_or_without_instances_is_busy(members: dict[str, Any], named: str) -> None:
    decision = decided(cluster(tag="never", **members), "mon 20:00")
    assert said(decision) == "leave busy"
    assert named in decision.message


@pytest.mark.parametrize(
    "status", ["inaccessible-encryption-credentials-recoverable", "incompatible-parameters", "failed", "storage-full"]
)
def test_a_status_that_does_not_pass_by_itself_needs_attention_also_under_a_hold(status: str) -> None:
    decision = decided(cluster(status, hold="stopped"), "mon 20:00")
    assert said(decision) == "leave needs-attention"
    assert status in decision.message


# --- Rule 5: a hold in force


@pytest.mark.parametrize("tag", [WEEKDAYS, f"{WEEKDAYS} enforced", "always", "never"])
@pytest.mark.parametrize("until", ["", " until 2026-11-16T21:00Z"])
def test_a_hold_in_force_is_followed_whatever_the_schedule_says(tag: str, until: str) -> None:
    assert said(decided(cluster(tag=tag, hold=f"running{until}"), "mon 20:59")) == "leave held"
    assert said(decided(cluster("stopped", tag=tag, hold=f"running{until}"), "mon 20:59")) == "start held"
    assert said(decided(cluster(tag=tag, hold=f"stopped{until}"), "mon 20:59")) == "stop held"


# --- Rules 6 and 7: as it should be, and whatever was done by hand


@pytest.mark.parametrize("of", [cluster("stopped"), cluster("stopped", tag=LATER)], ids=["stopped", "nothing yet"])
def test_a_cluster_in_its_desired_state_or_before_its_first_edge_is_left(of: Cluster) -> None:
    assert said(decided(of, "mon 20:00")) == "leave as-scheduled"


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (cluster(tag=f"{WEEKDAYS} enforced"), "stop enforced"),
        (cluster("stopped", tag="always"), "start enforced"),
        (cluster("modifying"), "leave busy"),
    ],
)
def test_what_is_enforced_or_busy_needs_no_evidence_and_without_it_is_not_overdue(of: Cluster, expected: str) -> None:
    found = decide(of, at("mon 19:00"))
    assert isinstance(found, Dispute)
    decision = found.settle(RuntimeError("it can't be read"), None, None, EVERY)
    assert (said(decision), decision.overdue) == (expected, False)


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (cluster(tag="ignore"), 'Its tag is "ignore": it is left alone, whatever happens to it.'),
        (cluster(tag="18:00-09:00 Japan"), "Running, as scheduled, until Tue 2026-11-17 09:00 Japan."),
        (cluster(tag="always"), "Running, as scheduled."),
        (cluster(tag="weekdays 08:00- UTC"), "Running, as scheduled."),
        (cluster(tag=LATER), "Running. Its schedule says nothing until Tue 2026-12-01 08:00 UTC."),
        (cluster(hold="running until 2026-11-16T20:00Z"), "Held running until Mon 2026-11-16 20:00 UTC."),
        (cluster(hold="stopped"), "Held stopped."),
        (cluster(tag="never"), 'Its tag is "never".'),
        (cluster("stopped"), "Its schedule says running since Mon 2026-11-16 08:00 UTC."),
        (cluster("stopped", tag=f"{WEEKDAYS} enforced"), 'Its schedule says running, and is "enforced".'),
        # A hold that is yet to begin, of a schedule that never changed.
        (cluster("stopped", tag=ALWAYS_BUT, hold="stopped from 2026-12-24"), "Its schedule says running."),
    ],
)
def test_its_sentence_says_why_and_until_when(of: Cluster, message: str) -> None:
    assert decided(of, "mon 12:00").message == message


# --- Rules 8 and 9: the awkward histories. Each cluster is not in the state that "mon-fri 08:00-18:00 UTC" asks for:
# --- the columns are the present, what is decided and why, the status, the evidence, and what happened.


def rows(table: str) -> list[Any]:
    """The lines of a table: the last column is the case's name."""
    lines = [line.split(" | ") for line in table.strip().splitlines() if not line.startswith("#")]
    return [pytest.param(*columns, id=name) for *columns, name in lines]


OUTCOMES = {"stop": "stop scheduled", "start": "start scheduled", "restarted": "stop auto-restarted"}
OUTCOMES |= {"by hand": "leave changed-by-hand", "busy": "leave busy"}
STATUSES = {"up": "available", "down": "stopped"}


HISTORIES = """
mon 18:00 | stop | up | - | closing time, nothing in the log
mon 08:00 | start | down | - | opening time, nothing in the log
mon 08:00 | start | down | -fri 18:06 stopped | opening time, stopped on Friday evening
mon 23:40 | stop | up | mon 08:04 started | a missed run is made good by a later one
# Changes that were under way when the transition came.
mon 08:05 | start | down | mon 08:03 stopped | a stop that ends just after the next start was due
mon 18:35 | stop | up | mon 18:29 started | a start that ends 29 minutes after closing
mon 22:15 | stop | up | mon 22:10 failover, mon 22:11 created, mon 22:12 something | events that say nothing
mon 22:15 | stop | up | mon 16:59 restart | an event more than an hour before the transition
# What people did.
mon 08:00 | start | down | mon 07:40 stopped | a stop by hand before opening
mon 12:15 | by hand | down | mon 08:06 started, mon 12:10 stopped | a stop by hand at noon
tue 08:00 | start | down | mon 12:10 stopped | the same at the next opening
mon 18:00 | stop | up | mon 17:40 started | a start by hand before closing
mon 22:15 | by hand | up | mon 18:06 stopped, mon 22:10 started | a start by hand at night
tue 18:00 | stop | up | mon 22:10 started | the same at the next closing
mon 18:35 | by hand | up | mon 18:30 STARTED | a start by hand at exactly half an hour, in other letters
mon 18:25 | by hand | up | mon 18:06 stopped, mon 18:20 started | a start by hand within half an hour of closing
mon 08:25 | by hand | down | mon 08:06 started, mon 08:20 stopped | a stop by hand within half an hour of opening
mon 22:10 | by hand | up | mon 18:06 stopped | a start by hand whose event is not there yet
mon 12:10 | by hand | down | mon 08:06 started | a stop by hand whose event is not there yet
mon 18:15 | stop | up | mon 17:45 stopped, mon 18:10 started | a stop by hand before closing, and a start
mon 18:20 | by hand | up | mon 18:00 stopped | a stop that ends at the very transition, and a start since
# AWS starts a cluster that was stopped for seven days.
sat 03:10 | restarted | up | sat 03:00 restart, sat 03:08 started | an automatic restart at the weekend
sat 03:10 | restarted | up | sat 03:00 restart | an automatic restart whose end is not logged yet
fri 18:45 | restarted | up | fri 17:55 restart, fri 18:40 started | an automatic restart across a transition
sat 11:05 | by hand | up | sat 03:00 restart, sat 03:15 stopped, sat 11:00 started | a restart, put right, and a start
sat 11:05 | by hand | up | sat 03:15 stopped, sat 11:00 started, sat 03:00 restart | the same, in a log out of order
mon 09:30 | by hand | down | mon 08:40 restart | a restart, and a stop that is not logged yet
# A stop that fails leaves the cluster available.
mon 18:20 | busy | up | mon 18:10 failed | a stop that failed ten minutes ago
mon 18:20 | busy | up | mon 18:10 failed, mon 18:15 failover | the same, and an event that says nothing
mon 18:40 | stop | up | mon 18:10 failed | a stop that failed half an hour ago
mon 18:36 | by hand | up | mon 18:06 stopped, mon 18:10 failed, mon 18:35 started | a failed stop, and a start since
mon 09:50 | by hand | down | mon 08:10 failed | a stop by hand, whose event is not there yet, after one that failed
mon 08:15 | by hand | down | mon 08:05 failed, mon 08:14 stopped | the same within half an hour, and it is there
mon 08:00 | start | down | mon 07:40 failed, mon 07:55 stopped | a stop that failed, and one before opening
# Rule 8.0: where CloudTrail knows a call.
mon 18:25 | by hand | up | mon 18:02 alice, mon 18:20 started | a start by hand two minutes after closing
mon 18:25 | by hand | up | mon 18:00 alice | a start by hand at the very closing
mon 18:45 | stop | up | mon 17:59 alice, mon 18:40 started | a start by hand just before closing
mon 21:00 | stop | up | mon 20:00 us, mon 18:06 stopped, mon 20:05 started | our start under a hold that was deleted
mon 12:10 | start | down | mon 12:00 us, mon 08:06 started | our stop, not in the log yet
mon 20:10 | by hand | up | mon 17:30 alice, mon 18:06 stopped, mon 20:05 started | a call older than the log's event
mon 20:10 | by hand | up | mon 16:30 alice, mon 19:05 started | a call too old to be the latest
mon 20:10 | by hand | up | mon 17:30 us, mon 18:06 stopped | the same, where the log doesn't tell the start
mon 18:25 | restarted | up | mon 18:02 alice, mon 18:06 restart, mon 18:20 started | an automatic restart after it
sat 11:10 | by hand | up | sat 11:00 alice, sat 03:00 restart | a start by hand after it, and a stop that isn't logged
mon 18:20 | busy | up | mon 18:02 alice, mon 18:10 failed | a stop that failed ten minutes ago
mon 18:45 | by hand | up | mon 18:02 alice, mon 18:10 failed | the same half an hour later: the start counts
mon 09:50 | by hand | down | mon 07:50 alice, mon 08:10 failed, mon 09:46 stopped | a stop after one that failed
mon 09:50 | by hand | down | mon 07:50 alice, mon 08:10 failed | the same, not in the log yet
"""


@pytest.mark.parametrize(("now", "expected", "status", "history"), rows(HISTORIES))
def test_history(now: str, expected: str, status: str, history: str) -> None:
    assert said(decided(cluster(STATUSES[status]), now, history)) == OUTCOMES[expected]


def test_who_made_a_change_is_told_where_it_is_known() -> None:
    started = decided(cluster(), "mon 19:10", "mon 19:02 alice")
    assert started.message.startswith("Started by alice on Mon 2026-11-16 19:02 UTC. Left running")
    stopped = decided(cluster("stopped"), "mon 12:10", "mon 12:04 bob")
    assert stopped.message.startswith("Stopped by bob on Mon 2026-11-16 12:04 UTC. Left stopped")
    assert (started.by, stopped.by) == ("alice", "bob")


def test_a_call_settles_what_is_older_than_the_event_log() -> None:
    closed, now = cluster(tag=f"{WEEKDAYS} closed=2026-11-07:2026-12-31"), datetime(2026, 12, 14, 12, tzinfo=UTC)
    assert said(decided(closed, now)) == "leave changed-by-hand"
    assert said(decided(closed, now, "-fri 17:30 alice")) == "leave changed-by-hand"
    assert said(decided(closed, now, "--fri 17:30 alice")) == "stop scheduled"  # before it was closed


# --- Rule 8a: in grace it waits for those who are connected, and what is not known counts as connected

GRACE = f"{WEEKDAYS} grace=2h"


@pytest.mark.parametrize(
    ("tag", "now", "most", "expected"),
    [
        (GRACE, "mon 18:00", 3, "leave in-use"),
        (GRACE, "mon 19:59", None, "leave in-use"),
        (GRACE, "mon 18:00", 0, "stop scheduled"),
        (GRACE, "mon 20:00", 3, "stop scheduled"),
        (f"{GRACE} enforced", "mon 18:00", 3, "leave in-use"),
        (f"{GRACE} enforced", "mon 20:00", 3, "stop enforced"),
        ("-18:00 UTC grace=90m", "mon 19:29", 1, "leave in-use"),
    ],
)
def test_a_stop_in_grace_waits_while_somebody_is_connected(tag: str, now: str, most: int | None, expected: str) -> None:
    assert said(decided(cluster(tag=tag), now, connections=most)) == expected


def test_grace_counts_from_the_end_of_a_hold_and_delays_no_hold() -> None:
    held = cluster(tag=GRACE, hold="running until 2026-11-16T21:00Z")
    in_use = decided(held, "mon 22:59")
    assert said(in_use) == "leave in-use"
    assert in_use.message.startswith("Its hold ended on Mon 2026-11-16 21:00 UTC"), "and not how many are connected"
    assert said(decided(held, "mon 23:00")) == "stop scheduled"
    assert said(decided(cluster(tag=GRACE, hold="stopped"), "mon 18:30")) == "stop held"


def test_what_a_person_or_aws_started_is_judged_before_its_grace() -> None:
    assert said(decided(cluster(tag=GRACE), "mon 19:10", "mon 19:02 alice")) == "leave changed-by-hand"
    assert said(decided(cluster(tag=GRACE), "sat 03:10", "sat 03:00 restart")) == "stop auto-restarted"
    assert said(decided(cluster("stopped", tag=GRACE), "mon 08:30")) == "start scheduled"


# --- What the event log cannot tell


def test_a_change_that_the_log_does_not_tell_of_yet_is_told_as_such() -> None:
    message = decided(cluster(), "mon 22:10", "mon 18:06 stopped").message
    assert message.startswith(
        "Started after Mon 2026-11-16 18:06 UTC, apparently by hand; RDS's event log is behind. Left"
    )


@pytest.mark.parametrize("created", ["mon 18:00", "mon 21:30"])
def test_a_cluster_created_since_the_transition_is_left_until_the_next(created: str) -> None:
    new = cluster(ClusterCreateTime=at(created))
    decision = decided(new, "mon 22:00")
    assert said(decision) == "leave changed-by-hand"
    assert decision.message.startswith("Created on ")
    assert decided(new, "tue 18:00").action is Action.STOP
    of_an_earlier_one = "mon 17:00 us, mon 17:50 restart"
    assert said(decided(new, "mon 22:00", of_an_earlier_one)) == "leave changed-by-hand"


def test_where_there_never_was_a_transition_a_stop_by_hand_is_respected() -> None:
    stopped = cluster("stopped", tag="00:00-24:00 UTC closed=2026-12-24:2026-12-26", ClusterCreateTime=None)
    assert said(decided(stopped, "mon 12:00", "mon 11:00 stopped")) == "leave changed-by-hand"
    assert said(decided(stopped, "mon 12:00", "mon 11:00 alice")) == "leave changed-by-hand"
    assert said(decided(stopped, "mon 12:00")) == "start scheduled"


# A transition that is older than the event log: closed since the 6th of November, or open since the 1st. RDS's log
# begins on the 14th.
CLOSED, OPEN = f"{WEEKDAYS} closed=2026-11-07:2026-11-30", "nov 00:00-24:00 UTC"
LONG_AFTER = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "tag", "history", "expected"),
    [
        ("available", CLOSED, "", "leave changed-by-hand"),
        ("available", f"{GRACE} closed=1900-01-01:2026-11-30", "", "leave changed-by-hand"),  # never a transition
        ("available", CLOSED, "thu 03:00 restart, thu 03:09 started", "stop auto-restarted"),
        ("stopped", OPEN, "", "start scheduled"),
        ("stopped", OPEN, "wed 12:00 stopped", "leave changed-by-hand"),
    ],
)
def test_a_transition_older_than_the_event_log(status: str, tag: str, history: str, expected: str) -> None:
    decision = decided(cluster(status, tag=tag), LONG_AFTER, history)
    assert said(decision) == expected
    if expected.startswith("leave") and not history:
        assert '{"clusters": ["reporting"]}' in decision.message  # how to stop it


# A hold that ended: started at 19:00, held running until 20:00. The end of the hold is a transition.
HELD = {"hold": "running until 2026-11-16T20:00Z"}
BY_HAND = "leave changed-by-hand"


@pytest.mark.parametrize(
    ("members", "now", "history", "expected", "is_told"),
    [
        ({}, "mon 20:00", "mon 18:06 stopped, mon 19:05 started", "stop scheduled", True),
        ({}, "mon 21:05", "mon 19:05 started, mon 20:06 stopped, mon 21:00 started", BY_HAND, False),
        ({}, "tue 18:00", "tue 08:06 started", "stop scheduled", False),  # it plays no part any more
        ({"ClusterCreateTime": at("mon 19:00")}, "mon 20:00", "", "stop scheduled", True),
        # One that is yet to come is none.
        ({"hold": "stopped from 2027-01-01 until 2027-01-04"}, "mon 22:15", "mon 22:10 started", BY_HAND, False),
    ],
)
def test_the_end_of_a_hold_counts_as_a_transition(
    members: dict[str, Any], now: str, history: str, expected: str, *, is_told: bool
) -> None:
    decision = decided(cluster(**HELD | members), now, history)
    assert (said(decision), "hold ended" in decision.message) == (expected, is_told)


# --- What evidence is needed


@pytest.mark.parametrize(
    ("of", "since"),
    [
        (cluster(), "mon 17:00"),
        (cluster(hold="running until 2026-11-16T18:45Z"), "mon 17:45"),
        (cluster(tag="never"), "mon 17:00"),  # for what is overdue: what no run can have missed, however rare they are
        (cluster("stopping"), None),
        (cluster(tag="never", ClusterCreateTime=at("mon 18:45")), None),  # no run has to have seen it yet
    ],
)
def test_evidence_begins_an_hour_before_what_changed_last_if_any_is_needed(of: Cluster, since: str | None) -> None:
    found = decide(of, at("mon 19:00"))
    assert (found.since if isinstance(found, Dispute) else None) == (at(since) if since else None)


# --- Overdue: runs are five minutes apart


def test_it_is_overdue_half_an_hour_or_two_runs_after_a_transition() -> None:
    assert [decided(cluster(), now).overdue for now in ("mon 17:59", "mon 18:29", "mon 18:31")] == [False, False, True]
    rare = timedelta(minutes=20)
    assert [decided(cluster(), now, every=rare).overdue for now in ("mon 18:39", "mon 18:41")] == [False, True]
    assert [decided(cluster("stopped"), now).overdue for now in ("mon 08:29", "mon 08:31")] == [False, True]


@pytest.mark.parametrize(
    ("of", "now", "expected"),
    [
        # What is there, on its way, or needs somebody for another reason that can be seen.
        *((cluster(status), "mon 19:00", False) for status in ("creating", "deleting", "starting", "stopping")),
        (cluster(DBClusterMembers=[]), "mon 19:00", False),
        (cluster(tag="x"), "mon 19:00", False),
        # What RDS is busy with counts as up.
        (cluster("modifying"), "mon 19:00", True),
        (cluster("modifying"), "mon 12:00", False),
        # Tags without a transition, and enforced ones.
        (cluster(tag="never"), "mon 12:00", True),
        (cluster(tag="never", ClusterCreateTime=at("mon 11:45")), "mon 12:00", False),
        (cluster(tag=f"{WEEKDAYS} enforced"), "mon 18:20", False),
        (cluster(tag=f"{WEEKDAYS} enforced"), "mon 18:40", True),
        # The end of a hold counts as a transition; a hold doesn't say since when it is there.
        (cluster(hold="running until 2026-11-16T20:00Z"), "mon 20:20", False),
        (cluster(hold="running until 2026-11-16T20:00Z"), "mon 20:40", True),
        (cluster(hold="stopped"), "mon 19:00", False),
        # Grace is no delay of ours.
        (cluster(tag=GRACE), "mon 20:20", False),
        (cluster(tag=GRACE), "mon 20:40", True),
        (cluster("modifying", tag=f"{GRACE} enforced"), "mon 20:20", False),
        (cluster("stopped", tag=GRACE), "mon 08:40", True),
    ],
)
def test_overdue(of: Cluster, now: str, *, expected: bool) -> None:
    assert decided(of, now).overdue is expected


@pytest.mark.parametrize(
    ("tag", "history", "expected"),
    [
        (WEEKDAYS, "mon 18:06 stopped, mon 18:58 restart", False),  # no run can have seen it
        ("never", "mon 18:59 started", False),
        ("never", "mon 18:20 started", True),
        (WEEKDAYS, "mon 18:55 failed", True),  # as stops do again and again
        (WEEKDAYS, "mon 18:06 stopped, mon 18:20 started", False),  # by hand
    ],
)
def test_overdue_by_what_the_log_says(tag: str, history: str, *, expected: bool) -> None:
    assert decided(cluster(tag=tag), "mon 19:00", history).overdue is expected
