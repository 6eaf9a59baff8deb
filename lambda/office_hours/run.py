"""A run: list each Region's clusters, decide, look up what is in dispute and who is connected, act.

Schedules and commands by hand take the same road. A command first writes each cluster's hold.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from botocore.exceptions import ClientError

from office_hours import rds
from office_hours.answer import Answer, Outcome, RunError, in_words, logger, report
from office_hours.clock import local
from office_hours.command import choose, obstacles, plan
from office_hours.decision import Action, Decision, Reason
from office_hours.event import Event, EventError, Name
from office_hours.evidence import decided
from office_hours.regions import Invocation, Region, listed, regions_of, side_by_side, told
from office_hours.settings import Cluster
from office_hours.text import sentence

_T = TypeVar("_T")
# A command by name lists first. Listing may take this share of the function's time; the rest is for acting.
_FOR_LISTING = 0.5
_DOING = {Action.STOP: "Stopping", Action.START: "Starting"}
_DONE = {Action.STOP: "stopped", Action.START: "started"}


@dataclass(frozen=True)
class Order(Invocation):
    """What one invocation has to do.

    action: what this function does. What the other function has to do is only reported.
    tell: sends the notices that the outcomes call for; None if there are none to send.
    """

    action: Action
    event: Event
    tell: "Callable[[Order, Sequence[Outcome]], None] | None" = None


def run(order: Order) -> Answer:
    """Handle every Region side by side, and each Region's clusters.

    Raises EventError where the event is at fault, before anything is done, and RunError where anything failed
    unexpectedly, after all else has been handled.
    """
    if order.event.mistakes and not order.event.clusters:
        raise EventError(order.event.mistakes)
    regions, chosen = regions_of(order), None
    if order.event.clusters:
        chosen = _choose(order, order.event.clusters, regions)
        regions = [region for region in regions if any(each.region == region.name for each in chosen)]
    outcomes = side_by_side(order, regions, partial(_handle, chosen))
    if order.tell and not order.is_late():
        order.tell(order, outcomes)
    failures, denied = told(order.failures, regions)
    if not failures and (mistakes := _untimely(outcomes)):
        raise EventError(mistakes)
    return report(order.action, order.event, order.now, outcomes, failures, denied)


def _untimely(outcomes: Sequence[Outcome]) -> list[str]:
    """Why a command's times fit none of the clusters; nothing if they fit any."""
    untimely = [each for each in outcomes if each.decision.reason is Reason.NEEDS_UNTIL]
    is_held = any(each.hold for each in outcomes)
    return [] if is_held else sorted(f"{each.cluster.name}: {each.decision.message}" for each in untimely)


def _choose(order: Order, names: Sequence[Name], regions: Sequence[Region]) -> list[Cluster]:
    """The clusters that are named. Forgets the failures of Regions in which none of them can be.

    All names are looked up first, since a single mistake means that nothing is done. Raises EventError if the event is
    at fault, and RunError if that can't be known because a Region failed.
    """
    known, wanted = [region.name for region in regions], {name.region for name in names}
    asked = [region for region in regions if wanted & {None, region.name}]
    clusters = side_by_side(order, asked, listed, _FOR_LISTING)
    # A name without a known Region may be in any that failed, but not in one that a policy denies.
    matter = [] if wanted <= {*known} else told(order.failures, asked)[0]
    failures = [replace(each, denied=False) for each in order.failures if each in matter or each.region in wanted]
    order.failures[:] = failures
    unread = {each.region for each in failures if each.unlisted}
    chosen, mistakes = choose(names, clusters, unread, order.settings.tag_key, known)
    mistakes = [*order.event.mistakes, *mistakes, *obstacles(chosen, order.action, order.event, order.now)]
    if mistakes:
        error = EventError(mistakes)
        raise RunError(f"{error}\n{in_words(failures)}") if failures else error
    return chosen


def _handle(chosen: Sequence[Cluster] | None, order: Order, region: Region) -> Iterator[Outcome]:
    """Handle a Region's tagged clusters, or those of them that are chosen. Yields outcomes as they come."""
    found = listed(order, region) if chosen is None else chosen
    clusters = [each for each in found if each.is_tagged and each.region == region.name]
    if order.event.is_command:
        held = [*_at_once(order, ((each, partial(_hold, order, region, each)) for each in clusters))]
        clusters = [each for each in held if isinstance(each, Cluster)]
        yield from (each for each in held if isinstance(each, Outcome))
    due = list[Outcome]()
    for cluster, decision in decided(order, region, clusters, order.event.time, stops=order.action is Action.STOP):
        with order.guard(cluster):
            outcome = _outcome(order, cluster, decision)
            if outcome.decision.action is order.action and not order.event.dry_run:
                due.append(outcome)
            else:
                yield outcome.logged(logger.debug)
    yield from _at_once(order, ((outcome.cluster, partial(_act, order, region, outcome)) for outcome in due))


def _at_once(order: Order, jobs: Iterable[tuple[Cluster, Callable[[], _T]]]) -> Iterator[_T]:
    """Do several jobs at once, and yield each result as it comes."""
    with ThreadPoolExecutor(rds.THREADS) as pool:
        threads = {pool.submit(job): cluster for cluster, job in jobs}
        for done in as_completed(threads):
            with order.guard(threads[done]):
                yield done.result()


def _hold(order: Order, region: Region, cluster: Cluster) -> Cluster | Outcome:
    """Write a command's hold and return the cluster with it, or return why there is none."""
    hold = plan(cluster, order.action, order.event, order.now)
    if isinstance(hold, Decision):
        return Outcome(cluster, hold, cluster.next_change(order.now)).logged(logger.debug)
    if not order.event.dry_run:
        value, end = hold.written(cluster.zone), None if order.event.resume else hold.until
        keys = {"cluster": cluster.identifier, "region": region.name, "hold": value}
        rds.write_tag(region.client, cluster.arn, order.settings.hold_key, value, partial(order.is_late, end))
        logger.info('%s: hold "%s" written', cluster.identifier, value, extra=keys)
    return replace(cluster, hold=hold, problem="")


def _outcome(order: Order, cluster: Cluster, decision: Decision) -> Outcome:
    """What comes of the decision, before it is carried out."""
    effect, message, hold = "", decision.message, cluster.hold
    if order.event.resume:
        message = f"{'Would be back' if order.event.dry_run else 'Back'} on its schedule. {message}"
    elif order.event.since and hold and hold.since:
        message = f"{message} Its hold begins on {local(hold.since, cluster.zone)}."
    if decision.action is order.action:
        effect = f"Would be {_DONE[order.action]}."
    elif decision.action is not Action.LEAVE:
        effect = f"The {decision.action} function {decision.action}s it."
    written = hold.written(cluster.zone) if order.event.is_command and hold else None
    return Outcome(cluster, replace(decision, message=message), cluster.next_change(order.now), effect, written)


def _act(order: Order, region: Region, outcome: Outcome) -> Outcome:
    """Stop or start the cluster, and log what RDS answers."""
    cluster, action = outcome.cluster, order.action
    try:
        snapshot = rds.act(region.client, action, cluster.identifier, partial(order.is_late, outcome.next))
    except rds.NotSentError:
        effect = f"Not {_DONE[action]}: it was too late in this run, and the next one looks again."
        return replace(outcome, effect=effect).logged(logger.warning)
    except ClientError as error:
        code, words = rds.words(error)
        if code not in rds.REFUSALS:
            raise
        effect = f"Not {_DONE[action]}: RDS refused: {sentence(words)} The next run tries again."
        refused = replace(outcome, effect=effect, error=f"{code}: {words}")
        return refused.logged(logger.warning, error_code=code, error_message=words)
    return replace(outcome, effect=f"{_DOING[action]}.", done=True).logged(logger.info, db_cluster=snapshot)
