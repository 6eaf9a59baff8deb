"""Histories of clusters, over the account at the wire and on a clock that moves only when it is told to.

A stop or a start takes its minutes, RDS's event log tells of its end, CloudTrail of who asked for it, and AWS starts
what has been stopped for seven days. Who really did what, and when, is kept here, beside what the functions can know.

PYTEST_DONT_REWRITE: test modules import this one, and load it as a plugin for its fixture.
"""

import json
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest

import invocation
from aws_server import HOME, LONG_AGO, Account, Structure, our_role
from office_hours.decision import Action
from office_hours.event import EventError
from office_hours.hold import Hold
from office_hours.schedule import Schedule, State

SCHEDULE_KEY, HOLD_KEY = "office-hours", "office-hours-hold"
MAINTENANCE = "sun:05:00-sun:06:00"
DAY = 24 * 60  # minutes
LOG_REACHES = timedelta(days=14)

STATES = {"available": State.RUNNING, "stopped": State.STOPPED}
UNDER_WAY = {State.RUNNING: "starting", State.STOPPED: "stopping"}
CALLS = {"StopDBCluster": State.STOPPED, "StartDBCluster": State.RUNNING}

STOPPED, STARTED = "DB cluster stopped.", "DB cluster started."
STOP_FAILED = "DB cluster stop failed."
RESTART = "DB cluster is being started due to it exceeding the maximum allowed time being stopped."


class Who(StrEnum):
    """Who asks for a change."""

    RUN = "run"
    COMMAND = "command"  # a person, through the functions
    PERSON = "person"  # elsewhere
    AWS = "aws"


class Trail(StrEnum):
    """What the functions can know from CloudTrail."""

    ON = "on"
    LATE = "late"
    OFF = "off"


TRAIL_DELAY = timedelta(minutes=15)  # of one that is late


@dataclass(frozen=True)
class Fate:
    """How RDS takes what is asked of it.

    minutes: how long a change takes.
    stop_fails: whether a stop ends with the cluster available again.
    delay: minutes until an event is in the log; None if it never is.
    """

    minutes: int = 6
    stop_fails: bool = False
    delay: int | None = 0


@dataclass
class Change:
    """A change of a cluster's state: who asked for which, when it was over, and how often tags had been written."""

    who: Who
    to: State
    asked: datetime
    ended: datetime | None = None
    failed: bool = False
    edits: int = 0


@dataclass(frozen=True)
class Event:
    """An entry of RDS's log, and from when on it is to be seen: None for one that was lost."""

    date: datetime
    message: str
    seen: datetime | None


@dataclass
class Cluster:
    """A cluster as it is, and how it came to that.

    snapshot: what RDS tells of it.
    schedule, hold: what its tags mean.
    edits: how often its tags were written.
    due, happens: when something happens to it by itself next, and what.
    """

    snapshot: Structure
    schedule: Schedule = field(init=False)
    hold: Hold | None = None
    edits: int = 0
    changes: list[Change] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    due: datetime | None = None
    happens: Callable[[], None] = lambda: None

    @property
    def name(self) -> str:
        return str(self.snapshot["DBClusterIdentifier"])

    @property
    def created(self) -> datetime:
        created: datetime = self.snapshot["ClusterCreateTime"]
        return created

    @property
    def state(self) -> State | None:
        """The state that it is in; None while it can neither be stopped nor started."""
        return STATES.get(self.snapshot["Status"]) if self.snapshot["DBClusterMembers"] else None

    @property
    def done(self) -> list[Change]:
        """The changes that have come about."""
        return [change for change in self.changes if change.ended and not change.failed]

    @property
    def story(self) -> str:
        """Who asked for which state, and when."""
        return ", ".join(f"{each.asked:%a %H:%M} {each.who} {each.to}".lower() for each in self.changes)

    @property
    def tags(self) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.snapshot["TagList"]}

    def write(self, tags: dict[str, str]) -> None:
        """Write its tags: these, and no others."""
        self.snapshot["TagList"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.read()

    def read(self) -> None:
        """Read its tags, after they were written."""
        self.edits += 1
        self.schedule = Schedule.parse(self.tags[SCHEDULE_KEY], maintenance_window=MAINTENANCE)
        value = self.tags.get(HOLD_KEY)
        self.hold = Hold.parse(value, zone=self.schedule.zone) if value else None


@dataclass(frozen=True)
class Done:
    """What an invocation did: the clusters that it tagged, those that it asked RDS to change, and what it raised."""

    tagged: set[str]
    asked: set[str]
    error: EventError | None


@dataclass
class History:
    """An account's clusters, from `begin` on.

    fates: for the first cluster, the second and so on, and again.
    users: how many are connected to each cluster, by CloudWatch; None where it has no data.
    """

    account: Account
    monkeypatch: pytest.MonkeyPatch
    trail: Trail = Trail.ON
    now: datetime = LONG_AGO
    fates: tuple[Fate, ...] = (Fate(),)
    users: int | None = 0
    clusters: dict[str, Cluster] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether CloudTrail tells at once who called RDS."""
        return self.trail is Trail.ON

    def begin(self, now: datetime, trail: Trail = Trail.ON) -> None:
        """Begin anew, with an empty account."""
        self.now, self.trail, self.fates, self.users = now, trail, (Fate(),), 0
        self.monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps({"cloudTrail": trail is not Trail.OFF}))
        self.account.trail_delay = TRAIL_DELAY if trail is Trail.LATE else timedelta(0)
        for each in (self.clusters, self.account.clusters, self.account.trail, self.account.calls):
            each.clear()

    def add(self, tag: str, state: State = State.RUNNING, created: datetime = LONG_AGO) -> Cluster:
        """Add a cluster that is running, or that a person has stopped four days ago."""
        status = next(status for status, each in STATES.items() if each is state)
        name = string.ascii_lowercase[len(self.clusters)]
        snapshot = self.account.add(
            name, Status=status, ClusterCreateTime=created, PreferredMaintenanceWindow=MAINTENANCE
        )
        del snapshot["EngineMode"]  # as good as "provisioned"
        cluster = self.clusters[name] = Cluster(snapshot)
        cluster.write({SCHEDULE_KEY: tag})
        if state is State.STOPPED:
            then = self.now - timedelta(days=4)
            cluster.changes.append(Change(Who.PERSON, state, then, then))
            cluster.events.append(Event(then, STOPPED, then))
            self.account.called("StopDBCluster", name, then.isoformat())
            self._in(3 * DAY, cluster, lambda: self._restart(cluster))
        return cluster

    def create(self, tag: str) -> Cluster:
        """Have a person create a cluster now. Its instances come later."""
        cluster = self.add(tag, created=self.now)
        members = cluster.snapshot["DBClusterMembers"]
        cluster.snapshot["DBClusterMembers"] = []
        cluster.changes.append(Change(Who.PERSON, State.RUNNING, self.now, self.now, edits=cluster.edits))
        self._in(self._fate(cluster).minutes, cluster, lambda: cluster.snapshot.update(DBClusterMembers=members))
        return cluster

    def by_hand(self, cluster: Cluster) -> None:
        """Have a person start or stop a cluster, whichever can be done, past the functions; RDS may refuse it."""
        if cluster.state:
            self._change(cluster, Who.PERSON, State.STOPPED if cluster.state is State.RUNNING else State.RUNNING)
        else:
            for operation in CALLS:
                self.account.called(operation, cluster.name, self.now.isoformat(), error="InvalidDBClusterStateFault")

    def modify(self, cluster: Cluster) -> None:
        """Have a person change a running cluster's settings, which keeps it busy."""
        if cluster.state is State.RUNNING:
            cluster.snapshot["Status"] = "modifying"
            minutes = self._fate(cluster).minutes
            self._in(minutes, cluster, lambda: cluster.snapshot.update(Status="available"))

    def wait(self, until: datetime) -> None:
        """Let time pass, and what comes by itself come, in its order."""
        while due := [(each.due, each.name) for each in self.clusters.values() if each.due and each.due <= until]:
            self.now, name = min(due)
            self.clusters[name].due = None
            self.clusters[name].happens()
        self.now = until

    def invoke(self, action: Action, event: dict[str, Any]) -> Done:
        """Invoke a function: by its schedule, or by a person, with an event that names clusters."""
        self._show_log()
        self.account.calls.clear()
        error = None
        try:
            function = invocation.stop if action is Action.STOP else invocation.start
            function(self.now.isoformat(), event)
        except EventError as raised:
            error = raised
        asked = {call.cluster: CALLS[call.operation] for call in self.account.calls if call.operation in CALLS}
        for name, to in asked.items():
            self._change(self.clusters[name], Who.COMMAND if event else Who.RUN, to)
        return Done({*self.account.named("AddTagsToResource")}, {*asked}, error)

    def seen(self, cluster: Cluster) -> list[Event]:
        """The cluster's events that RDS shows now."""
        return [each for each in cluster.events if each.seen and each.seen <= self.now < each.date + LOG_REACHES]

    def _fate(self, cluster: Cluster) -> Fate:
        return self.fates[list(self.clusters).index(cluster.name) % len(self.fates)]

    def _in(self, minutes: int, cluster: Cluster, happens: Callable[[], None]) -> None:
        cluster.due, cluster.happens = self.now + timedelta(minutes=minutes), happens

    def _change(self, cluster: Cluster, who: Who, to: State) -> None:
        fate = self._fate(cluster)
        change = Change(who, to, self.now, failed=fate.stop_fails and to is State.STOPPED, edits=cluster.edits)
        cluster.changes.append(change)
        cluster.snapshot["Status"] = UNDER_WAY[to]
        if who is not Who.AWS:
            operation = next(operation for operation, state in CALLS.items() if state is to)
            by = "alice" if who is Who.PERSON else our_role("start" if to is State.RUNNING else "stop")
            self.account.called(operation, cluster.name, self.now.isoformat(), by=by)
        self._in(fate.minutes, cluster, lambda: self._end(cluster, change, fate))

    def _end(self, cluster: Cluster, change: Change, fate: Fate) -> None:
        change.ended = self.now
        if change.to is State.STOPPED and not change.failed:
            cluster.snapshot["Status"] = "stopped"
            self._log(cluster, STOPPED, fate)
            self._in(7 * DAY, cluster, lambda: self._restart(cluster))
        else:
            cluster.snapshot["Status"] = "available"
            self._log(cluster, STOP_FAILED if change.failed else STARTED, fate)

    def _restart(self, cluster: Cluster) -> None:
        self._log(cluster, RESTART, self._fate(cluster))
        self._change(cluster, Who.AWS, State.RUNNING)

    def _log(self, cluster: Cluster, message: str, fate: Fate) -> None:
        seen = None if fate.delay is None else self.now + timedelta(minutes=fate.delay)
        cluster.events.append(Event(self.now, message, seen))

    def _show_log(self) -> None:
        self.account.events[HOME].clear()
        self.account.connections.clear()
        for cluster in self.clusters.values():
            if self.users is not None:
                self.account.connected(cluster.name, (self.now - timedelta(minutes=1)).isoformat(), self.users)
            for event in self.seen(cluster):
                self.account.log(cluster.name, event.message, event.date.isoformat())


@pytest.fixture
def history(account: Account, monkeypatch: pytest.MonkeyPatch) -> History:
    """An account without clusters, on a clock that stands still."""
    return History(account, monkeypatch)
