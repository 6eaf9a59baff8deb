"""What people do by hand: invoke the functions with their own events, or stop a cluster in RDS itself."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from local.emulator import REGION, Account, LocalError
from local.follow import START, STOP

# An invocation by hand: who wants what, the function and its event.
Command = tuple[str, str, dict[str, Any]]


def some_commands(edge: datetime) -> list[Command]:
    """Commands for the clusters that are made for them. The first one's hold ends at the edge."""
    monday = edge.date() + timedelta(days=7 - edge.weekday())
    return [
        ("alice works late", START, {"clusters": ["evening"], "until": f"{edge:%Y-%m-%dT%H:%MZ}"}),
        ("bob saves a weekend", STOP, {"clusters": ["weekend"], "until": f"{monday}T08:00"}),
    ]


def steer(account: Account, commands: Iterable[Command]) -> Iterator[str]:
    """Send each, and yield its event and what the function answers. Raises LocalError if it refuses."""
    for why, function, event in commands:
        yield f"{why}: {function} {json.dumps(event)}"
        failed, answer = invoke(account, function, event)
        if failed:
            raise LocalError(answer["errorMessage"])
        yield from (f"  {entry['message']}" for entry in answer["clusters"])


def stop(account: Account, cluster: str, user: str) -> str:
    """Have somebody stop a cluster in RDS itself."""
    account.client("rds", REGION, user).stop_db_cluster(DBClusterIdentifier=cluster)
    return f"{user} stops a cluster in RDS itself: aws rds stop-db-cluster --db-cluster-identifier {cluster}"


def invoke(account: Account, function: str, event: object) -> tuple[bool, dict[str, Any]]:
    """Whether the function failed, and what it answered."""
    answer = account.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    return "FunctionError" in answer, json.load(answer["Payload"])
