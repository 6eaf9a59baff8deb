"""What to do with a cluster, and why: the rules, first match wins. Pure: no AWS, no clock.

`decide` takes what is known of one cluster. Where the rules come down to who made the last change, `evidence_since`
says from when on RDS's event log is to be read for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from office_hours.hold import Hold, HoldError
from office_hours.schedule import Schedule, ScheduleError, State

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBClusterTypeDef, EventTypeDef

# RDS keeps 14 days of events; an hour less keeps clear of the edge.
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeEvents.html
LOG_KEPT = timedelta(days=14) - timedelta(hours=1)
# How long before a transition a change may have begun that is part of the story: an automatic restart takes its time.
_BEFORE_TRANSITION = timedelta(minutes=60)
# An event marks the end of a change. One that comes within this time of a transition may have begun before it.
_LONGEST_CHANGE = timedelta(minutes=30)


class Action(StrEnum):
    """What is to be done with a cluster."""

    START = "start"
    STOP = "stop"
    LEAVE = "leave"


class Reason(StrEnum):
    """Why: one for each rule that can decide."""

    INVALID_TAG = "invalid-tag"
    INELIGIBLE = "ineligible"
    BUSY = "busy"
    HELD = "held"
    NEEDS_UNTIL = "needs-until"  # a command by hand alone: no transition would end its hold
    AS_SCHEDULED = "as-scheduled"
    ENFORCED = "enforced"
    CHANGED_BY_HAND = "changed-by-hand"
    SCHEDULED = "scheduled"
    AUTO_RESTARTED = "auto-restarted"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a cluster now.

    action: what.
    reason: why, for programs.
    message: why, for people: one sentence.
    """

    action: Action
    reason: Reason
    message: str


class Change(StrEnum):
    """What RDS's event log tells of a cluster."""

    STARTED = "started"
    STOPPED = "stopped"
    STOP_FAILED = "stop failed"
    RESTARTED = "restarted by AWS"


# RDS-EVENT-0150 to 0153, matched without regard to case and the final stop, since DescribeEvents returns no event id.
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html
_MESSAGES = {
    "db cluster stopped": Change.STOPPED,
    "db cluster started": Change.STARTED,
    "db cluster stop failed": Change.STOP_FAILED,
}
_RESTART_MESSAGE = "due to it exceeding the maximum allowed time being stopped"

_STATES = {"available": State.RUNNING, "stopped": State.STOPPED}
_ACTIONS = {State.RUNNING: Action.START, State.STOPPED: Action.STOP}


@dataclass(frozen=True, slots=True)
class _Dispute:
    """What rule 8 is to settle: a cluster is not in the state that its schedule asks for."""

    desired: State
    since: datetime | None  # None: there never was a transition
    zone: ZoneInfo
    message: str

    @property
    def action(self) -> Action:
        return _ACTIONS[self.desired]


def decide(
    snapshot: "DBClusterTypeDef",
    schedule: Schedule | ScheduleError,
    hold: Hold | HoldError | None,
    events: "Iterable[EventTypeDef]",
    now: datetime,
) -> Decision:
    """Decide what to do with a tagged Aurora cluster.

    snapshot: the `DBCluster` structure that RDS returned.
    schedule, hold: what the cluster's tags mean, or the error that reading them gave.
    events: the cluster's events, as DescribeEvents returns them, at least from `evidence_since` to `now`, in any order;
        none are looked at where `evidence_since` is None.
    now: the instant to decide for, aware.
    """
    found = _by_snapshot(snapshot, schedule, hold, now)
    if isinstance(found, Decision):
        return found
    return _by_log(snapshot, found, history_of(events, now), now)


def evidence_since(
    snapshot: "DBClusterTypeDef",
    schedule: Schedule | ScheduleError,
    hold: Hold | HoldError | None,
    now: datetime,
) -> datetime | None:
    """From when on the cluster's events are needed to decide; None where they are not. Never older than RDS's log."""
    found = _by_snapshot(snapshot, schedule, hold, now)
    if isinstance(found, Decision):
        return None
    oldest = now - LOG_KEPT
    return max(found.since - _BEFORE_TRANSITION, oldest) if found.since else oldest


def overdue(  # noqa: PLR0913, PLR0917  all that `decide` is told, and what it said
    snapshot: "DBClusterTypeDef",
    schedule: Schedule | ScheduleError,
    hold: Hold | HoldError | None,
    decision: Decision,
    now: datetime,
    every: timedelta,
) -> bool:
    """Whether the cluster has not been on its way to the desired state for two runs since the latest transition.

    Not where it is left for a reason that a person has given or can see to, and not under a hold, which does not tell
    since when it is there. What RDS keeps busy counts as well: nobody else would tell.

    decision: what `decide` says of it now.
    every: the time from one run to the next.
    """
    if isinstance(schedule, ScheduleError) or isinstance(hold, HoldError):
        return False
    if decision.action is Action.LEAVE and decision.reason is not Reason.BUSY:
        return False
    ends = [hold.until] if hold and hold.until and hold.until <= now else []
    if transition := schedule.latest_transition(now):
        ends.append(transition.at)
    desired, created = schedule.desired_state(now), snapshot.get("ClusterCreateTime")
    if (hold and hold.in_force(now)) or desired is None or not ends or now - max(ends) <= 2 * every:
        return False
    if decision.reason is Reason.BUSY:
        # A start or a stop is somebody's, and ends by itself. Whatever else RDS is busy with runs.
        is_running = snapshot.get("Status") not in ("starting", "stopping") and snapshot.get("DBClusterMembers")
        return bool(desired is State.STOPPED and is_running and not (created and created >= max(ends)))
    return True


def next_change(schedule: Schedule, hold: Hold | None, now: datetime) -> datetime | None:
    """When the desired state may change next: at the end of a hold in force, else at the schedule's next transition."""
    if hold and hold.in_force(now):
        return hold.until
    transition = schedule.next_transition(now)
    return transition.at if transition else None


def _by_snapshot(
    snapshot: "DBClusterTypeDef",
    schedule: Schedule | ScheduleError,
    hold: Hold | HoldError | None,
    now: datetime,
) -> Decision | _Dispute:
    """Rules 2 to 7, and what rule 8 tells without the log."""
    if isinstance(schedule, ScheduleError):
        return Decision(Action.LEAVE, Reason.INVALID_TAG, f"The schedule cannot be read: {_ended(schedule)}")
    if isinstance(hold, HoldError):
        return Decision(Action.LEAVE, Reason.INVALID_TAG, f"The hold cannot be read: {_ended(hold)}")
    if obstacle := _obstacle(snapshot):
        return Decision(Action.LEAVE, Reason.INELIGIBLE, f"RDS cannot stop this cluster: {obstacle}.")
    status = snapshot.get("Status", "")
    if (state := _STATES.get(status)) is None:
        return Decision(Action.LEAVE, Reason.BUSY, f'It is "{status}": a later run sees it again.')
    if not snapshot.get("DBClusterMembers"):
        return Decision(Action.LEAVE, Reason.BUSY, "It has no instances yet: a later run sees it again.")
    return _by_schedule(snapshot, state, schedule, hold, now)


def _by_schedule(
    snapshot: "DBClusterTypeDef", state: State, schedule: Schedule, hold: Hold | None, now: datetime
) -> Decision | _Dispute:
    """Rules 5 to 7, and what rule 8 tells without the log."""
    zone = schedule.zone
    if hold and hold.in_force(now):
        end = f" until {local(hold.until, zone)}" if hold.until else ""
        action = Action.LEAVE if state is hold.to else _ACTIONS[hold.to]
        return Decision(action, Reason.HELD, f"It is held {hold.to}{end}.")
    desired = schedule.desired_state(now)
    if desired in (None, state):
        upcoming = schedule.next_transition(now)
        asked = "as its schedule asks" if desired else "and its schedule asks for nothing"
        until = f" until {local(upcoming.at, zone)}" if upcoming else ""
        return Decision(Action.LEAVE, Reason.AS_SCHEDULED, f"It is {state}, {asked}{until}.")
    if schedule.enforced:
        rule = schedule if schedule.constant else "enforced"
        return Decision(_ACTIONS[desired], Reason.ENFORCED, f'Its schedule asks for {desired}, and is "{rule}".')
    latest = schedule.latest_transition(now)
    since = latest.at if latest else None
    message = f"Its schedule asks for {desired}{f' since {local(since, zone)}' if since else ''}."
    if hold and hold.until and (since is None or since < hold.until):
        since = hold.until
        message = f"Its hold ended on {local(since, zone)}, and its schedule asks for {desired}."
    created = snapshot.get("ClusterCreateTime")
    if since and created and created >= since:
        return _left(f"It was created on {local(created, zone)}, after its latest transition")
    return _Dispute(desired, since, zone, message)


def _obstacle(snapshot: "DBClusterTypeDef") -> str:
    """Why RDS can never stop this cluster, or nothing.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-cluster-stop-start.html
    """
    mode = snapshot.get("EngineMode") or "provisioned"
    if mode != "provisioned":
        return f'its engine mode is "{mode}"'
    if identifier := snapshot.get("GlobalClusterIdentifier"):
        return f'it belongs to the global database "{identifier}"'
    if source := snapshot.get("ReplicationSourceIdentifier"):
        return f'it replicates from "{source}"'
    if replicas := snapshot.get("ReadReplicaIdentifiers"):
        return f'it is replicated to "{", ".join(replicas)}"'
    return ""


def history_of(events: "Iterable[EventTypeDef]", now: datetime) -> list[tuple[datetime, Change]]:
    """The changes that the event log tells of, oldest first."""
    history = []
    for event in events:
        message = event.get("Message", "").strip().rstrip(".").lower()
        change = Change.RESTARTED if message.endswith(_RESTART_MESSAGE) else _MESSAGES.get(message)
        date = event.get("Date")
        if change and date and date <= now:
            history.append((date, change))
    return sorted(history, key=lambda each: each[0])


def _by_log(  # noqa: PLR0911  one return a rule, in the order of the rules
    snapshot: "DBClusterTypeDef", dispute: _Dispute, history: Sequence[tuple[datetime, Change]], now: datetime
) -> Decision:
    """Rules 8 and 9: whether a person made the latest change, and made it after the latest transition."""
    to_stop = dispute.desired is State.STOPPED
    since, zone = dispute.since, dispute.zone
    if to_stop and history and history[-1][1] is Change.STOP_FAILED and now - history[-1][0] < _LONGEST_CHANGE:
        failed = local(history[-1][0], zone)
        return Decision(Action.LEAVE, Reason.BUSY, f"RDS failed to stop it on {failed}: it gets half an hour's rest.")
    before_starts = [change for _, change in history if change in (Change.STOPPED, Change.RESTARTED)]
    if to_stop and before_starts and before_starts[-1] is Change.RESTARTED:
        message = f"AWS started it, as it does after seven days. {dispute.message}"
        return Decision(dispute.action, Reason.AUTO_RESTARTED, message)
    act = Decision(dispute.action, Reason.SCHEDULED, dispute.message)
    changes = [(at, change) for at, change in history if change in (Change.STARTED, Change.STOPPED)]
    if since is None or not changes or changes[-1][0] < since:
        if to_stop and (since is None or since < now - LOG_KEPT):
            return _left(
                "Nobody knows who started it: RDS's event log does not reach back to its latest transition (to stop "
                f'it, invoke the stop function with {{"clusters": ["{snapshot.get("DBClusterIdentifier")}"]}})'
            )
        if since or not changes:
            return act
        # Without any transition, all that the log tells of came after it.
        since = changes[0][0] - _LONGEST_CHANGE
    at, change = changes[-1]
    # The change into the state that it is in, which is not the desired one.
    expected = Change.STARTED if to_stop else Change.STOPPED
    if change is not expected:
        return _left(f"It was {expected} by hand after {local(at, zone)} (RDS's event log does not tell when)")
    there_and_back = any(since <= earlier and other is not expected for earlier, other in changes)
    if at - since >= _LONGEST_CHANGE or there_and_back:
        return _left(f"It was {expected} by hand, or under an earlier tag or hold, at the latest on {local(at, zone)}")
    return act


def _ended(error: ValueError) -> str:
    """What an error says, as the end of a sentence."""
    text = str(error)
    return text if text.endswith((".", "?")) else f"{text}."


def _left(message: str) -> Decision:
    return Decision(Action.LEAVE, Reason.CHANGED_BY_HAND, f"{message}: left until the next transition.")


def local(at: datetime, zone: ZoneInfo) -> str:
    """An instant as people in this zone write it."""
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M} {zone.key}"
