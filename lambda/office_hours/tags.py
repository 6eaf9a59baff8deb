"""What a cluster's tags mean under the stack's settings. Pure: no AWS, no clock."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from office_hours.days_off import parse_dates
from office_hours.hold import SUFFIX, Hold, HoldError
from office_hours.schedule import Schedule, ScheduleError

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBClusterTypeDef

_SEPARATORS = re.compile(r"[\s_.:/=+@-]")


@dataclass(frozen=True)
class Settings:
    """What the functions need of the stack's settings, as it checked them when it was synthesized.

    tag_key: the key of the tag; the hold's is this and `-hold`.
    regions: the Regions whose clusters are looked after; none is the function's own, `("*",)` every enabled one.
    default_zone: the IANA zone of a tag that names none.
    schedules: tag values that a tag may call by name.
    calendars: dates that `holidays=` may call by name.
    every_minutes: how often the schedules invoke the functions.
    """

    tag_key: str = "office-hours"
    regions: tuple[str, ...] = ()
    default_zone: str = "UTC"
    schedules: Mapping[str, str] = field(default_factory=dict)
    calendars: Mapping[str, Collection[date]] = field(default_factory=dict)
    every_minutes: int = 5

    @property
    def hold_key(self) -> str:
        """The key of the hold's tag."""
        return self.tag_key + SUFFIX

    @staticmethod
    @lru_cache(maxsize=1)
    def from_json(text: str) -> "Settings":
        """Read the JSON that the stack puts into the functions' environment. The same text gives the same object."""
        settings = json.loads(text)
        return Settings(
            tag_key=settings.get("tagKey", "office-hours"),
            regions=tuple(settings.get("regions", ())),
            default_zone=settings.get("defaultZone", "UTC"),
            schedules=settings.get("schedules", {}),
            calendars={name: frozenset(parse_dates(items)) for name, items in settings.get("calendars", {}).items()},
            every_minutes=settings.get("everyMinutes", 5),
        )

    def read(self, snapshot: "DBClusterTypeDef") -> tuple[Schedule | ScheduleError, Hold | HoldError | None] | None:
        """The cluster's schedule and hold, each as it is or as the error that it gave; None for an untagged cluster."""
        tags = {tag.get("Key", ""): tag.get("Value", "") for tag in snapshot.get("TagList", ())}
        if self.tag_key not in tags:
            near = _near_miss(self.tag_key, tags)
            return (ScheduleError(f'unknown tag "{near}": did you mean "{self.tag_key}"?'), None) if near else None
        schedule = self.parse(tags[self.tag_key])
        if isinstance(schedule, Schedule) and schedule.maintenance:
            schedule = self.parse(tags[self.tag_key], snapshot.get("PreferredMaintenanceWindow", ""))
        zone = ZoneInfo("UTC") if isinstance(schedule, ScheduleError) else schedule.zone
        if self.hold_key not in tags:
            near = _near_miss(self.hold_key, tags)
            return schedule, HoldError(f'unknown tag "{near}": did you mean "{self.hold_key}"?') if near else None
        try:
            return schedule, Hold.parse(tags[self.hold_key], zone=zone)
        except HoldError as error:
            return schedule, error

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


def _near_miss(key: str, tags: Mapping[str, str]) -> str | None:
    """A tag's key that differs from this one only in case or separators: somebody meant it."""
    return next((each for each in tags if _plain(each) == _plain(key)), None)


@lru_cache(maxsize=4096)
def _plain(key: str) -> str:
    return _SEPARATORS.sub("", key).casefold()
