"""A command by hand: which clusters it names, and the hold that it writes. Pure: no AWS, no clock."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from office_hours.clock import shown
from office_hours.decision import Action, Decision, Reason, decide
from office_hours.event import Name, Until
from office_hours.hold import Hold
from office_hours.schedule import Schedule, State
from office_hours.settings import Cluster
from office_hours.text import as_json, nearest

_DONE = {Action.START: "started", Action.STOP: "stopped"}
_STATES = {Action.START: State.RUNNING, Action.STOP: State.STOPPED}
# Names. To look for near ones takes its time where there are thousands.
_MOST_NAMED, _MOST_SOUGHT = 5, 20


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
        tagged = [each for each in meant if each.schedule]
        if len(tagged) == 1:
            chosen[tagged[0].name] = tagged[0]
        elif tagged:
            found = ", ".join(as_json(each.name) for each in tagged)
            mistakes.append(f"The cluster {as_json(name.text)} is in {len(tagged)} Regions: write one of {found}.")
        elif name.region and name.region not in regions:
            near = nearest(name.region, regions)
            or_near = f" Did you mean {as_json(near)}?" if near else ""
            where = f"in none of the Regions that are looked after: {', '.join(regions)}."
            mistakes.append(f"{as_json(name.text)} is {where}{or_near}")
        else:
            fault = f'has no tag "{tag_key}"' if meant else "is unknown"
            near = f": {_suggestion(name, clusters)}" if len(mistakes) < _MOST_SOUGHT else "."
            mistakes.append(f"The cluster {as_json(name.text)} {fault}{near}")
    return list(chosen.values()), mistakes


def _suggestion(name: Name, clusters: Sequence[Cluster]) -> str:
    """The tagged clusters that may have been meant, as a sentence's end; of the Region that was named, if there are."""
    tagged = _tagged(clusters, name.region)
    is_sure = name.region is None and len({each.region for each in clusters}) == 1

    def names(found: Iterable[Cluster]) -> list[str]:
        return [as_json(each.identifier if is_sure else each.name) for each in found]

    if owners := [each for each in tagged if name.identifier in _instances(each)]:
        return f"it is an instance of {names(owners)[0]}."
    if near := _near(name.identifier, tagged):
        return f"did you mean {' or '.join(names(near[:3]))}?"
    untagged = nearest(name.identifier, [each.identifier for each in clusters if not each.schedule])
    if untagged and untagged != name.identifier:
        return f"did you mean {as_json(untagged)}, which has no tag?"
    more = ", and more" if len(tagged) > _MOST_NAMED else ""
    known = f"the tagged clusters are {', '.join(names(tagged[:_MOST_NAMED]))}{more}."
    return known if tagged else "no cluster is tagged."


def _tagged(clusters: Sequence[Cluster], region: str | None) -> list[Cluster]:
    """The tagged clusters of a Region, or all where it has none."""
    tagged = [each for each in clusters if each.schedule]
    return [each for each in tagged if each.region == region] or tagged


def _instances(cluster: Cluster) -> list[str]:
    return [member.get("DBInstanceIdentifier", "") for member in cluster.snapshot.get("DBClusterMembers", ())]


def _near(identifier: str, clusters: Sequence[Cluster]) -> list[Cluster]:
    """The clusters with the nearest identifier, then those whose identifier has this one in it."""
    best = nearest(identifier, [each.identifier for each in clusters])
    found = [each for each in clusters if each.identifier == best or identifier in each.identifier]
    return sorted(found, key=lambda each: each.identifier != best)


def obstacles(clusters: Iterable[Cluster], action: Action, until: Until | None, now: datetime) -> list[str]:
    """A sentence for each cluster that was named and can't be commanded."""
    return [
        f'The cluster "{cluster.name}" can\'t be {"stopped" if action is Action.STOP else "started"} by name. {obstacle.message}'
        for cluster in clusters
        if isinstance(obstacle := plan(cluster, action, until, now), Decision)
    ]


def plan(cluster: Cluster, action: Action, until: Until | None, now: datetime) -> Hold | Decision:
    """The hold that a command by hand writes for a tagged cluster, or the decision that says why none.

    A hold that is there, readable or not, is replaced.

    until: when the hold ends; None for the schedule's next transition.
    """
    decision, zone = decide(replace(cluster, hold=Hold(_STATES[action])), now), cluster.zone
    assert isinstance(decision, Decision)  # noqa: S101  a hold in force leaves nothing in dispute
    if not isinstance(cluster.schedule, Schedule) or decision.reason is Reason.INELIGIBLE:
        return decision
    if until and (passed := until.just_passed(now, zone)):
        local = passed.astimezone(zone)
        tomorrow = until.instant(now, zone)
        return _needs_until(
            f'"until" is {as_json(until.text)}, which has just passed ({local.isoformat(timespec="minutes")}). '
            f'For the next day write "{(tomorrow or local).astimezone(zone).isoformat(timespec="minutes")}".'
        )
    transition = cluster.schedule.next_transition(now)
    end = until.instant(now, zone) if until else transition.at if transition else None
    if end is None:
        return _needs_until(f'Its schedule "{cluster.schedule}" never changes. Say until when: "until": "20:00".')
    if end <= now:
        return _needs_until(f'"until" is in the past: {shown(end, zone, now)}.')
    return Hold(_STATES[action], end)


def _needs_until(message: str) -> Decision:
    return Decision(Action.LEAVE, Reason.NEEDS_UNTIL, message)
