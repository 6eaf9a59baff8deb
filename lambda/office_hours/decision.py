"""What to do with a cluster, and why: the rules, first match wins. Pure: no AWS, no clock.

`decide` gives a `Decision`, or a `Dispute` if evidence is needed. A dispute says since when, and settles itself when
given it. The rules are numbered as in lambda/README.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from office_hours.clock import FIRST, local
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
_LONG_AGO = FIRST  # no later than any instant that is asked about

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
    until: when it is stopped at the latest, if it is in use.
    overdue: whether somebody must be told: a run must have seen the cluster in this state and no rule leaves it there,
        or it needs attention. Never under a hold, whose tag doesn't say when it was written.
    """

    action: Action
    reason: Reason
    message: str
    by: str | None = None
    until: datetime | None = None
    overdue: bool = False


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

    latest: the latest transition, or the end of a hold; long ago if there is none within two years.
    grace_end: until when a stop waits for those who are connected; the same if it doesn't.
    now: the instant to decide for.
    message: what its schedule says.
    enforced: whether it doesn't matter who changed it last, before or after the latest transition.
    created: when it was created; long ago if that isn't known.
    unchanged: since when runs have seen it in this state if no event is later: its grace's end or its creation.
    busy: the decision if RDS is busy with it. The rest then only says whether it is overdue.
    """

    cluster: "Cluster"
    desired: State
    latest: datetime
    grace_end: datetime
    now: datetime
    message: str
    enforced: bool
    created: datetime
    unchanged: datetime
    busy: Decision | None = None

    @property
    def since(self) -> datetime | None:
        """Since when evidence is needed; None if none is."""
        if (self.enforced or self.busy) and self.unchanged > self.now - _LONGEST_CHANGE:
            return None  # it is neither in dispute nor overdue
        return self.now - _TWO_RUNS if self.enforced else self.latest - _BEFORE_TRANSITION

    @property
    def present(self) -> State:
        """The state the cluster is in."""
        return State.RUNNING if self.desired is State.STOPPED else State.STOPPED

    @property
    def in_grace(self) -> bool:
        """Whether it matters who is connected (8a)."""
        return self.grace_end > self.now and not self.busy

    @property
    def _made(self) -> str:
        """What somebody did: Started or Stopped."""
        return _CHANGES[self.present].capitalize()

    def settle(self, known: Evidence, every: timedelta) -> Decision:
        """Rules 7 to 9, and whether it is overdue. If events are needed and can't be read, raises why.

        every: the time from one run to the next.
        """
        if isinstance(known.events, Exception):  # so nobody can tell whether it is overdue
            if not self.enforced and not self.busy:
                raise known.events
            return self.busy or self._if_idle([], known)
        history = history_of(known.events)
        decision = self._if_idle(history, known)
        is_left = decision.action is Action.LEAVE and decision.reason is not Reason.BUSY
        changes = [at for at, change in history if change is not Change.STOP_FAILED]
        is_seen = max([self.unchanged, *changes]) <= self.now - max(2 * every, _LONGEST_CHANGE)
        return replace(self.busy or decision, overdue=is_seen and not is_left)

    def _if_idle(self, history: History, known: Evidence) -> Decision:
        """What to do if RDS is not busy with it."""
        decision = self._act(Reason.ENFORCED) if self.enforced else self._by_evidence(history, known.call)  # 7
        if decision.action is not Action.STOP or self.grace_end <= self.now or known.connections == 0:
            return decision
        many = f"{known.connections} connected in the last ten minutes. " if known.connections else ""  # 8a
        latest = local(self.grace_end, self.cluster.zone)
        stops = f"Stops once CloudWatch shows nobody connected, by {latest} at the latest."
        return Decision(Action.LEAVE, Reason.IN_USE, f"{many}{decision.message} {stops}", until=self.grace_end)

    def _by_evidence(self, history: History, call: Call | None) -> Decision:
        """Rules 8 and 9."""
        since = self.latest - _BEFORE_TRANSITION  # earlier ones don't count
        history = [(at, change) for at, change in history if at >= since]
        # What AWS started, or failed to stop, ran: if it is stopped now, that came later.
        ran = (Change.STOP_FAILED, Change.RESTARTED) if self.desired is State.RUNNING else ()
        changes = [(at, Change.STARTED if change in ran else change) for at, change in history]
        changes = [(at, change) for at, change in changes if change in (Change.STARTED, Change.STOPPED)]
        return (
            self._before_trail(history, call)
            or self._by_trail(call, changes)
            or self._by_log(changes)
            or self._act(Reason.SCHEDULED)  # 9
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
            return self._act(Reason.AUTO_RESTARTED, "AWS started it, as it does after seven days. ")
        return None

    def _by_trail(self, call: Call | None, changes: History) -> Decision | None:
        """8.0: CloudTrail knows, unless RDS's log has a later change, which CloudTrail doesn't have yet."""
        if not call or call.at < self.created:  # of an earlier cluster of this name
            return None
        if any(change is _CHANGES[self.desired] and at > call.at for at, change in changes):
            return None
        if call.by and call.at >= self.latest:
            return self._left(f"{self._made} by {call.by} on {local(call.at, self.cluster.zone)}", call.by)
        return self._act(Reason.SCHEDULED)

    def _by_log(self, changes: History) -> Decision | None:
        """8.1 to 8.6: what RDS's log says."""
        zone, latest = self.cluster.zone, self.latest
        if self.created >= latest > _LONG_AGO:  # 8.1
            return self._left(f"Created on {local(self.created, zone)}, after its last scheduled change")
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

    def _act(self, reason: Reason, why: str = "") -> Decision:
        return Decision(_ACTIONS[self.desired], reason, f"{why}{self.message}")

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
        why = f'Its status is "{cluster.status}", which doesn\'t pass by itself.'
        return replace(_leave(Reason.NEEDS_ATTENTION, why), overdue=True)
    if cluster.status in _ENDS_SOON or not cluster.snapshot.get("DBClusterMembers"):  # 4
        return _busy(cluster)
    return None


def _busy(cluster: "Cluster") -> Decision:
    why = "It has no instances yet" if cluster.status in _STATES else f'Its status is "{cluster.status}"'
    return _leave(Reason.BUSY, f"{why}. The next run looks again.")


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
    return _dispute(cluster, schedule, hold, desired, now)


def _dispute(cluster: "Cluster", schedule: Schedule, hold: Hold | None, desired: State, now: datetime) -> Dispute:
    transition, end = schedule.latest_transition(now), hold.until if hold else None
    dates = (transition.at if transition else None, end if end and end <= now else None)
    latest = max(filter(None, dates), default=_LONG_AGO)
    message = f"Its schedule says {desired}{f' since {local(latest, cluster.zone)}' if latest > _LONG_AGO else ''}."
    if schedule.constant:
        message = f'Its tag is "{schedule}".'
    elif schedule.enforced:
        message = f'Its schedule says {desired}, and is "enforced".'
    elif latest == end:
        message = f"Its hold ended on {local(end, cluster.zone)}, and its schedule says {desired}."
    grace_end = latest + timedelta(minutes=schedule.grace if desired is State.STOPPED else 0)
    created = cluster.snapshot.get("ClusterCreateTime") or _LONG_AGO
    # Compared here, where a date that can't be read is a failure of this cluster alone.
    unchanged = max(grace_end, created)
    return Dispute(cluster, desired, latest, grace_end, now, message, schedule.enforced, created, unchanged)


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
