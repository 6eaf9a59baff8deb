"""What to do with a cluster, and why: the rules, first match wins. Pure: no AWS, no clock.

`decide` gives a `Decision`, or a `Dispute` if evidence is needed. A dispute says since when, and settles itself when
given it. The rules are numbered as in lambda/README.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from office_hours.clock import FIRST, local
from office_hours.schedule import Schedule, State
from office_hours.settings import Cluster

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBClusterTypeDef, EventTypeDef

Events: TypeAlias = "Sequence[EventTypeDef] | Exception"  # as DescribeEvents returns them, or why they can't be read
# RDS keeps 14 days of events; an hour less keeps clear of the edge.
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeEvents.html
LOG_KEPT = timedelta(days=14) - timedelta(hours=1)
# An event marks the end of a change: one that comes this soon after a transition may have begun before it.
_LONGEST_CHANGE = timedelta(minutes=30)
# How long before a transition evidence begins: an automatic restart takes a while.
_BEFORE_TRANSITION = timedelta(minutes=60)
_TWO_RUNS = timedelta(hours=2)  # at the most

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


class Change(StrEnum):
    """What an event of RDS's log says about a cluster: how its message ends, since DescribeEvents returns no event id.

    RDS-EVENT-0150 to 0153, without regard to case and the final stop. AWS restarts what was stopped for seven days.
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html
    """

    STARTED = "db cluster started"
    STOPPED = "db cluster stopped"
    STOP_FAILED = "db cluster stop failed"
    RESTARTED = "due to it exceeding the maximum allowed time being stopped"


_STEADY = ("available", "stopped")
_ENDS_SOON = ("creating", "deleting", "starting", "stopping")
_ACTIONS = {State.RUNNING: Action.START, State.STOPPED: Action.STOP}

# Statuses that don't pass by themselves. All others do, except for those in _STEADY.
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

    now: the instant to decide for.
    latest: the latest transition, or a later end of a hold; FIRST if there is none within two years.
    grace_end: until when a stop waits while somebody is connected; the same as `latest` if it doesn't wait.
    created: when it was created; FIRST if that isn't known.
    due: what to do unless evidence says otherwise. If its schedule is enforced, it doesn't matter who changed it last.
    is_open: whether evidence decides. If it is enforced or busy, evidence only tells whether it is overdue.
    in_grace: whether it matters who is connected (8a).
    since: since when evidence is needed; None if none is.
    """

    cluster: Cluster
    now: datetime
    latest: datetime
    grace_end: datetime
    created: datetime
    due: Decision
    is_open: bool
    in_grace: bool
    since: datetime | None

    def settle(self, events: Events, call: Call | None, connections: int | None, every: timedelta) -> Decision:
        """Rules 7 to 9, and whether it is overdue. If events are needed and can't be read, raises why.

        events: RDS's, in any order, or why they can't be read.
        call: what CloudTrail knows; None if it knows nothing, or nothing yet.
        connections: the most in the last ten minutes; None if that isn't known, which counts as connected.
        every: the time from one run to the next.
        """
        if not isinstance(events, Exception):
            history = history_of(events)
        elif self.is_open:
            raise events
        else:
            history = [(self.now, Change.STARTED)]  # nobody can tell whether it is overdue
        decision = self.due if self.due.reason is Reason.ENFORCED else self._by_evidence(history, call)  # 7
        if decision.action is Action.STOP and self.in_grace and connections != 0:  # 8a
            many = f"{connections} connected in the last ten minutes. " if connections else ""
            end = local(self.grace_end, self.cluster.zone)
            message = f"{many}{decision.message} Stops once CloudWatch shows nobody connected, by {end} at the latest."
            decision = Decision(Action.LEAVE, Reason.IN_USE, message, until=self.grace_end)
        is_left = decision.action is Action.LEAVE and decision.reason is not Reason.BUSY
        changes = [at for at, change in history if change is not Change.STOP_FAILED]
        is_seen = max([self.grace_end, self.created, *changes]) <= self.now - max(2 * every, _LONGEST_CHANGE)
        if self.cluster.status not in _STEADY:
            decision = _busy(self.cluster)
        return replace(decision, overdue=is_seen and not is_left)

    def _by_evidence(self, history: Sequence[tuple[datetime, Change]], call: Call | None) -> Decision:
        """Rules 8 and 9. The latest event of each kind counts; a missing one counts as too early."""
        begin, zone = self.latest - _BEFORE_TRANSITION, self.cluster.zone
        last = {change: at for at, change in history if at > max(begin, self.created)}
        started, stopped, failed, restarted = (last.get(change, begin) for change in Change)
        if self.due.action is Action.START:
            # What AWS started, or failed to stop, ran: if it is stopped now, that came later.
            done, made, undone = "Stopped", stopped, max(started, failed, restarted)
        else:
            done, made, undone = "Started", started, stopped
            if failed > self.now - _LONGEST_CHANGE and failed == max(last.values()):  # 8.1, first half
                why = f"RDS failed to stop it on {local(failed, zone)}"
                return _leave(Reason.BUSY, f"{why}. The next try comes half an hour after that.")
            # 8.2. If somebody started it later, it was stopped in between, though the log doesn't say so.
            if restarted > stopped and not (call and call.at > restarted):
                message = f"AWS started it, as it does after seven days. {self.due.message}"
                return replace(self.due, reason=Reason.AUTO_RESTARTED, message=message)
        # 8.0. CloudTrail knows, unless it lacks a later call, or this one was made to an earlier cluster of this name.
        if call and call.at >= max(undone, self.created):
            if call.by and call.at >= self.latest:
                return self._left(f"{done} by {call.by} on {local(call.at, zone)}", call.by)
            return self.due
        return self._by_log(done, made, undone)

    def _by_log(self, done: str, made: datetime, undone: datetime) -> Decision:
        """Rules 8.1 to 9, by what RDS's log says: when its present state was made, and when it was undone before."""
        zone, latest = self.cluster.zone, self.latest
        if self.created >= latest > FIRST:  # 8.1
            return self._left(f"Created on {local(self.created, zone)}, after its last scheduled change")
        if undone > made:  # 8.3: the status says otherwise, so a later change is missing
            return self._left(f"{done} after {local(undone, zone)}, apparently by hand; RDS's event log is behind")
        # 8.5 and 8.6: an event soon after a transition may end a change that began before it.
        if made - latest >= _LONGEST_CHANGE or undone >= latest:
            return self._left(f"{done} before {local(made, zone)}, apparently by hand")
        if self.due.action is Action.STOP and made < latest < self.now - LOG_KEPT:  # 8.4
            unknown = "Can't tell who started it: RDS's event log doesn't reach back to its last scheduled change"
            command = f'{{"clusters": ["{self.cluster.identifier}"]}}'
            return self._left(f"{unknown}. To stop it, invoke the stop function with {command}")
        return self.due  # 9

    def _left(self, why: str, by: str | None = None) -> Decision:
        message = f"{why}. Left {self.cluster.state} until the next scheduled change."
        return Decision(Action.LEAVE, Reason.CHANGED_BY_HAND, message, by)


def decide(cluster: Cluster, now: datetime) -> Decision | Dispute:  # noqa: PLR0911  a rule each
    """Decide what to do with a tagged cluster at this instant, or say what is in dispute: rules 1a to 6."""
    schedule, hold, status = cluster.schedule, cluster.hold, cluster.status
    if cluster.problem or not schedule:  # 2
        return _leave(Reason.INVALID_TAG, cluster.problem)
    if schedule.ignored:  # 1a
        return _leave(Reason.IGNORED, f'Its tag is "{schedule}": it is left alone, whatever happens to it.')
    if why := obstacle(cluster.snapshot):  # 3
        return _leave(Reason.INELIGIBLE, f"Can't be stopped: {why}.")
    if status in _STUCK:  # 4
        why = f'Its status is "{status}", which doesn\'t pass by itself.'
        return Decision(Action.LEAVE, Reason.NEEDS_ATTENTION, why, overdue=True)
    if status in _ENDS_SOON or not cluster.snapshot.get("DBClusterMembers"):  # 4
        return _busy(cluster)
    state, desired = cluster.state, schedule.desired_state(now)
    if hold and hold.in_force(now):  # 5
        action = Action.LEAVE if state is hold.to else _ACTIONS[hold.to]
        end = f" until {local(hold.until, cluster.zone)}" if hold.until else ""
        found = Decision(action, Reason.HELD, f"Held {hold.to}{end}.")
    elif desired in (None, state):  # 6
        until = _until(cluster, schedule, now)
        says = f", as scheduled{',' * bool(until)}" if desired else ". Its schedule says nothing"
        found = _leave(Reason.AS_SCHEDULED, f"{state.capitalize()}{says}{until}.")
    else:
        return _dispute(cluster, schedule, desired, now)
    return found if status in _STEADY else _busy(cluster)  # 4


def _until(cluster: Cluster, schedule: Schedule, now: datetime) -> str:
    """Until when it stays as it is. An edge of a one-sided schedule may change nothing."""
    at = cluster.next_change(now)
    if not at or (schedule.one_sided and schedule.desired_state(at) is schedule.desired_state(now)):
        return ""
    return f" until {local(at, cluster.zone)}"


def _dispute(cluster: Cluster, schedule: Schedule, desired: State, now: datetime) -> Dispute:
    transition, hold = schedule.latest_transition(now), cluster.hold
    end = hold.until if hold and hold.until and hold.until <= now else None
    latest = max(filter(None, (transition.at if transition else None, end)), default=FIRST)
    reason, since = Reason.SCHEDULED, latest - _BEFORE_TRANSITION
    says = f"Its schedule says {desired}"
    message = f"{says}{f' since {local(latest, cluster.zone)}' if latest > FIRST else ''}."
    if schedule.enforced:
        reason, since = Reason.ENFORCED, now - _TWO_RUNS
        message = f'Its tag is "{schedule}".' if schedule.constant else f'{says}, and is "enforced".'
    elif latest == end:
        message = f"Its hold ended on {local(end, cluster.zone)}, and its schedule says {desired}."
    grace_end = latest + timedelta(minutes=schedule.grace if desired is State.STOPPED else 0)
    created = cluster.snapshot.get("ClusterCreateTime") or FIRST
    is_open = reason is Reason.SCHEDULED and cluster.status in _STEADY
    in_grace = grace_end > now and cluster.status in _STEADY
    is_new = max(grace_end, created) > now - _LONGEST_CHANGE  # and can't be overdue
    needed = since if is_open or not is_new else None
    due = Decision(_ACTIONS[desired], reason, message)
    return Dispute(cluster, now, latest, grace_end, created, due, is_open, in_grace, needed)


def _busy(cluster: Cluster) -> Decision:
    why = "It has no instances yet" if cluster.status in _STEADY else f'Its status is "{cluster.status}"'
    return _leave(Reason.BUSY, f"{why}. The next run looks again.")


def _leave(reason: Reason, message: str) -> Decision:
    return Decision(Action.LEAVE, reason, message)


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
        change = next((each for each in Change if message.endswith(each)), None)
        if change and (at := event.get("Date")):
            history.append((at, change))
    return sorted(history, key=lambda each: each[0])
