"""What happened next to what should have happened: the figures that both views show."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from string import ascii_letters
from typing import TYPE_CHECKING

from demo.account import DAYS, END, MAINTENANCE_WINDOW, START, TAG_KEY, Cluster
from office_hours.hold import Hold
from office_hours.reporting.hours import Period, total
from office_hours.schedule import Schedule, Transition
from office_hours.settings import Settings

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import TagTypeDef

    from demo.simulation import Decision, Week

NOTES = "What happened at each letter (repeats aren't marked)"
# A schedule's routine changes come at its edges; only those far from any edge are news.
_NEAR_AN_EDGE = timedelta(minutes=30)


@dataclass(frozen=True)
class Span:
    """A stretch of time and its state: an RDS status, a desired state, or how to draw both."""

    start: datetime
    end: datetime
    state: str

    @property
    def hours(self) -> float:
        return (self.end - self.start) / timedelta(hours=1)


_UNKNOWN = Span(START, END, "")


@dataclass(frozen=True)
class Row:
    """A cluster's week.

    wanted: what its schedule says, or its hold while that lasts, without gaps; the state is "" while neither says
        anything. Empty without a readable tag.
    happened: the statuses it went through, without gaps.
    period: its hours and savings.
    asked: the edges of a one-sided schedule, which leave alone what people do afterwards.
    """

    cluster: Cluster
    wanted: tuple[Span, ...]
    happened: tuple[Span, ...]
    period: Period
    asked: tuple[Transition, ...] = ()

    @property
    def stretches(self) -> tuple[Span, ...]:
        """The week without gaps: how what happened in each stretch compares with what was wanted."""
        pairs = ((status, wanted) for status in self.happened for wanted in self.wanted or (_UNKNOWN,))
        shared = ((max(a.start, b.start), min(a.end, b.end), _compared(a.state, b.state)) for a, b in pairs)
        return tuple(_spans((start, kind) for start, end, kind in shared if start < end))


@dataclass(frozen=True)
class Note:
    """A decision that wasn't routine, such as any command by hand, and the letter that marks it."""

    mark: str
    decision: "Decision"


@dataclass(frozen=True)
class Timeline:
    rows: tuple[Row, ...]
    notes: tuple[Note, ...]

    @property
    def total(self) -> Period:
        return total(DAYS, [row.period for row in self.rows])


def figures(period: Period) -> tuple[str, str, str]:
    """The hours stopped, their share and the dollars saved, as both views show them."""
    stopped, saved = period["stopped_hours"], period["saved_usd"]
    share = stopped / (stopped + period["running_hours"])
    return f"{stopped:,.0f} h", f"{share:.0%}", "unknown" if saved is None else f"${saved:,.0f}"


def timeline(clusters: Sequence[Cluster], week: "Week", settings: Settings) -> Timeline:
    """Put a week's records side by side. Tags are read as the functions read them under these settings."""
    schedules = {cluster.name: _schedule_of(cluster, settings) for cluster in clusters}
    rows = (_row(cluster, schedules[cluster.name], week) for cluster in clusters)
    names = [cluster.name for cluster in clusters]
    news: dict[tuple[str, str], Decision] = {}
    for decision in sorted(week.decisions, key=lambda each: (each.at, names.index(each.cluster))):
        if not _is_routine(decision, schedules[decision.cluster]):
            news.setdefault((decision.cluster, decision.reason), decision)
    marks = zip(ascii_letters, news.values(), strict=False)
    return Timeline(tuple(rows), tuple(Note(mark, decision) for mark, decision in marks))


def _schedule_of(cluster: Cluster, settings: Settings) -> Schedule | None:
    """What its tag means; None if it is untagged, or its tag can't be read."""
    if cluster.tag is None:
        return None
    tag: TagTypeDef = {"Key": TAG_KEY, "Value": cluster.tag}
    return settings.cluster("", {"TagList": [tag], "PreferredMaintenanceWindow": MAINTENANCE_WINDOW}).schedule


def _row(cluster: Cluster, schedule: Schedule | None, week: "Week") -> Row:
    happened, period = tuple(_spans(week.statuses[cluster.name])), week.periods[cluster.name]
    if not schedule:
        return Row(cluster, (), happened, period)
    edges = tuple(_edges(schedule))
    one_sided = schedule.one_sided
    wanted = [(START, str("" if one_sided else schedule.desired_state(START)))]
    wanted += [] if one_sided else [(edge.at, str(edge.to)) for edge in edges]
    for decision in week.decisions:
        if decision.hold and decision.cluster == cluster.name:
            wanted = _held(wanted, decision.at, Hold.parse(decision.hold, zone=schedule.zone))
    return Row(cluster, tuple(_spans(wanted)), happened, period, edges if one_sided else ())


def _edges(schedule: Schedule) -> Iterator[Transition]:
    at = START
    while (upcoming := schedule.next_transition(at)) and upcoming.at < END:
        yield upcoming
        at = upcoming.at


def _held(wanted: list[tuple[datetime, str]], since: datetime, hold: Hold) -> list[tuple[datetime, str]]:
    """What is wanted if a hold, written at `since`, replaces the schedule."""
    until = hold.until or END
    then = [state for at, state in wanted if at <= until][-1]
    kept = [(at, state) for at, state in wanted if not since <= at <= until]
    return sorted([*kept, (since, str(hold.to)), (until, then)])


def _compared(status: str, wanted: str) -> str:
    """How to draw a stretch: a key of both views."""
    match status, wanted:
        case "starting" | "stopping", _:
            return "change"
        case "stopped", "running":
            return "missed"
        case "stopped", _:
            return "off"
        case _, "stopped":
            return "over"
    return "run"


def _spans(records: Iterable[tuple[datetime, str]]) -> Iterator[Span]:
    """States, and since when, as spans within the week. Repeats are one span."""
    changes = [next(group) for _, group in groupby(records, key=itemgetter(1))]
    ends = [*((max(at, START), state) for at, state in changes), (END, "")]
    return (Span(at, end, state) for (at, state), (end, _) in pairwise(ends) if at < end)


def _is_routine(decision: "Decision", schedule: Schedule | None) -> bool:
    match decision.reason:
        case _ if decision.command:
            return False
        case "as-scheduled" | "held":  # the command that wrote the hold says so
            return True
        case "busy":
            return decision.status in ("stopping", "starting")
        case "scheduled" | "enforced":
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
