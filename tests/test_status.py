"""The status function: what every tagged cluster is, why, what comes next, and what somebody should see to.

The 24th of November 2026 is a Tuesday; at 17:30 UTC it is 18:30 in Berlin, after office hours.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from aws_server import ACCESS_DENIED, HOME, Account
from invocation import Log, invoke
from office_hours import handlers
from office_hours.answer import RunError
from office_hours.event import EventError

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00 Europe/Berlin"
EVENING = "2026-11-24T17:30:00Z"
LOOKING = {"DescribeDBClusters", "DescribeDBInstances", "DescribeEvents"}


def status(event: object = None, at: str = EVENING) -> Any:  # noqa: ANN401  JSON, or a page
    return invoke(handlers.status, at, event, None)


def problems(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["problem"], each["cluster"]) for each in answer["problems"]]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_it_says_all_about_each_tagged_cluster(account: Account) -> None:
    account.add("reporting", OFFICE, Status="stopped", EngineVersion="17.5")
    account.add("untagged")
    account.classes["reporting-1"] = "db.r8g.xlarge"
    answer = status()
    assert answer == {
        "time": EVENING,
        "problems": [],
        "clusters": [
            {
                "cluster": "reporting",
                "region": HOME,
                "status": "stopped",
                "decision": "leave",
                "reason": "as-scheduled",
                "message": "It is stopped, as its schedule asks until Wed 2026-11-25 08:00 Europe/Berlin.",
                "next": "2026-11-25T07:00:00Z",
                "desired": "stopped",
                "schedule": OFFICE,
                "engine": "aurora-postgresql",
                "version": "17.5",
                "instances": ["db.r8g.xlarge"],
                "overdue": False,
            }
        ],
    }
    assert json.loads(json.dumps(answer)) == answer


def test_it_only_looks_and_asks_each_region_once(account: Account) -> None:
    for number in range(30):
        account.add(f"a{number}", OFFICE)
    status()
    assert account.counts() == dict.fromkeys(LOOKING, 1)


def test_a_hold_in_force_is_shown(account: Account) -> None:
    tags = {"office-hours": OFFICE, "office-hours-hold": "running until 2026-11-24T20:00"}
    account.add("a", TagList=[{"Key": key, "Value": value} for key, value in tags.items()])
    (entry,) = status()["clusters"]
    assert (entry["reason"], entry["hold"], entry["next"]) == (
        "held",
        "running until 2026-11-24T19:00Z",
        "2026-11-24T19:00:00Z",
    )


@pytest.mark.parametrize(
    ("tags", "members", "desired"),
    [
        ({"office-hours": OFFICE}, {}, "stopped"),
        ({"office-hours": OFFICE, "office-hours-hold": "running until 2026-11-24T20:00"}, {}, "running"),
        ({"office-hours": OFFICE, "office-hours-hold": "running until 2026-11-24T18:00"}, {}, "stopped"),
        ({"office-hours": OFFICE}, {"GlobalClusterIdentifier": "world"}, "stopped"),
        ({"office-hours": "mno"}, {}, None),
        ({"office-hours": OFFICE, "office-hours-hold": "soon"}, {}, None),
    ],
    ids=str,
)
def test_what_each_cluster_should_be_now_is_told_whatever_it_is(
    account: Account, tags: dict[str, str], members: dict[str, Any], desired: str | None
) -> None:
    account.add("a", TagList=[{"Key": key, "Value": value} for key, value in tags.items()], **members)
    (entry,) = status()["clusters"]
    assert entry["desired"] == desired


def test_what_the_next_run_is_to_do_is_said(account: Account) -> None:
    account.add("a", OFFICE)
    (entry,) = status()["clusters"]
    assert (entry["decision"], entry["reason"]) == ("stop", "scheduled")
    assert entry["message"].startswith("The next run is to stop it. Its schedule asks for stopped since ")


def test_who_changed_it_is_read_from_the_log_as_the_runs_read_it(account: Account) -> None:
    account.add("a", OFFICE)
    account.add("old", "last-day 06:00-22:00")
    account.log("a", "DB cluster started.", "2026-11-24T17:31:00+00:00")
    account.log("old", "DB cluster started.", "2026-11-15T09:00:00+00:00")
    at = "2026-11-24T18:00:00Z"
    reasons = {entry["cluster"]: entry["reason"] for entry in status(at=at)["clusters"]}
    assert reasons == {"a": "changed-by-hand", "old": "changed-by-hand"}
    assert account.named("DescribeEvents") == ["", "old"]


# What somebody should see to


def test_problems_come_first_and_the_worst_of_them(account: Account) -> None:
    account.add("a-global", OFFICE, GlobalClusterIdentifier="world")
    account.add("b-bad", "mno-fri 08:00-18:00")
    account.add("c-near", TagList=[{"Key": "Office_Hours", "Value": OFFICE}])
    account.add("d-late", "mon-fri 08:00-17:00 Europe/Berlin")
    account.add("e-restart", "never", Status="stopped", AutomaticRestartTime=utc("2026-11-25T17:30"))
    account.add("f-fine", OFFICE, Status="stopped", AutomaticRestartTime=utc("2026-11-25T17:31"))
    answer = status()
    assert problems(answer) == [
        ("invalid-tag", "b-bad"),
        ("invalid-tag", "c-near"),
        ("overdue", "d-late"),
        ("ineligible", "a-global"),
        ("automatic-restart", "e-restart"),
    ]
    messages = [each["message"] for each in answer["problems"]]
    assert 'did you mean "mon-fri 08:00-18:00' in messages[0]
    assert 'did you mean "office-hours"?' in messages[1]
    assert messages[2].startswith("It has not been on its way for two runs.")
    assert "Wed 2026-11-25 17:30 UTC" in messages[4]


def test_a_region_that_fails_is_a_problem_and_the_others_are_shown(
    account: Account, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps({"regions": [HOME, "us-east-1"]}))
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
    account.fail(operation, ACCESS_DENIED)
    answer = status()
    assert [entry["cluster"] for entry in answer["clusters"]] == ["a"]
    assert problems(answer) == [("failure", "")]


def test_without_the_log_nobody_guesses_who_changed_it(account: Account) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE, Status="stopped")
    account.fail("DescribeEvents", ACCESS_DENIED)
    answer = status()
    assert [entry["cluster"] for entry in answer["clusters"]] == ["b"]
    assert any("eu-west-1/a" in each["message"] for each in answer["problems"])


# The event


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        ({"clusters": ["a"]}, '"clusters"'),
        ({"key1": "value1"}, '"key1"'),
        ({"Explain": "x"}, 'did you mean "explain"?'),
        ({"explain": 5}, '"explain" has 5'),
        ({"describe": False}, '"describe" has false'),
        ([], "no JSON object"),
    ],
    ids=str,
)
def test_anything_else_is_refused_counted_and_looks_at_nothing(
    account: Account, event: object, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EventError) as caught:
        status(event)
    assert fault in str(caught.value)
    assert account.calls == []
    assert '"UserErrors"' in capsys.readouterr().out


def test_it_describes_itself_in_markdown(account: Account) -> None:
    assert status({"describe": True}).startswith("### Aurora Office Hours\n")
    assert account.calls == []
