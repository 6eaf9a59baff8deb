"""How many people are connected to a made-up cluster, for CloudWatch: in the demo and on the emulated account."""

from datetime import datetime, timedelta
from typing import Any

from office_hours.schedule import Schedule, State

_HOURS = 28 * 24


def connected(
    name: str, used: str, until: datetime, pool: int = 0, every: timedelta = timedelta(hours=1)
) -> dict[str, Any]:
    """The data for CloudWatch: four weeks by the hour, less with a shorter `every`. The number of people varies.

    used: when they are connected, as a tag would say it.
    """
    people = Schedule.parse(used)
    times = [until - every * (1 + number) for number in range(_HOURS)]
    metric = {"MetricName": "DatabaseConnections", "Dimensions": [{"Name": "DBClusterIdentifier", "Value": name}]}
    values = {at: pool + (1 + (at.day + at.hour) % 5) * (people.desired_state(at) is State.RUNNING) for at in times}
    data = [{**metric, "Timestamp": at, "Value": value} for at, value in values.items()]
    return {"Namespace": "AWS/RDS", "MetricData": data}
