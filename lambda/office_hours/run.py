"""A run: list the clusters of each Region, decide, act, report."""

import concurrent.futures
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NotRequired, Self, TypedDict
from zoneinfo import ZoneInfo

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from botocore.exceptions import ClientError

from office_hours import rds
from office_hours.command import Cluster, Command, choose, plan
from office_hours.decision import Action, Decision, Reason, decide, evidence_since, next_change, overdue
from office_hours.event import Event, EventError, shown
from office_hours.event_log import EventLog
from office_hours.hold import HoldError
from office_hours.schedule import Schedule
from office_hours.tags import Settings

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import DBClusterTypeDef, EventTypeDef

# A call that is begun may still take this long.
_NO_NEW_WORK = timedelta(seconds=5)
# To report, and to end before Lambda ends the function, takes this long.
_NO_MORE_WAITING = timedelta(seconds=2)
_LAST = ZoneInfo("Etc/GMT+12")  # where each time of the clock comes last
# Failures in an error's text, of which the log has all, and invalid tags in a run's summary: the answer has all.
_MOST_NAMED = 50
NAMESPACE = "AuroraOfficeHours"  # of all our metrics
_GONE = ("DBClusterNotFoundFault",)
_DOING = {"stop": "Stopping", "start": "Starting"}
_DONE = {"stop": "stopped", "start": "started"}


def utc(at: datetime, timespec: str = "seconds") -> str:
    """An instant in ISO 8601, in UTC."""
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def _as_json(value: object) -> str:
    return utc(value, "auto") if isinstance(value, datetime) else str(value)


# In ASCII: no terminal that shows the log obeys a character in a tag.
logger = Logger(json_serializer=partial(json.dumps, default=_as_json), use_rfc3339=True, utc=True)


class RunError(Exception):
    """Some clusters or Regions could not be handled; all others were. Counts the failures and names each."""


class Entry(TypedDict):
    """One cluster in a run's answer. `hold` is the value of the tag that a command by hand writes."""

    cluster: str
    region: str
    status: str
    decision: str
    reason: str
    message: str
    next: str | None
    hold: NotRequired[str]
    error: NotRequired[str]


class Answer(TypedDict):
    """What a run returns. `counts` has the number of clusters for each reason."""

    action: str
    time: str
    dry_run: bool
    counts: dict[str, int]
    clusters: list[Entry]


class Failure(str):
    """What could not be handled, and why, in words.

    region: the one that it was in; empty where it was in none.
    """

    __slots__ = ("region",)
    region: str

    def __new__(cls, text: str, region: str = "") -> Self:
        made = super().__new__(cls, text)
        made.region = region
        return made


Outcomes = list[Entry | Failure]
# What is to be waited for: a cluster's identifier, and what is to be done about it.
Job = tuple[str, Callable[[], "Entry | None"]]
# What a run does about a cluster at once. What it then has to wait for it returns.
Work = Callable[[Cluster], "Entry | Later | None"]
Later = Callable[[], Entry]


@dataclass(frozen=True)
class Order:
    """What one invocation is to do.

    action: what this function does; what is the other's to do is only told.
    settings: the stack's.
    event: what is asked for.
    now: the instant to decide for, aware.
    clock: tells the present instant, which goes on while the run works.
    ends: the instant at which Lambda ends the function.
    tally: a word for each thing that a metric counts, as it happens; lists are safe to append to from several threads.
    """

    action: Action
    settings: Settings
    event: Event
    now: datetime
    clock: Callable[[], datetime]
    ends: datetime
    tally: list[str] = field(default_factory=list)

    def is_late(self) -> bool:
        """Whether it is too late to begin anything."""
        return self.clock() >= self.ends - _NO_NEW_WORK

    def event_log(self, client: "RDSClient") -> EventLog:
        """The client's Region's, for this run."""
        return EventLog(client, self.now, self.clock, self.is_late)


def run(order: Order) -> Answer:
    """Handle every Region side by side, and each Region's clusters.

    Raises EventError where the event is at fault, before anything is done, and RunError where anything failed
    unexpectedly, after all else has been handled.
    """
    if not order.event.clusters and (mistakes := [*order.event.mistakes, *_past_everywhere(order)]):
        raise EventError(mistakes)
    outcomes: Outcomes = []  # as they come, so that a Region that is not done in time loses none
    clients = clients_of(order, outcomes)
    jobs: Mapping[RDSClient, Iterable[Job]]
    if order.event.clusters:
        jobs = _jobs_by_name(order, clients, outcomes)
    else:
        jobs = {client: jobs_of(order, client, _work(order, client), outcomes) for client in clients}
    do(order, jobs, outcomes)
    return _report(order, list(outcomes))


def _past_everywhere(order: Order) -> list[str]:
    """The mistake that a command for every cluster should have ended already, wherever its clocks are."""
    until = order.event.until
    end = until.instant(order.now, _LAST) if until else None
    if order.event.clusters is None or until is None or end is None or end > order.now:
        return []
    return [f'"until" has {shown(until.text)}: expected a time in the future.']


def do(order: Order, jobs: "Mapping[RDSClient, Iterable[Job]]", outcomes: Outcomes, share: float = 1.0) -> None:
    """Do each Region's jobs, side by side with the others', within this share of the time that is left."""
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=len(jobs) or 1)
    regions = {
        pool.submit(_do_region, order, client, of_region, outcomes): client for client, of_region in jobs.items()
    }
    remaining = (order.ends - order.clock() - _NO_MORE_WAITING).total_seconds() * share
    _, late = concurrent.futures.wait(regions, timeout=max(0.0, remaining))
    pool.shutdown(wait=False, cancel_futures=True)
    for each, client in regions.items():
        region = client.meta.region_name
        if each in late:
            too_late = TimeoutError("not all of it was done when the function's time was up")
            outcomes.append(failed(f"Region {region}", too_late, region=region))
        elif broken := each.exception():
            outcomes.append(failed(f"Region {region}", broken, region=region))


def _do_region(order: Order, client: "RDSClient", jobs: Iterable[Job], outcomes: Outcomes) -> None:
    """Do a Region's jobs, several at once, and then again what may pass yet, as long as that helps or may help."""
    region = client.meta.region_name
    put_off: list[tuple[Job, Exception]] = []
    for turn in range(rds.ATTEMPTS):
        before, put_off = len(put_off), []
        with concurrent.futures.ThreadPoolExecutor(rds.THREADS) as pool:
            for job in jobs:
                pool.submit(_do_one, region, job, outcomes, put_off, again=turn > 0)
        helps = not turn or len(put_off) < before or any(rds.is_out_of_retries(error) for _, error in put_off)
        if not put_off or not helps or order.is_late():
            break
        jobs = [job for job, _ in put_off]
    outcomes += [_failed_one(region, identifier, error) for (identifier, _), error in put_off]


def _do_one(
    region: str, job: Job, outcomes: Outcomes, put_off: list[tuple[Job, Exception]], *, again: bool = False
) -> None:
    """Do one job; what comes of it is added to the outcomes, or it is put off."""
    identifier, work = job
    rds.again.set(again)
    with _one_of_many(region, identifier, outcomes):
        try:
            if entry := work():
                outcomes.append(entry)
        except rds.CallError as error:
            if not rds.may_pass(error):
                raise
            put_off.append((job, error))


@contextmanager
def _one_of_many(region: str, identifier: str, outcomes: Outcomes) -> Iterator[None]:
    """Make what fails in here a failure of this cluster alone: one that is broken never stops the others."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  broken in whatever way
        outcomes.append(_failed_one(region, identifier, error))


def _failed_one(region: str, identifier: str, error: Exception) -> Failure:
    return failed(f"{region}/{identifier}", error, region=region, cluster=identifier)


def clients_of(order: Order, outcomes: Outcomes) -> "list[RDSClient]":
    """A client for each Region of the settings; what fails here is added to the outcomes."""
    try:
        regions = rds.enabled_regions() if order.settings.regions == ("*",) else order.settings.regions
    except rds.CallError as error:
        outcomes.append(failed("The list of the account's Regions", error))
        return []
    clients = []
    for region in regions or (None,):
        try:
            clients.append(rds.client(region))
        except rds.CallError as error:
            outcomes.append(failed(f"Region {region}", error, region=region))
    return clients


def _report(order: Order, outcomes: list[Entry | Failure]) -> Answer:
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    entries = [outcome for outcome in outcomes if not isinstance(outcome, Failure)]
    answer: Answer = {
        "action": order.action,
        "time": utc(order.now),
        "dry_run": order.event.dry_run,
        "counts": dict(sorted(Counter(entry["reason"] for entry in entries).items())),
        "clusters": sorted(entries, key=lambda entry: (entry["region"], entry["cluster"])),
    }
    invalid = [(f"{e['region']}/{e['cluster']}", e["message"]) for e in entries if e["reason"] == Reason.INVALID_TAG]
    named = dict(sorted(invalid)[:_MOST_NAMED])
    summary = {**answer, "clusters": len(entries), "failures": len(failures), "invalid_tags": named}
    logger.info("%s run: %d clusters, %d failures", order.action, len(entries), len(failures), extra=summary)
    if not order.event.dry_run:
        _count(order, {"Failures": len(failures), "InvalidTags": len(invalid)})
    if failures:
        again = (
            "Nothing was to be changed"
            if order.event.dry_run
            else "The next run tries again"
            if order.event.clusters is None
            else "Where the hold is written, the next run tries"
        )
        raise RunError(
            f"{len(failures)} failed and {len(entries)} clusters were handled. {again}.\n{in_words(failures)}"
        )
    return answer


def _count(order: Order, more: Mapping[str, int]) -> None:
    """Send the run's metrics, as a line of the log. What there is of tags and delays the stop function's runs tell."""
    counts = Counter(order.tally) | Counter(more)
    names = ["Failures", "Stopped" if order.action is Action.STOP else "Started"]
    if order.action is Action.STOP and order.event.clusters is None:
        names += ["InvalidTags", "OverdueClusters"]
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    for name in names:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=counts[name])
    metrics.flush_metrics()


def in_words(failures: list[Failure]) -> str:
    named = "\n".join(sorted(failures)[:_MOST_NAMED])
    more = len(failures) - _MOST_NAMED
    return f"{named}\nand {more} more, which the log names" if more > 0 else named


def _listed(order: Order, client: "RDSClient", outcomes: Outcomes) -> "Iterator[dict[str, DBClusterTypeDef]]":
    """The clusters of a Region, page by page; a listing that fails is added to the outcomes."""
    region = client.meta.region_name
    seen = set[str]()
    try:
        for page in rds.clusters(client, order.is_late):
            clusters = {snapshot.get("DBClusterIdentifier", "").lower(): snapshot for snapshot in page}
            # One that comes or goes between two pages can push another onto both.
            yield {identifier: snapshot for identifier, snapshot in clusters.items() if identifier not in seen}
            seen.update(clusters)
    except Exception as error:  # noqa: BLE001  a page that is broken in whatever way leaves the others to be handled
        outcomes.append(failed(f"Region {region}, listing its clusters", error, region=region))


def jobs_of(order: Order, client: "RDSClient", work: Work, outcomes: Outcomes) -> Iterator[Job]:
    """Read the tags of a Region's clusters, do the work on them, and hand on what is then to be waited for.

    A page at a time: what is to be waited for for one goes on while the next is listed.
    """
    region = client.meta.region_name
    for page in _listed(order, client, outcomes):
        jobs: list[Job] = []
        for identifier, snapshot in page.items():
            with _one_of_many(region, identifier, outcomes):
                cluster = Cluster(region, identifier, snapshot, order.settings.read(snapshot))
                _begin(work, cluster, jobs, outcomes)
        yield from jobs


def _begin(work: Work, cluster: Cluster, jobs: list[Job], outcomes: Outcomes) -> None:
    done = work(cluster)
    if callable(done):
        jobs.append((cluster.identifier, done))
    elif done is not None:
        outcomes.append(done)


def _work(order: Order, client: "RDSClient") -> Work:
    if order.event.clusters is None or order.event.time:
        return partial(_follow_schedule, order, client, order.event_log(client))
    return partial(_obey, order, client)


def _jobs_by_name(order: Order, clients: "list[RDSClient]", outcomes: Outcomes) -> "dict[RDSClient, list[Job]]":
    """For each cluster that is named: to work on it. All are listed first, since one mistake is enough to do nothing.

    Raises EventError where the event is at fault, and RunError where a Region failed, so that it may not be.
    """
    event, names = order.event, order.event.clusters or ()
    by_region = {client.meta.region_name: client for client in clients}
    wanted = {name.region or "" for name in names}
    clusters: list[Cluster] = []

    listings = {
        client: jobs_of(order, client, clusters.append, outcomes)
        for region, client in by_region.items()
        if region in wanted or "" in wanted
    }
    do(order, listings, outcomes)
    known = sorted(clusters, key=lambda each: each.name)
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    unlisted = {failure.region for failure in failures}
    sure = [name for name in names if not failures or (name.region and name.region not in unlisted)]
    chosen, mistakes = choose(sure, known, order.settings.tag_key, list(by_region))
    for cluster in () if event.time else chosen:
        obstacle = plan(cluster, order.action, event.until, order.now)
        # Whether there has to be an "until" cannot be told before the one that is there can be read.
        if isinstance(obstacle, Decision) and not (event.until_unread and obstacle.reason is Reason.NEEDS_UNTIL):
            mistakes.append(f'The cluster "{cluster.name}" cannot be {_DONE[order.action]} by name. {obstacle.message}')
    mistakes = [*event.mistakes, *mistakes]
    if failures and (mistakes or "" in wanted):
        # Elsewhere there may be the cluster that is meant, or another one of the same name.
        advice = "Not all could be listed. Write region/identifier for clusters in the Regions that can be"
        raise RunError("\n".join([*mistakes, f"Nothing was done. {advice}:", in_words(failures)]))
    if mistakes:
        raise EventError(mistakes)
    jobs: dict[RDSClient, list[Job]] = defaultdict(list)
    work = {client: _work(order, client) for client in clients}
    for cluster in chosen:
        client = by_region[cluster.region]
        with _one_of_many(cluster.region, cluster.identifier, outcomes):
            _begin(work[client], cluster, jobs[client], outcomes)
    return jobs


def _follow_schedule(order: Order, client: "RDSClient", log: EventLog, cluster: Cluster) -> Entry | Later | None:
    """Decide about one cluster, unless it is untagged, and act."""
    if cluster.tags is None:
        return None
    schedule, hold = cluster.tags

    def settle(events: "Iterable[EventTypeDef]") -> Decision:
        return decide(cluster.snapshot, schedule, hold, events, order.now)

    if since := evidence_since(cluster.snapshot, schedule, hold, order.now):
        log.want(since)
        return lambda: _follow(order, client, cluster, settle(log.of(cluster.identifier, since)))
    decision = settle(())
    follow = partial(_follow, order, client, cluster, decision)
    return follow if decision.action == order.action else follow()


def _follow(order: Order, client: "RDSClient", cluster: Cluster, decision: Decision) -> Entry:
    """Do what was decided about a cluster."""
    upcoming = _upcoming(order, cluster)
    entry = entry_of(cluster, decision, upcoming)
    # What is carried out is on its way from now on.
    if not _carry_out(order, client, entry, upcoming) and is_overdue(order, cluster, decision):
        order.tally.append("OverdueClusters")
    return entry


def is_overdue(order: Order, cluster: Cluster, decision: Decision) -> bool:
    """Whether a tagged cluster has not been on its way to its desired state for two runs."""
    if cluster.tags is None:
        return False
    every = timedelta(minutes=order.settings.every_minutes)
    return overdue(cluster.snapshot, *cluster.tags, decision, order.now, every)


def _obey(order: Order, client: "RDSClient", cluster: Cluster) -> Entry | Later | None:
    """Do what a command by hand asks for, unless the cluster is left out of it."""
    command = plan(cluster, order.action, order.event.until, order.now)
    if command is None:
        return None
    if not isinstance(command, Command):
        entry = entry_of(cluster, command, _upcoming(order, cluster))
        _log(logger.debug, entry)
        return entry
    entry = entry_of(cluster, command.decision, command.until) | {"hold": command.hold}
    if order.event.dry_run:
        entry["message"] = command.told(order.now, done=command.decision.action == order.action, dry_run=True)
        _log(logger.debug, entry)
        return entry
    return partial(_carry_out_command, order, client, command, entry)


def _carry_out_command(order: Order, client: "RDSClient", command: Command, entry: Entry) -> Entry:
    """Write the hold, then make the call: if that fails, the next run makes it."""
    cluster, told = command.cluster, partial(command.told, order.now)

    def is_too_late() -> bool:
        return order.is_late() or order.clock() >= command.until

    def refused(code: str) -> str:
        if code in _GONE:
            return f"{cluster.identifier} was not {_DONE[order.action]}: {rds.HARMLESS[code]}."
        return told(done=False, refused=rds.HARMLESS[code])

    try:
        with rds.until(is_too_late):
            is_held = _if_harmless(entry, refused, partial(_write_hold, order, client, command), _GONE)
    except rds.NotSentError:
        raise TimeoutError("it was too late to begin: nothing was done for it, ask again") from None
    if not is_held:
        # Whatever else the hold is refused for is a failure: no run would make it good.
        del entry["hold"]
    elif command.decision.action != order.action:
        entry["message"] = told(done=False)
        _log(logger.debug, entry)
    else:
        try:
            with rds.until(is_too_late):
                _call(order, client, entry, done=told(done=True), refused=refused)
        except rds.NotSentError:
            if order.clock() >= command.until:
                ended = "its hold has ended, and office hours apply again"
                entry["message"] = f"{cluster.identifier} was not {_DONE[order.action]}: {ended}."
            else:
                entry["message"] = told(done=False, refused="it is too late in this run")
            _log(logger.warning, entry)
    return entry


def _write_hold(order: Order, client: "RDSClient", command: Command) -> None:
    cluster = command.cluster
    rds.write_tag(client, cluster.arn, order.settings.hold_key, command.hold)
    keys = {"cluster": cluster.identifier, "region": cluster.region, "hold": command.hold}
    logger.info('%s: hold "%s" is written', cluster.identifier, command.hold, extra=keys)


def _upcoming(order: Order, cluster: Cluster) -> datetime | None:
    """When the desired state of a tagged cluster may change next, if its tags can be read."""
    schedule, hold = cluster.tags or (None, None)
    if isinstance(schedule, Schedule) and not isinstance(hold, HoldError):
        return next_change(schedule, hold, order.now)
    return None


def entry_of(cluster: Cluster, decision: Decision, upcoming: datetime | None) -> Entry:
    """A cluster's entry in an answer. `upcoming`: when its desired state may change next."""
    return {
        "cluster": cluster.identifier,
        "region": cluster.region,
        "status": cluster.snapshot.get("Status", ""),
        "decision": decision.action,
        "reason": decision.reason,
        "message": decision.message,
        "next": utc(upcoming) if upcoming else None,
    }


def _carry_out(order: Order, client: "RDSClient", entry: Entry, upcoming: datetime | None) -> bool:
    """Do what was decided, where it is this function's to do and in time; log it, and complete the entry's message.

    Returns whether RDS has begun it.
    """
    action, why = entry["decision"], entry["message"]

    def is_too_late() -> bool:
        return order.is_late() or bool(upcoming and order.clock() >= upcoming)

    if action == Action.LEAVE:
        _log(logger.debug, entry)
    elif action != order.action:
        entry["message"] = f"To be {_DONE[action]} by the {action} function. {why}"
        _log(logger.debug, entry)
    elif order.event.dry_run:
        entry["message"] = f"Would be {_DONE[action]}. {why}"
        _log(logger.debug, entry)
    else:
        try:
            with rds.until(is_too_late):
                return _call(
                    order,
                    client,
                    entry,
                    done=f"{_DOING[action]}. {why}",
                    refused=lambda code: f"Not {_DONE[action]}: {rds.HARMLESS[code]}. {why}",
                )
        except rds.NotSentError:
            entry["message"] = f"Left for the next run: it is too late to have it {_DONE[action]} in this one. {why}"
            _log(logger.warning, entry)
    return False


def _call(order: Order, client: "RDSClient", entry: Entry, *, done: str, refused: Callable[[str], str]) -> bool:
    """Stop or start the cluster, log what RDS answers, and complete the entry's message by it: whether it has begun."""

    def act() -> None:
        snapshot = rds.act(client, order.action, entry["cluster"])
        entry["message"] = done
        order.tally.append(_DONE[order.action].capitalize())
        _log(logger.info, entry, db_cluster=snapshot)

    return _if_harmless(entry, refused, act)


def _if_harmless(
    entry: Entry, refused: Callable[[str], str], call: Callable[[], None], harmless: Iterable[str] = rds.HARMLESS
) -> bool:
    """Make a call, and take a refusal that is no failure for what it is: whether there was none."""
    try:
        call()
    except ClientError as error:
        code, words = rds.words(error)
        if code not in harmless:
            raise
        entry["error"] = f"{code}: {words}"
        entry["message"] = refused(code)
        _log(logger.warning, entry, error_code=code, error_message=words)
        return False
    return True


def _log(log: Callable[..., None], entry: Entry, **more: object) -> None:
    """Log a decision: its message as the line's message, all else under the entry's own keys."""
    keys = {key: value for key, value in entry.items() if key != "message"}
    name = "" if "hold" in entry else f"{entry['cluster']}: "  # a command's sentence has it
    log("%s%s", name, entry["message"], extra={"action": entry["decision"], **keys, **more})


def failed(what: str, error: BaseException, **keys: str | None) -> Failure:
    """Log a failure, with AWS's own words, and return it for the run's error."""
    code, words = rds.words(error)
    unexpected = not isinstance(error, (*rds.CallError, TimeoutError))
    logger.error(
        "%s could not be handled: %s: %s",
        what,
        code,
        words,
        exc_info=error if unexpected else None,
        extra={**keys, "error_code": code, "error_message": words},
    )
    in_one_line = " ".join(f"{what}: {code}: {words}".split())
    return Failure(in_one_line, keys.get("region") or "")
