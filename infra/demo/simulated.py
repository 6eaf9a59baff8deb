"""The simulated account, in place of botocore's calls: RDS, and what the functions ask of other services.

A stop or a start takes minutes, the event log says when it ended, CloudTrail knows who asked for it, and AWS starts a
cluster that has been stopped for seven days. All of it follows the virtual clock.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any
from unittest.mock import patch

import time_machine
from botocore import xform_name
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from demo.account import (
    ACCOUNT,
    MAINTENANCE_WINDOW,
    REGION,
    START,
    STARTING,
    STOPPING,
    TAG_KEY,
    Cluster,
    connected,
    price_list,
)
from office_hours import rds

CREATED = START - timedelta(days=200)
_LONGEST_STOP = timedelta(days=7)
_STOPPED = "DB cluster stopped."
_STARTED = "DB cluster started."
_RESTARTED = "DB cluster is being started due to it exceeding the maximum allowed time being stopped."

Json = dict[str, Any]


@contextmanager
def simulated(clusters: Sequence[Cluster], variables: Mapping[str, str]) -> Iterator["SimulatedAccount"]:
    """Lead boto3 to an account with these clusters, a long time before the week begins.

    variables: the environment, without any of this machine's settings that could lead to a real account.
    """
    ours = ("AWS_", "OFFICE_HOURS_", "POWERTOOLS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    nowhere = {
        "AWS_ACCESS_KEY_ID": "simulated",
        "AWS_SECRET_ACCESS_KEY": "simulated",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_DEFAULT_REGION": REGION,
    }
    with (
        patch.dict(os.environ, {**kept, **nowhere, **variables}, clear=True),
        time_machine.travel(CREATED, tick=False) as clock,
    ):
        account = SimulatedAccount(clusters, clock.move_to)
        for clients in (rds.client, rds.beside):
            clients.cache_clear()
        with patch.object(BaseClient, "_make_api_call", account.answer):
            yield account
        for clients in (rds.client, rds.beside):
            clients.cache_clear()


class SimulatedAccount:
    """The account.

    statuses: each cluster's statuses, and since when, oldest first.
    published: the messages for people, oldest first.
    caller: who makes the calls now.
    """

    def __init__(self, clusters: Sequence[Cluster], set_clock: Callable[[datetime], None]) -> None:
        self.statuses: dict[str, list[tuple[datetime, str]]] = {}
        self.published: list[Json] = []
        self.caller = ""
        self._set_clock = set_clock
        self._clusters = {each.name: each for each in clusters}
        self._snapshots = {each.name: _snapshot(each) for each in clusters}  # replaced, never changed
        self._events: list[Json] = []
        self._calls: list[Json] = []
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        for name in self._clusters:
            self._set_status(name, "available")

    def advance(self, to: datetime) -> None:
        """Let the clock run to this instant. What is due by then happens at its own time."""
        while self._due and self._due[0][0] <= to:
            at, _, change = heappop(self._due)
            self._set_clock(at)
            change()
        self._set_clock(to)

    def modify(self, name: str, takes: timedelta) -> None:
        """Keep a running cluster busy, as a change of its settings does."""
        self._begin(name, "modifying", takes, "available")

    def answer(self, operation: str, asked: Json) -> Json:
        """What AWS answers to a call; each operation is a method below."""
        answer: Json = getattr(self, xform_name(operation))(asked)
        return answer

    def describe_db_clusters(self, _: Json) -> Json:
        return {"DBClusters": [*self._snapshots.values()]}

    def describe_db_instances(self, _: Json) -> Json:
        classes = {f"{name}-1": each.instance_class for name, each in self._clusters.items()}
        return {"DBInstances": [{"DBInstanceIdentifier": id_, "DBInstanceClass": of} for id_, of in classes.items()]}

    def describe_events(self, asked: Json) -> Json:
        name, start, end = asked.get("SourceIdentifier"), asked["StartTime"], asked["EndTime"]
        found = (each for each in self._events if name in (None, each["SourceIdentifier"]))
        return {"Events": [each for each in found if start <= each["Date"] <= end]}

    def stop_db_cluster(self, asked: Json) -> Json:
        name = self._changed("StopDBCluster", asked, "available")
        return {"DBCluster": self._begin(name, "stopping", STOPPING, "stopped", _STOPPED)}

    def start_db_cluster(self, asked: Json) -> Json:
        name = self._changed("StartDBCluster", asked, "stopped")
        return {"DBCluster": self._begin(name, "starting", STARTING, "available", _STARTED)}

    def add_tags_to_resource(self, asked: Json) -> Json:
        snapshot = self._snapshots[asked["ResourceName"].rpartition(":")[2]]
        keys = {tag["Key"] for tag in asked["Tags"]}
        tags = [*(tag for tag in snapshot["TagList"] if tag["Key"] not in keys), *asked["Tags"]]
        self._snapshots[snapshot["DBClusterIdentifier"]] = {**snapshot, "TagList": tags}
        return {}

    def lookup_events(self, asked: Json) -> Json:
        (wanted,), start, end = asked["LookupAttributes"], asked["StartTime"], asked["EndTime"]
        found = (each for each in reversed(self._calls) if each["EventName"] == wanted["AttributeValue"])
        return {"Events": [each for each in found if start <= each["EventTime"] <= end]}

    def get_metric_data(self, asked: Json) -> Json:
        queries, start, end = asked["MetricDataQueries"], asked["StartTime"], asked["EndTime"]
        return {"MetricDataResults": [self._connections(each, start, end) for each in queries]}

    def publish(self, asked: Json) -> Json:
        self.published.append(asked)
        return {}

    def get_products(self, _: Json) -> Json:
        return {"PriceList": price_list()}

    def _connections(self, query: Json, start: datetime, end: datetime) -> Json:
        """How many were connected to the cluster that a query asks for, the latest first."""
        statistic = query["MetricStat"]
        cluster = self._clusters[statistic["Metric"]["Dimensions"][0]["Value"]]
        period = timedelta(seconds=statistic["Period"])
        times = [end - period * number for number in range(1, (end - start) // period + 1)] if cluster.used else []
        values = [connected(cluster.used, at, cluster.pool) for at in times]
        return {"Id": query["Id"], "Timestamps": times, "Values": values}

    def _changed(self, operation: str, asked: Json, expected: str) -> str:
        """The cluster that a call changes, as CloudTrail records it. Refuses what RDS refuses, in its words."""
        name = str(asked["DBClusterIdentifier"])
        if (status := self._snapshots[name]["Status"]) != expected:
            words = f"DbCluster {name} is in {status} state but expected it to be one of {expected}."
            raise ClientError({"Error": {"Code": "InvalidDBClusterStateFault", "Message": words}}, operation)
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/role/{self.caller}"
        identity, request = {"type": "AssumedRole", "arn": arn}, {"dBClusterIdentifier": name}
        event = json.dumps({"userIdentity": identity, "requestParameters": request})
        self._calls.append({"EventName": operation, "EventTime": datetime.now(UTC), "CloudTrailEvent": event})
        return name

    def _begin(self, name: str, meanwhile: str, takes: timedelta, status: str, message: str = "") -> Json:
        def end() -> None:
            self._set_status(name, status)
            if message:
                self._log(name, message)

        self._at(datetime.now(UTC) + takes, end)
        return self._set_status(name, meanwhile)

    def _set_status(self, name: str, status: str) -> Json:
        """Give a cluster a status, now. A stopped one is due to start in seven days."""
        now, snapshot = datetime.now(UTC), {**self._snapshots[name], "Status": status}
        snapshot.pop("AutomaticRestartTime", None)
        if status == "stopped":
            snapshot["AutomaticRestartTime"] = restart = now + _LONGEST_STOP
            self._at(restart, lambda: self._restart(name, restart))
        self._snapshots[name] = snapshot
        self.statuses.setdefault(name, []).append((now, status))
        return snapshot

    def _restart(self, name: str, due: datetime) -> None:
        if self._snapshots[name].get("AutomaticRestartTime") == due:  # else it has been started before
            self._log(name, _RESTARTED)
            self._begin(name, "starting", STARTING, "available", _STARTED)

    def _log(self, name: str, message: str) -> None:
        source = {"SourceIdentifier": name, "SourceType": "db-cluster", "Date": datetime.now(UTC)}
        self._events.append({**source, "Message": message, "EventCategories": ["notification"]})

    def _at(self, at: datetime, change: Callable[[], None]) -> None:
        heappush(self._due, (at, next(self._order), change))


def _snapshot(cluster: Cluster) -> Json:
    """What RDS says about a cluster, but for its status."""
    global_database = {"GlobalClusterIdentifier": cluster.global_database} if cluster.global_database else {}
    return {
        "DBClusterIdentifier": cluster.name,
        "DBClusterArn": f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:{cluster.name}",
        "ClusterCreateTime": CREATED,
        "Engine": "aurora-postgresql",
        "EngineMode": "provisioned",
        "EngineVersion": "17.5",
        "Port": 5432,
        "StorageType": "aurora",
        "PreferredMaintenanceWindow": MAINTENANCE_WINDOW,
        "DBClusterMembers": [{"DBInstanceIdentifier": f"{cluster.name}-1", "IsClusterWriter": True}],
        "TagList": [] if cluster.tag is None else [{"Key": TAG_KEY, "Value": cluster.tag}],
        **global_database,
    }
