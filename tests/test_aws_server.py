"""The server that the tests of the functions rely on, asked by plain boto3."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import boto3
import pytest
import time_machine
from botocore.config import Config
from botocore.exceptions import ClientError
from types_boto3_rds import RDSClient

from aws_server import ACCESS_DENIED, HOME, THROTTLED, Account, Damage, our_role

pytest_plugins = ["aws_server"]


@pytest.fixture
def rds(account: Account) -> RDSClient:
    del account
    return boto3.client("rds", config=Config(retries={"mode": "adaptive", "max_attempts": 4}))


def test_a_listing_comes_in_pages_of_the_size_asked_for(account: Account, rds: RDSClient) -> None:
    for number in range(45):
        account.add(f"c{number:02}")
    pages = list(rds.get_paginator("describe_db_clusters").paginate(PaginationConfig={"PageSize": 20}))
    assert [len(page["DBClusters"]) for page in pages] == [20, 20, 5]
    assert account.counts() == {"DescribeDBClusters": 3}


def test_a_stop_takes_its_time_and_is_logged_at_its_end(account: Account, rds: RDSClient) -> None:
    account.add("a")
    assert rds.stop_db_cluster(DBClusterIdentifier="a")["DBCluster"]["Status"] == "stopping"
    with pytest.raises(rds.exceptions.InvalidDBClusterStateFault):
        rds.stop_db_cluster(DBClusterIdentifier="a")
    account.settle("2026-11-23T18:07:00Z")
    assert rds.describe_db_clusters()["DBClusters"][0]["Status"] == "stopped"
    hours = [datetime(2026, 11, 23, hour, tzinfo=UTC) for hour in (18, 19)]
    (event,) = rds.describe_events(SourceType="db-cluster", StartTime=hours[0], EndTime=hours[1])["Events"]
    assert (event["Message"], event["Date"]) == ("DB cluster stopped.", datetime(2026, 11, 23, 18, 7, tzinfo=UTC))


@pytest.mark.parametrize("damage", Damage)
def test_a_damaged_answer_is_that_of_a_call_which_was_carried_out(
    account: Account, rds: RDSClient, damage: Damage
) -> None:
    account.add("a")
    account.fail("StopDBCluster", damage)
    with pytest.raises(Exception, match=r"InternalFailure|InvalidDBClusterState|Connection was closed|Unable to parse"):
        rds.stop_db_cluster(DBClusterIdentifier="a")
    assert [call.cluster for call in account.carried_out] == ["a"]
    assert account.clusters[HOME]["a"]["Status"] == "stopping"


def test_trouble_is_the_same_for_the_same_seed_and_never_too_often_in_a_row(account: Account, rds: RDSClient) -> None:
    def attempts(seed: str, one_in: int) -> list[int]:
        account.heal()
        account.trouble(seed, [THROTTLED], one_in=one_in)
        made = []
        for name in "abcdefgh":
            account.calls.clear()
            rds.describe_db_clusters(DBClusterIdentifier=name)
            made.append(len(account.calls))
        return made

    for name in "abcdefgh":
        account.add(name)
    assert attempts("1", one_in=1) == [4] * 8
    assert attempts("1", one_in=2) == attempts("1", one_in=2) != attempts("2", one_in=2)


def looked_up(since: str) -> list[dict[str, Any]]:
    pages = boto3.client("cloudtrail").get_paginator("lookup_events")
    attributes: Any = [{"AttributeKey": "EventName", "AttributeValue": "StopDBCluster"}]
    found = pages.paginate(LookupAttributes=attributes, StartTime=datetime.fromisoformat(since))
    return [json.loads(event["CloudTrailEvent"]) for page in found for event in page["Events"]]


def test_the_trail_shows_calls_of_people_and_of_our_functions_the_latest_first_and_after_a_while(
    account: Account, rds: RDSClient
) -> None:
    account.trail_records, account.trail_delay = True, timedelta(minutes=5)
    account.add("a")
    for minute in range(60):
        account.called("StopDBCluster", "a", f"2026-11-23T17:{minute:02}:00Z", by="alice", error="Denied")
    account.called("StartDBCluster", "a", "2026-11-23T17:30:00Z")
    with time_machine.travel("2026-11-23T18:00:00Z", tick=False) as clock:
        rds.stop_db_cluster(DBClusterIdentifier="a")
        assert len(looked_up("2026-11-23T17:50:00Z")) == 6
        clock.shift(300)
        (ours, *theirs) = looked_up("2026-11-23T17:00:00Z")
    assert (ours["eventTime"], ours["userIdentity"]["arn"]) == ("2026-11-23T18:00:00Z", our_role("stop"))
    assert (ours["requestParameters"], "errorCode" in ours) == ({"dBClusterIdentifier": "a"}, False)
    assert (len(theirs), theirs[0]["userIdentity"]["userName"], theirs[0]["errorCode"]) == (60, "alice", "Denied")
    assert account.counts()["LookupEvents"] == 3  # pages have fifty


def test_connections_are_told_by_period_where_there_were_any(account: Account) -> None:
    for minute, most in ((1, 3), (2, 5), (11, 0)):
        account.connected("a", f"2026-11-23T17:{minute:02}:00+00:00", most)
    dimensions: Any = [{"Name": "DBClusterIdentifier", "Value": "a"}]
    metric: Any = {"Namespace": "AWS/RDS", "MetricName": "DatabaseConnections", "Dimensions": dimensions}
    (result,) = boto3.client("cloudwatch").get_metric_data(
        MetricDataQueries=[{"Id": "a", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Maximum"}}],
        StartTime=datetime(2026, 11, 23, 17, tzinfo=UTC),
        EndTime=datetime(2026, 11, 23, 18, tzinfo=UTC),
    )["MetricDataResults"]
    assert ([at.minute for at in result["Timestamps"]], result["Values"]) == ([10, 0], [0.0, 5.0])


@pytest.mark.parametrize(
    ("service", "operation", "asked"),
    [
        ("rds", "describe_db_clusters", {}),
        ("cloudwatch", "get_metric_data", {"MetricDataQueries": [], "StartTime": 0, "EndTime": 1}),
        ("cloudtrail", "lookup_events", {}),
        ("account", "list_regions", {}),
    ],
)
def test_a_refusal_is_read_in_each_protocol(
    account: Account, service: Literal["rds"], operation: str, asked: dict[str, Any]
) -> None:
    account.fail("*", ACCESS_DENIED)
    with pytest.raises(ClientError, match=r"AccessDenied.*not authorized"):
        getattr(boto3.client(service), operation)(**asked)
