"""What RDS knows about each Region's clusters, for the functions that only look."""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NotRequired, TypedDict, TypeVar

from office_hours import rds
from office_hours.answer import Failure, failed
from office_hours.regions import Invocation, Region, guarded, listed, side_by_side, told
from office_hours.reporting.places import AT_ONCE, places
from office_hours.settings import Cluster

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBInstanceTypeDef, EventTypeDef

# Lambda answers with 6 MB at most; this leaves room for the rest of the answer.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LONGEST_ANSWER = 6_000_000  # bytes
_T = TypeVar("_T")


class LeftOut(TypedDict):
    """What is not in an answer, and is no failure: Regions that a policy denies, and accounts that aren't active."""

    denied_regions: NotRequired[list[str]]
    inactive_accounts: NotRequired[list[str]]


class OfAccount(TypedDict):
    """Whose a cluster is, where an organization is looked at."""

    account: NotRequired[str]
    account_name: NotRequired[str]


@dataclass(frozen=True)
class Survey:
    """What a Region's RDS says. The events begin at `since`, and are None where they were not read, or can't be."""

    region: Region
    clusters: Sequence[Cluster]
    since: datetime | None
    events: "Mapping[str, Sequence[EventTypeDef]] | None"
    instances: "Mapping[str, DBInstanceTypeDef]"

    @property
    def tagged(self) -> list[Cluster]:
        return [cluster for cluster in self.clusters if cluster.schedule]

    @property
    def classes(self) -> dict[str, str]:
        """The class of each instance, by its name."""
        return {name: each.get("DBInstanceClass", "") for name, each in self.instances.items()}


def look_around(
    invocation: Invocation, since: datetime | None, seconds: float, make: Callable[[Survey], Iterable[_T | Failure]]
) -> tuple[list[_T], list[Failure], LeftOut]:
    """Survey all places side by side, each for so long, make something of each survey, and give it when time is up.

    since: from when on events are read; None for none.

    Returns what was made, what failed, and what was left out.
    """
    began = time.monotonic()

    def work(region: Region) -> Iterator[_T | Failure]:
        for each in _survey(invocation, region, since):
            yield from make(each) if isinstance(each, Survey) else [each]

    regions, failures, inactive = places(invocation.settings, seconds)
    made, failed_too = side_by_side(regions, work, seconds - (time.monotonic() - began), most=AT_ONCE)
    failures, denied = _told_by_account([*failures, *failed_too], regions)
    left_out: LeftOut = {"denied_regions": denied} if denied else {}
    return made, failures, {**left_out, "inactive_accounts": inactive} if inactive else left_out


def _told_by_account(failures: Sequence[Failure], regions: Sequence[Region]) -> tuple[list[Failure], list[str]]:
    """What `told` says of each account by itself. Of several, one that failed in each of its Regions is named once."""
    whose = {region.path: region.account for region in regions}
    found, denied = [each for each in failures if each.region not in whose], set[str]()
    for account in dict.fromkeys(whose.values()):
        its = [region for region in regions if region.account == account]
        failed, out = told([each for each in failures if whose.get(each.region) == account], its)
        if account and len({each.region for each in failed}) == len(its):
            failed = [replace(failed[0], what=f"Account {account}")]
        found += failed
        denied |= {path.rpartition("/")[2] for path in out}
    return found, sorted(denied)


def _survey(invocation: Invocation, region: Region, since: datetime | None) -> Iterator[Survey | Failure]:
    """Ask for a Region's clusters, events and instances at once: what one call doesn't say, the others may."""
    pool = ThreadPoolExecutor(2)
    events = rds.events(region.client, since, datetime.now(UTC)) if since else ()
    reading = pool.submit(list["EventTypeDef"], events)
    listing = pool.submit(list["DBInstanceTypeDef"], rds.instances(region.client))
    pool.shutdown(wait=False)
    clusters: list[Cluster] = []
    for each in listed(invocation, region):
        if isinstance(each, Cluster):
            clusters.append(replace(each, account=region.account))
        else:
            yield each
    for call, what in ((reading, "reading its events"), (listing, "listing its instances")):
        if clusters and (error := call.exception()):
            yield failed(f"{region}, {what}", error, region=region.path)
    by_cluster = None if reading.exception() or not since else rds.by_cluster(reading.result())
    instances = [] if listing.exception() else listing.result()
    by_name = {instance.get("DBInstanceIdentifier", ""): instance for instance in instances}
    yield Survey(region, clusters, since, by_cluster, by_name)


def of_account(cluster: Cluster) -> OfAccount:
    """Whose it is, for an entry."""
    name, _, account = cluster.account.rpartition("/")
    return {"account": account, "account_name": name or account} if account else {}


def of_each(jobs: Iterable[tuple[Cluster, Callable[[], _T]]]) -> Iterator[_T | Failure]:
    """What comes of each cluster's job. Whatever breaks in one is a failure of its cluster alone."""
    return (guarded(cluster, job) for cluster, job in jobs)


def cut(entries: Sequence[_T], longest: int = LONGEST_ANSWER) -> list[_T]:
    """The entries, from the first on, that fit into an answer: so many bytes of JSON."""
    sizes = itertools.accumulate(len(json.dumps(each)) + 2 for each in entries)
    return [each for each, size in zip(entries, sizes, strict=True) if size <= longest]
