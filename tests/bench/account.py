"""The account that is measured over: Regions, clusters and event logs, their XML written ahead.

Snapshots have the members that RDS fills for an Aurora cluster (`snapshot.json`). A few are written in full, and every
cluster is one of them under its own name, tags and status. Tags are written for the present: what is due has closed a
few minutes ago, in one of some zones and ways to put it, so that nobody's clock is changed.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import botocore.session
from botocore.model import ServiceModel

from aws_server import write
from bench.scenario import REGIONS, Scenario

ACCOUNT = "123456789012"
ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "Asia/Kolkata", "UTC")
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Each fifth cluster that is not due is stopped, as its schedule asks.
STOPPED_EACH = 5
# Each twentieth cluster has had an event in the last hour.
EVENTFUL_EACH = 20
SNAPSHOTS = 12


@dataclass
class Cluster:
    """A cluster at the wire: `form` is its XML without its status, `first` what that was, `xml` how it is now."""

    form: bytes
    first: bytes
    status: bytes = b""
    xml: bytes = b""

    def become(self, status: bytes) -> None:
        self.status, self.xml = status, self.form.replace(b"@status@", status)


@dataclass(frozen=True)
class Event:
    """An event at the wire."""

    at: float
    source: str
    xml: bytes


@dataclass
class Region:
    """Its clusters in the order of their names, their instances, and its event log, oldest first."""

    clusters: dict[str, Cluster] = field(default_factory=dict)
    instances: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def fill(scenario: Scenario, now: datetime) -> dict[str, Region]:
    """Make the account's Regions. Which clusters are due is spread evenly over them."""
    forms = [as_xml("DBCluster", snapshot(number)) for number in range(SNAPSHOTS)]
    account = {name: Region() for name in REGIONS[: scenario.regions]}
    for number in range(scenario.clusters):
        region = REGIONS[number % scenario.regions]
        name = f"orders-{number:05}"
        # Of so many out of so many, evenly spread: each step adds its share, and those that reach a whole are due.
        due = (number + 1) * scenario.due // scenario.clusters > number * scenario.due // scenario.clusters
        stopped = not due and number % STOPPED_EACH == 0
        opened, closes = (9, 0) if due else (13, -4) if stopped else (3, 6)
        # The due ones, one after the other, five minutes apart, where that is asked for.
        shift = timedelta(minutes=5 * (number * scenario.due // scenario.clusters)) * (due and scenario.apart)
        value = window(now - shift, number // 3, opened=-opened, closes=closes)
        tags = {"office-hours": value, "due": "yes" if due else "no", "custodian": custodian_value(now, due=due)}
        named = {"name": name, "region": region}
        cluster = Cluster(complete(forms[number % SNAPSHOTS], named | tags), b"stopped" if stopped else b"available")
        cluster.become(cluster.first)
        account[region].clusters[name] = cluster
        for each in range(len(snapshot(number % SNAPSHOTS)["DBClusterMembers"])):
            account[region].instances.append(complete(_instance_form(), named | {"number": f"{each}"}))
        log = account[region].events
        log.append(event(name, region, "DB cluster started.", now - shift - timedelta(hours=opened, minutes=-8)))
        if number % EVENTFUL_EACH == 0:
            log.append(event(name, region, "The parameter max_connections was set to 500.", now - timedelta(minutes=9)))
    for each_region in account.values():
        each_region.events.sort(key=lambda each: each.at)
    return account


def window(now: datetime, number: int, *, opened: int, closes: int) -> str:
    """A tag's value whose window opened and closes so many hours from now, to a full five minutes before."""
    zone = ZoneInfo(ZONES[number % len(ZONES)])
    edge = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0)
    begin, end = ((edge + timedelta(hours=hours)).astimezone(zone) for hours in (opened, closes))
    today, next_day = (WEEK[(begin.weekday() + more) % 7] for more in (0, 1))
    days = ("daily", "mon-sun", today, f"{today}-{next_day}", f"{today}+{next_day}")[number // len(ZONES) % 5]
    return f"{days} {begin:%H:%M}-{end:%H:%M} {zone.key}"


def custodian_value(now: datetime, *, due: bool) -> str:
    """Cloud Custodian acts in the hour that a tag names: this one, and the next, which may begin meanwhile."""
    hours = [(now + timedelta(hours=hours)).hour for hours in ((0, 1) if due else (6, 7))]
    value = f"off=[{','.join(f'(M-U,{hour})' for hour in hours)}];on=[(M-U,{(now.hour + 12) % 24})];tz=utc"
    # Its notation for what a tag's value may not have.
    return "".join(f"u{ord(letter):x}" if letter in "()[],;=-" else letter for letter in value)


def complete(form: bytes, values: dict[str, str]) -> bytes:
    """A form with these values in place of what it leaves open."""
    for name, value in values.items():
        form = form.replace(f"@{name}@".encode(), value.encode())
    return form


def event(source: str, region: str, message: str, at: datetime) -> Event:
    when = f"{at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
    values = {"name": source, "region": region, "message": message, "at": when}
    return Event(at.timestamp(), source, complete(_event_form(), values))


@cache
def _event_form() -> bytes:
    return as_xml(
        "Event",
        {
            "SourceIdentifier": "@name@",
            "SourceType": "db-cluster",
            "Message": "@message@",
            "EventCategories": ["notification"],
            "Date": "@at@",
            "SourceArn": f"arn:aws:rds:@region@:{ACCOUNT}:cluster:@name@",
        },
    )


@cache
def _instance_form() -> bytes:
    return as_xml("DBInstance", json.loads(Path(__file__).with_name("instance.json").read_text("utf-8")))


@cache
def model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("rds")


def as_xml(shape: str, value: dict[str, Any]) -> bytes:
    """A structure as RDS writes it."""
    root = ET.Element("root")
    write(root, shape, model().shape_for(shape), value)
    return bytes(ET.tostring(root[0], encoding="utf-8"))


@cache
def snapshot(number: int) -> dict[str, Any]:
    """One of some kinds of clusters, with what differs from cluster to cluster left open, in @...@."""
    text = Path(__file__).with_name("snapshot.json").read_text("utf-8")
    members: dict[str, Any] = json.loads(text.replace("@number@", f"{number:08}"))
    members["ClusterCreateTime"] = datetime(2025, 1 + number % 12, 3, 9, 15, 27, 901000, tzinfo=UTC)
    members["DBClusterMembers"] = [
        {
            "DBInstanceIdentifier": f"@name@-{each}",
            "IsClusterWriter": each == 0,
            "DBClusterParameterGroupStatus": "in-sync",
            "PromotionTier": 1 + each,
        }
        for each in range(1 + number % 4)
    ]
    engine = ("aurora-mysql", "8.0.mysql_aurora.3.08.0") if number % 3 == 0 else ("aurora-postgresql", "16.6")
    return members | dict(zip(("Engine", "EngineVersion"), engine, strict=True))
