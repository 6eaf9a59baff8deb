"""The report: hours by RDS's event log, money by AWS's price list, and the message when there is something to say.

All figures are computed by hand. The 23rd of November 2026 is a Monday; reports are for 06:00 UTC.
"""

import json
from typing import Any

import pytest

from invocation import Log, invoke
from office_hours import handlers
from office_hours.event import EventError
from office_hours.run import RunError
from price_server import PriceServer, instance
from rds_server import ACCESS_DENIED, HOME, RdsServer

pytest_plugins = ["rds_server", "invocation", "price_server"]

OFFICE = "mon-fri 08:00-18:00 UTC"
MONDAY, TUESDAY = "2026-11-23T06:00:00Z", "2026-11-24T06:00:00Z"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:aurora-office-hours"


# The message about two clusters with the same hours, of one of which no price is known.
TEXT = """\
In the last day, tagged Aurora clusters were stopped for 28.0 hours and ran for 20.0, which saved 7.00 US dollars. \
Without the savings of 1 of 2 clusters: their prices are not known. See the notes of 1 of 2 clusters.
By their schedules, the coming 30 days will have 1220.0 hours of standstill, worth 250.00 US dollars.

batch (eu-west-1): stopped for 14.0 hours, ran for 10.0, at a price that is not known. No price: AWS's price list has \
none, or several, for db.x.unknown (Aurora PostgreSQL, standard storage) in eu-west-1.

reporting (eu-west-1): stopped for 14.0 hours, ran for 10.0, which saved 7.00 US dollars.

These are list prices on demand of the clusters' instances; storage is paid for in any case, and reservations and \
discounts are not known here. Hours are counted from RDS's event log, which keeps 14 days.
""".splitlines()


@pytest.fixture(autouse=True)
def environment(price_list: PriceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    price_list.products = [*instance("db.r8g.large", "0.50")]
    monkeypatch.setenv("OFFICE_HOURS_TOPIC", TOPIC)
    monkeypatch.setenv("OFFICE_HOURS_REPORT", "daily")


def report(event: object = None, at: str = TUESDAY) -> dict[str, Any]:
    return invoke(handlers.report, at, event, None)


def a_week(account: RdsServer, name: str = "reporting", tag: str = OFFICE) -> None:
    """A cluster that ran from 08:00 to 18:00 on each working day of the past two weeks, as its tag asks."""
    account.add(name, tag, Status="stopped")
    for day in (10, 11, 12, 13, 16, 17, 18, 19, 20, 23):
        account.log(name, "DB cluster started.", f"2026-11-{day}T08:00:00+00:00")
        account.log(name, "DB cluster stopped.", f"2026-11-{day}T18:00:00+00:00")


def test_hours_and_money_of_a_day_a_week_and_two(account: RdsServer) -> None:
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
    assert (answer["sent"], answer["failures"]) == (False, [])
    assert json.loads(json.dumps(answer)) == answer


def test_the_total_is_the_sum_and_the_clusters_are_in_order(account: RdsServer) -> None:
    a_week(account, "b")
    a_week(account, "a")
    account.classes["b-1"] = "db.x.unknown"
    answer = report()
    assert [each["cluster"] for each in answer["clusters"]] == ["a", "b"]
    week = answer["total"]["periods"][1]
    assert (week["stopped_hours"], week["saved_usd"], week["complete"]) == (236.0, 59.0, False)
    assert "1 of 2 clusters" in week["note"]
    unknown = answer["clusters"][1]["periods"][1]
    assert unknown["saved_usd"] is None
    assert "db.x.unknown" in unknown["note"]


def test_untagged_clusters_are_left_out_and_unreadable_ones_have_no_projection(account: RdsServer) -> None:
    account.add("untagged", Status="stopped")
    a_week(account, "bad", tag="mno 08:00-18:00")
    (cluster,) = report()["clusters"]
    assert (cluster["cluster"], cluster["projection"]) == ("bad", None)
    assert cluster["periods"][0]["stopped_hours"] == 14.0


def test_where_nothing_is_stopped_no_price_is_asked_for(account: RdsServer, price_list: PriceServer) -> None:
    account.add("a", "always")
    (cluster,) = report()["clusters"]
    assert [each["saved_usd"] for each in cluster["periods"]] == [0.0, 0.0, 0.0]
    assert price_list.calls == []


def test_one_question_for_events_instances_and_clusters_is_enough(account: RdsServer) -> None:
    for name in ("a", "b", "c"):
        a_week(account, name)
    report()
    assert account.counts() == {"DescribeDBClusters": 1, "DescribeEvents": 1, "DescribeDBInstances": 1}


# The message


def test_the_schedules_invocation_sends_it_as_text(account: RdsServer) -> None:
    a_week(account, "reporting")
    a_week(account, "batch", tag="never")
    account.classes["batch-1"] = "db.x.unknown"
    answer = report({"send": True})
    assert answer["sent"] is True
    (message,) = account.published
    assert message["TopicArn"] == TOPIC
    assert message["Subject"] == "Aurora Office Hours: 28 hours stopped in the last day"
    assert message["Message"].splitlines() == TEXT


@pytest.mark.parametrize("event", [{}, {"send": False}, None])
def test_a_person_who_asks_gets_it_as_the_answer_alone(account: RdsServer, event: object) -> None:
    a_week(account)
    assert report(event)["sent"] is False
    assert account.published == []


@pytest.mark.parametrize(
    ("how_often", "at", "sent"),
    [("daily", TUESDAY, True), ("weekly", TUESDAY, False), ("weekly", MONDAY, True), ("never", MONDAY, False)],
)
def test_it_is_sent_as_often_as_the_setting_says(
    account: RdsServer, monkeypatch: pytest.MonkeyPatch, how_often: str, at: str, *, sent: bool
) -> None:
    monkeypatch.setenv("OFFICE_HOURS_REPORT", how_often)
    a_week(account)
    assert report({"send": True}, at)["sent"] is sent
    assert [each["Subject"][-7:] for each in account.published] == (
        [] if not sent else ["ast day"] if how_often == "daily" else [" 7 days"]
    )


def test_where_nothing_was_stopped_there_is_nothing_to_say(account: RdsServer) -> None:
    account.add("a", "always")
    assert report({"send": True})["sent"] is False
    assert account.published == []


def test_what_was_saved_in_a_day_is_a_metric_once_a_day(account: RdsServer, capsys: pytest.CaptureFixture[str]) -> None:
    a_week(account)
    report()
    assert "SavedUSD" not in capsys.readouterr().out
    report({"send": True})
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "SavedUSD" in text]
    assert line["SavedUSD"] == [7.0]
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]


# What can go wrong


def test_a_region_that_fails_is_said_and_the_others_are_reported_on(
    account: RdsServer, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps({"regions": [HOME, "us-east-1"]}))
    a_week(account)
    account.fail("DescribeEvents", ACCESS_DENIED, region="us-east-1")
    with pytest.raises(RunError, match=r"(?s)^1 failed, and 1 clusters were reported on\..*us-east-1.*AccessDenied"):
        report({"send": True})
    (message,) = account.published
    assert "Could not be read: us-east-1/events: AccessDenied" in message["Message"]
    (line,) = [line for line in log.lines("INFO") if "report" in line]
    assert [each["cluster"] for each in line["report"]["clusters"]] == ["reporting"]


def test_a_topic_that_refuses_is_a_failure_and_the_report_is_in_the_log(account: RdsServer, log: Log) -> None:
    a_week(account)
    account.fail("Publish", ACCESS_DENIED)
    with pytest.raises(RunError, match="Sending the report: AccessDenied"):
        report({"send": True})
    (line,) = [line for line in log.lines("INFO") if "report" in line]
    assert line["report"]["total"]["periods"][0]["saved_usd"] == 7.0


def test_prices_that_cannot_be_read_leave_the_hours(account: RdsServer, price_list: PriceServer) -> None:
    a_week(account)
    price_list.products = []
    day = report()["clusters"][0]["periods"][0]
    assert (day["stopped_hours"], day["saved_usd"]) == (14.0, None)
    assert day["note"].startswith("No price: ")


@pytest.mark.parametrize(
    ("event", "fault"),
    [({"Send": True}, 'did you mean "send"?'), ({"send": 1}, '"send" has 1'), ([], "no JSON object")],
)
def test_anything_else_is_refused(account: RdsServer, event: object, fault: str) -> None:
    with pytest.raises(EventError) as caught:
        report(event)
    assert fault in str(caught.value)
    assert account.calls == []
