"""The server that the tests of the functions rely on, asked by plain boto3."""

from datetime import UTC, datetime

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from types_boto3_rds import RDSClient

from rds_server import INTERNAL_FAILURE, RESET, THROTTLED, RdsServer, Refusal

pytest_plugins = ["rds_server"]


@pytest.fixture
def rds(account: RdsServer) -> RDSClient:
    del account
    return boto3.client("rds", config=Config(retries={"mode": "adaptive", "max_attempts": 4}))


def test_a_listing_comes_in_pages_of_the_size_asked_for(account: RdsServer, rds: RDSClient) -> None:
    for number in range(45):
        account.add(f"c{number:02}")
    pages = list(rds.get_paginator("describe_db_clusters").paginate(PaginationConfig={"PageSize": 20}))
    assert [len(page["DBClusters"]) for page in pages] == [20, 20, 5]
    assert account.counts() == {"DescribeDBClusters": 3}


@pytest.mark.parametrize("size", [19, 101])
def test_a_page_size_that_rds_does_not_know_is_refused(rds: RDSClient, size: int) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        rds.describe_db_clusters(MaxRecords=size)


def test_the_engine_filter_leaves_other_engines_out(account: RdsServer, rds: RDSClient) -> None:
    account.add("mine", Engine="aurora-mysql")
    account.add("other", Engine="postgres")
    found = rds.describe_db_clusters(Filters=[{"Name": "engine", "Values": ["aurora-mysql"]}])
    assert [cluster["DBClusterIdentifier"] for cluster in found["DBClusters"]] == ["mine"]


def test_the_retired_engine_is_refused_as_rds_refuses_it(rds: RDSClient) -> None:
    with pytest.raises(ClientError, match="Unrecognized engine name: aurora"):
        rds.describe_db_clusters(Filters=[{"Name": "engine", "Values": ["aurora", "aurora-mysql"]}])


def test_a_stop_takes_its_time_and_is_logged_at_its_end(account: RdsServer, rds: RDSClient) -> None:
    account.add("a")
    assert rds.stop_db_cluster(DBClusterIdentifier="a")["DBCluster"]["Status"] == "stopping"
    with pytest.raises(rds.exceptions.InvalidDBClusterStateFault):
        rds.stop_db_cluster(DBClusterIdentifier="a")
    account.settle("2026-11-23T18:07:00Z")
    assert rds.describe_db_clusters()["DBClusters"][0]["Status"] == "stopped"
    (event,) = rds.describe_events(
        SourceType="db-cluster",
        SourceIdentifier="a",
        StartTime=datetime(2026, 11, 23, 18, tzinfo=UTC),
        EndTime=datetime(2026, 11, 23, 19, tzinfo=UTC),
    )["Events"]
    assert (event["Message"], event["Date"]) == ("DB cluster stopped.", datetime(2026, 11, 23, 18, 7, tzinfo=UTC))


def test_a_cluster_is_in_its_own_region_alone(account: RdsServer, rds: RDSClient) -> None:
    account.add("here")
    account.add("there", region="us-east-1")
    assert rds.describe_db_clusters()["DBClusters"][0]["DBClusterIdentifier"] == "here"
    there = boto3.client("rds", region_name="us-east-1").describe_db_clusters()["DBClusters"]
    assert [cluster["DBClusterIdentifier"] for cluster in there] == ["there"]


@pytest.mark.parametrize("fault", [THROTTLED, INTERNAL_FAILURE, RESET])
def test_what_passes_is_retried_without_waiting(account: RdsServer, rds: RDSClient, fault: Refusal) -> None:
    account.fail("DescribeDBClusters", fault, times=3)
    assert rds.describe_db_clusters()["DBClusters"] == []
    assert account.counts() == {"DescribeDBClusters": 4}


def test_a_connection_that_is_always_cut_is_an_error(account: RdsServer, rds: RDSClient) -> None:
    account.fail("DescribeDBClusters", RESET)
    with pytest.raises(ConnectionClosedError):
        rds.describe_db_clusters()


def test_every_third_call_can_be_throttled(account: RdsServer, rds: RDSClient) -> None:
    account.fail("DescribeDBClusters", THROTTLED, every=3)
    for _ in range(6):
        rds.describe_db_clusters()
    assert account.counts() == {"DescribeDBClusters": 8}


def test_regions_come_in_pages_without_the_disabled(account: RdsServer) -> None:
    account.enabled_regions = ["eu-west-1", "us-east-1", "us-west-2"]
    pages = (
        boto3.client("account").get_paginator("list_regions").paginate(RegionOptStatusContains=["ENABLED_BY_DEFAULT"])
    )
    assert [[region["RegionName"] for region in page["Regions"]] for page in pages] == [
        ["eu-west-1", "us-east-1"],
        ["us-west-2"],
    ]
