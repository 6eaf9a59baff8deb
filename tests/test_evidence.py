"""Who changed what: RDS's event log and CloudTrail's event history in a run, at the wire.

The 23rd of November 2026 is a Monday.
"""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from aws_server import ACCESS_DENIED, ACCOUNT, HOME, THROTTLED, Account, Refusal, Rewritten, our_role
from invocation import Answer, Log, decisions, settings, start, stop
from office_hours.answer import RunError

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00"
CLOSING, EVENING = "2026-11-23T18:00:00Z", "2026-11-23T18:25:00Z"
STARTED, STOPPED = "DB cluster started.", "DB cluster stopped."
CHANGES = {"StopDBCluster", "StartDBCluster"}
LEFT, STOP = ("leave", "changed-by-hand"), ("stop", "scheduled")


def look_ups(account: Account, operation: str = "DescribeEvents") -> list[dict[str, str]]:
    return [call.parameters for call in account.calls if call.operation == operation]


def entry(answer: Answer) -> dict[str, Any]:
    (found,) = answer["clusters"]
    return dict(found)


# RDS's event log


def test_all_whose_transition_is_less_than_a_day_old_share_one_look_up_and_others_are_asked_for_by_name(
    account: Account,
) -> None:
    for number in range(120):
        account.add(f"c{number:03}", OFFICE)
    account.add("earlier", "mon-fri 08:00-16:00")
    account.add("weekend", "sun -06:00")
    account.add("friday", "fri -18:00")
    account.log("C003", STARTED, "2026-11-23T18:40:00Z")
    account.log("friday", STARTED, "2026-11-22T18:40:00Z")
    answer = decisions(stop("2026-11-23T19:00:00Z"))
    assert {name for name, decision in answer.items() if decision == LEFT} == {"c003", "friday"}
    assert account.named("DescribeEvents") == ["", "friday", "weekend"]
    shared = next(look_up for look_up in look_ups(account) if "SourceIdentifier" not in look_up)
    assert datetime.fromisoformat(shared["StartTime"]) == datetime.fromisoformat("2026-11-23T15:00:00Z")
    assert len(account.named("StopDBCluster")) == 121


def test_the_log_is_read_to_its_end_and_only_for_those_in_dispute(account: Account) -> None:
    for name, tag in {"due": OFFICE, "enforced": f"{OFFICE} enforced", "invalid": "mno"}.items():
        account.add(name, tag)
    account.add("as-scheduled", OFFICE, Status="stopped")
    account.add("busy", OFFICE, Status="modifying")
    for minute in range(60, 0, -1):
        for _ in range(3):
            account.log("enforced", "Something else.", f"2026-11-23T17:{minute - 1:02}:00Z")
    account.log("due", STARTED, "2026-11-23T18:01:00Z")
    account.log("due", STOPPED, "2026-11-23T18:00:30Z")
    assert decisions(stop("2026-11-23T18:05:00Z"))["due"] == LEFT
    assert account.named("DescribeEvents") == ["", ""]
    account.calls.clear()
    del account.clusters[HOME]["due"]
    stop("2026-11-23T18:05:00Z")
    assert "DescribeEvents" not in account.counts()
    stop("2026-11-23T19:00:00Z")  # when some of them may be overdue
    assert "LookupEvents" not in account.counts()


@pytest.mark.parametrize("event", [{}, {"time": "2026-11-13T20:00:00Z"}], ids=["now", "asked about the past"])
def test_events_older_than_rds_keeps_are_never_asked_for(account: Account, event: dict[str, str]) -> None:
    account.add("a", "1st-mon 08:00-18:00")
    stop("2026-11-23T20:00:00Z", event)
    oldest = datetime.fromisoformat("2026-11-23T20:00:00Z") - timedelta(days=14) + timedelta(hours=1)
    assert [datetime.fromisoformat(look_up["StartTime"]) for look_up in look_ups(account)] == [oldest]


def test_what_is_in_the_log_by_the_time_it_is_read_counts(account: Account) -> None:
    account.add("a", OFFICE)
    with time_machine.travel("2026-11-23T20:00:00Z", tick=False) as clock:
        account.before("DescribeDBClusters", lambda _: clock.move_to("2026-11-23T20:00:20Z"))
        account.log("a", STARTED, "2026-11-23T20:00:10Z")
        assert decisions(stop()) == {"a": LEFT}


def test_of_a_time_that_is_asked_about_later_events_dont_count(account: Account) -> None:
    account.add("a", OFFICE)
    account.log("a", STARTED, "2026-11-23T20:00:00Z")
    account.called("StartDBCluster", "a", "2026-11-23T19:55:00Z")
    assert decisions(stop("2026-11-23T21:00:00Z", {"time": "2026-11-23T19:00:00Z"})) == {"a": STOP}
    assert decisions(stop("2026-11-23T21:00:00Z", {"time": "2026-11-23T20:30:00Z"})) == {"a": LEFT}


def test_of_the_future_nothing_is_asked(account: Account, log: Log) -> None:
    account.add("a", OFFICE)
    assert decisions(stop(CLOSING, {"time": "2026-12-24T18:00:00Z"})) == {"a": STOP}
    assert account.counts() == {"DescribeDBClusters": 1}
    assert log.lines("WARNING") == []


def test_an_event_that_cannot_be_read_is_its_clusters_failure_alone(account: Account) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE)
    account.log("b", STARTED, "2026-11-23T18:01:00Z")
    account.fail("DescribeEvents", Rewritten(lambda body: body.replace(b"2026-11-23T18:01:00Z", b"the day before")))
    with pytest.raises(RunError, match=r"^1 failed and 1 clusters were handled(.|\n)*eu-west-1/b"):
        stop(EVENING)
    assert account.named("StopDBCluster") == ["a"]


# CloudWatch


GRACE, IN_USE = f"{OFFICE} grace=2h", ("leave", "in-use")


def test_it_stays_up_while_somebody_works(account: Account) -> None:
    """They are connected until 18:39, and CloudWatch is up to date."""
    account.add("a", GRACE)
    for minute in range(-30, 60):
        at = datetime.fromisoformat(CLOSING) + timedelta(minutes=minute)
        account.connected("a", at.isoformat(), 3 if minute < 40 else 0)
    found = entry(stop(CLOSING))
    assert (found["decision"], found["reason"]) == IN_USE
    assert "3 connected" in found["message"]
    assert "by Mon 2026-11-23 20:00 UTC at the latest" in found["message"]
    assert decisions(stop("2026-11-23T18:45:00Z")) == {"a": IN_USE}
    assert decisions(stop("2026-11-23T18:50:00Z")) == {"a": STOP}


@pytest.mark.parametrize("figures", ["none", "old", "refused"])
def test_without_figures_somebody_counts_as_connected_until_grace_ends(
    account: Account, log: Log, monkeypatch: pytest.MonkeyPatch, figures: str
) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"])
    for region in (HOME, "us-east-1"):
        account.add("a", GRACE, region=region)
        if figures != "none":
            account.connected("a", "2026-11-23T17:40:00Z", 0, region=region)
    if figures == "refused":
        account.fail("GetMetricData", ACCESS_DENIED)
    assert decisions(stop("2026-11-23T18:15:00Z")) == {"a": IN_USE}
    warnings = [line["message"] for line in log.lines("WARNING")]
    assert len(warnings) == (2 if figures == "refused" else 0)
    assert all("CloudWatch can't be read in" in each for each in warnings)
    assert decisions(stop("2026-11-23T20:00:00Z")) == {"a": STOP}


def test_cloudwatch_is_asked_once_a_region_and_only_for_stops_in_grace(account: Account) -> None:
    for number in range(501):
        account.add(f"c{number:03}", GRACE)
        account.connected(f"c{number:03}", "2026-11-23T18:20:00Z", number % 2)
    account.add("early", "mon-fri 08:00-20:00 grace=2h")
    account.add("plain", OFFICE)
    answer = decisions(stop(EVENING, {"dry_run": True}))
    assert {name for name, each in answer.items() if each == STOP} == {"plain", *(f"c{n:03}" for n in range(0, 501, 2))}
    asked = [json.loads(each["MetricDataQueries"]) for each in look_ups(account, "GetMetricData")]
    assert [len(queries) for queries in asked] == [500, 1]


def test_nobody_else_asks_cloudwatch(account: Account) -> None:
    account.add("a", GRACE)
    account.connected("a", "2026-11-23T18:20:00Z", 0)
    assert decisions(start(EVENING)) == {"a": IN_USE}
    assert decisions(stop(CLOSING, {"time": EVENING})) == {"a": IN_USE}
    assert decisions(stop("2026-11-23T20:00:00Z")) == {"a": STOP}
    assert "GetMetricData" not in account.counts()


# CloudTrail


ADMIN = f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/bob@example.com"


@pytest.mark.parametrize(
    ("call", "by"),
    [
        ({}, "alice"),
        ({"by": ADMIN}, "bob@example.com"),
        ({"by": our_role("start")}, None),
        ({"by": ADMIN, "user_agent": "aurora-office-hours botocore/1.42"}, None),
        ({"at": "2026-11-23T17:58:00Z"}, None),  # before closing
    ],
    ids=["a user", "a role", "our role", "our user agent", "before the transition"],
)
def test_a_call_of_ours_or_before_the_transition_is_undone_and_a_roles_session_is_named(
    account: Account, call: dict[str, Any], by: str | None
) -> None:
    account.add("a", OFFICE)
    account.log("a", STARTED, "2026-11-23T18:50:00Z")  # from which RDS's log alone concludes: by hand
    account.called("StartDBCluster", "a", **{"at": "2026-11-23T18:42:00Z", "by": "alice"} | call)
    found = entry(stop("2026-11-23T18:55:00Z"))
    assert (found["decision"], found.get("by")) == ("leave" if by else "stop", by)
    assert CHANGES.isdisjoint(account.counts()) is bool(by)


def test_a_call_that_failed_or_is_another_clusters_or_awss_own_doesnt_count(account: Account) -> None:
    account.add("a", OFFICE)
    account.called("StartDBCluster", "a", "2026-11-23T18:02:00Z", error="InvalidDBClusterStateFault")
    account.called("StartDBCluster", "b", "2026-11-23T18:02:00Z")
    account.called("StopDBCluster", "a", "2026-11-23T18:02:00Z")
    account.called("StartDBCluster", "a", "2026-11-23T18:03:00Z", by="rds.amazonaws.com")  # AWS's own restart
    assert decisions(stop(EVENING)) == {"a": STOP}


@pytest.mark.parametrize("fault", ["a later page", "the other direction", "a record that can't be read"])
def test_what_cloudtrail_said_counts_whatever_fails_after_it(account: Account, fault: str) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE)
    account.add("c", "mon-fri 18:00-22:00 UTC", Status="stopped")  # for which stops are looked up
    account.log("a", STOPPED, "2026-11-23T17:30:00Z")
    account.log("a", STARTED, "2026-11-23T18:12:00Z")  # from which RDS's log alone concludes: begun before closing time
    account.called("StartDBCluster", "a", "2026-11-23T18:02:00Z", by="alice")
    for number in range(60):
        account.called("StartDBCluster", f"other-{number}", "2026-11-23T18:01:00Z")
    if fault == "a later page":
        account.fail("LookupEvents", ACCESS_DENIED, NextToken="50")
    elif fault == "the other direction":
        account.before("LookupEvents", lambda call: ACCESS_DENIED if "StopDBCluster" in str(call.parameters) else None)
    else:
        account.trail[HOME][1]["requestParameters"] = "none"
    answer = stop("2026-11-23T18:40:00Z")
    assert {entry["cluster"]: entry.get("by") for entry in answer["clusters"]}["a"] == "alice"


def test_a_trail_that_is_cut_off_is_warned_of(account: Account, log: Log) -> None:
    account.add("a", OFFICE)
    for _ in range(501):
        account.called("StartDBCluster", "b", "2026-11-23T18:05:00Z", error="InvalidDBClusterStateFault")
    stop(EVENING)
    (warning,) = log.lines("WARNING")
    assert warning["message"].endswith("it has more than 500 calls of StartDBCluster")


@pytest.mark.parametrize(
    ("trouble", "warnings"),
    [("late", 0), ("off", 0), (ACCESS_DENIED, 2), (THROTTLED, 2)],
    ids=["late", "off", "denied", "throttled"],
)
def test_where_cloudtrail_doesnt_know_rdss_log_decides_and_each_region_warns_once(
    account: Account, log: Log, monkeypatch: pytest.MonkeyPatch, trouble: str | Refusal, warnings: int
) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"], cloudTrail=trouble != "off")
    for region in (HOME, "us-east-1"):
        for name in ("a", "b"):
            account.add(name, OFFICE, region=region)
            account.called("StartDBCluster", name, "2026-11-23T18:02:00Z", region=region)
        account.log("b", STARTED, "2026-11-23T18:35:00Z", region=region)
    if isinstance(trouble, Refusal):
        account.fail("LookupEvents", trouble)
    account.trail_delay = timedelta(hours=1)
    assert decisions(stop("2026-11-23T18:40:00Z")) == {"a": STOP, "b": LEFT}
    lines = [line["message"] for line in log.lines("WARNING")]
    assert len(lines) == warnings
    assert all("CloudTrail can't be read in" in line for line in lines)
    assert ("LookupEvents" in account.counts()) is (trouble != "off")


def test_cloudtrail_is_asked_once_a_region_and_direction(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"])
    for number in range(30):
        account.add(f"up{number}", OFFICE)
        account.add(f"down{number}", "mon-fri 17:00-23:00", Status="stopped")
    account.add("up", OFFICE, region="us-east-1")
    for number in range(120):
        account.called("StartDBCluster", "other", f"2026-11-23T18:{number % 20:02}:00Z")
    account.called("StartDBCluster", "up7", "2026-11-23T18:00:00Z")  # on the last page
    answer = decisions(stop(EVENING))
    assert {name for name, decision in answer.items() if decision == LEFT} == {"up7"}
    asked = [
        (call.region, json.loads(call.parameters["LookupAttributes"])[0]["AttributeValue"])
        for call in account.calls
        if call.operation == "LookupEvents" and "NextToken" not in call.parameters
    ]
    assert sorted(asked) == [(HOME, "StartDBCluster"), (HOME, "StopDBCluster"), ("us-east-1", "StartDBCluster")]


def test_cloudtrail_is_asked_for_no_more_than_it_keeps(account: Account, log: Log) -> None:
    account.add("a", "jan mon-fri 08:00-18:00")
    account.called("StartDBCluster", "a", "2026-09-10T10:00:00Z")
    assert entry(stop("2026-11-23T20:00:00Z"))["by"] == "alice"
    (asked,) = look_ups(account, "LookupEvents")
    oldest = datetime.fromisoformat("2026-11-23T20:00:00Z") - timedelta(days=90) + timedelta(hours=1)
    assert float(asked["StartTime"]) == oldest.timestamp()
    assert log.lines("WARNING") == []
