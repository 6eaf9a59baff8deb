"""The log: the whole DBCluster of every action, and nothing that is not worth a line.

What RDS returns is made up from botocore's own service model, every member filled, so that a member that a later
botocore knows is in these tests by itself.
"""

from itertools import count
from typing import Any

import pytest

from aws_server import HOME, Account, Refusal
from invocation import Log, start, stop
from office_hours.answer import RunError
from snapshots import STRUCTURE, difference, filled, hollow

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00"
CLOSING = "2026-11-23T18:00:00Z"


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


# One line an action


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
