"""A run against RDS at the wire: what is listed, looked up and acted on, and what goes wrong.

The 23rd of November 2026 is a Monday.
"""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from aws_server import HOME, Account, Refusal
from invocation import Answer, Log, decisions, start, stop
from office_hours import rds

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00"
OPENING, NOON, CLOSING = "2026-11-23T08:00:00Z", "2026-11-23T12:00:00Z", "2026-11-23T18:00:00Z"
# Of a minute from closing on, what is left is too little to begin anything, and enough to end.
LATE = "2026-11-23T18:00:56Z"
STARTED = "DB cluster started."


def settings(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps(values))


# What is listed


@pytest.mark.parametrize(("clusters", "pages"), [(0, 1), (1, 1), (100, 1), (101, 2), (250, 3)])
def test_listing_takes_a_call_for_each_hundred_clusters(account: Account, clusters: int, pages: int) -> None:
    for number in range(clusters):
        account.add(f"c{number:04}", OFFICE)
    answer = stop(NOON)
    assert len(answer["clusters"]) == clusters
    assert account.counts() == {"DescribeDBClusters": pages}


def test_clusters_on_every_page_are_acted_on(account: Account) -> None:
    for number in range(250):
        account.add(f"c{number:03}", OFFICE if number % 50 == 0 else None)
    stop(CLOSING)
    assert account.named("StopDBCluster") == ["c000", "c050", "c100", "c150", "c200"]


def test_a_cluster_that_comes_between_two_pages_makes_none_count_twice(account: Account) -> None:
    for number in range(150):
        account.add(f"c{number:03}", f"{OFFICE} enforced")
    account.before("DescribeDBClusters", lambda _: account.add("a", "always"), Marker="100")
    answer = stop(CLOSING)
    assert [entry["cluster"] for entry in answer["clusters"]] == [f"c{number:03}" for number in range(150)]
    assert account.named("StopDBCluster") == [f"c{number:03}" for number in range(150)]


def test_only_aurora_engines_are_asked_for(account: Account) -> None:
    account.add("a-mysql", OFFICE, Engine="aurora-mysql")
    account.add("a-postgres", OFFICE, Engine="aurora-postgresql")
    for engine in ("mysql", "postgres", "neptune", "docdb"):
        account.add(engine, OFFICE, Engine=engine)
    assert decisions(stop(CLOSING)) == {"a-mysql": ("stop", "scheduled"), "a-postgres": ("stop", "scheduled")}
    (listing,) = (call.parameters for call in account.calls if call.operation == "DescribeDBClusters")
    assert {value for key, value in listing.items() if "Values" in key} == {"aurora-mysql", "aurora-postgresql"}


def test_a_cluster_without_the_tag_is_not_listed(account: Account) -> None:
    account.add("untagged", TagList=[{"Key": "team", "Value": OFFICE}])
    assert stop(CLOSING)["clusters"] == []
    assert account.counts() == {"DescribeDBClusters": 1}


def test_a_near_miss_of_the_tag_is_listed_and_left(account: Account) -> None:
    account.add("a", TagList=[{"Key": "Office_Hours", "Value": OFFICE}])
    answer = stop(CLOSING)
    assert decisions(answer) == {"a": ("leave", "invalid-tag")}
    assert "Office_Hours" in answer["clusters"][0]["message"]
    assert account.counts() == {"DescribeDBClusters": 1}


# What is looked up


def test_events_are_looked_up_once_for_each_cluster_that_may_have_been_changed_by_hand(account: Account) -> None:
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


def test_events_are_read_from_an_hour_before_the_transition(account: Account) -> None:
    account.add("a", OFFICE)
    stop("2026-11-23T20:00:00Z")
    (look_up,) = (call.parameters for call in account.calls if call.operation == "DescribeEvents")
    assert datetime.fromisoformat(look_up["StartTime"]) == datetime(2026, 11, 23, 17, tzinfo=UTC)
    assert datetime.fromisoformat(look_up["EndTime"]) >= datetime(2026, 11, 23, 20, tzinfo=UTC)


@pytest.mark.parametrize("event", [{}, {"time": "2026-11-13T20:00:00Z"}], ids=["now", "asked about the past"])
def test_events_older_than_rds_keeps_are_never_asked_for(account: Account, event: dict[str, str]) -> None:
    account.add("a", "1st-mon 08:00-18:00")
    stop("2026-11-23T20:00:00Z", event)
    (look_up,) = (call.parameters for call in account.calls if call.operation == "DescribeEvents")
    oldest = datetime(2026, 11, 23, 20, tzinfo=UTC) - timedelta(days=14) + timedelta(hours=1)
    assert datetime.fromisoformat(look_up["StartTime"]) == oldest


def test_the_event_log_is_read_to_its_end(account: Account) -> None:
    account.add("a", OFFICE)
    for minute in range(120):
        account.log("a", "Something else.", f"2026-11-23T{18 + minute // 60}:{minute % 60:02}:00Z")
    account.log("a", STARTED, "2026-11-23T20:30:00Z")
    assert decisions(stop("2026-11-23T21:00:00Z")) == {"a": ("leave", "changed-by-hand")}


def test_a_cluster_that_was_started_by_hand_after_closing_is_left(account: Account) -> None:
    account.add("a", OFFICE)
    account.log("a", STARTED, "2026-11-23T20:00:00Z")
    assert decisions(stop("2026-11-23T20:05:00Z")) == {"a": ("leave", "changed-by-hand")}
    assert "StopDBCluster" not in account.counts()


def test_a_cluster_that_aws_started_after_seven_days_is_stopped_again(account: Account) -> None:
    account.add("a", "-18:00")
    restart = "DB cluster is being started due to it exceeding the maximum allowed time being stopped."
    account.log("a", restart, "2026-11-23T20:00:00Z")
    account.log("a", STARTED, "2026-11-23T20:10:00Z")
    assert decisions(stop("2026-11-23T20:15:00Z")) == {"a": ("stop", "auto-restarted")}
    assert account.named("StopDBCluster") == ["a"]


# What is acted on


def test_a_cluster_is_stopped_at_closing_and_the_next_runs_leave_it(account: Account) -> None:
    account.add("a", OFFICE)
    assert decisions(stop("2026-11-23T17:55:00Z")) == {"a": ("leave", "as-scheduled")}
    assert decisions(stop("2026-11-23T18:00:00Z")) == {"a": ("stop", "scheduled")}
    assert decisions(stop("2026-11-23T18:05:00Z")) == {"a": ("leave", "busy")}
    account.settle("2026-11-23T18:08:00Z")
    assert decisions(stop("2026-11-23T18:10:00Z")) == {"a": ("leave", "as-scheduled")}
    assert account.named("StopDBCluster") == ["a"]


def test_a_cluster_is_started_at_opening_and_the_next_runs_leave_it(account: Account) -> None:
    account.add("a", OFFICE, Status="stopped")
    assert decisions(start("2026-11-23T07:55:00Z")) == {"a": ("leave", "as-scheduled")}
    assert decisions(start("2026-11-23T08:00:00Z")) == {"a": ("start", "scheduled")}
    assert decisions(start("2026-11-23T08:05:00Z")) == {"a": ("leave", "busy")}
    account.settle("2026-11-23T08:08:00Z")
    assert decisions(start("2026-11-23T08:10:00Z")) == {"a": ("leave", "as-scheduled")}
    assert account.named("StartDBCluster") == ["a"]


def test_a_missed_run_is_made_good_by_a_later_one(account: Account) -> None:
    account.add("a", OFFICE)
    assert decisions(stop("2026-11-24T02:35:00Z")) == {"a": ("stop", "scheduled")}
    assert account.named("StopDBCluster") == ["a"]


@pytest.mark.parametrize(
    ("run", "at", "status", "decision"),
    [(stop, OPENING, "stopped", "start"), (start, CLOSING, "available", "stop")],
)
def test_what_the_other_function_is_to_do_is_listed_and_not_done(
    account: Account, run: Callable[[str], Answer], at: str, status: str, decision: str
) -> None:
    account.add("a", OFFICE, Status=status)
    answer = run(at)
    assert decisions(answer) == {"a": (decision, "scheduled")}
    assert f"{decision} function" in answer["clusters"][0]["message"]
    assert not {"StopDBCluster", "StartDBCluster"} & account.counts().keys()


def test_a_dry_run_decides_and_changes_nothing(account: Account) -> None:
    account.add("a", OFFICE)
    assert decisions(stop(CLOSING, {"dry_run": True})) == {"a": ("stop", "scheduled")}
    assert account.counts() == {"DescribeDBClusters": 1, "DescribeEvents": 1}


def test_a_time_is_decided_for_and_nothing_is_changed(account: Account) -> None:
    account.add("a", OFFICE)
    assert decisions(stop(NOON, {"time": "2026-11-24T18:00:00Z"})) == {"a": ("stop", "scheduled")}
    assert "StopDBCluster" not in account.counts()


def test_events_that_have_not_happened_yet_are_not_asked_for(account: Account) -> None:
    account.add("a", OFFICE)
    stop(NOON, {"time": "2026-12-24T18:00:00Z"})
    for look_up in (call.parameters for call in account.calls if call.operation == "DescribeEvents"):
        assert datetime.fromisoformat(look_up["StartTime"]) < datetime.fromisoformat(NOON)


def test_the_maintenance_window_is_the_clusters_own(account: Account) -> None:
    members = {"Status": "stopped", "PreferredMaintenanceWindow": "sun:05:00-sun:06:00"}
    account.add("maintained", f"{OFFICE} maintenance", **members)
    account.add("not", OFFICE, **members)
    reached = decisions(start("2026-11-22T04:50:00Z"))
    assert reached == {"maintained": ("start", "scheduled"), "not": ("leave", "as-scheduled")}


def test_actions_go_out_side_by_side(account: Account) -> None:
    # Nobody is answered before eight have asked: one after the other, they would wait for ever.
    together = threading.Barrier(8, timeout=5)
    account.before("StopDBCluster", lambda _: together.wait())
    for number in range(16):
        account.add(f"c{number}", f"{OFFICE} enforced")
    stop(CLOSING)
    assert account.counts() == {"DescribeDBClusters": 1, "StopDBCluster": 16}
    assert not together.broken


def test_no_more_actions_are_under_way_than_there_are_connections(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(100):
        account.add(f"c{number}", f"{OFFICE} enforced")
    stop(CLOSING)
    assert account.counts()["StopDBCluster"] == 100
    assert "Connection pool is full" not in caplog.text


# Settings


def test_the_tags_key_is_a_setting(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, tagKey="uptime")
    account.add("mine", TagList=[{"Key": "uptime", "Value": OFFICE}, {"Key": "uptime-hold", "Value": "stopped"}])
    account.add("not", OFFICE)
    assert decisions(stop(NOON)) == {"mine": ("stop", "held")}


def test_the_default_zone_is_a_setting(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, defaultZone="America/New_York")
    account.add("a", OFFICE)
    assert decisions(stop("2026-11-23T22:59:00Z")) == {"a": ("leave", "as-scheduled")}
    assert decisions(stop("2026-11-23T23:00:00Z")) == {"a": ("stop", "scheduled")}


def test_named_schedules_and_calendars_are_settings(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_every_region_of_the_settings_is_handled(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=["us-east-1", "eu-west-1"])
    account.add("b", OFFICE, region="eu-west-1")
    account.add("a", OFFICE, region="us-east-1")
    account.add("a", OFFICE, region="eu-west-1")
    account.add("a", OFFICE, region="ap-south-1")
    entries = stop(CLOSING)["clusters"]
    in_order = [("eu-west-1", "a"), ("eu-west-1", "b"), ("us-east-1", "a")]
    assert [(entry["region"], entry["cluster"]) for entry in entries] == in_order
    assert sorted((c.region, c.cluster) for c in account.calls if c.operation == "StopDBCluster") == in_order


def test_without_regions_it_is_the_functions_own(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=[])
    stop(CLOSING)
    assert [(call.operation, call.region) for call in account.calls] == [("DescribeDBClusters", HOME)]


def test_a_star_is_every_region_that_the_account_has_enabled(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=["*"])
    account.enabled_regions = ["ap-south-1", "eu-west-1", "us-east-1"]
    stop(CLOSING)
    listed = sorted(call.region for call in account.calls if call.operation == "DescribeDBClusters")
    assert listed == ["ap-south-1", "eu-west-1", "us-east-1"]


# What goes wrong


def test_a_bad_tag_is_nobody_elses_case(account: Account) -> None:
    account.add("bad", "mno-fri 08:00-18:00")
    account.add("good", OFFICE)
    answer = stop(CLOSING)
    assert decisions(answer) == {"bad": ("leave", "invalid-tag"), "good": ("stop", "scheduled")}
    assert 'did you mean "mon"' in answer["clusters"][0]["message"]


def test_a_bad_hold_is_left_and_named(account: Account) -> None:
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
    account: Account, log: Log, meanwhile: Callable[[Account], object], code: str
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


@pytest.mark.parametrize("code", rds.REFUSALS)
def test_each_harmless_refusal_is_one_that_rds_knows_and_is_explained(account: Account, code: str) -> None:
    modelled = account.model.operation_model("StopDBCluster").error_shapes
    assert code in {error.metadata["error"]["code"] for error in modelled}
    account.add("a", OFFICE)
    account.fail("StopDBCluster", Refusal(code, "In RDS's words."))
    (entry,) = stop(CLOSING)["clusters"]
    assert entry["error"] == f"{code}: In RDS's words."
    assert "RDS refused" in entry["message"]
