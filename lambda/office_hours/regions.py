"""Regions side by side, each with its own time, and the tagged clusters of each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from office_hours import rds
from office_hours.answer import Failure, failed
from office_hours.settings import Cluster, Settings

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

_T = TypeVar("_T")
# A call that is begun may still take this long.
_NO_NEW_WORK = timedelta(seconds=5)
# To report, and to end before Lambda ends the function, takes this long.
_NO_MORE_WAITING = timedelta(seconds=2)
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@dataclass(frozen=True)
class Invocation:
    """What every function is given.

    settings: the stack's.
    now: the instant to decide for, aware.
    clock: tells the present instant, which goes on while the function works.
    ends: the instant at which Lambda ends the function.
    """

    settings: Settings
    now: datetime
    clock: Callable[[], datetime]
    ends: datetime

    def is_late(self) -> bool:
        """Whether it is too late to begin anything."""
        return self.clock() >= self.ends - _NO_NEW_WORK

    def seconds_left(self) -> float:
        """How long Regions may be waited for."""
        return max(0.0, (self.ends - self.clock() - _NO_MORE_WAITING).total_seconds())


@dataclass(frozen=True)
class Region:
    """A Region, and the client for it."""

    name: str
    client: "RDSClient"


@dataclass(frozen=True)
class Denied:
    """A Region of many whose clusters can't be listed since a policy denies it, which is no failure."""

    region: str
    error: Exception


def regions_of(settings: Settings) -> tuple[list[Region], list[Failure]]:
    """The Regions of the settings, and what failed. Without the list of all Regions it is the function's own."""
    names: Sequence[str | None] = settings.regions or [None]
    regions, failures = [], []
    if settings.every_region:
        try:
            names = rds.enabled_regions()
        except rds.CallError as error:
            names = [None]
            failures.append(failed("The list of the account's Regions", error))
    for name in names:
        try:
            client = rds.client(name)
            regions.append(Region(client.meta.region_name, client))
        except rds.CallError as error:
            failures.append(failed(f"Region {name}", error, region=name or ""))
    return regions, failures


def side_by_side(
    regions: Sequence[Region], work: Callable[[Region], Iterable[_T]], seconds: float
) -> tuple[list[_T], list[Failure]]:
    """Do the work of each Region in a thread of its own; return what has come within this time, and what failed.

    A Region that breaks or doesn't answer in time costs only what it had not given yet.
    """
    found: dict[str, list[_T]] = {region.name: [] for region in regions}

    def collect(region: Region) -> None:
        for each in work(region):
            found[region.name].append(each)

    pool = ThreadPoolExecutor(max_workers=len(regions) or 1)
    threads = {pool.submit(collect, region): region.name for region in regions}
    _, late = wait(threads, timeout=seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    came = [each for name in found for each in tuple(found[name])]  # a thread that is late adds to its own list alone
    failures = []
    for thread, name in threads.items():
        if thread in late:
            error: BaseException | None = TimeoutError("it did not answer in time, or there was too much to do")
        else:
            error = thread.exception()
        if error:
            failures.append(failed(f"Region {name}", error, region=name))
    return came, failures


def listed(invocation: Invocation, region: Region) -> Iterator[Cluster | Failure | Denied]:
    """All clusters of a Region, also the untagged; what can't be read is a failure, and the others still come."""
    settings, seen = invocation.settings, set[str]()
    try:
        for page in rds.clusters(region.client):
            if seen and invocation.is_late():
                raise TimeoutError("the function's time was up before all were listed")  # noqa: TRY301
            for snapshot in page:
                name = f"{region.name}/{snapshot.get('DBClusterIdentifier', '')}"
                try:
                    cluster = settings.cluster(region.name, snapshot)
                except Exception as error:  # noqa: BLE001  one that is broken in whatever way never stops the others
                    yield failed(name, error, region=region.name)
                    continue
                # One that comes or goes between two pages can push another onto both.
                if cluster.identifier not in seen:
                    seen.add(cluster.identifier)
                    yield cluster
    except Exception as error:  # noqa: BLE001  a page that is broken in whatever way leaves those before it
        is_denied = settings.every_region and rds.words(error)[0] in _DENIED and not seen
        yield Denied(region.name, error) if is_denied else unlisted(region.name, error)


def unlisted(region: str, error: Exception) -> Failure:
    """The failure to list a Region's clusters."""
    return failed(f"Region {region}, listing its clusters", error, region=region)
