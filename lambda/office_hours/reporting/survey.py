"""What RDS knows about each Region's clusters, for the functions that only look."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, TypeVar, cast

from office_hours import rds
from office_hours.answer import Failure, failed
from office_hours.clock import utc
from office_hours.regions import Invocation, Region, listed, side_by_side, told
from office_hours.reporting.places import AT_ONCE, places
from office_hours.settings import Cluster

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBInstanceTypeDef, EventTypeDef

# Lambda answers with 6 MB at most; this leaves room for the rest of the answer.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LONGEST_ANSWER = 6_000_000  # bytes
_T = TypeVar("_T")


class Looked(TypedDict):
    """What each answer has. Regions that a policy denies and accounts that aren't active are not failures."""

    time: str
    denied_regions: NotRequired[list[str]]
    inactive_accounts: NotRequired[list[str]]


class OfCluster(TypedDict):
    """Which cluster an entry is about and, in an organization, whose it is."""

    cluster: str
    region: str
    account: NotRequired[str]
    account_name: NotRequired[str]


@dataclass(frozen=True)
class Survey:
    """What RDS says in a Region.

    events: by cluster; of none if they can't be read.
    instances: by name.
    """

    region: Region
    clusters: Sequence[Cluster]
    events: "Mapping[str, Sequence[EventTypeDef]]"
    instances: "Mapping[str, DBInstanceTypeDef]"

    def instances_of(self, cluster: Cluster) -> "list[DBInstanceTypeDef]":
        """A cluster's instances; an empty one for each that RDS doesn't list."""
        members = cluster.snapshot.get("DBClusterMembers", ())
        return [self.instances.get(each.get("DBInstanceIdentifier", ""), {}) for each in members]

    def classes_of(self, cluster: Cluster) -> list[str]:
        return sorted(each.get("DBInstanceClass", "unknown") for each in self.instances_of(cluster))


def look_around(
    invocation: Invocation, since: datetime | None, share: float, make: Callable[[Invocation, Survey], Iterable[_T]]
) -> tuple[list[_T], Looked]:
    """Survey all places side by side, and make something of each survey.

    since: when the events to read begin; None to read none.
    share: of the time that is left, how much this may take.

    Returns what was made, and the first keys of the answer.
    """
    regions, inactive = places(invocation, share)
    made = side_by_side(invocation, regions, partial(_survey, since, make), share, AT_ONCE)
    invocation.failures[:], denied = _told_by_account(invocation.failures, regions)
    looked = {"time": utc(invocation.now), "denied_regions": denied, "inactive_accounts": inactive}
    return made, cast("Looked", {key: value for key, value in looked.items() if value})


def _told_by_account(failures: list[Failure], regions: Sequence[Region]) -> tuple[list[Failure], list[str]]:
    """`told` for each account by itself. With several, an account that failed in all its Regions is named once."""
    denied = set[str]()
    for account, group in itertools.groupby(regions, lambda region: region.account):
        its = list(group)
        paths = {region.path for region in its}
        failed, out = told([each for each in failures if each.region in paths], its)
        unlisted = [each for each in failed if each.unlisted]
        if account and {each.region for each in unlisted} == paths:
            failed = [replace(unlisted[0], what=f"Account {account}"), *(each for each in failed if not each.unlisted)]
        failures = [*(each for each in failures if each.region not in paths), *failed]
        denied |= {path.rpartition("/")[2] for path in out}
    return failures, sorted(denied)


def _survey(
    since: datetime | None, make: Callable[[Invocation, Survey], Iterable[_T]], invocation: Invocation, region: Region
) -> Iterator[_T]:
    """Ask for a Region's clusters, events and instances at once: each is of use without the others."""
    with ThreadPoolExecutor(2) as pool:
        reading = pool.submit(rds.events, region.client, since, datetime.now(UTC)) if since else None
        listing = pool.submit(list["DBInstanceTypeDef"], rds.instances(region.client))
        clusters = [*listed(invocation, region)]
    for call, what in ((reading, "reading its events"), (listing, "listing its instances")):
        if call and clusters and (error := call.exception()):
            invocation.failures.append(failed(f"{region}, {what}", error, region=region.path))
    events = {}
    if reading and not reading.exception():
        events = {each.identifier: reading.result().get(each.identifier, ()) for each in clusters}
    instances = [] if listing.exception() else listing.result()
    by_name = {instance.get("DBInstanceIdentifier", ""): instance for instance in instances}
    yield from make(invocation, Survey(region, clusters, events, by_name))


def of_cluster(cluster: Cluster) -> OfCluster:
    """The first keys of an entry."""
    name, _, account = cluster.account.rpartition("/")
    whose = OfCluster(cluster=cluster.identifier, region=cluster.region)
    return {**whose, "account": account, "account_name": name or account} if account else whose


def place(entry: OfCluster) -> tuple[str, str, str]:
    """The sort key of entries."""
    return entry.get("account_name", "").lower(), entry["region"], entry["cluster"]


def cut(key: str, entries: Sequence[_T], longest: int = LONGEST_ANSWER) -> dict[str, Any]:
    """An answer's keys: the first entries, as many as fit into so many bytes of JSON, and `more_...` if some don't."""
    sizes = itertools.accumulate(len(json.dumps(each)) + 2 for each in entries)
    fit = [each for each, size in zip(entries, sizes, strict=True) if size <= longest]
    return {key: fit} | ({f"more_{key}": len(entries) - len(fit)} if len(fit) < len(entries) else {})
