"""What comes of a run: its answer, the log, and the metrics.

The log has the whole DBCluster of every action, and nothing that is not worth a line. What RDS returns is made up from
botocore's own service model, every member filled, so that a member that a later botocore knows is in these tests by
itself. Metrics are one line in the embedded metric format, few names, none a cluster.

At 18:00 UTC on the 23rd of November 2026, a Monday, `mon-fri 08:00-18:00` closes.
"""

import json
from contextlib import nullcontext
from itertools import count
from typing import Any

import pytest

from aws_server import ACCESS_DENIED, HOME, Account, Refusal
from invocation import Log, start, stop
from office_hours.answer import RunError
from office_hours.event import EventError
from snapshots import STRUCTURE, difference, filled, hollow

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00"
CLOSING, LATER = "2026-11-23T18:00:00Z", "2026-11-23T18:35:00Z"


def test_an_answer_counts_the_reasons_and_says_all_about_each_cluster(account: Account) -> None:
    account.add("closing", f"{OFFICE} Europe/Berlin")
    account.add("down", OFFICE, Status="stopped")
    account.add("never", "never")
    at, counts = "2026-11-23T17:00:00Z", {"scheduled": 2, "enforced": 1}
    answer = stop(at)
    entries = answer.pop("clusters")
    assert answer == {"action": "stop", "time": at, "dry_run": False, "counts": counts}
    assert all(entry.pop("message").endswith(".") for entry in entries)
    keys = ("cluster", "region", "status", "decision", "reason", "next")
    assert [tuple(entry.pop(key) for key in keys) for entry in entries] == [
        ("closing", HOME, "available", "stop", "scheduled", "2026-11-24T07:00:00Z"),
        ("down", HOME, "stopped", "start", "scheduled", "2026-11-23T18:00:00Z"),
        ("never", HOME, "available", "stop", "enforced", None),
    ]
    assert not any(entries), "no other keys"


# The log

ACTIONS = {
    "stop": (stop, "never", "available", "StopDBCluster"),
    "start": (start, "always", "stopped", "StartDBCluster"),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("returned", [filled(STRUCTURE, "", count()), hollow(STRUCTURE)], ids=["filled", "hollow"])
def test_every_leaf_of_the_returned_cluster_is_in_the_log(
    account: Account, log: Log, action: str, returned: dict[str, Any]
) -> None:
    run, tag, status, operation = ACTIONS[action]
    account.add("a", tag, Status=status)
    account.instead[operation] = {"DBCluster": returned}
    run(CLOSING)
    (line,) = (line for line in log.lines() if "db_cluster" in line)
    assert difference(line["db_cluster"], returned) == []
    assert line["level"] == "INFO"


@pytest.mark.parametrize("dry", [{}, {"dry_run": True}], ids=["run", "dry run"])
def test_a_run_ends_with_one_summary(account: Account, log: Log, dry: dict[str, bool]) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE, Status="stopped")
    account.add("c", "never")
    stop(CLOSING, dry)
    (summary,) = (line for line in log.lines("INFO") if "counts" in line)
    assert summary == log.lines()[-1]
    assert summary["counts"] == {"as-scheduled": 1, "enforced": 1, "scheduled": 1}
    assert summary["dry_run"] is bool(dry)
    lines = [(line["cluster"], line["action"], line["reason"]) for line in log.lines()[:-1]]
    assert sorted(lines) == ([] if dry else [("a", "stop", "scheduled"), ("c", "stop", "enforced")])


def test_what_is_left_is_told_at_debug_and_not_above(account: Account, log: Log) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE, Status="stopped")  # the start function's to start
    stop("2026-11-23T12:00:00Z")
    assert [line["level"] for line in log.lines()] == ["INFO"]
    log.debug()
    stop("2026-11-23T12:00:00Z")
    told = {line["cluster"]: line for line in log.lines("DEBUG") if "cluster" in line}
    assert (told["a"]["reason"], told["b"]["reason"]) == ("as-scheduled", "scheduled")
    assert "start function" in told["b"]["message"]


@pytest.mark.parametrize(
    ("operation", "where"),
    [
        ("StopDBCluster", {"region": HOME, "cluster": "a"}),
        ("DescribeEvents", {"region": HOME, "cluster": "a"}),
        ("DescribeDBClusters", {"region": HOME}),
    ],
)
def test_a_failure_is_an_error_in_rdss_own_words(
    account: Account, log: Log, operation: str, where: dict[str, str]
) -> None:
    account.add("a", OFFICE)
    account.fail(operation, Refusal("KMSKeyNotAccessibleFault", "The key <arn> & its alias are disabled."))
    with pytest.raises(RunError):
        stop(CLOSING)
    (line,) = log.lines("ERROR")
    assert line["error_code"] == "KMSKeyNotAccessibleFault"
    assert line["error_message"] == "The key <arn> & its alias are disabled."
    assert where.items() <= line.items()
    assert ("/".join(where.values())) in line["message"]


# Metrics


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
    stop(CLOSING)
    assert sent(capsys) == {"Failures": 0, "Refused": 0, "Stopped": 2, "InvalidTags": 1, "OverdueClusters": 1}
    start(CLOSING)  # which tells nothing of tags, and neither does a command
    assert sent(capsys) == {"Failures": 0, "Refused": 0, "Started": 1}
    busy_account.clusters[HOME]["open"]["Status"] = "stopped"
    busy_account.fail("StartDBCluster", Refusal("InvalidDBClusterStateFault", "It is in a blue/green deployment."))
    start(CLOSING)
    assert sent(capsys) == {"Failures": 0, "Refused": 1, "Started": 0}
    stop(CLOSING, {"clusters": ["a"]})
    assert sent(capsys) == {"Failures": 0, "Refused": 0, "Stopped": 0}


def test_what_fails_is_counted_also_where_the_run_does(
    busy_account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    busy_account.fail("StopDBCluster", ACCESS_DENIED, cluster="a")
    with pytest.raises(RunError):
        stop(CLOSING)
    assert sent(capsys) == {"Failures": 1, "Refused": 0, "Stopped": 1, "InvalidTags": 1, "OverdueClusters": 1}


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


@pytest.mark.usefixtures("busy_account")
@pytest.mark.parametrize("event", [{"dry_run": True}, {"time": LATER}, {"clusters": ["unknown"]}], ids=str)
def test_who_only_asks_or_makes_a_mistake_is_not_counted(
    capsys: pytest.CaptureFixture[str], event: dict[str, Any]
) -> None:
    with pytest.raises(EventError) if "clusters" in event else nullcontext():
        stop(CLOSING, event)
    assert '"_aws"' not in capsys.readouterr().out
