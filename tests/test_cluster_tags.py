"""What a cluster's tags mean under the stack's settings."""

import json
from datetime import UTC, date, datetime

import pytest
from types_boto3_rds.type_defs import DBClusterTypeDef

from office_hours.hold import Hold, HoldError
from office_hours.schedule import Schedule, ScheduleError, State
from office_hours.settings import Settings


def cluster(*tags: tuple[str, str]) -> DBClusterTypeDef:
    return {"TagList": [{"Key": key, "Value": value} for key, value in tags]}


def tagged(key: str, value: str = "never") -> DBClusterTypeDef:
    return cluster((key, value))


def schedule_of(settings: Settings, snapshot: DBClusterTypeDef) -> Schedule | ScheduleError:
    tags = settings.read(snapshot)
    assert tags is not None
    return tags[0]


def hold_of(snapshot: DBClusterTypeDef) -> Hold | HoldError | None:
    tags = Settings().read(snapshot)
    assert tags is not None
    return tags[1]


def test_an_untagged_cluster_is_none_of_ours() -> None:
    assert Settings().read({}) is None
    assert Settings().read({"TagList": []}) is None
    assert Settings().read(tagged("environment")) is None
    assert Settings().read(tagged("office-hours-hold", "running")) is None


def test_a_tag_gives_its_schedule() -> None:
    assert Settings().read(tagged("office-hours", "08:00-18:00 UTC")) == (Schedule.parse("08:00-18:00 UTC"), None)


@pytest.mark.parametrize("key", ["Office-Hours", "office_hours", "OfficeHours", "office hours", "OFFICE.HOURS"])
def test_a_near_miss_of_the_key_is_an_error_that_names_both(key: str) -> None:
    schedule = schedule_of(Settings(), tagged(key))
    assert isinstance(schedule, ScheduleError)
    assert str(schedule) == f'unknown tag "{key}": did you mean "office-hours"?'


def test_a_near_miss_beside_the_key_itself_is_passed_over() -> None:
    snapshot = cluster(
        ("Office_Hours", "?"), ("office-hours", "never"), ("Office_Hours_Hold", "?"), ("office-hours-hold", "running")
    )
    assert Settings().read(snapshot) == (Schedule.parse("never"), Hold(State.RUNNING))


def test_a_near_miss_of_the_holds_key_is_an_error_that_names_both() -> None:
    hold = hold_of(cluster(("office-hours", "never"), ("Office_Hours_Hold", "running")))
    assert isinstance(hold, HoldError)
    assert str(hold) == 'unknown tag "Office_Hours_Hold": did you mean "office-hours-hold"?'


def test_a_hold_without_an_offset_is_local_to_the_schedules_zone() -> None:
    hold = ("office-hours-hold", "stopped until 2026-11-24T22:00")
    snapshot = cluster(("office-hours", "08:00-18:00 Europe/Berlin"), hold)
    assert hold_of(snapshot) == Hold(State.STOPPED, datetime(2026, 11, 24, 21, tzinfo=UTC))


def test_a_hold_that_cannot_be_read_is_an_error_beside_its_schedule() -> None:
    snapshot = cluster(("office-hours", "never"), ("office-hours-hold", "up"))
    assert schedule_of(Settings(), snapshot) == Schedule.parse("never")
    assert isinstance(hold_of(snapshot), HoldError)


def test_an_empty_tag_is_an_error() -> None:
    assert isinstance(schedule_of(Settings(), {"TagList": [{"Key": "office-hours"}]}), ScheduleError)


def test_the_clusters_own_maintenance_window_counts() -> None:
    snapshot = tagged("office-hours", "mon 08:00-18:00 maintenance")
    snapshot["PreferredMaintenanceWindow"] = "sun:05:00-sun:06:00"
    schedule = schedule_of(Settings(), snapshot)
    assert isinstance(schedule, Schedule)
    assert schedule.desired_state(datetime(2026, 11, 22, 5, tzinfo=UTC)) is State.RUNNING


def test_settings_are_read_as_the_stack_writes_them() -> None:
    settings = Settings.from_json(
        json.dumps(
            {
                "tagKey": "uptime",
                "regions": ["eu-west-1", "us-east-1"],
                "defaultZone": "Europe/Berlin",
                "schedules": {"berlin": "mon-fri 08:00-18:00"},
                "calendars": {"plant": ["2026-12-24:2026-12-31"]},
            }
        )
    )
    assert settings.regions == ("eu-west-1", "us-east-1")
    schedule = schedule_of(settings, tagged("uptime", "Berlin holidays=plant"))
    assert isinstance(schedule, Schedule)
    assert schedule.zone.key == "Europe/Berlin"
    assert schedule.desired_state(datetime(2026, 12, 28, 12, tzinfo=UTC)) is State.STOPPED


def test_a_value_is_parsed_once() -> None:
    settings, cluster = (
        Settings.from_json('{"calendars": {"plant": ["2026-12-24"]}}'),
        tagged("office-hours", "08:00-18:00"),
    )
    assert schedule_of(settings, cluster) is schedule_of(settings, cluster)


def test_a_value_is_parsed_anew_under_other_settings() -> None:
    cluster = tagged("office-hours", "office holidays=plant")
    read = [
        schedule_of(Settings(schedules={"office": hours}, calendars={"plant": [day]}), cluster)
        for hours, day in (
            ("08:00-18:00", date(2026, 12, 24)),
            ("08:00-18:00", date(2026, 12, 31)),
            ("09:00-18:00", date(2026, 12, 31)),
        )
    ]
    assert len(set(map(id, read))) == len(read)
    assert read[0] != read[1] != read[2]
