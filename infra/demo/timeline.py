"""What happened beside what was wanted: the figures that both views show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from string import ascii_letters
from typing import TYPE_CHECKING

from demo.account import END, START, Cluster
from office_hours.schedule import Schedule, ScheduleError, State

if TYPE_CHECKING:
    from demo.simulation import Decision, Week

_HOURS = (END - START) / timedelta(hours=1)
# An enforced schedule's routine changes have the reason "enforced" as well; only those far from any edge are news.
_NEAR_AN_EDGE = timedelta(minutes=30)


@dataclass(frozen=True)
class Span:
    """A stretch of time and what holds in it: an RDS status, or a desired state."""

    start: datetime
    end: datetime
    state: str

    @property
    def stopped(self) -> bool:
        return self.state == "stopped"

    @property
    def hours(self) -> float:
        return (self.end - self.start) / timedelta(hours=1)


@dataclass(frozen=True)
class Row:
    """A cluster's week.

    wanted: what its schedule asks for, without gaps; empty where nobody can say.
    happened: the statuses it went through, without gaps.
    """

    cluster: Cluster
    wanted: tuple[Span, ...]
    happened: tuple[Span, ...]

    @property
    def hours_stopped(self) -> float:
        """The hours for which the cluster's instances cost nothing."""
        return sum(span.hours for span in self.happened if span.stopped)

    @property
    def share_stopped(self) -> float:
        return self.hours_stopped / _HOURS


@dataclass(frozen=True)
class Note:
    """A decision that was no matter of routine, and the letter that marks it."""

    mark: str
    decision: "Decision"


@dataclass(frozen=True)
class Timeline:
    rows: tuple[Row, ...]
    notes: tuple[Note, ...]

    @property
    def hours_stopped(self) -> float:
        return sum(row.hours_stopped for row in self.rows)

    @property
    def share_stopped(self) -> float:
        return self.hours_stopped / (len(self.rows) * _HOURS)


def timeline(clusters: Sequence[Cluster], week: "Week") -> Timeline:
    """Put a week's records side by side."""
    schedules = {cluster.name: _schedule(cluster) for cluster in clusters}
    rows = (
        Row(cluster, tuple(_wanted(schedules[cluster.name])), tuple(_spans(week.statuses[cluster.name])))
        for cluster in clusters
    )
    names = [cluster.name for cluster in clusters]
    news: dict[tuple[str, str], Decision] = {}
    for decision in sorted(week.decisions, key=lambda each: (each.at, names.index(each.cluster))):
        if not _is_routine(decision, schedules[decision.cluster]):
            news.setdefault((decision.cluster, decision.reason), decision)
    marks = zip(ascii_letters, news.values(), strict=False)
    return Timeline(tuple(rows), tuple(Note(mark, decision) for mark, decision in marks))


def _schedule(cluster: Cluster) -> Schedule | None:
    try:
        return None if cluster.tag is None else Schedule.parse(cluster.tag)
    except ScheduleError:
        return None


def _wanted(schedule: Schedule | None) -> Iterable[Span]:
    if schedule is None:
        return ()
    at, records = START, []
    while at < END:
        records.append((at, str(schedule.desired_state(at) or State.RUNNING)))
        upcoming = schedule.next_transition(at)
        at = upcoming.at if upcoming else END
    return _spans(records)


def _spans(records: Iterable[tuple[datetime, str]]) -> Iterable[Span]:
    """What holds from when on, as spans within the week."""
    ends = [*((max(at, START), state) for at, state in records), (END, "")]
    return (Span(at, end, state) for (at, state), (end, _) in pairwise(ends) if at < end)


def _is_routine(decision: "Decision", schedule: Schedule | None) -> bool:
    match decision.reason:
        case "as-scheduled" | "scheduled":
            return True
        case "busy":
            return decision.status in ("stopping", "starting")
        case "enforced":
            latest = schedule and schedule.latest_transition(decision.at)
            return decision.at == START or bool(latest and decision.at - latest.at < _NEAR_AN_EDGE)
    return False


def both(first: Iterable[Span], second: Sequence[Span]) -> Iterable[Span]:
    """The stretches that lie in both, with the state of the first."""
    for one in first:
        for other in second:
            start, end = max(one.start, other.start), min(one.end, other.end)
            if start < end:
                yield Span(start, end, one.state)
