"""A command by hand: which clusters it names, the hold that it writes, and what a person reads of it. Pure: no AWS."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from office_hours.decision import Action, Decision, Reason, decide, local
from office_hours.event import Name, Until, shown
from office_hours.hold import Hold, HoldError
from office_hours.schedule import Schedule, ScheduleError, State
from office_hours.text import nearest

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBClusterTypeDef

_STATES = {Action.START: State.RUNNING, Action.STOP: State.STOPPED}
_DONE = {State.RUNNING: "started", State.STOPPED: "stopped"}
_UNDER_WAY = {State.RUNNING: "starting", State.STOPPED: "stopping"}
# Names. To look for near ones takes its time where there are thousands.
_MOST_TOLD, _MOST_SOUGHT = 5, 20


@dataclass(frozen=True)
class Cluster:
    """A cluster as it was listed.

    tags: what its tags mean; None for an untagged one.
    """

    region: str
    identifier: str
    snapshot: "DBClusterTypeDef"
    tags: tuple[Schedule | ScheduleError, Hold | HoldError | None] | None

    @property
    def name(self) -> str:
        return f"{self.region}/{self.identifier}"

    @property
    def arn(self) -> str:
        return self.snapshot.get("DBClusterArn", "")

    @property
    def zone(self) -> ZoneInfo:
        """The schedule's; where that cannot be read, UTC."""
        return self.tags[0].zone if self.tags and isinstance(self.tags[0], Schedule) else ZoneInfo("UTC")


@dataclass(frozen=True)
class Command:
    """What a command by hand does to one cluster.

    to: the state that it holds the cluster in.
    until: the instant at which the hold ends.
    zone: the schedule's.
    decision: what is to be done under the hold.
    back: when the schedule asks for another state, where that is not at the hold's end.
    """

    cluster: Cluster
    to: State
    until: datetime
    zone: ZoneInfo
    decision: Decision
    back: datetime | None

    @property
    def hold(self) -> str:
        """The value of the hold's tag."""
        return Hold(self.to, self.until).written(self.zone)

    def told(self, now: datetime, *, done: bool, dry_run: bool = False, refused: str = "") -> str:
        """What becomes of the cluster, for the person who asked.

        done: whether it was, or in a dry run would be, started or stopped.
        refused: why it was not, where it was to be.
        """
        name, status = self.cluster.identifier, self.cluster.snapshot.get("Status", "")
        was, stays = ("would be", "would stay") if dry_run else ("was", "stays")
        up = "up" if self.to is State.RUNNING else "down"
        next_one = "stop" if self.to is State.RUNNING else "start"
        back = f"; next {next_one}: {clock(self.back, self.zone, now)}" if self.back else ""
        then = f"it {stays} {up} until {clock(self.until, self.zone, now)}, then office hours apply again{back}."
        if done:
            return f"{name} {was} {_DONE[self.to]}; {then}"
        if refused:
            return f"{name} was not {_DONE[self.to]} yet: {refused}. The next run tries it; {then}"
        if status == _UNDER_WAY[self.to] or self.decision.reason is Reason.HELD:
            return f"{name} is {_UNDER_WAY[self.to] if status == _UNDER_WAY[self.to] else self.to} already; {then}"
        return f"{name} cannot be {_DONE[self.to]} yet. {self.decision.message} If it can be then, {then}"


def clock(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """An instant as the clocks of this zone show it, and as UTC; without its day where that is today."""
    here, utc = at.astimezone(zone), at.astimezone(UTC)
    shows = f"{here:%H:%M} {zone.key}" if here.date() == now.astimezone(zone).date() else local(at, zone)
    if here.utcoffset() == utc.utcoffset():
        return shows
    return f"{shows} ({utc:%H:%M} UTC)" if here.date() == utc.date() else f"{shows} ({utc:%a %H:%M} UTC)"


def choose(
    names: Sequence[Name], clusters: Sequence[Cluster], tag_key: str, regions: Sequence[str]
) -> tuple[list[Cluster], list[str]]:
    """The tagged clusters that are meant, each once, and a sentence for each name that means none, or more than one.

    clusters: all that there are in the Regions that are looked after, or in those of them that are named.
    """
    chosen: dict[str, Cluster] = {}
    mistakes: list[str] = []
    by_identifier: dict[str, list[Cluster]] = {}
    for each in clusters:
        by_identifier.setdefault(each.identifier, []).append(each)
    for name in names:
        there = by_identifier.get(name.identifier, [])
        meant = [each for each in there if name.is_of(each.region, each.identifier, each.arn)]
        tagged = [each for each in meant if each.tags]
        if len(tagged) == 1:
            chosen[tagged[0].name] = tagged[0]
        elif tagged:
            found = ", ".join(shown(each.name) for each in tagged)
            mistakes.append(f"The cluster {shown(name.text)} is in {len(tagged)} Regions: write one of {found}.")
        elif name.region and name.region not in regions:
            near = nearest(name.region, regions)
            or_near = f" Did you mean {shown(near)}?" if near else ""
            where = f"in none of the Regions that are looked after: {', '.join(regions)}."
            mistakes.append(f"{shown(name.text)} is {where}{or_near}")
        else:
            fault = f'has no tag "{tag_key}"' if meant else "is unknown"
            near = f": {_suggestion(name, clusters)}" if len(mistakes) < _MOST_SOUGHT else "."
            mistakes.append(f"The cluster {shown(name.text)} {fault}{near}")
    return list(chosen.values()), mistakes


def _suggestion(name: Name, clusters: Sequence[Cluster]) -> str:
    """The tagged clusters that may have been meant, as a sentence's end; of the Region that was named, if there are."""
    tagged = [each for each in clusters if each.tags]
    tagged = [each for each in tagged if each.region == name.region] or tagged
    several = name.region or len({each.region for each in clusters}) > 1

    def told(found: Iterable[Cluster]) -> list[str]:
        return [shown(each.name if several else each.identifier) for each in found]

    for each in tagged:
        if name.identifier in (
            member.get("DBInstanceIdentifier") for member in each.snapshot.get("DBClusterMembers", ())
        ):
            return f"it is an instance of {told([each])[0]}."
    nearest_one = nearest(name.identifier, [each.identifier for each in tagged])
    near = [each for each in tagged if each.identifier == nearest_one]
    near += [each for each in tagged if name.identifier in each.identifier and each.identifier != nearest_one]
    if near:
        return f"did you mean {' or '.join(told(near[:3]))}?"
    untagged = [each.identifier for each in clusters if not each.tags and each.identifier != name.identifier]
    if untagged_one := nearest(name.identifier, untagged):
        return f"did you mean {shown(untagged_one)}, which has no tag?"
    if not tagged:
        return "no cluster is tagged."
    return f"tagged are {', '.join(told(tagged[:_MOST_TOLD]))}{', and more' if len(tagged) > _MOST_TOLD else ''}."


def plan(cluster: Cluster, action: Action, until: Until | None, now: datetime) -> Command | Decision | None:
    """What a command by hand does to this cluster, or the decision that says why nothing; None for an untagged one.

    until: when the hold is to end; None for the schedule's next transition.
    """
    if cluster.tags is None:
        return None
    schedule, hold = cluster.tags
    if isinstance(schedule, ScheduleError) or isinstance(hold, HoldError):
        return decide(cluster.snapshot, schedule, hold, (), now)
    to, end = _STATES[action], _end(schedule, until, now)
    decision = decide(cluster.snapshot, schedule, Hold(to, end), (), now)
    if decision.reason is Reason.INELIGIBLE:
        return decision
    if end is None:
        why = f'Its schedule "{schedule}" has no transition to come: say until when, as in "until": "20:00".'
        return Decision(Action.LEAVE, Reason.NEEDS_UNTIL, why)
    if end <= now:
        why = f'Its hold would have to end in the future, and "until" is {clock(end, schedule.zone, now)}.'
        return Decision(Action.LEAVE, Reason.NEEDS_UNTIL, why)
    return Command(cluster, to, end, schedule.zone, decision, _back(schedule, to, end))


def _end(schedule: Schedule, until: Until | None, now: datetime) -> datetime | None:
    if until:
        return until.instant(now, schedule.zone)
    transition = schedule.next_transition(now)
    return transition.at if transition else None


def _back(schedule: Schedule, to: State, end: datetime) -> datetime | None:
    """The first transition after a hold's end to another state, unless the schedule asks for another one at its end."""
    if schedule.desired_state(end) is not to:
        return None
    transition = schedule.next_transition(end)
    return transition.at if transition and transition.to is not to else None
