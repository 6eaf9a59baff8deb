"""The stack's settings, and what a cluster's tags mean under them. Pure: no AWS, no clock."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from office_hours.clock import zones
from office_hours.days_off import parse_dates
from office_hours.hold import SUFFIX, Hold, HoldError
from office_hours.schedule import Schedule, ScheduleError, State

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBClusterTypeDef

_UTC = ZoneInfo("UTC")
_T = TypeVar("_T")
_E = TypeVar("_E", bound=ValueError)


@dataclass(frozen=True)
class Cluster:
    """A cluster, as it was listed.

    identifier: in lower case, as RDS keeps it.
    snapshot: the `DBCluster` structure that RDS returned.
    schedule, hold: what its tags mean, or the error that reading them raised. An untagged cluster's schedule is None.
    account: as in `Region`.
    """

    region: str
    identifier: str
    snapshot: "DBClusterTypeDef"
    schedule: Schedule | ScheduleError | None
    hold: Hold | HoldError | None = None
    account: str = ""

    @property
    def path(self) -> str:
        """Its name, after the account's if there are several."""
        return f"{self.account}/{self.name}" if self.account else self.name

    @property
    def name(self) -> str:
        return f"{self.region}/{self.identifier}"

    @property
    def arn(self) -> str:
        return self.snapshot.get("DBClusterArn", "")

    @property
    def status(self) -> str:
        return self.snapshot.get("Status", "")

    @property
    def state(self) -> State:
        """Whether it is up. It is while RDS is busy with it."""
        return State.STOPPED if self.status == "stopped" else State.RUNNING

    @property
    def zone(self) -> ZoneInfo:
        """The schedule's time zone; UTC if that can't be read."""
        return self.schedule.zone if isinstance(self.schedule, Schedule) else _UTC

    def next_change(self, now: datetime) -> datetime | None:
        """When the desired state may change next: at the end or start of a hold, or at the next transition."""
        if not isinstance(self.schedule, Schedule) or isinstance(self.hold, HoldError):
            return None
        if self.hold and self.hold.in_force(now):
            return self.hold.until
        transition = self.schedule.next_transition(now)
        changes = (transition.at if transition else None, self.hold.since if self.hold else None)
        return min((at for at in changes if at and at > now), default=None)


@dataclass(frozen=True)
class Settings:
    """What the functions need of the stack's settings, which README.md explains and the stack has checked.

    regions: empty means the function's own Region, `("*",)` every enabled one.
    schedules, calendars: tag values and dates that a tag may refer to by name.
    every_minutes: how often the schedules invoke the functions.
    notice_minutes: how long before a scheduled stop a notice is sent; 0 for none.
    """

    tag_key: str = "office-hours"
    regions: tuple[str, ...] = ()
    default_zone: str = "UTC"
    schedules: Mapping[str, str] = field(default_factory=dict)
    calendars: Mapping[str, Collection[date]] = field(default_factory=dict)
    every_minutes: int = 5
    cloud_trail: bool = True
    notice_minutes: int = 0

    @property
    def zone(self) -> ZoneInfo:
        """The default zone."""
        return ZoneInfo(zones()[self.default_zone.lower()])

    @property
    def hold_key(self) -> str:
        return self.tag_key + SUFFIX

    @staticmethod
    @lru_cache(maxsize=1)
    def from_json(text: str) -> "Settings":
        """Read the JSON that the stack writes (`tagKey` is `tag_key`). The same text gives the same object."""
        given = {re.sub("[A-Z]", r"_\g<0>", key).lower(): value for key, value in json.loads(text).items()}
        given["regions"] = tuple(given.get("regions", ()))
        calendars = given.get("calendars", {}).items()
        return Settings(**given | {"calendars": {name: frozenset(parse_dates(items)) for name, items in calendars}})

    def cluster(self, region: str, snapshot: "DBClusterTypeDef") -> Cluster:
        """A listed cluster, with what its tags mean."""
        tags = {tag.get("Key", ""): tag.get("Value", "") for tag in snapshot.get("TagList", ())}
        window = snapshot.get("PreferredMaintenanceWindow", "")
        schedule, hold = _read(self.tag_key, tags, lambda text: self.parse(text, window), ScheduleError), None
        if schedule and not (isinstance(schedule, Schedule) and schedule.ignored):
            zone = schedule.zone if isinstance(schedule, Schedule) else _UTC
            hold = _read(self.hold_key, tags, lambda text: Hold.parse(text, zone=zone), HoldError)
        return Cluster(region, snapshot.get("DBClusterIdentifier", "").lower(), snapshot, schedule, hold)

    def parse(self, value: str, maintenance_window: str = "") -> Schedule | ScheduleError:
        """Parse a tag's value."""
        try:
            return Schedule.parse(
                value,
                default_zone=self.default_zone,
                named=self.schedules,
                calendars=self.calendars,
                maintenance_window=maintenance_window,
            )
        except ScheduleError as error:
            return error


def _read(key: str, tags: Mapping[str, str], parse: Callable[[str], _T], error: type[_E]) -> _T | _E | None:
    """What a tag means; an error if it can't be read, or if only a key differing in case or separators is there."""
    try:
        if key in tags:
            return parse(tags[key])
    except error as mistake:
        return mistake
    near = next((each for each in tags if _plain(each) == _plain(key)), None)
    return None if near is None else error(f'unknown tag "{near}": did you mean "{key}"?')


@lru_cache(maxsize=4096)
def _plain(key: str) -> str:
    return "".join(filter(str.isalnum, key)).casefold()
