"""The report: hours by RDS's event log, money by AWS's price list, and the message when there is something to say.

All figures are computed by hand. The 23rd of November 2026 is a Monday; reports are for 06:00 UTC.
"""

import json
import threading
import time
from typing import Any

import pytest

from aws_server import ACCESS_DENIED, HOME, Account
from invocation import Context, Log, invoke, settings
from office_hours import handlers
from office_hours.answer import RunError
from office_hours.event import EventError
from price_list import instance

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00 UTC"
MONDAY, TUESDAY = "2026-11-23T06:00:00Z", "2026-11-24T06:00:00Z"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:aurora-office-hours"


@pytest.fixture(autouse=True)
def environment(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.products = [*instance("db.r8g.large", "0.50")]
    monkeypatch.setenv("OFFICE_HOURS_TOPIC", TOPIC)
    monkeypatch.setenv("OFFICE_HOURS_REPORT", "daily")


def report(event: object = None, at: str = TUESDAY) -> dict[str, Any]:
    return invoke(handlers.report, at, event, None)


def a_week(account: Account, name: str = "reporting", tag: str = OFFICE) -> None:
    """A cluster that ran from 08:00 to 18:00 on each working day of the past two weeks, as its tag asks."""
    account.add(name, tag, Status="stopped")
    for day in (10, 11, 12, 13, 16, 17, 18, 19, 20, 23):
        account.log(name, "DB cluster started.", f"2026-11-{day}T08:00:00+00:00")
        account.log(name, "DB cluster stopped.", f"2026-11-{day}T18:00:00+00:00")


def test_hours_and_money_of_a_day_a_week_and_two(account: Account) -> None:
    a_week(account)
    answer = report()
    # From Tuesday at 06:00 back: 10 of 24 hours; 5 working days of 7; 10 of 14. At half a dollar an hour.
    expected = [
        {"days": 1, "running_hours": 10.0, "stopped_hours": 14.0, "complete": True, "saved_usd": 7.0, "note": ""},
        {"days": 7, "running_hours": 50.0, "stopped_hours": 118.0, "complete": True, "saved_usd": 59.0, "note": ""},
        {"days": 14, "running_hours": 100.0, "stopped_hours": 236.0, "complete": True, "saved_usd": 118.0, "note": ""},
    ]
    (cluster,) = answer["clusters"]
    assert (cluster["cluster"], cluster["region"], cluster["periods"]) == ("reporting", HOME, expected)
    assert answer["total"]["periods"] == expected
    # The coming 30 days from Tuesday have 22 working days.
    assert cluster["projection"] == {
        "days": 30, "running_hours": 220.0, "stopped_hours": 500.0, "complete": True, "saved_usd": 250.0, "note": "",
    }  # fmt: skip
    assert (answer["sent"], answer["failures"], account.published) == (False, [], [])
    assert set(account.counts().values()) == {1}, "one question for the events, the instances and the clusters of all"


def test_what_is_never_acted_on_has_hours_and_no_savings_to_come(account: Account) -> None:
    a_week(account, "fine")
    account.add("untagged", Status="stopped")
    account.add("ignored", "ignore", Status="stopped")
    account.add("world", OFFICE, GlobalClusterIdentifier="world")
    account.add("held", TagList=[{"Key": "office-hours", "Value": OFFICE}, {"Key": "office-hours-hold", "Value": "x"}])
    answer = report()
    fine, held, ignored, world = answer["clusters"]
    assert (fine["note"], *(each["projection"] for each in (held, ignored, world))) == ("", None, None, None)
    assert 'the global database "world"' in world["note"]
    assert 'hold "x"' in held["note"]
    assert [each["running_hours"] for each in world["periods"]] == [24.0, 168.0, 336.0]
    assert answer["total"]["projection"] == fine["projection"]


def test_where_nothing_is_stopped_nothing_is_sent(account: Account) -> None:
    account.add("a", "always")
    answer = report({"send": True})
    assert [each["saved_usd"] for each in answer["clusters"][0]["periods"]] == [0.0, 0.0, 0.0]
    assert (answer["sent"], account.published) == (False, []), "there is nothing to say"
    assert answer["not_sent"] == "No cluster was stopped in the last day."


# The message


def test_the_schedules_invocation_sends_it_as_text(account: Account) -> None:
    a_week(account, "reporting")
    a_week(account, "batch", tag="never")
    account.add("world", OFFICE, GlobalClusterIdentifier="world")
    account.classes["batch-1"] = "db.x.unknown"
    answer = report({"send": True})
    assert answer["sent"] is True
    (message,) = account.published
    assert message["TopicArn"] == TOPIC
    assert message["Subject"] == "Aurora Office Hours: 28.0 hours stopped in the last day"
    all_clusters, reporting, batch, world, _ = message["Message"].split("\n\n")[1:]
    assert all_clusters.startswith("All 3 clusters\n")
    assert "last 7 days: 236.0 hours stopped, 268.0 hours running, 59.00 US dollars saved *" in all_clusters
    assert "1 of 3 clusters: their prices are not known" in all_clusters
    # The one that saved the most comes first.
    assert reporting.startswith("reporting (eu-west-1)\n")
    assert "next 30 days by schedule: 500.0 hours stopped, 220.0 hours running, 250.00 US dollars saved" in reporting
    assert "last day: 14.0 hours stopped, 10.0 hours running, savings not known *" in batch
    assert "for db.x.unknown" in batch
    assert 'the global database "world"' in world


def test_of_many_clusters_the_message_has_those_that_saved_the_most(account: Account) -> None:
    account.add("c000", "always")
    for number in range(1, 103):
        a_week(account, f"c{number:03}")
    report({"send": True})
    text = account.published[0]["Message"]
    assert "All 103 clusters\n" in text
    named = [line for line in text.splitlines() if line.endswith("(eu-west-1)")]
    assert (len(named), named[0], named[-1]) == (100, "c001 (eu-west-1)", "c100 (eu-west-1)")
    assert "And 3 more clusters" in text


@pytest.mark.parametrize(
    ("how_often", "at", "of"),
    [("daily", TUESDAY, ["day"]), ("weekly", TUESDAY, []), ("weekly", MONDAY, ["7 days"]), ("never", MONDAY, [])],
)
def test_it_is_sent_as_often_as_the_setting_says(
    account: Account, monkeypatch: pytest.MonkeyPatch, how_often: str, at: str, of: list[str]
) -> None:
    monkeypatch.setenv("OFFICE_HOURS_REPORT", how_often)
    a_week(account)
    answer = report({"send": True}, at)
    assert (answer["sent"], "not_sent" in answer) == (bool(of), not of)
    assert [each["Subject"].rpartition(" in the last ")[2] for each in account.published] == of


def test_what_was_saved_in_a_day_is_a_metric_once_a_day(
    account: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    a_week(account)
    report()
    assert "SavedUSD" not in capsys.readouterr().out
    report({"send": True})
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "SavedUSD" in text]
    assert line["SavedUSD"] == [7.0]
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")  # as in an organization's members
    report({"send": True})
    assert "SavedUSD" not in capsys.readouterr().out


# What can go wrong


def test_a_region_that_fails_is_said_and_the_others_are_reported_on(
    account: Account, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"])
    a_week(account)
    account.add("of-unknown-hours", OFFICE, region="us-east-1")
    account.fail("DescribeEvents", ACCESS_DENIED, region="us-east-1")
    with pytest.raises(RunError, match=r"(?s)^1 failed, and 1 clusters were reported on\..*us-east-1.*AccessDenied"):
        report({"send": True})
    (message,) = account.published
    assert "Could not be read: Region us-east-1, reading its events: AccessDenied" in message["Message"]
    # A line of the log for each cluster, and one for all.
    (line,) = [line for line in log.lines("INFO") if "periods" in line]
    assert (line["cluster"], line["region"], line["periods"][0]["saved_usd"]) == ("reporting", HOME, 7.0)
    (summary,) = [line["report"] for line in log.lines("INFO") if "report" in line]
    assert ("clusters" in summary, summary["total"]["periods"][0]["saved_usd"]) == (False, 7.0)


def test_a_region_that_hangs_leaves_the_time_to_price_and_send_the_others(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"])
    a_week(account)
    over, began = threading.Event(), time.perf_counter()
    account.before("DescribeEvents", lambda _: over.wait(20), region="us-east-1")
    with pytest.raises(RunError, match=r"(?s)^1 failed, and 1 clusters.*Region us-east-1: TimeoutError"):
        invoke(handlers.report, TUESDAY, {"send": True}, Context(remaining=6_000))
    assert time.perf_counter() - began < 5, "half of six seconds but two, for Regions"
    over.set()
    assert "reporting (eu-west-1)\n" in account.published[0]["Message"]
    assert "Could not be read: Region us-east-1: TimeoutError: " in account.published[0]["Message"]


def test_a_topic_that_refuses_is_a_failure_and_the_report_is_in_the_log(account: Account, log: Log) -> None:
    a_week(account)
    account.fail("Publish", ACCESS_DENIED)
    with pytest.raises(RunError, match="Sending the report: AccessDenied"):
        report({"send": True})
    (line,) = [line for line in log.lines("INFO") if "report" in line]
    assert line["report"]["total"]["periods"][0]["saved_usd"] == 7.0


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        ({"Send": True}, "Unknown key"),
        ({"send": 1}, '"send" is 1'),
        ({"suggest": True, "send": True}, '"send" goes alone'),
    ],
)
def test_anything_else_is_refused(account: Account, event: object, fault: str) -> None:
    with pytest.raises(EventError) as caught:
        report(event)
    assert fault in str(caught.value)
    assert account.calls == []
