"""What a cluster's tags mean under the stack's settings."""

from datetime import UTC, datetime
from typing import Any

import pytest

from office_hours.hold import Hold
from office_hours.schedule import State
from office_hours.settings import Cluster, Settings
from settings import StackSettings


def cluster(tags: dict[str, str], settings: Settings | None = None, **members: Any) -> Cluster:  # noqa: ANN401  RDS's
    tag_list = [{"Key": key, "Value": value} for key, value in tags.items()]
    snapshot: Any = {"DBClusterIdentifier": "Reporting", "TagList": tag_list} | members
    return (settings or Settings()).cluster("eu-west-1", snapshot)


@pytest.mark.parametrize("tags", [{}, {"environment": "never"}, {"office-hours-hold": "running"}], ids=str)
def test_an_untagged_cluster_has_no_schedule(tags: dict[str, str]) -> None:
    assert not cluster(tags).is_tagged
    assert not Settings().cluster("eu-west-1", {}).is_tagged


@pytest.mark.parametrize("key", ["Office-Hours", "office_hours", "OfficeHours", "office hours", "OFFICE.HOURS"])
def test_a_near_miss_of_a_key_is_an_error_that_names_both(key: str) -> None:
    assert f'"{key}": did you mean "office-hours"?' in cluster({key: "never"}).problem
    held = cluster({"office-hours": "never", f"{key}-Hold": "running"})
    assert f'"{key}-Hold": did you mean "office-hours-hold"?' in held.problem


def test_a_near_miss_beside_the_key_itself_is_passed_over() -> None:
    tagged = cluster(
        {"Office_Hours": "?", "office-hours": "never", "Office_Hours_Hold": "?", "office-hours-hold": "running"}
    )
    assert (tagged.problem, tagged.hold) == ("", Hold(State.RUNNING))


def test_the_clusters_own_maintenance_window_counts() -> None:
    tags = {"office-hours": "mon 08:00-18:00 maintenance"}
    for window, state in (("sun:05:00-sun:06:00", State.RUNNING), ("sat:05:00-sat:06:00", State.STOPPED)):
        schedule = cluster(tags, PreferredMaintenanceWindow=window).schedule
        assert schedule
        assert schedule.desired_state(datetime(2026, 11, 22, 5, tzinfo=UTC)) is state


def test_settings_are_read_as_the_stack_writes_them() -> None:
    regions, schedules = ("eu-west-1", "us-east-1"), {"berlin": "00:00-23:59"}
    calendars = {"Plant": ("2026-12-24:2026-12-31",)}
    stack = StackSettings("uptime", 15, regions, "Europe/Berlin", schedules, calendars, cloud_trail=False)
    settings = Settings.from_json(stack.as_json())
    assert (settings.regions, settings.every_minutes, settings.cloud_trail) == (("eu-west-1", "us-east-1"), 15, False)
    tagged = cluster({"uptime": "Berlin holidays=plant"}, settings)
    assert tagged.schedule
    assert tagged.zone.key == "Europe/Berlin"
    assert tagged.schedule.desired_state(datetime(2026, 12, 28, 12, tzinfo=UTC)) is State.STOPPED
    assert tagged.schedule.desired_state(datetime(2027, 1, 4, 12, tzinfo=UTC)) is State.RUNNING
    assert Settings.from_json("{}") == Settings()
