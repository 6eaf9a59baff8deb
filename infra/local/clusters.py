"""Clusters on the emulated account. There is no database behind them, only what RDS would say about one."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from demo.connections import connected
from local.emulator import REGION, Account
from office_hours.schedule import State
from office_hours.settings import Settings


@dataclass(frozen=True)
class Cluster:
    """A cluster to make.

    tag: its office-hours tag; None for a cluster without one.
    stopped: whether it is stopped when it is made.
    used: when somebody was connected in the last days, as a tag would say it; "" if CloudWatch has no data.
    """

    name: str
    tag: str | None
    engine: str = "aurora-postgresql"
    stopped: bool = False
    region: str = REGION
    used: str = ""


def make(account: Account, cluster: Cluster) -> None:
    """Make the cluster, with one instance and a past."""
    changes = [(change, at.timestamp()) for change, at in past(cluster, datetime.now(UTC))]
    (account.folder / f"{cluster.name}.json").write_text(json.dumps(changes))
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
        DBInstanceClass="db.r8g.large",
        Engine=cluster.engine,
    )
    if cluster.used:
        known = connected(cluster.name, cluster.used, until=datetime.now(UTC) + timedelta(hours=1))
        account.client("cloudwatch", cluster.region).put_metric_data(**known)


def past(cluster: Cluster, now: datetime) -> list[tuple[str, datetime]]:
    """What RDS's log says about a cluster: for weeks it has done what its tag says."""
    at, is_running = now - timedelta(days=20), True
    changes = [("created", at)]
    schedule = Settings().cluster("", {"TagList": [{"Key": "office-hours", "Value": cluster.tag or ""}]}).schedule
    while schedule and at <= now:
        if (desired := schedule.desired_state(at)) and is_running != (desired is State.RUNNING):
            is_running = not is_running
            changes.append(("started" if is_running else "stopped", at))
        transition = schedule.next_transition(at)
        at = transition.at if transition else datetime.max.replace(tzinfo=UTC)
    if is_running == cluster.stopped:
        changes.append(("stopped" if cluster.stopped else "started", now))
    return changes


def statuses(account: Account, region: str = REGION) -> Iterator[tuple[str, str]]:
    """Each cluster's name and status."""
    for cluster in account.client("rds", region).describe_db_clusters()["DBClusters"]:
        yield cluster["DBClusterIdentifier"], cluster["Status"]


def next_edge(now: datetime) -> datetime:
    """The last full minute within the next 80 seconds, so that at least 20 are left for what comes before it."""
    return (now + timedelta(seconds=80)).astimezone(UTC).replace(second=0, microsecond=0)


def window(start: datetime, end: datetime) -> str:
    """The hours of a tag from one instant to another, less than a day apart."""
    return f"{start:%H:%M}-{end:%H:%M} UTC"
