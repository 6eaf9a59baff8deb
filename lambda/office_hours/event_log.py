"""RDS's event log, as one run reads it in one Region: cluster by cluster, or once for many."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING

from office_hours import rds
from office_hours.decision import LOG_KEPT

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import EventTypeDef

# So many clusters are looked up one by one, each by a thread. More share one look-up, unless it takes more calls than
# one for each would: those that ask first are seldom all that will. `make bench` measures where the two ways cross.
_FEW = 4

_ByCluster = Mapping[str, "list[EventTypeDef]"]


def add(page: "Iterable[EventTypeDef]", to: "defaultdict[str, list[EventTypeDef]]") -> None:
    """Add each event to those of its cluster, by the identifier in lower case."""
    for event in page:
        to[event.get("SourceIdentifier", "").lower()].append(event)


@dataclass
class EventLog:
    """The event log of a client's Region. Threads may share it.

    now: the instant that the run decides for.
    clock: tells the present one.
    is_late: tells whether it is too late to begin anything.
    """

    client: "RDSClient"
    now: datetime
    clock: Callable[[], datetime]
    is_late: Callable[[], bool]
    _wanted: Counter[datetime] = field(default_factory=Counter)
    _read: dict[datetime, _ByCluster | None] = field(default_factory=dict)  # None: it was too long
    _lock: Lock = field(default_factory=Lock)

    def want(self, since: datetime) -> None:
        """Announce that a cluster's events from this instant on will be asked for."""
        self._wanted[since] += 1

    def of(self, identifier: str, since: datetime) -> "list[EventTypeDef]":
        """The cluster's events from `since` on that exist by now: for a `now` to come, those of the future do not.

        Raises TimeoutError where it is too late to ask, and what the look-up of the cluster's own raises.
        """
        with self._lock:
            together = self._together(since)
        if together is not None:
            return together.get(identifier, [])
        if self.is_late():
            raise TimeoutError("the function's time was up before RDS's event log was read for it")
        first, last = self._bounds(since)
        return rds.events(self.client, identifier, first, last) if first < last else []

    def _together(self, since: datetime) -> _ByCluster | None:
        """All clusters' events from `since` on, where they are read already, or are asked for often enough."""
        for start, events in self._read.items():
            if start <= since and events is not None:
                return events
        if self._wanted[since] > _FEW and since not in self._read:
            self._read[since] = self._read_all(since, most_pages=self._wanted[since])
        return self._read.get(since)

    def _read_all(self, since: datetime, most_pages: int) -> _ByCluster | None:
        """All clusters' events, unless they take more pages than these, or cannot be read: each can still ask alone."""
        by_cluster = defaultdict[str, "list[EventTypeDef]"](list)
        first, last = self._bounds(since)
        try:
            for number, page in enumerate(rds.all_events(self.client, first, last) if first < last else ()):
                if number == most_pages or self.is_late():
                    return None
                add(page, by_cluster)
        except Exception:  # noqa: BLE001  whatever is wrong with an event is the case of the cluster that it is of
            return None
        return by_cluster

    def _bounds(self, since: datetime) -> tuple[datetime, datetime]:
        present = self.clock()
        # What RDS answers to a StartTime older than its log is not documented.
        return max(since, present - LOG_KEPT), min(self.now, present)
