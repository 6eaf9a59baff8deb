"""Who changed a cluster, and when: RDS's event log and CloudTrail's event history, read once a Region and run."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from office_hours import rds
from office_hours.answer import Failure
from office_hours.decision import LOG_KEPT, Call, Case, Dispute
from office_hours.schedule import State

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

    from office_hours.decision import Events

# Clusters whose evidence begins this recently share one look-up. For older ones all clusters' events are too many.
_SHARED = timedelta(hours=25)
# CloudTrail keeps 90 days, less an hour to keep clear of the edge, and takes two calls a second.
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
_TRAIL_KEPT = timedelta(days=90) - timedelta(hours=1)
_MOST_CALLS = 500
_OPERATIONS = {State.RUNNING: "StartDBCluster", State.STOPPED: "StopDBCluster"}


@dataclass(frozen=True)
class Evidence:
    """What is known about the clusters of a Region, by their identifiers.

    events: RDS's, or why they can't be read.
    calls: the latest ones that CloudTrail knows.
    blind: why CloudTrail can't be read, where it can't.
    """

    events: "Mapping[str, Events]" = field(default_factory=dict)
    calls: Mapping[str, Call] = field(default_factory=dict)
    blind: Sequence[Failure] = ()


def look_up(  # noqa: PLR0913  what to look for, and three instants
    client: "RDSClient",
    cases: Sequence[Case],
    until: datetime,
    present: datetime,
    known_since: datetime | None = None,
    *,
    cloud_trail: bool,
) -> Evidence:
    """Read what these cases of one Region need, and nothing where nothing is.

    until: nothing later is read.
    present: the instant by the clock.
    known_since: events from then on are known, and are only read for a case that needs earlier ones too.
    cloud_trail: whether it may be asked.
    """
    needed = {case.cluster.identifier: case.since for case in cases if case.since}
    wanted = {name: since for name, since in needed.items() if known_since is None or since < known_since}
    disputes = [case.found for case in cases if cloud_trail and isinstance(case.found, Dispute)]
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(_read_trail, client.meta.region_name, disputes, until, present)
        events = _read_log(client, wanted, until, present)
    try:
        return Evidence(events, asked.result())
    except Exception as error:  # noqa: BLE001  RDS's event log does without it
        return Evidence(events, blind=[Failure("", ": ".join(rds.words(error)), client.meta.region_name, "blind")])


def _read_log(
    client: "RDSClient", wanted: Mapping[str, datetime], until: datetime, present: datetime
) -> "Mapping[str, Events]":
    def read(since: datetime, identifier: str = "") -> "Events":
        try:
            return list(rds.events(client, since, until, identifier)) if since < until else []
        except Exception as error:  # noqa: BLE001  clusters that need no evidence are handled
            return error

    # What RDS answers to a StartTime older than its log is not documented.
    since = {name: max(at, present - LOG_KEPT) for name, at in wanted.items()}
    alone = [name for name, at in since.items() if at <= present - _SHARED]
    with ThreadPoolExecutor(rds.THREADS) as pool:
        found = dict(zip(alone, pool.map(lambda name: read(since[name], name), alone), strict=True))
    if recent := [name for name in since if name not in found]:
        shared = read(min(since[name] for name in recent))
        by_cluster = rds.by_cluster(() if isinstance(shared, Exception) else shared)
        found |= {name: shared if isinstance(shared, Exception) else by_cluster[name] for name in recent}
    return found


def _read_trail(region: str, disputes: Sequence[Dispute], until: datetime, present: datetime) -> Mapping[str, Call]:
    """The latest successful call for each cluster that is in dispute and has one. CloudTrail lists the latest first."""
    latest: dict[str, Call] = {}
    for state, operation in _OPERATIONS.items():
        disputed = [each for each in disputes if each.present is state]
        since = {each.cluster.identifier: max(each.since, present - _TRAIL_KEPT) for each in disputed}
        if not since or min(since.values()) >= until:
            continue
        paginator = trail(region).get_paginator("lookup_events")
        pages = paginator.paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": operation}],
            StartTime=min(since.values()),
            EndTime=until,
            PaginationConfig={"PageSize": 50, "MaxItems": _MOST_CALLS},
        )
        for event in (event for page in pages for event in page["Events"]):
            record, at = json.loads(event["CloudTrailEvent"]), event["EventTime"]
            name = _cluster_of(record)
            if name in since and at >= since[name] and name not in latest:
                latest[name] = Call(at, _caller(record))
            if since.keys() <= latest.keys():
                break
    return latest


def _cluster_of(record: Mapping[str, Any]) -> str:
    """The cluster that somebody successfully changed; none where AWS did it itself, which RDS's log tells."""
    if record.get("errorCode") or (record.get("userIdentity") or {}).get("type") == "AWSService":
        return ""
    parameters = {key.lower(): value for key, value in (record.get("requestParameters") or {}).items()}
    return str(parameters.get("dbclusteridentifier", "")).lower()


def _caller(record: Mapping[str, Any]) -> str | None:
    """Who made a call, as people are called; None for our functions.

    A Lambda function's session has its name. In an emulator it has none, but the user agent is ours.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    identity = record.get("userIdentity") or {}
    session = str(identity.get("arn", "")).rpartition("/")[2]
    if session.startswith(f"{rds.USER_AGENT}-") or str(record.get("userAgent", "")).startswith(rds.USER_AGENT):
        return None
    if identity.get("type") == "Root":
        return "root"
    return str(identity.get("userName") or session or identity.get("invokedBy") or "an unknown caller")


@lru_cache(maxsize=128)
def trail(region: str) -> Any:  # noqa: ANN401  CloudTrail's types are no dependency for one call
    """The client for a Region's CloudTrail, made once."""
    with rds.making:
        return rds.session().create_client("cloudtrail", region_name=region, config=rds.IMPATIENT)
