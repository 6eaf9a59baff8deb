"""A run: list the clusters of each Region, decide, act, report."""

import concurrent.futures
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NotRequired, TypedDict

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from office_hours import rds
from office_hours.decision import LOG_KEPT, Action, Reason, decide, evidence_since, next_change
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
_MOST_NAMED = 50  # failures in an error's text; the log has all of them
_DOING = {"stop": "Stopping", "start": "Starting"}
_DONE = {"stop": "stopped", "start": "started"}


def utc(at: datetime, timespec: str = "seconds") -> str:
    """An instant in ISO 8601, in UTC."""
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def _as_json(value: object) -> str:
    return utc(value, "auto") if isinstance(value, datetime) else str(value)


logger = Logger(json_default=_as_json, use_rfc3339=True, utc=True)


class RunError(Exception):
    """Some clusters or Regions could not be handled; all others were. Counts the failures and names each."""


class Entry(TypedDict):
    """One cluster in a run's answer."""

    cluster: str
    region: str
    status: str
    decision: str
    reason: str
    message: str
    next: str | None
    error: NotRequired[str]


class Answer(TypedDict):
    """What a run returns. `counts` has the number of clusters for each reason."""

    action: str
    time: str
    dry_run: bool
    counts: dict[str, int]
    clusters: list[Entry]


class Failure(str):
    """What could not be handled, and why, in words."""

    __slots__ = ()


@dataclass(frozen=True)
class Order:
    """What one invocation is to do.

    action: what this function does; what is the other's to do is only told.
    settings: the stack's.
    now: the instant to decide for, aware.
    dry_run: whether to decide and report, and change nothing.
    clock: tells the present instant, which goes on while the run works.
    ends: the instant at which Lambda ends the function.
    """

    action: Action
    settings: Settings
    now: datetime
    dry_run: bool
    clock: Callable[[], datetime]
    ends: datetime

    @property
    def is_late(self) -> bool:
        """Whether it is too late to begin anything."""
        return self.clock() >= self.ends - _NO_NEW_WORK


def run(order: Order) -> Answer:
    """Handle every Region side by side, and each Region's clusters.

    Raises RunError where anything failed unexpectedly, after all else has been handled.
    """
    outcomes: list[Entry | Failure] = []  # as they come, so that a Region that is not done in time loses none
    clients = _clients(order, outcomes)
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=len(clients) or 1)
    handled = {pool.submit(_handle_region, order, client, outcomes): client.meta.region_name for client in clients}
    remaining = order.ends - order.clock() - _NO_MORE_WAITING
    _, late = concurrent.futures.wait(handled, timeout=max(0.0, remaining.total_seconds()))
    pool.shutdown(wait=False, cancel_futures=True)
    for each, region in handled.items():
        if each in late:
            too_late = TimeoutError("not all of it was done when the function's time was up")
            outcomes.append(_failed(f"Region {region}", too_late, region=region))
        elif broken := each.exception():
            outcomes.append(_failed(f"Region {region}", broken, region=region))
    return _report(order, list(outcomes))


def _clients(order: Order, outcomes: list[Entry | Failure]) -> "list[RDSClient]":
    """A client for each Region of the settings; what fails here is added to the outcomes."""
    try:
        regions = rds.enabled_regions() if order.settings.regions == ("*",) else order.settings.regions
    except rds.CallError as error:
        outcomes.append(_failed("The list of the account's Regions", error))
        return []
    clients = []
    for region in regions or (None,):
        try:
            clients.append(rds.client(region))
        except rds.CallError as error:
            outcomes.append(_failed(f"Region {region}", error, region=region))
    return clients


def _report(order: Order, outcomes: list[Entry | Failure]) -> Answer:
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    entries = [outcome for outcome in outcomes if not isinstance(outcome, Failure)]
    answer: Answer = {
        "action": order.action,
        "time": utc(order.now),
        "dry_run": order.dry_run,
        "counts": dict(sorted(Counter(entry["reason"] for entry in entries).items())),
        "clusters": sorted(entries, key=lambda entry: (entry["region"], entry["cluster"])),
    }
    invalid = {f"{e['region']}/{e['cluster']}": e["message"] for e in entries if e["reason"] == Reason.INVALID_TAG}
    summary = {**answer, "clusters": len(entries), "failures": len(failures), "invalid_tags": invalid}
    logger.info("%s run: %d clusters, %d failures", order.action, len(entries), len(failures), extra=summary)
    if failures:
        named = "\n".join(sorted(failures)[:_MOST_NAMED])
        more = f"\nand {len(failures) - _MOST_NAMED} more, which the log names" if len(failures) > _MOST_NAMED else ""
        raise RunError(
            f"{len(failures)} failed and {len(entries)} clusters were handled. The next run tries again.\n{named}{more}"
        )
    return answer


def _handle_region(order: Order, client: "RDSClient", outcomes: list[Entry | Failure]) -> None:
    """List a Region's clusters, and handle each as soon as its page is there."""
    region = client.meta.region_name
    seen = set()
    with concurrent.futures.ThreadPoolExecutor(rds.THREADS) as pool:
        try:
            for snapshot in rds.clusters(client, lambda: order.is_late):
                # One that comes or goes between two pages can push another onto both.
                if (identifier := snapshot.get("DBClusterIdentifier", "").lower()) not in seen:
                    seen.add(identifier)
                    pool.submit(_handle, order, client, identifier, snapshot, outcomes)
        except Exception as error:  # noqa: BLE001  a page that is broken in whatever way leaves the others to be handled
            outcomes.append(_failed(f"Region {region}, listing its clusters", error, region=region))


def _handle(
    order: Order,
    client: "RDSClient",
    identifier: str,
    snapshot: "DBClusterTypeDef",
    outcomes: list[Entry | Failure],
) -> None:
    """Decide about one cluster, unless it is untagged, and act; whatever comes of it is added to the outcomes."""
    region = client.meta.region_name
    try:
        tags = order.settings.read(snapshot)
        if tags is None:
            return
        schedule, hold = tags
        since = evidence_since(snapshot, schedule, hold, order.now)
        events = _events(order, client, identifier, since) if since else []
        decision = decide(snapshot, schedule, hold, events, order.now)
        upcoming = None
        if isinstance(schedule, Schedule) and not isinstance(hold, HoldError):
            upcoming = next_change(schedule, hold, order.now)
        entry: Entry = {
            "cluster": identifier,
            "region": region,
            "status": snapshot.get("Status", ""),
            "decision": decision.action,
            "reason": decision.reason,
            "message": decision.message,
            "next": utc(upcoming) if upcoming else None,
        }
        _carry_out(order, client, entry, upcoming)
        outcomes.append(entry)
    except Exception as error:  # noqa: BLE001  one broken cluster, of whatever kind, never stops the others
        outcomes.append(_failed(f"{region}/{identifier}", error, region=region, cluster=identifier))


def _events(order: Order, client: "RDSClient", identifier: str, since: datetime) -> "list[EventTypeDef]":
    """The cluster's events from `since` on that exist by now: for a `time` to come, those of the future do not."""
    present = order.clock()
    # What RDS answers to a StartTime older than its log is not documented.
    since, until = max(since, present - LOG_KEPT), min(order.now, present)
    return rds.events(client, identifier, since, until) if since < until else []


def _carry_out(order: Order, client: "RDSClient", entry: Entry, upcoming: datetime | None) -> None:
    """Do what was decided, where it is this function's to do and in time; log it, and complete the entry's message."""
    action, why = entry["decision"], entry["message"]
    if action == Action.LEAVE:
        _log(logger.debug, entry)
    elif action != order.action:
        entry["message"] = f"To be {_DONE[action]} by the {action} function. {why}"
        _log(logger.debug, entry)
    elif order.dry_run:
        entry["message"] = f"Would be {_DONE[action]}. {why}"
        _log(logger.debug, entry)
    elif order.is_late or (upcoming and order.clock() >= upcoming):
        entry["message"] = f"Left for the next run: it is too late to have it {_DONE[action]} in this one. {why}"
        _log(logger.warning, entry)
    else:
        try:
            snapshot = rds.act(client, order.action, entry["cluster"])
        except ClientError as error:
            code, words = rds.words(error)
            if code not in rds.HARMLESS:
                raise
            entry["error"] = f"{code}: {words}"
            entry["message"] = f"Not {_DONE[action]}: {rds.HARMLESS[code]}. {why}"
            _log(logger.warning, entry, error_code=code, error_message=words)
        else:
            entry["message"] = f"{_DOING[action]}. {why}"
            _log(logger.info, entry, db_cluster=snapshot)


def _log(log: Callable[..., None], entry: Entry, **more: object) -> None:
    """Log a decision: its message as the line's message, all else under the entry's own keys."""
    keys = {key: value for key, value in entry.items() if key != "message"}
    log("%s: %s", entry["cluster"], entry["message"], extra={"action": entry["decision"], **keys, **more})


def _failed(what: str, error: BaseException, **keys: str | None) -> Failure:
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
    return Failure(f"{what}: {code}: {words}")
