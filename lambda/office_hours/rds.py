"""The only module that talks to RDS. It also makes clients for other services, and lists the account's Regions."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar, copy_context
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session
from botocore.utils import parse_timestamp

from office_hours.decision import ENGINES, Action

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import DBClusterTypeDef, DBInstanceTypeDef, EventTypeDef

_T = TypeVar("_T")
THREADS = 16
USER_AGENT = "aurora-office-hours"  # CloudTrail records it, which tells our calls from others
_PAGE = 100  # the most that RDS returns at once
_MOST_WORDS = 1000  # characters of an error
CONFIG = Config(
    # Adaptive: when RDS throttles, all threads slow down together. What is left, the next run does.
    retries={"mode": "adaptive", "total_max_attempts": 8},
    connect_timeout=5,
    read_timeout=20,
    max_pool_connections=THREADS,
    # Set here, so that botocore doesn't build it for each attempt.
    user_agent=f"{USER_AGENT} botocore/{botocore.__version__}",
)
# For what a run can do without, or can't begin without: fail fast.
IMPATIENT = CONFIG.merge(
    Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=2, read_timeout=5)
)

making = Lock()  # of clients, one at a time
_UNDER_WAY = {Action.STOP: ("stopping", "stopped"), Action.START: ("starting", "available")}

# Whatever botocore raises for a call: RDS refused it, no answer came, or the answer can't be read.
CallError = (ClientError, BotoCoreError, ResponseParserError)

# What RDS answers if a cluster is no longer as listed. Nothing is wrong with the run, and the next one tries again.
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StopDBCluster.html
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartDBCluster.html
REFUSALS = (
    "InvalidDBClusterStateFault",  # somebody else stops, starts or changes it, or it is in a blue/green deployment
    "InvalidDBInstanceState",  # one of its instances is being changed
    "InvalidDBShardGroupState",  # its shard group is being changed
    "DBClusterNotFoundFault",  # it has been deleted
)

# What a thread does before each attempt of a call.
_check: ContextVar[Callable[[], None]] = ContextVar("check", default=lambda: None)


class NotSentError(TimeoutError):
    """It was too late to begin a call that changes something: nothing was sent."""


@lru_cache(maxsize=256)
def client(service: str, region: str | None, *, whole: bool = False) -> Any:  # noqa: ANN401  types differ
    """The client for a service in a Region, or in the function's own, made once; `whole` as in `session`."""
    make: Any = session(whole=whole).create_client
    with making:
        made = make(service, region_name=region, config=CONFIG if service == "rds" else IMPATIENT)
    # Runs after botocore's rate limiter, which makes a call wait for its turn at this same event.
    made.meta.events.register_last("before-send", lambda **_: _check.get()())
    return made


@lru_cache(maxsize=2)
def session(*, whole: bool = False) -> Session:
    """botocore's session, as boto3 uses it, without what boto3 imports for other services.

    whole: if not, only the members that we read of a listing are parsed, a third of RDS's answer and of the time:
        botocore merges the `sdk-extras` of our `models` into its own. What stop and start return is whole in any case.
        https://github.com/boto/botocore/blob/develop/botocore/loaders.py
    """
    made = Session()
    if not whole:
        made.get_component("data_loader").search_paths.insert(0, str(Path(__file__).with_name("models")))
    made.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    return made


def _timestamp(value: str) -> datetime | str:
    """A time as AWS sends it. For ISO 8601, which RDS sends, Python is far faster than botocore, which reads any form.

    What neither can read stays text, so that it spoils one cluster and not its whole page.
    """
    for read in (datetime.fromisoformat, parse_timestamp):
        with suppress(RuntimeError, TypeError, ValueError):
            return read(value)
    return value


def enabled_regions(account: Any = None) -> list[str]:  # noqa: ANN401  as above
    """The Regions that are enabled in this client's account, or in the function's own.

    https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html
    """
    pages = (account or client("account", None)).get_paginator("list_regions")
    enabled = pages.paginate(RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"])
    return sorted(region["RegionName"] for page in enabled for region in page["Regions"])


def clusters(rds: "RDSClient") -> "Iterator[list[DBClusterTypeDef]]":
    """The snapshots of all clusters in the client's Region, page by page. The next one is fetched ahead."""
    pages = iter(rds.get_paginator("describe_db_clusters").paginate(PaginationConfig={"PageSize": _PAGE}))
    with ThreadPoolExecutor(1) as ahead:
        upcoming = ahead.submit(next, pages, None)
        while page := upcoming.result():
            upcoming = ahead.submit(next, pages, None)
            yield page["DBClusters"]


def events(rds: "RDSClient", since: datetime, until: datetime, identifier: str = "") -> "dict[str, list[EventTypeDef]]":
    """The events of all clusters in this time, or of one, as DescribeEvents returns them, by the cluster's name."""
    one: Any = {"SourceIdentifier": identifier} if identifier else {}
    pages = rds.get_paginator("describe_events").paginate(
        SourceType="db-cluster", StartTime=since, EndTime=until, PaginationConfig={"PageSize": _PAGE}, **one
    )
    found: dict[str, list[EventTypeDef]] = {}
    for event in (event for page in pages for event in page["Events"]):
        found.setdefault(event.get("SourceIdentifier", "").lower(), []).append(event)
    return found


def instances(rds: "RDSClient") -> "Iterator[DBInstanceTypeDef]":
    """Each instance of an Aurora cluster in the client's Region."""
    pages = rds.get_paginator("describe_db_instances").paginate(
        Filters=[{"Name": "engine", "Values": list(ENGINES)}], PaginationConfig={"PageSize": _PAGE}
    )
    return (instance for page in pages for instance in page["DBInstances"])


def _change(too_late: Callable[[], bool], call: Callable[..., _T], **parameters: object) -> _T:
    """Make a call that changes something. Once it is too late, nothing is sent, not even as botocore's retry.

    Lambda freezes the threads that an invocation leaves behind, and they would go on in a later one.

    Raises NotSentError if it was too late for the first attempt, and TimeoutError if it was for a later one.
    """
    sent = False

    def check() -> None:
        nonlocal sent
        if too_late():
            raise TimeoutError("it was too late to send it again") if sent else NotSentError("it was too late to begin")
        sent = True

    context = copy_context()
    context.run(_check.set, check)
    return context.run(call, **parameters)


def act(rds: "RDSClient", action: Action, identifier: str, too_late: Callable[[], bool]) -> "DBClusterTypeDef":
    """Start or stop the cluster, and return its snapshot, every field that RDS sent. Raises as `_change` does."""
    call = rds.stop_db_cluster if action is Action.STOP else rds.start_db_cluster
    try:
        return _change(too_late, call, DBClusterIdentifier=identifier)["DBCluster"]
    except Exception as error:
        is_refused = isinstance(error, ClientError) and not error.response["ResponseMetadata"].get("RetryAttempts")
        if is_refused or isinstance(error, NotSentError):
            raise  # at the first attempt, so nothing can have been done
        # An attempt whose answer was lost may have done it, and RDS then refuses the next one: look.
        with suppress(*CallError):
            whole: RDSClient = client("rds", rds.meta.region_name, whole=True)
            (snapshot,) = whole.describe_db_clusters(DBClusterIdentifier=identifier)["DBClusters"]
            if snapshot.get("Status") in _UNDER_WAY[action]:
                return snapshot
        raise


def write_tag(rds: "RDSClient", arn: str, key: str, value: str, too_late: Callable[[], bool]) -> None:
    """Give a cluster this tag, replacing one with the same key. Raises as `_change` does."""
    _change(too_late, rds.add_tags_to_resource, ResourceName=arn, Tags=[{"Key": key, "Value": value}])


def words(error: BaseException) -> tuple[str, str]:
    """An error's code and words: AWS's own if it answered, cut to a readable length."""
    code, text = type(error).__name__, str(error)
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        code, text = answer.get("Code", "Unknown"), answer.get("Message") or text
    if isinstance(error, ResponseParserError):
        text = text.partition("\n")[0]  # what could not be read follows, all of it
    return code, text if len(text) <= _MOST_WORDS else f"{text[:_MOST_WORDS]}..."
