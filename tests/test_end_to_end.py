"""The stack as the CDK deploys it, on an emulated account: its schedules fire, and clusters stop and start.

The tests share one deployment, which the last two change and remove.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

from local import clusters, deployment, emulator, people
from local.clusters import Cluster, next_edge, window
from local.emulator import REGION, Account
from local.follow import START, STOP, log, notices, subscribe
from local.people import invoke
from office_hours.clock import local

ELSEWHERE = "us-east-1"
HOUR = timedelta(hours=1)
UTC_ZONE = ZoneInfo("UTC")
MINUTE = timedelta(minutes=1)
LIMIT = 240  # seconds; a schedule has fired after 80, on an idle machine


@pytest.fixture(scope="module")
def empty() -> Iterator[Account]:
    """An account that is prepared for the CDK, and has nothing else."""
    with emulator.account() as account:
        deployment.bootstrap(account)
        yield account


@pytest.fixture(scope="module")
def bare(empty: Account) -> dict[str, list[str]]:
    """What the account has before the stack is deployed."""
    return inventory(empty)


@pytest.fixture(scope="module")
def queue(empty: Account, bare: dict[str, list[str]]) -> str:
    """Where the notices of the deployed stack come."""
    assert not bare["functions"]
    deployment.deploy(empty, everyMinutes=1, noticeMinutes=1)
    return subscribe(empty)


@pytest.fixture(scope="module")
def account(empty: Account, queue: str) -> Account:  # noqa: ARG001
    """An account with the stack, and with clusters that it has not seen yet."""
    edge = next_edge(datetime.now(UTC))
    for cluster in (
        Cluster("closing", window(edge - 2 * HOUR, edge)),
        Cluster("soon", window(edge - 2 * HOUR, edge + MINUTE)),
        Cluster("in-use", f"{window(edge - 2 * HOUR, edge)} grace=1h", used="always"),
        Cluster("outside", f"{window(edge + HOUR, edge + 2 * HOUR)} enforced"),
        Cluster("inside", f"{window(edge - 2 * HOUR, edge + 2 * HOUR)} enforced"),
        Cluster("opened", f"{window(edge - 2 * HOUR, edge + 2 * HOUR)} enforced", engine="aurora-mysql", stopped=True),
        Cluster("evening", f"{window(edge + HOUR, edge + 2 * HOUR)} enforced", stopped=True),
        Cluster("noon", window(edge - 2 * HOUR, edge + 2 * HOUR)),
        Cluster("untagged", None, used="mon-fri 08:00-18:00 UTC"),
        Cluster("bad-tag", "mno-fri 08:00-18:00"),
        Cluster("not-aurora", "never", engine="mysql"),
    ):
        clusters.make(empty, cluster)
    return empty


@dataclass(frozen=True)
class Evening:
    """Somebody works late.

    until: when the cluster "evening" is not needed any more.
    answer: what the start function said.
    tags: what the cluster had then.
    status: the same.
    """

    until: datetime
    answer: dict[str, Any]
    tags: dict[str, str]
    status: str


@pytest.fixture(scope="module")
def evening(account: Account) -> Evening:
    """The cluster "evening", outside its hours, started by hand over the schedules' next run."""
    until = next_edge(datetime.now(UTC)) + MINUTE
    failed, answer = invoke(account, START, {"clusters": ["Evening"], "until": f"{until:%H:%M}"})
    assert not failed
    cluster = snapshots(account)["evening"]
    return Evening(until, answer, {tag["Key"]: tag["Value"] for tag in cluster["TagList"]}, cluster["Status"])


@pytest.fixture(scope="module")
def stopped_at(account: Account) -> datetime:
    """When carol stopped the cluster "noon" in RDS itself, which dave then tries in vain."""
    at = datetime.now(UTC)
    people.stop(account, "noon", "carol")
    with pytest.raises(ClientError, match="InvalidDBClusterStateFault"):
        people.stop(account, "noon", "dave")
    return at


@pytest.fixture(scope="module")
def fired(account: Account, evening: Evening, stopped_at: datetime) -> dict[str, str]:  # noqa: ARG001
    """Each cluster's status after the schedules' own firing, before the end of what was asked for by hand and after."""
    assert evening.status == "available"

    def both_have_acted() -> bool:
        # A run logs its summary when all else is done. On a busy machine the emulator can take a function's last lines
        # for its next run's.
        return (
            all(any(line.get("counts") for line in log(account, function)) for function in (STOP, START))
            and {"closing", "evening", "soon"} <= actions(account, STOP).keys()
            and {"opened", "evening"} <= actions(account, START).keys()
        )

    eventually("both functions are invoked by their schedules, after the edge and after the hold", both_have_acted)
    return dict(clusters.statuses(account))


def eventually(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < deadline, f"Not after {LIMIT} seconds: {what}"
        time.sleep(0.5)


def snapshots(account: Account) -> dict[str, Any]:
    """All that RDS says about each cluster."""
    listed = account.client("rds").describe_db_clusters()["DBClusters"]
    return {cluster["DBClusterIdentifier"]: cluster for cluster in listed}


def actions(account: Account, function: str) -> Counter[str]:
    """For how many lines of its log each cluster was acted on."""
    return Counter(line["cluster"] for line in log(account, function) if "db_cluster" in line)


def dry_run(account: Account, function: str) -> dict[str, Any]:
    """What the function would do, by cluster."""
    failed, answer = invoke(account, function, {"dry_run": True})
    assert not failed
    return {entry["cluster"]: entry for entry in answer["clusters"] if entry["region"] == REGION}


def inventory(account: Account) -> dict[str, list[str]]:
    """The names of all that a stack of ours could leave behind."""

    def names(service: str, operation: str, key: str, name: str) -> list[str]:
        pages = account.client(service).get_paginator(operation).paginate()
        return sorted(each[name] for page in pages for each in page[key])

    return {
        "functions": names("lambda", "list_functions", "Functions", "FunctionName"),
        "schedules": names("scheduler", "list_schedules", "Schedules", "Name"),
        # Every account has this one, and the emulator makes it when the first schedule is made.
        "groups": [
            name for name in names("scheduler", "list_schedule_groups", "ScheduleGroups", "Name") if name != "default"
        ],
        "roles": names("iam", "list_roles", "Roles", "RoleName"),
        "logs": names("logs", "describe_log_groups", "logGroups", "logGroupName"),
        "topics": names("sns", "list_topics", "Topics", "TopicArn"),
        "subscriptions": names("sns", "list_subscriptions", "Subscriptions", "Endpoint"),
        "alarms": names("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        "dashboards": names("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
        "queues": account.client("sqs").list_queues().get("QueueUrls", []),
        "stacks": names("cloudformation", "describe_stacks", "Stacks", "StackName"),
    }


def test_a_start_by_hand_is_done_at_once_and_written_on_the_cluster(evening: Evening) -> None:
    assert evening.status == "available"
    assert evening.tags["office-hours-hold"] == f"running until {evening.until:%Y-%m-%dT%H:%M}Z"
    (entry,) = evening.answer["clusters"]
    assert entry["reason"] == "held"
    assert f"Held running until {local(evening.until, UTC_ZONE)}" in entry["message"]


def test_the_schedules_stop_and_start_what_is_due_once_and_nothing_else(
    account: Account, fired: dict[str, str]
) -> None:
    assert fired == {
        **dict.fromkeys(("inside", "opened", "in-use", "untagged", "bad-tag", "not-aurora"), "available"),
        **dict.fromkeys(("closing", "soon", "outside", "evening", "noon"), "stopped"),
    }
    assert actions(account, STOP) == {"closing": 1, "soon": 1, "outside": 1, "evening": 1}
    assert actions(account, START) == {"opened": 1, "evening": 1}


@pytest.mark.usefixtures("fired")
def test_one_that_is_in_use_waits(account: Account) -> None:
    entry = dry_run(account, STOP)["in-use"]
    assert (entry["decision"], entry["reason"]) == ("leave", "in-use")
    assert "connected in the last ten minutes" in entry["message"]


@pytest.mark.usefixtures("fired")
def test_a_notice_comes_before_a_stop_with_the_command_that_keeps_it_up(account: Account, queue: str) -> None:
    (told,) = (each.text for each in notices(account, queue) if "soon stops on" in each.text)
    assert "lambda invoke --function-name aurora-office-hours-start" in told
    account.client("sqs").delete_queue(QueueUrl=queue)  # no part of the stack


@pytest.mark.usefixtures("fired")
def test_an_untagged_one_gets_a_suggestion(account: Account) -> None:
    failed, answer = invoke(account, "aurora-office-hours-report", {"suggest": True})
    assert not failed
    (suggestion,) = answer["suggestions"]
    assert (suggestion["cluster"], suggestion["tag"]) == ("untagged", "mon-fri 08:00-18:00")


def test_who_stops_one_by_hand_is_respected_and_named(
    account: Account, fired: dict[str, str], stopped_at: datetime
) -> None:
    assert fired["noon"] == "stopped"
    entry = dry_run(account, START)["noon"]
    assert (entry["decision"], entry["reason"], entry["by"]) == ("leave", "changed-by-hand", "carol")
    instants = [local(at, UTC_ZONE) for at in (stopped_at, stopped_at + MINUTE)]
    assert any(f"Stopped by carol on {at}" in entry["message"] for at in instants)


@pytest.mark.usefixtures("fired")
@pytest.mark.parametrize(("function", "cluster"), [(STOP, "closing"), (START, "opened")])
def test_the_log_has_the_whole_cluster_as_rds_knows_it(account: Account, function: str, cluster: str) -> None:
    (logged,) = (line["db_cluster"] for line in log(account, function) if line.get("cluster") == cluster)
    (known,) = account.client("rds").describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"]
    assert len(known) > 30
    assert logged == json.loads(
        json.dumps(known, default=lambda at: at.astimezone(UTC).isoformat().replace("+00:00", "Z"))
    )


@pytest.mark.usefixtures("fired")
def test_the_schedule_leaves_what_was_started_by_hand_until_the_time_is_over_and_stops_it_then(
    account: Account, evening: Evening
) -> None:
    runs = [line for line in log(account, STOP) if "held" in line.get("counts", {})]
    assert {datetime.fromisoformat(run["time"]) < evening.until for run in runs} == {True}
    (stopped,) = (line for line in log(account, STOP) if line.get("cluster") == "evening" and "db_cluster" in line)
    assert datetime.fromisoformat(stopped["timestamp"]) >= evening.until


@pytest.mark.usefixtures("fired")
def test_changed_settings_arrive(account: Account) -> None:
    changed = {"regions": [REGION, ELSEWHERE], "notifyEmail": "dba@example.com", "cloudTrail": False}
    deployment.deploy(account, everyMinutes=60, **changed)
    for region in (REGION, ELSEWHERE):
        clusters.make(account, Cluster("late", "never", region=region))
    failed, answer = invoke(account, STOP, {})
    assert not failed
    assert {each["region"] for each in answer["clusters"] if each["cluster"] == "late"} == {REGION, ELSEWHERE}
    assert dict(clusters.statuses(account))["late"] == "stopped"
    assert dict(clusters.statuses(account, ELSEWHERE)) == {"late": "stopped"}
    schedule = account.client("scheduler").get_schedule(GroupName="aurora-office-hours", Name=STOP)
    assert schedule["ScheduleExpression"] == "cron(0 * * * ? *)"
    assert inventory(account)["subscriptions"] == ["dba@example.com"]
    # Without CloudTrail, RDS's event log decides, which has no names.
    noon = dry_run(account, START)["noon"]
    assert noon["reason"] == "changed-by-hand"
    assert "by" not in noon


def test_a_removed_stack_leaves_nothing(account: Account, bare: dict[str, list[str]]) -> None:
    assert inventory(account) != bare
    deployment.destroy(account)
    assert inventory(account) == bare
