"""Two ways to ask for the events of some clusters: one look-up for each, by 16 threads, or one, in pages, for all.

`python -m bench.events PORT REPEATS 1,2,4 0,100` measures both, in this process alone, against the server at that port:
for so many clusters, and for so many events in all.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from bench.measure import Server
from bench.scenario import Scenario

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

THREADS = 16

Lines = list[tuple[int, float, int]]  # for so many: the seconds that it takes, and the calls


def one_by_one(rds: "RDSClient", clusters: int, since: datetime, until: datetime) -> None:
    def look_up(number: int) -> None:
        rds.describe_events(
            SourceType="db-cluster",
            SourceIdentifier=f"orders-{number:05}",
            StartTime=since,
            EndTime=until,
            MaxRecords=100,
        )

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(look_up, range(clusters)))


def all_at_once(rds: "RDSClient", since: datetime, until: datetime) -> None:
    pages = rds.get_paginator("describe_events").paginate(
        SourceType="db-cluster", StartTime=since, EndTime=until, PaginationConfig={"PageSize": 100}
    )
    for _ in pages:
        pass


def timed(server: Server, repeats: int, program: Callable[[], None]) -> tuple[float, int]:
    """The median of the seconds that it takes, and the calls that it makes."""
    program()  # unmeasured: connections are made
    seconds = []
    server.reset()
    for _ in range(repeats):
        began = time.perf_counter()
        program()
        seconds.append(time.perf_counter() - began)
    return median(seconds), server.reset().calls["DescribeEvents"] // repeats


def main(port: int, repeats: int, clusters: list[int], events: list[int]) -> None:
    server = Server(port)
    rds = boto3.client("rds", config=Config(max_pool_connections=THREADS))
    until = datetime.now(UTC) + timedelta(hours=1)
    since = until - timedelta(hours=2)
    single: Lines = []
    whole: Lines = []
    server.load(Scenario(clusters=max(clusters)))
    for number in clusters:
        single.append((number, *timed(server, repeats, partial(one_by_one, rds, number, since, until))))
    for number in events:
        server.load(Scenario(clusters=0, events=number))
        whole.append((number, *timed(server, repeats, partial(all_at_once, rds, since, until))))
    json.dump([single, whole], sys.stdout)


if __name__ == "__main__":
    port, repeats, *grid = sys.argv[1:]
    main(int(port), int(repeats), *([int(number) for number in numbers.split(",")] for numbers in grid))
