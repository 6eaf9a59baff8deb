"""One Region's RDS: moto's, plus what moto leaves out.

A stop or a start takes minutes, the event log says when it ended, and AWS starts a cluster that has been stopped for
seven days. All of it follows the virtual clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple

from moto.core.utils import utcnow
from moto.rds.exceptions import DBClusterNotFoundError, InvalidDBClusterStateFault
from moto.rds.models import DBCluster, RDSBackend

from demo.account import STARTING, STOPPING

_LONGEST_STOP = timedelta(days=7)

_STOPPED = "DB cluster stopped."
_STARTED = "DB cluster started."
_RESTARTED = "DB cluster is being started due to it exceeding the maximum allowed time being stopped."


@dataclass(frozen=True)
class Event:
    """An entry of RDS's event log, with the fields of moto's own: the date is naive, in UTC."""

    date: datetime
    message: str
    source_identifier: str
    source_arn: str
    event_categories: tuple[str, ...] = ("notification",)
    source_type: str = "db-cluster"


class Call(NamedTuple):
    """A call as CloudTrail records it."""

    at: datetime
    operation: str
    cluster: str
    by: str


class SimulatedRds(RDSBackend):
    """moto's RDS, whose clusters change as real ones do.

    statuses: each cluster's statuses, and since when, oldest first.
    changed: the clusters that have changed; whoever reads it empties it.
    calls: those that stopped and started clusters, oldest first.
    caller: who makes the calls now.
    """

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.statuses: dict[str, list[tuple[datetime, str]]] = {}
        self.changed: set[str] = set()
        self.calls: list[Call] = []
        self.caller = ""
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()

    def advance(self, to: datetime, set_clock: Callable[[datetime], None]) -> None:
        """Let the clock run to this instant. What is due by then happens at its own time."""
        while self._due and self._due[0][0] <= to:
            at, _, change = heappop(self._due)
            set_clock(at)
            change()
        set_clock(to)

    def stop_db_cluster(self, cluster_identifier: str) -> DBCluster:
        self._expect(cluster_identifier, "available")
        self.calls.append(Call(datetime.now(UTC), "StopDBCluster", cluster_identifier, self.caller))
        return self._begin(cluster_identifier, "stopping", STOPPING, "stopped", _STOPPED)

    def start_db_cluster(self, cluster_identifier: str) -> DBCluster:
        self._expect(cluster_identifier, "stopped")
        self.calls.append(Call(datetime.now(UTC), "StartDBCluster", cluster_identifier, self.caller))
        return self._begin(cluster_identifier, "starting", STARTING, "available", _STARTED)

    def modify(self, cluster_identifier: str, takes: timedelta) -> None:
        """Keep a running cluster busy, as a change of its settings does."""
        self._begin(cluster_identifier, "modifying", takes, "available", "")

    def describe_events(
        self,
        source_identifier: str | None = None,
        source_type: str | None = None,
        **times: Any,  # noqa: ANN401  as in moto
    ) -> list[Any]:
        """moto's answer, limited to the requested times, which moto ignores."""
        events = super().describe_events(source_identifier, source_type)
        first, last = times.get("start_time"), times.get("end_time")
        return [event for event in events if (first or event.date) <= event.date <= (last or event.date)]

    def set_status(self, cluster_identifier: str, status: str) -> DBCluster:
        """Give a cluster a status, now. A stopped one is due to start in seven days."""
        now = datetime.now(UTC)
        cluster = self.clusters[cluster_identifier]
        cluster.status = status
        restart = now + _LONGEST_STOP if status == "stopped" else None
        cluster.automatic_restart_time = restart  # type: ignore[attr-defined]  # moto lacks it, but answers with it
        if restart:
            self._at(restart, lambda: self._restart(cluster, restart))
        self.statuses.setdefault(cluster_identifier, []).append((now, status))
        self.changed.add(cluster_identifier)
        return cluster

    def add_tags_to_resource(self, arn: str, tags: list[dict[str, str]]) -> list[dict[str, str]]:
        self.changed.add(arn.rpartition(":")[2])
        return super().add_tags_to_resource(arn, tags)

    def _expect(self, name: str, status: str) -> None:
        """Refuse what RDS refuses, in its words."""
        if name not in self.clusters:
            raise DBClusterNotFoundError(name)
        if (actual := self.clusters[name].status) != status:
            raise InvalidDBClusterStateFault(
                f"DbCluster {name} is in {actual} state but expected it to be one of {status}."
            )

    def _begin(self, name: str, meanwhile: str, takes: timedelta, status: str, message: str) -> DBCluster:
        def end() -> None:
            cluster = self.set_status(name, status)
            if message:
                self._log(cluster, message)

        self._at(datetime.now(UTC) + takes, end)
        return self.set_status(name, meanwhile)

    def _restart(self, cluster: DBCluster, due: datetime) -> None:
        if cluster.automatic_restart_time == due:  # type: ignore[attr-defined]  # else it has been started before
            self._log(cluster, _RESTARTED)
            self._begin(cluster.db_cluster_identifier, "starting", STARTING, "available", _STARTED)

    def _log(self, cluster: DBCluster, message: str) -> None:
        # moto's own log holds instances' events; ours has the same fields that its answer needs.
        self.events.append(
            Event(utcnow(), message, cluster.db_cluster_identifier, cluster.db_cluster_arn)  # type: ignore[arg-type]
        )

    def _at(self, at: datetime, change: Callable[[], None]) -> None:
        heappush(self._due, (at, next(self._order), change))
