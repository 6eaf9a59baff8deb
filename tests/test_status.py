"""The status function: what every tagged cluster is, why, what comes next, and what needs attention.

The 24th of November 2026 is a Tuesday; at 17:30 UTC it is 18:30 in Berlin, after office hours.
"""

import json
from datetime import datetime
from typing import Any

import pytest

from aws_server import ACCESS_DENIED, HOME, Account
from invocation import Context, Handler, Log, invoke, settings
from office_hours import handlers
from office_hours.answer import RunError
from office_hours.event import EventError

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00 Europe/Berlin"
EVENING = "2026-11-24T17:30:00Z"
LOOKING = {"DescribeDBClusters", "DescribeDBInstances", "DescribeEvents"}


def status(event: object = None, at: str = EVENING, context: Context | None = None) -> Any:  # noqa: ANN401  JSON, or a page
    return invoke(handlers.status, at, event, context)


def problems(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["problem"], each["cluster"]) for each in answer["problems"]]


def test_it_says_all_about_each_tagged_cluster(account: Account) -> None:
    account.add("reporting", OFFICE, Status="stopped", EngineVersion="17.5")
    account.add("untagged")
    account.classes["reporting-1"] = "db.r8g.xlarge"
    answer = status()
    (entry,) = answer.pop("clusters")
    assert answer == {"time": EVENING, "problems": []}
    assert "Wed 2026-11-25 08:00 Europe/Berlin" in entry.pop("message")
    assert entry == {
        "cluster": "reporting",
        "region": HOME,
        "status": "stopped",
        "decision": "leave",
        "reason": "as-scheduled",
        "next": "2026-11-25T07:00:00Z",
        "desired": "stopped",
        "schedule": OFFICE,
        "engine": "aurora-postgresql",
        "version": "17.5",
        "instances": ["db.r8g.xlarge"],
        "overdue": False,
    }
    assert account.counts() == dict.fromkeys(LOOKING, 1)


@pytest.mark.parametrize(
    ("tag", "hold", "reason", "desired"),
    [
        (OFFICE, None, "scheduled", "stopped"),
        (OFFICE, "running until 2026-11-24T20:00", "held", "running"),
        (OFFICE, "running until 2026-11-24T18:00", "scheduled", "stopped"),
        (f"{OFFICE} grace=2h", None, "in-use", "stopped"),
        ("mno", None, "invalid-tag", None),
        (OFFICE, "soon", "invalid-tag", None),
    ],
)
def test_what_each_cluster_is_and_should_be_now_is_told(
    account: Account, tag: str, hold: str | None, reason: str, desired: str | None
) -> None:
    account.add("a", tag, hold)
    (entry,) = status()["clusters"]
    assert (entry["reason"], entry["desired"]) == (reason, desired)
    assert entry["message"].startswith("The next run stops it. ") == (reason == "scheduled")
    assert ("by Tue 2026-11-24 20:00 Europe/Berlin at the latest" in entry["message"]) == (reason == "in-use")
    if reason == "held":
        assert (entry["hold"], entry["next"]) == ("running until 2026-11-24T20:00+01:00", "2026-11-24T19:00:00Z")


def test_who_changed_it_is_read_from_the_log_as_the_runs_read_it(account: Account) -> None:
    account.add("a", OFFICE)
    account.add("old", "last-day 06:00-22:00")
    account.log("a", "DB cluster started.", "2026-11-24T17:31:00+00:00")
    account.log("old", "DB cluster started.", "2026-11-15T09:00:00+00:00")
    at = "2026-11-24T18:00:00Z"
    reasons = {entry["cluster"]: entry["reason"] for entry in status(at=at)["clusters"]}
    assert reasons == {"a": "changed-by-hand", "old": "changed-by-hand"}
    assert account.named("DescribeEvents") == ["", "", "old"]


# What needs attention


def test_problems_come_first_and_the_worst_of_them(account: Account) -> None:
    account.add("a-documents", OFFICE, Engine="docdb")
    account.add("b-bad", "mno-fri 08:00-18:00")
    account.add("c-near", TagList=[{"Key": "Office_Hours", "Value": OFFICE}])
    account.add("d-late", "mon-fri 08:00-17:00 Europe/Berlin")
    in_a_day, later = map(datetime.fromisoformat, ("2026-11-25T17:30Z", "2026-11-25T17:31Z"))
    account.add("e-restart", "never", Status="stopped", AutomaticRestartTime=in_a_day)
    account.add("f-fine", OFFICE, Status="stopped", AutomaticRestartTime=later)
    account.add("g-broken", OFFICE, Status="failed")
    account.add("h-misplaced")
    tagged = {"DBInstanceIdentifier": "h-misplaced-1", "TagList": [{"Key": "office-hours", "Value": OFFICE}]}
    account.instead["DescribeDBInstances"] = {"DBInstances": [tagged]}
    answer = status()
    assert problems(answer) == [
        ("invalid-tag", "b-bad"),
        ("invalid-tag", "c-near"),
        ("needs-attention", "g-broken"),
        ("overdue", "d-late"),
        ("tag-on-instance", "h-misplaced"),
        ("ineligible", "a-documents"),
        ("automatic-restart", "e-restart"),
    ]
    messages = {each["cluster"]: each["message"] for each in answer["problems"]}
    assert 'did you mean "mon-fri 08:00-18:00' in messages["b-bad"]
    assert 'did you mean "office-hours"?' in messages["c-near"]
    assert "the tag is on the instance h-misplaced-1" in messages["h-misplaced"]
    assert "Wed 2026-11-25 17:30 UTC" in messages["e-restart"]
    assert [entry["cluster"] for entry in answer["clusters"] if entry["overdue"]] == ["d-late", "g-broken"]


def test_a_region_that_fails_is_a_problem_and_the_others_are_shown(
    account: Account, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"])
    account.add("a", OFFICE, Status="stopped")
    account.fail("DescribeDBClusters", ACCESS_DENIED, region="us-east-1")
    answer = status()
    assert problems(answer) == [("failure", "")]
    assert "us-east-1" in answer["problems"][0]["message"]
    assert [entry["cluster"] for entry in answer["clusters"]] == ["a"]
    assert log.lines("ERROR")


def test_where_nothing_can_be_seen_it_fails(account: Account) -> None:
    account.fail("DescribeDBClusters", ACCESS_DENIED)
    with pytest.raises(RunError, match=r"(?s)Nothing could be seen\..*AccessDenied"):
        status()


@pytest.mark.parametrize("operation", ["DescribeEvents", "DescribeDBInstances"])
def test_what_one_call_does_not_tell_the_others_do(account: Account, operation: str) -> None:
    account.add("a", OFFICE, Status="stopped")
    account.add("b", OFFICE)
    account.fail(operation, ACCESS_DENIED)
    answer = status()
    # Without the log nobody guesses who changed the other one.
    guessed = operation != "DescribeEvents"
    assert [entry["cluster"] for entry in answer["clusters"]] == ["a", *(["b"] if guessed else [])]
    assert guessed or any("eu-west-1/b" in each["message"] for each in answer["problems"])
    assert problems(answer)[0] == ("failure", "")


def test_a_region_that_a_policy_denies_is_named_and_no_problem(
    account: Account, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    settings(monkeypatch, regions=["*"])
    account.enabled_regions = [HOME, "us-east-1"]
    account.add("a", OFFICE, Status="stopped")
    for operation in LOOKING:
        account.fail(operation, ACCESS_DENIED, region="us-east-1")
    answer = status()
    assert (answer["denied_regions"], answer["problems"], len(answer["clusters"])) == (["us-east-1"], [], 1)
    assert "a policy denies them: us-east-1." in str(status({"widgetContext": {}}))
    assert invoke(handlers.report, EVENING, {}, None)["denied_regions"] == ["us-east-1"]
    assert log.lines("ERROR") == []


def test_one_odd_cluster_costs_itself_alone(account: Account) -> None:
    account.add("odd", "never", Status="stopped", AutomaticRestartTime="some day")
    account.add("fine", OFFICE, Status="stopped")
    answer = status()
    assert [entry["cluster"] for entry in answer["clusters"]] == ["fine"]
    assert "eu-west-1/odd" in answer["problems"][0]["message"]


def test_who_changed_it_is_said_where_cloudtrail_knows(account: Account, log: Log) -> None:
    for name in ("a", "b"):
        account.add(name, OFFICE)
    account.called("StartDBCluster", "a", "2026-11-24T17:10:00+00:00", by="alice")
    a, b = status()["clusters"]
    assert (a["reason"], a["by"], a["desired"]) == ("changed-by-hand", "alice", "stopped")
    assert "by alice" in a["message"]
    assert (b["reason"], "by" in b) == ("scheduled", False)
    assert account.counts()["LookupEvents"] == 1
    account.fail("LookupEvents", ACCESS_DENIED)
    assert [entry["reason"] for entry in status()["clusters"]] == ["scheduled", "scheduled"]
    (warning,) = log.lines("WARNING")
    assert "CloudTrail can't be read in eu-west-1" in warning["message"]


@pytest.mark.parametrize("function", [handlers.status, handlers.report])
def test_of_more_clusters_than_an_answer_holds_as_many_are_told_as_it_does(account: Account, function: Handler) -> None:
    for number in range(400):  # each with ten times as much text as RDS allows, for want of ten times as many
        account.add(f"c{number}", "\N{BLACK HEART SUIT}" * 2_560, Status="stopped")
    answer = invoke(function, EVENING, {}, Context(remaining=300_000))
    assert 5_900_000 < len(json.dumps(answer)) < 6 * 1024 * 1024
    assert len(answer["clusters"]) + answer["more_clusters"] == 400
    assert len(answer.get("problems", ())) + answer.get("more_problems", 400) == 400


# The event


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        ({"key1": "value1"}, '"key1"'),
        ({"Explain": "x"}, '"explain"'),
        ({"explain": 5}, '"explain" is 5'),
        ({"describe": 0}, '"describe" is 0'),
        ({"widgetContext": "x"}, '"widgetContext" is "x": expected what CloudWatch sends'),
        ([], "not a JSON object"),
    ],
    ids=str,
)
def test_anything_else_is_refused_and_looks_at_nothing(account: Account, event: object, fault: str, log: Log) -> None:
    with pytest.raises(EventError) as caught:
        status(event)
    assert fault in str(caught.value)
    assert account.calls == []
    assert [line["message"] for line in log.lines("WARNING")] == [str(caught.value)]


def test_it_describes_itself_in_markdown(account: Account) -> None:
    assert status({"describe": True}).startswith("### Aurora Office Hours\n")
    assert account.calls == []
