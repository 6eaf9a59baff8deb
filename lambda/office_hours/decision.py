"""What to do with a cluster, and why: the rules, first match wins. Pure: no AWS, no clock.

`decide` gives a `Decision`, or a `Dispute` if evidence is needed. A dispute says since when, and settles itself when
given it. The rules are numbered as in lambda/README.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from office_hours.clock import local
from office_hours.hold import Hold, HoldError
from office_hours.schedule import Schedule, ScheduleError, State
from office_hours.text import sentence

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBClusterTypeDef, EventTypeDef

    from office_hours.settings import Cluster

    Events = Sequence[EventTypeDef] | Exception  # as DescribeEvents returns them, or why they can't be read

# RDS keeps 14 days of events; an hour less keeps clear of the edge.
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeEvents.html
LOG_KEPT = timedelta(days=14) - timedelta(hours=1)
# An event marks the end of a change: one that comes this soon after a transition may have begun before it.
_LONGEST_CHANGE = timedelta(minutes=30)
# How long before a transition evidence begins: an automatic restart takes a while.
_BEFORE_TRANSITION = timedelta(minutes=60)
_TWO_RUNS = timedelta(hours=2)  # at the most
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

ENGINES = ("aurora-mysql", "aurora-postgresql")


class Action(StrEnum):
    """What to do with a cluster."""

    START = "start"
    STOP = "stop"
    LEAVE = "leave"


class Reason(StrEnum):
    """Why: one for each rule that can decide."""

    IGNORED = "ignored"
    INVALID_TAG = "invalid-tag"
    INELIGIBLE = "ineligible"
    BUSY = "busy"
    NEEDS_ATTENTION = "needs-attention"
    HELD = "held"
    NEEDS_UNTIL = "needs-until"  # only for a command: no transition would end its hold
    AS_SCHEDULED = "as-scheduled"
    ENFORCED = "enforced"
    CHANGED_BY_HAND = "changed-by-hand"
    IN_USE = "in-use"
    SCHEDULED = "scheduled"
    AUTO_RESTARTED = "auto-restarted"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a cluster now, and why: `reason` for programs, `message` for people.

    by: who changed the cluster by hand, if CloudTrail knows.
    """

    action: Action
    reason: Reason
    message: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """CloudTrail's latest successful call that brought a cluster into its state. `by` is None for our own functions."""

    at: datetime
    by: str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about a cluster.

    events: RDS's, in any order, or why they can't be read.
    call: what CloudTrail knows; None if it knows nothing, or nothing yet.
    connections: the most in the last ten minutes; None if that isn't known, which counts as connected.
    """

    events: "Events" = ()
    call: Call | None = None
    connections: int | None = None


class Change(StrEnum):
    """What an event of RDS's log says about a cluster."""

    STARTED = "started"
    STOPPED = "stopped"
    STOP_FAILED = "stop failed"
    RESTARTED = "restarted by AWS"


History = Sequence[tuple[datetime, Change]]

# RDS-EVENT-0150 to 0153, matched without regard to case and the final stop, since DescribeEvents returns no event id.
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html
_MESSAGES = {
    "db cluster stopped": Change.STOPPED,
    "db cluster started": Change.STARTED,
    "db cluster stop failed": Change.STOP_FAILED,
}
_RESTART_MESSAGE = "due to it exceeding the maximum allowed time being stopped"

_STATES = {"available": State.RUNNING, "stopped": State.STOPPED}
_ENDS_SOON = ("creating", "deleting", "starting", "stopping")
# What brings a cluster into a state.
_ACTIONS = {State.RUNNING: Action.START, State.STOPPED: Action.STOP}
_CHANGES = {State.RUNNING: Change.STARTED, State.STOPPED: Change.STOPPED}

# Statuses that don't pass by themselves. All others do, except for those in _STATES.
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html
_STUCK = (
    *("cloning-failed", "failed", "insufficient-capacity", "migration-failed", "restore-error", "storage-full"),
    *("inaccessible-encryption-credentials", "inaccessible-encryption-credentials-recoverable"),
    *("incompatible-credentials", "incompatible-network", "incompatible-option-group", "incompatible-parameters"),
    "incompatible-restore",
)


@dataclass(frozen=True, slots=True)
class Dispute:
    """A cluster that is not in its desired state.

    latest: the latest transition, or the end of a hold; None if there is none within two years.
    now: the instant to decide for.
    message: what its schedule says.
    enforced: whether it doesn't matter who changed it last, before or after the latest transition.
    busy: what RDS is busy with, so that it is left; the rest only tells whether it is overdue.
    """

    cluster: "Cluster"
    desired: State
    latest: datetime | None
    now: datetime
    message: str
    enforced: bool
    busy: Decision | None = None

    @property
    def since(self) -> datetime | None:
        """Since when evidence is needed; None if none is."""
        if (self.enforced or self.busy) and not self.is_old(_LONGEST_CHANGE):
            return None
        return self.now - _TWO_RUNS if self.enforced else (self.latest or _LONG_AGO) - _BEFORE_TRANSITION

    @property
    def present(self) -> State:
        """The state the cluster is in."""
        return State.RUNNING if self.desired is State.STOPPED else State.STOPPED

    @property
    def grace_end(self) -> datetime | None:
        """Until when it isn't stopped while somebody is connected (8a), if it is up and that is yet to come."""
        end = grace_end(self.cluster, self.now) if self.desired is State.STOPPED else None
        return end if end and end > self.now else None

    @property
    def _made(self) -> str:
        """What somebody did: Started or Stopped."""
        return _CHANGES[self.present].capitalize()

    def settle(self, known: Evidence) -> Decision:
        """Rules 7 to 9. If events are needed and can't be read, raises why."""
        return self.busy or self.if_idle(known)

    def if_idle(self, known: Evidence) -> Decision:
        """What to do if RDS is not busy with it."""
        decision = Decision(_ACTIONS[self.desired], Reason.ENFORCED, self.message)  # 7
        if not self.enforced:
            decision = self._by_evidence(known.events, known.call)
        end = self.grace_end
        if decision.action is Action.STOP and end and known.connections != 0:  # 8a
            many = f"{known.connections} connected in the last ten minutes. " if known.connections else ""
            message = f"{many}{decision.message} Stops once CloudWatch shows nobody connected"
            return _leave(Reason.IN_USE, f"{message}, by {local(end, self.cluster.zone)} at the latest.")
        return decision

    def is_old(self, age: timedelta) -> bool:
        """Whether everything that a run had to wait for is so long ago."""
        grace = grace_end(self.cluster, self.now) if self.desired is State.STOPPED else None
        dates = (self.latest, grace, self.cluster.snapshot.get("ClusterCreateTime"))
        return all(at <= self.now - age for at in dates if at)

    def _by_evidence(self, events: "Events", call: Call | None) -> Decision:
        """Rules 8 and 9."""
        if isinstance(events, Exception):
            raise events
        # Earlier events don't count.
        begin = (self.latest or _LONG_AGO) - _BEFORE_TRANSITION
        history = [(at, change) for at, change in history_of(events) if at >= begin]
        changes = [(at, change) for at, change in history if change in (Change.STARTED, Change.STOPPED)]
        return (
            self._before_trail(history, call)
            or self._by_trail(call, changes)
            or self._by_log(changes)
            or Decision(_ACTIONS[self.desired], Reason.SCHEDULED, self.message)  # 9
        )

    def _before_trail(self, history: History, call: Call | None) -> Decision | None:
        """What comes before 8.0, for a cluster that should be stopped."""
        if self.desired is State.RUNNING or not history:
            return None
        at, latest = history[-1]
        if latest is Change.STOP_FAILED and self.now - at < _LONGEST_CHANGE:  # 8.1, first half
            failed = f"RDS failed to stop it on {local(at, self.cluster.zone)}"
            return _leave(Reason.BUSY, f"{failed}. The next try comes half an hour after that.")
        turns = [(at, change) for at, change in history if change in (Change.STOPPED, Change.RESTARTED)]
        if not turns or turns[-1][1] is not Change.RESTARTED:
            return None
        # 8.2. If somebody started it later, it was stopped in between, though the log doesn't say so.
        if not call or call.at <= turns[-1][0]:
            message = f"AWS started it, as it does after seven days. {self.message}"
            return Decision(Action.STOP, Reason.AUTO_RESTARTED, message)
        return None

    def _by_trail(self, call: Call | None, changes: History) -> Decision | None:
        """8.0: CloudTrail knows, unless RDS's log has a later change, which CloudTrail doesn't have yet."""
        created = self.cluster.snapshot.get("ClusterCreateTime")
        if not call or (created and call.at < created):  # of an earlier cluster of this name
            return None
        if any(change is _CHANGES[self.desired] and at > call.at for at, change in changes):
            return None
        if call.by and call.at >= (self.latest or _LONG_AGO):
            return self._left(f"{self._made} by {call.by} on {local(call.at, self.cluster.zone)}", call.by)
        return Decision(_ACTIONS[self.desired], Reason.SCHEDULED, self.message)

    def _by_log(self, changes: History) -> Decision | None:
        """8.1 to 8.6: what RDS's log says."""
        zone, latest = self.cluster.zone, self.latest or _LONG_AGO
        created = self.cluster.snapshot.get("ClusterCreateTime")
        if self.latest and created and created >= latest:  # 8.1
            return self._left(f"Created on {local(created, zone)}, after its last scheduled change")
        if not changes:  # 8.4: nothing since, unless the log doesn't reach back that far
            if self.desired is State.RUNNING or latest >= self.now - LOG_KEPT:
                return None
            unknown = "Can't tell who started it: RDS's event log doesn't reach back to its last scheduled change"
            command = f'{{"clusters": ["{self.cluster.identifier}"]}}'
            return self._left(f"{unknown}. To stop it, invoke the stop function with {command}")
        at, change = changes[-1]
        if change is _CHANGES[self.desired]:  # 8.3: the status says otherwise, so a later change is missing
            return self._left(f"{self._made} by hand after {local(at, zone)}; RDS's event log is behind")
        # 8.5 and 8.6: an event soon after a transition may end a change that began before it.
        there_and_back = any(earlier >= latest and each is _CHANGES[self.desired] for earlier, each in changes)
        if at - latest >= _LONGEST_CHANGE or there_and_back:
            return self._left(f"{self._made} by {local(at, zone)}, by hand as far as RDS's event log shows")
        return None

    def _left(self, why: str, by: str | None = None) -> Decision:
        return _leave(Reason.CHANGED_BY_HAND, f"{why}. Left {self.present} until the next scheduled change.", by)


def decide(cluster: "Cluster", now: datetime) -> Decision | Dispute:
    """Decide what to do with a tagged cluster at this instant, or say what is in dispute: rules 1a to 6."""
    if not isinstance(cluster.schedule, Schedule):  # 2
        problem = sentence(cluster.schedule or ScheduleError("there is none"))
        return _leave(Reason.INVALID_TAG, f"Its tag can't be read: {problem}")
    if cluster.schedule.ignored:  # 1a
        return _leave(Reason.IGNORED, f'Its tag is "{cluster.schedule}": it is left alone, whatever happens to it.')
    if isinstance(cluster.hold, HoldError):  # 2
        return _leave(Reason.INVALID_TAG, f"Its hold can't be read: {sentence(cluster.hold)}")
    if unfit := _unfit(cluster):
        return unfit
    # Whatever else RDS is busy with, the cluster is up.
    found = _by_schedule(cluster, cluster.schedule, cluster.hold, _STATES.get(cluster.status, State.RUNNING), now)
    if cluster.status in _STATES:
        return found
    return replace(found, busy=_busy(cluster)) if isinstance(found, Dispute) else _busy(cluster)  # 4


def _unfit(cluster: "Cluster") -> Decision | None:
    """Rules 3 and 4, but for what is up while RDS is busy with it."""
    if why := obstacle(cluster.snapshot):  # 3
        return _leave(Reason.INELIGIBLE, f"Can't be stopped: {why}.")
    if cluster.status in _STUCK:  # 4
        return _leave(Reason.NEEDS_ATTENTION, f'Its status is "{cluster.status}", which doesn\'t pass by itself.')
    if cluster.status in _ENDS_SOON:  # 4
        return _busy(cluster)
    if not cluster.snapshot.get("DBClusterMembers"):  # 4
        return _leave(Reason.BUSY, "It has no instances yet. The next run looks again.")
    return None


def _busy(cluster: "Cluster") -> Decision:
    return _leave(Reason.BUSY, f'Its status is "{cluster.status}". The next run looks again.')


def _by_schedule(
    cluster: "Cluster", schedule: Schedule, hold: Hold | None, state: State, now: datetime
) -> Decision | Dispute:
    """Rules 5 and 6."""
    zone = cluster.zone
    if hold and hold.in_force(now):  # 5
        end = f" until {local(hold.until, zone)}" if hold.until else ""
        return Decision(Action.LEAVE if state is hold.to else _ACTIONS[hold.to], Reason.HELD, f"Held {hold.to}{end}.")
    desired = schedule.desired_state(now)
    if desired in (None, state):  # 6
        upcoming = cluster.next_change(now)
        until = f" until {local(upcoming, zone)}" if upcoming else ""
        says = f", as scheduled{',' * bool(until)}" if desired else ". Its schedule says nothing"
        return _leave(Reason.AS_SCHEDULED, f"{state.capitalize()}{says}{until}.")
    latest = latest_change(cluster, now)
    message = f"Its schedule says {desired}{f' since {local(latest, zone)}' if latest else ''}."
    if schedule.enforced:
        message = (
            f'Its tag is "{schedule}".' if schedule.constant else f'Its schedule says {desired}, and is "enforced".'
        )
    elif latest and hold and latest == hold.until:
        message = f"Its hold ended on {local(latest, zone)}, and its schedule says {desired}."
    return Dispute(cluster, desired, latest, now, message, schedule.enforced)


def is_overdue(found: Decision | Dispute, known: Evidence, every: timedelta) -> bool:
    """Whether it needs attention, or a run must have seen it in this state and no rule leaves it there.

    It may be half an hour, or two runs, after its desired state changed, its hold or grace ended, or it was created.
    Not under a hold, whose tag doesn't say when it was written.

    every: the time from one run to the next.
    """
    if isinstance(found, Decision):
        return found.reason is Reason.NEEDS_ATTENTION
    age = max(2 * every, _LONGEST_CHANGE)
    if isinstance(known.events, Exception) or not found.is_old(age):
        return False
    decision = found.if_idle(known)
    if decision.action is Action.LEAVE and decision.reason is not Reason.BUSY:
        return False
    changes = [at for at, change in history_of(known.events) if change is not Change.STOP_FAILED]
    return not changes or changes[-1] <= found.now - age


def _leave(reason: Reason, message: str, by: str | None = None) -> Decision:
    return Decision(Action.LEAVE, reason, message, by)


def obstacle(snapshot: "DBClusterTypeDef") -> str:
    """Why RDS, or this tool, can never stop this cluster; empty if both can.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-cluster-stop-start.html
    """
    if (engine := snapshot.get("Engine", "")) not in ENGINES:
        return f'it is not Aurora, its engine is "{engine}"'
    if (mode := snapshot.get("EngineMode") or "provisioned") != "provisioned":
        return f'its engine mode is "{mode}"'
    if identifier := snapshot.get("GlobalClusterIdentifier"):
        return f'it belongs to the global database "{identifier}"'
    if source := snapshot.get("ReplicationSourceIdentifier"):
        return f'it replicates from "{source}"'
    if replicas := snapshot.get("ReadReplicaIdentifiers"):
        return f'it is replicated to "{", ".join(replicas)}"'
    return ""


def history_of(events: "Iterable[EventTypeDef]") -> list[tuple[datetime, Change]]:
    """The changes in events as DescribeEvents returns them, oldest first."""
    history = []
    for event in events:
        message = event.get("Message", "").strip().rstrip(".").lower()
        change = Change.RESTARTED if message.endswith(_RESTART_MESSAGE) else _MESSAGES.get(message)
        if change and (at := event.get("Date")):
            history.append((at, change))
    return sorted(history, key=lambda each: each[0])


def latest_change(cluster: "Cluster", now: datetime) -> datetime | None:
    """When the desired state changed last: the latest transition, or a later end of a hold; None if unknown."""
    if not isinstance(cluster.schedule, Schedule) or isinstance(cluster.hold, HoldError):
        return None
    transition = cluster.schedule.latest_transition(now)
    ends = [transition.at] if transition else []
    if cluster.hold and cluster.hold.until and cluster.hold.until <= now:
        ends.append(cluster.hold.until)
    return max(ends, default=None)


def grace_end(cluster: "Cluster", now: datetime) -> datetime | None:
    """When the grace of its latest stop ends or ended; None without grace or a known stop."""
    latest = latest_change(cluster, now)
    if not latest or not isinstance(cluster.schedule, Schedule) or not cluster.schedule.grace:
        return None
    return latest + timedelta(minutes=cluster.schedule.grace)
