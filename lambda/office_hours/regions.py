"""Places side by side, each with its own time, and the clusters of each Region."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from office_hours import rds
from office_hours.answer import Failure, failed
from office_hours.settings import Cluster, Settings

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient


class Place(Protocol):
    """Something that is handled side by side with others. `str()` gives its name in errors."""

    @property
    def path(self) -> str: ...


_T = TypeVar("_T")
_P = TypeVar("_P", bound=Place)
_I = TypeVar("_I", bound="Invocation")
_NO_NEW_WORK = timedelta(seconds=5)  # a call that is begun may still take this long
_NO_MORE_WAITING = timedelta(seconds=2)  # what it takes to report, and to end before Lambda ends the function
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@dataclass(frozen=True)
class Invocation:
    """What every function is given.

    now: the instant to decide for, aware.
    ends: the instant at which Lambda ends the function.
    failures: what has failed so far.
    """

    settings: Settings
    now: datetime
    ends: datetime
    failures: list[Failure] = field(default_factory=list, kw_only=True)

    def is_late(self, end: datetime | None = None) -> bool:
        """Whether it is too late to begin anything, or anything that only makes sense before this end."""
        return datetime.now(UTC) >= min(filter(None, (end, self.ends - _NO_NEW_WORK)))

    @contextmanager
    def guard(self, cluster: Cluster) -> Iterator[None]:
        """Turn whatever breaks in here into a failure of this cluster, so that it never stops the others."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  whatever breaks
            what = f"{cluster.account}/{cluster.name}" if cluster.account else cluster.name
            self.failures.append(failed(what, error, region=cluster.region, cluster=cluster.identifier))


@dataclass(frozen=True)
class Region:
    """A Region, and the client for it.

    account: its account's `name/id`; empty if only the function's own account is looked at.
    """

    name: str
    client: "RDSClient"
    account: str = ""

    @property
    def path(self) -> str:
        return f"{self.account}/{self.name}" if self.account else self.name

    def __str__(self) -> str:
        return f"Region {self.path}"

    def beside(self, service: str) -> Any:  # noqa: ANN401  each service has its own type
        """The client for another service here."""
        return rds.client(service, self.name)


def regions_of(invocation: Invocation) -> list[Region]:
    """The Regions of the settings. If the list of enabled ones can't be read, it is the function's own."""
    names: Sequence[str] = invocation.settings.regions
    if names == ("*",):
        try:
            names = rds.enabled_regions()
        except Exception as error:  # noqa: BLE001  whatever breaks
            names = ()
            invocation.failures.append(failed("The list of the account's Regions", error, unlisted=True))
    clients = [rds.client("rds", name) for name in names or (None,)]
    return [Region(client.meta.region_name, client) for client in clients]


def side_by_side(
    invocation: _I, places: Sequence[_P], work: Callable[[_I, _P], Iterable[_T]], share: float = 1, most: int = 128
) -> list[_T]:
    """Do the work of each place in a thread of its own. Return what has come in time.

    A place that breaks or doesn't answer in time only loses what it had not yielded yet.

    share: how much of the function's time that is left this may take.
    most: how many places are handled at once.
    """
    found: dict[str, list[_T]] = {place.path: [] for place in places}
    failures = list[Failure]()  # of its own: threads that are late go on, and what they do no longer counts
    theirs = replace(invocation, failures=failures)

    def collect(place: _P) -> None:
        for each in work(theirs, place):
            found[place.path].append(each)

    pool = ThreadPoolExecutor(most)
    threads = {pool.submit(collect, place): place for place in places}
    left = invocation.ends - datetime.now(UTC) - _NO_MORE_WAITING
    _, late = wait(threads, timeout=max(0, left.total_seconds() * share))
    pool.shutdown(wait=False, cancel_futures=True)
    invocation.failures.extend(tuple(failures))
    for thread, place in threads.items():
        too_late = TimeoutError("it did not answer in time, or there was too much to do")
        if error := too_late if thread in late else thread.exception():
            invocation.failures.append(failed(str(place), error, unlisted=True, region=place.path))
    return [each for path in found for each in tuple(found[path])]


def told(failures: Iterable[Failure], regions: Sequence[Region]) -> tuple[list[Failure], list[str]]:
    """What failed, and the Regions that a policy denies, which are not failures unless all are denied."""
    every = sorted(failures, key=lambda each: each.region)
    denied = [each.region for each in every if each.denied]
    if len(denied) == len(regions):
        return every, []
    return [each for each in every if not each.denied], denied


def listed(invocation: Invocation, region: Region) -> Iterator[Cluster]:
    """All clusters of a Region that can be read, untagged ones too."""
    seen = set[str]()
    try:
        for page in rds.clusters(region.client):
            if seen and invocation.is_late():
                raise TimeoutError("the function's time was up before all were listed")  # noqa: TRY301
            for snapshot in page:
                identifier = snapshot.get("DBClusterIdentifier", "").lower()
                if identifier in seen:  # a change between two pages can put it on both
                    continue
                seen.add(identifier)
                bare = Cluster(region.name, identifier, snapshot, None, account=region.account)
                with invocation.guard(bare):
                    yield invocation.settings.cluster(region.name, snapshot, region.account)
    except Exception as error:  # noqa: BLE001  pages before a broken one still count
        # With all Regions asked, a policy may deny some: that isn't a failure.
        denied = invocation.settings.regions == ("*",) and not seen and rds.words(error)[0] in _DENIED
        what = f"{region}, listing its clusters"
        invocation.failures.append(failed(what, error, unlisted=True, denied=denied, region=region.path))
