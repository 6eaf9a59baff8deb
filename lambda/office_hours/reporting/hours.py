"""How long a cluster ran and was stopped, by RDS's event log, and will be, by its schedule. Pure: no AWS, no clock.

What counts: a cluster runs from its `started` event to its `stopped` event, and is stopped from that to the next
`started`. So the minutes of starting count as stopped and those of stopping as running, of which RDS bills neither: a
saving is rather told too small. The message of an automatic restart is no event of either kind: the `started` that
follows it is. What the log leaves open is inferred, and where that cannot be relied on, a note says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, TypedDict
from zoneinfo import ZoneInfo

from office_hours.decision import LOG_KEPT, Change, history_of, local
from office_hours.hold import Hold
from office_hours.schedule import Schedule, State

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBClusterTypeDef, EventTypeDef

PERIODS = (1, 7, 14)  # days: RDS's event log covers no more
MONTH = 30  # days: a calendar's month would have one figure in February and another in March

_AFTER = {Change.STARTED: State.RUNNING, Change.STOPPED: State.STOPPED}
_OTHER = {State.RUNNING: State.STOPPED, State.STOPPED: State.RUNNING}
# What a status tells: in these a cluster is stopped, in those neither stopped nor billed, and in any other it runs.
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Status.html
_STOPPED = ("stopped", "starting")
_NEITHER = ("creating", "deleting", "cloning-failed", "migration-failed", "inaccessible-encryption-credentials")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_SHOWN_IN = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Hours:
    """How long a cluster ran and was stopped.

    days: the length of the period.
    running, stopped: hours, not rounded. Together as long as the period, or as the cluster's life, if that is shorter.
    note: why the figures are partial, in sentences; empty where they are complete.
    """

    days: int
    running: float
    stopped: float
    note: str = ""


class Period(TypedDict):
    """One period in the report's answer. `complete` is about the hours, and in a total about the money as well."""

    days: int
    running_hours: float
    stopped_hours: float
    complete: bool
    saved_usd: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that a cluster spent in one state. state: None where nobody knows."""

    start: datetime
    end: datetime
    state: State | None


def past(snapshot: "DBClusterTypeDef", events: "Iterable[EventTypeDef]", now: datetime, days: int) -> Hours:
    """The hours of the period that ends now.

    snapshot: the `DBCluster` structure that RDS returned, as of now.
    events: the cluster's events, as DescribeEvents returns them, in any order, from `now - LOG_KEPT` on, whatever the
        period: before the first one the cluster was in the other state, and without any it always was as it is now.
    days: one of PERIODS.
    """
    status, notes = snapshot.get("Status", ""), []
    created, changes = _changes(snapshot, events, now)
    start = now - timedelta(days=days)
    if created > start:
        start = created
        notes.append(f"It was created on {local(created, _SHOWN_IN)}: its hours count from then on.")
    spans, repeated = _spans(changes, _present(status), start, now)
    state = changes[-1][1] if changes else _present(status)
    if repeated:
        times = ", ".join(local(at, _SHOWN_IN) for at in repeated)
        notes.append(f"Events are missing: by the log it was started or stopped twice in a row, again on {times}.")
    if status.startswith(_NEITHER):
        notes.append(f'It is "{status}", and the log does not tell since when.')
    elif state is not _present(status):
        notes.append(f'It is "{status}", but by the log it is {state}: the latest event is missing.')
    return Hours(days, hours_in(spans, State.RUNNING), hours_in(spans, State.STOPPED), " ".join(notes))


def past_spans(
    snapshot: "DBClusterTypeDef", events: "Iterable[EventTypeDef]", start: datetime, now: datetime
) -> list[Span]:
    """What the cluster was from `start` until now; the time before its creation is left out.

    events: the cluster's, at least from `start` on.
    """
    status = snapshot.get("Status", "")
    created, changes = _changes(snapshot, events, now)
    spans, repeated = _spans(changes, _present(status), max(start, created), now)
    if changes and changes[-1][1] is not _present(status) and spans:
        # The latest event is missing.
        spans[-1] = Span(spans[-1].start, now, None)
    # Between two events that say the same, the other one is missing.
    return [Span(span.start, span.end, None) if span.end in repeated else span for span in spans]


def coming_spans(schedule: Schedule, hold: Hold | None, now: datetime, end: datetime) -> list[Span]:
    """What the hold, then the schedule, ask for from now until `end`."""
    spans, at = [], now
    if hold and hold.in_force(now):
        at = min(hold.until or end, end)
        spans.append(Span(now, at, hold.to))
    while at < end:
        transition = schedule.next_transition(at)
        upcoming = min(transition.at, end) if transition else end
        spans.append(Span(at, upcoming, schedule.desired_state(at)))
        at = upcoming
    return spans


@lru_cache(maxsize=1024)  # clusters share schedules
def projected(schedule: Schedule, now: datetime) -> Hours:
    """The hours of the coming MONTH if all goes by the schedule: without holds, changes by hand, and time to start.

    Where a schedule asks for nothing yet, the cluster counts as running.
    """
    spans = coming_spans(schedule, None, now, now + timedelta(days=MONTH))
    stopped = hours_in(spans, State.STOPPED)
    note = "Its schedule has one side only, and nobody knows what is done by hand on the other."
    return Hours(MONTH, MONTH * 24 - stopped, stopped, note if schedule.one_sided else "")


def period(hours: Hours, usd: float | None, price_note: str = "") -> Period:
    """An entry of the report's answer.

    usd: what an hour of running costs, None where that is not known; not looked at where nothing is stopped.
    price_note: what is to be said about that.
    """
    saved = 0.0 if not hours.stopped else None if usd is None else round(hours.stopped * usd, 2)
    return {
        "days": hours.days,
        "running_hours": round(hours.running, 2),
        "stopped_hours": round(hours.stopped, 2),
        "complete": not hours.note,
        "saved_usd": saved,
        "note": " ".join(filter(None, (hours.note, price_note if hours.stopped else ""))),
    }


def total(days: int, periods: Sequence[Period]) -> Period:
    """The sum over clusters: what is not known of one is left out and counted in the note."""
    saved = [each["saved_usd"] for each in periods if each["saved_usd"] is not None]
    unknown, noted = len(periods) - len(saved), sum(bool(each["note"]) for each in periods)
    left_out = f"Without the savings of {unknown} of {len(periods)} clusters: their prices are not known."
    notes = f"See the notes of {noted} of {len(periods)} clusters."
    return {
        "days": days,
        "running_hours": round(sum(each["running_hours"] for each in periods), 2),
        "stopped_hours": round(sum(each["stopped_hours"] for each in periods), 2),
        "complete": not unknown and all(each["complete"] for each in periods),
        "saved_usd": round(sum(saved), 2) if saved or not periods else None,
        "note": " ".join(filter(None, (left_out if unknown else "", notes if noted else ""))),
    }


def _present(status: str) -> State:
    return State.STOPPED if status in _STOPPED else State.RUNNING


def _changes(
    snapshot: "DBClusterTypeDef", events: "Iterable[EventTypeDef]", now: datetime
) -> tuple[datetime, list[tuple[datetime, State]]]:
    """When the cluster was created, and each state that it has come into, as far as the log tells."""
    created = min(snapshot.get("ClusterCreateTime") or _LONG_AGO, now)
    # The same event may come on two pages. Those before the creation tell of an earlier cluster of this name.
    history = dict.fromkeys(history_of(events, now))
    changes = [(at, _AFTER[change]) for at, change in history if change in _AFTER and at >= created]
    if created >= now - LOG_KEPT:
        changes.insert(0, (created, State.RUNNING))
    return created, changes


def _spans(
    changes: Sequence[tuple[datetime, State]], present: State, start: datetime, end: datetime
) -> tuple[list[Span], list[datetime]]:
    """The states from `start` to `end`, and when one changed into what it was."""
    spans, since, repeated = [], start, []
    state = _OTHER[changes[0][1]] if changes else present
    for at, to in changes:
        if at > start:
            spans.append(Span(since, at, state))
            since = at
            repeated += [at] if to is state else []
        state = to
    return [*spans, Span(since, end, state)], repeated


def hours_in(spans: Iterable[Span], state: State) -> float:
    """The hours that the spans have in this state."""
    return sum((span.end - span.start for span in spans if span.state is state), timedelta()) / timedelta(hours=1)
