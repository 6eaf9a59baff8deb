"""A command by hand: which clusters it names, and the hold that it writes. Pure: no AWS, no clock."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from office_hours.clock import shown
from office_hours.decision import Action, Decision, Reason, decide
from office_hours.event import MOST_SHOWN, Event, Name
from office_hours.hold import Hold
from office_hours.schedule import Schedule, State
from office_hours.settings import Cluster
from office_hours.text import as_json, nearest

DONE = {Action.START: "started", Action.STOP: "stopped"}
_STATES = {Action.START: State.RUNNING, Action.STOP: State.STOPPED}
_MOST_NAMED = 5


def choose(
    names: Sequence[Name], clusters: Sequence[Cluster], unread: Collection[str], tag_key: str, regions: Sequence[str]
) -> tuple[list[Cluster], list[str]]:
    """The tagged clusters that are meant, each once, and a sentence for each name that means none, or more than one.

    clusters: all that could be listed.
    unread: Regions that could not be listed. A name in one of them is neither found nor a mistake.
    regions: all that are looked after.
    """
    chosen: dict[str, Cluster] = {}
    mistakes: list[str] = []
    by_identifier = defaultdict[str, list[Cluster]](list)
    for each in clusters:
        by_identifier[each.identifier].append(each)
    for name in names:
        meant = [each for each in by_identifier[name.identifier] if name.is_of(each.region, each.identifier, each.arn)]
        tagged = [each for each in meant if each.schedule]
        if len(tagged) == 1 and (name.region or not unread):
            chosen[tagged[0].name] = tagged[0]
        elif not name.region or not unread or (name.region not in unread and name.region in regions):
            fault = _fault(name, meant, tagged, unread, tag_key)
            # Of more mistakes than are shown, no likely names are looked for.
            near = _suggestion(name, clusters, regions) if len(mistakes) < MOST_SHOWN else ""
            mistakes.append(f"The cluster {as_json(name.text)} {fault.format(near)}")
    return list(chosen.values()), mistakes


def _fault(
    name: Name, meant: Sequence[Cluster], tagged: Sequence[Cluster], unread: Collection[str], tag_key: str
) -> str:
    """What is wrong with a name, as a sentence's end with room for a suggestion."""
    if unread and not name.region:
        return "may be in a Region that can't be listed now: write region/identifier."
    if tagged:
        return f"is in {len(tagged)} Regions: write one of {', '.join(as_json(each.name) for each in tagged)}."
    return f'has no tag "{tag_key}": {{}}' if meant else "is unknown: {}"


def _suggestion(name: Name, clusters: Sequence[Cluster], regions: Sequence[str]) -> str:
    """What may have been meant, as a sentence's end."""
    if name.region and name.region not in regions:
        near = nearest(name.region, regions)
        return f"did you mean the Region {near}?" if near else f"the Regions looked after are {', '.join(regions)}."
    tagged = [each for each in clusters if each.schedule]
    tagged = [each for each in tagged if each.region == name.region] or tagged
    if near_ones := _near(name.identifier, tagged):
        return f"did you mean {' or '.join(_names(near_ones, regions)[:3])}?"
    names = _names(tagged, regions)
    more = ", and more" if len(names) > _MOST_NAMED else ""
    return f"the tagged clusters are {', '.join(names[:_MOST_NAMED])}{more}." if names else "no cluster is tagged."


def _near(identifier: str, tagged: Sequence[Cluster]) -> list[Cluster]:
    """The nearest, then those of which it is a part; or the other way round, as an instance's name often is."""
    best = nearest(identifier, [each.identifier for each in tagged])
    near = [each for each in tagged if best == each.identifier or identifier in each.identifier]
    near += [each for each in tagged if each.identifier in identifier and each not in near]
    return sorted(near, key=lambda each: each.identifier != best)


def _names(clusters: Sequence[Cluster], regions: Sequence[str]) -> list[str]:
    """With their Region, where several are looked after."""
    return [as_json(each.name if len(regions) > 1 else each.identifier) for each in clusters]


def obstacles(clusters: Iterable[Cluster], action: Action, event: Event, now: datetime) -> list[str]:
    """A sentence for each cluster that was named and can't be commanded."""
    found = [(cluster, plan(cluster, action, event, now)) for cluster in clusters]
    refused = [(cluster, each.message) for cluster, each in found if isinstance(each, Decision)]
    return [f'The cluster "{cluster.name}" can\'t be {DONE[action]} by name. {why}' for cluster, why in refused]


def plan(cluster: Cluster, action: Action, event: Event, now: datetime) -> Hold | Decision:
    """The hold that a command by hand writes for a tagged cluster, or the decision that says why none.

    A hold that is there, readable or not, is replaced.
    """
    decision, zone = decide(replace(cluster, hold=Hold(_STATES[action])), now), cluster.zone
    assert isinstance(decision, Decision)  # noqa: S101  a hold in force leaves nothing in dispute
    if not isinstance(cluster.schedule, Schedule) or decision.reason in (Reason.INELIGIBLE, Reason.IGNORED):
        return decision
    if event.resume:
        return _ended(cluster, now)
    since = event.since.instant(now, zone) if event.since else None
    transition = cluster.schedule.next_transition(since or now)
    end = event.until.instant(since or now, zone) if event.until else transition.at if transition else None
    if fault := _wrong_times(cluster, event, since, end, now):
        return Decision(Action.LEAVE, Reason.NEEDS_UNTIL, fault)
    return Hold(_STATES[action], end, since)


def _wrong_times(cluster: Cluster, event: Event, since: datetime | None, end: datetime | None, now: datetime) -> str:
    """What is wrong with a command's times for this cluster; empty where nothing is."""
    zone = cluster.zone
    if end is None:
        return f'Its schedule "{cluster.schedule}" never changes. Say until when: "until": "20:00".'
    if since and since <= now:
        return f'"from" is in the past: {shown(since, zone, now)}.'
    if event.until and not since and (passed := event.until.just_passed(now, zone)):
        today, tomorrow = (at.astimezone(zone).isoformat(timespec="minutes") for at in (passed, end))
        has_passed = f'"until" is {as_json(event.until.text)}, which has just passed ({today}).'
        return f'{has_passed} For the next day write "{tomorrow}".'
    if end <= (since or now):
        fault = 'is not after "from"' if since else "is in the past"
        return f'"until" {fault}: {shown(end, zone, now)}.'
    return ""


def _ended(cluster: Cluster, now: datetime) -> Hold:
    """The cluster's hold as one that ends now; without a readable one, as if its present state had been held."""
    present = State.STOPPED if cluster.status == "stopped" else State.RUNNING
    return Hold(cluster.hold.to if isinstance(cluster.hold, Hold) else present, now.replace(microsecond=0))
