"""Clusters on the emulated account. They have no database behind them: only what RDS would say about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from local.emulator import REGION, Account


@dataclass(frozen=True)
class Cluster:
    """A cluster to be made.

    tag: its office-hours tag; None for a cluster without one.
    stopped: whether it is stopped before anything else happens to it.
    """

    name: str
    tag: str | None
    engine: str = "aurora-postgresql"
    stopped: bool = False
    region: str = REGION


def make(account: Account, cluster: Cluster) -> None:
    """Make the cluster, with one instance."""
    rds = account.client("rds", cluster.region)
    rds.create_db_cluster(
        DBClusterIdentifier=cluster.name,
        Engine=cluster.engine,
        MasterUsername="admin",
        MasterUserPassword="only-emulated",
        Tags=[] if cluster.tag is None else [{"Key": "office-hours", "Value": cluster.tag}],
    )
    rds.create_db_instance(
        DBInstanceIdentifier=f"{cluster.name}-1",
        DBClusterIdentifier=cluster.name,
        DBInstanceClass="db.r6g.large",
        Engine=cluster.engine,
    )
    if cluster.stopped:
        rds.stop_db_cluster(DBClusterIdentifier=cluster.name)


def statuses(account: Account, region: str = REGION) -> Iterator[tuple[str, str]]:
    """Each cluster's name and status."""
    for cluster in account.client("rds", region).describe_db_clusters()["DBClusters"]:
        yield cluster["DBClusterIdentifier"], cluster["Status"]


def next_edge(now: datetime) -> datetime:
    """The next full minute that a cluster made now is sure to be older than.

    One that is made after its latest transition counts as changed by hand.
    """
    return (now + timedelta(seconds=70)).astimezone(UTC).replace(second=0, microsecond=0)


def window(start: datetime, end: datetime) -> str:
    """The hours of a tag from one instant to another, less than a day apart."""
    return f"{start:%H:%M}-{end:%H:%M} UTC"
