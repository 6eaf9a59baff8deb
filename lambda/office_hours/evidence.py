"""Who changed a cluster, and when: RDS's event log and CloudTrail's event history, read once a Region and run."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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

# Clusters whose evidence begins this recently share one look-up; for others, all clusters' events would be too many.
_SHARED = timedelta(hours=25)
# CloudTrail keeps 90 days; an hour less keeps clear of the edge. It takes two calls a second.
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
    disputes: Iterable[Dispute],
    until: datetime,
    present: datetime,
    *,
    cloud_trail: bool,
) -> Evidence:
    """Read what is needed, and nothing where nothing is.

    wanted: from when on events are needed, by each cluster's identifier.
    disputes: those that CloudTrail may settle.
    until: nothing later is asked for.
    present: the instant by the clock.
    cloud_trail: whether to ask CloudTrail.
    """
    events = _read_log(client, wanted, until, present)
    callers: defaultdict[Action, dict[str, datetime]] = defaultdict(dict)
    for dispute in disputes if cloud_trail else ():
        since = max(dispute.since, present - _TRAIL_KEPT)
        if since < until:  # CloudTrail refuses any other
            callers[dispute.opposite][dispute.cluster.identifier] = since
    try:
        calls = _read_trail(client.meta.region_name, callers, until)
    except Exception as error:  # noqa: BLE001  RDS's event log does without it
        return Evidence(events, blind=": ".join(rds.words(error)))
    return Evidence(events, calls)


def _read_log(
    client: "RDSClient", wanted: Mapping[str, datetime], until: datetime, present: datetime
) -> "dict[str, Sequence[EventTypeDef] | Exception]":
    oldest = present - LOG_KEPT  # what RDS answers to an older StartTime is not documented
    shared = {name: max(since, oldest) for name, since in wanted.items() if since > present - _SHARED}
    found: dict[str, Sequence[EventTypeDef] | Exception] = {}
    if shared:
        try:
            together = defaultdict[str, "list[EventTypeDef]"](list)
            for event in _events(client, min(shared.values()), until):
                together[event.get("SourceIdentifier", "").lower()].append(event)
            found |= {name: together[name] for name in shared}
        except Exception as error:  # noqa: BLE001  whatever it is, clusters that need no evidence are handled
            found |= dict.fromkeys(shared, error)

    def read(name: str) -> "Sequence[EventTypeDef] | Exception":
        try:
            return _events(client, max(wanted[name], oldest), until, name)
        except Exception as error:  # noqa: BLE001  as above
            return error

    alone = [name for name in wanted if name not in shared]
    with ThreadPoolExecutor(rds.THREADS) as pool:
        found |= zip(alone, pool.map(read, alone), strict=True)
    return found


def _events(client: "RDSClient", since: datetime, until: datetime, name: str = "") -> "Sequence[EventTypeDef]":
    return list(rds.events(client, since, until, name)) if since < until else []


def _read_trail(region: str, wanted: Mapping[Action, Mapping[str, datetime]], until: datetime) -> dict[str, Call]:
    """For each cluster that CloudTrail knows something about, the latest successful call.

    wanted: for each action, the clusters' identifiers and from when on.
    """
    return {name: call for action, names in wanted.items() for name, call in _calls(region, action, names, until)}


def _calls(region: str, action: Action, names: Mapping[str, datetime], until: datetime) -> list[tuple[str, Call]]:
    pages = (
        trail(region)
        .get_paginator("lookup_events")
        .paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": _OPERATIONS[action]}],
            StartTime=min(names.values()),
            EndTime=until,
            PaginationConfig={"PageSize": 50, "MaxItems": _MOST_CALLS},
        )
    )
    latest: dict[str, Call] = {}
    for page in pages:  # the latest come first
        for event in page["Events"]:
            record = json.loads(event["CloudTrailEvent"])
            parameters = {key.lower(): value for key, value in (record.get("requestParameters") or {}).items()}
            name, at = str(parameters.get("dbclusteridentifier", "")).lower(), event["EventTime"]
            if name in names and not record.get("errorCode") and at >= names[name]:
                call = Call(at, _caller(record))
                latest[name] = max(latest.get(name, call), call, key=lambda each: each.at)
        if len(latest) == len(names):
            break
    return list(latest.items())


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
    with rds.making:
        return rds.session().create_client("cloudtrail", region_name=region, config=rds.IMPATIENT)
