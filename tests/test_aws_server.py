"""The server that the tests of the functions rely on: what they would pass without, if it did nothing."""

import boto3
import pytest
from botocore.config import Config
from types_boto3_rds import RDSClient

from aws_server import HOME, THROTTLED, Account, Damage

pytest_plugins = ["aws_server"]


@pytest.fixture
def rds(account: Account) -> RDSClient:
    for name in "abcdefgh":
        account.add(name)
    return boto3.client("rds", config=Config(retries={"mode": "adaptive", "max_attempts": 4}))


@pytest.mark.parametrize("damage", Damage)
def test_a_damaged_answer_is_that_of_a_call_which_was_carried_out(
    account: Account, rds: RDSClient, damage: Damage
) -> None:
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

    assert attempts("1", one_in=1) == [4] * 8
    assert attempts("1", one_in=2) == attempts("1", one_in=2) != attempts("2", one_in=2)
