"""Who changed a cluster, and when: RDS's event log and CloudTrail's event history, read once a Region and run."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from office_hours import rds
from office_hours.decision import LOG_KEPT, Action, Call, Dispute

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import EventTypeDef

# Clusters whose evidence begins this recently share one look-up. For older ones all clusters' events are too many.
_SHARED = timedelta(hours=25)
# CloudTrail keeps 90 days, less an hour to keep clear of the edge, and takes two calls a second.
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
_TRAIL_KEPT = timedelta(days=90) - timedelta(hours=1)
_MOST_CALLS = 500
_OPERATIONS = {Action.STOP: "StopDBCluster", Action.START: "StartDBCluster"}


@dataclass(frozen=True)
class Evidence:
    """What is known about the clusters of a Region, by their identifiers.

    events: those of RDS's log, or what went wrong when they were read.
    calls: the latest ones that CloudTrail knows.
    blind: why CloudTrail could not be read; empty where it could, or was not asked.
    """

    events: "Mapping[str, Sequence[EventTypeDef] | Exception]" = field(default_factory=dict)
    calls: Mapping[str, Call] = field(default_factory=dict)
    blind: str = ""


def look_up(  # noqa: PLR0913  what to look for, and three instants
    client: "RDSClient",
    wanted: Mapping[str, datetime],
    disputes: Sequence[Dispute],
    until: datetime,
    present: datetime,
    *,
    cloud_trail: bool,
) -> Evidence:
    """Read what is needed, and nothing where nothing is.

    wanted: from when on events are needed, by each cluster's identifier.
    disputes: those that CloudTrail may settle, where `cloud_trail` lets it be asked.
    until: nothing later is asked for.
    present: the instant by the clock.
    """
    if not wanted and not disputes:
        return Evidence()
    with ThreadPoolExecutor(1) as beside:  # each takes its time
        asked = beside.submit(_read_trail, client.meta.region_name, disputes if cloud_trail else (), until, present)
        events = _read_log(client, wanted, until, present)
    calls, blind = asked.result()
    return Evidence(events, calls, blind)


def _read_trail(
    region: str, disputes: Sequence[Dispute], until: datetime, present: datetime
) -> tuple[Mapping[str, Call], str]:
    """The calls that CloudTrail knows, or why it can't be read."""
    calls: dict[str, Call] = {}
    try:
        for action in _OPERATIONS:
            disputed = [each for each in disputes if each.opposite is action]
            since = {each.cluster.identifier: max(each.since, present - _TRAIL_KEPT) for each in disputed}
            if since and min(since.values()) < until:
                calls |= _calls(region, action, since, until)
    except Exception as error:  # noqa: BLE001  RDS's event log does without it
        return {}, ": ".join(rds.words(error))
    return calls, ""


def _read_log(
    client: "RDSClient", wanted: Mapping[str, datetime], until: datetime, present: datetime
) -> "Mapping[str, Sequence[EventTypeDef] | Exception]":
    def read(name: str, at: datetime) -> "Sequence[EventTypeDef] | Exception":
        try:
            return list(rds.events(client, at, until, name)) if at < until else []
        except Exception as error:  # noqa: BLE001  whatever it is, clusters that need no evidence are handled
            return error

    # What RDS answers to a StartTime older than its log is not documented.
    since = {name: max(at, present - LOG_KEPT) for name, at in wanted.items()}
    recent = {name: at for name, at in since.items() if at > present - _SHARED}
    alone = [name for name in since if name not in recent]
    with ThreadPoolExecutor(rds.THREADS) as pool:
        found = dict(zip(alone, pool.map(lambda name: read(name, since[name]), alone), strict=True))
    if recent:
        shared = read("", min(recent.values()))
        by_cluster = defaultdict[str, "list[EventTypeDef]"](list)
        for event in () if isinstance(shared, Exception) else shared:
            by_cluster[event.get("SourceIdentifier", "").lower()].append(event)
        found |= {name: shared if isinstance(shared, Exception) else by_cluster[name] for name in recent}
    return found


def _calls(region: str, action: Action, since: Mapping[str, datetime], until: datetime) -> dict[str, Call]:
    """The latest successful call for each of these clusters that there is one for."""
    pages = trail(region).get_paginator("lookup_events")
    latest: dict[str, Call] = {}
    for page in pages.paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": _OPERATIONS[action]}],
        StartTime=min(since.values()),
        EndTime=until,
        PaginationConfig={"PageSize": 50, "MaxItems": _MOST_CALLS},
    ):
        for event in page["Events"]:
            record, at = json.loads(event["CloudTrailEvent"]), event["EventTime"]
            parameters = {key.lower(): value for key, value in (record.get("requestParameters") or {}).items()}
            name = str(parameters.get("dbclusteridentifier", "")).lower()
            is_known = name in latest and latest[name].at >= at
            if name in since and at >= since[name] and not record.get("errorCode") and not is_known:
                latest[name] = Call(at, _caller(record))
        if len(latest) == len(since):  # the latest come first
            break
    return latest


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
