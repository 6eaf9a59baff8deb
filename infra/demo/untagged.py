"""The simulated account before anything in it is tagged: its clusters, and how many connections each had."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

import boto3
import time_machine
from moto import mock_aws

from demo.account import REGION, START
from demo.connections import connected
from office_hours import rds
from office_hours.reporting import prices

# When people are connected, and how many connections of a pool stay open.
USED = {
    "shop": ("mon-fri 08:00-18:00 Europe/Berlin", 20),
    "crm": ("mon-thu 07:00-19:00 fri 07:00-15:00 America/New_York", 0),
    "etl": ("mon-fri 22:00-06:00 UTC", 0),
    "qa": ("mon-fri 07:00-19:00 UTC sun 03:00-04:00 UTC", 2),
    "orders": ("always", 0),
    "legacy": ("never", 0),
}
USD = 0.30  # an hour of each cluster's one instance
_INSTANCE = "db.r8g.large"


@contextmanager
def untagged() -> Iterator[None]:
    """Lead boto3 to this account, at the beginning of the simulated week."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    simulated = {"AWS_DEFAULT_REGION": REGION, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    price_list = {(_INSTANCE, False): USD}
    with (
        patch.dict(os.environ, kept | simulated, clear=True),
        patch.object(prices, "fetch", lambda *_: price_list),  # moto has no price list
        mock_aws(),
        time_machine.travel(START - timedelta(days=200), tick=False) as clock,
    ):
        rds.client.cache_clear()
        for name in USED:
            _create(name)
        clock.move_to(START)
        metrics = boto3.client("cloudwatch")
        for name, (used, pool) in USED.items():
            metrics.put_metric_data(**connected(name, used, START, pool))
        yield
        rds.client.cache_clear()


def _create(name: str) -> None:
    people, engine = boto3.client("rds"), "aurora-postgresql"
    people.create_db_cluster(
        DBClusterIdentifier=name, Engine=engine, MasterUsername="simulated", MasterUserPassword="simulated"
    )
    people.create_db_instance(
        DBInstanceIdentifier=f"{name}-1", DBClusterIdentifier=name, DBInstanceClass=_INSTANCE, Engine=engine
    )
