"""The only module that talks to RDS, and that asks AWS for the account's Regions."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError
from botocore.parsers import ResponseParserError
from botocore.session import Session
from botocore.utils import parse_timestamp

from office_hours.decision import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import DBClusterMessageTypeDef, DBClusterTypeDef, DBInstanceTypeDef, EventTypeDef

# `aurora`, MySQL 5.6, is retired: RDS refuses a filter that names it.
ENGINES = ("aurora-mysql", "aurora-postgresql")
THREADS = 16
ATTEMPTS = 8
_PAGE = 100  # the most that RDS returns at once
_MOST_WORDS = 1000  # characters of an error
CONFIG = Config(
    # Adaptive: throttled by RDS, all threads slow down together, instead of giving up one by one.
    retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS},
    connect_timeout=5,
    read_timeout=20,
    max_pool_connections=THREADS,
    # In CloudTrail, who called; and botocore need not put its own together for each attempt.
    user_agent=f"aurora-office-hours botocore/{botocore.__version__}",
)

_making = Lock()
_UNDER_WAY = {Action.STOP: ("stopping", "stopped"), Action.START: ("starting", "available")}

# A listing is parsed for the members that are read of it, a third of RDS's answer and of the time: botocore merges this
# folder's `sdk-extras` into its own model. What stop and start return is whole.
# https://github.com/boto/botocore/blob/develop/botocore/loaders.py
_EXTRAS = Path(__file__).with_name("models")

# Whatever botocore can raise for a call: RDS refused it, or no answer came, or one that cannot be read.
CallError = (ClientError, BotoCoreError, ResponseParserError)

# What RDS answers where a cluster is no longer as it was listed a moment ago. Nothing has gone wrong, and the next run
# sees the cluster as it then is.
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StopDBCluster.html
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartDBCluster.html
HARMLESS = {
    "DBClusterNotFoundFault": "it was deleted meanwhile",
    "InvalidDBClusterStateFault": "its state changed meanwhile: somebody else stops, starts or changes it",
    "InvalidDBInstanceState": "one of its instances is being changed, and RDS waits for that",
    "InvalidDBShardGroupState": "its shard group is being changed, and RDS waits for that",
}


@lru_cache(maxsize=128)
def client(region: str | None, *, whole: bool = False) -> "RDSClient":
    """The client for a Region, or for the function's own, made once.

    whole: whether it is for looking alone, and reads all of what it lists, not only the members of `models`.

    Threads may share it, but not make it: a session is not thread-safe.
    """
    made = cast("RDSClient", session(whole=whole).create_client("rds", region_name=region, config=CONFIG))
    if not whole:
        # After botocore's rate limiter, which has a call wait for its turn at this very point.
        made.meta.events.register_last("before-send", _refuse_late)
    return made


@lru_cache(maxsize=2)
def session(*, whole: bool = False) -> Session:
    """botocore's session, which is boto3's as well, without what boto3 imports for other services."""
    made = Session()
    if not whole:
        made.get_component("data_loader").search_paths.insert(0, str(_EXTRAS))
    made.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    return made


def _timestamp(value: str) -> datetime | str:
    """A time as AWS sends it. Python reads ISO 8601, which is RDS's, far faster than botocore, which reads any form.

    What neither can read stays as it is: it is the case of one cluster, and its page has others.
    """
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        pass
    try:
        return parse_timestamp(value)
    except (RuntimeError, ValueError):
        return value


class NotSentError(TimeoutError):
    """It was too late for a call that changes something: nothing was sent."""


@dataclass
class _Deadline:
    """Whether it is too late for what a thread is about to change, and whether some of that was sent already."""

    too_late: "Callable[[], bool]"
    sent: bool = False


# Lambda stops the clock for what an invocation leaves behind, and it would go on, retries and all, in a later one.
_deadline: "ContextVar[_Deadline | None]" = ContextVar("deadline", default=None)


@contextmanager
def until(too_late: "Callable[[], bool]") -> "Iterator[None]":
    """Send nothing that changes anything, not even again after a failed attempt, once it is too late.

    A call raises NotSentError then, or TimeoutError where an attempt was made that may have reached RDS.
    """
    token = _deadline.set(_Deadline(too_late))
    try:
        yield
    finally:
        _deadline.reset(token)


def _refuse_late(**_: object) -> None:
    if deadline := _deadline.get():
        if deadline.too_late():
            raise TimeoutError("it was too late to send it again") if deadline.sent else NotSentError("it was too late")
        deadline.sent = True


def enabled_regions() -> list[str]:
    """The Regions that are enabled in this account.

    https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html
    """
    # Nothing can be done meanwhile, nor told of: rather soon than with all the patience that there is.
    config = CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 3}, read_timeout=5))
    pages = session().create_client("account", config=config).get_paginator("list_regions")
    enabled = pages.paginate(RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"])
    return sorted(region["RegionName"] for page in enabled for region in page["Regions"])


def clusters(rds: "RDSClient", is_late: "Callable[[], bool]") -> "Iterator[list[DBClusterTypeDef]]":
    """The snapshots of the Aurora clusters in the client's Region, page by page. The next one is on its way meanwhile.

    Raises TimeoutError where it is late and there are more.
    """

    def page_at(marker: str) -> "DBClusterMessageTypeDef":
        wanted: Any = {"Filters": [{"Name": "engine", "Values": list(ENGINES)}], "MaxRecords": _PAGE}
        wanted |= {"Marker": marker} if marker else {}
        patience = ATTEMPTS
        while True:
            try:
                return rds.describe_db_clusters(**wanted)
            except CallError as error:
                patience -= 1 if is_out_of_retries(error) else ATTEMPTS // 2
                if patience <= 0 or is_late() or not may_pass(error):
                    raise

    with ThreadPoolExecutor(1) as ahead:
        upcoming: Future[DBClusterMessageTypeDef] | None = ahead.submit(page_at, "")
        while upcoming:
            page = upcoming.result()
            marker = page.get("Marker")
            too_late = marker and is_late()
            upcoming = ahead.submit(page_at, marker) if marker and not too_late else None
            # The filter is RDS's to keep; that nothing but Aurora is touched is ours.
            yield [cluster for cluster in page["DBClusters"] if cluster.get("Engine") in ENGINES]
            if too_late:
                raise TimeoutError("the function's time was up before all were listed")


def events(rds: "RDSClient", identifier: str, since: datetime, until: datetime) -> "list[EventTypeDef]":
    """The cluster's events in this time, as DescribeEvents returns them."""
    pages = rds.get_paginator("describe_events").paginate(
        SourceType="db-cluster",
        SourceIdentifier=identifier,
        StartTime=since,
        EndTime=until,
        PaginationConfig={"PageSize": _PAGE},
    )
    return [event for page in pages for event in page["Events"]]


def all_events(rds: "RDSClient", since: datetime, until: datetime) -> "Iterator[list[EventTypeDef]]":
    """The events of all clusters in this time, page by page."""
    pages = rds.get_paginator("describe_events").paginate(
        SourceType="db-cluster", StartTime=since, EndTime=until, PaginationConfig={"PageSize": _PAGE}
    )
    return (page["Events"] for page in pages)


def instances(rds: "RDSClient") -> "Iterator[DBInstanceTypeDef]":
    """Each instance of an Aurora cluster in the client's Region."""
    pages = rds.get_paginator("describe_db_instances").paginate(
        Filters=[{"Name": "engine", "Values": list(ENGINES)}], PaginationConfig={"PageSize": _PAGE}
    )
    return (instance for page in pages for instance in page["DBInstances"])


# Whether this thread tries again what may have been done, though RDS's answer to it was lost.
again: "ContextVar[bool]" = ContextVar("again", default=False)


def act(rds: "RDSClient", action: Action, identifier: str) -> "DBClusterTypeDef":
    """Start or stop the cluster, and return its snapshot, every field that RDS sent."""
    call = rds.stop_db_cluster if action is Action.STOP else rds.start_db_cluster
    try:
        return call(DBClusterIdentifier=identifier)["DBCluster"]
    except NotSentError:
        raise
    except Exception as error:
        if isinstance(error, ClientError) and not (
            error.response["ResponseMetadata"]["RetryAttempts"] or is_out_of_retries(error) or again.get()
        ):
            raise
        # It may have been done all the same, by an attempt whose answer was lost: a further one is refused then.
        try:
            snapshot = _whole(rds.meta.region_name, identifier)
        except CallError as unread:
            raise unread if may_pass(unread) else error from None
        if snapshot.get("Status") in _UNDER_WAY[action]:
            return snapshot
        raise


def _whole(region: str, identifier: str) -> "DBClusterTypeDef":
    """A cluster's snapshot, every field that RDS sent."""
    with _making:
        whole = client(region, whole=True)
    (snapshot,) = whole.describe_db_clusters(DBClusterIdentifier=identifier)["DBClusters"]
    return snapshot


def write_tag(rds: "RDSClient", arn: str, key: str, value: str) -> None:
    """Give a cluster this tag, in place of one with the same key."""
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": key, "Value": value}])


def is_out_of_retries(error: Exception) -> bool:
    """Whether a call was given up before its last attempt: botocore's retries have a budget, which many calls share.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    """
    return isinstance(error, ClientError) and bool(error.response["ResponseMetadata"].get("RetryQuotaReached"))


def may_pass(error: Exception) -> bool:
    """Whether botocore would have tried again, and what failed did so at once: a later try may get through."""
    if isinstance(error, ClientError):
        return is_out_of_retries(error) or error.response["ResponseMetadata"]["RetryAttempts"] == ATTEMPTS - 1
    return isinstance(error, ConnectionClosedError)


def words(error: BaseException) -> tuple[str, str]:
    """The code and the words of an error: AWS's own, where it answered, and no more than can be read."""
    code, text = type(error).__name__, str(error)
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        code, text = answer.get("Code", "Unknown"), answer.get("Message") or text
    if isinstance(error, ResponseParserError):
        text = text.partition("\n")[0]  # what could not be read follows, all of it
    return code, text if len(text) <= _MOST_WORDS else f"{text[:_MOST_WORDS]}..."
