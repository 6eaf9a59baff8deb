"""The simulated RDS: a change takes its time and is logged at its end, and after seven days AWS starts a cluster."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
import pytest
import time_machine
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.rds.models import rds_backends

from demo.simulated_rds import SimulatedRds

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import DBClusterTypeDef


class Account:
    """One available cluster, `a`, on Tuesday, 1 December 2026."""

    def __init__(self, simulated: SimulatedRds, set_clock: Callable[[datetime], None]) -> None:
        self.client: RDSClient = boto3.client("rds", "eu-west-1")
        self._simulated, self._set_clock = simulated, set_clock
        self.client.create_db_cluster(
            DBClusterIdentifier="a", Engine="aurora-mysql", MasterUsername="a", MasterUserPassword="only simulated"
        )
        simulated.set_status("a", "available")

    def wait_until(self, day: int, hour: int, minute: int) -> "DBClusterTypeDef":
        self._simulated.advance(datetime(2026, 12, day, hour, minute, tzinfo=UTC), self._set_clock)
        return self.client.describe_db_clusters(DBClusterIdentifier="a")["DBClusters"][0]

    def events(self, first_day: int, last_day: int) -> list[str]:
        first, last = (datetime(2026, 12, day, tzinfo=UTC) for day in (first_day, last_day))
        answer = self.client.describe_events(
            SourceType="db-cluster", SourceIdentifier="a", StartTime=first, EndTime=last
        )
        return [f"{event['Date']:%d %H:%M} {event['Message']}" for event in answer["Events"]]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "simulated")
    with mock_aws(), time_machine.travel(datetime(2026, 12, 1, tzinfo=UTC), tick=False) as clock:
        simulated = rds_backends["123456789012"]["eu-west-1"] = SimulatedRds("eu-west-1", "123456789012")
        yield Account(simulated, clock.move_to)


def test_aws_starts_a_cluster_that_has_been_stopped_for_seven_days(account: Account) -> None:
    account.client.stop_db_cluster(DBClusterIdentifier="a")
    assert account.wait_until(2, 0, 0)["AutomaticRestartTime"] == datetime(2026, 12, 8, 0, 6, tzinfo=UTC)
    assert account.wait_until(8, 0, 5)["Status"] == "stopped"
    assert account.wait_until(8, 0, 6)["Status"] == "starting"
    assert "AutomaticRestartTime" not in account.wait_until(8, 0, 14)
    assert account.events(2, 9) == [
        "08 00:06 DB cluster is being started due to it exceeding the maximum allowed time being stopped.",
        "08 00:14 DB cluster started.",
    ]


@pytest.mark.parametrize("operation", ["stop_db_cluster", "start_db_cluster"])
def test_a_change_is_refused_while_another_goes_on(account: Account, operation: str) -> None:
    account.client.stop_db_cluster(DBClusterIdentifier="a")
    with pytest.raises(ClientError, match=r"InvalidDBClusterStateFault.*is in stopping state"):
        getattr(account.client, operation)(DBClusterIdentifier="a")
