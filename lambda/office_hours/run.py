"""A run: list the clusters of each Region, decide, look up who changed what is in dispute, act.

Schedules and commands by hand take the same road. A command first writes each cluster's hold.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import TypeVar

from botocore.exceptions import ClientError

from office_hours import answer, rds
from office_hours.answer import Answer, Failure, Outcome, RunError, failed, in_words, logger
from office_hours.clock import utc
from office_hours.command import choose, plan
from office_hours.decision import Action, Decision, Delay, Dispute, Reason, decide, delay
from office_hours.event import Event, EventError
from office_hours.evidence import Evidence, look_up
from office_hours.hold import Hold
from office_hours.regions import Denied, Invocation, Region, listed, regions_of, side_by_side, unlisted
from office_hours.settings import Cluster
from office_hours.text import sentence

_T = TypeVar("_T")
# The listing that a command by name begins with may take this share of the function's time; the rest is for acting.
_FOR_LISTING = 0.5
_DOING = {Action.STOP: "Stopping", Action.START: "Starting"}
_DONE = {Action.STOP: "stopped", Action.START: "started"}


@dataclass(frozen=True)
class Order(Invocation):
    """What one invocation of the stop or the start function has to do.

    action: what this function does; what is the other's to do is only reported.
    event: what is asked for.
    """

    action: Action
    event: Event


@dataclass(frozen=True)
class Blind:
    """A Region whose CloudTrail can't be read, so that RDS's event log alone decides. why: in AWS's words."""

    region: str
    why: str


@dataclass(frozen=True)
class Case:
    """A cluster, what the rules say about it, and whether it may be overdue."""

    cluster: Cluster
    found: Decision | Dispute
    delay: Delay | None

    @property
    def since(self) -> datetime | None:
        """From when on evidence is needed; None where none is."""
        needed = [each.since for each in (self.found, self.delay) if isinstance(each, Dispute | Delay)]
        return min(needed, default=None)


Found = Outcome | Failure | Denied | Blind


def run(order: Order) -> Answer:
    """Handle every Region side by side, and each Region's clusters.

    Raises EventError where the event is at fault, before anything is done, and RunError where anything failed
    unexpectedly, after all else has been handled.
    """
    regions, failures = regions_of(order.settings)
    chosen: list[Cluster] | None = None
    if order.event.clusters:
        chosen, failures = _choose(order, regions, failures)
        concerned = {cluster.region for cluster in chosen}
        regions = [region for region in regions if region.name in concerned]

    def handle(region: Region) -> Iterator[Found]:
        if chosen is None:
            return _handle(order, region, listed(order, region))
        return _handle(order, region, [cluster for cluster in chosen if cluster.region == region.name])

    found, late = side_by_side(regions, handle, order.seconds_left())
    return _report(order, regions, found, [*failures, *late])


def _report(order: Order, regions: Sequence[Region], found: Sequence[Found], failures: list[Failure]) -> Answer:
    """Make the answer of what came of a run. Raises RunError where there are failures."""
    outcomes = [each for each in found if isinstance(each, Outcome)]
    denied = sorted((each for each in found if isinstance(each, Denied)), key=lambda each: each.region)
    failures += [each for each in found if isinstance(each, Failure)]
    if denied and len(denied) == len(regions):  # a policy for some Regions leaves others to be listed
        failures, denied = [*failures, *(unlisted(each.region, each.error) for each in denied)], []
    if blind := sorted((each for each in found if isinstance(each, Blind)), key=lambda each: each.region):
        where = ", ".join(each.region for each in blind)
        logger.warning("CloudTrail can't be read in %s, so RDS's event log decides: %s", where, blind[0].why)
    made: Answer = {
        "action": order.action,
        "time": utc(order.now),
        "dry_run": order.event.dry_run,
        "counts": {},
        "clusters": [],
    }
    if denied:
        made["denied_regions"] = [each.region for each in denied]
    return answer.report(made, outcomes, failures, of_schedules=order.event.clusters is None)


def _choose(
    order: Order, regions: Sequence[Region], failures: Sequence[Failure]
) -> tuple[list[Cluster], list[Failure]]:
    """The clusters that are named, and what failed in Regions that other names are in.

    All are looked up first, since one mistake is enough to do nothing. Raises EventError where the event is at fault,
    and RunError where a Region failed, so that it may not be.
    """
    names = order.event.clusters or ()
    clusters, failures = _list_for(order, {name.region or "" for name in names}, regions, failures)
    unread = {failure.region for failure in failures}
    sure = [name for name in names if not failures or (name.region and name.region not in unread)]
    chosen, mistakes = choose(sure, clusters, order.settings.tag_key, [region.name for region in regions])
    mistakes += _obstacles(order, chosen)
    if failures and (mistakes or not all(name.region for name in names)):
        # Elsewhere there may be the cluster that is meant, or another one of the same name.
        advice = "Nothing was done: not all Regions could be listed. In the others, write region/identifier."
        raise RunError("\n".join([*mistakes, advice, in_words(failures)]))
    if mistakes:
        raise EventError(mistakes)
    return chosen, failures


def _list_for(
    order: Order, wanted: set[str], regions: Sequence[Region], failures: Sequence[Failure]
) -> tuple[list[Cluster], list[Failure]]:
    """The clusters of the Regions that are wanted, "" being all, and what failed, failures so far included."""
    failures = list(failures) if wanted - {region.name for region in regions} else []
    asked = [region for region in regions if wanted & {region.name, ""}]
    found, late = side_by_side(asked, partial(listed, order), order.seconds_left() * _FOR_LISTING)
    denied = [each for each in found if isinstance(each, Denied)]
    if len(denied) < len(asked):  # a policy for some Regions leaves others
        denied = [each for each in denied if each.region in wanted]
    failures += [*late, *(each for each in found if isinstance(each, Failure))]
    failures += [unlisted(each.region, each.error) for each in denied]
    clusters = sorted((each for each in found if isinstance(each, Cluster)), key=attrgetter("name"))
    return clusters, failures


def _obstacles(order: Order, clusters: Sequence[Cluster]) -> list[str]:
    """A sentence for each cluster that a command can't hold."""
    obstacles = []
    for cluster in clusters if order.event.is_command else ():
        obstacle = plan(cluster, order.action, order.event.until, order.now)
        if isinstance(obstacle, Decision):
            done = _DONE[order.action]
            obstacles.append(f'The cluster "{cluster.name}" can\'t be {done} by name. {obstacle.message}')
    return obstacles


def _handle(order: Order, region: Region, listing: Iterable[Cluster | Failure | Denied]) -> Iterator[Found]:
    """Handle the tagged clusters of one Region. What became of each is given as soon as it is known."""
    clusters: list[Cluster] = []
    for each in listing:
        if not isinstance(each, Cluster):
            yield each
        elif each.schedule:
            clusters.append(each)
    if order.event.is_command:
        planned, clusters = clusters, []
        for held in _at_once((cluster, partial(_hold, order, region, cluster)) for cluster in planned):
            if isinstance(held, Cluster):
                clusters.append(held)
            else:
                yield held
    cases: list[Case] = []
    for cluster in clusters:
        case = _guarded(cluster, partial(_decide, order, cluster))
        if isinstance(case, Case):
            cases.append(case)
        else:
            yield case
    evidence = _look_up(order, region, cases)
    if evidence.blind:
        yield Blind(region.name, evidence.blind)
    due: list[Outcome] = []
    for case in cases:
        outcome = _guarded(case.cluster, partial(_settle, order, case, evidence))
        if isinstance(outcome, Outcome) and outcome.decision.action is order.action and not order.event.dry_run:
            due.append(outcome)
        else:
            yield outcome
    yield from _at_once((outcome.cluster, partial(_act, order, region, outcome)) for outcome in due)


def _at_once(jobs: Iterable[tuple[Cluster, Callable[[], _T]]]) -> Iterator[_T | Failure]:
    """Do several jobs at once, and give what comes of each as it comes."""
    with ThreadPoolExecutor(rds.THREADS) as pool:
        for done in as_completed([pool.submit(_guarded, cluster, job) for cluster, job in jobs]):
            yield done.result()


def _guarded(cluster: Cluster, job: Callable[[], _T]) -> _T | Failure:
    """Make whatever breaks in a job a failure of its cluster: one that is broken never stops the others."""
    try:
        return job()
    except Exception as error:  # noqa: BLE001  broken in whatever way
        return failed(cluster.name, error, region=cluster.region, cluster=cluster.identifier)


def _hold(order: Order, region: Region, cluster: Cluster) -> Cluster | Outcome:
    """Write the hold of a command by hand, and give the cluster as it is then; or say why there is none."""
    hold = plan(cluster, order.action, order.event.until, order.now)
    if isinstance(hold, Decision):
        outcome = Outcome(cluster, hold, hold.message, cluster.next_change(order.now))
        outcome.log(logger.debug)
        return outcome
    value = hold.written(cluster.zone)
    if not order.event.dry_run:

        def too_late() -> bool:
            return order.is_late() or bool(hold.until and order.clock() >= hold.until)

        try:
            rds.write_tag(region.client, cluster.arn, order.settings.hold_key, value, too_late)
        except rds.NotSentError:
            raise TimeoutError("it was too late to begin. Nothing was done for it, so ask again") from None
        logger.info('%s: hold "%s" written', cluster.identifier, value, extra={"region": region.name, "hold": value})
    return replace(cluster, hold=hold)


def _decide(order: Order, cluster: Cluster) -> Case:
    found = decide(cluster, order.now)
    return Case(cluster, found, delay(cluster, found, order.now, timedelta(minutes=order.settings.every_minutes)))


def _look_up(order: Order, region: Region, cases: Sequence[Case]) -> Evidence:
    """Read what the cases need, once for all."""
    present = order.clock()
    return look_up(
        region.client,
        {case.cluster.identifier: case.since for case in cases if case.since},
        [case.found for case in cases if isinstance(case.found, Dispute)],
        # What is in the log by now counts, though it came after the run began. Asked about another time, it's that.
        until=min(order.now, present) if order.event.time else present,
        present=present,
        cloud_trail=order.settings.cloud_trail,
    )


def _settle(order: Order, case: Case, evidence: Evidence) -> Outcome:
    """Make the decision about a cluster."""
    cluster, decision = case.cluster, case.found
    events, call = evidence.events.get(cluster.identifier, ()), evidence.calls.get(cluster.identifier)
    if isinstance(decision, Dispute):
        if isinstance(events, Exception):
            raise events
        decision = decision.settle(events, call)
    is_late = case.delay and not isinstance(events, Exception) and case.delay.is_overdue(events, call)
    action, message = decision.action, decision.message
    if action not in (Action.LEAVE, order.action):
        message = f"The {action} function {action}s it. {message}"
    elif action is order.action and order.event.dry_run:
        message = f"Would be {_DONE[action]}. {message}"
    outcome = Outcome(
        cluster,
        decision,
        message,
        next=cluster.next_change(order.now),
        hold=cluster.hold.written(cluster.zone) if order.event.is_command and isinstance(cluster.hold, Hold) else None,
        overdue=decision.reason is Reason.NEEDS_ATTENTION or bool(is_late),
    )
    if action is not order.action or order.event.dry_run:
        outcome.log(logger.debug)
    return outcome


def _act(order: Order, region: Region, outcome: Outcome) -> Outcome:
    """Stop or start the cluster, and log what RDS answers."""
    cluster, action, why = outcome.cluster, order.action, outcome.decision.message

    def too_late() -> bool:
        return order.is_late() or bool(outcome.next and order.clock() >= outcome.next)

    try:
        snapshot = rds.act(region.client, action, cluster.identifier, too_late)
    except rds.NotSentError:
        message = f"Not {_DONE[action]}: it was too late in this run, and the next one looks again. {why}"
        outcome = replace(outcome, message=message)
        outcome.log(logger.warning)
    except ClientError as error:
        code, words = rds.words(error)
        if code not in (*rds.REFUSALS, rds.GONE):
            raise
        refused = code != rds.GONE
        happened = f"RDS refused: {sentence(words)} The next run tries again." if refused else "it has been deleted."
        message = f"Not {_DONE[action]}: {happened} {why}"
        outcome = replace(outcome, message=message, error=f"{code}: {words}", refused=refused)
        outcome.log(logger.warning, error_code=code, error_message=words)
    else:
        outcome = replace(outcome, message=f"{_DOING[action]}. {why}", done=True, overdue=False)
        outcome.log(logger.info, db_cluster=snapshot)
    return outcome
