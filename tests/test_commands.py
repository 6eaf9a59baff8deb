"""Commands by hand: `clusters` and `until`, from the event to the calls at the wire and to what the person reads.

The 24th of November 2026 is a Tuesday; at 17:30 UTC it is 18:30 in Berlin, after office hours.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from aws_server import ACCESS_DENIED, HOME, LONG_AGO, RESET, Account, Refusal
from invocation import Answer, Context, Log, decisions, start, stop
from office_hours.event import EventError
from office_hours.answer import RunError

pytest_plugins = ["aws_server", "invocation"]

Run = Callable[..., Answer]
OFFICE = "mon-fri 08:00-18:00 Europe/Berlin"
NOON, EVENING, LATE = "2026-11-24T11:00:00Z", "2026-11-24T17:30:00Z", "2026-11-24T19:00:00Z"
TO_THE_MORNING = "2026-11-25T08:00+01:00"
ELSEWHERE = "arn:aws:rds:eu-west-1:210987654321:cluster:reporting"  # another account's
CHANGING = ("AddTagsToResource", "StopDBCluster", "StartDBCluster")

both = pytest.mark.parametrize("run", [stop, start], ids=["stop", "start"])


def changes(account: Account) -> list[tuple[str, str]]:
    """The calls that change something, in order, each with its cluster."""
    return [(call.operation, call.cluster) for call in account.calls if call.operation in CHANGING]


def settings(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps(values))


def mistakes(run: Run, event: dict[str, Any], at: str = EVENING) -> list[str]:
    with pytest.raises(EventError) as caught:
        run(at, event)
    *told, last = str(caught.value).split("\n")
    assert last == "Nothing was done."
    return told


# What a command does


def test_the_hold_is_written_first_then_the_cluster_is_started(account: Account) -> None:
    account.add("reporting", OFFICE, Status="stopped")
    answer = start(EVENING, {"clusters": ["reporting"], "until": "20:00"})
    assert changes(account) == [("AddTagsToResource", "reporting"), ("StartDBCluster", "reporting")]
    assert account.tag("reporting") == "running until 2026-11-24T20:00+01:00"
    assert account.tag("reporting", "office-hours") == OFFICE
    assert answer["counts"] == {"held": 1}
    assert answer["clusters"] == [
        {
            "cluster": "reporting",
            "region": HOME,
            "status": "stopped",
            "decision": "start",
            "reason": "held",
            "message": "reporting was started; it stays up until 20:00 Europe/Berlin (19:00 UTC), then office hours "
            "apply again.",
            "next": "2026-11-24T19:00:00Z",
            "hold": "running until 2026-11-24T20:00+01:00",
        }
    ]


def test_without_until_the_hold_ends_at_the_next_transition(account: Account) -> None:
    account.add("reporting", OFFICE, Status="stopped")
    account.add("shop", OFFICE)
    start(EVENING, {"clusters": ["reporting"]})
    stop(NOON, {"clusters": ["shop"]})
    assert account.tag("reporting") == f"running until {TO_THE_MORNING}"
    assert account.tag("shop") == "stopped until 2026-11-24T18:00+01:00"


def test_where_the_hold_ends_in_the_state_that_the_schedule_asks_for_the_next_change_is_told(
    account: Account,
) -> None:
    account.add("on", OFFICE)
    account.add("off", OFFICE, Status="stopped")
    account.add("evening-only", "-18:00 Europe/Berlin")
    (stopped,) = stop(NOON, {"clusters": ["on"]})["clusters"]
    (started,) = start("2026-11-24T06:30:00Z", {"clusters": ["off"]})["clusters"]
    (down,) = stop(NOON, {"clusters": ["evening-only"]})["clusters"]
    (up,) = start(EVENING, {"clusters": ["on"], "until": "20:00", "dry_run": True})["clusters"]
    assert stopped["message"] == (
        "on was stopped; it stays down until 18:00 Europe/Berlin (17:00 UTC), then office hours apply "
        "again; next start: Wed 2026-11-25 08:00 Europe/Berlin (07:00 UTC)."
    )
    assert started["message"].endswith("then office hours apply again; next stop: 18:00 Europe/Berlin (17:00 UTC).")
    assert down["message"].endswith("then office hours apply again.")
    assert up["message"].endswith("then office hours apply again.")


def test_the_scheduled_runs_leave_it_alone_until_the_hold_ends_and_then_act(account: Account) -> None:
    account.add("reporting", OFFICE, Status="stopped")
    start(EVENING, {"clusters": ["reporting"], "until": "20:00"})
    account.settle("2026-11-24T17:45:00Z")
    for at in ("2026-11-24T17:50:00Z", "2026-11-24T18:59:59Z"):
        assert decisions(stop(at)) == decisions(start(at)) == {"reporting": ("leave", "held")}
    assert decisions(stop(LATE)) == {"reporting": ("stop", "scheduled")}
    assert account.clusters[HOME]["reporting"]["Status"] == "stopping"


def test_what_is_stopped_at_noon_is_started_by_the_next_morning(account: Account) -> None:
    account.add("shop", OFFICE)
    stop(NOON, {"clusters": ["shop"]})
    account.settle("2026-11-24T11:06:00Z")
    for at in ("2026-11-24T11:10:00Z", "2026-11-24T16:55:00Z"):
        assert decisions(start(at)) == {"shop": ("leave", "held")}
    assert decisions(start("2026-11-25T07:00:00Z")) == {"shop": ("start", "scheduled")}


def test_a_command_is_the_latest_word_also_on_an_earlier_hold_and_an_enforced_schedule(account: Account) -> None:
    account.add("a", f"{OFFICE} enforced", Status="stopped")
    stop(EVENING, {"clusters": ["a"], "until": "3d"})
    start(EVENING, {"clusters": ["a"], "until": "2h"})
    assert account.tag("a") == "running until 2026-11-24T20:30+01:00"
    account.settle("2026-11-24T17:40:00Z")
    assert decisions(stop("2026-11-24T19:29:00Z")) == {"a": ("leave", "held")}
    assert decisions(stop("2026-11-24T19:30:00Z")) == {"a": ("stop", "enforced")}


@pytest.mark.parametrize("tag", ["always", "never"])
def test_a_schedule_without_transitions_can_be_held_with_an_until(account: Account, tag: str) -> None:
    account.add("a", tag)
    (entry,) = stop(EVENING, {"clusters": ["a"], "until": "90m"})["clusters"]
    assert (entry["decision"], account.tag("a")) == ("stop", "stopped until 2026-11-24T19:00Z")


def test_every_cluster_has_its_own_zone_and_its_own_next_transition(account: Account) -> None:
    for zone in ("Europe/Berlin", "Asia/Kolkata", "America/New_York"):
        account.add(zone.rpartition("/")[2].lower().replace("_", "-"), f"mon-fri 08:00-18:00 {zone}")
    stop(EVENING, {"clusters": ["berlin", "kolkata", "new-york"], "until": "20:00"})
    assert account.tag("berlin") == "stopped until 2026-11-24T20:00+01:00"
    assert account.tag("kolkata") == "stopped until 2026-11-25T20:00+05:30"
    assert account.tag("new-york") == "stopped until 2026-11-24T20:00-05:00"
    stop(EVENING, {"clusters": ["new-york"]})
    assert account.tag("new-york") == "stopped until 2026-11-24T18:00-05:00"


@pytest.mark.parametrize("already", ["available", "starting"])
def test_the_hold_is_written_also_where_the_cluster_is_in_that_state_already(account: Account, already: str) -> None:
    account.add("a", OFFICE, Status=already)
    (entry,) = start(EVENING, {"clusters": ["a"]})["clusters"]
    assert changes(account) == [("AddTagsToResource", "a")]
    assert entry["decision"] == "leave"
    assert entry["message"].startswith(f"a is {'running' if already == 'available' else already} already; it stays up ")


@pytest.mark.parametrize("members", [{"Status": "modifying"}, {"Status": "stopping"}, {"DBClusterMembers": []}])
def test_the_hold_is_written_also_where_the_cluster_is_busy_and_a_later_run_follows_it(
    account: Account, members: dict[str, Any]
) -> None:
    account.add("a", OFFICE, **{"Status": "stopped"} | members)
    (entry,) = start(EVENING, {"clusters": ["a"]})["clusters"]
    assert changes(account) == [("AddTagsToResource", "a")]
    assert (entry["decision"], entry["reason"]) == ("leave", "busy")
    assert entry["message"].startswith("a cannot be started yet. It ")
    account.clusters[HOME]["a"] |= {"Status": "stopped", "DBClusterMembers": [{"DBInstanceIdentifier": "a-1"}]}
    assert decisions(start("2026-11-24T17:35:00Z")) == {"a": ("start", "held")}


def test_the_hold_has_the_key_of_the_settings_tag(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, tagKey="sleep")
    account.add("a", TagList=[{"Key": "sleep", "Value": OFFICE}])
    stop(EVENING, {"clusters": ["a"]})
    assert account.tag("a", "sleep-hold") == f"stopped until {TO_THE_MORNING}"


# Which clusters


@pytest.mark.parametrize(
    "name", ["reporting", "Reporting", "eu-west-1/reporting", "arn:aws:rds:eu-west-1:123456789012:cluster:reporting"]
)
def test_a_cluster_is_named_by_its_identifier_its_region_or_its_arn(account: Account, name: str) -> None:
    account.add("reporting", OFFICE)
    account.add("billing", OFFICE)
    assert decisions(stop(EVENING, {"clusters": [name]})) == {"reporting": ("stop", "held")}
    assert account.named("StopDBCluster") == ["reporting"]


def test_a_cluster_that_is_named_twice_is_handled_once(account: Account) -> None:
    account.add("a", OFFICE)
    answer = stop(EVENING, {"clusters": ["a", "A", "eu-west-1/a"]})
    assert len(answer["clusters"]) == 1
    assert account.named("StopDBCluster") == ["a"]


def test_a_star_is_every_tagged_cluster_and_what_cannot_be_done_is_left_with_its_reason(account: Account) -> None:
    account.add("a", OFFICE)
    account.add("always", "always")
    account.add("bad", "mno 08:00-18:00")
    account.add("bad-hold", TagList=tags(OFFICE, hold="runing"))
    account.add("global", OFFICE, GlobalClusterIdentifier="world")
    account.add("untagged")
    answer = stop(EVENING, {"clusters": ["*"]})
    assert decisions(answer) == {
        "a": ("stop", "held"),
        "always": ("leave", "needs-until"),
        "bad": ("leave", "invalid-tag"),
        "bad-hold": ("leave", "invalid-tag"),
        "global": ("leave", "ineligible"),
    }
    assert changes(account) == [("AddTagsToResource", "a"), ("StopDBCluster", "a")]


def test_a_star_reaches_every_region(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"])
    account.add("a", OFFICE)
    account.add("a", OFFICE, region="us-east-1")
    answer = stop(EVENING, {"clusters": ["*"]})
    assert [(entry["region"], entry["decision"]) for entry in answer["clusters"]] == [
        (HOME, "stop"),
        ("us-east-1", "stop"),
    ]
    assert account.tag("a", region="us-east-1") == f"stopped until {TO_THE_MORNING}"


def test_under_a_star_an_until_that_is_past_somewhere_leaves_the_clusters_there(account: Account) -> None:
    account.add("berlin", OFFICE)
    account.add("tokyo", "mon-fri 08:00-18:00 Asia/Tokyo")
    answer = stop(EVENING, {"clusters": ["*"], "until": "2026-11-25T00:00"})
    assert decisions(answer) == {"berlin": ("stop", "held"), "tokyo": ("leave", "needs-until")}


def test_a_region_that_is_named_is_the_only_one_that_is_asked(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"])
    account.add("a", OFFICE, region="us-east-1")
    account.fail("DescribeDBClusters", ACCESS_DENIED, region=HOME)
    assert decisions(stop(EVENING, {"clusters": ["us-east-1/a"]})) == {"a": ("stop", "held")}


# Mistakes


def tags(schedule: str, *, hold: str) -> list[dict[str, str]]:
    return [{"Key": "office-hours", "Value": schedule}, {"Key": "office-hours-hold", "Value": hold}]


@both
@pytest.mark.parametrize("more", [{}, {"until": "20:00"}, {"dry_run": True}], ids=str)
@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("reportng", 'The cluster "reportng" is unknown: did you mean "reporting"?'),
        ("rep", 'The cluster "rep" is unknown: did you mean "reporting"?'),
        ("reporting-1", 'The cluster "reporting-1" is unknown: it is an instance of "reporting".'),
        ("zzz", 'The cluster "zzz" is unknown: tagged are "bad", "global", "reporting".'),
        ("untagged", 'The cluster "untagged" has no tag "office-hours": tagged are "bad", "global", "reporting".'),
        ("untaged", 'The cluster "untaged" is unknown: did you mean "untagged", which has no tag?'),
        ("mysql", 'The cluster "mysql" is unknown: tagged are "bad", "global", "reporting".'),
        (
            "us-west-2/reporting",
            f'"us-west-2/reporting" is in none of the Regions that are looked after: {HOME}. Did you mean "{HOME}"?',
        ),
        ("<script>", 'The cluster "<script>" is unknown: tagged are "bad", "global", "reporting".'),
        (ELSEWHERE, f'The cluster "{ELSEWHERE}" is unknown: did you mean "eu-west-1/reporting"?'),
    ],
)
def test_one_name_that_is_wrong_is_enough_to_do_nothing(
    account: Account, run: Run, more: dict[str, Any], *, name: str, mistake: str
) -> None:
    account.add("reporting", OFFICE)
    account.add("bad", "mno 08:00-18:00")
    account.add("global", OFFICE, GlobalClusterIdentifier="world")
    account.add("untagged")
    account.add("mysql", OFFICE, Engine="mysql")
    assert mistakes(run, {"clusters": ["reporting", name], **more}) == [mistake]
    assert changes(account) == []


def test_of_many_tagged_clusters_a_few_are_told(account: Account) -> None:
    for number in range(7):
        account.add(f"shop-{number}", OFFICE)
    (far,) = mistakes(stop, {"clusters": ["x"]})
    (near,) = mistakes(stop, {"clusters": ["shop"]})
    assert far.endswith('tagged are "shop-0", "shop-1", "shop-2", "shop-3", "shop-4", and more.')
    assert near.count(" or ") == 2


@pytest.mark.parametrize(
    ("members", "mistake"),
    [
        (
            {"TagList": [{"Key": "office-hours", "Value": "mno 08:00-18:00"}]},
            'The schedule cannot be read: unknown day "mno" in "mno 08:00-18:00": did you mean "mon"?',
        ),
        (
            {"TagList": [{"Key": "Office_Hours", "Value": OFFICE}]},
            'The schedule cannot be read: unknown tag "Office_Hours": did you mean "office-hours"?',
        ),
        (
            {"TagList": tags(OFFICE, hold="runing")},
            'The hold cannot be read: unknown state "runing" in hold "runing": ',
        ),
        ({"EngineMode": "serverless"}, 'RDS cannot stop this cluster: its engine mode is "serverless".'),
        (
            {"TagList": [{"Key": "office-hours", "Value": "never"}]},
            'Its schedule "never" has no transition to come: say until when, as in "until": "20:00".',
        ),
    ],
    ids=["schedule", "key", "hold", "ineligible", "never"],
)
def test_a_cluster_that_cannot_be_commanded_is_a_mistake_when_it_is_named(
    account: Account, members: dict[str, Any], mistake: str
) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE, **members)
    (told,) = mistakes(stop, {"clusters": ["a", "b"]})
    assert told.startswith(f'The cluster "eu-west-1/b" cannot be stopped by name. {mistake}')
    assert changes(account) == []


@pytest.mark.parametrize("until", ["2026-11-24T18:30", "2026-11-24T17:30Z", "2020-01-01T00:00"])
def test_until_lies_in_the_future(account: Account, until: str) -> None:
    account.add("a", OFFICE)
    (told,) = mistakes(stop, {"clusters": ["a"], "until": until})
    assert "in the future" in told
    assert changes(account) == []


def test_an_identifier_that_two_regions_have_needs_its_region(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, regions=["us-east-1", HOME])
    account.add("a", OFFICE)
    account.add("a", OFFICE, region="us-east-1")
    (told,) = mistakes(stop, {"clusters": ["a"]})
    assert told == 'The cluster "a" is in 2 Regions: write one of "eu-west-1/a", "us-east-1/a".'
    assert decisions(stop(EVENING, {"clusters": ["us-east-1/a"]})) == {"a": ("stop", "held")}


def test_all_mistakes_are_told_at_once_those_of_the_event_and_those_of_the_names(account: Account) -> None:
    account.add("a", OFFICE)
    account.add("bad", "mno 08:00-18:00")
    account.add("always", "always")
    told = mistakes(stop, {"clusters": ["aa", "bad", "always", "x/y/z"], "until": "25:00", "dry_run": 1, "force": True})
    for fault in ('"force"', '"x/y/z"', '"25:00"', '"dry_run" has 1', 'cluster "aa" is unknown', '"eu-west-1/bad"'):
        assert any(fault in each for each in told), fault
    # That one is to be added cannot be told where there is one that cannot be read.
    assert not any("always" in each for each in told if "25:00" not in each and "unknown" not in each)
    assert changes(account) == []


def test_a_name_is_looked_for_in_the_region_that_it_names(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"])
    for region in (HOME, "us-east-1"):
        account.add("reporting", OFFICE, region=region)
    account.add("far", OFFICE, region="us-east-1")
    told = mistakes(stop, {"clusters": ["eu-west-1/reportng", "reportng", "eu-west-1/reporting-1", "eu-west1/x"]})
    assert told == [
        'The cluster "eu-west-1/reportng" is unknown: did you mean "eu-west-1/reporting"?',
        'The cluster "reportng" is unknown: did you mean "eu-west-1/reporting" or "us-east-1/reporting"?',
        'The cluster "eu-west-1/reporting-1" is unknown: it is an instance of "eu-west-1/reporting".',
        '"eu-west1/x" is in none of the Regions that are looked after: eu-west-1, us-east-1. Did you mean "eu-west-1"?',
    ]


def test_that_until_is_needed_is_told_beside_other_mistakes(account: Account) -> None:
    account.add("always", "always")
    account.add("a", OFFICE)
    told = mistakes(stop, {"clusters": ["always", 5], "dry_run": 1})
    assert [each.partition(" ")[0] for each in told] == ['"clusters"', '"dry_run"', "The"]
    assert "in the future" in mistakes(stop, {"clusters": ["a"], "until": "2020-01-01T00:00Z", "force": 1})[-1]


@pytest.mark.parametrize("until", ["2020-01-01T00:00Z", "2026-11-24T17:30Z", "2026-11-24T05:30"])
def test_an_until_that_is_past_everywhere_is_a_mistake_for_all(account: Account, until: str) -> None:
    account.add("a", OFFICE)
    (told,) = mistakes(stop, {"clusters": ["*"], "until": until})
    assert told == f'"until" has "{until}": expected a time in the future.'
    assert account.calls == []


def test_what_is_left_has_its_next_transition(account: Account) -> None:
    account.add("a", OFFICE, GlobalClusterIdentifier="world")
    (entry,) = stop(EVENING, {"clusters": ["*"]})["clusters"]
    assert (entry["reason"], entry["next"]) == ("ineligible", "2026-11-25T07:00:00Z")


def test_nothing_is_listed_for_a_mistake_that_names_no_cluster(account: Account) -> None:
    assert mistakes(stop, {"clusters": ["*"], "until": "25:00"})
    assert account.calls == []


@both
def test_a_mistake_is_a_warning_and_counted_in_a_metric_of_its_own(
    account: Account, log: Log, capsys: pytest.CaptureFixture[str], run: Run
) -> None:
    assert mistakes(run, {"clusters": ["a"]}) == ['The cluster "a" is unknown: no cluster is tagged.']
    assert [line["level"] for line in log.lines()] == ["WARNING"]
    (metric,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    (kind,) = metric["_aws"]["CloudWatchMetrics"]
    assert (kind["Namespace"], kind["Metrics"][0]["Name"], metric["UserErrors"]) == (
        "AuroraOfficeHours",
        "UserErrors",
        [1.0],
    )
    assert [sorted(names) for names in kind["Dimensions"]] == [["function_name", "service"]]
    assert (metric["function_name"], metric["service"]) == ("aurora-office-hours", "aurora-office-hours")
    assert account.calls


def test_what_is_no_mistake_is_not_counted(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    account.add("a", OFFICE)
    stop(EVENING, {"clusters": ["a"]})
    account.fail("DescribeDBClusters", ACCESS_DENIED)
    with pytest.raises(RunError):
        stop(EVENING, {"clusters": ["a"]})
    assert "UserErrors" not in capsys.readouterr().out


# To ask, and not to do


@both
def test_a_dry_run_says_what_the_command_would_do_and_changes_nothing(account: Account, run: Run) -> None:
    account.add("on", OFFICE)
    account.add("off", OFFICE, Status="stopped")
    answer = run(EVENING, {"clusters": ["on", "off"], "until": "20:00", "dry_run": True})
    assert answer["dry_run"] is True
    messages = {entry["cluster"]: entry["message"].partition(";")[0] for entry in answer["clusters"]}
    assert messages == (
        {"on": "on would be stopped", "off": "off is stopped already"}
        if run is stop
        else {"on": "on is running already", "off": "off would be started"}
    )
    assert all("it would stay" in entry["message"] for entry in answer["clusters"])
    assert changes(account) == []


def test_time_with_clusters_answers_for_those_alone_what_the_schedule_would_do(account: Account) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE)
    account.add("always", "always", Status="stopped")
    answer = stop(NOON, {"clusters": ["a", "always"], "time": "2026-11-24T18:30:00+01:00"})
    assert (answer["time"], answer["dry_run"]) == ("2026-11-24T17:30:00Z", True)
    assert decisions(answer) == {"a": ("stop", "scheduled"), "always": ("start", "enforced")}
    assert changes(account) == []


# What can go wrong


def test_a_hold_that_cannot_be_written_is_a_failure_and_the_call_is_not_made(account: Account, log: Log) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE)
    account.fail("AddTagsToResource", ACCESS_DENIED, cluster="a")
    with pytest.raises(RunError, match=r"(?s)^1 failed and 1 clusters were handled.*eu-west-1/a: AccessDenied"):
        stop(EVENING, {"clusters": ["a", "b"]})
    assert account.named("StopDBCluster") == ["b"]
    assert [line["cluster"] for line in log.lines("ERROR")] == ["a"]


def test_a_call_that_fails_is_made_good_by_the_next_run(account: Account) -> None:
    account.add("a", OFFICE, Status="stopped")
    account.fail("StartDBCluster", Refusal("InsufficientDBClusterCapacityFault", "None left."), times=1)
    with pytest.raises(RunError, match=r"Where the hold is written, the next run tries"):
        start(EVENING, {"clusters": ["a"], "until": "20:00"})
    assert account.tag("a") == "running until 2026-11-24T20:00+01:00"
    assert decisions(start("2026-11-24T17:35:00Z")) == {"a": ("start", "held")}


def test_a_refusal_since_the_state_changed_meanwhile_is_no_failure(account: Account) -> None:
    account.add("a", OFFICE)
    account.before("StopDBCluster", lambda _: account.clusters[HOME]["a"].update(Status="modifying"))
    (entry,) = stop(EVENING, {"clusters": ["a"]})["clusters"]
    assert "InvalidDBClusterStateFault" in entry["error"]
    assert entry["message"].startswith("a was not stopped yet: its state changed meanwhile")
    assert entry["message"].endswith(
        "it stays down until Wed 2026-11-25 08:00 Europe/Berlin (07:00 UTC), then office hours apply again."
    )


def test_while_a_region_fails_a_name_without_its_region_may_mean_another_cluster(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"])
    account.add("a", OFFICE)
    account.fail("DescribeDBClusters", ACCESS_DENIED, region="us-east-1")
    with pytest.raises(RunError, match=r"(?s)^Nothing was done\..*Write region/identifier.*us-east-1.*AccessDenied"):
        stop(EVENING, {"clusters": ["a"]})
    assert changes(account) == []
    assert decisions(stop(EVENING, {"clusters": [f"{HOME}/a"]})) == {"a": ("stop", "held")}


def test_a_name_that_is_not_found_where_a_region_failed_is_no_mistake_of_the_users(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"])
    account.add("a", OFFICE)
    account.fail("DescribeDBClusters", ACCESS_DENIED, region="us-east-1")
    with pytest.raises(RunError, match=r"(?s)Nothing was done\..*us-east-1.*AccessDenied") as caught:
        stop(EVENING, {"clusters": ["a", "b", "us-east-1/c", f"{HOME}/d"]})
    # Of the Regions that were read it is known.
    assert [line for line in str(caught.value).splitlines() if "unknown" in line] == [
        f'The cluster "{HOME}/d" is unknown: tagged are "{HOME}/a".'
    ]
    assert changes(account) == []


def test_where_there_is_no_time_nothing_is_begun_and_the_person_is_told(account: Account) -> None:
    account.add("a", OFFICE)
    with pytest.raises(RunError, match="too late to begin: nothing was done for it, ask again"):
        stop(EVENING, {"clusters": ["a"]}, Context(remaining=4_000))
    assert changes(account) == []


def test_where_the_hold_ends_before_the_call_the_call_is_not_made(account: Account) -> None:
    account.add("a", OFFICE)
    with time_machine.travel(EVENING, tick=False) as clock:
        account.before("AddTagsToResource", lambda _: clock.move_to("2026-11-24T17:31:00Z"))
        (entry,) = stop(event={"clusters": ["a"], "until": "1m"}, context=Context(remaining=900_000))["clusters"]
    assert changes(account) == [("AddTagsToResource", "a")]
    assert entry["message"] == "a was not stopped: its hold has ended, and office hours apply again."


def test_a_hold_that_has_ended_before_it_is_written_is_not_written(account: Account) -> None:
    account.add("a", OFFICE)
    with time_machine.travel(EVENING, tick=False) as clock:
        account.before("DescribeDBClusters", lambda _: clock.move_to("2026-11-24T17:31:00Z"))
        with pytest.raises(RunError, match="too late to begin: nothing was done for it"):
            stop(event={"clusters": ["a"], "until": "1m"}, context=Context(remaining=900_000))
    assert changes(account) == []


def test_what_fails_late_is_not_sent_again(account: Account) -> None:
    # Lambda lets what one invocation left behind go on in the next: it must not undo what was commanded since.
    account.add("a", OFFICE)
    with time_machine.travel(EVENING, tick=False) as clock:
        account.before("AddTagsToResource", lambda _: clock.shift(60))
        account.fail("AddTagsToResource", RESET, times=1)
        with pytest.raises(RunError, match="too late to send it again"):
            stop(event={"clusters": ["a"], "until": "3d"}, context=Context(remaining=30_000))
    assert changes(account) == [("AddTagsToResource", "a")]
    assert account.tag("a") is None


def test_a_cluster_that_is_gone_meanwhile_is_no_failure(account: Account) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE)
    account.before("AddTagsToResource", lambda _: account.clusters[HOME].pop("a"), cluster="a")
    answer = stop(EVENING, {"clusters": ["*"]})
    gone, stopped = answer["clusters"]
    assert gone["message"] == "a was not stopped: it was deleted meanwhile."
    assert "DBClusterNotFoundFault" in gone["error"]
    assert "hold" not in gone
    assert stopped["message"].startswith("b was stopped; ")


@pytest.mark.parametrize("code", ["InvalidDBClusterStateFault", "InvalidDBInstanceState", "InvalidDBShardGroupState"])
def test_a_hold_that_is_refused_for_the_clusters_state_is_a_failure_as_no_run_would_make_it_good(
    account: Account, code: str
) -> None:
    account.add("a", OFFICE, Status="stopped")
    account.fail("AddTagsToResource", Refusal(code, "Not now."))
    with pytest.raises(RunError, match=f"eu-west-1/a: {code}: Not now"):
        start(EVENING, {"clusters": ["a"]})
    assert account.named("StartDBCluster") == []


def test_a_failure_of_who_only_asks_promises_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"])
    account.add("a", OFFICE)
    account.fail("DescribeDBClusters", ACCESS_DENIED, region="us-east-1")
    with pytest.raises(RunError, match=r"handled\. Nothing was to be changed\."):
        stop(EVENING, {"clusters": ["*"], "dry_run": True})


# The log


def test_the_log_has_the_hold_and_the_whole_snapshot(account: Account, log: Log) -> None:
    account.add("a", OFFICE)
    stop(EVENING, {"clusters": ["a"]})
    held, acted, _ = log.lines("INFO")
    assert (held["cluster"], held["region"], held["hold"]) == ("a", HOME, f"stopped until {TO_THE_MORNING}")
    assert (acted["action"], acted["reason"], acted["db_cluster"]["Status"]) == ("stop", "held", "stopping")
    assert acted["db_cluster"]["ClusterCreateTime"] == LONG_AGO.isoformat().replace("+00:00", "Z")
    assert acted["message"].startswith("a was stopped; it stays down until ")


def test_what_is_left_is_logged_for_who_wants_to_know(account: Account, log: Log) -> None:
    log.debug()
    account.add("bad", "mno 08:00-18:00")
    account.add("on", OFFICE)
    start(EVENING, {"clusters": ["*"], "dry_run": True})
    start(EVENING, {"clusters": ["*"]})
    told = [(line["cluster"], line["reason"]) for line in log.lines("DEBUG")]
    assert sorted(told) == [("bad", "invalid-tag")] * 2 + [("on", "held")] * 2


def test_what_is_left_for_the_next_run_is_a_warning(account: Account, log: Log) -> None:
    account.add("a", OFFICE)
    with time_machine.travel(EVENING, tick=False) as clock:
        account.before("AddTagsToResource", lambda _: clock.move_to("2026-11-24T17:31:00Z"))
        stop(event={"clusters": ["a"], "until": "1m"}, context=Context(remaining=900_000))
    assert [line["cluster"] for line in log.lines("WARNING")] == ["a"]


def test_a_message_names_the_day_only_where_it_is_another_one(account: Account) -> None:
    account.add("kolkata", "mon-fri 08:00-18:00 Asia/Kolkata")
    account.add("utc", "mon-fri 08:00-18:00 UTC")
    ends = {}
    for name, until in [("kolkata", "23:30"), ("kolkata", "03:00"), ("utc", "20:00"), ("utc", "08:00")]:
        (entry,) = stop(EVENING, {"clusters": [name], "until": until, "dry_run": True})["clusters"]
        ends[name, until] = entry["message"].partition("until ")[2].partition(",")[0]
    assert ends == {
        ("kolkata", "23:30"): "23:30 Asia/Kolkata (18:00 UTC)",
        ("kolkata", "03:00"): "Wed 2026-11-25 03:00 Asia/Kolkata (Tue 21:30 UTC)",
        ("utc", "20:00"): "20:00 UTC",
        ("utc", "08:00"): "Wed 2026-11-25 08:00 UTC",
    }
