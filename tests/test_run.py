"""A run against RDS at the wire: what is listed, looked up and acted on, and what goes wrong.

The 23rd of November 2026 is a Monday.
"""

import itertools
import json
import threading
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from invocation import Answer, Context, Log, decisions, start, stop
from office_hours import rds, run
from office_hours.run import RunError
from rds_server import ACCESS_DENIED, HOME, INTERNAL_FAILURE, RESET, THROTTLED, Call, RdsServer, Refusal

pytest_plugins = ["rds_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00"
OPENING, NOON, CLOSING = "2026-11-23T08:00:00Z", "2026-11-23T12:00:00Z", "2026-11-23T18:00:00Z"
# Of a minute from closing on, what is left is too little to begin anything, and enough to end.
LATE = "2026-11-23T18:00:56Z"
STARTED = "DB cluster started."


def settings(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps(values))


# What is listed


@pytest.mark.parametrize(("clusters", "pages"), [(0, 1), (1, 1), (100, 1), (101, 2), (250, 3)])
def test_listing_takes_a_call_for_each_hundred_clusters(account: RdsServer, clusters: int, pages: int) -> None:
    for number in range(clusters):
        account.add(f"c{number:04}", OFFICE)
    answer = stop(NOON)
    assert len(answer["clusters"]) == clusters
    assert account.counts() == {"DescribeDBClusters": pages}


def test_clusters_on_every_page_are_acted_on(account: RdsServer) -> None:
    for number in range(250):
        account.add(f"c{number:03}", OFFICE if number % 50 == 0 else None)
    stop(CLOSING)
    assert account.named("StopDBCluster") == ["c000", "c050", "c100", "c150", "c200"]


def test_a_cluster_that_comes_between_two_pages_makes_none_count_twice(account: RdsServer) -> None:
    for number in range(150):
        account.add(f"c{number:03}", f"{OFFICE} enforced")
    account.before("DescribeDBClusters", lambda _: account.add("a", "always"), Marker="100")
    answer = stop(CLOSING)
    assert [entry["cluster"] for entry in answer["clusters"]] == [f"c{number:03}" for number in range(150)]
    assert account.named("StopDBCluster") == [f"c{number:03}" for number in range(150)]


def test_only_aurora_engines_are_asked_for(account: RdsServer) -> None:
    account.add("a-mysql", OFFICE, Engine="aurora-mysql")
    account.add("a-postgres", OFFICE, Engine="aurora-postgresql")
    for engine in ("mysql", "postgres", "neptune", "docdb"):
        account.add(engine, OFFICE, Engine=engine)
    assert decisions(stop(CLOSING)) == {"a-mysql": ("stop", "scheduled"), "a-postgres": ("stop", "scheduled")}
    (listing,) = (call.parameters for call in account.calls if call.operation == "DescribeDBClusters")
    assert {value for key, value in listing.items() if "Values" in key} == {"aurora-mysql", "aurora-postgresql"}


def test_a_cluster_without_the_tag_is_not_listed(account: RdsServer) -> None:
    account.add("untagged", TagList=[{"Key": "team", "Value": OFFICE}])
    assert stop(CLOSING)["clusters"] == []
    assert account.counts() == {"DescribeDBClusters": 1}


def test_a_near_miss_of_the_tag_is_listed_and_left(account: RdsServer) -> None:
    account.add("a", TagList=[{"Key": "Office_Hours", "Value": OFFICE}])
    answer = stop(CLOSING)
    assert decisions(answer) == {"a": ("leave", "invalid-tag")}
    assert "Office_Hours" in answer["clusters"][0]["message"]
    assert account.counts() == {"DescribeDBClusters": 1}


# What is looked up


def test_events_are_looked_up_once_for_each_cluster_that_may_have_been_changed_by_hand(account: RdsServer) -> None:
    account.add("due-1", OFFICE)
    account.add("due-2", "mon-fri 09:00-17:00")
    account.add("as-scheduled", OFFICE, Status="stopped")
    account.add("enforced", f"{OFFICE} enforced")
    account.add("never", "never")
    account.add(
        "held", TagList=[{"Key": "office-hours", "Value": OFFICE}, {"Key": "office-hours-hold", "Value": "stopped"}]
    )
    account.add("busy", OFFICE, Status="modifying")
    account.add("ineligible", OFFICE, GlobalClusterIdentifier="world")
    account.add("invalid", "mno-fri 08:00-18:00")
    account.add("new", OFFICE, DBClusterMembers=[])
    assert decisions(stop(CLOSING)) == {
        "due-1": ("stop", "scheduled"),
        "due-2": ("stop", "scheduled"),
        "as-scheduled": ("leave", "as-scheduled"),
        "enforced": ("stop", "enforced"),
        "never": ("stop", "enforced"),
        "held": ("stop", "held"),
        "busy": ("leave", "busy"),
        "ineligible": ("leave", "ineligible"),
        "invalid": ("leave", "invalid-tag"),
        "new": ("leave", "busy"),
    }
    assert account.named("DescribeEvents") == ["due-1", "due-2"]
    assert account.named("StopDBCluster") == ["due-1", "due-2", "enforced", "held", "never"]
    assert account.counts() == {"DescribeDBClusters": 1, "DescribeEvents": 2, "StopDBCluster": 5}


def test_events_are_read_from_an_hour_before_the_transition(account: RdsServer) -> None:
    account.add("a", OFFICE)
    stop("2026-11-23T20:00:00Z")
    (look_up,) = (call.parameters for call in account.calls if call.operation == "DescribeEvents")
    assert datetime.fromisoformat(look_up["StartTime"]) == datetime(2026, 11, 23, 17, tzinfo=UTC)
    assert datetime.fromisoformat(look_up["EndTime"]) >= datetime(2026, 11, 23, 20, tzinfo=UTC)


@pytest.mark.parametrize("event", [{}, {"time": "2026-11-13T20:00:00Z"}], ids=["now", "asked about the past"])
def test_events_older_than_rds_keeps_are_never_asked_for(account: RdsServer, event: dict[str, str]) -> None:
    account.add("a", "1st-mon 08:00-18:00")
    stop("2026-11-23T20:00:00Z", event)
    (look_up,) = (call.parameters for call in account.calls if call.operation == "DescribeEvents")
    oldest = datetime(2026, 11, 23, 20, tzinfo=UTC) - timedelta(days=14) + timedelta(hours=1)
    assert datetime.fromisoformat(look_up["StartTime"]) == oldest


def test_the_event_log_is_read_to_its_end(account: RdsServer) -> None:
    account.add("a", OFFICE)
    for minute in range(120):
        account.log("a", "Something else.", f"2026-11-23T{18 + minute // 60}:{minute % 60:02}:00Z")
    account.log("a", STARTED, "2026-11-23T20:30:00Z")
    assert decisions(stop("2026-11-23T21:00:00Z")) == {"a": ("leave", "changed-by-hand")}


def test_a_cluster_that_was_started_by_hand_after_closing_is_left(account: RdsServer) -> None:
    account.add("a", OFFICE)
    account.log("a", STARTED, "2026-11-23T20:00:00Z")
    assert decisions(stop("2026-11-23T20:05:00Z")) == {"a": ("leave", "changed-by-hand")}
    assert "StopDBCluster" not in account.counts()


def test_a_cluster_that_aws_started_after_seven_days_is_stopped_again(account: RdsServer) -> None:
    account.add("a", "-18:00")
    restart = "DB cluster is being started due to it exceeding the maximum allowed time being stopped."
    account.log("a", restart, "2026-11-23T20:00:00Z")
    account.log("a", STARTED, "2026-11-23T20:10:00Z")
    assert decisions(stop("2026-11-23T20:15:00Z")) == {"a": ("stop", "auto-restarted")}
    assert account.named("StopDBCluster") == ["a"]


# What is acted on


def test_a_cluster_is_stopped_at_closing_and_the_next_runs_leave_it(account: RdsServer) -> None:
    account.add("a", OFFICE)
    assert decisions(stop("2026-11-23T17:55:00Z")) == {"a": ("leave", "as-scheduled")}
    assert decisions(stop("2026-11-23T18:00:00Z")) == {"a": ("stop", "scheduled")}
    assert decisions(stop("2026-11-23T18:05:00Z")) == {"a": ("leave", "busy")}
    account.settle("2026-11-23T18:08:00Z")
    assert decisions(stop("2026-11-23T18:10:00Z")) == {"a": ("leave", "as-scheduled")}
    assert account.named("StopDBCluster") == ["a"]


def test_a_cluster_is_started_at_opening_and_the_next_runs_leave_it(account: RdsServer) -> None:
    account.add("a", OFFICE, Status="stopped")
    assert decisions(start("2026-11-23T07:55:00Z")) == {"a": ("leave", "as-scheduled")}
    assert decisions(start("2026-11-23T08:00:00Z")) == {"a": ("start", "scheduled")}
    assert decisions(start("2026-11-23T08:05:00Z")) == {"a": ("leave", "busy")}
    account.settle("2026-11-23T08:08:00Z")
    assert decisions(start("2026-11-23T08:10:00Z")) == {"a": ("leave", "as-scheduled")}
    assert account.named("StartDBCluster") == ["a"]


def test_a_missed_run_is_made_good_by_a_later_one(account: RdsServer) -> None:
    account.add("a", OFFICE)
    assert decisions(stop("2026-11-24T02:35:00Z")) == {"a": ("stop", "scheduled")}
    assert account.named("StopDBCluster") == ["a"]


@pytest.mark.parametrize(
    ("run", "at", "status", "decision"),
    [(stop, OPENING, "stopped", "start"), (start, CLOSING, "available", "stop")],
)
def test_what_the_other_function_is_to_do_is_listed_and_not_done(
    account: RdsServer, run: Callable[[str], Answer], at: str, status: str, decision: str
) -> None:
    account.add("a", OFFICE, Status=status)
    answer = run(at)
    assert decisions(answer) == {"a": (decision, "scheduled")}
    assert f"{decision} function" in answer["clusters"][0]["message"]
    assert not {"StopDBCluster", "StartDBCluster"} & account.counts().keys()


def test_a_dry_run_decides_and_changes_nothing(account: RdsServer) -> None:
    account.add("a", OFFICE)
    assert decisions(stop(CLOSING, {"dry_run": True})) == {"a": ("stop", "scheduled")}
    assert account.counts() == {"DescribeDBClusters": 1, "DescribeEvents": 1}


def test_a_time_is_decided_for_and_nothing_is_changed(account: RdsServer) -> None:
    account.add("a", OFFICE)
    assert decisions(stop(NOON, {"time": "2026-11-24T18:00:00Z"})) == {"a": ("stop", "scheduled")}
    assert "StopDBCluster" not in account.counts()


def test_events_that_have_not_happened_yet_are_not_asked_for(account: RdsServer) -> None:
    account.add("a", OFFICE)
    stop(NOON, {"time": "2026-12-24T18:00:00Z"})
    for look_up in (call.parameters for call in account.calls if call.operation == "DescribeEvents"):
        assert datetime.fromisoformat(look_up["StartTime"]) < datetime.fromisoformat(NOON)


def test_the_maintenance_window_is_the_clusters_own(account: RdsServer) -> None:
    members = {"Status": "stopped", "PreferredMaintenanceWindow": "sun:05:00-sun:06:00"}
    account.add("maintained", f"{OFFICE} maintenance", **members)
    account.add("not", OFFICE, **members)
    reached = decisions(start("2026-11-22T04:50:00Z"))
    assert reached == {"maintained": ("start", "scheduled"), "not": ("leave", "as-scheduled")}


def test_actions_go_out_side_by_side(account: RdsServer) -> None:
    # Nobody is answered before eight have asked: one after the other, they would wait for ever.
    together = threading.Barrier(8, timeout=5)
    account.before("StopDBCluster", lambda _: together.wait())
    for number in range(16):
        account.add(f"c{number}", f"{OFFICE} enforced")
    stop(CLOSING)
    assert account.counts() == {"DescribeDBClusters": 1, "StopDBCluster": 16}
    assert not together.broken


def test_no_more_actions_are_under_way_than_there_are_connections(
    account: RdsServer, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(100):
        account.add(f"c{number}", f"{OFFICE} enforced")
    stop(CLOSING)
    assert account.counts()["StopDBCluster"] == 100
    assert "Connection pool is full" not in caplog.text


# Settings


def test_the_tags_key_is_a_setting(account: RdsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, tagKey="uptime")
    account.add("mine", TagList=[{"Key": "uptime", "Value": OFFICE}, {"Key": "uptime-hold", "Value": "stopped"}])
    account.add("not", OFFICE)
    assert decisions(stop(NOON)) == {"mine": ("stop", "held")}


def test_the_default_zone_is_a_setting(account: RdsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, defaultZone="America/New_York")
    account.add("a", OFFICE)
    assert decisions(stop("2026-11-23T22:59:00Z")) == {"a": ("leave", "as-scheduled")}
    assert decisions(stop("2026-11-23T23:00:00Z")) == {"a": ("stop", "scheduled")}


def test_named_schedules_and_calendars_are_settings(account: RdsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    calendars = {"works-outing": ["2026-11-23", "2026-12-24:2026-12-31"]}
    settings(monkeypatch, schedules={"berlin": f"{OFFICE} Europe/Berlin"}, calendars=calendars)
    account.add("named", "berlin")
    account.add("closed", f"{OFFICE} holidays=works-outing")
    account.add("open", OFFICE)
    reached = decisions(stop("2026-11-23T17:00:00Z", {"dry_run": True}))
    assert reached == {
        "named": ("stop", "scheduled"),
        "closed": ("stop", "scheduled"),
        "open": ("leave", "as-scheduled"),
    }


# Regions


def test_every_region_of_the_settings_is_handled(account: RdsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=["us-east-1", "eu-west-1"])
    account.add("b", OFFICE, region="eu-west-1")
    account.add("a", OFFICE, region="us-east-1")
    account.add("a", OFFICE, region="eu-west-1")
    account.add("a", OFFICE, region="ap-south-1")
    entries = stop(CLOSING)["clusters"]
    in_order = [("eu-west-1", "a"), ("eu-west-1", "b"), ("us-east-1", "a")]
    assert [(entry["region"], entry["cluster"]) for entry in entries] == in_order
    assert sorted((c.region, c.cluster) for c in account.calls if c.operation == "StopDBCluster") == in_order


def test_without_regions_it_is_the_functions_own(account: RdsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=[])
    stop(CLOSING)
    assert [(call.operation, call.region) for call in account.calls] == [("DescribeDBClusters", HOME)]


def test_a_star_is_every_region_that_the_account_has_enabled(
    account: RdsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, regions=["*"])
    account.enabled_regions = ["ap-south-1", "eu-west-1", "us-east-1"]
    stop(CLOSING)
    listed = sorted(call.region for call in account.calls if call.operation == "DescribeDBClusters")
    assert listed == ["ap-south-1", "eu-west-1", "us-east-1"]


def test_a_region_that_is_slow_does_not_hold_up_another(account: RdsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=["eu-west-1", "us-east-1"])
    account.add("slow", f"{OFFICE} enforced", region="eu-west-1")
    account.add("quick", f"{OFFICE} enforced", region="us-east-1")
    quick_is_stopped = threading.Event()
    in_time = []
    account.before("DescribeDBClusters", lambda _: in_time.append(quick_is_stopped.wait(5)), region="eu-west-1")
    account.before("StopDBCluster", lambda _: quick_is_stopped.set(), cluster="quick")
    stop(CLOSING)
    assert in_time == [True]
    assert account.named("StopDBCluster") == ["quick", "slow"]


def test_a_region_that_fails_does_not_stop_another(account: RdsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=["eu-west-1", "us-east-1"])
    account.add("a", OFFICE, region="us-east-1")
    account.fail("DescribeDBClusters", ACCESS_DENIED, region="eu-west-1")
    with pytest.raises(RunError, match=r"eu-west-1") as caught:
        stop(CLOSING)
    assert "us-east-1" not in str(caught.value)
    assert account.named("StopDBCluster") == ["a"]


def test_regions_that_cannot_be_listed_are_an_error(account: RdsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=["*"])
    account.fail("ListRegions", Refusal("AccessDeniedException", "Not authorized.", status=403))
    with pytest.raises(RunError):
        stop(CLOSING)
    assert set(account.counts()) == {"ListRegions"}


# What goes wrong


def test_a_bad_tag_is_nobody_elses_case(account: RdsServer) -> None:
    account.add("bad", "mno-fri 08:00-18:00")
    account.add("good", OFFICE)
    answer = stop(CLOSING)
    assert decisions(answer) == {"bad": ("leave", "invalid-tag"), "good": ("stop", "scheduled")}
    assert 'did you mean "mon"' in answer["clusters"][0]["message"]


def test_a_bad_hold_is_left_and_named(account: RdsServer) -> None:
    tags = [{"Key": "office-hours", "Value": OFFICE}, {"Key": "office-hours-hold", "Value": "paused"}]
    account.add("bad", TagList=tags)
    answer = stop(CLOSING)
    assert decisions(answer) == {"bad": ("leave", "invalid-tag")}
    assert '"paused"' in answer["clusters"][0]["message"]


@pytest.mark.parametrize(
    ("meanwhile", "code"),
    [
        (lambda account: account.clusters[HOME].pop("a"), "DBClusterNotFoundFault"),
        (lambda account: account.clusters[HOME]["a"].update(Status="stopping"), "InvalidDBClusterStateFault"),
    ],
    ids=["vanished", "changed state"],
)
def test_a_cluster_that_is_not_as_it_was_listed_is_harmless(
    account: RdsServer, log: Log, meanwhile: Callable[[RdsServer], object], code: str
) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE)
    account.before("StopDBCluster", lambda _: meanwhile(account), cluster="a")
    answer = stop(CLOSING)
    assert account.named("StopDBCluster") == ["a", "b"]
    assert code in answer["clusters"][0]["error"]
    assert "error" not in answer["clusters"][1]
    (line,) = log.lines("WARNING")
    assert (line["cluster"], line["error_code"]) == ("a", code)
    assert log.lines("ERROR") == []


@pytest.mark.parametrize("code", rds.HARMLESS)
def test_each_harmless_refusal_is_one_that_rds_knows_and_is_explained(account: RdsServer, code: str) -> None:
    modelled = account.model.operation_model("StopDBCluster").error_shapes
    assert code in {error.metadata["error"]["code"] for error in modelled}
    account.add("a", OFFICE)
    account.fail("StopDBCluster", Refusal(code, "In RDS's words."))
    (entry,) = stop(CLOSING)["clusters"]
    assert entry["error"] == f"{code}: In RDS's words."
    assert rds.HARMLESS[code] in entry["message"]


@pytest.mark.parametrize("operation", ["StopDBCluster", "DescribeEvents"])
def test_access_denied_on_one_cluster_fails_the_run_after_the_others(account: RdsServer, operation: str) -> None:
    for name in ("a", "b", "c"):
        account.add(name, OFFICE)
    account.fail(operation, ACCESS_DENIED, cluster="b")
    with pytest.raises(RunError, match=r"^1 .*\neu-west-1/b: AccessDenied"):
        stop(CLOSING)
    assert {name for name, c in account.clusters[HOME].items() if c["Status"] == "stopping"} == {"a", "c"}


def test_a_cluster_whose_events_cannot_be_read_is_not_acted_on(account: RdsServer) -> None:
    account.add("a", OFFICE)
    account.fail("DescribeEvents", ACCESS_DENIED)
    with pytest.raises(RunError):
        stop(CLOSING)
    assert "StopDBCluster" not in account.counts()


def test_throttled_calls_are_made_again_until_all_is_done(account: RdsServer) -> None:
    for number in range(30):
        account.add(f"c{number:02}", OFFICE)
    account.fail("DescribeDBClusters", THROTTLED, times=2)
    account.fail("DescribeEvents", THROTTLED, every=3)
    account.fail("StopDBCluster", THROTTLED, every=3)
    stop(CLOSING)
    assert {cluster["Status"] for cluster in account.clusters[HOME].values()} == {"stopping"}
    assert account.counts() == {"DescribeDBClusters": 3, "DescribeEvents": 1, "StopDBCluster": 44}


@pytest.mark.parametrize("fault", [INTERNAL_FAILURE, RESET], ids=["500", "reset"])
@pytest.mark.parametrize("operation", ["DescribeDBClusters", "DescribeEvents", "StopDBCluster"])
def test_what_passes_is_tried_again(account: RdsServer, operation: str, fault: Refusal) -> None:
    account.add("a", OFFICE)
    account.fail(operation, fault, times=2)
    stop(CLOSING)
    assert account.counts() == {"DescribeDBClusters": 1, "DescribeEvents": 1, "StopDBCluster": 1} | {operation: 3}


@pytest.mark.parametrize("fault", [THROTTLED, INTERNAL_FAILURE, RESET], ids=["throttled", "500", "reset"])
def test_what_does_not_pass_is_given_up_and_named(account: RdsServer, fault: Refusal) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE)
    account.fail("StopDBCluster", fault, cluster="a")
    with pytest.raises(RunError, match=r"eu-west-1/a\b"):
        stop(CLOSING)
    assert account.named("StopDBCluster") == ["a"] * 8 + ["b"]


def test_a_stop_whose_answer_was_lost_is_logged_as_any_other(account: RdsServer, log: Log) -> None:
    cluster = account.add("a", OFFICE)

    def carry_out_in_silence(_: Call) -> Refusal | None:
        if cluster["Status"] == "stopping":
            return None
        cluster["Status"] = "stopping"
        return RESET

    account.before("StopDBCluster", carry_out_in_silence)
    (entry,) = stop(CLOSING)["clusters"]
    assert "error" not in entry
    (line,) = (line for line in log.lines("INFO") if "db_cluster" in line)
    assert (line["cluster"], line["db_cluster"]["Status"]) == ("a", "stopping")
    assert account.counts()["DescribeDBClusters"] == 2


def test_a_refusal_after_a_lost_answer_stays_a_refusal_where_nothing_is_under_way(account: RdsServer) -> None:
    account.add("a", OFFICE)
    account.fail("StopDBCluster", RESET, times=1)
    account.fail("StopDBCluster", Refusal("InvalidDBClusterStateFault", "Not now."))
    (entry,) = stop(CLOSING)["clusters"]
    assert entry["error"] == "InvalidDBClusterStateFault: Not now."


def test_a_page_that_fails_leaves_the_clusters_before_it_handled(account: RdsServer, log: Log) -> None:
    for number in range(150):
        account.add(f"c{number:03}", OFFICE if number in (7, 120) else None)
    account.fail("DescribeDBClusters", ACCESS_DENIED, Marker="100")
    with pytest.raises(RunError, match=HOME):
        stop(CLOSING)
    assert account.named("StopDBCluster") == ["c007"]
    assert log.lines()[-1]["counts"] == {"scheduled": 1}


def test_a_page_that_is_no_page_leaves_the_clusters_before_it_handled(account: RdsServer) -> None:
    for number in range(150):
        account.add(f"c{number:03}", OFFICE if number in (7, 120) else None)
    account.fail("DescribeDBClusters", Refusal("", "Some proxy's own words.", status=200), Marker="100")
    with pytest.raises(RunError, match=r"^1 failed and 1 clusters were handled"):
        stop(CLOSING)
    assert account.named("StopDBCluster") == ["c007"]


def test_every_failure_is_named_and_counted(account: RdsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=["eu-west-1", "us-east-1", "us-west-2"])
    for name in ("a", "b", "c"):
        account.add(name, OFFICE)
    account.add("d", OFFICE, region="us-west-2")
    account.fail("StopDBCluster", ACCESS_DENIED, cluster="a")
    account.fail("StopDBCluster", ACCESS_DENIED, cluster="d")
    account.fail("DescribeDBClusters", ACCESS_DENIED, region="us-east-1")
    with pytest.raises(RunError) as caught:
        stop(CLOSING)
    sentence = str(caught.value)
    assert "2" in sentence
    assert "1" in sentence
    for name in ("eu-west-1/a", "us-west-2/d", "us-east-1"):
        assert name in sentence
    for name in ("eu-west-1/b", "eu-west-1/c"):
        assert name not in sentence


@pytest.mark.parametrize("refused", [None, "c007"])
def test_a_bad_day_costs_no_cluster_but_the_one_that_is_refused(
    account: RdsServer, log: Log, refused: str | None
) -> None:
    names = [f"c{number:03}" for number in range(250)]
    for number, name in enumerate(names):
        account.add(name, OFFICE if number % 4 == 3 else f"{OFFICE} enforced" if number % 4 == 2 else None)
    for operation in ("DescribeDBClusters", "DescribeEvents", "StopDBCluster"):
        # So rare that no call meets eight in a row, which is when one is given up.
        account.fail(operation, THROTTLED, every=17)
        account.fail(operation, RESET, every=23)
        account.fail(operation, INTERNAL_FAILURE, every=29)
    account.fail("StopDBCluster", ACCESS_DENIED, cluster=refused or "nobody")
    with pytest.raises(RunError, match=r"^1 .*\n.*c007") if refused else nullcontext():
        stop(CLOSING)
    due = {name for name in names[2::4] + names[3::4] if name != refused}
    assert {name for name, cluster in account.clusters[HOME].items() if cluster["Status"] == "stopping"} == due
    assert sorted(line["db_cluster"]["DBClusterIdentifier"] for line in log.lines() if "db_cluster" in line) == sorted(
        due
    )


# When there is no time left


def test_no_action_is_begun_when_the_functions_time_runs_out(account: RdsServer) -> None:
    account.add("a", OFFICE)
    with time_machine.travel(CLOSING, tick=False) as clock:
        account.before("DescribeEvents", lambda _: clock.move_to(LATE))
        answer = stop(context=Context(remaining=60_000))
    assert "StopDBCluster" not in account.counts()
    assert decisions(answer) == {"a": ("stop", "scheduled")}
    assert "next run" in answer["clusters"][0]["message"]


def test_what_is_listed_when_the_functions_time_runs_out_is_left_for_the_next_run(account: RdsServer) -> None:
    for name in ("a", "b", "c"):
        account.add(name, f"{OFFICE} enforced")
    with time_machine.travel(CLOSING, tick=False) as clock:
        account.before("DescribeDBClusters", lambda _: clock.move_to(LATE))
        answer = stop(context=Context(remaining=60_000))
    assert account.counts() == {"DescribeDBClusters": 1}
    assert decisions(answer) == dict.fromkeys(("a", "b", "c"), ("stop", "enforced"))


def test_clusters_that_could_not_be_listed_in_time_are_a_failure(account: RdsServer) -> None:
    for number in range(101):
        account.add(f"c{number:03}", f"{OFFICE} enforced")
    with time_machine.travel(CLOSING, tick=False) as clock:
        account.before("DescribeDBClusters", lambda _: clock.move_to(LATE))
        with pytest.raises(RunError, match=r"^1 .*\n.*eu-west-1"):
            stop(context=Context(remaining=60_000))
    assert account.counts() == {"DescribeDBClusters": 1}


def test_what_was_not_begun_in_time_is_done_by_the_next_run(account: RdsServer) -> None:
    for number in range(40):
        account.add(f"c{number:02}", OFFICE)
    with time_machine.travel(CLOSING, tick=False) as clock:
        account.before("StopDBCluster", lambda _: clock.move_to(LATE))
        stop(context=Context(remaining=60_000))
    assert 1 <= account.counts()["StopDBCluster"] <= 16
    stop("2026-11-23T18:05:00Z")
    assert account.counts()["StopDBCluster"] == 40


def test_a_region_that_hangs_is_named_before_the_functions_time_is_up(
    account: RdsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, regions=["us-east-1"])
    over = threading.Event()
    account.before("DescribeDBClusters", lambda _: over.wait(5))
    with pytest.raises(RunError, match=r"^1 .*\n.*us-east-1"):
        stop(CLOSING, context=Context(remaining=0))
    over.set()


def test_what_a_region_did_before_it_hung_is_counted(account: RdsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        account.add(name, "never")
    over, two_are_done = threading.Event(), threading.Event()
    account.before("StopDBCluster", lambda call: over.wait(20) if call.cluster == "c" else None)
    handle, finished = run._do_one, itertools.count(1)  # noqa: SLF001

    def handle_and_tell(*arguments: Any) -> None:  # noqa: ANN401  whatever the function takes
        handle(*arguments)
        if next(finished) == 2:
            two_are_done.set()

    def time_is_up(regions: Iterable[object], **_: object) -> tuple[set[object], set[object]]:
        assert two_are_done.wait(20)
        return set(), set(regions)

    monkeypatch.setattr(run, "_do_one", handle_and_tell)
    monkeypatch.setattr("concurrent.futures.wait", time_is_up)
    with pytest.raises(RunError, match=r"^1 failed and 2 clusters were handled(.|\n)*eu-west-1"):
        stop(CLOSING)
    over.set()


def test_no_action_is_begun_once_the_next_transition_has_passed(account: RdsServer) -> None:
    account.add("brief", "daily 08:00-18:00 18:10-22:00 enforced")
    account.add("long", "daily 08:00-18:00 18:11-22:00 enforced")
    with time_machine.travel(CLOSING, tick=False) as clock:
        account.before("DescribeDBClusters", lambda _: clock.move_to("2026-11-23T18:10:00Z"))
        answer = stop(context=Context(remaining=900_000))
    assert account.named("StopDBCluster") == ["long"]
    assert "next run" in answer["clusters"][0]["message"]


def test_no_attempt_is_made_again_once_the_next_transition_has_passed(account: RdsServer) -> None:
    account.add("a", "daily 08:00-18:00 18:10-22:00 enforced")
    with time_machine.travel("2026-11-23T18:09:50Z", tick=False) as clock:
        account.before("StopDBCluster", lambda _: clock.shift(30))
        account.fail("StopDBCluster", THROTTLED, times=1)
        with pytest.raises(RunError, match="too late to send it again"):
            stop(context=Context(remaining=900_000))
    assert account.named("StopDBCluster") == ["a"]
    assert account.clusters[HOME]["a"]["Status"] == "available"


def test_all_of_a_run_is_decided_for_the_instant_at_which_it_began(account: RdsServer) -> None:
    account.add("a", "mon-fri 08:00-18:01 enforced")
    with time_machine.travel(CLOSING, tick=False) as clock:
        account.before("DescribeDBClusters", lambda _: clock.shift(60))
        answer = stop(context=Context(remaining=900_000))
    assert (answer["time"], decisions(answer)) == (CLOSING, {"a": ("leave", "as-scheduled")})
