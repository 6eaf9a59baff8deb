"""How long a cluster ran and was stopped, from RDS's event log, and will be, by its schedule. Pure: no AWS, no clock.

A cluster runs from a `started` event to the next `stopped` event, and is stopped until the next `started`. So starting
counts as stopped and stopping as running, though RDS bills neither: savings are, if anything, too low. The message of
an automatic restart counts as neither. What the log leaves open is inferred, and a note says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, TypedDict
from zoneinfo import ZoneInfo

from office_hours.clock import FIRST, LAST, local
from office_hours.decision import LOG_KEPT, Action, Change, Decision, Reason, history_of
from office_hours.hold import Hold
from office_hours.schedule import Schedule, State
from office_hours.settings import Cluster

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBClusterTypeDef, EventTypeDef

    from office_hours.reporting.prices import Price

PERIODS = (1, 7, 14)  # days: RDS's event log covers no more
MONTH = 30  # days: a calendar's month would have one figure in February and another in March
_AFTER = {Change.STARTED: State.RUNNING, Change.STOPPED: State.STOPPED}
_OTHER = {State.RUNNING: State.STOPPED, State.STOPPED: State.RUNNING}
_STOPPED = ("stopped", "starting")  # in any other status a cluster runs
_NOT_FOLLOWED = (Reason.IGNORED, Reason.INVALID_TAG, Reason.INELIGIBLE, Reason.NEEDS_ATTENTION)


class Period(TypedDict):
    """So many days in the report's answer. `complete` is about the hours and, in a total, the money too."""

    days: int
    running_hours: float
    stopped_hours: float
    complete: bool
    saved_usd: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that a cluster spends in one state; None if that is unknown.

    sure: whether RDS's log says so; False if an event is missing.
    """

    start: datetime
    end: datetime
    state: State | None
    sure: bool = True


def past(
    snapshot: "DBClusterTypeDef", events: "Iterable[EventTypeDef]", now: datetime, days: int, price: "Price"
) -> Period:
    """The days, one of PERIODS, that end now.

    events: the cluster's, in any order, from `now - LOG_KEPT` on, whatever the period. Before the first one the cluster
        was in the other state; without any it was always in its present one.
    """
    spans, notes = past_spans(snapshot, events, now - LOG_KEPT, now - timedelta(days=days), now), []
    if spans[0].state is None:
        notes.append(f"It was created on {local(spans[0].end, ZoneInfo('UTC'))}: its hours count from then.")
    if not all(span.sure for span in spans):
        status = snapshot.get("Status", "")
        notes.append(f'RDS\'s event log lacks events, or does not fit its status "{status}": some hours are inferred.')
    return _period(days, hours_in(spans, State.RUNNING), hours_in(spans, State.STOPPED), notes, price)


def past_spans(
    snapshot: "DBClusterTypeDef", events: "Iterable[EventTypeDef]", begin: datetime, start: datetime, now: datetime
) -> list[Span]:
    """What the cluster was from `start` until now; unknown before its creation. It has the events from `begin` on."""
    status, created = snapshot.get("Status", ""), min(snapshot.get("ClusterCreateTime") or FIRST, now)
    present = State.STOPPED if status in _STOPPED else State.RUNNING
    # Events before the creation are about an earlier cluster of this name.
    history = [(at, _AFTER[change]) for at, change in history_of(events) if change in _AFTER and created <= at <= now]
    if created >= begin:
        history.insert(0, (created, State.RUNNING))
    spans, since = [], max(start, created)
    if since > start:
        spans.append(Span(start, since, None))
    state = _OTHER[history[0][1]] if history else present
    for at, to in history:
        if at > since:
            spans.append(Span(since, at, state, sure=to is not state))
            since = at
        state = to
    return [*spans, Span(since, now, state, sure=state is present)]


def coming(schedule: Schedule, hold: Hold | None, at: datetime, end: datetime = LAST) -> Iterator[Span]:
    """What the hold, or else the schedule, says from this instant until the end."""
    while at < end:
        held, transition = hold if hold and hold.in_force(at) else None, schedule.next_transition(at)
        edges = [held.until] if held else [transition and transition.at, hold and hold.since]
        upcoming = min((edge for edge in edges if edge and at < edge < end), default=end)
        yield Span(at, upcoming, held.to if held else schedule.desired_state(at))
        at = upcoming


def planned(cluster: Cluster, decision: Decision, now: datetime, end: datetime = LAST) -> Iterator[Span]:
    """What the cluster will be, unless somebody changes it; nothing if no run follows its tag."""
    if not cluster.schedule or decision.reason in _NOT_FOLLOWED:
        return
    spans = coming(cluster.schedule, cluster.hold, now, end)
    if decision.action is Action.LEAVE and decision.reason is not Reason.BUSY:
        # It is left as it is until the next scheduled change or, if it is in use, until its grace ends.
        first = next(spans)
        left = min(decision.until or end, first.end)
        yield Span(now, left, cluster.state)
        if left < first.end:
            yield replace(first, start=left)
    yield from spans


def changes(spans: Iterable[Span]) -> Iterator[Span]:
    """Those that begin with another state."""
    return (later for earlier, later in pairwise(spans) if later.state not in (earlier.state, None))


@lru_cache(maxsize=4096)  # clusters share schedules and prices
def projected(schedule: Schedule, now: datetime, price: "Price") -> Period:
    """The coming MONTH by the schedule alone: without holds, changes by hand, and the time it takes to start.

    While a schedule says nothing yet, the cluster counts as running.
    """
    stopped = hours_in(coming(schedule, None, now, now + timedelta(days=MONTH)), State.STOPPED)
    notes = ["Its schedule has one side only: what people do on the other is not known."] * schedule.one_sided
    return _period(MONTH, MONTH * 24 - stopped, stopped, notes, price)


def _period(days: int, running: float, stopped: float, notes: list[str], price: "Price") -> Period:
    usd, about = (price.usd, price.note) if stopped else (0.0, "")  # what was not stopped needs no price
    return {
        "days": days,
        "running_hours": round(running, 2),
        "stopped_hours": round(stopped, 2),
        "complete": not notes,
        "saved_usd": None if usd is None else round(stopped * usd, 2),
        "note": " ".join(filter(None, [*notes, about])),
    }


def total(days: int, periods: Sequence[Period]) -> Period:
    """The sum over clusters. Unknown figures are left out, and the note counts them."""
    saved = [each["saved_usd"] for each in periods if each["saved_usd"] is not None]
    unknown, noted = len(periods) - len(saved), sum(bool(each["note"]) for each in periods)
    left_out = f"Without the savings of {unknown} of {len(periods)} clusters: their prices are not known."
    notes = f"See the notes of {noted} of {len(periods)} clusters."
    return {
        "days": days,
        "running_hours": round(sum(each["running_hours"] for each in periods), 2),
        "stopped_hours": round(sum(each["stopped_hours"] for each in periods), 2),
        "complete": not unknown and all(each["complete"] for each in periods),
        "saved_usd": None if unknown and not sum(saved) else round(sum(saved), 2),
        "note": " ".join([left_out] * bool(unknown) + [notes] * bool(noted)),
    }


def hours_in(spans: Iterable[Span], state: State) -> float:
    """The hours that the spans have in this state."""
    return sum((span.end - span.start for span in spans if span.state is state), timedelta()) / timedelta(hours=1)
