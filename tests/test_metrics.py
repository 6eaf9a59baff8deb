"""The metrics that a run sends: one line in the embedded metric format, few names, none a cluster.

At 18:00 UTC on the 23rd of November 2026, a Monday, `mon-fri 08:00-18:00` closes.
"""

import json
from contextlib import nullcontext
from typing import Any

import pytest

from aws_server import ACCESS_DENIED, Account, Refusal
from invocation import Log, start, stop
from office_hours.answer import RunError
from office_hours.event import EventError

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00"
CLOSING, LATER = "2026-11-23T18:00:00Z", "2026-11-23T18:35:00Z"


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
    account.add("open", "always", Status="stopped")  # for as long as there are events: overdue
    return account


def test_the_stop_functions_run_counts_what_it_stopped_and_what_is_wrong(
    busy_account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert busy_account.calls == []
    stop(CLOSING)
    assert sent(capsys) == {"Failures": 0, "Refused": 0, "Stopped": 2, "InvalidTags": 1, "OverdueClusters": 1}
    start(CLOSING)  # which tells nothing of tags, and neither does a command
    assert sent(capsys) == {"Failures": 0, "Refused": 0, "Started": 1}
    stop(CLOSING, {"clusters": ["a"]})
    assert sent(capsys) == {"Failures": 0, "Refused": 0, "Stopped": 0}


def test_what_fails_is_counted_also_where_the_run_does(
    busy_account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    busy_account.fail("StopDBCluster", ACCESS_DENIED, cluster="a")
    with pytest.raises(RunError):
        stop(CLOSING)
    assert sent(capsys) == {"Failures": 1, "Refused": 0, "Stopped": 1, "InvalidTags": 1, "OverdueClusters": 1}


@pytest.mark.parametrize("tag", [OFFICE, "never", "always"])
def test_a_refusal_is_counted_and_is_no_failure(
    account: Account, capsys: pytest.CaptureFixture[str], log: Log, tag: str
) -> None:
    account.add("a", tag, Status="stopped" if tag == "always" else "available")
    refusal = Refusal("InvalidDBClusterStateFault", "The cluster is part of a blue/green deployment.")
    run, operation = (start, "StartDBCluster") if tag == "always" else (stop, "StopDBCluster")
    account.fail(operation, refusal, cluster="a")
    run(CLOSING)
    found = sent(capsys)
    assert (found["Failures"], found["Refused"]) == (0, 1)
    assert "blue/green" in next(line["message"] for line in log.lines("WARNING") if line["cluster"] == "a")


def test_overdue_is_what_this_run_does_not_bring_on_its_way_and_what_needs_attention(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.add("late", OFFICE)
    account.add("busy", OFFICE, Status="modifying")
    account.add("stuck", OFFICE, Status="storage-full")
    account.add("down", "always", Status="stopped")
    account.add("refused", OFFICE)
    account.add("by-hand", OFFICE)
    account.called("StartDBCluster", "by-hand", "2026-11-23T18:02:00Z")
    account.fail("StopDBCluster", Refusal("InvalidDBInstanceState", "No."), cluster="refused")
    stop(LATER)
    # "refused", "busy", "stuck", and "down", which is the start function's to start
    assert sent(capsys) == {"Failures": 0, "Refused": 1, "Stopped": 1, "InvalidTags": 0, "OverdueClusters": 4}


@pytest.mark.parametrize("event", [{"dry_run": True}, {"time": LATER}, {"clusters": ["unknown"]}], ids=str)
def test_who_only_asks_or_makes_a_mistake_is_not_counted(
    busy_account: Account, capsys: pytest.CaptureFixture[str], event: dict[str, Any]
) -> None:
    assert busy_account.calls == []
    with pytest.raises(EventError) if "clusters" in event else nullcontext():
        stop(CLOSING, event)
    assert '"_aws"' not in capsys.readouterr().out
