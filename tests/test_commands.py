"""Commands by hand: `clusters` and `until`, from the event to the calls at the wire and to what the person reads.

The 24th of November 2026 is a Tuesday; at 17:30 UTC it is 18:30 in Berlin, after office hours.
"""

import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import time_machine

from aws_server import ACCESS_DENIED, HOME, Account
from invocation import Answer, Context, Log, decisions, settings, start, stop
from office_hours.answer import RunError
from office_hours.event import EventError

pytest_plugins = ["aws_server", "invocation"]

Run = Callable[..., Answer]
OFFICE = "mon-fri 08:00-18:00 Europe/Berlin"
NOON, EVENING, LATE = "2026-11-24T11:00:00Z", "2026-11-24T17:30:00Z", "2026-11-24T19:00:00Z"
TO_THE_MORNING = "2026-11-25T08:00+01:00"
ELSEWHERE = "arn:aws:rds:eu-west-1:210987654321:cluster:reporting"  # another account's
CHANGING = ("AddTagsToResource", "StopDBCluster", "StartDBCluster")
HELD = ("stop", "held")

both = pytest.mark.parametrize("run", [stop, start], ids=["stop", "start"])


def changes(account: Account) -> list[tuple[str, str]]:
    """The calls that change something, in order, each with its cluster."""
    return [(call.operation, call.cluster) for call in account.calls if call.operation in CHANGING]


@pytest.fixture
def two_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=["us-east-1", HOME])


def tags(schedule: str, *, hold: str, key: str = "office-hours-hold") -> list[dict[str, str]]:
    return [{"Key": "office-hours", "Value": schedule}, {"Key": key, "Value": hold}]


def mistakes(run: Run, event: dict[str, Any], at: str = EVENING) -> list[str]:
    with pytest.raises(EventError) as caught:
        run(at, event)
    return caught.value.mistakes


# What a command does


def test_the_hold_is_written_first_then_the_cluster_is_started(account: Account, log: Log) -> None:
    account.add("reporting", OFFICE, Status="stopped")
    answer = start(EVENING, {"clusters": ["reporting"], "until": "20:00"})
    assert changes(account) == [("AddTagsToResource", "reporting"), ("StartDBCluster", "reporting")]
    assert account.tag("reporting") == "running until 2026-11-24T20:00+01:00"
    assert account.tag("reporting", "office-hours") == OFFICE
    (entry,) = answer["clusters"]
    assert entry["message"] == "Starting. Held running until Tue 2026-11-24 20:00 Europe/Berlin."
    assert (entry["hold"], entry["next"]) == ("running until 2026-11-24T20:00+01:00", "2026-11-24T19:00:00Z")
    (line,) = (line for line in log.lines("INFO") if line["message"].startswith("reporting: hold "))
    assert (line["region"], line["hold"]) == (HOME, entry["hold"])


@pytest.mark.parametrize(
    "tag_list",
    [
        tags(f"{OFFICE} enforced", hold="stopped until 2026-11-27T18:30+01:00"),
        tags(OFFICE, hold="runing"),
        tags(OFFICE, hold="running", key="Office_Hours_Hold"),
    ],
    ids=["enforced, held", "unreadable", "near miss"],
)
def test_a_command_is_the_latest_word_whatever_hold_is_there(account: Account, tag_list: list[dict[str, str]]) -> None:
    account.add("a", Status="stopped", TagList=tag_list)
    start(EVENING, {"clusters": ["a"], "until": "2h"})
    assert account.tag("a") == "running until 2026-11-24T20:30+01:00"
    account.settle("2026-11-24T17:40:00Z")
    assert decisions(stop("2026-11-24T19:29:00Z")) == {"a": ("leave", "held")}
    assert decisions(stop("2026-11-24T19:30:00Z"))["a"][0] == "stop"


def test_every_cluster_has_its_own_zone_and_its_own_next_transition(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, tagKey="sleep")
    for zone in ("Europe/Berlin", "Asia/Kolkata", "America/New_York"):
        name, tag = zone.rpartition("/")[2].lower().replace("_", "-"), f"mon-fri 08:00-18:00 {zone}"
        account.add(name, TagList=[{"Key": "sleep", "Value": tag}])
    for until, holds in (
        ({"until": "20:00"}, ("2026-11-24T20:00+01:00", "2026-11-25T20:00+05:30", "2026-11-24T20:00-05:00")),
        ({}, ("2026-11-25T08:00+01:00", "2026-11-25T08:00+05:30", "2026-11-24T18:00-05:00")),
    ):
        stop(EVENING, {"clusters": ["berlin", "kolkata", "new-york"], **until})
        found = [account.tag(name, "sleep-hold") for name in ("berlin", "kolkata", "new-york")]
        assert found == [f"stopped until {each}" for each in holds]


@pytest.mark.parametrize(
    ("members", "reason"),
    [({}, "held"), ({"Status": "starting"}, "busy"), ({"DBClusterMembers": []}, "busy")],
    ids=str,
)
def test_the_hold_is_written_also_where_nothing_can_be_done_yet_and_a_later_run_follows_it(
    account: Account, members: dict[str, Any], reason: str
) -> None:
    account.add("a", OFFICE, **members)
    answer = start(EVENING, {"clusters": ["a"]})
    assert changes(account) == [("AddTagsToResource", "a")]
    assert decisions(answer) == {"a": ("leave", reason)}
    account.clusters[HOME]["a"] |= {"Status": "stopped", "DBClusterMembers": [{"DBInstanceIdentifier": "a-1"}]}
    assert decisions(start("2026-11-24T17:35:00Z")) == {"a": ("start", "held")}


# Which clusters


@pytest.mark.parametrize(
    "name", ["  Reporting ", "EU-WEST-1/Reporting", "ARN:aws:rds:eu-west-1:123456789012:cluster:Reporting"]
)
def test_a_cluster_is_named_by_its_identifier_in_any_case_its_region_or_its_arn(account: Account, name: str) -> None:
    account.add("reporting", OFFICE)
    account.add("billing", OFFICE)
    assert decisions(stop(EVENING, {"clusters": [name, "reporting"]})) == {"reporting": HELD}
    assert account.named("StopDBCluster") == ["reporting"]


@pytest.mark.usefixtures("two_regions")
def test_a_star_is_every_tagged_cluster_and_what_cannot_be_done_is_left_with_its_reason(account: Account) -> None:
    account.add("a", OFFICE)
    account.add("a", OFFICE, region="us-east-1")
    account.add("always", "always")
    account.add("bad", "mno 08:00-18:00")
    account.add("bad-hold", TagList=tags(OFFICE, hold="runing"))
    account.add("global", OFFICE, GlobalClusterIdentifier="world")
    account.add("global-bad-hold", TagList=tags(OFFICE, hold="runing"), GlobalClusterIdentifier="world")
    account.add("ignored", "ignore")
    account.add("untagged")
    answer = stop(EVENING, {"clusters": ["*"]})
    assert decisions(answer) == {
        "a": HELD,
        "always": ("leave", "needs-until"),
        "bad": ("leave", "invalid-tag"),
        "bad-hold": HELD,
        "global": ("leave", "ineligible"),
        "global-bad-hold": ("leave", "ineligible"),
        "ignored": ("leave", "ignored"),
    }
    held = ["a", "a", "bad-hold"]
    assert (account.named("AddTagsToResource"), account.named("StopDBCluster")) == (held, held)
    assert account.tag("a", region="us-east-1") == f"stopped until {TO_THE_MORNING}"
    ineligible = next(entry for entry in answer["clusters"] if entry["cluster"] == "global")
    assert ineligible["next"] == "2026-11-25T07:00:00Z"


# Mistakes


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("reportng", 'The cluster "reportng" is unknown: did you mean "eu-west-1/reporting"?'),
        ("reporting-1", 'The cluster "reporting-1" is unknown: did you mean "eu-west-1/reporting"?'),  # its instance
        ("zzz", f'"{HOME}/docdb", "{HOME}/global", "{HOME}/ignored", "{HOME}/reporting".'),
        ("untagged", 'The cluster "untagged" has no tag "office-hours": the tagged clusters are "eu-west-1/bad"'),
        ("us-west-2/reporting", f'The cluster "us-west-2/reporting" is unknown: the Regions looked after are {HOME}.'),
        (ELSEWHERE, f'The cluster "{ELSEWHERE}" is unknown: did you mean "{HOME}/reporting"?'),
        ("bad", '"eu-west-1/bad": Its tag can\'t be read: unknown day "mno"'),
        ("ignored", '"eu-west-1/ignored": Its tag is "ignore"'),
        ("global", '"eu-west-1/global": Can\'t be stopped: it belongs to'),
        ("docdb", '"eu-west-1/docdb": Can\'t be stopped: it is not Aurora'),
    ],
)
def test_one_name_that_is_wrong_is_enough_to_do_nothing(account: Account, name: str, mistake: str) -> None:
    account.add("reporting", OFFICE)
    account.add("bad", "mno 08:00-18:00")
    account.add("ignored", TagList=tags("ignore", hold="stopped"))
    account.add("global", OFFICE, GlobalClusterIdentifier="world")
    account.add("docdb", OFFICE, Engine="docdb")
    account.add("untagged")
    (told,) = mistakes(stop, {"clusters": ["reporting", name]})
    assert mistake in told
    assert changes(account) == []


def test_of_many_tagged_clusters_a_few_are_told(account: Account) -> None:
    for number in range(7):
        account.add(f"shop-{number}", OFFICE)
    (far,) = mistakes(stop, {"clusters": ["x"]})
    (near,) = mistakes(stop, {"clusters": ["shop"]})
    assert far.endswith('"eu-west-1/shop-3", "eu-west-1/shop-4", and 2 more.')
    assert near.count(" or ") == 2


def test_always_and_never_need_an_until(account: Account) -> None:
    account.add("a", "always")
    (told,) = mistakes(stop, {"clusters": ["a"]})
    assert '"always" has no next change. Say until when: "until": "20:00".' in told
    assert len(mistakes(stop, {"clusters": ["a"], "until": "6pm"})) == 1  # and not that it is missing
    (entry,) = stop(EVENING, {"clusters": ["a"], "until": "90m"})["clusters"]
    assert (entry["decision"], account.tag("a")) == ("stop", "stopped until 2026-11-24T19:00Z")


@pytest.mark.parametrize(
    ("hold", "times", "fault"),
    [
        ("running", {"until": "2026-11-24T18:30"}, '"until" is in the past'),
        ("running", {"from": "2026-11-24T18:00"}, '"from" is in the past'),
        ("running until 2020-01-01", {"from": "2026-11-26", "until": "2026-11-25"}, '"until" is not after "from"'),
        ("running", {"from": "2026-12-24", "until": "2027-01-04"}, "held running now"),
    ],
)
def test_a_hold_that_would_be_over_or_begin_in_the_past_or_during_another_is_refused(
    account: Account, hold: str, times: dict[str, str], fault: str
) -> None:
    account.add("a", TagList=tags(OFFICE, hold=hold))
    (told,) = mistakes(stop, {"clusters": ["a"], **times})
    assert fault in told
    assert changes(account) == []


@pytest.mark.usefixtures("two_regions")
def test_a_time_of_day_that_passed_within_half_an_hour_is_refused_with_both_date_times(account: Account) -> None:
    account.add("a", OFFICE)
    event = {"clusters": ["a"], "until": "20:00"}
    (told,) = mistakes(stop, event, "2026-11-24T19:01:00Z")
    assert 'just passed (2026-11-24T20:00+01:00). For the next day write "2026-11-25T20:00+01:00"' in told
    (told,) = mistakes(stop, {"clusters": ["a"], "until": "23:50"}, "2026-11-24T23:01:00Z")
    assert "just passed (2026-11-24T23:50+01:00)" in told
    account.add("b", OFFICE, region="us-east-1")
    every = mistakes(stop, event | {"clusters": ["*"]}, "2026-11-24T19:01:00Z")
    assert [each[:25] for each in every] == ['eu-west-1/a: "until" is "', 'us-east-1/b: "until" is "']
    assert changes(account) == []
    stop("2026-11-24T19:30:00Z", event)
    assert account.tag("a") == "stopped until 2026-11-25T20:00+01:00"


@pytest.mark.usefixtures("two_regions")
def test_a_name_is_looked_for_in_the_region_that_it_names(account: Account) -> None:
    for region in (HOME, "us-east-1"):
        account.add("reporting", OFFICE, region=region)
    account.add("far", OFFICE, region="us-east-1")
    told = mistakes(stop, {"clusters": ["eu-west-1/reportng", "reportng", "reporting", "eu-west-1/far"]})
    assert len(told) == 4
    for name in ("eu-west-1/reportng", "reportng"):
        assert f'The cluster "{name}" is unknown: did you mean "us-east-1/reporting" or "eu-west-1/reporting"?' in told
    assert 'The cluster "reporting" is in 2 Regions: write one of "us-east-1/reporting", "eu-west-1/reporting".' in told
    assert changes(account) == []


# Regions


@pytest.mark.usefixtures("two_regions")
def test_a_region_that_is_named_is_the_only_one_that_is_asked(account: Account) -> None:
    account.add("a", OFFICE, region="us-east-1")
    account.fail("DescribeDBClusters", ACCESS_DENIED, region=HOME)
    assert decisions(stop(EVENING, {"clusters": ["us-east-1/a"]})) == {"a": HELD}
    with time_machine.travel(EVENING, tick=False) as clock:
        account.before("DescribeDBClusters", lambda _: clock.shift(60))  # no time is left
        with pytest.raises(RunError, match=rf"\A(?!(?s:.*){HOME})"):
            stop(event={"clusters": ["us-east-1/a"]})
    assert {call.region for call in account.calls} == {"us-east-1"}


@pytest.mark.usefixtures("two_regions")
@pytest.mark.parametrize("hangs", [False, True], ids=["fails", "hangs"])
def test_while_a_region_fails_a_name_without_its_region_may_mean_another_cluster(
    account: Account, *, hangs: bool
) -> None:
    account.add("a", OFFICE)
    over = threading.Event()
    account.before("DescribeDBClusters", lambda _: over.wait(20) if hangs else ACCESS_DENIED, region="us-east-1")
    with pytest.raises(RunError, match=r"write region/identifier(.|\n)*Nothing was done(.|\n)*us-east-1") as caught:
        stop(EVENING, {"clusters": ["a", "b", f"{HOME}/d"]}, Context(remaining=4_000))
    over.set()
    # Of the Regions that were read it is known.
    assert [line for line in str(caught.value).splitlines() if "unknown" in line] == [
        f'The cluster "{HOME}/d" is unknown: the tagged clusters are "{HOME}/a".'
    ]
    assert changes(account) == []


def test_of_all_regions_one_that_is_denied_keeps_no_name_elsewhere_from_working(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, regions=["*"])
    account.enabled_regions = [HOME, "us-east-1"]
    account.add("a", OFFICE)
    account.fail("DescribeDBClusters", ACCESS_DENIED, region="us-east-1")
    account.add("b", OFFICE)
    assert decisions(stop(EVENING, {"clusters": ["a"]})) == {"a": HELD}
    for names in (["us-east-1/a"], ["us-east-1/a", f"{HOME}/b"]):
        with pytest.raises(RunError, match=r"Region us-east-1, listing its clusters: AccessDenied"):
            stop(EVENING, {"clusters": names})
    assert account.named("StopDBCluster") == ["a", "b"]


def test_where_the_list_of_regions_fails_a_name_in_another_one_is_no_mistake(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, regions=["*"])
    account.add("a", OFFICE)
    account.fail("ListRegions", ACCESS_DENIED)
    for name in ("us-east-1/a", "a"):
        with pytest.raises(RunError, match=r"The list of the account's Regions: AccessDenied"):
            stop(EVENING, {"clusters": [name]})
    assert decisions(stop(EVENING, {"clusters": [f"{HOME}/a"]})) == {"a": HELD}


# To ask, and not to do


@both
def test_a_dry_run_says_what_the_command_would_do_and_changes_nothing(account: Account, run: Run) -> None:
    account.add("on", OFFICE)
    account.add("off", OFFICE, Status="stopped")
    answer = run(EVENING, {"clusters": ["on", "off"], "until": "20:00", "dry_run": True})
    to, would = ("stopped", "on") if run is stop else ("running", "off")
    assert (answer["dry_run"], changes(account)) == (True, [])
    for entry in answer["clusters"]:
        assert entry["hold"] == f"{to} until 2026-11-24T20:00+01:00"
        assert entry["message"].startswith("Would be " if entry["cluster"] == would else "Held ")


def test_time_with_clusters_answers_for_those_alone_what_the_schedule_would_do(account: Account) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE)
    account.add("always", "always", Status="stopped")
    answer = stop(NOON, {"clusters": ["a", "always"], "time": "2026-11-24T18:30:00+01:00"})
    assert (answer["time"], answer["dry_run"]) == ("2026-11-24T17:30:00Z", True)
    assert decisions(answer) == {"a": ("stop", "scheduled"), "always": ("start", "enforced")}
    assert changes(account) == []


# What can go wrong


@pytest.mark.parametrize(("during", "done"), [("AddTagsToResource", ["AddTagsToResource"]), ("DescribeDBClusters", [])])
def test_what_its_hold_ends_before_is_not_begun(account: Account, during: str, done: list[str]) -> None:
    account.add("a", OFFICE)
    with time_machine.travel(EVENING, tick=False) as clock:
        account.before(during, lambda _: clock.shift(60))
        with nullcontext() if done else pytest.raises(RunError, match="too late to begin"):
            stop(event={"clusters": ["a"], "until": "1m"}, context=Context(remaining=900_000))
    assert changes(account) == [(each, "a") for each in done]


# Later, and back to the schedule

RESUME = {"clusters": ["a"], "resume": True}


def test_a_hold_can_begin_later_and_until_then_the_schedule_counts(account: Account) -> None:
    account.add("a", OFFICE)
    event = {"clusters": "a", "from": "2026-11-24 20:00", "until": "3h"}
    (entry,) = start(EVENING, event)["clusters"]
    assert entry["hold"] == account.tag("a") == "running from 2026-11-24T20:00+01:00 until 2026-11-24T23:00+01:00"
    assert (entry["decision"], entry["next"]) == ("stop", "2026-11-24T19:00:00Z")
    assert entry["message"].endswith("Its hold begins on Tue 2026-11-24 20:00 Europe/Berlin.")
    account.settle(EVENING)
    assert decisions(stop(EVENING)) == {"a": ("stop", "scheduled")}
    account.settle("2026-11-24T17:40:00Z")
    assert decisions(start("2026-11-24T18:55:00Z")) == {"a": ("leave", "as-scheduled")}
    assert decisions(start(LATE)) == {"a": ("start", "held")}
    account.settle("2026-11-24T19:10:00Z")
    assert decisions(stop("2026-11-24T22:00:00Z")) == {"a": ("stop", "scheduled")}


def test_a_hold_that_begins_later_ends_at_the_transition_after_it(account: Account) -> None:
    account.add("a", OFFICE)
    stop(NOON, {"clusters": ["a"], "from": "2026-11-26T12:00"})
    assert account.tag("a") == "stopped from 2026-11-26T12:00+01:00 until 2026-11-26T18:00+01:00"


@both
@pytest.mark.parametrize(
    ("hold", "ended"),
    [
        ("running until 2026-12-24", "running"),
        ("running from 2026-12-24", "running"),
        ("stopped until 2020-01-01", "stopped"),
        ("runing", "running"),
    ],
)
def test_resume_ends_a_hold_and_the_schedule_has_the_cluster_again(
    account: Account, run: Run, hold: str, ended: str
) -> None:
    account.add("a", TagList=tags(OFFICE, hold=hold))
    (entry,) = run(EVENING, RESUME)["clusters"]
    assert account.tag("a") == f"{ended} until 2026-11-24T18:30+01:00"
    assert (entry["decision"], entry["reason"], entry["next"]) == ("stop", "scheduled", "2026-11-25T07:00:00Z")
    assert "Back on its schedule." in entry["message"]
    assert ("StopDBCluster", "a") in changes(account) or run is start


def test_resume_gives_back_what_was_changed_by_hand_without_a_hold(account: Account) -> None:
    account.add("a", OFFICE, Status="stopped")
    account.log("a", "DB cluster stopped", "2026-11-24T09:00:00Z")
    assert decisions(start(NOON)) == {"a": ("leave", "changed-by-hand")}
    (entry,) = start(NOON, RESUME)["clusters"]
    assert entry["message"].startswith("Starting. Back on its schedule. Its hold ended on")
    assert account.tag("a") == "stopped until 2026-11-24T12:00+01:00"
