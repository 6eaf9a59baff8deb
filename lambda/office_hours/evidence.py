"""What to do with clusters, by the rules and the evidence that they need.

Who changed a cluster and when is in RDS's event log and in CloudTrail; who is connected, in CloudWatch. Each is read
once a Region and run, and only for clusters that need it.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from office_hours import rds
from office_hours.answer import logger
from office_hours.decision import LOG_KEPT, Action, Call, Decision, Dispute, Events, decide
from office_hours.regions import Invocation, Region
from office_hours.settings import Cluster

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
_OPERATIONS = {Action.STOP: "StartDBCluster", Action.START: "StopDBCluster"}  # the call after which this is due


def decided(
    asked: Invocation, region: Region, clusters: Iterable[Cluster], time: datetime | None = None, *, stops: bool = False
) -> Iterator[tuple[Cluster, Decision]]:
    """What to do with each cluster of a Region: first with those about which the rules need no evidence.

    time: the instant that is asked about, if it isn't the present. What came after it is no evidence.
    stops: whether it matters who is connected, which is only known of the present.
    """
    disputes = list[Dispute]()
    for cluster in clusters:
        with asked.guard(cluster):
            found = decide(cluster, asked.now)
            if isinstance(found, Dispute):
                disputes.append(found)
            else:
                yield cluster, found
    present = datetime.now(UTC)  # what was logged since the run began counts as well
    until = min(time or present, present)
    changed = [each for each in disputes if each.is_open and asked.settings.cloud_trail]
    in_grace = [each.cluster.identifier for each in disputes if each.in_grace and stops and not time]
    with ThreadPoolExecutor(2) as beside:
        calls = beside.submit(_read_trail, region, changed, until)
        most = beside.submit(_read_connections, region, in_grace, present)
        events = _read_log(region, disputes, until)
    every = timedelta(minutes=asked.settings.every_minutes)
    for each in disputes:
        name = each.cluster.identifier
        known = events.get(name, ()), calls.result().get(name), most.result().get(name)
        with asked.guard(each.cluster):
            yield each.cluster, each.settle(*known, every)


def _read_log(region: Region, disputes: Iterable[Dispute], until: datetime) -> Mapping[str, Events]:
    """The events by cluster, or why they can't be read: of recent disputes with one look-up, of others by name."""

    def read(name: str, needed: Mapping[str, datetime]) -> Mapping[str, Events]:
        begin = min(needed.values(), default=until)
        try:
            return rds.events(region.client, begin, until, name) if begin < until else {}
        except Exception as error:  # noqa: BLE001  clusters that need no evidence don't care
            return dict.fromkeys(needed, error)

    present = datetime.now(UTC)
    # What RDS answers to a StartTime older than its log is not documented.
    since = {each.cluster.identifier: max(each.since, present - LOG_KEPT) for each in disputes if each.since}
    recent = {name: at for name, at in since.items() if at > present - _SHARED}
    asked = {"": recent} | {name: {name: at} for name, at in since.items() if name not in recent}
    with ThreadPoolExecutor(rds.THREADS) as pool:
        return {name: each for found in pool.map(read, asked, asked.values()) for name, each in found.items()}


def _read_trail(region: Region, disputes: Iterable[Dispute], until: datetime) -> Mapping[str, Call]:
    """The latest successful call for each cluster in dispute that has one.

    What was read before a failure counts. RDS's event log decides about the rest.
    """
    latest: dict[str, Call] = {}
    for due, operation in _OPERATIONS.items():
        since = {each.cluster.identifier: each.since or until for each in disputes if each.due.action is due}
        try:
            for name, call in _calls(region, operation, min(since.values(), default=until), until):
                if name in since:
                    latest.setdefault(name, call)
                if since.keys() <= latest.keys():
                    break
        except Exception as error:  # noqa: BLE001  RDS's event log will do
            why = ": ".join(rds.words(error))
            logger.warning("CloudTrail can't be read in %s, so RDS's event log decides: %s", region.path, why)
    return latest


def _calls(region: Region, operation: str, since: datetime, until: datetime) -> Iterator[tuple[str, Call]]:
    """Each call in this time, the latest first, with the cluster that it changed. Raises LookupError for too many."""
    since = max(since, datetime.now(UTC) - _TRAIL_KEPT)
    if since >= until:
        return
    by_name = [{"AttributeKey": "EventName", "AttributeValue": operation}]
    most = {"PageSize": 50, "MaxItems": _MOST_CALLS}
    paginator = region.beside("cloudtrail").get_paginator("lookup_events")
    pages = paginator.paginate(LookupAttributes=by_name, StartTime=since, EndTime=until, PaginationConfig=most)
    for page in pages:
        for event in page["Events"]:
            name, by = _changed(event["CloudTrailEvent"])
            yield name, Call(event["EventTime"], by)
    if pages.resume_token:
        raise LookupError(f"it has more than {_MOST_CALLS} calls of {operation}")


def _changed(text: str) -> tuple[str, str | None]:
    """Which cluster a call changed, and who made it, None for our functions. No cluster if it didn't count.

    A Lambda function's session has its name. In an emulator it has none, but the user agent is ours.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    try:
        record = json.loads(text)
        identity = record["userIdentity"]
        kind, invoked_by = identity.get("type"), identity.get("invokedBy")
        session = str(identity.get("arn", "")).rpartition("/")[2]
        # AWS's own restart after seven days is in RDS's log.
        if record.get("errorCode") or kind == "AWSService" or invoked_by == "rds.amazonaws.com":
            return "", None
        parameters = {key.lower(): value for key, value in record["requestParameters"].items()}
        name = str(parameters["dbclusteridentifier"]).lower()
    except (AttributeError, LookupError, TypeError, ValueError):  # it can't be read
        return "", None
    if session.startswith(f"{rds.USER_AGENT}-") or str(record.get("userAgent", "")).startswith(rds.USER_AGENT):
        return name, None
    by = "root" if kind == "Root" else identity.get("userName") or session or invoked_by or "an unknown caller"
    return name, str(by)


def _read_connections(region: Region, names: Sequence[str], until: datetime) -> Mapping[str, int]:
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
    region: Region, names: Sequence[str], period: timedelta, since: datetime, until: datetime
) -> Iterator[tuple[str, Sequence[datetime], Sequence[float]]]:
    """The most connections to one instance of each cluster, in each period for which there is data.

    Yields name, times and values, the latest first; a name may come several times.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/dimensions.html
    """
    for first in range(0, len(names), MOST_QUERIES):
        some, queries = names[first : first + MOST_QUERIES], []
        for number, name in enumerate(some):
            dimensions = [{"Name": "DBClusterIdentifier", "Value": name}]
            metric = {"Namespace": "AWS/RDS", "MetricName": "DatabaseConnections", "Dimensions": dimensions}
            statistic = {"Metric": metric, "Period": int(period.total_seconds()), "Stat": "Maximum"}
            queries.append({"Id": f"c{number}", "MetricStat": statistic})
        pages = region.beside("cloudwatch").get_paginator("get_metric_data")
        for page in pages.paginate(MetricDataQueries=queries, StartTime=since, EndTime=until):
            for each in page["MetricDataResults"]:
                yield some[int(each["Id"][1:])], each["Timestamps"], each["Values"]
