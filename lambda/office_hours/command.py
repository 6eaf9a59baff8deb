"""A command by hand: which clusters it names, and the hold that it writes. Pure: no AWS, no clock."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from office_hours.clock import local, moment
from office_hours.decision import Action, Decision, Reason, decide
from office_hours.event import MOST_SHOWN, Event, Name
from office_hours.hold import Hold
from office_hours.schedule import State
from office_hours.settings import Cluster
from office_hours.text import as_json, nearest, some

_MOST_NAMED = 5


def choose(
    names: Iterable[Name], clusters: Sequence[Cluster], unread: Collection[str], tag_key: str, regions: Sequence[str]
) -> tuple[list[Cluster], list[str]]:
    """The tagged clusters that are named, each once, and a sentence for each name that means none or several.

    clusters: all that could be listed.
    unread: Regions that could not be listed. A name in one of them is neither found nor a mistake.
    regions: all that the settings name.
    """
    chosen, mistakes, read = dict[str, Cluster](), list[str](), {*regions} - {*unread}
    by_name = defaultdict[str, list[Cluster]](list)
    for each in clusters:
        for form in (each.identifier, each.name, each.arn.lower()):
            by_name[form].append(each)
    for name in names:
        meant, the_cluster = by_name[name.text], f"The cluster {as_json(name.text)}"
        tagged = [each for each in meant if each.is_tagged]
        is_unsure = unread and name.region not in read
        if is_unsure and not name.region:
            mistakes.append(f"{the_cluster} may be in a Region that can't be listed now: write region/identifier.")
        elif len(tagged) > 1:
            full = ", ".join(as_json(each.name) for each in tagged)
            mistakes.append(f"{the_cluster} is in {len(tagged)} Regions: write one of {full}.")
        elif tagged:
            chosen[tagged[0].name] = tagged[0]
        elif not is_unsure:
            fault = f'has no tag "{tag_key}"' if meant else "is unknown"
            # Beyond the mistakes that are shown, don't look for likely names.
            likely = _likely(name, clusters, regions) if len(mistakes) < MOST_SHOWN else ""
            mistakes.append(f"{the_cluster} {fault}: {likely}")
    return list(chosen.values()), mistakes


def _likely(name: Name, clusters: Iterable[Cluster], regions: Sequence[str]) -> str:
    """What may have been meant, as the end of a sentence."""
    if name.region and name.region not in regions:
        return f"the Regions looked after are {', '.join(regions)}."
    tagged = [each for each in clusters if each.is_tagged]
    near = nearest(name.identifier, (each.identifier for each in tagged))
    likely = [as_json(each.name) for match in near for each in tagged if each.identifier == match]
    if likely:
        return f"did you mean {' or '.join(likely[:3])}?"
    names = some((as_json(each.name) for each in tagged), _MOST_NAMED)
    return f"the tagged clusters are {', '.join(names)}." if names else "no cluster is tagged."


def obstacles(clusters: Iterable[Cluster], action: Action, event: Event, now: datetime) -> list[str]:
    """A sentence for each named cluster to which a command can't be applied."""
    plans = [(cluster, plan(cluster, action, event, now)) for cluster in clusters if event.is_command]
    refused = [(cluster, each) for cluster, each in plans if isinstance(each, Decision)]
    if event.mistakes:  # perhaps in its times
        refused = [(cluster, each) for cluster, each in refused if each.reason is not Reason.NEEDS_UNTIL]
    return [f'The cluster "{cluster.name}": {each.message}' for cluster, each in refused]


def plan(cluster: Cluster, action: Action, event: Event, now: datetime) -> Hold | Decision:
    """The hold that a command by hand writes for a tagged cluster, or the decision that says why it writes none.

    It replaces any other hold, readable or not.
    """
    to = State.RUNNING if action is Action.START else State.STOPPED
    held = replace(cluster, hold=Hold(to), problem="" if cluster.schedule else cluster.problem)
    decision, zone = decide(held, now), cluster.zone
    assert isinstance(decision, Decision)  # noqa: S101  a hold in force leaves nothing in dispute
    if not cluster.schedule or decision.reason in (Reason.INELIGIBLE, Reason.IGNORED):
        return decision
    if event.resume:  # a hold that ends now: the one there is, or one on the present state
        return Hold(cluster.hold.to if cluster.hold else cluster.state, now.replace(microsecond=0))
    since = moment(event.since, zone) if event.since else None
    transition = cluster.schedule.next_transition(since or now)
    end = moment(event.until, zone, since or now) if event.until else transition.at if transition else None
    if fault := _wrong_times(cluster, event, since, end, now):
        return Decision(Action.LEAVE, Reason.NEEDS_UNTIL, fault)
    return Hold(to, end, since)


def _wrong_times(cluster: Cluster, event: Event, since: datetime | None, end: datetime | None, now: datetime) -> str:
    """What is wrong with a command's times for this cluster; empty if nothing is."""
    zone = cluster.zone
    if end is None:
        return f'Its schedule "{cluster.schedule}" has no next change. Say until when: "until": "20:00".'
    if since and since <= now:
        return f'"from" is in the past: {local(since, zone)}.'
    if since and cluster.hold and cluster.hold.in_force(now):
        held = f"It is held {cluster.hold.to} now, and a cluster has one hold only"
        return f'{held}: use "from" after that hold has ended, or end it with "resume".'
    # A time of day that passed less than half an hour ago may be meant, rather than tomorrow's.
    until = str(event.until)
    passed = moment(until, zone, now - timedelta(minutes=30)) if ":" in until else None
    if passed and not since and passed <= now < end:
        today, tomorrow = (at.astimezone(zone).isoformat(timespec="minutes") for at in (passed, end))
        has_passed = f'"until" is {as_json(until)}, which has just passed ({today}).'
        return f'{has_passed} For the next day write "{tomorrow}".'
    if end <= (since or now):
        fault = 'is not after "from"' if since else "is in the past"
        return f'"until" {fault}: {local(end, zone)}.'
    return ""
