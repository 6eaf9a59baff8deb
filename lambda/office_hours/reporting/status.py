"""What each tagged cluster is and should be, why, and what comes next: for people and for programs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import NotRequired, cast

from office_hours.answer import Entry, Outcome, RunError, in_words
from office_hours.clock import LAST, local
from office_hours.decision import Action, Decision
from office_hours.evidence import decided
from office_hours.regions import Invocation
from office_hours.reporting.hours import Span, changes, coming, past_spans, planned
from office_hours.reporting.survey import LONGEST_ANSWER, Looked, OfCluster, Survey, cut, look_around, of_cluster, place
from office_hours.settings import Cluster

PAST, COMING = timedelta(days=1), timedelta(days=2)
# What a problem may be, the worst first.
PROBLEMS = "failure", "invalid-tag", "needs-attention", "overdue", "tag-on-instance", "ineligible", "automatic-restart"
_LONGEST_PROBLEMS = 1_000_000  # bytes of an answer
_MOST_EDGES = 20  # of a one-sided schedule, that are looked at for the next one that changes anything


class Problem(OfCluster):
    """What needs attention. `cluster` is empty if it is about a whole Region."""

    problem: str
    message: str


class StatusEntry(Entry, OfCluster):
    """A cluster in the answer. `desired` is what its hold or schedule says now; None if that can't be read."""

    desired: str | None
    schedule: str
    engine: str
    version: str
    instances: list[str]
    overdue: bool


class Status(Looked):
    """The status function's answer. `more_...` count what was left out because it would be too long."""

    problems: list[Problem]
    clusters: list[StatusEntry]
    more_problems: NotRequired[int]
    more_clusters: NotRequired[int]


@dataclass(frozen=True)
class Row:
    """A cluster, what needs attention about it, and its timeline: PAST by RDS's log, then COMING if a tag is followed.

    upcoming: what it is next; None if nothing will change it. If it is in use, that begins when its grace ends.
    """

    cluster: Cluster
    decision: Decision
    entry: StatusEntry
    problems: list[Problem]
    spans: list[Span]
    upcoming: Span | None


def look(invocation: Invocation, *, or_fail: bool = True) -> tuple[Status, list[Row]]:
    """See the state of all tagged clusters. If `or_fail`, raises RunError where nothing at all could be seen."""
    found: list[Row | Problem]
    found, looked = look_around(invocation, invocation.now - PAST, 1.0, _of_region)
    rows = sorted((each for each in found if isinstance(each, Row)), key=lambda row: place(row.entry))
    failures = in_words(invocation.failures)
    if or_fail and failures and not rows:
        raise RunError(f"Nothing could be seen.\n{failures}")
    problems = [_problem("failure", line) for line in failures.splitlines()]
    for each in found:
        problems += each.problems if isinstance(each, Row) else [each]
    problems.sort(key=lambda each: (PROBLEMS.index(each["problem"]), place(each)))
    clusters = cut("clusters", [row.entry for row in rows], LONGEST_ANSWER - _LONGEST_PROBLEMS)
    return cast("Status", {**looked, **cut("problems", problems, _LONGEST_PROBLEMS), **clusters}), rows


def _problem(problem: str, message: str, cluster: Cluster | None = None) -> Problem:
    about = of_cluster(cluster) if cluster else OfCluster(cluster="", region="")
    return {**about, "problem": problem, "message": message}


def _of_region(invocation: Invocation, seen: Survey) -> Iterator[Row | Problem]:
    """What there is to say about a Region's clusters, and about instances that have the tag instead of theirs."""
    for cluster in (each for each in seen.clusters if not each.is_tagged):
        for instance in seen.instances_of(cluster):
            if any(tag.get("Key") == invocation.settings.tag_key for tag in instance.get("TagList", ())):
                words = f"the tag is on the instance {instance.get('DBInstanceIdentifier')}, not on the cluster"
                yield _problem("tag-on-instance", f"Never stopped or started: {words}. Tag the cluster.", cluster)
    tagged = [cluster for cluster in seen.clusters if cluster.is_tagged]
    # What needs no evidence comes first, since looking for more may take too long.
    for cluster, decision in decided(invocation, seen.region, tagged):
        with invocation.guard(cluster):
            yield _row(invocation, seen, cluster, decision)


def _row(invocation: Invocation, seen: Survey, cluster: Cluster, decision: Decision) -> Row:
    now, hold = invocation.now, cluster.hold
    tags = {tag.get("Key"): tag.get("Value", "") for tag in cluster.snapshot.get("TagList", ())}
    # If the log can't be read, the past is unknown. That doesn't mean that nothing happened.
    since = now - PAST
    spans = [Span(since, now, None)]
    if cluster.identifier in seen.events:
        spans = past_spans(cluster.snapshot, seen.events[cluster.identifier], since, since, now)
    readable = None if cluster.problem else cluster.schedule
    effect = "" if decision.action is Action.LEAVE else f"The next run {decision.action}s it."
    written = hold.written(cluster.zone) if hold and now < (hold.until or LAST) else None
    entry: StatusEntry = {
        **Outcome(cluster, decision, cluster.next_change(now), effect, written).entry,
        **of_cluster(cluster),
        "desired": next(coming(readable, hold, now)).state if readable else None,
        "schedule": tags.get(invocation.settings.tag_key, ""),
        "engine": cluster.snapshot.get("Engine", ""),
        "version": cluster.snapshot.get("EngineVersion", ""),
        "instances": seen.classes_of(cluster),
        "overdue": decision.overdue,
    }
    spans += planned(cluster, decision, now, now + COMING)
    upcoming = next(changes(islice(planned(cluster, decision, now), _MOST_EDGES)), None)
    return Row(cluster, decision, entry, list(_problems(cluster, entry, now)), spans, upcoming)


def _problems(cluster: Cluster, entry: StatusEntry, now: datetime) -> Iterator[Problem]:
    """What needs attention about one cluster."""
    if entry["reason"] in PROBLEMS:
        yield _problem(entry["reason"], entry["message"], cluster)
    elif entry["overdue"]:
        yield _problem("overdue", f"It should be {entry['desired']} by now. {entry['message']}", cluster)
    restart = cluster.snapshot.get("AutomaticRestartTime")
    if entry["status"] == "stopped" and restart and now <= restart <= now + timedelta(days=1):
        at = local(restart, cluster.zone)
        message = f"AWS starts it on {at}, after seven days. The next run then does what is due."
        yield _problem("automatic-restart", message, cluster)
