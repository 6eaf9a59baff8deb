"""The stack's settings, and what a cluster's tags mean under them. Pure: no AWS, no clock."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from office_hours.clock import zones
from office_hours.days_off import parse_dates
from office_hours.hold import SUFFIX, Hold, HoldError
from office_hours.schedule import Schedule, ScheduleError, State
from office_hours.text import sentence

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBClusterTypeDef


@dataclass(frozen=True)
class Cluster:
    """A cluster, as it was listed.

    identifier: in lower case, as RDS keeps it.
    snapshot: the `DBCluster` structure that RDS returned.
    schedule, hold: what its tags mean; None if it has no such tag, or one that can't be read.
    problem: why a tag can't be read, as a sentence; empty if all can.
    account: as in `Region`.
    """

    region: str
    identifier: str
    snapshot: "DBClusterTypeDef"
    schedule: Schedule | None
    hold: Hold | None = None
    problem: str = ""
    account: str = ""

    @property
    def name(self) -> str:
        return f"{self.region}/{self.identifier}"

    @property
    def is_tagged(self) -> bool:
        return bool(self.schedule or self.problem)

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
        return self.schedule.zone if self.schedule else ZoneInfo("UTC")

    def next_change(self, now: datetime) -> datetime | None:
        """When the desired state may change next: at the end or start of a hold, or at the next transition."""
        if not self.schedule or self.problem:
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

    def cluster(self, region: str, snapshot: "DBClusterTypeDef", account: str = "") -> Cluster:
        """A listed cluster, with what its tags mean."""
        tags = {tag.get("Key", ""): tag.get("Value", "") for tag in snapshot.get("TagList", ())}
        window = snapshot.get("PreferredMaintenanceWindow", "")
        schedule, hold, problem = None, None, ""
        try:
            if (value := _value(self.tag_key, tags)) is not None:
                schedule = self.parse(value, window)
            if schedule and not schedule.ignored and (value := _value(self.hold_key, tags)) is not None:
                hold = Hold.parse(value, zone=schedule.zone)
        except (ScheduleError, HoldError) as error:
            problem = f"Its {'hold' if schedule else 'tag'} can't be read: {sentence(error)}"
        identifier = snapshot.get("DBClusterIdentifier", "").lower()
        return Cluster(region, identifier, snapshot, schedule, hold, problem, account)

    def parse(self, value: str, maintenance_window: str = "") -> Schedule:
        """Parse a tag's value. Raises ScheduleError."""
        return Schedule.parse(
            value,
            default_zone=self.default_zone,
            named=self.schedules,
            calendars=self.calendars,
            maintenance_window=maintenance_window,
        )


def _value(key: str, tags: Mapping[str, str]) -> str | None:
    """A tag's value, if it is there. Raises ScheduleError for a key that differs only in case or separators."""
    if key not in tags and (near := [each for each in tags if _plain(each) == _plain(key)]):
        raise ScheduleError(f'unknown tag "{near[0]}": did you mean "{key}"?')
    return tags.get(key)


@lru_cache(maxsize=4096)
def _plain(key: str) -> str:
    return "".join(filter(str.isalnum, key)).casefold()
