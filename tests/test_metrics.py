"""The metrics that a run sends: one line in the embedded metric format, few names, none a cluster.

At 18:00 UTC on the 23rd of November 2026, a Monday, `mon-fri 08:00-18:00` closes.
"""

import json
from typing import Any

import pytest

from aws_server import ACCESS_DENIED, Account
from invocation import start, stop
from office_hours.answer import RunError

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00"
CLOSING, LATER = "2026-11-23T18:00:00Z", "2026-11-23T18:15:00Z"


def sent(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """The one line of metrics, its values by their names."""
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines() if '"_aws"' in text]
    (kind,) = line["_aws"]["CloudWatchMetrics"]
    assert (kind["Namespace"], kind["Dimensions"]) == ("AuroraOfficeHours", [["service"]])
    assert line["service"] == "aurora-office-hours"
    return {metric["Name"]: line[metric["Name"]][0] for metric in kind["Metrics"]}


@pytest.fixture
def busy_account(account: Account) -> Account:
    account.add("a", OFFICE)
    account.add("b", OFFICE)
    account.add("bad", "mno 08:00-18:00")
    account.add("open", "always", Status="stopped")
    return account


def test_the_stop_functions_run_counts_what_it_stopped_and_what_is_wrong(
    busy_account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert busy_account.calls == []
    stop(CLOSING)
    assert sent(capsys) == {"Failures": 0, "Stopped": 2, "InvalidTags": 1, "OverdueClusters": 0}


def test_the_start_functions_run_tells_nothing_of_tags(
    busy_account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert busy_account.calls == []
    start(CLOSING)
    assert sent(capsys) == {"Failures": 0, "Started": 1}


def test_what_fails_is_counted_also_where_the_run_does(
    busy_account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    busy_account.fail("StopDBCluster", ACCESS_DENIED, cluster="a")
    with pytest.raises(RunError):
        stop(CLOSING)
    assert sent(capsys) == {"Failures": 1, "Stopped": 1, "InvalidTags": 1, "OverdueClusters": 0}


def test_overdue_is_what_this_run_does_not_bring_on_its_way(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.add("late", OFFICE)
    account.add("busy", OFFICE, Status="modifying")
    account.add("refused", OFFICE)
    account.before(
        "StopDBCluster", lambda _: account.clusters["eu-west-1"]["refused"].update(Status="x"), cluster="refused"
    )
    stop(LATER)
    assert sent(capsys) == {"Failures": 0, "Stopped": 1, "InvalidTags": 0, "OverdueClusters": 2}


def test_the_interval_is_that_of_the_settings(
    account: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps({"everyMinutes": 10}))
    account.add("busy", OFFICE, Status="modifying")
    stop(LATER)
    assert sent(capsys)["OverdueClusters"] == 0


def test_a_command_counts_what_it_did_and_nothing_of_tags(
    busy_account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert busy_account.calls == []
    stop(CLOSING, {"clusters": ["a"]})
    assert sent(capsys) == {"Failures": 0, "Stopped": 1}


@pytest.mark.parametrize("event", [{"dry_run": True}, {"time": LATER}])
def test_who_only_asks_is_not_counted(
    busy_account: Account, capsys: pytest.CaptureFixture[str], event: dict[str, Any]
) -> None:
    assert busy_account.calls == []
    stop(CLOSING, event)
    assert '"_aws"' not in capsys.readouterr().out
