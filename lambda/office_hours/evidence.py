"""Who changed a cluster and when, from RDS's event log and CloudTrail; who is connected, from CloudWatch.

Each is read once a Region and run, and only for clusters that need it.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from office_hours import rds
from office_hours.answer import logger
from office_hours.decision import LOG_KEPT, Call, Case, Dispute
from office_hours.schedule import State

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

    from office_hours.decision import Events
    from office_hours.regions import Region

# Clusters whose evidence begins this recently share one look-up. Further back, all clusters' events are too many.
_SHARED = timedelta(hours=25)
# CloudTrail keeps 90 days, less an hour to keep clear of the edge, and takes two calls a second.
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
_TRAIL_KEPT = timedelta(days=90) - timedelta(hours=1)
_MOST_CALLS = 500
# CloudWatch takes 500 queries a call. Its latest minutes may come late, so look further back than ten minutes.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
MOST_QUERIES = 500
_MINUTES, _LOOK_BACK = 10, timedelta(minutes=30)
_OPERATIONS = {State.RUNNING: "StartDBCluster", State.STOPPED: "StopDBCluster"}


@dataclass(frozen=True)
class Evidence:
    """What is known about a Region's clusters, by identifier.

    events: RDS's, or why they can't be read.
    calls: the latest ones that CloudTrail knows.
    """

    events: "Mapping[str, Events]" = field(default_factory=dict)
    calls: Mapping[str, Call] = field(default_factory=dict)


def look_up(
    region: "Region", cases: Sequence[Case], until: datetime, present: datetime, *, cloud_trail: bool
) -> Evidence:
    """Read what these cases of one Region need, and nothing where nothing is.

    until: nothing later is read.
    present: the instant by the clock.
    cloud_trail: whether to ask CloudTrail.
    """
    wanted = {case.cluster.identifier: case.since for case in cases if case.since}
    disputes = [case.found for case in cases if cloud_trail and isinstance(case.found, Dispute)]
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(_read_trail, region, disputes, until, present)
        events = _read_log(region.client, wanted, until, present)
    return Evidence(events, asked.result())


def _read_log(
    client: "RDSClient", wanted: Mapping[str, datetime], until: datetime, present: datetime
) -> "Mapping[str, Events]":
    def read(since: datetime, identifier: str = "") -> "Events":
        try:
            return list(rds.events(client, since, until, identifier)) if since < until else []
        except Exception as error:  # noqa: BLE001  clusters that need no evidence don't care
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


def _read_trail(
    region: "Region", disputes: Sequence[Dispute], until: datetime, present: datetime
) -> Mapping[str, Call]:
    """The latest successful call for each cluster in dispute that has one.

    What was read before a failure counts. RDS's event log decides about the rest.
    """
    latest: dict[str, Call] = {}
    for state, operation in _OPERATIONS.items():
        disputed = [each for each in disputes if each.present is state]
        since = {each.cluster.identifier: max(each.since, present - _TRAIL_KEPT) for each in disputed}
        try:
            if since and min(since.values()) < until:
                _read_calls(region, operation, since, until, latest)
        except Exception as error:  # noqa: BLE001  RDS's event log will do
            why = ": ".join(rds.words(error))
            logger.warning("CloudTrail can't be read in %s, so RDS's event log decides: %s", region.path, why)
    return latest


def _read_calls(
    region: "Region", operation: str, since: Mapping[str, datetime], until: datetime, latest: dict[str, Call]
) -> None:
    """Add the latest call for each of these clusters. CloudTrail lists the latest first."""
    pages = (
        region.beside("cloudtrail")
        .get_paginator("lookup_events")
        .paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": operation}],
            StartTime=min(since.values()),
            EndTime=until,
            PaginationConfig={"PageSize": 50, "MaxItems": _MOST_CALLS},
        )
    )
    for event in (event for page in pages for event in page["Events"]):
        name, by = _call(event["CloudTrailEvent"])
        if name in since and event["EventTime"] >= since[name] and name not in latest:
            latest[name] = Call(event["EventTime"], by)
        if since.keys() <= latest.keys():
            return
    if pages.resume_token:
        raise LookupError(f"it has more than {_MOST_CALLS} calls of {operation}")


def _call(text: str) -> tuple[str, str | None]:
    """Which cluster a call changed, and who made it; none if it failed, can't be read, or AWS made it.

    AWS's restart after seven days is in RDS's log.
    """
    try:
        record = json.loads(text)
        parameters = {key.lower(): value for key, value in record["requestParameters"].items()}
        identity = record["userIdentity"]
        is_of_aws = identity.get("type") == "AWSService" or identity.get("invokedBy") == "rds.amazonaws.com"
        if record.get("errorCode") or is_of_aws:
            return "", None
        return str(parameters["dbclusteridentifier"]).lower(), _caller(record)
    except (AttributeError, LookupError, TypeError, ValueError):
        return "", None


def _caller(record: Mapping[str, Any]) -> str | None:
    """The name of whoever made a call; None for our functions.

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


def connections(region: "Region", names: Sequence[str], until: datetime) -> Mapping[str, int]:
    """The most connections to these clusters in the latest ten minutes for which CloudWatch has data.

    Clusters without data are left out; if CloudWatch can't be read, all are.
    """
    found = defaultdict[str, list[float]](list)
    try:
        for name, _, values in connected(region, names, timedelta(minutes=1), until - _LOOK_BACK, until):
            found[name] += values  # the latest first
    except Exception as error:  # noqa: BLE001  as if there were no data
        why = ": ".join(rds.words(error))
        logger.warning("CloudWatch can't be read in %s, so clusters in grace count as in use: %s", region.path, why)
    return {name: int(max(values[:_MINUTES])) for name, values in found.items() if values}


def connected(
    region: "Region", names: Sequence[str], period: timedelta, since: datetime, until: datetime
) -> Iterator[tuple[str, Sequence[datetime], Sequence[float]]]:
    """The most connections to one instance of each cluster, in each period for which there is data.

    Yields name, times and values, the latest first; a name may come several times.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/dimensions.html
    """
    for first in range(0, len(names), MOST_QUERIES):
        some = names[first : first + MOST_QUERIES]
        pages = region.beside("cloudwatch").get_paginator("get_metric_data")
        queries = [_query(number, name, period) for number, name in enumerate(some)]
        for page in pages.paginate(MetricDataQueries=queries, StartTime=since, EndTime=until):
            for each in page["MetricDataResults"]:
                yield some[int(each["Id"][1:])], each["Timestamps"], each["Values"]


def _query(number: int, name: str, period: timedelta) -> Mapping[str, object]:
    dimensions = [{"Name": "DBClusterIdentifier", "Value": name}]
    metric = {"Namespace": "AWS/RDS", "MetricName": "DatabaseConnections", "Dimensions": dimensions}
    return {
        "Id": f"c{number}",
        "MetricStat": {"Metric": metric, "Period": int(period.total_seconds()), "Stat": "Maximum"},
    }
