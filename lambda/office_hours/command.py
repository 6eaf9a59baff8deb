"""A command by hand: which clusters it names, and the hold that it writes. Pure: no AWS, no clock."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from office_hours.clock import shown
from office_hours.decision import Action, Decision, Reason, decide
from office_hours.event import MOST_SHOWN, Name, Until
from office_hours.hold import Hold
from office_hours.schedule import Schedule, State
from office_hours.settings import Cluster
from office_hours.text import as_json, nearest

_DONE = {Action.START: "started", Action.STOP: "stopped"}
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
        if name.region and unread and (name.region in unread or name.region not in regions):
            continue
        meant = [each for each in by_identifier[name.identifier] if name.is_of(each.region, each.identifier, each.arn)]
        tagged = [each for each in meant if each.schedule]
        if unread and not name.region:
            where = "can't be listed now: write region/identifier"
            mistakes.append(f"The cluster {as_json(name.text)} may be in a Region that {where}.")
        elif len(tagged) == 1:
            chosen[tagged[0].name] = tagged[0]
        elif tagged:
            found = ", ".join(as_json(each.name) for each in tagged)
            mistakes.append(f"The cluster {as_json(name.text)} is in {len(tagged)} Regions: write one of {found}.")
        else:
            fault = f'has no tag "{tag_key}"' if meant else "is unknown"
            # Of more mistakes than are shown, no likely names are looked for.
            near = _suggestion(name, clusters, regions) if len(mistakes) < MOST_SHOWN else ""
            mistakes.append(f"The cluster {as_json(name.text)} {fault}: {near}")
    return list(chosen.values()), mistakes


def _suggestion(name: Name, clusters: Sequence[Cluster], regions: Sequence[str]) -> str:
    """What may have been meant, as a sentence's end."""
    if name.region and name.region not in regions:
        near = nearest(name.region, regions)
        return f"did you mean the Region {near}?" if near else f"the Regions looked after are {', '.join(regions)}."
    tagged = [each for each in clusters if each.schedule]
    tagged = [each for each in tagged if each.region == name.region] or tagged
    is_sure = name.region is None and len({each.region for each in clusters}) == 1
    best = nearest(name.identifier, [each.identifier for each in tagged])
    near_ones = [each for each in tagged if each.identifier == best]
    # Part of a name, or an instance's name, which is often its cluster's and a number.
    near_ones += [each for each in tagged if name.identifier in each.identifier or each.identifier in name.identifier]
    shown = [as_json(each.identifier if is_sure else each.name) for each in near_ones or tagged]
    if near_ones:
        return f"did you mean {' or '.join([*dict.fromkeys(shown)][:3])}?"
    more = ", and more" if len(shown) > _MOST_NAMED else ""
    return f"the tagged clusters are {', '.join(shown[:_MOST_NAMED])}{more}." if shown else "no cluster is tagged."


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
